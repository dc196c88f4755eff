//! The same 130 rules a kind in CEL and in Rego (the interpreter and the RVM), parse included, beside the engine.
//!
//! Only generated rules: those that all three can say, with stand-ins for quantities and times in the rivals' favour.

#[allow(dead_code)]
#[path = "../../../shared/rules/benches/engine/corpus.rs"]
mod corpus;
#[allow(dead_code)]
#[path = "../../../shared/rules/benches/engine/library.rs"]
mod library;

mod cel_rules;
mod rego_rules;

use corpus::{Corpus, Object};
use prodrome_model::GroupKind;
use prodrome_rules::engine::{Program, Scratch};
use prodrome_rules::{RuleSet, SourceFile, json, load};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

const RULES: usize = 130;
/// Objects at a stretch, few as the rivals take long.
const PACK: usize = 40;

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

struct Rules {
    ours: Arc<RuleSet>,
    named: BTreeMap<GroupKind, Vec<(String, Value)>>,
}

fn rules(kinds: &[GroupKind]) -> Rules {
    let mut named = BTreeMap::new();
    let mut text = String::new();
    for kind in kinds {
        let mut rng = fastrand::Rng::with_seed(11);
        let of_kind: Vec<(String, Value)> = (0..RULES)
            .map(|index| {
                (format!("{}Generated{index}", kind.kind), library::like_the_library(kind, &mut rng))
            })
            .collect();
        for (name, rule) in &of_kind {
            text.push_str(&serde_json::json!({ name.as_str(): rule }).to_string());
            text.push('\n');
        }
        named.insert(kind.clone(), of_kind);
    }
    let loaded = load(&[SourceFile::new("generated.json", text)]);
    assert!(loaded.is_sound());
    Rules { ours: Arc::new(loaded.rules), named }
}

/// Why the engine's own times differ from those of its section.
const NOTE: &str = "Made by `make bench-rivals`. The rules are generated ones alone, such as all can say, and none of the shipped ones that come first in the engine's own section: fewer conditions on other fields, nearly no verdicts. The engine goes over each pack of 40 objects 20 times, with nothing else in between. Therefore its microseconds are below those of its own section; the ratios here hold for these rules.";

type Candidate<'c> = (&'static str, Box<dyn FnMut(&[Object]) -> usize + 'c>);

fn main() {
    println!("## The same 130 rules a kind in other engines, parse included\n");
    println!("{NOTE}\n");
    for corpus in [corpus::generated(400), corpus::recorded()] {
        table(&corpus);
    }
}

