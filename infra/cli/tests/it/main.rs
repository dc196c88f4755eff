//! The built command, as its users run it.

mod bad_input;
mod record;
mod replay;
mod rules;
mod run;
mod scan;
