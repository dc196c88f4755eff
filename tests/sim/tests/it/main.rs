//! Some seeds with each test run.

#[cfg(test)]
mod seeds;
