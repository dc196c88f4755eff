//! Lambda function: changes in, findings out
