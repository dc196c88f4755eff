//! The built command, as its users run it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod container_logs;
mod deploy;
mod flow_checks;
mod flows;
mod planted;
mod pushed;
mod record;
mod recordings;
mod replay;
mod rule_tools;
mod rules;
mod run;
mod scan;
mod uninstall;
mod why;
mod worlds;
