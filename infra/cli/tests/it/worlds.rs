//! Small worlds, each with a fault that was written down before the command saw it: what fires must name its cause, and
//! the object whose repair ends it. A world without a cause is sound, and nothing may fire in it.
//!
//! A line of `worlds.jsonl`: its name, the causes and the objects to be mended that are right, the objects, and where
//! the rule waits longer than one look, whom to ask.

use crate::run::{folder, prodrome, within};
use serde::Deserialize;
use serde_json::{Value, json};

const NOW: &str = "2026-03-02T10:00:00Z";

#[derive(Deserialize)]
struct World {
    name: String,
    cause: Vec<String>,
    faulty: Vec<String>,
    #[serde(default)]
    ask: Option<String>,
    objects: Value,
}

impl World {
    /// What is wrong with an answer, if something is.
    fn mistake(&self, answer: &Value) -> Option<String> {
        let cause = answer["cause"].as_str().unwrap_or("unknown");
        let named = &answer["faulty"];
        let place = named["namespace"].as_str().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let (kind, name) =
            (named["kind"].as_str().unwrap_or_default(), named["name"].as_str().unwrap_or_default());
        let faulty = format!("{kind} {place}{name}");
        let right = self.cause.iter().any(|right| right == cause)
            && (named.is_null() || self.faulty.contains(&faulty));
        (!right).then(|| format!("{}: {} says {cause} of {faulty}", self.name, answer["rule"]))
    }
}

fn worlds() -> Vec<World> {
    include_str!("worlds.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_is_wrong_in_a_small_world_is_named_and_nobody_else_is_blamed() {
    let worlds = worlds();
    let file = |world: &World| {
        (format!("{}.json", world.name), json!({ "kind": "List", "items": world.objects }).to_string())
    };
    let files: Vec<(String, String)> = worlds.iter().map(file).collect();
    let dir = folder(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    let paths: Vec<String> = files.iter().map(|(name, _)| within(&dir, name)).collect();
    let mut arguments = vec!["scan", "--now", NOW, "--output", "json", "--from"];
    arguments.extend(paths.iter().map(String::as_str));
    let found = prodrome(&arguments);
    let firing: Vec<Value> =
        found.json_lines().into_iter().filter(|line| line["state"] == "firing").collect();
    let mut mistakes = Vec::new();
    for (world, path) in worlds.iter().zip(&paths) {
        let mut answers: Vec<Value> =
            firing.iter().filter(|line| line["file"] == path.as_str()).cloned().collect();
        if world.cause.is_empty() {
            mistakes.extend(answers.iter().map(|line| format!("{}: {} fires", world.name, line["rule"])));
            continue;
        }
        if let Some(object) = &world.ask {
            let asked = prodrome(&[
                "diagnose", object, "-n", "shop", "--now", NOW, "--from", path, "--output", "json",
            ]);
            answers = asked.json_lines();
        }
        if answers.iter().all(|line| line["cause"].is_null()) {
            mistakes.push(format!("{}: nothing is named", world.name));
        }
        let named = answers.iter().filter(|line| !line["cause"].is_null() && line["cause"] != "unknown");
        mistakes.extend(named.filter_map(|line| world.mistake(line)));
    }
    assert!(mistakes.is_empty(), "{mistakes:#?}\n{}", found.stderr);
}

#[test]
fn what_is_around_an_object_is_kept_where_the_command_is_told_to() {
    let world = worlds().into_iter().find(|world| world.name == "read-only-root").unwrap();
    let list = json!({ "kind": "List", "items": world.objects }).to_string();
    let dir = folder(&[("world.json", list.as_str())]);
    let (from, to) = (within(&dir, "world.json"), within(&dir, "around.json"));
    let object = "deploy/ro";
    let run = |file: &str| {
        prodrome(&["diagnose", object, "-n", "shop", "--now", NOW, "--from", &from, "--snapshot", file])
    };
    let kept = run(&to);
    assert_eq!(kept.code, 1, "{}", kept.stderr);
    assert!(kept.stdout.contains("app-file-permission"), "{}", kept.stdout);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(&to).unwrap()).unwrap();
    assert_eq!(document["object"]["kind"], "Deployment", "{document}");
    let shown: Value = serde_json::from_str(&run("-").stdout).unwrap();
    assert_eq!(shown["at"], NOW, "the time that was given, and no part of the clock's");
    assert_eq!(shown, document);
}
