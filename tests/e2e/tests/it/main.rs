//! From a change of the cluster to a notice: `template.yaml` on the emulator, with the bootstrap of all functions.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod behind;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod canary_cut;
#[cfg(test)]
mod channel;
#[cfg(test)]
mod clusters;
#[cfg(test)]
mod death;
#[cfg(test)]
mod house;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod live_rules;
#[cfg(test)]
mod lost_node;
#[cfg(test)]
mod order;
#[cfg(test)]
mod periodic;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod silence;
