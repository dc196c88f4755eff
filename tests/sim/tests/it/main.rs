//! Some seeds with each test run, and what they hardly come upon.

#[cfg(test)]
mod command;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod seeds;
