//! The contract of the `Cluster` port, on both of its implementations, and what is special to each.

#[cfg(test)]
mod contract;
#[cfg(test)]
mod kube;
#[cfg(test)]
mod kubeconfigs;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod real;
#[cfg(test)]
mod world;
