//! A case on virtual time: the handlers that are deployed, over memory.

use super::cases::{Case, Expect, What};
use crate::render;
use jiff::{SignedDuration, Timestamp};
use prodrome_lambda::Handler;
use prodrome_lifecycle::{Counter, Quota};
use prodrome_local::{Change, Notices, Script, World};
use prodrome_model::{Notice, NoticeKind, ObjectRef};
use prodrome_rules::{RuleSet, print_duration};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// How far from its time a notice may be.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);
/// How long hold-downs are waited for.
const HOLD_DOWN_MAX: SignedDuration = SignedDuration::from_hours(2);

/// What of the notices of a case is not as expected, one line each. With `only`, of one rule: the others are not
/// there.
pub(super) fn judge(case: &Case, told: &[Notice], only: Option<&str>) -> Vec<String> {
    let mut failures = Vec::new();
    let mut taken = vec![false; told.len()];
    // Those that name an object first: the others take what is left.
    let mut expectations: Vec<&Expect> =
        case.expect.iter().filter(|expect| only.is_none_or(|rule| expect.rule == rule)).collect();
    expectations.sort_by_key(|expect| expect.object.is_none());
    for expect in expectations {
        let fits = |notice: &Notice| fits(expect, notice, case.start);
        match told.iter().enumerate().position(|(index, notice)| !taken[index] && fits(notice)) {
            // An update that several objects joined may be expected once for each.
            Some(index) => taken[index] = told[index].kind != NoticeKind::Update,
            None => failures.push((expect.line, missing(expect, told, case.start))),
        }
    }
    failures.sort();
    let mut lines: Vec<String> = failures.into_iter().map(|(_, text)| text).collect();
    for (notice, taken) in told.iter().zip(taken) {
        if notice.kind == NoticeKind::Alert && !taken {
            let but = if case.quiet.contains(&notice.rule) { ", which must be quiet" } else { "" };
            lines.push(format!(
                "unexpected: {}{but}: {}",
                describe(notice, case.start),
                render::plain(&notice.summary, 200)
            ));
        }
    }
    lines
}

/// What came of a case.
pub(super) struct Played {
    /// What was told.
    pub(super) told: Vec<Notice>,
    /// Of each rule that counts, and of what it counts together: how many there were within its window, at most.
    pub(super) counted: BTreeMap<(String, String), usize>,
}

/// Plays a case; gives what was told.
pub(super) async fn notices(case: &Case, rules: Arc<RuleSet>) -> Vec<Notice> {
    play(case, rules).await.told
}

/// Plays a case.
pub(super) async fn play(case: &Case, rules: Arc<RuleSet>) -> Played {
    let mut counted = BTreeMap::new();
    let notices = Notices::default();
    let script = Script::default();
    let mut world = World::new(rules.clone(), case.start, |episodes, queue| notices.alerts(episodes, queue))
        .answering(script.clone())
        .seeing_all();
    let mut answers = case.answers.iter().peekable();
    for burst in case.happenings.chunk_by(|one, next| one.at == next.at) {
        let at = case.start + burst[0].at;
        while let Some(says) = answers.next_if(|says| says.at <= burst[0].at) {
            world.run_until(case.start + says.at).await;
            script.say(&says.plugin, says.object.clone(), says.response.clone());
        }
        let changes: Vec<Change> = burst
            .iter()
            .map(|h| Change { at, resource: h.resource.clone(), kind: h.kind, object: h.object.clone() })
            .collect();
        world.run_until(at).await;
        let refused = world.apply(&changes).await;
        debug_assert!(refused.is_empty(), "a case is refused whose objects have no head that can be read");
        world.run_until(at).await;
        count(&world, &rules, &mut counted);
    }
    for says in answers {
        world.run_until(case.start + says.at).await;
        script.say(&says.plugin, says.object.clone(), says.response.clone());
    }
    let mut until = case.start + case.until;
    world.run_until(until).await;
    count(&world, &rules, &mut counted);
    let mut told = notices.take();
    let awaited = case.expect.iter().filter(|expect| expect.what == What::Resolves).count();
    let resolved = |told: &[Notice]| told.iter().filter(|n| n.kind == NoticeKind::Resolved).count();
    world.end();
    let last = until + HOLD_DOWN_MAX;
    while resolved(&told) < awaited && until < last {
        until += SignedDuration::from_mins(1);
        world.run_until(until).await;
        told.extend(notices.take().into_iter().filter(|notice| notice.kind == NoticeKind::Resolved));
    }
    Played { told, counted }
}

