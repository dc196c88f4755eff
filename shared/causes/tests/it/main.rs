//! The classifier from outside: on wordings of sources, on the vocabulary, and on any text at all.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod any_text;
mod combine;
mod corpus;
mod logs;
mod vocabulary;
