//! `prodrome rules new`: a rule and its test, drafted from an example of the fault.

mod differ;
mod draft;
mod symptom;
mod vocabulary;

use super::cases::{self, TestData};
use super::trial;
use crate::library::Library;
use crate::{Outcome, clock, objects, render};
use anyhow::{Context, Result, bail};
use clap::Args;
use draft::Draft;
use prodrome_model::{Resource, redacted_json};
use prodrome_rules::{SourceFile, json};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use symptom::Symptom;

/// Arguments of `prodrome rules new`.
#[derive(Args)]
#[command(
    after_help = "Writes NAME.yaml, NAME.test.yaml and testdata/NAME.json, of which `rules check` and `rules test` have \
                        no complaint. Of the spec only what the rule asks for is kept. Exit code: 0 written, 2 it could \
                        not be done."
)]
pub(super) struct Arguments {
    /// An object that has the fault: a file (`kubectl get -o json` or `-o yaml`), or `-` for standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// An object of the same kind that has it not: what tells the two apart is asked for
    #[arg(long, value_name = "FILE")]
    healthy: Option<PathBuf>,
    /// The rule's name, in place of one made of what was found
    #[arg(long)]
    name: Option<String>,
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,
    /// Print the rule, and write nothing
    #[arg(long)]
    print: bool,
    /// Write over files that are there
    #[arg(long, conflicts_with = "print")]
    force: bool,
}

/// An object as it was read.
struct Example {
    resource: Resource,
    object: Map<String, Value>,
}

/// Runs the command.
pub(super) async fn run(arguments: Arguments) -> Result<Outcome> {
    let examples = read(&arguments.from)?;
    let healthy = match &arguments.healthy {
        Some(file) => read(file)?,
        None => Vec::new(),
    };
    let mut found: Option<(&Example, Option<&Example>, Vec<Symptom>)> = None;
    for example in &examples {
        let like =
            healthy.iter().find(|healthy| healthy.resource.group_kind() == example.resource.group_kind());
        let symptoms = symptoms(example, like);
        let rank = |symptoms: &[Symptom]| symptoms.first().map(|symptom| symptom.rank);
        if found.as_ref().is_none_or(|(.., best)| rank(&symptoms) > rank(best)) {
            found = Some((example, like, symptoms));
        }
    }
    let Some((example, like, symptoms)) = found else {
        bail!("{} holds no object", arguments.from.display())
    };
    if arguments.healthy.is_some() && like.is_none() {
        bail!("--healthy: expected an object of the kind {}, found none", example.resource.kind);
    }
    let Some((symptom, others)) = symptoms.split_first() else {
        known(example, "");
        let help = match like {
            None => "give an object of the kind that is well with --healthy, and what differs is asked for",
            Some(_) => "and it differs from the healthy one in nothing that lasts; write the rule by hand",
        };
        bail!(
            "nothing in this {} looks like a fault by the conventions of Kubernetes; {help}",
            example.resource.kind
        );
    };
    let draft = Draft::new(
        &example.resource,
        &example.object,
        like.map(|like| &like.object),
        symptom,
        others,
        arguments.name.as_deref(),
    )?;
    hold(&draft).await?;
    known(example, &draft.name);
    if arguments.print {
        crate::write(&draft.rule)?;
        return Ok(Outcome::Quiet);
    }
    for path in write(&draft, &arguments.to, arguments.force)? {
        say!("wrote {}", path.display());
    }
    say!("{}: {}", render::paint(&draft.name, "1", render::colours()), render::plain(&symptom.words, 300));
    for other in others {
        say!("  also seen, and not asked for: {}", render::plain(&other.words, 300));
    }
    say!(
        "next: set duration, severity, owner and runbook to what is right, then `prodrome rules test {}`",
        arguments.to.display()
    );
    Ok(Outcome::Quiet)
}

