//! Why something is wrong: the vocabulary of causes, and what texts say about them.
//!
//! Kubernetes, container runtimes, drivers, controllers and programs write down what went wrong as text. [`classify`]
//! reads one text and names its [`Cause`], as far as it says it; [`classify_all`] reads many about one object.
//! Nothing here reads a clock or touches the world.
//!
//! ```
//! use prodrome_causes::{Cause, Text, classify};
//! let why = classify(&Text::waiting("ErrImagePull", "reading manifest v2 in r.example/shop: manifest unknown"));
//! assert_eq!(why.cause, Some(Cause::ImageNotFound));
//! assert!(why.confidence > 0.8 && !why.remediation.is_empty());
//! ```

#[allow(clippy::enum_glob_use, reason = "tables of causes and of failures read better without the prefix")]
mod advice;
mod cause;
mod classification;
mod classify;
mod context;
mod facts;
#[allow(clippy::enum_glob_use, reason = "tables of causes and of failures read better without the prefix")]
mod failure;
mod log;
mod pattern;
#[allow(clippy::enum_glob_use, reason = "tables of causes and of failures read better without the prefix")]
mod recognise;
mod registry_host;
mod rule;
mod speech;
mod text;
mod weigh;

pub use cause::{Area, Cause, NotACause};
pub use classification::Classification;
pub use classify::{Combined, classify, classify_all};
pub use facts::{Fact, Facts, Predicate};
pub use registry_host::RegistryHost;
pub use text::{Kind, Text, shortened};
