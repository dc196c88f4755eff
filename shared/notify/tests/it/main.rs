//! What channels send, what they make of answers, and how they behave against receivers.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail as tests do")]

mod alertmanager;
mod answers;
mod any_text;
mod channels;
mod contract;
mod escaping;
mod example;
mod render;
mod sample;
mod vendors;
