//! What a scan found, as text, JSON lines or SARIF.

use super::{Found, NAMED_MAX, Output, State};
use crate::render;
use anyhow::Result;
use jiff::Timestamp;
use prodrome_model::Severity;
use prodrome_model::shown::harmless_json;
use prodrome_rules::RuleSet;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

pub(super) fn print(
    found: &[Found],
    seen: usize,
    rules: &RuleSet,
    now: Timestamp,
    output: Output,
) -> Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match output {
        Output::Json => {
            for one in found {
                let evidence = crate::replay::evidence(&one.evidence, one.why.as_deref());
                writeln!(out, "{}", render::json(&Found { evidence, ..one.clone() })?)?;
            }
        }
        Output::Sarif => {
            writeln!(out, "{}", harmless_json(&serde_json::to_string_pretty(&sarif(found, rules))?))?;
        }
        Output::Text => text(&mut out, found, seen, rules, now)?,
    }
    out.flush()?;
    Ok(())
}

fn text(
    out: &mut impl std::io::Write,
    found: &[Found],
    seen: usize,
    rules: &RuleSet,
    now: Timestamp,
) -> Result<()> {
    type Key<'f> = (Option<&'f str>, State, std::cmp::Reverse<Severity>, &'f str, String);
    let mut groups: BTreeMap<Key<'_>, Vec<&Found>> = BTreeMap::new();
    let colours = render::colours();
    for one in found {
        let key = (
            one.file.as_deref(),
            one.state,
            std::cmp::Reverse(one.severity),
            &*one.rule,
            one.top.to_string(),
        );
        groups.entry(key).or_default().push(one);
    }
    let mut file = None;
    for ((its_file, state, std::cmp::Reverse(severity), rule, top), members) in &groups {
        if *its_file != file {
            file = *its_file;
            writeln!(out, "{}", render::paint(file.unwrap_or_default(), "1", colours))?;
        }
        let first = members[0];
        let since = members.iter().map(|m| m.since).min().unwrap_or(now);
        let when = match state {
            State::Firing => format!("for {}", render::since(since, now)),
            State::Pending => {
                format!("pending, fires in {}", render::span(first.fires_at.duration_since(now)))
            }
        };
        let count = if members.len() > 1 { format!(", {} objects", members.len()) } else { String::new() };
        writeln!(
            out,
            "{} {}  {}  {when}{count} [{}]",
            render::severity(*severity, colours),
            render::paint(rule, "1", colours),
            render::plain(top, 200),
            first.owner
        )?;
        writeln!(out, "{}", render::wrapped(&render::plain(&first.summary, 400), 3))?;
        if let Some(why) = &first.why {
            let cause = first.cause.as_deref().unwrap_or("unknown");
            let sure = if why.cause.is_some() {
                format!(" ({:.0} %)", why.confidence * 100.0)
            } else {
                String::new()
            };
            let why_line =
                format!("why: {}{sure}: {}", render::plain(cause, 100), render::plain(&why.summary, 300));
            writeln!(out, "{}", render::wrapped(&why_line, 3))?;
            for step in why.remediation.iter().take(2) {
                writeln!(out, "{}", render::wrapped(&format!("do: {}", render::plain(step, 200)), 3))?;
            }
        }
        for line in telling(&first.evidence) {
            let line = render::wrapped(&render::plain(line, 200), 3);
            writeln!(out, "{}", render::paint(&line, "2", colours))?;
        }
        if members.len() > 1 || first.object != first.top {
            for member in members.iter().take(NAMED_MAX) {
                writeln!(out, "   - {}", render::plain(&member.object.to_string(), 200))?;
            }
            if members.len() > NAMED_MAX {
                writeln!(out, "   - and {} more", members.len() - NAMED_MAX)?;
            }
        }
        for event in &first.events {
            let times = if event.count > 1 { format!(" ×{}", event.count) } else { String::new() };
            let (reason, message) = (render::plain(&event.reason, 60), render::plain(&event.message, 160));
            let line = format!("{} {reason}{times}: {message}", event.kind);
            writeln!(out, "{}", render::wrapped(&line, 3))?;
        }
    }
    let firing = found.iter().filter(|f| f.state == State::Firing).count();
    let pending = found.len() - firing;
    let active = rules.rules().iter().filter(|rule| rule.enabled()).count();
    let (seen, active) = (render::count(seen, "object"), render::count(active, "rule"));
    writeln!(out, "{firing} firing, {pending} pending; {seen} seen by {active}")?;
    Ok(())
}

/// The evidence that tells most: values that are there, before fields that are not.
fn telling(evidence: &[String]) -> impl Iterator<Item = &String> {
    let is_there = |line: &&String| !line.ends_with("(not set)") && !line.ends_with("(or not set)");
    let some = evidence.iter().any(|line| is_there(&line));
    evidence.iter().filter(move |line| !some || is_there(line)).take(3)
}

/// SARIF 2.1.0, as code-scanning tools read it. Objects have no lines; their names stand as logical locations.
fn sarif(found: &[Found], rules: &RuleSet) -> serde_json::Value {
    let level = |severity| match severity {
        Severity::P1 | Severity::P2 => "error",
        Severity::P3 => "warning",
        Severity::P4 => "note",
    };
    let used: BTreeSet<&str> = found.iter().map(|f| &*f.rule).collect();
    let descriptors: Vec<_> = used
        .iter()
        .filter_map(|name| rules.get(name))
        .map(|rule| {
            serde_json::json!({
                "id": rule.name(),
                "help": { "text": rule.runbook().unwrap_or("There is no runbook for this rule.") },
                "defaultConfiguration": { "level": level(rule.severity()) },
            })
        })
        .collect();
    let results: Vec<_> = found
        .iter()
        .filter(|f| f.state == State::Firing)
        .map(|f| {
            let mut location = serde_json::json!({
                "logicalLocations": [{ "fullyQualifiedName": f.object.key().path(), "kind": "resource" }],
            });
            if let Some(file) = &f.file {
                location["physicalLocation"] = serde_json::json!({ "artifactLocation": { "uri": file } });
            }
            serde_json::json!({
                "ruleId": f.rule,
                "level": level(f.severity),
                "message": { "text": f.summary },
                "locations": [location],
            })
        })
        .collect();
    serde_json::json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "prodrome", "version": env!("CARGO_PKG_VERSION"), "rules": descriptors } },
            "results": results,
        }],
    })
}
