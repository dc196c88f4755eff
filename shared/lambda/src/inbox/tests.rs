use super::*;
use prodrome_queue::Body;
use prodrome_store::{Fault, MemoryStore, OperationKind};
use std::sync::{Arc, Mutex};
use tokio::time::Instant;

/// What was said of messages.
#[derive(Debug, Clone, Default)]
struct Said {
    aside: Arc<Mutex<Vec<(String, String)>>>,
    postponed: Arc<Mutex<Vec<(String, Duration)>>>,
    refuses: bool,
}

impl Mail for Said {
    async fn put_aside(&self, received: &Received, error: String) -> Result<(), String> {
        if self.refuses {
            return Err("the queue is busy".to_owned());
        }
        self.aside.lock().unwrap().push((received.delivery.id.clone(), error));
        Ok(())
    }

    async fn postpone(&self, received: &Received, wait: Duration) -> Result<(), String> {
        self.postponed.lock().unwrap().push((received.delivery.id.clone(), wait));
        Ok(())
    }
}

impl Said {
    fn aside(&self) -> Vec<(String, String)> {
        self.aside.lock().unwrap().clone()
    }

    fn postponed(&self) -> Vec<(String, Duration)> {
        self.postponed.lock().unwrap().clone()
    }
}

/// Does to a message what its text says.
#[derive(Default)]
struct Obedient {
    begun: Mutex<Vec<String>>,
    given_up: Mutex<Vec<String>>,
}

impl Handler for Obedient {
    async fn handle(&self, delivery: &Delivery, _: Timestamp, _: &mut Tally) -> Result<(), Failure> {
        self.begun.lock().unwrap().push(delivery.id.clone());
        let Body::Text(text) = &delivery.body else { panic!("a text") };
        match text.as_str() {
            "busy" => Err(Failure::retryable("store_unavailable", "the table is busy")),
            "refused" => Err(Failure::fatal("store_refused", "no right to write")),
            "malformed" => Err(Failure::malformed("message_malformed", "it is no JSON")),
            "hangs" => std::future::pending().await,
            "panics" => panic!("it is worse than that"),
            "quoted" => {
                Err(Failure::malformed("message_malformed", "expected a map, found \"password=Tr0ub4dor\""))
            }
            _ => Ok(()),
        }
    }

    async fn given_up(&self, delivery: &Delivery, failure: &Failure, _: Timestamp) {
        self.given_up.lock().unwrap().push(format!("{} {}", delivery.id, failure.code));
    }
}

fn received(id: &str, text: &str, attempt: u32) -> Received {
    let delivery = Delivery { id: id.into(), body: Body::Text(text.into()), attempt, sent_at: None };
    Received { delivery, source: "arn".into(), receipt: "r".into(), error: None }
}

