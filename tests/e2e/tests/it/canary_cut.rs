//! Each stage of the canary's way is cut once: none arrives, and that none does is what `CloudWatch` alarms on.

use crate::canary;
use jiff::{SignedDuration, Timestamp};
use prodrome_e2e::{Alarm, Mood, Setup, System, until};
use prodrome_emulator::{EventSource, Template};
use prodrome_model::{Notice, NoticeKind, SHARDS_DEFAULT};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// After so long without one the operator wants to hear of it.
const ALARM_AFTER_MINUTES: i32 = 25;

struct Bench {
    system: System,
    alarm: Alarm,
}

#[test]
fn whichever_stage_is_cut_no_canary_arrives_and_the_alarm_on_its_absence_is_raised() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = tempfile::tempdir().unwrap();
    // The shipped rule, in a hurry.
    let rule = std::fs::read_to_string(here.join("../../rules/canary.yaml")).unwrap();
    let hasty = rule.replace("30s", "1s");
    assert_ne!(rule, hasty);
    std::fs::write(rules.path().join("canary.yaml"), hasty).unwrap();
    std::fs::create_dir(rules.path().join("flows")).unwrap();
    std::fs::copy(here.join("../../rules/flows/status.yaml"), rules.path().join("flows/status.yaml"))
        .unwrap();
    let setup = Setup::new(Path::new(env!("CARGO_BIN_EXE_bootstrap")))
        .rules(rules.path())
        .canary("canary")
        .gathering(1)
        .parameter("TimeoutSeconds", "20")
        .parameter("VisibilitySeconds", "4"); // what failed comes again soon
    let template = Template::read(&here.join("../../template.yaml")).unwrap();
    let alarm = Alarm::on_absence(&template, "CanaryMissing", ALARM_AFTER_MINUTES).unwrap();
    let bench = Bench { system: System::start(&setup).unwrap(), alarm };
    bench.system.api().serve(&canary::resource());
    bench.write(false);
    bench.one_arrives();

    bench.cut("the watcher", |bench| {
        bench.system.stop_watcher().unwrap();
        bench.write(true);
        // All that there is behind it has nothing to do.
        let packs = bench.system.packs(bench.system.scope().clone());
        packs.send(packs.heartbeat(0)).unwrap();
        for queue in ["ChangesQueueUrl", "ChecksQueueUrl", "FindingsQueueUrl"] {
            bench.until_waiting(queue, |waiting| waiting == 0);
        }
    });
    bench.system.start_watcher().unwrap();
    bench.arrives_late(0);

    let client = bench.system.emulator().client();
    let mut late = 1;
    for queue in ["ChangesQueue", "ChecksQueue"] {
        let source = bench.source(queue);
        bench.cut(queue, |bench| {
            client.enable_event_source(&source, false).unwrap();
            bench.write(true);
            bench.until_waiting(&format!("{queue}Url"), |waiting| waiting > 0);
        });
        client.enable_event_source(&source, true).unwrap();
        bench.arrives_late(late);
        late += 1;
    }

    for (name, queue) in
        [("evaluate", "ChangesQueue"), ("diagnose", "DiagnosesQueue"), ("alert", "FindingsQueue")]
    {
        let source = bench.source(queue);
        let function = source.function.rsplit(':').next().unwrap();
        let sound = client.environment(function).unwrap();
        bench.cut(name, |bench| {
            // As a deployment of what does not even start.
            let broken = BTreeMap::from([("PRODROME_FUNCTION".to_owned(), "none-of-ours".to_owned())]);
            client.set_environment(function, &broken).unwrap();
            bench.system.kill(name);
            bench.write(true);
            bench.until_waiting(&format!("{queue}Url"), |waiting| waiting > 0);
            let called = client.invoke(function, &json!({ "Records": [] })).unwrap();
            assert!(called.error.is_some(), "{name} fails: {called:?}");
        });
        client.set_environment(function, &sound).unwrap();
        bench.arrives_late(late);
        late += 1;
    }

    let receiver = bench.system.receiver("canary");
    for status in [503, 410] {
        bench.cut(&format!("the channel, answering {status}"), |bench| {
            let before = receiver.turned_away();
            receiver.set_mood(Mood::Answering(status));
            bench.write(true);
            receiver.until_turned_away(before + 1);
        });
        receiver.set_mood(Mood::Open);
        if status == 503 {
            bench.arrives_late(late);
        }
    }
    // What was refused for good does not come again; the next one does.
    bench.write(false);
    bench.until_closed();
    bench.one_arrives();
}

