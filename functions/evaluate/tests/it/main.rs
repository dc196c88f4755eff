//! The evaluation and the sweep over a store, queues and a cluster in memory, on virtual time.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod clocks;
mod clusters;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod late;
#[cfg(test)]
mod listed;
#[cfg(test)]
mod rules_change;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod standstill;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod truth;
#[cfg(test)]
mod world;
