//! `prodrome why`: what an error text says about its cause, offline.

mod lines;
mod pasted;

use crate::output::Output;
use crate::{Outcome, render};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use prodrome_causes::{Classification, Kind, Text};
use serde::Serialize;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Arguments of `prodrome why`.
#[derive(Args)]
#[command(
    after_help = "Standard input is read where no text is given: JSON lines {\"id\",\"kind\":\"waiting|event|condition|log\",\
                  \"reason\",\"text\"} with an answer for each by its id (without one, by its `line`, counted from 1), or anything else (an output of kubectl describe or logs) \
                  with one answer for all of it. A line has a text, a reason, or both, and 4 MiB at most.\n\nExit code: 0 everything was answered, if with `unknown`; \
                  2 something could not be read."
)]
pub(crate) struct Arguments {
    /// The text: an event's message, a status's, lines of a log
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Where the text was found
    #[arg(long, value_enum)]
    kind: Option<Found>,
    /// The machine's word beside it, such as `FailedMount`; alone it is answered as far as it says anything
    #[arg(long)]
    reason: Option<String>,
    /// The form of the output: text, or a JSON line for each answer
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Found {
    Waiting,
    Event,
    Condition,
    Log,
}

impl From<Found> for Kind {
    fn from(found: Found) -> Self {
        match found {
            Found::Waiting => Self::Waiting,
            Found::Event => Self::Event,
            Found::Condition => Self::Condition,
            Found::Log => Self::Log,
        }
    }
}

/// Standard input, of which we know what can be read without waiting.
type Input = std::io::BufReader<std::io::StdinLock<'static>>;

/// An answer as it is printed in JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    /// Null where none was given.
    id: Option<serde_json::Value>,
    /// Of a line without an id, which line it is. As an id this could be that of another line.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    cause: &'static str,
    /// Null where the cause is `unknown`.
    owner: Option<prodrome_model::Owner>,
    confidence: f64,
    summary: &'a str,
    remediation: &'a [String],
    #[serde(skip_serializing_if = "prodrome_causes::Facts::is_empty")]
    facts: &'a prodrome_causes::Facts,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    if !arguments.text.is_empty() || arguments.reason.is_some() {
        let text = arguments.text.join(" ");
        let reason = arguments.reason.as_deref().unwrap_or_default();
        if text.trim().is_empty() && reason.trim().is_empty() {
            bail!("the text is empty; give what an event, a status or a log says, or its --reason");
        }
        if arguments.reason.is_none() && text.trim().contains('\n') {
            return print_pasted(&text, arguments);
        }
        let kind = arguments.kind.map_or_else(Kind::default, Kind::from);
        let why = prodrome_causes::classify(&Text { kind, reason, text: &text });
        return print_one(&why, &[], arguments.output);
    }
    if std::io::stdin().is_terminal() {
        bail!("nothing to read; give a text, or pipe one in: kubectl describe pod NAME | prodrome why");
    }
    let mut input = std::io::BufReader::new(std::io::stdin().lock());
    if input.fill_buf()?.is_empty() {
        bail!("standard input is empty; pipe a text in, or give one as an argument");
    }
    let opened = lines::open(&mut input)?;
    if arguments.output == Output::Json && opened.is_a_document() {
        bail!(
            "standard input is one JSON document over many lines, or a list; give one object a line: jq -c '.[]' FILE | prodrome why --output json"
        );
    }
    match opened {
        lines::Opened::Lines(head) => answer_lines(head, &mut input, arguments.output),
        lines::Opened::Pasted(head) => {
            let text = pasted::read(&head, &mut input)?;
            if text.trim().is_empty() {
                bail!("standard input has nothing but blanks; pipe a text in, or give one as an argument");
            }
            print_pasted(&text, arguments)
        }
    }
}

/// Answers lines that somebody pasted, as a whole.
fn print_pasted(text: &str, arguments: &Arguments) -> Result<Outcome> {
    let combined = pasted::classify(text, arguments.kind.map(Kind::from));
    let others: Vec<_> = combined.others.into_iter().map(|(_, why)| why).collect();
    print_one(&combined.best, &others, arguments.output)
}

