//! From a change of the cluster to a notice: `template.yaml` on the emulator, with the bootstrap of all functions.

mod bad_input;
mod behind;
mod channel;
mod death;
mod house;
mod order;
mod recording;
mod samples;
mod shared;
