//! The domain types that every part of Prodrome speaks, and their JSON.
//!
//! A [`Change`] leaves the cluster, a [`Finding`] says that a rule has held long enough (or no longer
//! holds), a [`Notice`] tells a person. All are plain data: camelCase JSON, RFC 3339 in UTC, absent rather
//! than null; what machines send is read tolerantly.
//!
//! ```
//! use prodrome_model::{GroupKind, ObjectKey};
//!
//! let pod = ObjectKey::new(GroupKind::core("Pod"), Some("shop"), "web-0");
//! assert_eq!(pod.to_string(), "Pod shop/web-0");
//! assert_eq!(pod.path(), "/Pod/shop/web-0");
//! ```

mod canary;
mod chain;
mod change;
mod diagnosis;
mod event;
mod finding;
mod fingerprint;
mod later;
mod metadata;
mod notice;
mod object;
mod plugin;
mod raw_json;
mod redacted;
mod scope;
mod severity;
mod shard;
pub mod shown;
mod waybill;
mod work;

pub use canary::{CANARY_KIND, CANARY_RULE};
pub use chain::chain;
pub use change::{Change, ChangeKind, Source};
pub use diagnosis::{Diagnosis, Evidence, NodeOutcome, RuledOut, Unseen, Verdict};
pub use event::EventBrief;
pub use finding::{EndReason, Ended, Finding, FindingState, Group};
pub use fingerprint::{Fingerprint, stable_hash};
pub use later::later;
pub use metadata::{LabelSelector, LabelSelectorRequirement, Metadata, ObjectHead, OwnerReference};
pub use notice::{Joiner, Notice, NoticeKind, Symptom};
pub use object::{GroupKind, ObjectKey, ObjectRef, Resource, Subject};
pub use plugin::{FactType, PluginRequest, PluginResponse, RuleBrief};
pub use raw_json::RawJson;
pub use redacted::redacted_json;
pub use scope::Scope;
pub use severity::{Owner, Severity};
pub use shard::{SHARDS_DEFAULT, shard_of};
pub use waybill::Waybill;
pub use work::{AlertMessage, AnswerMessage, CheckMessage, DiagnoseMessage, DueMessage, Question};
