//! Recorded watch streams of a Kubernetes cluster: read them, write them, merge them, and play them.
//!
//! A recording is a folder with `meta.json` and `watch.jsonl.zst`; its lines are what the API server sent, in
//! the order of receipt. Objects stay the bytes they were.
//!
//! ```no_run
//! # fn main() -> Result<(), prodrome_recording::RecordingError> {
//! use prodrome_recording::{Body, Recording};
//!
//! let recording = Recording::open("events/recordings/crash-exit-1")?;
//! for item in recording.items()? {
//!     let item = item?;
//!     if let Body::Event { kind, object } = &item.body {
//!         println!("{} {} {} {}", item.at, item.resource.kind, kind.as_str(), object.get().len());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `play`, the module `play` serves recordings as a Kubernetes API server would: [`Timeline`]
//! merges them and moves their time to the present.

mod builtin;
mod error;
mod item;
mod items;
mod line;
mod object_json;
#[cfg(feature = "play")]
pub mod play;
mod recording;
mod shift;
mod timeline;
mod writer;

pub use builtin::{builtin, builtin_of_kind, builtin_of_path};
pub use error::RecordingError;
pub use item::{Body, Item, Page, WatchKind};
pub use items::{Items, Limits};
pub use recording::{Meta, Recording};
pub use shift::Shift;
pub use timeline::{Step, StepKind, Steps, Timeline};
pub use writer::RecordingWriter;
