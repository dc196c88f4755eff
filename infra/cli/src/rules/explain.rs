//! `prodrome rules explain`.

use crate::library::Library;
use crate::{Outcome, clock, objects};
use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::Timestamp;
use prodrome_model::Resource;
use prodrome_rules::json::{self, Node};
use prodrome_rules::{Partner, Rule, Target};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Arguments of `prodrome rules explain`.
#[derive(Args)]
#[command(
    after_help = "References are looked up among the objects of the file; kinds of which it has none are \
                        unknown. Exit code: 0 done, 2 it could not be done."
)]
pub(super) struct Arguments {
    /// Rule files or folders; the shipped rules where none are named
    files: Vec<PathBuf>,
    /// Only the rules whose name matches this glob
    #[arg(long, value_name = "GLOB")]
    only: Option<String>,
    /// Say which conditions hold of the objects of this file (`-` is standard input), with the values found
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
    /// The time to take for the present, such as 2026-03-02T10:00:00Z
    #[arg(long, value_name = "T", requires = "object", value_parser = clock::parse)]
    now: Option<Timestamp>,
}

/// Runs the command.
pub(super) fn run(arguments: Arguments) -> Result<Outcome> {
    let rules = Library { rules: arguments.files, only: arguments.only }.load()?;
    let Some(file) = arguments.object else {
        let described: Vec<String> = rules.rules().iter().map(|rule| rule.describe().to_string()).collect();
        crate::write(&described.join("\n"))?;
        return Ok(Outcome::Quiet);
    };
    let now = arguments.now.unwrap_or_else(clock::now);
    let world = objects::read(&file, true)?;
    for line in &world.left_out {
        eprintln!("prodrome: left out: {}", crate::render::plain(line, 300));
    }
    let mut nodes = Vec::new();
    for (resource, bytes) in &world.objects {
        nodes.push((
            resource,
            json::parse(bytes).with_context(|| format!("{} cannot be read", file.display()))?,
        ));
    }
    let mut explained = Vec::new();
    for (resource, object) in &nodes {
        for rule in rules.rules().iter().filter(|rule| rule.applies_to(&resource.group_kind())) {
            explained.push(of_object(rule, object, &nodes, now, nodes.len() > 1));
        }
    }
    if explained.is_empty() {
        let mut kinds: Vec<&str> = nodes.iter().map(|(resource, _)| &*resource.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        match kinds.len() {
            0 => bail!("{} holds no object", file.display()),
            _ => {
                bail!("none of these rules is about what {} holds: {}", file.display(), kinds.join(", "))
            }
        }
    }
    crate::write(&explained.join("\n"))?;
    Ok(Outcome::Quiet)
}

fn of_object(
    rule: &Rule,
    object: &Node<'_>,
    all: &[(&Resource, Node<'_>)],
    now: Timestamp,
    several: bool,
) -> String {
    let own = text(object, "namespace");
    let mut explanation =
        rule.explain_with(object, now, &|target| look_up(target, own, all, false)).to_string();
    for misfit in rule.misfits(object) {
        explanation.extend(["  ! ", &crate::render::plain(&misfit, 400), "\n"]);
    }
    if !several {
        return explanation;
    }
    let kind = object.child("kind").and_then(Node::text).unwrap_or("object");
    let place = own.map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let name = text(object, "name").unwrap_or("?");
    let title = crate::render::plain(&format!("{kind} {place}{name}"), 200);
    format!("{title}\n{explanation}")
}

/// What a reference points at among the objects that are there. Where they are not the `whole` world, kinds of which
/// there is none are unknown.
pub(super) fn look_up<'n>(
    target: &Target,
    own: Option<&str>,
    all: &'n [(&Resource, Node<'n>)],
    whole: bool,
) -> Partner<'n> {
    let wanted = target.kind();
    let is_kind = |(resource, _): &&(&Resource, Node<'_>)| {
        resource.kind == wanted.kind && (resource.group == wanted.group || wanted.group.is_empty())
    };
    let mut of_kind = all.iter().filter(is_kind).peekable();
    if of_kind.peek().is_none() && !whole {
        return Partner::Unknown;
    }
    let namespace = target.namespace(own);
    let found = of_kind.filter(|(resource, node)| {
        let anywhere = matches!(target, Target::Referrers { .. }) && namespace.is_none();
        let there = anywhere || !resource.namespaced || text(node, "namespace") == namespace;
        there
            && match target {
                Target::Named { name, .. } => text(node, "name") == Some(name),
                Target::Selected { selector, .. } => selector.selects(&labels(node)),
                Target::Referrers { .. } => true,
            }
    });
    Partner::Found(found.map(|(_, node)| node).collect())
}

fn text<'a>(object: &'a Node<'_>, key: &str) -> Option<&'a str> {
    object.get(&["metadata", key]).and_then(Node::text).filter(|text| !text.is_empty())
}

fn labels(object: &Node<'_>) -> BTreeMap<String, String> {
    let labels = object.get(&["metadata", "labels"]).map(Node::entries).unwrap_or_default();
    labels.iter().filter_map(|(key, value)| Some((key.to_string(), value.text()?.to_owned()))).collect()
}
