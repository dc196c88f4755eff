//! Laws, mistakes and the reference of flows.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod any_text;
mod conclusions;
mod laws;
mod manual;
mod mistakes;
