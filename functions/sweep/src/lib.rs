//! Lambda function: hands over what falls due and finds what a crash left
