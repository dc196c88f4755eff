//! The language as its users see it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod engine;
mod events;
mod explaining;
mod fine_print;
mod founding;
mod generate;
mod json_text;
mod laws;
mod macros;
mod manual;
mod mistakes;
mod operators;
mod page;
mod patterns;
mod printing;
#[path = "../recorded/mod.rs"]
mod recorded;
mod references;
mod review;
mod schema;
mod support;
mod timing;
