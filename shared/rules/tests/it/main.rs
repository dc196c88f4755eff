//! The language as its users see it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod events;
mod explaining;
mod fine_print;
mod founding;
mod generate;
mod laws;
mod macros;
mod manual;
mod mistakes;
mod operators;
mod patterns;
mod printing;
mod references;
mod schema;
mod support;
mod timing;
