//! Writes what each target begins with into DIR/NAME: `corpus REPOSITORY DIR`. It is made of the recordings, the rules and
//! the corpus of messages, cut into small files.

use prodrome_queue::pack::{ChangeHead, PackBuilder, PackHead};
use prodrome_recording::{Recording, StepKind, Timeline};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Larger ones are left out: small inputs are tried more often.
const INPUT_BYTES_MAX: usize = 8 * 1024;
/// Of each kind of each recording, so many objects.
const OBJECTS_MAX: usize = 3;

const REQUESTS: [&str; 9] = [
    "GET /api/v1/pods?limit=1&labelSelector=app%20in%20(a,b),!c\nAccept: application/json;as=PartialObjectMetadataList",
    "GET /api/v1/namespaces/n/configmaps?watch=1&resourceVersion=1000&timeoutSeconds=1&allowWatchBookmarks=true",
    "GET /api/v1/configmaps?watch=1&sendInitialEvents=true&allowWatchBookmarks=1&resourceVersionMatch=NotOlderThan",
    "GET /api/v1/configmaps?resourceVersion=1001&resourceVersionMatch=Exact&fieldSelector=metadata.name%3Da",
    "GET /api/v1/configmaps?limit=1&continue=eyJvZiI6WzEsMV0sImFmdGVyIjpbIm4iLCJhIl19",
    "GET /apis\n\n\n---\nGET /apis/apps/v1\n\n\n---\nGET /healthz",
    "POST /api/v1/namespaces/n/configmaps\nContent-Type: application/json\n\n{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}",
    "PATCH /apis/coordination.k8s.io/v1/namespaces/n/leases/a\nContent-Type: application/apply-patch+yaml\n\n{\"metadata\":{\"name\":\"a\"}}",
    "DELETE /api/v1/namespaces/n/configmaps/a",
];

struct Corpus {
    folder: PathBuf,
    written: BTreeMap<&'static str, usize>,
}

impl Corpus {
    fn add(&mut self, target: &'static str, input: &[u8]) -> Result<(), Box<dyn Error>> {
        if input.len() > INPUT_BYTES_MAX {
            return Ok(());
        }
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        let number = self.written.entry(target).or_default();
        *number += 1;
        Ok(fs::write(folder.join(format!("seed-{number:05}")), input)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [repository, folder] = &arguments[..] else { return Err("corpus REPOSITORY DIR".into()) };
    let (repository, mut corpus) =
        (Path::new(repository), Corpus { folder: folder.into(), written: BTreeMap::new() });
    recordings(repository, &mut corpus)?;
    rules(repository, &mut corpus)?;
    messages(repository, &mut corpus)?;
    for request in REQUESTS {
        corpus.add("play", request.as_bytes())?;
    }
    corpus.add("play", REQUESTS.join("\n---\n").replace("\n\n\n---\n", "\n\n---\n").as_bytes())?;
    for (target, count) in &corpus.written {
        println!("{target}: begins with {count} inputs");
    }
    Ok(())
}

/// Lines of packs, and packs.
fn recordings(repository: &Path, corpus: &mut Corpus) -> Result<(), Box<dyn Error>> {
    let mut folders: Vec<PathBuf> = fs::read_dir(repository.join("events/recordings"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    let head: PackHead = serde_json::from_str(r#"{"tenant":"t","region":"r","cluster":"c","shards":4}"#)?;
    for folder in folders {
        let begins = "2026-01-01T00:00:00Z".parse()?;
        let (mut builder, mut seen) = (PackBuilder::new(&head), BTreeMap::new());
        for step in Timeline::merge([Recording::open(folder)?]).steps(begins)? {
            let step = step?;
            let count: &mut usize = seen.entry(step.resource.kind.clone()).or_default();
            *count += 1;
            if *count > OBJECTS_MAX {
                continue;
            }
            let kind = if step.kind == StepKind::Applied { "applied" } else { "deleted" };
            let line = format!(
                r#"{{"type":"{kind}","resource":{},"epoch":1,"sequence":{count},"observedAt":"2026-01-01T00:00:00Z","source":"watch","object":{}}}"#,
                serde_json::to_string(&step.resource)?,
                step.object.trim_end(),
            );
            corpus.add("change", line.as_bytes())?;
            let change = serde_json::from_str(&line)?;
            builder.push_raw(&ChangeHead::of(&change), Some(step.object.trim_end().as_bytes()));
            if *count == 1 {
                let mut one = PackBuilder::new(&head);
                one.push(&change);
                corpus.add("pack", &one.finish()?.bytes)?;
            }
        }
        corpus.add("pack", &builder.finish()?.bytes)?;
    }
    Ok(())
}

/// Each rule by itself.
fn rules(repository: &Path, corpus: &mut Corpus) -> Result<(), Box<dyn Error>> {
    let mut files: Vec<PathBuf> = fs::read_dir(repository.join("rules"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|file| {
        file.extension().is_some_and(|e| e == "yaml") && !file.to_string_lossy().ends_with(".test.yaml")
    });
    files.sort();
    for file in files {
        let text = fs::read_to_string(file)?;
        let mut rule = String::new();
        for line in text.split_inclusive('\n') {
            if line.starts_with(char::is_alphabetic) && !rule.is_empty() {
                corpus.add("rules", std::mem::take(&mut rule).as_bytes())?;
            }
            rule += line;
        }
        corpus.add("rules", rule.as_bytes())?;
    }
    Ok(())
}

/// The messages whose causes are known.
fn messages(repository: &Path, corpus: &mut Corpus) -> Result<(), Box<dyn Error>> {
    for file in ["corpus.jsonl", "field.jsonl", "wordings.jsonl"] {
        for line in fs::read_to_string(repository.join("shared/causes/tests/it").join(file))?.lines() {
            let message: Value = serde_json::from_str(line)?;
            let part = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            corpus
                .add("causes", format!("{} {}\n{}", part("kind"), part("reason"), part("text")).as_bytes())?;
        }
    }
    Ok(())
}
