//! The alert function over a store, a queue and channels in memory, on virtual time.

mod crash;
mod delivery;
mod findings;
mod simulation;
mod story;
mod world;