impl Bench {
    fn write(&self, is_broken: bool) {
        canary::write(&self.system, is_broken);
    }

    fn notices(&self) -> Vec<Notice> {
        self.system.receiver("canary").told().into_iter().map(|told| told.notice).collect()
    }

    fn alerts(&self) -> Vec<Notice> {
        self.notices().into_iter().filter(|notice| notice.kind == NoticeKind::Alert).collect()
    }

    /// Breaks it and mends it: it is told of both, and counted.
    fn one_arrives(&self) {
        let before = self.alerts().len();
        self.write(true);
        self.is_told(before);
    }

    /// Once the stage is whole again that comes which was held up, as alert number `before`.
    fn arrives_late(&self, before: usize) {
        self.is_told(before + 1);
    }

    /// Waits for alert number `before`, its count and its end.
    fn is_told(&self, before: usize) {
        let alert = until("the canary", || self.alerts().into_iter().nth(before));
        until("its count", || (self.arrived_since(alert.since) > 0).then_some(()));
        let in_time = SignedDuration::from_mins(i64::from(ALARM_AFTER_MINUTES) - 1);
        assert!(!self.is_raised(self.system.now() + in_time), "one has arrived");
        self.write(false);
        until("its end", || {
            self.notices()
                .into_iter()
                .find(|n| n.kind == NoticeKind::Resolved && n.fingerprint == alert.fingerprint)
        });
    }

    /// Waits until evaluate has seen that it is mended, and that it stays so.
    fn until_closed(&self) {
        let (checks, scope) = (self.system.checks().unwrap(), self.system.scope());
        until("the check to close", || {
            (0..SHARDS_DEFAULT)
                .map(|shard| prodrome_lifecycle::keys::shard_partition(scope, shard))
                .all(|partition| {
                    self.system.partition(&checks, &partition).is_ok_and(|records| records.is_empty())
                })
                .then_some(())
        });
    }

    /// Cuts a stage, so that a canary that breaks comes no further. For as long as that is so nothing more is counted,
    /// whatever the time: so it may be told now what `CloudWatch` will say then.
    fn cut(&self, stage: &str, cut: impl FnOnce(&Self)) {
        let broke = self.system.now();
        cut(self);
        assert_eq!(self.arrived_since(broke), 0, "{stage} is cut");
        let then = self.system.now() + SignedDuration::from_mins(i64::from(ALARM_AFTER_MINUTES) + 1);
        assert!(self.is_raised(then), "{stage} is cut, and nobody hears of it");
    }

    fn arrived_since(&self, since: Timestamp) -> usize {
        let data = self.alarm.data(&self.system, "AlertLogGroupName").unwrap();
        data.iter().filter(|(at, count)| *at >= since && *count > 0.0).count()
    }

    fn is_raised(&self, now: Timestamp) -> bool {
        self.alarm.is_raised(&self.alarm.data(&self.system, "AlertLogGroupName").unwrap(), now)
    }

    fn source(&self, queue: &str) -> EventSource {
        let sources = self.system.emulator().client().event_sources().unwrap();
        let of_it = sources.into_iter().find(|source| source.queue.contains(queue));
        of_it.unwrap_or_else(|| panic!("a function is called for {queue}"))
    }

    fn until_waiting(&self, output: &str, enough: impl Fn(u64) -> bool) {
        let url = self.system.stack().output(output).unwrap();
        let client = self.system.emulator().client();
        let waiting = || Some(client.queue_depth(url).ok()?.total());
        until(output, || waiting().filter(|waiting| enough(*waiting)));
    }
}
