//! The alert function over a store, a queue and channels in memory, on virtual time.

#[cfg(test)]
mod canary;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod findings;
#[cfg(test)]
mod folding;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod story;
#[cfg(test)]
mod world;
