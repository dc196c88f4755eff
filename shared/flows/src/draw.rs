//! A flow as a picture: in words, as a Mermaid diagram, as SVG. Where a run is at hand, its verdicts are coloured in.

use crate::flow::{Flow, Node};
use prodrome_model::shown::{cut, harmless};
use prodrome_model::{Diagnosis, NodeOutcome, Verdict};
use std::fmt::Write as _;

const BOX_WIDTH: usize = 190;
const BOX_HEIGHT: usize = 46;
const GAP_X: usize = 60;
const GAP_Y: usize = 18;
const MARGIN: usize = 16;

/// A flow in words, a line a node, in an order in which they can run.
pub fn outline(flow: &Flow, run: Option<&Diagnosis>) -> String {
    let mut text = format!(
        "{}: {}\n  at most {} s and {} calls; names a cause from a confidence of {}\n",
        flow.name(),
        harmless(flow.summary()),
        flow.deadline().as_secs(),
        flow.calls_max(),
        flow.threshold()
    );
    let mut nodes: Vec<&Node> = flow.nodes().iter().collect();
    nodes.sort_by_key(|node| node.depth);
    for node in nodes {
        let after: Vec<&str> = flow.waits_for(node).collect();
        // Writing into a string cannot fail.
        let mut line = format!("  {} asks {}", node.name(), node.plugin());
        if !after.is_empty() {
            _ = write!(line, " after {}", after.join(", "));
        }
        if let Some(when) = node.when() {
            _ = write!(line, " when {}", harmless(when));
        }
        _ = write!(line, " (within {} s", node.timeout().as_secs());
        if node.retries() > 0 {
            _ = write!(line, ", tried again {} times", node.retries());
        }
        line.push(')');
        if let Some(outcome) = outcome(run, node) {
            _ = write!(line, ": {}", harmless(&words(outcome)));
        }
        text += &line;
        text.push('\n');
    }
    text
}

/// A flow as a Mermaid diagram.
pub fn mermaid(flow: &Flow, run: Option<&Diagnosis>) -> String {
    let mut text = String::from("flowchart LR\n");
    for node in flow.nodes() {
        let label = format!("{}<br/>{}", node.name(), node.plugin());
        let more = outcome(run, node).map(|o| format!("<br/>{}", quiet(&words(o)))).unwrap_or_default();
        // Writing into a string cannot fail.
        _ = writeln!(text, "  {}[\"{label}{more}\"]", mermaid_id(node.name()));
    }
    for node in flow.nodes() {
        let id = mermaid_id(node.name());
        for before in flow.waits_for(node).map(mermaid_id) {
            match node.when() {
                Some(when) => _ = writeln!(text, "  {before} -->|\"{}\"| {id}", quiet(when)),
                None => _ = writeln!(text, "  {before} --> {id}"),
            }
        }
    }
    for node in flow.nodes() {
        if let Some(outcome) = outcome(run, node) {
            _ = writeln!(text, "  style {} fill:{}", mermaid_id(node.name()), colour(outcome));
        }
    }
    text
}

/// A node's name as one of Mermaid's: there `end`, `style` and others are words of the language.
fn mermaid_id(name: &str) -> String {
    format!("node_{name}")
}

/// A flow as an SVG image: columns by how many nodes lie before.
pub fn svg(flow: &Flow, run: Option<&Diagnosis>) -> String {
    let columns = flow.nodes().iter().map(|node| node.depth).max().unwrap_or(0) + 1;
    let mut rows = vec![0_usize; columns];
    let places: Vec<(usize, usize)> = flow
        .nodes()
        .iter()
        .map(|node| {
            let row = rows[node.depth];
            rows[node.depth] += 1;
            (MARGIN + node.depth * (BOX_WIDTH + GAP_X), MARGIN + row * (BOX_HEIGHT + GAP_Y))
        })
        .collect();
    let width = 2 * MARGIN + columns * BOX_WIDTH + (columns - 1) * GAP_X;
    let most = rows.into_iter().max().unwrap_or(1).max(1);
    let height = 2 * MARGIN + most * BOX_HEIGHT + (most - 1) * GAP_Y;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>{}</title>\n",
        xml(&format!("{}: {}", flow.name(), flow.summary()))
    );
    for (node, (x, y)) in flow.nodes().iter().zip(&places) {
        for before in &node.after {
            let (from_x, from_y) = places[*before];
            let (x1, y1) = (from_x + BOX_WIDTH, from_y + BOX_HEIGHT / 2);
            let (x2, y2) = (*x, y + BOX_HEIGHT / 2);
            let middle = usize::midpoint(x1, x2);
            let dash = if node.when.is_some() { " stroke-dasharray=\"5 3\"" } else { "" };
            _ = writeln!(
                text,
                "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#888\"{dash}/>"
            );
        }
    }
    for (node, (x, y)) in flow.nodes().iter().zip(&places) {
        let outcome = outcome(run, node);
        let fill = outcome.map_or("#f4f4f4", colour);
        let said = outcome.map_or_else(|| node.plugin().to_owned(), words);
        let title = node.when().map(|when| format!("when {when}")).unwrap_or_default();
        _ = writeln!(
            text,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" \
             fill=\"{fill}\" stroke=\"#555\"/><text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\
             <text x=\"{}\" y=\"{}\">{}</text></g>",
            xml(&title),
            x + 10,
            y + 19,
            xml(node.name()),
            x + 10,
            y + 36,
            xml(&cut(&said, 28)),
        );
    }
    text + "</svg>\n"
}

