//! The state machine against a scripted API, on virtual time.

use super::*;
use crate::trim::{OwnObject, Trim};
use crate::trouble::Trouble;
use bytes::Bytes;
use prodrome_model::Resource;
use std::collections::VecDeque;
use std::sync::Mutex;
use tokio::sync::Notify;

/// What the API answers, in order. After the last it answers no more.
enum Answer {
    /// Of a list that is streamed.
    Stream(Vec<Line>),
    Page(Vec<(&'static str, u64)>, &'static str, Option<&'static str>),
    /// Some items, and then the connection breaks.
    Broken(Vec<(&'static str, u64)>),
    Events(Vec<Line>),
    Error(fn() -> ApiError),
}

#[derive(Clone)]
enum Line {
    Event(String),
    Pause(Duration),
    Error(fn() -> ApiError),
    /// Nothing, for ever.
    Silence,
}

const WATCH_LASTS: Duration = Duration::from_mins(5);

struct Script {
    answers: Mutex<VecDeque<Answer>>,
    calls: Mutex<Vec<String>>,
    began: Instant,
    over: Notify,
}

impl Script {
    async fn answer(&self, call: String) -> Answer {
        let second = self.began.elapsed().as_secs();
        self.calls.lock().unwrap().push(format!("{second}s {call}"));
        let answer = self.answers.lock().unwrap().pop_front();
        if let Some(answer) = answer {
            answer
        } else {
            self.over.notify_one();
            std::future::pending().await
        }
    }
}

impl Api for Arc<Script> {
    type Page = VecDeque<Result<Listed, ApiError>>;
    type Events = VecDeque<Line>;

    async fn list(&self, of: &Collection, limit: u32, next: Option<&str>) -> Result<Self::Page, ApiError> {
        let call = format!("list {of} {limit}{}", next.map(|next| format!(" {next}")).unwrap_or_default());
        let item = |(name, version): (&str, u64)| Ok(Listed::Item(object(name, version).into()));
        match self.answer(call).await {
            Answer::Page(items, version, next) => {
                let end = Listed::End { version: version.to_owned(), next: next.map(str::to_owned) };
                Ok(items.into_iter().map(item).chain([Ok(end)]).collect())
            }
            Answer::Broken(items) => {
                let error = Err(ApiError::Broken("reset".to_owned()));
                Ok(items.into_iter().map(item).chain([error]).collect())
            }
            Answer::Error(error) => Err(error()),
            Answer::Events(_) | Answer::Stream(_) => panic!("a page where the script expects another call"),
        }
    }

    async fn stream(&self, of: &Collection, lasting: Duration) -> Result<Self::Events, ApiError> {
        assert!((WATCH_LASTS..=WATCH_LASTS * 3 / 2).contains(&lasting), "{lasting:?}");
        match self.answer(format!("stream {of}")).await {
            Answer::Stream(lines) => Ok(lines.into()),
            Answer::Error(error) => Err(error()),
            _ => panic!("a streamed list where the script expects another call"),
        }
    }

    async fn watch(&self, of: &Collection, from: &str, lasting: Duration) -> Result<Self::Events, ApiError> {
        assert!((WATCH_LASTS..=WATCH_LASTS * 3 / 2).contains(&lasting), "{lasting:?}");
        match self.answer(format!("watch {of} {from}")).await {
            Answer::Events(lines) => Ok(lines.into()),
            Answer::Error(error) => Err(error()),
            Answer::Page(..) | Answer::Broken(_) | Answer::Stream(_) => {
                panic!("the stream watches where the script expects a list")
            }
        }
    }
}

impl Page for VecDeque<Result<Listed, ApiError>> {
    async fn next(&mut self) -> Result<Listed, ApiError> {
        self.pop_front().unwrap()
    }
}

impl Events for VecDeque<Line> {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            match self.pop_front() {
                Some(Line::Event(line)) => return Ok(Some(line.into())),
                Some(Line::Pause(time)) => sleep(time).await,
                Some(Line::Error(error)) => return Err(error()),
                Some(Line::Silence) => std::future::pending().await,
                None => return Ok(None),
            }
        }
    }
}

fn object(name: &str, version: u64) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"shop","uid":"u-{name}","resourceVersion":"{version}","managedFields":[{{}}]}}}}"#
    )
}

