//! JSON lines `{"id","kind","reason","text"}` in, classifications out: for measuring without the whole command.
#![expect(clippy::print_stdout, reason = "an example speaks on its standard output")]

use prodrome_causes::{Kind, Text, classify};
use serde::Deserialize;
use std::io::BufRead as _;

#[derive(Deserialize)]
struct Line {
    id: String,
    kind: Kind,
    #[serde(default)]
    reason: String,
    text: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in std::io::stdin().lock().lines() {
        let line: Line = serde_json::from_str(&line?)?;
        let why = classify(&Text { kind: line.kind, reason: &line.reason, text: &line.text });
        let answer = serde_json::json!({
            "id": line.id, "cause": why.id(), "owner": why.owner, "confidence": why.confidence, "facts": why.facts,
        });
        println!("{answer}");
    }
    Ok(())
}
