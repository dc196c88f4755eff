use super::*;
use crate::BySeverity;
use crate::log::Event;
use prodrome_model::{Group, ObjectRef, Owner, Scope, Severity, Subject};

/// A group under test: it keeps its view, looks at the clock whenever it asked for that, and writes down what
/// was told, a line each: `30s update P3 n=3 +pod-1,pod-2`.
struct TestGroup {
    view: View,
    members: BTreeMap<String, Member>,
    memories: BTreeMap<Fingerprint, Memory>,
    now: i64,
    due: Option<Timestamp>,
    behind: bool,
    policy: Policy,
    /// A channel that the routing file names besides.
    also: Option<&'static str>,
    told: Vec<String>,
    notices: Vec<Decided>,
    log: Vec<Logged>,
}

const START: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

fn pod(name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: Some("shop".into()),
        name: name.into(),
    }
}

fn finding(name: &str, since: i64) -> Finding {
    let subject = Subject::Object { object: pod(name), uid: format!("uid-of-{name}") };
    let scope = Scope::new("default", "local", "kind");
    Finding {
        version: 1,
        fingerprint: Fingerprint::of_episode(&scope, "PodCrashLooping", &subject, at(since)),
        state: FindingState::Firing,
        scope,
        rule: "PodCrashLooping".into(),
        severity: Severity::P3,
        owner: Owner::User,
        cause: None,
        flow: None,
        diagnosis: None,
        subject,
        group: Group { owner: pod("web"), key: "shop/Deployment/web".into() },
        since: at(since),
        fired_at: at(since),
        hold_down_seconds: 120,
        summary: format!("{name} crashes"),
        runbook: None,
        labels: BTreeMap::new(),
        object_labels: BTreeMap::new(),
        evidence: Vec::new(),
        events: Vec::new(),
        stale: None,
        resource_version: "1".into(),
    }
}

fn ended(finding: Finding, at_seconds: i64, reason: EndReason) -> Finding {
    Finding { state: FindingState::Ended(Ended { at: at(at_seconds), reason }), ..finding }
}