fn outcome<'r>(run: Option<&'r Diagnosis>, node: &Node) -> Option<&'r NodeOutcome> {
    run?.nodes.iter().find(|outcome| outcome.node == node.name())
}

fn words(outcome: &NodeOutcome) -> String {
    match (outcome.verdict, &outcome.cause) {
        (Some(Verdict::Cause), Some(cause)) => format!("{cause} ({:.0} %)", outcome.confidence * 100.0),
        (Some(verdict), _) if outcome.note.is_empty() => verdict.as_str().to_owned(),
        (Some(verdict), _) => format!("{}: {}", verdict.as_str(), outcome.note),
        (None, _) => outcome.note.clone(),
    }
}

fn colour(outcome: &NodeOutcome) -> &'static str {
    match outcome.verdict {
        Some(Verdict::Cause) => "#f8c0b8",
        Some(Verdict::Cleared) => "#cdeac8",
        Some(Verdict::Unknown) => "#f3e6b3",
        None => "#e4e4e4",
    }
}

/// What a plugin said may hold what a tenant wrote.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            c => safe.push(c),
        }
    }
    safe
}

/// A text within the quotes of a Mermaid diagram.
fn quiet(text: &str) -> String {
    let text = cut(&harmless(text), 80);
    let mut quiet = String::new();
    for c in text.chars() {
        match c {
            '"' | '`' => quiet.push('\''),
            // Mermaid's entities are numbers between these two.
            '<' | '>' | '[' | ']' | '{' | '}' | '|' | '&' | '#' | ';' | '\\' => {
                quiet.extend(["#", &u32::from(c).to_string(), ";"]);
            }
            c => quiet.push(c),
        }
    }
    quiet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Catalogue, SourceFile, load};

    #[test]
    fn whatever_a_plugin_said_is_a_label_and_nothing_else() {
        let text = "summary: s\nnodes:\n  end: { plugin: p }\n  style: { plugin: p, after: end, when: 'end.cause == \"x\"' }\n";
        let loaded = load(&[SourceFile::new("f.yaml", text)], &Catalogue::any());
        let flow = loaded.flows.get("f").unwrap();
        let said = "\u{1b}[2J\u{9b}31m\u{202e}txt\u{200b}\u{ffff}</text><script>alert(1)</script>\"] --> x\nclick a \"javascript:x\" `b` #35;";
        let outcome = NodeOutcome {
            node: "end".to_owned(),
            verdict: Some(Verdict::Unknown),
            note: said.to_owned(),
            ..NodeOutcome::default()
        };
        let run = Diagnosis { nodes: vec![outcome], ..Diagnosis::default() };
        let drawn = [outline(flow, Some(&run)), svg(flow, Some(&run)), mermaid(flow, Some(&run))];
        for picture in &drawn {
            let odd =
                |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{200b}' | '\u{ffff}'));
            assert!(!picture.contains(odd), "{picture:?}");
        }
        let [_, svg, mermaid] = &drawn;
        assert!(!svg.contains("<script") && svg.contains("&lt;/te"), "{svg}");
        // Three lines of ours for what is drawn, one for the way, one for the colour.
        let lines: Vec<&str> = mermaid.lines().collect();
        let begins: Vec<_> =
            lines.iter().map(|line| line.trim_start().split(['[', ' ']).next().unwrap()).collect();
        assert_eq!(begins, ["flowchart", "node_end", "node_style", "node_end", "style"], "{mermaid}");
        assert_eq!(lines[1].matches('"').count(), 2, "{mermaid}");
    }
}
