//! Root-cause flows: which plugins are asked about a finding, in which order, and what follows from their
//! answers. Pure: no I/O, and the time is a parameter.
//!
//! ```
//! use prodrome_flows::{Catalogue, SourceFile, State, load};
//! use prodrome_model::PluginResponse;
//!
//! let file = SourceFile::new("rules/flows/pull.yaml", "
//! summary: why an image is not pulled
//! nodes:
//!   text: { plugin: image-pull }
//!   node: { plugin: node, after: [text], when: 'text.verdict != \"cause\"' }
//! ");
//! let loaded = load(&[file], &Catalogue::any());
//! assert!(loaded.diagnostics.is_empty());
//! let flow = loaded.flows.get("pull").expect("it was just loaded");
//!
//! let now = "2026-01-01T00:00:00Z".parse()?;
//! let mut state = State::begun(now);
//! assert_eq!(flow.plan(&state, now).calls, ["text"]);
//! state.done("text", PluginResponse::cause("image-not-found", 0.9, "there is no such tag"));
//! // The other node has nothing to add, so the run is over.
//! let conclusion = flow.plan(&state, now).conclusion.expect("nothing is left to ask");
//! assert_eq!(conclusion.cause.as_deref(), Some("image-not-found"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalogue;
mod check;
mod conclude;
mod draw;
mod expression;
mod flow;
pub mod params;
mod plan;
mod state;

pub use catalogue::{Catalogue, PluginFacts};
pub use check::{Loaded, load};
pub use draw::{mermaid, outline, svg};
pub use flow::{Flow, FlowSet, Node};
pub use plan::Plan;
pub use prodrome_rules::{Code, Diagnostic, Level, SourceFile, Style, render};
pub use state::{NodeState, State};
