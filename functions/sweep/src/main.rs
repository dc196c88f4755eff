//! The Lambda function `sweep`.

fn main() -> Result<(), lambda_runtime::Error> {
    prodrome_sweep::lambda::main()
}