fn failed(answer: &SqsBatchResponse) -> Vec<&str> {
    answer.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

#[tokio::test(start_paused = true)]
async fn a_message_that_kills_its_function_is_put_aside_alone_and_its_neighbours_are_not_blamed() {
    let (store, said, handler) = (MemoryStore::new(), Said::default(), Obedient::default());
    let inbox = Inbox::new(store.clone(), said.clone());
    let mut deaths = 0_i64;
    let mut attempt = 0;
    while said.aside().is_empty() {
        attempt += 1;
        assert!(attempt < 20, "{:?}", store.records());
        let batch = [
            received("before", "good", attempt),
            received("it", "hangs", attempt),
            received("after", "good", attempt),
        ];
        // Whoever hangs is killed, with all that was to come behind it.
        let now = || epoch() + SignedDuration::from_mins(20) * i32::try_from(attempt).unwrap();
        let answering = inbox.answer(&handler, &batch, None, now);
        match tokio::time::timeout(Duration::from_millis(5), answering).await {
            Ok((answer, _)) => assert_eq!(failed(&answer), [""; 0]),
            Err(_) => deaths += 1,
        }
    }
    // The first try is not noted, and of the others the first counts from its begin.
    assert_eq!(deaths, 1 + KILLS_FOR.as_mins() / 20);
    let [(id, error)] = &said.aside()[..] else { panic!("one") };
    assert_eq!((id.as_str(), error.starts_with("kills: 6 tries since ")), ("it", true), "{error}");
    assert_eq!(*handler.given_up.lock().unwrap(), ["it kills"]);
    let begun = handler.begun.lock().unwrap();
    assert_eq!(begun.last().map(String::as_str), Some("after"), "what was behind it gets its turn");
    let notes: Vec<_> = store.records().into_iter().map(|record| record.key.partition).collect();
    assert_eq!(notes, ["tries#it"], "of the others nothing is kept");
}

#[tokio::test]
async fn what_finds_a_table_busy_comes_again_for_as_long_as_it_lasts_and_ever_later() {
    let (said, handler) = (Said::default(), Obedient::default());
    let inbox = Inbox::new(MemoryStore::new(), said.clone());
    for attempt in 1..100 {
        let (answer, _) = inbox.answer(&handler, &[received("m", "busy", attempt)], None, epoch).await;
        assert_eq!(failed(&answer), ["m"]);
    }
    assert_eq!(said.aside(), []);
    let waits: Vec<Duration> = said.postponed().into_iter().map(|(_, wait)| wait).collect();
    assert!(waits.is_sorted() && waits[0] <= Duration::from_secs(5) && waits[98] >= Duration::from_mins(7));
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_functions_live_in_a_storm_is_not_blamed_for_an_hour_of_it() {
    let (said, handler) = (Said::default(), Obedient::default());
    let inbox = Inbox::new(MemoryStore::new(), said.clone());
    for minute in 1..60 {
        let now = || epoch() + SignedDuration::from_mins(i64::from(minute));
        let batch = [received("m", "hangs", minute)];
        _ = tokio::time::timeout(Duration::from_millis(2), inbox.answer(&handler, &batch, None, now)).await;
    }
    assert_eq!(said.aside(), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_tried_before_comes_last() {
    let handler = Obedient::default();
    let inbox = Inbox::new(MemoryStore::new(), Said::default());
    let batch = [received("it", "hangs", 2), received("a", "good", 1), received("b", "good", 1)];
    let answering = inbox.answer(&handler, &batch, None, epoch);
    _ = tokio::time::timeout(Duration::from_millis(5), answering).await;
    assert_eq!(*handler.begun.lock().unwrap(), ["a", "b", "it"]);
}

#[tokio::test(start_paused = true)]
async fn a_storm_that_kills_now_and_then_blames_nobody() {
    let (said, handler) = (Said::default(), Obedient::default());
    let inbox = Inbox::new(MemoryStore::new(), said.clone());
    for round in 0..20 {
        for (n, text) in ["hangs", "hangs", "hangs", "hangs", "busy"].into_iter().enumerate() {
            let batch = [received("m", text, 2 + round * 5 + u32::try_from(n).unwrap())];
            let answering = inbox.answer(&handler, &batch, None, epoch);
            _ = tokio::time::timeout(Duration::from_millis(2), answering).await;
        }
    }
    assert_eq!(said.aside(), []);
}

#[tokio::test]
async fn what_is_malformed_is_put_aside_at_once_with_its_first_reason() {
    let (said, handler) = (Said::default(), Obedient::default());
    let inbox = Inbox::new(MemoryStore::new(), said.clone());
    let known = Received { error: Some("the name\nis missing".into()), ..received("b", "malformed", 1) };
    let batch = [received("a", "malformed", 1), known, received("c", "refused", 1), received("d", "good", 1)];
    let (answer, tally) = inbox.answer(&handler, &batch, None, epoch).await;
    assert_eq!((failed(&answer), tally.count(metric::ERRORS)), (vec!["c"], 3));
    let want = [("a", "message_malformed: it is no JSON"), ("b", "the nameis missing")];
    assert_eq!(said.aside(), want.map(|(id, error)| (id.to_owned(), error.to_owned())));
    let (answer, _) = inbox.answer(&handler, &[received("c", "refused", 10)], None, epoch).await;
    assert_eq!((failed(&answer).len(), said.aside().len()), (0, 3), "people had half an hour");
    let given_up = ["a message_malformed", "b message_malformed", "c store_refused"];
    assert_eq!(*handler.given_up.lock().unwrap(), given_up, "as soon as it is, and no sooner");
}

#[tokio::test]
async fn what_its_queue_gives_up_after_this_try_is_given_up() {
    let (said, handler) = (Said::default(), Obedient::default());
    let inbox = Inbox::new(MemoryStore::new(), said.clone());
    for (attempt, given_up) in [(RECEIVES_MAX - 1, &[][..]), (RECEIVES_MAX, &["m store_unavailable"][..])] {
        let (answer, _) = inbox.answer(&handler, &[received("m", "busy", attempt)], None, epoch).await;
        assert_eq!(failed(&answer), ["m"], "its queue moves it");
        assert_eq!(*handler.given_up.lock().unwrap(), given_up, "{attempt}");
    }
}

#[tokio::test]
async fn one_that_fails_or_panics_comes_again_alone() {
    let (said, handler) = (Said::default(), Obedient::default());
    let inbox = Inbox::new(MemoryStore::new(), said.clone());
    let texts = ["good", "busy", "panics", "good"];
    let batch = texts.map(|text| received(&format!("{text} one"), text, 1));
    let (answer, tally) = inbox.answer(&handler, &batch, None, epoch).await;
    assert_eq!((failed(&answer), tally.count(metric::ERRORS)), (vec!["busy one", "panics one"], 2));
    assert_eq!((handler.begun.lock().unwrap().len(), said.postponed().len()), (4, 2));
}

#[tokio::test]
async fn where_it_cannot_be_put_aside_it_comes_again() {
    let said = Said { refuses: true, ..Said::default() };
    let (inbox, handler) = (Inbox::new(MemoryStore::new(), said.clone()), Obedient::default());
    let (answer, _) = inbox.answer(&handler, &[received("a", "malformed", 1)], None, epoch).await;
    assert_eq!((failed(&answer), said.postponed().len()), (vec!["a"], 1));
    assert_eq!(handler.given_up.lock().unwrap().len(), 0, "it is not given up yet");
}

#[tokio::test]
async fn where_a_try_cannot_be_noted_none_is_made() {
    let (store, handler) = (MemoryStore::new(), Obedient::default());
    store.set_script(|operation| (operation.kind == OperationKind::Commit).then_some(Fault::Unavailable));
    let inbox = Inbox::new(store, Said::default());
    let (answer, _) = inbox.answer(&handler, &[received("a", "good", 2)], None, epoch).await;
    assert_eq!((failed(&answer), handler.begun.lock().unwrap().len()), (vec!["a"], 0));
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_ends_in_order_and_what_has_no_time_left_is_not_begun() {
    let (store, said, handler) = (MemoryStore::new(), Said::default(), Obedient::default());
    let inbox = Inbox::new(store.clone(), said.clone());
    let begun = Instant::now();
    let clock = || epoch() + begun.elapsed();
    let batch = [received("a", "good", 2), received("b", "hangs", 2), received("c", "good", 2)];
    let deadline = epoch() + Duration::from_secs(30);
    let (answer, _) = inbox.answer(&handler, &batch, Some(deadline), clock).await;
    assert_eq!(failed(&answer), ["b", "c"]);
    assert!(begun.elapsed() < Duration::from_secs(30) && begun.elapsed() >= Duration::from_secs(28));
    assert_eq!(*handler.begun.lock().unwrap(), ["a", "b"]);
    assert_eq!(said.postponed()[1], ("c".to_owned(), Duration::ZERO));
    assert_eq!(store.len(), 0, "the try at it has ended");
}

#[tokio::test]
async fn what_an_error_quotes_goes_aside_without_secrets() {
    let (said, handler) = (Said::default(), Obedient::default());
    let inbox = Inbox::new(MemoryStore::new(), said.clone());
    inbox.answer(&handler, &[received("m", "quoted", 1)], None, epoch).await;
    let error = "message_malformed: expected a map, found \"password=***\"";
    assert_eq!(said.aside(), [("m".to_owned(), error.to_owned())]);
}
