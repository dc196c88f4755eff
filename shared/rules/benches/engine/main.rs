//! What a pass over an object costs, in ratios: candidates and baseline take turns pack by pack, on the CPU's clock
//! of this thread, and the median of the packs counts.
//!
//! `cargo bench -p prodrome-rules --bench engine` prints the tables; with `-- --report FILE` it writes them there.
//! `-- --instructions N` goes over the generated objects N times (`recorded`: over those; `alone`: with
//! generated rules alone; `places`: and reads the places of the matched values) and does nothing else, to be counted
//! by callgrind.
#![expect(clippy::print_stdout, reason = "what it measures is what it prints")]
#![expect(clippy::cast_precision_loss, reason = "ratios are shown with three digits")]

mod corpus;
mod library;
mod pack;

use corpus::{Corpus, Object};
use prodrome_model::GroupKind;
use prodrome_rules::engine::{Level, Program, Scratch};
use prodrome_rules::{RuleSet, json};
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

/// Objects that are measured at a stretch.
const PACK: usize = 200;
/// How often each pack is gone over.
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    if let Some(times) = value("--instructions") {
        let corpus = if arguments.iter().any(|a| a == "recorded") {
            corpus::recorded()
        } else {
            corpus::generated(PACK)
        };
        let rules = if arguments.iter().any(|a| a == "alone") {
            library::generated_alone(&corpus.kinds(), of_cluster)
        } else {
            library::library(&corpus.kinds(), |_| 130)
        };
        let places = arguments.iter().any(|a| a == "places");
        return instructions(&corpus, &rules, places, times.parse().expect("a number"));
    }
    let report = report();
    match value("--report") {
        Some(file) => std::fs::write(file, report).expect("the report is written"),
        None => println!("{report}"),
    }
}

/// Nanoseconds of work of this thread.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// How 130 rules about a whole cluster spread: most of them are about Pods.
fn of_cluster(kind: &GroupKind) -> usize {
    if kind.kind == "Pod" { 78 } else { 13 }
}

/// To each kind of the corpus its own.
type Programs = Vec<Program>;

fn programs(rules: &Arc<RuleSet>, corpus: &Corpus, level: Level) -> Programs {
    corpus.kinds().iter().map(|kind| Program::new(rules, kind).with_level(level)).collect()
}

/// Goes over a pack; how many rules had something to say.
fn run(programs: &Programs, pack: &[Object], scratch: &mut Scratch) -> usize {
    let said = pack.iter().map(|Object { place, json, now, .. }| {
        let verdicts = programs[*place].run(json, *now, scratch).expect("it is JSON");
        verdicts.iter().count()
    });
    said.sum()
}

/// The same, and reads where the values stand that made rules match; how many there are.
fn run_and_read_places(programs: &Programs, pack: &[Object], scratch: &mut Scratch) -> usize {
    let (mut found, mut places) = (0, Vec::new());
    for Object { place, json, now, .. } in pack {
        let verdicts = programs[*place].run(json, *now, scratch).expect("it is JSON");
        for (_, verdict) in verdicts.iter() {
            verdicts.places_into(verdict, &mut places);
            found += places.len();
        }
    }
    found
}

fn parse(pack: &[Object]) {
    for Object { json, .. } in pack {
        black_box(serde_json::from_slice::<serde_json::Value>(json).expect("it is JSON"));
    }
}

/// The way that everybody writes first: parse, then ask rule by rule.
fn walk(rules: &RuleSet, pack: &[Object]) -> usize {
    let mut said = 0;
    for Object { kind, json, now, .. } in pack {
        let tree = json::parse(json).expect("it is JSON");
        for rule in rules.for_kind(kind) {
            let evaluation = rule.evaluate(&tree, *now);
            said += usize::from(evaluation.matches || evaluation.turns_at.is_some());
        }
    }
    said
}

