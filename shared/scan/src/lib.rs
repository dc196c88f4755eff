//! JSON as bytes: find, skip and cut, without parsing the rest.
//!
//! A change of a pod is some ten kilobytes of JSON of which the watcher needs five short strings. Here they are
//! found as byte ranges in one pass, in any order of keys; what nobody asked for is skipped, and what must not
//! travel is cut out while every other byte stays as it was.
//!
//! ```
//! use prodrome_scan::{Found, Plan, text};
//!
//! let plan = Plan::new(&[&["type"], &["object", "metadata", "name"]], &[&["object", "metadata", "managedFields"]]);
//! let line = br#"{"type":"ADDED","object":{"metadata":{"managedFields":[{"a":"}"}],"name":"web-0"},"spec":{}}}"#;
//!
//! let mut found = Found::default();
//! plan.run(line, &mut found)?;
//! assert_eq!(found.text(line, 1).as_deref(), Some("web-0"));
//!
//! let mut rest = Vec::new();
//! found.copy_rest(line, 0..line.len(), &mut rest);
//! assert_eq!(rest, br#"{"type":"ADDED","object":{"metadata":{"name":"web-0"},"spec":{}}}"#);
//! # assert_eq!(text(br#""a\u003cb""#).unwrap(), "a<b");
//! # Ok::<(), prodrome_scan::ScanError>(())
//! ```
//!
//! What is skipped is not validated beyond its brackets and quotes: text that is no JSON at all may pass, but
//! text that was cut short never does. Of a key that occurs twice the last counts, as in `serde_json`.

mod error;
mod find;
mod list;
mod plan;
mod private;
pub mod scanner;
mod skip;
mod text;

pub use error::ScanError;
pub use find::{cut, find};
pub use list::ListSplitter;
pub use plan::{Found, Path, Plan};
pub use private::{MANAGED_FIELDS, private_parts};
pub use skip::skip_value;
pub use text::text;

#[cfg(test)]
mod tests;
