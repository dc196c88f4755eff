//! The deployed pipeline under load and faults, in short. Nothing here depends on how fast the machine is.

#[cfg(test)]
mod silence;
#[cfg(test)]
mod storm;
