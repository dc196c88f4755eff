//! Laws, mistakes and the reference of flows.

mod laws;
mod manual;
mod mistakes;
