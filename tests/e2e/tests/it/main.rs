//! From a change of the cluster to a notice: `template.yaml` on the emulator, with the bootstrap of all functions.

mod recording;
