//! The Lambda function `evaluate`.

fn main() -> Result<(), lambda_runtime::Error> {
    prodrome_evaluate::lambda::main()
}
