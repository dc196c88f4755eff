//! The Lambda function `alert`: findings in, notices out.

fn main() -> Result<(), lambda_runtime::Error> {
    prodrome_alert::lambda::main()
}
