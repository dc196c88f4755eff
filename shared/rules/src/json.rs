//! JSON as rules see it: scalars keep the text they were written with.
//!
//! The language compares texts, so a detour through numbers would lose what it compares: `1e3` is not
//! `1000`, `1.50` is not `1.5`, and an integer beyond 64 bits is still its digits.
//!
//! ```
//! use prodrome_rules::json;
//!
//! let node = json::parse(br#"{"spec":{"replicas":3}}"#)?;
//! assert_eq!(node.get(&["spec", "replicas"]).and_then(|n| n.text()), Some("3"));
//! # Ok::<(), json::JsonError>(())
//! ```

mod node;
mod parse;

pub use node::{Node, Scalar, ScalarKind};
pub use parse::{DEPTH_MAX, JsonError, JsonFault, parse};