/// Why small objects take a larger share.
const RECORDED: &str = "\nWhat small objects take is not scanning, as SSE2 is about as fast as AVX2 here, but keys and values: some 90 keys in the 2.4 KB outside of managedFields, of which the rules ask for 36. With 130 rules a kind an object takes 24,600 instructions (callgrind). With 130 generated rules in all it takes 17,700, the places of matched values among them, of which for a tenth of parsing to `Value` some 18,000 may be taken: 300 to see that it is UTF-8; 2,700 to skip what nobody asks for and stands in brackets, which are 39 blocks of 64 bytes at 53 instructions each, more than half of them managedFields; 7,800 to go from key to key and in and out of containers: 60 keys are compared with the expected one, 20 of which are asked for; 1,400 for the texts and numbers that are asked for, and 800 for the elements of lists; patterns, quantities and timestamps 1,000; judging 1,000; the places 1,300. Time is not instructions alone: where objects came from memory, and not from the cache, a fifth of it went to the look at UTF-8, which touches them first. So the ratio hangs on who else uses the cache: in seven runs, with the machine's other work stopped, it was 0.091 to 0.099 in six and 0.108 in one (SSE2: 0.109 to 0.122), with a second program of the engine in the same turns 0.098 to 0.106, and beside two compilers up to 0.112. A quarter of it is the first touch of tables and code after the baseline has run: the same pack at once again takes 1.43 µs an object where the first time took 1.9, the first 50 objects twice as much as the rest; one object again and again takes 1.3. Tried and not kept, as it took no fewer instructions, and no less time as far as a busy machine could tell: to compare members that nobody asks for, and that are the same each time, as one text with the key that follows them (objects of other owners differ in too many of them); to lay out tables by lines of the cache (a fifth fewer misses of the first cache, simulated); to leave empty containers out where brackets are counted; to look at UTF-8 after the walk, when the bytes are in the cache. Not tried: to keep of each container that is skipped its last text, and skip what is the same by comparing (of the blocks of managedFields in these objects two thirds are the same as in the last object of the kind, four fifths as in one of the last four).\n";

type Candidate<'c> = Box<dyn FnMut(&[Object]) + 'c>;