fn table(corpus: &Corpus) {
    let rules = rules(&corpus.kinds());
    let programs: BTreeMap<GroupKind, Program> =
        corpus.kinds().into_iter().map(|kind| (kind.clone(), Program::new(&rules.ours, &kind))).collect();
    let cel: BTreeMap<GroupKind, Vec<cel::Program>> = rules
        .named
        .iter()
        .map(|(kind, named)| {
            let compile = |(name, rule): &(String, Value)| {
                let text = cel_rules::rule(rule);
                cel::Program::compile(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
            };
            (kind.clone(), named.iter().map(compile).collect())
        })
        .collect();
    let mut engines = BTreeMap::new();
    let mut machines = BTreeMap::new();
    for (kind, named) in &rules.named {
        let policy: String = named.iter().map(|(name, rule)| rego_rules::rule(name, rule)).collect();
        let mut engine = regorus::Engine::new();
        engine
            .add_policy("rules.rego".into(), format!("package rules\nimport rego.v1\n{policy}"))
            .expect("Rego");
        let compiled = engine.compile_with_entrypoint(&"data.rules.matches".into()).expect("Rego compiles");
        let program =
            Compiler::compile_from_policy(&compiled, &["data.rules.matches"]).expect("for the RVM too");
        let mut machine = RegoVM::new();
        machine.load_program(program);
        engines.insert(kind.clone(), engine);
        machines.insert(kind.clone(), machine);
    }
    let mut scratch = Scratch::default();
    let members = |value: regorus::Value| value.as_set().map_or(0, |set| set.len());
    let mut candidates: Vec<Candidate<'_>> = vec![
        (
            "the engine",
            Box::new(|pack| {
                let said = pack.iter().map(|object| {
                    let verdicts =
                        programs[&object.kind].run(&object.json, object.now, &mut scratch).expect("JSON");
                    verdicts.iter().filter(|(_, verdict)| verdict.matches).count()
                });
                said.sum()
            }),
        ),
        (
            "tree and walk",
            Box::new(|pack| {
                let said = pack.iter().map(|object| {
                    let tree = json::parse(&object.json).expect("JSON");
                    rules
                        .ours
                        .for_kind(&object.kind)
                        .filter(|rule| rule.evaluate(&tree, object.now).matches)
                        .count()
                });
                said.sum()
            }),
        ),
        (
            "`cel` 0.15",
            Box::new(|pack| {
                let said = pack.iter().map(|object| {
                    let value: Value = serde_json::from_slice(&object.json).expect("JSON");
                    let mut context = cel::Context::default();
                    context.add_variable("o", value).expect("a value");
                    let holds = |program: &&cel::Program| {
                        matches!(program.execute(&context), Ok(cel::Value::Bool(true)))
                    };
                    cel[&object.kind].iter().filter(holds).count()
                });
                said.sum()
            }),
        ),
        (
            "`regorus` 0.14, interpreter",
            Box::new(|pack| {
                let said = pack.iter().map(|object| {
                    let engine = engines.get_mut(&object.kind).expect("of each kind");
                    engine.set_input_json(std::str::from_utf8(&object.json).expect("UTF-8")).expect("JSON");
                    members(engine.eval_rule("data.rules.matches".into()).expect("it evaluates"))
                });
                said.sum()
            }),
        ),
        (
            "`regorus` 0.14, RVM",
            Box::new(|pack| {
                let said = pack.iter().map(|object| {
                    let machine = machines.get_mut(&object.kind).expect("of each kind");
                    let text = std::str::from_utf8(&object.json).expect("UTF-8");
                    machine.set_input(regorus::Value::from_json_str(text).expect("JSON"));
                    members(machine.execute().expect("it runs"))
                });
                said.sum()
            }),
        ),
    ];
    let mut times = vec![Vec::new(); candidates.len()];
    let mut ratios = vec![Vec::new(); candidates.len()];
    let mut matches = vec![0; candidates.len()];
    // Some packs from all over the corpus.
    let packs: Vec<&[Object]> = corpus.objects.chunks(PACK).filter(|pack| pack.len() == PACK).collect();
    let step = packs.len().div_ceil(10);
    for pack in packs.iter().step_by(step).chain(packs.iter().step_by(step)) {
        let mut first = 0.0;
        for (index, (_, candidate)) in candidates.iter_mut().enumerate() {
            black_box(
                pack.iter()
                    .map(|object| object.json.iter().map(|b| usize::from(*b)).sum::<usize>())
                    .sum::<usize>(),
            );
            // Short runs are repeated, as the clock is not that fine.
            let repeats = if index == 0 { 20 } else { 1 };
            let begin = cpu();
            let mut found = 0;
            for _ in 0..repeats {
                found = candidate(pack);
            }
            let took = (cpu() - begin) / repeats as f64 / PACK as f64;
            matches[index] += found;
            if index == 0 {
                first = took;
            }
            times[index].push(took);
            ratios[index].push(took / first);
        }
    }
    println!("### Objects {}, {} bytes in the mean\n", corpus.name, corpus.mean_bytes());
    println!("| | µs an object | ÷ the engine | matches |\n|---|---|---|---|");
    for (index, (name, _)) in candidates.iter().enumerate() {
        let (time, ratio) = (median(&mut times[index]), median(&mut ratios[index]));
        println!("| {name} | {:.1} | {ratio:.1} | {} |", time / 1000.0, matches[index]);
    }
    println!();
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
