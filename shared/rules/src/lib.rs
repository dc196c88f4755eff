//! The rule language: parse, check, evaluate. Pure: no I/O, and the time is a parameter.
//!
//! ```
//! use prodrome_rules::{SourceFile, json, load};
//!
//! let file = SourceFile::new("pods.yaml", "
//! PodFailed:
//!   resource: Pod
//!   checkField:
//!     - { field: [status, phase], equalValue: [Failed] }
//!   summary: '{metadata.name} failed: {status.reason}'
//! ");
//! let loaded = load(&[file]);
//! assert!(loaded.diagnostics.is_empty());
//!
//! let pod = json::parse(br#"{"metadata":{"name":"web-0"},"status":{"phase":"Failed","reason":"Evicted"}}"#)?;
//! let now = "2026-01-01T00:00:00Z".parse()?;
//! let rule = loaded.rules.get("PodFailed").expect("it was just loaded");
//! let evaluation = rule.evaluate(&pod, now);
//! assert!(evaluation.matches);
//! assert_eq!(evaluation.evidence, ["status.phase = Failed"]);
//! assert_eq!(rule.summary(&pod), "web-0 failed: Evicted");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod check;
mod clusters;
mod condition;
mod diagnostic;
pub mod engine;
mod evaluation;
mod event;
mod explain;
mod format;
mod frequency;
mod glob;
mod globs;
pub mod json;
mod judge;
mod kind;
mod language;
mod misfit;
mod mode;
mod mutate;
mod namespaces;
mod operator;
mod page;
mod periodic;
mod print;
mod quantity;
mod reference;
mod render;
mod review;
mod rule;
mod rule_set;
mod schema;
mod since;
pub mod source;
mod template;
mod text;
mod time;
mod value;

pub use check::{Loaded, load, nearest, suggest};
pub use clusters::Clusters;
pub use diagnostic::{Code, Diagnostic, Level, LineIndex, Place, Position};
pub use evaluation::{EVIDENCE_MAX, EVIDENCE_VALUE_MAX, Evaluation};
pub use explain::{Explanation, Question};
pub use format::format;
pub use frequency::{CountBy, Frequency};
pub use judge::{Judgement, Partner};
pub use kind::{KindPattern, is_cluster_scoped};
pub use mode::Mode;
pub use mutate::{Change, Mutant, mutants};
pub use namespaces::Namespaces;
pub use page::page;
pub use periodic::Periodic;
pub use reference::{Namespace, Reference, ReferenceGroup, Target};
pub use render::{Style, render};
pub use review::review;
pub use rule::{REFERENCE_DURATION_MIN, Rule};
pub use rule_set::RuleSet;
pub use schema::schema;
pub use source::SourceFile;
pub use template::SUMMARY_MAX;
pub use text::{camel_case, with_article};
pub use time::{parse_duration, print_duration};