/// Nanoseconds an object of each candidate, and its time to the first one's: the medians over all packs.
fn measure(corpus: &Corpus, candidates: &mut [Candidate<'_>]) -> Vec<(f64, f64)> {
    let mut times = vec![Vec::new(); candidates.len()];
    let mut ratios = vec![Vec::new(); candidates.len()];
    for _ in 0..ROUNDS {
        for pack in corpus.objects.chunks(PACK).filter(|pack| pack.len() == PACK) {
            let mut first = 0.0;
            for (index, candidate) in candidates.iter_mut().enumerate() {
                // Unpacking leaves a pack in the cache.
                black_box(
                    pack.iter()
                        .map(|object| object.json.iter().map(|b| usize::from(*b)).sum::<usize>())
                        .sum::<usize>(),
                );
                let begin = cpu();
                candidate(pack);
                let took = (cpu() - begin) / PACK as f64;
                if index == 0 {
                    first = took;
                }
                times[index].push(took);
                ratios[index].push(took / first);
            }
        }
    }
    times.into_iter().zip(ratios).map(|(times, ratios)| (median(times), median(ratios))).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn report() -> String {
    let mut out = String::from("## The engine: what a pass over an object costs\n\n");
    out.push_str("Made by `make bench-engine`. Medians of packs of 200 objects, a few candidates in turns with the baseline, CPU time of the thread: the ratios hold, the microseconds are this machine's. What is measured is the whole run: UTF-8 and brackets checked, each rule's verdict, when time alone turns it, and for each value that matched where it stands (to read these places for the verdicts that match has a row of its own). Of the 130 rules of a kind the shipped ones come first, which ask many things of each object, and generated ones fill up. `130 generated rules in all` are such as the section on other engines has, but for three of ten that are about all teams and namespaces.\n");
    for corpus in [corpus::generated(1200), corpus::recorded()] {
        let (objects, bytes) = (corpus.objects.len(), corpus.mean_bytes());
        write!(out, "\n### Objects {}: {objects}, {bytes} bytes in the mean\n\n", corpus.name)
            .expect("a String");
        library_table(&mut out, &corpus);
        if corpus.name == "recorded" {
            out.push_str(RECORDED);
        }
        random_table(&mut out, &corpus);
        pack_table(&mut out, &corpus);
    }
    compile_table(&mut out);
    out
}

fn library_table(out: &mut String, corpus: &Corpus) {
    let rules: Vec<Arc<RuleSet>> =
        [130, 1000, 3000].iter().map(|n| library::library(&corpus.kinds(), |_| *n)).collect();
    let best: Vec<Programs> = rules.iter().map(|rules| programs(rules, corpus, Level::Best)).collect();
    let baseline = programs(&rules[0], corpus, Level::Baseline);
    let spread = programs(&library::generated_alone(&corpus.kinds(), of_cluster), corpus, Level::Best);
    let spread_baseline =
        programs(&library::generated_alone(&corpus.kinds(), of_cluster), corpus, Level::Baseline);
    let mut scratches: Vec<Scratch> = (0..7).map(|_| Scratch::default()).collect();
    let mut said = [0; 4];
    let [best_130, base_130, places_130, best_1000, best_3000, best_spread, base_spread] = &mut scratches[..]
    else {
        return;
    };
    let [said_130, found, said_spread, said_walk] = &mut said;
    // Few in turns: more of them would find nothing in the cache, neither their code nor their tables. One program,
    // as a function has, where a must is measured.
    let groups: [Vec<(&str, Candidate<'_>)>; 5] = [
        vec![
            ("**130 rules a kind**", Box::new(|pack| *said_130 += run(&best[0], pack, best_130))),
            (
                "130 rules a kind, the plain x86-64 build (SSE2)",
                Box::new(|pack| {
                    black_box(run(&baseline, pack, base_130));
                }),
            ),
            (
                "130 rules a kind, and the places read of each that matches",
                Box::new(|pack| *found += run_and_read_places(&best[0], pack, places_130)),
            ),
        ],
        vec![(
            "**130 generated rules in all, 78 of them about Pods, places read**",
            Box::new(|pack| *said_spread += run_and_read_places(&spread, pack, best_spread)),
        )],
        vec![(
            "the same, the plain x86-64 build (SSE2)",
            Box::new(|pack| {
                black_box(run_and_read_places(&spread_baseline, pack, base_spread));
            }),
        )],
        vec![
            (
                "1000 rules a kind",
                Box::new(|pack| {
                    black_box(run(&best[1], pack, best_1000));
                }),
            ),
            (
                "3000 rules a kind",
                Box::new(|pack| {
                    black_box(run(&best[2], pack, best_3000));
                }),
            ),
        ],
        vec![("tree and walk, 130 rules a kind", Box::new(|pack| *said_walk += walk(&rules[0], pack)))],
    ];
    out.push_str(
        "| like the library | µs an object | ÷ parsing to `Value` | ÷ 130 rules |\n|---|---|---|---|\n",
    );
    let mut engine = None;
    for group in groups {
        let (names, group): (Vec<&str>, Vec<Candidate<'_>>) = group.into_iter().unzip();
        let mut candidates: Vec<Candidate<'_>> = vec![Box::new(parse)];
        candidates.extend(group);
        let measured = measure(corpus, &mut candidates);
        let names = std::iter::once("`serde_json` to `Value`, and no rules").chain(names);
        // The first group has the row that the others are compared to.
        let engine = *engine.get_or_insert(measured[1].1);
        for (name, (nanos, ratio)) in names.zip(&measured) {
            writeln!(out, "| {name} | {:.2} | {ratio:.3} | {:.2} |", nanos / 1000.0, ratio / engine)
                .expect("a String");
        }
    }
    let [said, found, found_spread, said_by_walk] = said;
    let share = |count: usize| count as f64 / (ROUNDS * (corpus.objects.len() / PACK) * PACK) as f64;
    let own = library::library(&corpus.kinds(), |_| 0);
    let shipped: Vec<String> = corpus
        .kinds()
        .iter()
        .map(|kind| format!("{} about {}s", own.for_kind(kind).count(), kind.kind))
        .collect();
    writeln!(
        out,
        "\nOf each 130 rules a kind shipped are {}. An object has {:.2} verdicts with them (that a rule matches, or when it will), and {:.2} places; {:.2} places with the generated rules.",
        shipped.join(", "),
        share(said),
        share(found),
        share(found_spread)
    )
    .expect("a String");
    assert!(said >= said_by_walk, "the same rules say the same");
}

fn random_table(out: &mut String, corpus: &Corpus) {
    let rules: Vec<Arc<RuleSet>> = [130, 1000].iter().map(|n| library::random(corpus, *n)).collect();
    let programs: Vec<Programs> = rules.iter().map(|rules| programs(rules, corpus, Level::Best)).collect();
    let (mut a, mut b) = (Scratch::default(), Scratch::default());
    let mut candidates: Vec<Candidate<'_>> = vec![
        Box::new(parse),
        Box::new(|pack| {
            black_box(run(&programs[0], pack, &mut a));
        }),
        Box::new(|pack| {
            black_box(run(&programs[1], pack, &mut b));
        }),
    ];
    let measured = measure(corpus, &mut candidates);
    drop(candidates);
    out.push_str("\n| at random over all paths and operators | µs an object | ÷ parsing to `Value` | ÷ 130 rules |\n|---|---|---|---|\n");
    for (name, (nanos, ratio)) in
        ["`serde_json` to `Value`, and no rules", "130 rules a kind", "1000 rules a kind"]
            .iter()
            .zip(&measured)
    {
        writeln!(out, "| {name} | {:.2} | {ratio:.3} | {:.2} |", nanos / 1000.0, nanos / measured[1].0)
            .expect("a String");
    }
}

/// From a pack as it comes from the queue to what the rules say of each of its objects.
fn pack_table(out: &mut String, corpus: &Corpus) {
    let packs: Vec<Vec<u8>> = corpus.objects.chunks(PACK).map(pack::of).collect();
    let bytes = |objects: &[Object]| &packs[objects[0].number / PACK];
    let programs = programs(&library::library(&corpus.kinds(), |_| 130), corpus, Level::Best);
    let mut scratch = Scratch::default();
    let mut candidates: Vec<Candidate<'_>> = vec![
        Box::new(parse),
        Box::new(|objects| {
            black_box(zstd::bulk::decompress(bytes(objects), 8 << 20).expect("zstd"));
        }),
        Box::new(|objects| {
            black_box(pack::decode(bytes(objects), pack::UNCOMPRESSED_MAX).expect("a pack"));
        }),
        Box::new(|objects| {
            let decoded = pack::decode(bytes(objects), pack::UNCOMPRESSED_MAX).expect("a pack");
            for (object, change) in objects.iter().zip(decoded.changes) {
                let change = change.expect("a change");
                let json = change.object.as_ref().expect("an object").get().as_bytes();
                black_box(programs[object.place].run(json, object.now, &mut scratch).expect("it is JSON"));
            }
        }),
    ];
    let measured = measure(corpus, &mut candidates);
    out.push_str("\n| from the pack to the verdicts | µs an object | ÷ parsing to `Value` | changes a second |\n|---|---|---|---|\n");
    for (name, (nanos, ratio)) in [
        "`serde_json` to `Value`, and no rules",
        "inflating the pack",
        "reading the pack: each change, its object's brackets and text checked",
        "**reading it and 130 rules a kind**",
    ]
    .iter()
    .zip(&measured)
    {
        writeln!(out, "| {name} | {:.2} | {ratio:.3} | {:.0} |", nanos / 1000.0, 1e9 / nanos)
            .expect("a String");
    }
}

fn compile_table(out: &mut String) {
    out.push_str("\n### Compiling the rules of a kind\n\n| rules | ms |\n|---|---|\n");
    let pod = GroupKind::core("Pod");
    for count in [130, 1000, 3000, 10_000] {
        let rules = library::library(std::slice::from_ref(&pod), |_| count);
        let times = (0..3).map(|_| {
            let begin = cpu();
            black_box(Program::new(&rules, &pod));
            (cpu() - begin) / 1e6
        });
        writeln!(out, "| {count} | {:.1} |", median(times.collect())).expect("a String");
    }
}

/// Goes over the generated objects so many times; the difference of two counts is what one time takes.
fn instructions(corpus: &Corpus, rules: &Arc<RuleSet>, places: bool, times: usize) {
    let programs = programs(rules, corpus, Level::Best);
    let mut scratch = Scratch::default();
    for _ in 0..times {
        if places {
            black_box(run_and_read_places(&programs, &corpus.objects, &mut scratch));
        } else {
            black_box(run(&programs, &corpus.objects, &mut scratch));
        }
    }
    println!("{}", corpus.objects.iter().map(|object| object.json.len()).sum::<usize>());
}