/// What is wrong with an object, the most telling first; only what is not so with the healthy one.
fn symptoms(example: &Example, healthy: Option<&Example>) -> Vec<Symptom> {
    let mut symptoms = symptom::find(&example.resource, &example.object);
    if let Some(healthy) = healthy {
        symptoms.retain(|symptom| !holds(symptom, &example.resource, &healthy.object));
        if symptoms.is_empty() {
            symptoms = differ::find(&example.resource, &example.object, &healthy.object);
        }
    }
    symptoms.sort_by_key(|symptom| std::cmp::Reverse(symptom.rank));
    symptoms
}

/// Whether an object has the symptom.
fn holds(symptom: &Symptom, resource: &Resource, object: &Map<String, Value>) -> bool {
    let file = SourceFile::new("draft", draft::rule_text("Draft", resource, symptom));
    let rules = prodrome_rules::load(&[file]).rules;
    let bytes = Value::Object(object.clone()).to_string();
    match (rules.get("Draft"), json::parse(bytes.as_bytes())) {
        (Some(rule), Ok(node)) => rule.evaluate(&node, clock::now()).matches,
        _ => false,
    }
}

fn read(file: &Path) -> Result<Vec<Example>> {
    let world = objects::read(file, true)?;
    for line in &world.left_out {
        eprintln!("prodrome: left out: {}", render::plain(line, 300));
    }
    let objects = world.objects.into_iter().map(|(resource, bytes)| {
        let object: Map<String, Value> =
            serde_json::from_slice(&bytes).with_context(|| format!("{} cannot be read", file.display()))?;
        // What is written of it goes where rules go: into a repository.
        let object = object.into_iter().map(|(name, value)| (name, redacted_json(value))).collect();
        Ok(Example { resource, object })
    });
    objects.collect()
}

/// That the checker has no complaint about what was drafted, and that its test passes.
async fn hold(draft: &Draft) -> Result<()> {
    let loaded = prodrome_rules::load(&[SourceFile::new(format!("{}.yaml", draft.file), draft.rule.clone())]);
    if let Some(first) = loaded.diagnostics.first() {
        bail!("the draft would be no good rule ({first}); please tell us of this object");
    }
    let mut data = TestData::default();
    let file = PathBuf::from(format!("{}.test.yaml", draft.file));
    data.put(file.with_file_name("testdata").join(format!("{}.json", draft.file)), &draft.object)?;
    let cases = cases::read(&file, &draft.test, &loaded.rules, &mut data).map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(
            "the draft of the test would be no good ({}); please tell us of this object",
            told.join("; ")
        )
    })?;
    let rules = Arc::new(loaded.rules);
    for case in &cases {
        let told = trial::notices(case, rules.clone()).await;
        if let Some(line) = trial::judge(case, &told, None).first() {
            bail!("the draft does not hold ({}: {line}); please tell us of this object", case.name);
        }
    }
    Ok(())
}

/// Says which shipped rules tell of the example already: a second one may not be needed.
fn known(example: &Example, name: &str) {
    let Ok(shipped) = Library::default().load() else { return };
    let bytes = Value::Object(example.object.clone()).to_string();
    let Ok(node) = json::parse(bytes.as_bytes()) else { return };
    let kind = example.resource.group_kind();
    let tell: Vec<&str> = shipped
        .for_kind(&kind)
        .filter(|rule| rule.reference_groups().is_empty() && rule.evaluate(&node, clock::now()).matches)
        .map(prodrome_rules::Rule::name)
        .collect();
    if !tell.is_empty() {
        eprintln!("prodrome: of this object the shipped rules tell already: {}", tell.join(", "));
    }
    if shipped.get(name).is_some() {
        eprintln!(
            "prodrome: there is a shipped rule {name} already; choose another name (--name) if both are to be used"
        );
    }
}

fn write(draft: &Draft, folder: &Path, force: bool) -> Result<Vec<PathBuf>> {
    let data = folder.join("testdata");
    let files = [
        (folder.join(format!("{}.yaml", draft.file)), &draft.rule),
        (folder.join(format!("{}.test.yaml", draft.file)), &draft.test),
        (data.join(format!("{}.json", draft.file)), &draft.object),
    ];
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists() && !force) {
        bail!(
            "{} is there already; choose another --name or --to, or overwrite it with --force",
            path.display()
        );
    }
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    let mut written = Vec::new();
    for (path, text) in files {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}