/// Notes how full the counters are.
fn count<A: Handler>(world: &World<A>, rules: &RuleSet, counted: &mut BTreeMap<(String, String), usize>) {
    let counting = || rules.rules().iter().filter_map(|rule| Some((rule, rule.frequency()?)));
    if counting().next().is_none() {
        return;
    }
    let records =
        world.checks.records().into_iter().filter(|record| record.key.partition.starts_with("count#"));
    for record in records {
        let Some((_, name)) = record.key.partition.rsplit_once('#') else { continue };
        let Some((_, frequency)) = counting().find(|(rule, _)| rule.name() == name) else { continue };
        let Ok(counter) = serde_json::from_str::<Counter>(&record.data) else { continue };
        let quota =
            Quota { count: frequency.count(), within: frequency.within(), distinct: frequency.is_distinct() };
        let standing = counter.standing(&quota, world.now());
        let most = counted.entry((name.to_owned(), counter.group)).or_default();
        *most = standing.count.max(*most);
    }
}

fn fits(expect: &Expect, notice: &Notice, start: Timestamp) -> bool {
    let at = start + expect.at;
    if notice.rule != expect.rule {
        return false;
    }
    let is_it = |object: &ObjectRef| match &expect.object {
        Some((kind, name)) => object.kind == *kind && object.name == *name,
        None => true,
    };
    match (expect.what, notice.kind) {
        (What::Fires, NoticeKind::Alert) => {
            in_time(notice.at.duration_since(at), expect)
                && is_it(&notice.object)
                && expect.since.is_none_or(|since| notice.since == since)
        }
        // Who joins a group is told in an update of its alert.
        (What::Fires, NoticeKind::Update) => {
            expect.object.is_some()
                && expect.since.is_none()
                && in_time(notice.at.duration_since(at), expect)
                && notice.joined.iter().any(|joiner| is_it(&joiner.object))
        }
        (What::Resolves, NoticeKind::Resolved) => {
            let ended = notice.ended.unwrap_or(notice.at);
            let late = ended.duration_since(at);
            (-TOLERANCE..=TOLERANCE + expect.slack).contains(&late) && is_it(&notice.object)
        }
        _ => false,
    }
}

fn in_time(late: SignedDuration, expect: &Expect) -> bool {
    (SignedDuration::ZERO..=TOLERANCE + expect.slack).contains(&late)
}

/// What was expected, and what there was instead.
fn missing(expect: &Expect, told: &[Notice], start: Timestamp) -> String {
    let verb = match expect.what {
        What::Fires => "fire",
        What::Resolves => "resolve",
    };
    let mut text = format!("expected {} to {verb} at {}", expect.rule, print_duration(expect.at));
    if let Some((kind, name)) = &expect.object {
        write!(text, " on {kind}/{name}").expect("writing to a string");
    }
    if let Some(since) = expect.since {
        write!(text, ", begun at {}", from_start(since, start)).expect("writing to a string");
    }
    let of_rule: Vec<_> = told
        .iter()
        .filter(|n| n.rule == expect.rule && (n.kind != NoticeKind::Update || !n.joined.is_empty()))
        .map(|notice| match expect.since {
            Some(_) => format!("{}, begun at {}", describe(notice, start), from_start(notice.since, start)),
            None => describe(notice, start),
        })
        .collect();
    if of_rule.is_empty() {
        text.push_str(", but it never fired");
    } else {
        write!(text, "; found: {}", of_rule.join(", ")).expect("writing to a string");
    }
    text
}

fn describe(notice: &Notice, start: Timestamp) -> String {
    let since = |at: Timestamp| from_start(at, start);
    let rule = &notice.rule;
    let object = |object: &ObjectRef| render::plain(&object.to_string(), 200);
    match (notice.kind, notice.ended) {
        (NoticeKind::Alert, _) => {
            format!("{rule} fired at {} on {}", since(notice.at), object(&notice.object))
        }
        (NoticeKind::Update, _) => {
            let joined: Vec<_> = notice.joined.iter().map(|joiner| object(&joiner.object)).collect();
            format!("{rule} had {} join at {}", joined.join(" and "), since(notice.at))
        }
        (NoticeKind::Resolved, Some(ended)) => {
            format!("{rule} was quiet from {} on, resolved at {}", since(ended), since(notice.at))
        }
        (NoticeKind::Resolved, None) => format!("{rule} resolved at {}", since(notice.at)),
    }
}

/// `-10h` where it was before the start.
fn from_start(at: Timestamp, start: Timestamp) -> String {
    let after = at.duration_since(start);
    let sign = if after.is_negative() { "-" } else { "" };
    format!("{sign}{}", print_duration(after.abs()))
}
