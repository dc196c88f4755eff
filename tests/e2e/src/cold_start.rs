use crate::{System, until};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// So many calls tell how long a warm one takes.
const WARM_CALLS: u32 = 5;
/// So often a start is tried: the emulator may be clearing away what was killed while it starts the next process, and
/// then clears that away too.
const STARTS: u32 = 3;
/// A plugin's request about an object that the cluster does not hold.
const ABOUT_NO_OBJECT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/plugin-image-pull.json"));

impl System {
    /// How much longer a function's first call takes than a later one: starting the process, reading settings
    /// and rules, building the clients. Nothing may call the function meanwhile.
    pub fn cold_start(&self, function: &str) -> Result<Duration> {
        let first = (1..STARTS).find_map(|_| self.time_start(function).ok());
        let first = first.map_or_else(|| self.time_start(function), Ok)?;
        // The quickest of some: on a busy machine any one of them may be held up.
        let mut warm = self.time_call(function)?;
        for _ in 1..WARM_CALLS {
            warm = warm.min(self.time_call(function)?);
        }
        Ok(first.saturating_sub(warm))
    }

    fn time_start(&self, function: &str) -> Result<Duration> {
        self.kill(function);
        until("its processes to end", || self.processes_of(function).is_empty().then_some(()));
        self.time_call(function)
    }

    /// How long a function takes to do nothing, as its caller sees it.
    pub fn time_call(&self, function: &str) -> Result<Duration> {
        let event: Value = match function {
            "sweep" => json!({}), // a tick
            plugin if plugin.starts_with("plugin-") => serde_json::from_str(ABOUT_NO_OBJECT)?,
            _ => json!({ "Records": [] }), // an empty batch
        };
        let name = self.name_of(function)?;
        let begun = Instant::now();
        let called = self.emulator().client().invoke(&name, &event)?;
        let took = begun.elapsed();
        ensure!(called.error.is_none(), "{function} failed: {}", called.payload);
        Ok(took)
    }

    /// What a function is called in the stack.
    fn name_of(&self, function: &str) -> Result<String> {
        let output = match function {
            "evaluate" => "EvaluateFunctionName",
            "sweep" => "SweepFunctionName",
            "diagnose" => "DiagnoseFunctionName",
            "alert" => "AlertFunctionName",
            plugin => return Ok(format!("{}-{plugin}", self.stack().name)),
        };
        Ok(self.stack().output(output)?.to_owned())
    }
}
