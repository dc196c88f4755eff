//! The deployed pipeline in trouble. Nothing here depends on how fast the machine is; what does is `make load`.

#[cfg(test)]
mod silence;
