use crate::{System, until};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// So many calls tell how long a warm one takes.
const WARM_CALLS: u32 = 5;
/// So often a start is tried: the emulator may be clearing away what was killed while it starts the next process, and
/// then clears that away too.
const STARTS: u32 = 3;

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
        // An empty batch, and a tick.
        let event: Value = if function == "sweep" { json!({}) } else { json!({ "Records": [] }) };
        let name = self.stack().output(output_of(function))?.to_owned();
        let begun = Instant::now();
        let called = self.emulator().client().invoke(&name, &event)?;
        let took = begun.elapsed();
        ensure!(called.error.is_none(), "{function} failed: {}", called.payload);
        Ok(took)
    }
}

fn output_of(function: &str) -> &'static str {
    match function {
        "evaluate" => "EvaluateFunctionName",
        "sweep" => "SweepFunctionName",
        "diagnose" => "DiagnoseFunctionName",
        _ => "AlertFunctionName",
    }
}