fn event(what: &str, name: &str, version: u64) -> Line {
    Line::Event(format!(r#"{{"type":"{what}","object":{}}}"#, object(name, version)))
}

fn bookmark(version: u64) -> Line {
    Line::Event(format!(r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{version}"}}}}}}"#))
}

fn gone_event() -> Line {
    let status =
        r#"{"kind":"Status","message":"too old resource version: 1 (9)","reason":"Expired","code":410}"#;
    Line::Event(format!(r#"{{"type":"ERROR","object":{status}}}"#))
}

/// What came of a script.
struct Outcome {
    calls: Vec<String>,
    /// What waits for the queue, in its order, in short.
    waits: Vec<String>,
    place: Option<String>,
    restarts: Vec<(&'static str, u64)>,
    state: KindState,
    denied: Vec<DeniedKind>,
    trouble: Option<Trouble>,
    ready: bool,
}

/// Where the cluster is, to whoever comes back.
fn at(version: &'static str) -> Answer {
    Answer::Page(vec![], version, None)
}

/// Plays a script to its end. Where there is a place, the cluster is there: that is asked first, and left out here.
async fn play(place: Option<&'static str>, answers: Vec<Answer>) -> Outcome {
    play_with(place, answers, "ConfigMap", 1 << 20).await
}

/// The same, where lists are streamed.
async fn play_streaming(answers: Vec<Answer>) -> Outcome {
    play_as(None, answers, "ConfigMap", 1 << 20, true).await
}

async fn play_with(
    place: Option<&'static str>,
    answers: Vec<Answer>,
    kind: &str,
    bytes_max: usize,
) -> Outcome {
    play_as(place, answers, kind, bytes_max, false).await
}

async fn play_as(
    place: Option<&'static str>,
    answers: Vec<Answer>,
    kind: &str,
    bytes_max: usize,
    stream_lists: bool,
) -> Outcome {
    let answers = place.map(at).into_iter().chain(answers).collect();
    let mut outcome = play_all(place, answers, kind, bytes_max, stream_lists).await;
    if place.is_some() {
        assert_eq!(outcome.calls.remove(0), format!("0s list {}s 1", kind.to_lowercase()));
    }
    outcome
}

async fn play_all(
    place: Option<&str>,
    answers: Vec<Answer>,
    kind: &str,
    bytes_max: usize,
    stream_lists: bool,
) -> Outcome {
    let resource = Resource {
        group: String::new(),
        version: "v1".into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
        namespaced: true,
    };
    let metrics = Arc::new(Metrics::default());
    let hub = Arc::new(Hub::new(1, (bytes_max, bytes_max), Arc::clone(&metrics)));
    let script = Arc::new(Script {
        answers: Mutex::new(answers.into()),
        calls: Mutex::default(),
        began: Instant::now(),
        over: Notify::new(),
    });
    let common = Arc::new(Common {
        api: Arc::clone(&script),
        hub: Arc::clone(&hub),
        metrics: Arc::clone(&metrics),
        epoch: 7,
        watch_lasts: WATCH_LASTS,
        stream_lists,
        lists: AtomicU64::default(),
        lists_at_once: Semaphore::new(1),
        definitions: Notify::new(),
        hearsay: crate::heard::silence(),
    });
    let place = place.map(Version::from);
    let id = hub.open_stream(Arc::new(resource.clone()), place.clone());
    let own = OwnObject { kind: "ConfigMap", namespace: "shop".into(), name: "own".into() };
    let reader = Reader::new(Trim::of(&resource, false, Some(&own)));
    let collection = Collection { resource, namespace: None };
    metrics.state(&collection.id(), KindState::Starting);
    metrics.discovered(Vec::new());
    let stream = Stream::new(common, collection.clone(), id, reader, Arc::default(), None);
    tokio::select! {
        () = stream.run(place) => {}
        () = script.over.notified() => {}
    }
    let ready = metrics.is_ready();
    let (mut waits, mut pack) = (Vec::new(), 0);
    loop {
        pack += 1;
        let tickets = hub.take(pack, None, |item| {
            let json: Option<serde_json::Value> =
                item.object.map(|json| serde_json::from_slice(json).unwrap());
            let text =
                |key: &str| json.as_ref().and_then(|json| json["metadata"][key].as_str()).unwrap_or_default();
            let list = item.list.map(|list| format!(" of {list}")).unwrap_or_default();
            waits.push(format!("{:?} {} {}{list}", item.kind, text("name"), text("resourceVersion")));
            true
        });
        hub.accepted(pack, &tickets);
        if tickets.is_empty() {
            break;
        }
    }
    let calls = script.calls.lock().unwrap().clone();
    Outcome {
        calls,
        waits,
        place: hub.look(|waiting| waiting.place(id).map(std::string::ToString::to_string)),
        restarts: metrics.restarts().into_iter().collect(),
        state: metrics.kinds()[&collection.id()],
        denied: metrics.denied_kinds().into_iter().collect(),
        trouble: metrics.trouble(),
        ready,
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_start_lists_in_pages_and_watches_on_from_there() {
    let got = play(
        None,
        vec![
            Answer::Page(vec![("a", 3), ("b", 5)], "10", Some("more")),
            Answer::Page(vec![("c", 4)], "10", None),
            Answer::Events(vec![event("ADDED", "d", 11), event("DELETED", "b", 12), bookmark(20)]),
            at("20"),
        ],
    )
    .await;
    assert_eq!(
        got.calls,
        [
            "0s list configmaps 500",
            "0s list configmaps 500 more",
            "0s watch configmaps 10",
            "0s list configmaps 1",
            "0s watch configmaps 20"
        ]
    );
    assert_eq!(
        got.waits,
        [
            "ListBegin   of 7/configmaps/1",
            "Applied a 3 of 7/configmaps/1",
            "Deleted b 12",
            "Applied c 4 of 7/configmaps/1",
            "Applied d 11",
            "ListEnd   of 7/configmaps/1",
        ]
    );
    assert_eq!(got.place.as_deref(), Some("20"));
    assert!(got.ready);
    assert_eq!(got.state, KindState::Watching);
}

#[tokio::test(start_paused = true)]
async fn a_saved_place_is_watched_from_and_nothing_is_listed() {
    let lasts = Answer::Events(vec![event("MODIFIED", "a", 11), Line::Pause(WATCH_LASTS)]);
    let got = play(Some("10"), vec![lasts]).await;
    assert_eq!(got.calls, ["0s watch configmaps 10", "300s watch configmaps 11"]);
    assert_eq!(got.waits, ["Applied a 11"]);
    assert_eq!(got.restarts, [("ended", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_too_old_is_followed_by_a_list_at_once() {
    for (name, gone) in [
        ("as a status", Answer::Error(|| ApiError::Gone)),
        ("as an event", Answer::Events(vec![gone_event()])),
    ] {
        let got = play(Some("1"), vec![gone, Answer::Page(vec![("a", 3)], "9", None)]).await;
        assert_eq!(
            got.calls,
            ["0s watch configmaps 1", "0s list configmaps 500", "0s watch configmaps 9"],
            "{name}"
        );
        assert_eq!(got.restarts, [("gone", 1)], "{name}");
        assert_eq!(got.place.as_deref(), Some("9"), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_forgets_at_once_is_not_listed_without_end() {
    let round = || [Answer::Error(|| ApiError::Gone), Answer::Page(vec![], "9", None)];
    let got = play(Some("1"), (0..6).flat_map(|_| round()).collect()).await;
    let seconds: u64 = got.calls.last().unwrap().split('s').next().unwrap().parse().unwrap();
    assert!((10..60).contains(&seconds), "{:?}", got.calls);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_has_expired_begins_the_list_anew() {
    let got = play(
        None,
        vec![
            Answer::Page(vec![("a", 3)], "10", Some("more")),
            Answer::Error(|| ApiError::Gone),
            Answer::Page(vec![("a", 3)], "12", None),
        ],
    )
    .await;
    assert_eq!(got.calls[1..3], ["0s list configmaps 500 more", "0s list configmaps 500"]);
    assert_eq!(
        got.waits,
        [
            "ListBegin   of 7/configmaps/1",
            "ListBegin   of 7/configmaps/2",
            "Applied a 3 of 7/configmaps/2",
            "ListEnd   of 7/configmaps/2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_that_breaks_off_is_asked_for_again() {
    let got = play(
        None,
        vec![
            Answer::Page(vec![("a", 3)], "10", Some("more")),
            Answer::Broken(vec![("b", 4)]),
            Answer::Page(vec![("b", 4), ("c", 5)], "10", None),
        ],
    )
    .await;
    assert_eq!(got.calls.iter().filter(|call| call.ends_with("500 more")).count(), 2, "{:?}", got.calls);
    assert_eq!(got.waits.iter().filter(|waits| waits.starts_with("ListBegin")).count(), 1);
    assert_eq!(got.waits.len(), 5, "{:?}", got.waits);
    assert_eq!(got.restarts, [("broken", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_refused_again_and_again_begins_the_list_anew() {
    let future = || {
        Answer::Error(|| {
            let reason = "etcdserver: mvcc: required revision is a future revision".to_owned();
            ApiError::Refused { status: 500, reason }
        })
    };
    let first = Answer::Page(vec![("a", 900)], "900", Some("more"));
    let refused = (0..PAGE_TRIES).map(|_| future());
    let answers = [first].into_iter().chain(refused).chain([Answer::Page(vec![("a", 3)], "40", None)]);
    let got = play(None, answers.collect()).await;
    assert_eq!(got.calls.iter().filter(|call| call.ends_with("500 more")).count(), 4, "{:?}", got.calls);
    assert!(got.calls[5].ends_with("list configmaps 500") && got.calls[6].ends_with("watch configmaps 40"));
    assert!(got.waits.contains(&"Applied a 3 of 7/configmaps/2".to_owned()), "{:?}", got.waits);
}

#[tokio::test(start_paused = true)]
async fn a_broken_watch_goes_on_from_the_last_event_or_bookmark() {
    let reset = || Line::Error(|| ApiError::Broken("reset".to_owned()));
    let got = play(
        Some("1"),
        vec![
            Answer::Events(vec![event("ADDED", "a", 5), reset()]),
            at("7"),
            Answer::Events(vec![bookmark(8), reset()]),
            Answer::Error(|| ApiError::Broken("refused".to_owned())),
            Answer::Error(|| ApiError::Refused { status: 500, reason: String::new() }),
            Answer::Error(|| ApiError::Refused { status: 503, reason: String::new() }),
            at("8"),
        ],
    )
    .await;
    let calls: Vec<_> = got.calls.iter().map(|call| call.split_once(' ').unwrap().1).collect();
    let asked = "list configmaps 1";
    let on = |version| format!("watch configmaps {version}");
    assert_eq!(calls, [&*on(1), asked, &*on(5), asked, asked, asked, asked, &*on(8)], "asked once a break");
    let last: u64 = got.calls[6].split('s').next().unwrap().parse().unwrap();
    assert!((2..=9).contains(&last), "waits grow: {:?}", got.calls);
    assert_eq!(got.restarts, [("broken", 3), ("refused", 2)]);
    assert_eq!(got.state, KindState::BackingOff);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_asks_to_wait_is_left_alone_so_long() {
    let throttled =
        || Answer::Error(|| ApiError::of_status(429, "too many".to_owned(), Some(Duration::from_secs(17))));
    let got = play(Some("1"), vec![throttled()]).await;
    assert_eq!(got.calls, ["0s watch configmaps 1", "17s watch configmaps 1"]);
    assert_eq!(got.restarts, [("throttled", 1)]);
    let for_ever =
        || Answer::Error(|| ApiError::of_status(429, String::new(), Some(Duration::from_secs(1 << 40))));
    let got = play(Some("1"), vec![for_ever()]).await;
    assert_eq!(got.calls[1], "120s watch configmaps 1", "within reason");
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_taken_for_dead() {
    let silent = Answer::Events(vec![event("ADDED", "a", 5), Line::Silence]);
    let got = play(Some("1"), vec![silent, at("5")]).await;
    let seconds: u64 = got.calls[1].split('s').next().unwrap().parse().unwrap();
    assert!((330..=510).contains(&seconds), "{:?}", got.calls);
    assert!(got.calls[2].ends_with("watch configmaps 5"), "{:?}", got.calls);
    assert_eq!(got.restarts, [("silent", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_etcd_that_was_restored_is_found_out() {
    // A watch of a version that is yet to come brings nothing at all, not even a bookmark.
    let quiet = || Answer::Events(vec![Line::Pause(Duration::from_secs(320))]);
    let got = play(
        Some("900"),
        vec![
            quiet(),
            Answer::Page(vec![("a", 3)], "40", Some("more")),
            Answer::Page(vec![("a", 3)], "40", None),
        ],
    )
    .await;
    assert_eq!(
        got.calls,
        [
            "0s watch configmaps 900",
            "320s list configmaps 1",
            "320s list configmaps 500",
            "320s watch configmaps 40"
        ]
    );
    assert_eq!(got.place.as_deref(), Some("40"));

    let got = play(Some("900"), vec![quiet(), Answer::Page(vec![], "901", None)]).await;
    assert_eq!(got.calls[2], "320s watch configmaps 900", "a cluster that is merely quiet is not listed");
}

#[tokio::test(start_paused = true)]
async fn an_etcd_that_was_restored_while_the_watch_was_broken_is_found_out_at_once() {
    let reset = || Line::Error(|| ApiError::Broken("reset".to_owned()));
    let refused = || Answer::Error(|| ApiError::Broken("refused".to_owned()));
    let ill = || Answer::Error(|| ApiError::Refused { status: 503, reason: String::new() });
    let unknown = || Answer::Error(|| ApiError::Unauthorized("who is that?".to_owned()));
    let too_large =
        || ApiError::of_status(504, "Too large resource version: 950, current: 40".to_owned(), None);
    let busy =
        |end: Option<Line>| Answer::Events([event("ADDED", "a", 950)].into_iter().chain(end).collect());
    for (name, before) in [
        ("killed", vec![busy(Some(reset())), refused()]),
        ("ended in order", vec![busy(None), refused()]),
        ("behind a balancer that says so", vec![busy(None), ill(), ill()]),
        ("denying everything as it starts", vec![busy(Some(reset())), unknown(), denied(), denied()]),
        ("one that says so by itself", vec![Answer::Error(too_large)]),
        ("on its own", vec![Answer::Events(vec![])]),
    ] {
        let list = || Answer::Page(vec![("a", 3)], "40", None);
        let got = play(Some("900"), before.into_iter().chain([list(), list()]).collect()).await;
        let last: Vec<_> =
            got.calls.iter().rev().take(3).rev().map(|call| call.split_once("s ").unwrap()).collect();
        let what: Vec<_> = last.iter().map(|(_, call)| *call).collect();
        assert_eq!(what, ["list configmaps 1", "list configmaps 500", "watch configmaps 40"], "{name}");
        let seconds: u64 = last[2].0.parse().unwrap();
        assert!(seconds <= 10, "{name}: {:?}", got.calls);
        assert_eq!(
            (got.place.as_deref(), got.restarts.iter().find(|(why, _)| *why == "ahead").is_some()),
            (Some("40"), true),
            "{name}"
        );
    }
    // While the watcher was away.
    let answers = vec![at("40"), Answer::Page(vec![("a", 3)], "40", None)];
    let got = play_all(Some("900"), answers, "ConfigMap", 1 << 20, false).await;
    assert_eq!(got.calls, ["0s list configmaps 1", "0s list configmaps 500", "0s watch configmaps 40"]);
}

#[tokio::test(start_paused = true)]
async fn who_may_watch_and_not_list_is_not_held_up_after_a_break() {
    let denials = (0..4).map(|_| denied());
    let on = Answer::Events(vec![event("ADDED", "b", 6), Line::Pause(WATCH_LASTS)]);
    let got = play(Some("1"), [busy_then_reset()].into_iter().chain(denials).chain([on]).collect()).await;
    assert_eq!(got.waits, ["Applied a 5", "Applied b 6"]);
    assert!(got.calls[5].ends_with("watch configmaps 5"), "{:?}", got.calls);
    assert_eq!(got.denied, []);
    // Who may do neither is asked for one of both from then on.
    let got =
        play(Some("1"), [busy_then_reset()].into_iter().chain((0..9).map(|_| denied())).collect()).await;
    let lists = got.calls.iter().filter(|call| call.ends_with("list configmaps 1")).count();
    assert_eq!((lists, got.state), (4, KindState::Denied), "{:?}", got.calls);
}

fn busy_then_reset() -> Answer {
    Answer::Events(vec![event("ADDED", "a", 5), Line::Error(|| ApiError::Broken("reset".to_owned()))])
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_yet_is_waited_for_and_then_given_up() {
    let ahead = || {
        Answer::Error(|| {
            ApiError::of_status(504, "Too large resource version: 9, current: 4".to_owned(), None)
        })
    };
    // The store has come to it, and the server that is asked to watch has not.
    let behind = (0..3).flat_map(|_| [ahead(), at("9")]);
    let got = play(Some("9"), behind.chain([ahead(), at("4")]).collect()).await;
    let watches = got.calls.iter().filter(|call| call.ends_with("watch configmaps 9")).count();
    assert_eq!((watches, got.calls[7].ends_with("list configmaps 500")), (4, true), "{:?}", got.calls);
    assert_eq!(got.place.as_deref(), Some("4"));
}

fn denied() -> Answer {
    Answer::Error(|| ApiError::Forbidden("configmaps is forbidden".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn a_denied_kind_waits_ever_longer_and_holds_up_nobody() {
    let got = play(None, (0..12).map(|_| denied()).collect()).await;
    let at = |call: &String| call.split('s').next().unwrap().parse().unwrap();
    let seconds: Vec<u64> = got.calls.iter().map(at).collect();
    assert!(seconds[3] <= 7, "soon at first: {seconds:?}");
    assert!((150..=300).contains(&(seconds[12] - seconds[11])), "at last every few minutes: {seconds:?}");
    assert_eq!(got.state, KindState::Denied);
    let kind = "ConfigMap".to_owned();
    assert_eq!(got.denied, [DeniedKind { kind, why: Trouble::Forbidden }]);
    assert!(got.ready, "what cannot be reached does not count");
    assert_eq!(got.waits, ["ListBegin   of 7/configmaps/1"]);
    assert_eq!(got.restarts, [("denied", 12)]);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_denies_everything_while_it_starts_is_not_believed() {
    let broken = || Answer::Error(|| ApiError::Broken("refused".to_owned()));
    let unauthorized = || Answer::Error(|| ApiError::Unauthorized("who is that?".to_owned()));
    let first = Answer::Events(vec![event("ADDED", "a", 5)]);
    let got = play(Some("1"), vec![first, broken(), unauthorized(), denied()]).await;
    assert_eq!(got.state, KindState::BackingOff, "nobody needs to hear of it yet");
    assert_eq!(got.denied, []);
    let last = got.calls.last().unwrap();
    assert!(last.ends_with("list configmaps 1"), "{last}");
    let second: u64 = last.split('s').next().unwrap().parse().unwrap();
    assert!(second <= 4, "tried again soon: {:?}", got.calls);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_cannot_be_reached_for_another_reason_is_not_ready() {
    let got = play(None, vec![Answer::Error(|| ApiError::Broken("refused".to_owned()))]).await;
    assert!(!got.ready);
    let trouble = Trouble::NoAnswer("the connection failed: refused".to_owned());
    assert_eq!((got.trouble, got.denied), (Some(trouble), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_remembered_until_the_kind_is_reached() {
    let expired = || Answer::Error(|| ApiError::Unauthorized("expired".to_owned()));
    let broken = || Answer::Error(|| ApiError::Broken("refused".to_owned()));
    let denials = || (0..4).map(|_| expired()).collect::<Vec<_>>();
    // That the API server is gone meanwhile says nothing of the credentials.
    let got = play(Some("1"), denials().into_iter().chain([broken()]).collect()).await;
    let kind = "ConfigMap".to_owned();
    assert_eq!(got.denied, [DeniedKind { kind, why: Trouble::Unauthorized }]);
    assert_eq!(got.trouble, Some(Trouble::NoAnswer("the connection failed: refused".to_owned())));
    let reached = Answer::Events(vec![event("ADDED", "a", 5)]);
    let got = play(Some("1"), denials().into_iter().chain([reached]).collect()).await;
    assert_eq!((got.denied, got.trouble), (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_any_more_ends_its_stream() {
    let got = play(
        Some("1"),
        vec![Answer::Events(vec![event("DELETED", "a", 5)]), Answer::Error(|| ApiError::NotServed)],
    )
    .await;
    assert_eq!(got.calls.len(), 2);
    assert_eq!(got.restarts, [("ended", 1), ("not_served", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_read_is_asked_for_again_and_then_skipped() {
    let broken = || {
        Answer::Events(vec![
            Line::Event(r#"{"type":"ADDED","object":{"metadata""#.to_owned()),
            event("ADDED", "b", 6),
        ])
    };
    let got = play(Some("1"), vec![broken(), broken(), broken(), at("6")]).await;
    let calls: Vec<_> = got.calls.iter().map(|call| call.split_once("s ").unwrap().1).collect();
    let from = |version: u32| format!("watch configmaps {version}");
    assert_eq!(calls, [from(1), from(1), from(1), "list configmaps 1".to_owned(), from(6)]);
    assert_eq!(got.waits, ["Applied b 6"]);
    assert_eq!(got.restarts, [("ended", 1), ("malformed", 2)]);
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_name_does_not_spoil_its_list() {
    let got = play(None, vec![Answer::Page(vec![("", 3), ("b", 4)], "9", None)]).await;
    // An empty name is a name; a missing one is not: see the reader's own tests.
    assert_eq!(got.waits.len(), 4, "{:?}", got.waits);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_does_not_spin() {
    let ends = || Answer::Events(vec![]);
    let answers = [ends(), at("1")].into_iter().chain((0..7).map(|_| ends()));
    let got = play(Some("1"), answers.collect()).await;
    let seconds: u64 = got.calls.last().unwrap().split('s').next().unwrap().parse().unwrap();
    assert!(seconds >= 40, "{:?}", got.calls);
    let lists = got.calls.iter().filter(|call| call.contains(" list ")).count();
    assert_eq!(lists, 1, "and is not asked twice each time");
}

#[tokio::test(start_paused = true)]
async fn the_watchers_own_object_is_not_forwarded_but_moves_the_place() {
    let got = play(Some("1"), vec![Answer::Events(vec![event("MODIFIED", "own", 5)])]).await;
    assert!(got.waits.is_empty());
    assert_eq!(got.place.as_deref(), Some("5"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_read_on_while_there_is_no_room() {
    let events = (0..50).map(|i| event("ADDED", ["a", "b", "c", "d", "e"][i % 5], i as u64 + 2)).collect();
    let full = play_with(Some("1"), vec![Answer::Events(events)], "Pod", 1500);
    let stuck = timeout(Duration::from_mins(1), full).await;
    assert!(stuck.is_err(), "nobody takes, so the script must not be read to its end");
}

fn ends_list(version: u64) -> Line {
    Line::Event(format!(
        r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{version}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}}}"#
    ))
}

#[tokio::test(start_paused = true)]
async fn a_list_is_streamed_and_its_changes_followed_in_one() {
    let lines = vec![
        event("ADDED", "a", 3),
        event("ADDED", "own", 4),
        bookmark(5),
        event("ADDED", "b", 5),
        // What happens while the list is under way is of the list, but for what is gone.
        event("MODIFIED", "c", 7),
        event("DELETED", "d", 8),
        ends_list(9),
        event("MODIFIED", "e", 10),
        Line::Pause(Duration::from_secs(400)),
    ];
    let outcome = play_streaming(vec![Answer::Stream(lines), Answer::Events(vec![])]).await;
    assert_eq!(outcome.calls, ["0s stream configmaps", "400s watch configmaps 10", "400s list configmaps 1"]);
    assert_eq!(
        outcome.waits,
        [
            "ListBegin   of 7/configmaps/1",
            "Applied a 3 of 7/configmaps/1",
            "Applied b 5 of 7/configmaps/1",
            "Applied c 7 of 7/configmaps/1",
            "Deleted d 8",
            "Applied e 10",
            "ListEnd   of 7/configmaps/1",
        ]
    );
    assert_eq!((outcome.place.as_deref(), outcome.ready), (Some("10"), true));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_stream_lists_is_asked_for_pages_and_not_again() {
    let refused = || ApiError::Refused { status: 422, reason: "sendInitialEvents is forbidden".to_owned() };
    let gone = Answer::Events(vec![gone_event()]);
    let page = || Answer::Page(vec![("a", 3)], "9", None);
    let outcome =
        play_streaming(vec![Answer::Error(refused), page(), gone, page(), Answer::Events(vec![])]).await;
    assert_eq!(
        &outcome.calls[..4],
        ["0s stream configmaps", "0s list configmaps 500", "0s watch configmaps 9", "0s list configmaps 500"]
    );
    assert_eq!(outcome.waits[..2], ["ListBegin   of 7/configmaps/1", "ListBegin   of 7/configmaps/2"]);
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_that_breaks_begins_anew_and_then_in_pages() {
    let broken =
        || Answer::Stream(vec![event("ADDED", "a", 3), Line::Error(|| ApiError::Broken("cut".to_owned()))]);
    // Ended, as after a time that the API server sets, and as where it does not know what it was asked.
    let ended = Answer::Stream(vec![event("ADDED", "a", 3)]);
    let page = Answer::Page(vec![("a", 3)], "9", None);
    let denied = Answer::Error(|| ApiError::Forbidden("no".to_owned()));
    let outcome = play_streaming(vec![denied, broken(), ended, page, Answer::Events(vec![])]).await;
    let calls: Vec<_> = outcome.calls.iter().map(|call| call.split_once(' ').unwrap().1).collect();
    assert_eq!(
        calls[..5],
        [
            "stream configmaps",
            "stream configmaps",
            "stream configmaps",
            "list configmaps 500",
            "watch configmaps 9"
        ]
    );
    let begun: Vec<_> = outcome.waits.iter().filter(|wait| wait.starts_with("ListBegin")).collect();
    assert_eq!(begun.len(), 3, "a new name where something was named, and else not: {begun:?}");
    assert!(outcome.waits.contains(&"Applied a 3 of 7/configmaps/3".to_owned()), "{:?}", outcome.waits);
    assert_eq!(outcome.place.as_deref(), Some("9"));
}

/// An API server where little happens: a bookmark a minute, and watches that last as long as they are asked to.
#[derive(Clone, Default)]
struct Quiet {
    asked: Arc<Mutex<Vec<Duration>>>,
    began: Option<Instant>,
}

impl Quiet {
    fn asked(&self) {
        self.asked.lock().unwrap().push(self.began.unwrap().elapsed());
    }

    fn lines(lasting: Duration) -> VecDeque<Line> {
        let minutes = lasting.as_secs() / 60;
        let each = (1..=minutes).flat_map(|minute| [Line::Pause(Duration::from_mins(1)), bookmark(minute)]);
        each.chain([Line::Pause(Duration::from_secs(lasting.as_secs() % 60))]).collect()
    }
}

impl Api for Quiet {
    type Page = VecDeque<Result<Listed, ApiError>>;
    type Events = VecDeque<Line>;

    async fn list(&self, _: &Collection, _: u32, _: Option<&str>) -> Result<Self::Page, ApiError> {
        panic!("lists are streamed here")
    }

    async fn stream(&self, _: &Collection, lasting: Duration) -> Result<Self::Events, ApiError> {
        self.asked();
        Ok([event("ADDED", "a", 1), ends_list(1)].into_iter().chain(Self::lines(lasting)).collect())
    }

    async fn watch(&self, _: &Collection, _: &str, lasting: Duration) -> Result<Self::Events, ApiError> {
        self.asked();
        Ok(Self::lines(lasting))
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_costs_an_api_server_a_dozen_requests_an_hour_and_all_together_do_not_come_at_once() {
    const KINDS: u32 = 60;
    let api = Quiet { began: Some(Instant::now()), ..Quiet::default() };
    let metrics = Arc::new(Metrics::default());
    let hub = Arc::new(Hub::new(1, (1 << 20, 1 << 20), Arc::clone(&metrics)));
    let common = Arc::new(Common {
        api: api.clone(),
        hub: Arc::clone(&hub),
        metrics,
        epoch: 7,
        watch_lasts: WATCH_LASTS,
        stream_lists: true,
        lists: AtomicU64::default(),
        lists_at_once: Semaphore::new(3),
        definitions: Notify::new(),
        hearsay: crate::heard::silence(),
    });
    let mut streams = tokio::task::JoinSet::new();
    for number in 0..KINDS {
        let (group, version) = (String::new(), "v1".into());
        let (kind, plural) = (format!("Kind{number}"), format!("kind{number}s"));
        let resource = Resource { group, version, kind, plural, namespaced: true };
        let id = hub.open_stream(Arc::new(resource.clone()), None);
        let reader = Reader::new(Trim::of(&resource, false, None));
        let collection = Collection { resource, namespace: None };
        let listed = Arc::default();
        streams.spawn(Stream::new(Arc::clone(&common), collection, id, reader, listed, None).run(None));
    }
    sleep(Duration::from_hours(1)).await;
    streams.abort_all();
    let asked = api.asked.lock().unwrap().clone();
    let an_hour = u32::try_from(asked.len()).unwrap();
    println!("{KINDS} kinds: {an_hour} requests in the first hour, lists included");
    // A watch lasts five minutes to seven and a half.
    assert!((KINDS * 8..=KINDS * 12).contains(&an_hour), "{an_hour}");
    let second = |second: u64| asked.iter().filter(|at| at.as_secs() == second).count();
    let most = (1..3600).map(second).max().unwrap();
    assert!(most < 20, "{most} of {KINDS} came within one second");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_never_ends_a_streamed_list_is_asked_for_pages() {
    let silent = Answer::Stream(vec![event("ADDED", "a", 3), Line::Silence]);
    let page = Answer::Page(vec![("a", 3)], "9", None);
    let outcome = play_streaming(vec![silent, page, Answer::Events(vec![])]).await;
    let calls: Vec<_> = outcome.calls.iter().map(|call| call.split_once(' ').unwrap().1).collect();
    assert_eq!(calls[..3], ["stream configmaps", "list configmaps 500", "watch configmaps 9"]);
    assert_eq!(outcome.place.as_deref(), Some("9"));
}

/// It waits for its cache where it is asked to stream, and reads the store where it is asked for pages.
#[tokio::test(start_paused = true)]
async fn an_api_server_whose_cache_is_behind_is_asked_for_pages() {
    let status = r#"{"message":"Timeout: Too large resource version: 9, current: 5","code":504}"#;
    let behind = || Answer::Stream(vec![Line::Event(format!(r#"{{"type":"ERROR","object":{status}}}"#))]);
    let page = Answer::Page(vec![("a", 3)], "9", None);
    let outcome = play_streaming(vec![behind(), behind(), page, Answer::Events(vec![])]).await;
    let calls: Vec<_> = outcome.calls.iter().map(|call| call.split_once(' ').unwrap().1).collect();
    assert_eq!(
        calls[..4],
        ["stream configmaps", "stream configmaps", "list configmaps 500", "watch configmaps 9"]
    );
    assert_eq!(outcome.place.as_deref(), Some("9"));
}