/// Answers JSON lines one by one. A line that is none gets an error with its number, and the others go on.
fn answer_lines(head: Vec<lines::Line>, input: &mut Input, output: Output) -> Result<Outcome> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut number, mut refused) = (0_usize, 0_usize);
    let mut head = head.into_iter();
    while let Some(line) = head.next().map_or_else(|| lines::next(input), |line| Ok(Some(line)))? {
        number += 1;
        if line.text.trim().is_empty() {
            continue;
        }
        match lines::parse(&line) {
            Ok(asked) => {
                let why = asked.classify();
                match output {
                    Output::Json => {
                        let line = asked.id.is_none().then_some(number);
                        serde_json::to_writer(&mut out, &Answer { line, ..answer(asked.id, &why) })?;
                        writeln!(out)?;
                    }
                    Output::Text => {
                        let id = asked.id.map_or_else(|| format!("line {number}"), |id| label(&id));
                        let about = format!(
                            "{} {:.2} {}",
                            why.id(),
                            why.confidence,
                            render::plain(&why.summary, 300)
                        );
                        writeln!(out, "{}: {about}", render::plain(&id, 60))?;
                    }
                }
            }
            Err(lines::Refused { id, problem }) => {
                refused += 1;
                match output {
                    Output::Json => {
                        // A number for an id could be that of another line.
                        let told = serde_json::json!({ "id": id, "line": number, "error": problem });
                        writeln!(out, "{told}")?;
                    }
                    Output::Text => writeln!(out, "line {number}: {}", render::plain(&problem, 300))?,
                }
            }
        }
        // Whoever asks line by line waits for the answer.
        if head.len() == 0 && input.buffer().is_empty() {
            out.flush()?;
        }
    }
    out.flush()?;
    if refused > 0 {
        bail!(
            "{refused} of {} could not be read; each has an error line with its number",
            render::count(number, "line")
        );
    }
    Ok(Outcome::Quiet)
}

fn label(id: &serde_json::Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn answer(id: Option<serde_json::Value>, why: &Classification) -> Answer<'_> {
    Answer {
        id,
        line: None,
        cause: why.id(),
        owner: why.owner,
        confidence: why.confidence,
        summary: &why.summary,
        remediation: &why.remediation,
        facts: &why.facts,
    }
}

fn print_one(why: &Classification, others: &[Classification], output: Output) -> Result<Outcome> {
    match output {
        Output::Json => say!("{}", serde_json::to_string(&answer(None, why))?),
        Output::Text => crate::write(&told(why, others, render::colours()))?,
    }
    Ok(Outcome::Quiet)
}

/// An answer for people.
fn told(why: &Classification, others: &[Classification], colours: bool) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    if let (Some(cause), Some(owner)) = (why.cause, why.owner) {
        let certainty = match why.confidence {
            c if c >= 0.9 => "sure",
            c if c >= 0.75 => "likely",
            _ => "perhaps",
        };
        let name = render::paint(cause.id(), "1", colours);
        line(&format!("{name}  {certainty} ({:.2}), for the {owner} to repair", why.confidence));
        line(&render::plain(&why.summary, 600));
        if !why.quote.is_empty() {
            line(&format!("  {}", render::paint(&render::plain(&why.quote, 260), "2", colours)));
        }
        for (n, step) in why.remediation.iter().enumerate() {
            line(&format!("  {}. {step}", n + 1));
        }
    } else {
        line(&render::paint("unknown", "1", colours));
        line(&render::plain(&why.summary, 600));
        line(
            "  What may say more: the newest Warning event of the object, and the log of the container before this one",
        );
        line("  (kubectl describe, kubectl logs --previous).");
    }
    for other in others.iter().take(2) {
        line(&format!(
            "also possible: {} ({:.2})  {}",
            other.id(),
            other.confidence,
            render::plain(&other.quote, 160)
        ));
    }
    text
}