impl TestGroup {
    fn new() -> Self {
        Self {
            view: View { group: "alert#x".into(), ..View::default() },
            members: BTreeMap::new(),
            memories: BTreeMap::new(),
            now: 0,
            due: None,
            behind: false,
            policy: Policy::default(),
            also: None,
            told: Vec::new(),
            notices: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Lets time pass; every look that falls due meanwhile is taken.
    fn until(&mut self, seconds: i64) -> &mut Self {
        while let Some(due) = self.due.filter(|due| *due <= at(seconds)) {
            assert!(due > at(self.now), "a look at {due} asks to be repeated at once");
            self.now = due.as_second() - START;
            self.take(&[]);
        }
        assert!(seconds >= self.now);
        self.now = seconds;
        self
    }

    fn take(&mut self, findings: &[Finding]) -> &mut Self {
        // As the handler does: only what the findings touch is loaded.
        let mut view = View { members: BTreeMap::new(), memories: BTreeMap::new(), ..self.view.clone() };
        for finding in findings {
            if let Some(memory) = self.memories.get(&finding.fingerprint) {
                view.memories.insert(finding.fingerprint.clone(), memory.clone());
            }
            let id = keys::member_id(finding.subject.object());
            if let Some(member) = self.members.get(&id) {
                view.members.insert(id, member.clone());
            }
        }
        let also = self.also;
        let route = |notice: &Notice| {
            let mut channels = vec!["chat".to_owned()];
            channels.extend((notice.severity >= Severity::P2).then(|| "phone".to_owned()));
            channels.extend(also.map(str::to_owned));
            channels
        };
        let context = Context { now: at(self.now), behind: self.behind, policy: &self.policy, route: &route };
        let decision = decide(view, findings, &context);
        let again = decide(decision.view.clone(), findings, &context);
        assert_eq!(again.notices, [], "the same findings at the same time tell nothing new");
        assert_eq!(again.view, decision.view, "the same findings at the same time change nothing more");
        self.members.extend(decision.view.members.clone());
        self.memories.extend(decision.view.memories.clone());
        let lines: Vec<String> = decision.notices.iter().map(|d| self.line(&d.notice)).collect();
        self.told.extend(lines);
        self.notices.extend(decision.notices);
        self.log.extend(decision.log);
        self.due = decision.due;
        self.view = decision.view;
        self
    }

    fn fires(&mut self, name: &str) -> &mut Self {
        self.take(&[finding(name, self.now)])
    }

    fn recovers(&mut self, name: &str, since: i64) -> &mut Self {
        self.take(&[ended(finding(name, since), self.now, EndReason::Recovered)])
    }

    fn is_deleted(&mut self, name: &str, since: i64) -> &mut Self {
        self.take(&[ended(finding(name, since), self.now, EndReason::Deleted)])
    }

    fn line(&self, notice: &Notice) -> String {
        let joined: Vec<&str> = notice.joined.iter().map(|joiner| joiner.object.name.as_str()).collect();
        let parts = [
            Some(format!("{}s {} {} n={}", self.now, notice.kind.as_str(), notice.severity, notice.count)),
            (!joined.is_empty()).then(|| format!("+{}", joined.join(","))),
            notice.ended.map(|ended| format!("ended={}s", ended.as_second() - START)),
            notice.flapping.then(|| "flapping".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

#[test]
fn the_first_is_told_at_once_and_a_recovery_too() {
    let mut group = TestGroup::new();
    group.fires("a").until(60).recovers("a", 0).until(100_000);
    assert_eq!(group.told(), ["0s alert P3 n=1", "60s resolved P3 n=1 ended=60s"]);
    assert_eq!(group.view.head.alert, None);
    let told: Vec<u32> = group.notices.iter().map(|d| d.notice.sequence).collect();
    assert_eq!(told, [0, 1]);
}

#[test]
fn those_that_join_within_half_a_minute_come_in_one_update() {
    let mut group = TestGroup::new();
    group.fires("a").until(5).fires("b").until(25).fires("c").until(3_600);
    assert_eq!(group.told(), ["0s alert P3 n=1", "30s update P3 n=3 +b,c"]);
}

#[test]
fn an_update_is_owed_only_while_one_of_those_that_joined_is_there() {
    let mut group = TestGroup::new();
    group.fires("a").until(5).fires("b").until(10).recovers("b", 5).until(1_000);
    assert_eq!(group.told(), ["0s alert P3 n=1"], "who came and went is no news");
    group.fires("c").until(2_000);
    assert_eq!(group.told(), ["1030s update P3 n=2 +b,c"], "but is named with those that come");
}

#[test]
fn a_fault_began_with_the_earliest_of_its_objects() {
    let mut group = TestGroup::new();
    group.until(100).fires("a").take(&[finding("b", 40)]).until(1_000);
    let since: Vec<i64> = group.notices.iter().map(|told| told.notice.since.as_second() - START).collect();
    assert_eq!(since, [100, 40]);
}

#[test]
fn the_end_goes_to_those_who_heard_of_the_alert() {
    let mut group = TestGroup::new();
    group.fires("a").until(60);
    group.also = Some("newcomer");
    group.recovers("a", 0);
    let told: Vec<_> = group.notices.iter().map(|told| told.channels.clone()).collect();
    assert_eq!(told, [["chat"], ["chat"]]);
}

#[test]
fn those_that_come_together_are_told_together() {
    let mut group = TestGroup::new();
    group.take(&[finding("a", 0), finding("b", 0), finding("c", 0)]).until(3_600);
    assert_eq!(group.told(), ["0s alert P3 n=3 +b,c"]);
}

#[test]
fn later_joiners_wait_for_the_pace_of_their_level_unless_the_number_doubles() {
    for (severity, want) in [(Severity::P1, 460), (Severity::P2, 1_960), (Severity::P3, 14_560)] {
        let mut group = TestGroup::new();
        let fires = |group: &mut TestGroup, name: &str| {
            group.take(&[Finding { severity, ..finding(name, group.now) }]);
        };
        fires(&mut group, "a");
        group.until(100);
        fires(&mut group, "b");
        group.until(130);
        assert_eq!(
            group.told(),
            [format!("0s alert {severity} n=1"), format!("130s update {severity} n=2 +b")]
        );
        group.policy.repeat = BySeverity { p1: None, p2: None, p3: None, p4: None };
        group.until(140);
        fires(&mut group, "c");
        group.until(160);
        assert_eq!(group.told(), Vec::<String>::new(), "two of two is no doubling");
        group.until(20_000);
        let at = want - 30;
        assert_eq!(group.told(), [format!("{at}s update {severity} n=3 +c")]);
    }
}

#[test]
fn five_hundred_pods_are_one_alert_and_a_handful_of_updates() {
    let mut group = TestGroup::new();
    for i in 0..500 {
        group.until(i64::from(i) / 4).fires(&format!("pod-{i}"));
    }
    group.until(3_600);
    let told = group.told();
    assert_eq!(told[0], "0s alert P3 n=1");
    assert!(told.len() <= 6, "{told:#?}");
    assert!(told.iter().all(|line| line.matches(',').count() < 50), "at most 50 are named: {told:#?}");
    let size = serde_json::to_string(&group.view.head).unwrap().len();
    assert!(size < 16_000, "the head has {size} bytes");
    for i in 0..500 {
        group.recovers(&format!("pod-{i}"), i / 4);
    }
    let told = group.told();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("3600s resolved P3 n=500"), "{told:#?}");
}

#[test]
fn a_rise_of_the_level_is_told_at_once_and_to_more_people_and_a_fall_never() {
    let mut group = TestGroup::new();
    group.fires("a").until(60);
    group.take(&[Finding { severity: Severity::P1, ..finding("b", 60) }]).until(70);
    group.take(&[Finding { severity: Severity::P4, ..finding("c", 70) }]).until(100);
    let told = group.told();
    assert_eq!(told, ["0s alert P3 n=1", "60s update P1 n=2 +b"]);
    assert_eq!(group.notices[0].channels, ["chat"]);
    assert_eq!(group.notices[1].channels, ["chat", "phone"]);
    group.take(&["a", "b", "c"].map(|name| {
        let since = [("a", 0), ("b", 60), ("c", 70)].iter().find(|(n, _)| *n == name).unwrap().1;
        ended(finding(name, since), 99, EndReason::Recovered)
    }));
    assert_eq!(group.told(), ["100s resolved P1 n=3 +c ended=99s"]);
    assert_eq!(group.notices[2].channels, ["chat", "phone"]);
}

#[test]
fn a_cause_that_becomes_known_is_told_at_once_and_only_once() {
    let mut group = TestGroup::new();
    group.fires("a").until(20);
    let known = Finding { cause: Some("oom".into()), owner: Owner::Platform, ..finding("a", 0) };
    group.take(std::slice::from_ref(&known)).take(&[known]).fires("b").until(25);
    group.take(&[Finding { cause: Some("disk".into()), ..finding("c", 25) }]).until(40);
    assert_eq!(group.told(), ["0s alert P3 n=1", "20s update P3 n=1", "30s update P3 n=3 +b,c"]);
    assert_eq!(group.notices[1].notice.cause.as_deref(), Some("oom"));
    assert_eq!(group.notices[1].notice.owner, Owner::Platform);
    assert_eq!(group.notices[2].notice.cause.as_deref(), Some("oom"), "another member's cause is its own");
}

#[test]
fn who_is_still_affected_is_told_again_by_level() {
    for (severity, want) in [(Severity::P1, 48), (Severity::P2, 12), (Severity::P3, 1), (Severity::P4, 0)] {
        let mut group = TestGroup::new();
        group.take(&[Finding { severity, ..finding("a", 0) }]).until(86_400);
        assert_eq!(group.told().len() - 1, want, "{severity}");
    }
}

#[test]
fn the_alert_ends_with_its_last_member() {
    let mut group = TestGroup::new();
    group.fires("a").fires("b").until(100).recovers("a", 0).until(200);
    assert_eq!(group.told(), ["0s alert P3 n=1", "30s update P3 n=2 +b"]);
    group.recovers("b", 0);
    assert_eq!(group.told(), ["200s resolved P3 n=2 ended=200s"]);
}

#[test]
fn the_quiet_began_with_the_latest_end_whatever_order_they_come_in() {
    let mut group = TestGroup::new();
    group.take(&[finding("a", 0), finding("b", 0)]).until(100);
    group.take(&[ended(finding("a", 0), 90, EndReason::Recovered)]);
    group.take(&[ended(finding("b", 0), 50, EndReason::Recovered)]);
    assert_eq!(group.told(), ["0s alert P3 n=2 +b", "100s resolved P3 n=2 ended=90s"]);
}

#[test]
fn a_deleted_pod_keeps_its_place_for_its_successor() {
    let mut group = TestGroup::new();
    group.fires("a").until(100).is_deleted("a", 0).until(219).fires("b").until(400);
    assert_eq!(group.told(), ["0s alert P3 n=1"], "the same number, and the pace of P3 is slow");
    group.is_deleted("b", 219).until(1_000);
    assert_eq!(group.told(), ["520s resolved P3 n=2 +b ended=400s"]);
}

#[test]
fn a_deletion_that_is_heard_of_late_keeps_the_place_as_long() {
    let mut group = TestGroup::new();
    group.fires("a").until(400).take(&[ended(finding("a", 0), 100, EndReason::Deleted)]);
    group.until(500).fires("b").until(600);
    assert_eq!(
        group.told(),
        ["0s alert P3 n=1"],
        "the queue that is late with the end is late with the successor"
    );
    group.is_deleted("b", 500).until(1_000);
    assert_eq!(group.told(), ["720s resolved P3 n=2 +b ended=600s"]);
}

#[test]
fn a_successor_that_comes_too_late_is_a_new_alert() {
    let mut group = TestGroup::new();
    group.fires("a").until(100).is_deleted("a", 0).until(221).fires("b");
    assert_eq!(group.told(), ["0s alert P3 n=1", "220s resolved P3 n=1 ended=100s", "221s alert P3 n=1"]);
}

#[test]
fn a_deletion_holds_though_another_member_recovers_last() {
    let mut group = TestGroup::new();
    group.take(&[finding("a", 0), finding("b", 0)]).until(100);
    group.is_deleted("a", 0).until(110).recovers("b", 0).until(1_000);
    assert_eq!(group.told(), ["0s alert P3 n=2 +b", "220s resolved P3 n=2 ended=110s"]);
}

#[test]
fn one_object_with_two_episodes_counts_once() {
    let mut group = TestGroup::new();
    group.fires("a").until(100).fires("a").until(110);
    group.take(&[ended(finding("a", 0), 99, EndReason::Recovered)]).until(200);
    assert_eq!(group.told(), ["0s alert P3 n=1"], "the begin of the second overtook the end of the first");
    group.recovers("a", 100);
    assert_eq!(group.told(), ["200s resolved P3 n=1 ended=200s"]);
}

#[test]
fn an_object_that_comes_back_while_others_are_affected_counts_once_in_the_end() {
    let mut group = TestGroup::new();
    group.take(&[finding("a", 0), finding("b", 0)]).until(100).recovers("a", 0).until(200).fires("a");
    group.until(300).recovers("a", 200).recovers("b", 0);
    assert_eq!(group.told(), ["0s alert P3 n=2 +b", "300s resolved P3 n=2 ended=300s"]);
}

#[test]
fn an_end_that_overtakes_its_finding_suppresses_it() {
    let mut group = TestGroup::new();
    group.until(50).recovers("a", 0).until(60).take(&[finding("a", 0)]).until(10_000);
    assert_eq!(group.told(), Vec::<String>::new());
    assert!(matches!(&*group.log, [Logged { entry, .. }] if matches!(entry.event, Event::Suppressed { .. })));
}

#[test]
fn what_comes_late_and_twice_is_known() {
    let mut group = TestGroup::new();
    group.fires("a").until(100).recovers("a", 0).until(200);
    group.take(&[finding("a", 0)]).recovers("a", 0).take(&[finding("a", 0)]).until(10_000);
    assert_eq!(group.told().len(), 2);
}

#[test]
fn four_flips_in_half_an_hour_are_told_once_and_then_muted_until_it_is_quiet() {
    let mut group = TestGroup::new();
    for i in 0..6 {
        group.until(i * 400).fires("a").until(i * 400 + 200).recovers("a", i * 400);
    }
    assert_eq!(
        group.told(),
        [
            "0s alert P3 n=1",
            "200s resolved P3 n=1 ended=200s",
            "400s alert P3 n=1",
            "600s update P3 n=1 flapping",
        ]
    );
    group.until(20_000);
    assert_eq!(group.told(), ["4000s resolved P3 n=1 ended=2200s"], "30 minutes after the last flip");
    group.fires("a").until(20_100).recovers("a", 20_000);
    assert_eq!(group.told().len(), 2, "and then it starts anew");
}

#[test]
fn as_many_flips_over_a_longer_time_are_each_told() {
    let mut group = TestGroup::new();
    for i in 0..6 {
        group.until(i * 1_800).fires("a").until(i * 1_800 + 900).recovers("a", i * 1_800);
    }
    let told = group.told();
    assert_eq!(told.len(), 12, "half an hour never sees four: {told:?}");
    assert!(told.iter().all(|line| !line.contains("flapping")), "{told:?}");
}

#[test]
fn a_flapping_alert_that_stays_is_no_longer_flapping() {
    let mut group = TestGroup::new();
    for i in 0..2 {
        group.until(i * 400).fires("a").until(i * 400 + 200).recovers("a", i * 400);
    }
    group.until(1_000).fires("a").until(1_100).fires("b").told();
    group.until(2_900);
    assert_eq!(group.told(), ["2800s update P3 n=2 +b"]);
    group.recovers("a", 1_000).recovers("b", 1_100);
    assert_eq!(group.told(), ["2900s resolved P3 n=2 ended=2900s"]);
}

#[test]
fn a_flapping_alert_speaks_when_the_level_rises() {
    let mut group = TestGroup::new();
    for i in 0..2 {
        group.until(i * 400).fires("a").until(i * 400 + 200).recovers("a", i * 400);
    }
    group.until(1_000).told();
    group.fires("b").until(1_100).take(&[Finding { severity: Severity::P1, ..finding("c", 1_100) }]);
    assert_eq!(group.told(), ["1100s update P1 n=2 +b,c flapping"]);
}

#[test]
fn an_alert_that_opens_as_the_fourth_flip_says_so() {
    let mut group = TestGroup::new();
    group.policy.flap_flips = 3;
    group.fires("a").until(100).recovers("a", 0).until(200).fires("a").until(300).recovers("a", 200);
    assert_eq!(
        group.told(),
        ["0s alert P3 n=1", "100s resolved P3 n=1 ended=100s", "200s alert P3 n=1 flapping"]
    );
}

#[test]
fn silence_is_not_recovery() {
    let mut group = TestGroup::new();
    group.fires("a").until(100);
    group.behind = true;
    group.recovers("a", 0).until(400);
    assert_eq!(group.told(), ["0s alert P3 n=1"]);
    assert_eq!(group.log.iter().filter(|l| l.entry.event == Event::Held).count(), 1);
    group.behind = false;
    group.until(500);
    assert_eq!(group.told(), ["460s resolved P3 n=1 ended=100s"], "the end is when the quiet began");
}

#[test]
fn what_comes_while_a_resolution_waits_keeps_the_alert_open() {
    let mut group = TestGroup::new();
    group.behind = true;
    group.fires("a").until(100).recovers("a", 0).until(150).fires("b").until(200);
    group.behind = false;
    group.until(300);
    assert_eq!(group.told(), ["0s alert P3 n=1"]);
    assert_eq!(group.view.head.alert.as_ref().map(|a| (a.open, a.total)), Some((1, 2)));
}

#[test]
fn what_opened_and_ended_in_one_turn_is_told_as_both() {
    let mut group = TestGroup::new();
    group.until(60).take(&[finding("a", 0), ended(finding("a", 0), 50, EndReason::Recovered)]);
    assert_eq!(group.told(), ["60s alert P3 n=1", "60s resolved P3 n=1 ended=50s"]);
}

#[test]
fn what_tenants_wrote_is_cut_to_size_however_much_json_swells_it() {
    for hostile in ["x", "\"", "\u{1}", "\n", "😀"] {
        let huge = hostile.repeat(10_000);
        let many = (0..1_000).map(|i| (format!("{i}{huge}"), huge.clone())).collect::<BTreeMap<_, _>>();
        let event = prodrome_model::EventBrief {
            kind: huge.clone(),
            reason: huge.clone(),
            message: huge.clone(),
            count: 1,
            last_seen: None,
        };
        let mut group = TestGroup::new();
        group.take(&[Finding {
            summary: huge.clone(),
            runbook: Some(huge.clone()),
            evidence: vec![huge.clone(); 1_000],
            events: vec![event; 1_000],
            labels: many.clone(),
            object_labels: many,
            stale: Some(huge),
            ..finding("a", 0)
        }]);
        let head = serde_json::to_string(&group.view.head).unwrap().len();
        let notice = serde_json::to_string(&group.notices[0].notice).unwrap().len();
        assert!(head < 150_000 && notice < 150_000, "{hostile:?}: {head} and {notice} bytes");
    }
}

#[test]
fn the_log_tells_the_story_with_numbers_of_its_own() {
    let mut group = TestGroup::new();
    group.fires("a").until(10).fires("b").until(60).recovers("a", 0).recovers("b", 10);
    let story: Vec<&str> = group
        .log
        .iter()
        .map(|l| match l.entry.event {
            Event::Opened { .. } => "opened",
            Event::Joined { .. } => "joined",
            Event::Left { .. } => "left",
            Event::Decided { .. } => "decided",
            _ => "other",
        })
        .collect();
    assert_eq!(story, ["opened", "decided", "joined", "decided", "left", "left", "decided"]);
    let places: BTreeSet<&str> = group.log.iter().map(|l| l.sort.as_str()).collect();
    assert_eq!(places.len(), group.log.len());
    assert!(group.log.iter().map(|l| &l.sort).is_sorted());
}

/// The same as another rule sees it.
fn by(rule: &str, finding: Finding) -> Finding {
    let fingerprint = Fingerprint::of_episode(&finding.scope, rule, &finding.subject, finding.since);
    Finding { rule: rule.into(), fingerprint, summary: format!("{rule}: {}", finding.summary), ..finding }
}

#[test]
fn one_object_that_several_rules_see_counts_once_and_until_none_of_them_does() {
    let mut group = TestGroup::new();
    group.fires("a").until(10).take(&[by("PodNotReady", finding("a", 10))]).until(100);
    assert_eq!(group.told(), ["0s alert P3 n=1", "30s update P3 n=1 +a"]);
    let told = &group.notices[1].notice;
    assert_eq!(told.joined[0].rule.as_deref(), Some("PodNotReady"));
    assert_eq!(
        (told.also[0].rule.as_str(), told.also[0].summary.as_str()),
        ("PodNotReady", "PodNotReady: a crashes")
    );
    group.recovers("a", 0).until(1_000);
    assert_eq!(group.told(), Vec::<String>::new());
    group.take(&[ended(by("PodNotReady", finding("a", 10)), 1_000, EndReason::Recovered)]);
    assert_eq!(group.told(), ["1000s resolved P3 n=1 ended=1000s"]);
}

#[test]
fn a_rule_that_saw_it_only_for_a_moment_is_no_news() {
    let mut group = TestGroup::new();
    let unready = by("PodNotReady", finding("a", 10));
    group.fires("a").until(10).take(std::slice::from_ref(&unready));
    group.until(20).take(&[ended(unready, 20, EndReason::Recovered)]).until(1_000);
    assert_eq!(group.told(), ["0s alert P3 n=1"]);
}

#[test]
fn no_more_rules_are_told_apart_than_a_person_reads() {
    let mut group = TestGroup::new();
    let findings: Vec<Finding> =
        (0..40).map(|nth| by(&format!("Rule{nth}"), finding(&format!("pod-{nth}"), 0))).collect();
    group.take(&findings).until(100);
    assert_eq!((group.notices[0].notice.also.len(), group.notices[0].notice.count), (11, 40));
    let ends: Vec<Finding> =
        findings.into_iter().map(|finding| ended(finding, 100, EndReason::Recovered)).collect();
    group.take(&ends);
    assert_eq!(group.told().last().unwrap(), "100s resolved P3 n=40 ended=100s");
}

proptest::proptest! {
    /// However the findings of some rules on some objects come, go and come again: the alert counts the objects that
    /// some rule still sees, and of each rule what it still sees.
    #[test]
    fn an_alert_counts_who_is_affected_and_what_each_rule_sees(
        script in proptest::collection::vec((0..3_usize, 0_i64..4, 0_i64..3, 0_i64..90, proptest::bool::ANY), 1..60),
    ) {
        let rules = ["PodCrashLooping", "PodNotReady", "PodImagePullFailing"];
        let mut group = TestGroup::new();
        let mut known = BTreeMap::new();
        for (rule, pod, episode, wait, ends) in script {
            let now = group.now + wait;
            group.until(now);
            let finding = by(rules[rule], finding(&format!("pod-{pod}"), episode * 10));
            known.insert(finding.fingerprint.clone(), rules[rule]);
            group.take(&[if ends { ended(finding, now, EndReason::Recovered) } else { finding }]);
            let open: Vec<(&Fingerprint, &Memory)> =
                group.memories.iter().filter(|(_, memory)| !memory.state.is_ended()).collect();
            let objects: BTreeSet<&String> = open.iter().map(|(_, memory)| &memory.member).collect();
            let alert = group.view.head.alert.as_ref();
            let count = alert.map_or(0, |alert| alert.open);
            proptest::prop_assert_eq!(usize::try_from(count).unwrap(), objects.len());
            for name in rules {
                let sees = alert.and_then(|alert| alert.symptoms.get(name)).map_or(0, |seen| seen.open);
                let of_it = open.iter().filter(|(fingerprint, _)| known[*fingerprint] == name).count();
                proptest::prop_assert_eq!(usize::try_from(sees).unwrap(), of_it, "{}", name);
            }
        }
    }

    /// However findings and ends of a few pods are shuffled, repeated and spread over turns and time: the group
    /// is quiet in the end, begins and ends take turns, and every alert that began has ended.
    #[test]
    fn begins_and_ends_take_turns_and_all_end(
        script in proptest::collection::vec((0_i64..6, 0_i64..4, 0_i64..600, proptest::bool::ANY), 1..60),
    ) {
        let mut group = TestGroup::new();
        let mut episodes = BTreeSet::new();
        for (pod, episode, wait, ends) in script {
            let now = group.now + wait;
            group.until(now);
            episodes.insert((pod, episode));
            let finding = finding(&format!("pod-{pod}"), episode * 10);
            let reason = if pod % 2 == 0 { EndReason::Recovered } else { EndReason::Deleted };
            group.take(&[if ends { ended(finding, now, reason) } else { finding }]);
        }
        let now = group.now;
        for (pod, episode) in episodes {
            group.take(&[ended(finding(&format!("pod-{pod}"), episode * 10), now, EndReason::Recovered)]);
        }
        group.until(now + 100_000);
        proptest::prop_assert!(group.view.head.alert.is_none());
        proptest::prop_assert_eq!(group.due, None);
        let mut open: Option<Fingerprint> = None;
        let mut seen = BTreeSet::new();
        for Decided { notice, .. } in &group.notices {
            match notice.kind {
                NoticeKind::Alert => {
                    proptest::prop_assert!(open.is_none());
                    proptest::prop_assert!(seen.insert(notice.fingerprint.clone()), "told as new twice");
                    open = Some(notice.fingerprint.clone());
                }
                NoticeKind::Update => proptest::prop_assert_eq!(open.as_ref(), Some(&notice.fingerprint)),
                NoticeKind::Resolved => {
                    proptest::prop_assert_eq!(open.take(), Some(notice.fingerprint.clone()));
                    proptest::prop_assert!(notice.ended.is_some() && notice.count >= 1);
                }
            }
        }
        proptest::prop_assert!(open.is_none());
    }
}
