//! The prodrome command.

fn main() {}
