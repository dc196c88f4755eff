//! From a line of a watch to a pack with zstd 1: the watcher's way, and what kube's `watcher::<DynamicObject>` does
//! with the same line, written out again.
//!
//! The watcher's reader and the queue's packs are compiled from their very files.

#[allow(dead_code, reason = "more than is measured")]
#[path = "../../../shared/rules/benches/engine/corpus.rs"]
mod corpus;
#[allow(dead_code, reason = "it is a part of another crate")]
#[path = "../../../infra/watcher/src/event.rs"]
mod event;
#[allow(dead_code, reason = "it is a part of another crate")]
#[path = "../../../shared/rules/benches/engine/pack.rs"]
mod pack;
#[allow(dead_code, reason = "it is a part of another crate")]
#[path = "../../../infra/watcher/src/trim.rs"]
mod trim;

/// What the reader says of lines that are none: here all are.
mod api {
    #[derive(Debug)]
    pub(crate) struct ApiError;

    impl From<prodrome_scan::ScanError> for ApiError {
        fn from(_: prodrome_scan::ScanError) -> Self {
            Self
        }
    }

    impl ApiError {
        pub(crate) fn of_status(_: u16, _: String, _: Option<std::time::Duration>) -> Self {
            Self
        }
    }
}

/// What the reader says besides where deletions are held: here none is.
mod finalizers {
    #[derive(Debug, Default, serde::Deserialize)]
    pub(crate) struct Meta;
}

/// What the reader makes of a line.
#[allow(dead_code, reason = "more than is measured")]
mod waiting {
    use std::sync::Arc;
    use tokio::time::Instant;

    #[derive(Debug)]
    pub(crate) struct Change {
        pub(crate) deleted: bool,
        pub(crate) namespace: Option<Box<str>>,
        pub(crate) name: Box<str>,
        pub(crate) uid: Box<str>,
        pub(crate) version: Arc<str>,
        pub(crate) list: Option<Arc<str>>,
        pub(crate) object: Box<[u8]>,
        pub(crate) observed_at: Instant,
    }
}

use corpus::{Corpus, Object};
use event::{Event, Reader};
use kube_core::{DynamicObject, WatchEvent};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use trim::Trim;

/// Objects of a pack.
const PACK: usize = 200;
const ROUNDS: usize = 5;

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn main() {
    println!("## The watcher: from a line of a watch to the pack, with zstd 1\n");
    println!(
        "Made by `make bench-watcher`. Medians of packs of {PACK} objects, in turns, CPU time of the thread. kube's way: the line to `WatchEvent<DynamicObject>`, managedFields dropped, and written out again into the same pack.\n"
    );
    println!(
        "| objects | the watcher: µs an object | kube's way | ratio | the watcher without zstd | ratio without zstd |\n|---|---|---|---|---|---|"
    );
    for corpus in [corpus::generated(1200), corpus::recorded()] {
        row(&corpus);
    }
}

fn row(corpus: &Corpus) {
    let kinds = corpus.kinds();
    let mut readers: Vec<Reader> =
        kinds.iter().map(|kind| Reader::new(Trim::of(&pack::resource(kind), false, None))).collect();
    let lines: Vec<Vec<u8>> = corpus
        .objects
        .iter()
        .map(|object| [br#"{"type":"MODIFIED","object":"#, &*object.json, b"}"].concat())
        .collect();
    let line = |object: &Object| &lines[object.number];
    let now = tokio::time::Instant::now();
    let mut ours = |object: &Object| match readers[object.place].event(line(object), None, now) {
        Ok(Event::Change(change)) => Some(change.object.into_vec()),
        Ok(_) => None,
        Err(error) => panic!("{error:?}"),
    };
    let kubes = |object: &Object| match serde_json::from_slice::<WatchEvent<DynamicObject>>(line(object))
        .expect("an event")
    {
        WatchEvent::Modified(mut object) => {
            object.metadata.managed_fields = None;
            Some(serde_json::to_vec(&object).expect("JSON"))
        }
        _ => None,
    };
    let (mut our_times, mut kube_times, mut bare_times) = (vec![], vec![], vec![]);
    let (mut ratios, mut bare_ratios) = (vec![], vec![]);
    for objects in (0..ROUNDS).flat_map(|_| corpus.objects.chunks_exact(PACK)) {
        let touched: usize = objects.iter().flat_map(line).map(|byte| usize::from(*byte)).sum();
        black_box(touched);
        let time = |work: &mut dyn FnMut()| {
            let begin = cpu();
            work();
            (cpu() - begin) / PACK as f64
        };
        let packed = time(&mut || drop(black_box(pack::with(objects, &mut ours))));
        let packed_by_kube = time(&mut || drop(black_box(pack::with(objects, &mut |object| kubes(object)))));
        let bare = time(&mut || objects.iter().for_each(|object| drop(black_box(ours(object)))));
        let bare_by_kube = time(&mut || objects.iter().for_each(|object| drop(black_box(kubes(object)))));
        our_times.push(packed);
        kube_times.push(packed_by_kube);
        ratios.push(packed / packed_by_kube);
        bare_times.push(bare);
        bare_ratios.push(bare / bare_by_kube);
    }
    println!(
        "| {}, {} bytes in the mean | {:.2} | {:.2} | **{:.3}** | {:.2} | {:.3} |",
        corpus.name,
        corpus.mean_bytes(),
        median(our_times) / 1000.0,
        median(kube_times) / 1000.0,
        median(ratios),
        median(bare_times) / 1000.0,
        median(bare_ratios)
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
