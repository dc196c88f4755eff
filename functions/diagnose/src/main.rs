//! The Lambda function `diagnose`.

fn main() -> Result<(), lambda_runtime::Error> {
    prodrome_diagnose::lambda::main()
}
