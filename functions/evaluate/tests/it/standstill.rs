//! What time alone ends while nobody looks is over since then, and not only since somebody looks.

use crate::identity::event;
use crate::truth::Pod;
use crate::world::{World, at, rules};
use prodrome_model::{EndReason, FindingState};

impl World {
    /// No function is invoked until then.
    fn stand_still_until(&mut self, second: i64) {
        self.now = at(second);
        self.queue.set_now(self.now);
    }
}

#[tokio::test]
async fn an_event_that_is_seen_again_after_its_window_has_not_lasted() {
    let back_off = "
BackOff:
  { resource: Event, duration: 5m, gapTolerance: 2m, checkField: [ { field: [reason], equalValue: [BackOff] } ] }
";
    let mut world = World::new(rules(back_off));
    world.live(
        "Pod",
        &Pod { created: 0, phase: "Running", uid: "u".into(), ready: true, config: "" }.json("a", 1),
    );
    world.apply("Event", &event("a.1", "u", 2, 0)).await;
    world.until(60).await;
    world.stand_still_until(900);
    world.until(960).await;
    world.apply("Event", &event("a.1", "u", 3, 990)).await;
    world.until(1_200).await;
    assert!(world.findings.is_empty(), "{:#?}", world.findings);
}

#[tokio::test]
async fn what_time_has_ended_is_over_since_then() {
    let young = "
Young:
  { resource: Pod, duration: 1m, resolveAfter: 2m, checkField:
    [ { field: [status, phase], equalValue: [Failed] }, { field: [metadata, creationTimestamp], newerThan: 5m } ] }
";
    let mut world = World::new(rules(young));
    world
        .apply(
            "Pod",
            &Pod { created: 0, phase: "Failed", uid: "u".into(), ready: true, config: "" }.json("a", 1),
        )
        .await;
    world.until(150).await;
    assert_eq!(world.findings.len(), 1);
    world.stand_still_until(900);
    world.until(930).await;
    let [_, end] = &world.findings[..] else { panic!("{:#?}", world.findings) };
    let FindingState::Ended(end) = &end.state else { panic!("{end:#?}") };
    assert_eq!((end.at, end.reason), (at(300), EndReason::Recovered));
}
