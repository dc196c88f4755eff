use super::PackBuilder;
use super::decode::frame;
use super::error::PackError;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::io::{BufRead as _, BufReader};

/// A pack that was not accepted, made anew to be sent once more: it says how far behind its watcher is now, and what its
/// clock shows now. As old as it was it would look as if that clock were behind.
///
/// `bytes` is a pack that a [`PackBuilder`] made. Fails where it is none.
pub fn made_anew(bytes: &[u8], lag_seconds: u32, made_at: Timestamp) -> Result<Vec<u8>, PackError> {
    let corrupt = |error: std::io::Error| PackError::Corrupt { reason: error.to_string() };
    let mut text = BufReader::new(frame(bytes)?);
    let mut first = Vec::new();
    text.read_until(b'\n', &mut first).map_err(corrupt)?;
    let head = |error: serde_json::Error| PackError::Head { reason: error.to_string() };
    let mut marks: Map<String, Value> = serde_json::from_slice(&first).map_err(head)?;
    marks.insert("lagSeconds".to_owned(), lag_seconds.into());
    marks.insert("madeAt".to_owned(), made_at.to_string().into());
    let mut line = serde_json::to_vec(&marks).expect("a map of JSON is JSON");
    line.push(b'\n');
    let mut builder = PackBuilder::of_line(&line);
    loop {
        let lines = text.fill_buf().map_err(corrupt)?;
        if lines.is_empty() {
            break;
        }
        builder.write(lines);
        let taken = lines.len();
        text.consume(taken);
    }
    Ok(builder.finish()?.bytes)
}
