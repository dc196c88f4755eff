//! AWS on one machine.
//!
//! [`Emulator::start`] makes a Python environment with [MiniStack](https://pypi.org/project/ministack/) in it
//! (once, pinned with hashes), starts it on a free port and waits until it answers. [`Emulator::deploy`] gives
//! it a [`Template`], which is the very `template.yaml` that goes to the cloud, and [`Code`], a bootstrap and the
//! files beside it. When the [`Emulator`] is dropped, or its process killed, everything it started is gone: a
//! guard process outlives us just long enough to see to that.
//!
//! ```no_run
//! use prodrome_emulator::{Code, Deployment, Emulator, Options, Template};
//! use std::path::Path;
//!
//! let emulator = Emulator::start(&Options::default(), &|step| eprintln!("{step}"))?;
//! let template = Template::read(Path::new("template.yaml"))?;
//! let code = Code::launching(Path::new("target/debug/prodrome"))?.with_dir("rules", Path::new("rules"))?;
//! let stack = emulator.deploy(&Deployment::new("prodrome", &template).code(&code).parameter("LogLevel", "debug"))?;
//! let dead = emulator.client().queue_depth(stack.output("ChangesDeadLetterQueueUrl")?)?;
//! assert_eq!(dead.total(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All calls block: they are made at the start of a command and in tests. In async code use `spawn_blocking`.

mod client;
mod code;
mod deploy;
mod emulator;
mod environment;
mod event_source;
mod invoke;
mod logs;
mod python;
mod queue;
mod secret;
mod template;

pub use client::{CallError, Client};
pub use code::{Code, CodeError};
pub use deploy::{DeployError, Deployment, MissingOutput, Stack};
pub use emulator::{Emulator, Options, StartError, cache_dir_default};
pub use event_source::EventSource;
pub use invoke::Invocation;
pub use logs::LogLine;
pub use python::PythonError;
pub use queue::{QueueDepth, QueueMessage};
pub use template::{FunctionSettings, Template, TemplateError};
