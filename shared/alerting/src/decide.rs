use crate::log::{Event, Logged};
use crate::notice::{NAMED_MAX, SYMPTOM_SUMMARY_MAX, bounded, cut, notice};
use crate::{Alert, Flapping, Head, Joined, Member, Memory, MemoryState, Policy, Seen, Told, keys};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{
    EndReason, Ended, Finding, FindingState, Fingerprint, Notice, NoticeKind, ObjectRef, later,
};
use std::collections::{BTreeMap, BTreeSet};

/// Apps that are told apart in one alert, and how long their names may be.
const APPS_MAX: usize = 100;
const APP_BYTES_MAX: usize = 160;
/// Rules that are told apart in one alert.
const SYMPTOMS_MAX: usize = 12;
/// At most so many channels are told of one alert. What they are owed is written at once, two records each at worst.
const CHANNELS_MAX: usize = 32;

/// A group, as far as the findings at hand touch it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// The group's partition.
    pub group: String,
    /// The open alert and its past.
    pub head: Head,
    /// The members that the findings are about, by [`keys::member_id`]. What is not here is new.
    pub members: BTreeMap<String, Member>,
    /// What is known of the findings. What is not here never came.
    pub memories: BTreeMap<Fingerprint, Memory>,
}

/// What a decision depends on besides the group.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: Timestamp,
    /// Whether the watcher is behind, so that quiet proves nothing.
    pub behind: bool,
    /// How often people are told.
    pub policy: &'a Policy,
    /// Which channels a notice concerns.
    pub route: &'a dyn Fn(&Notice) -> Vec<String>,
}

/// What is to be done. All of it has to be written at once, before anything is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The group as it is now.
    pub view: View,
    /// What is to be told, in order.
    pub notices: Vec<Decided>,
    /// What is to be written down.
    pub log: Vec<Logged>,
    /// When time alone will change something.
    pub due: Option<Timestamp>,
}

/// A notice, and whom it is owed.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// What.
    pub notice: Notice,
    /// To whom.
    pub channels: Vec<String>,
}

/// Takes findings into their group (they must all be of it), and says what is to be told.
///
/// With no findings it is a look at the clock. Nothing depends on how often that happens: asked twice at one
/// time, the second answer is empty; and what came twice, late or in another order changes nothing that was
/// told already.
pub fn decide(view: View, findings: &[Finding], context: &Context<'_>) -> Decision {
    let mut turn =
        Turn { context, decision: Decision { view, notices: Vec::new(), log: Vec::new(), due: None } };
    for finding in findings {
        match &finding.state {
            FindingState::Firing => turn.fires(finding),
            FindingState::Ended(ended) => turn.ends(finding, ended),
        }
    }
    turn.settle();
    turn.decision
}

struct Turn<'a> {
    context: &'a Context<'a>,
    decision: Decision,
}

impl Turn<'_> {
    fn fires(&mut self, finding: &Finding) {
        match self.decision.view.memories.get(&finding.fingerprint).map(|m| &m.state) {
            Some(MemoryState::Ended { at, .. }) => {
                let event = Event::Suppressed { since: finding.since, ended: *at };
                let logged = Logged::new(&finding.fingerprint, "group", 0, self.context.now, event);
                self.decision.log.push(logged);
            }
            Some(MemoryState::Open { .. }) => self.repeats(finding),
            None => self.begins(finding),
        }
    }

    /// What is known already comes again: a repetition, or the same with more to say.
    fn repeats(&mut self, finding: &Finding) {
        let Some(alert) = &mut self.decision.view.head.alert else { return };
        alert.severity = alert.severity.max(finding.severity);
        if let Some(seen) = alert.symptoms.get_mut(&finding.rule) {
            seen.severity = seen.severity.max(finding.severity);
        }
        // Only the opening finding speaks for the cause, or the causes of many members would take turns.
        if alert.opening.fingerprint == finding.fingerprint
            && finding.cause.is_some()
            && finding.cause != alert.opening.cause
        {
            alert.opening = Finding { since: alert.opening.since, ..bounded(finding) };
        }
    }

    fn begins(&mut self, finding: &Finding) {
        let now = self.context.now;
        let fingerprint = &finding.fingerprint;
        let object = finding.subject.object();
        let alone = opened(finding, now);
        let view = &mut self.decision.view;
        let opens = view.head.alert.is_none();
        let alert = view.head.alert.get_or_insert_with(|| alone.clone());
        let alert_id = alert.opening.fingerprint.clone();

        let member_id = keys::member_id(object);
        let member = view.members.entry(member_id.clone()).or_default();
        let counted = member.alert.as_ref() == Some(&alert_id);
        let affected = counted && !member.open.is_empty();
        member.open.insert(fingerprint.clone());
        member.alert = Some(alert_id.clone());
        let state = MemoryState::Open { alert: alert_id };
        let memory = Memory { group: view.group.clone(), member: member_id, state };
        view.memories.insert(fingerprint.clone(), memory);

        alert.severity = alert.severity.max(finding.severity);
        alert.since = alert.since.min(finding.since);
        if alert.opening.cause.is_none() && finding.cause.is_some() {
            // The first that is understood speaks for all.
            let known = &alone.opening;
            alert.opening.cause.clone_from(&known.cause);
            alert.opening.diagnosis = known.diagnosis.clone().or(alert.opening.diagnosis.take());
            alert.opening.owner = known.owner;
        }
        if alert.apps.len() < APPS_MAX
            && let Some(app) = app(finding)
        {
            alert.apps.insert(cut(&app.to_string(), APP_BYTES_MAX));
        }
        let is_new = see(alert, &alone.opening);
        alert.open += u32::from(!affected);
        alert.total += u32::from(!counted);
        if opens {
            self.note(Event::Opened {
                scope: finding.scope.clone(),
                rule: finding.rule.clone(),
                severity: finding.severity,
                owner: finding.owner,
                object: object.clone(),
                group: finding.group.key.clone(),
                since: finding.since,
                fired_at: finding.fired_at,
            });
        } else {
            let rule = (alert.opening.rule != finding.rule).then(|| finding.rule.clone());
            // Who comes back was named before; unless it is another rule that sees it.
            if !counted || (is_new && rule.is_some()) {
                joins(alert, object, rule, now);
            }
            // Whom it would have been told alone hears of the alert.
            let routed = (self.context.route)(&notice(&alone, NoticeKind::Alert, now)).into_iter();
            alert.untold.extend(routed.filter(|channel| !alert.channels.contains(channel)));
            self.note(Event::Joined {
                fingerprint: fingerprint.clone(),
                rule: finding.rule.clone(),
                object: object.clone(),
                since: finding.since,
                fired_at: finding.fired_at,
            });
        }
    }

    fn ends(&mut self, finding: &Finding, ended: &Ended) {
        let now = self.context.now;
        let fingerprint = &finding.fingerprint;
        let object = finding.subject.object();
        let view = &mut self.decision.view;
        let (at, reason) = (ended.at, ended.reason);
        let Some(memory) = view.memories.get_mut(fingerprint) else {
            // It overtook its finding, which will be ignored when it comes.
            let state = MemoryState::Ended { at, reason, alert: None };
            let memory = Memory { group: view.group.clone(), member: keys::member_id(object), state };
            view.memories.insert(fingerprint.clone(), memory);
            return;
        };
        let MemoryState::Open { alert: alert_id } = &memory.state else { return };
        let alert_id = alert_id.clone();
        memory.state = MemoryState::Ended { at, reason, alert: Some(alert_id.clone()) };
        let member = view.members.entry(memory.member.clone()).or_default();
        member.open.remove(fingerprint);
        let gone = member.open.is_empty();

        let Some(alert) = view.head.alert.as_mut().filter(|a| a.opening.fingerprint == alert_id) else {
            return;
        };
        let seen = alert.symptoms.get_mut(&finding.rule);
        let is_seen = seen.is_none_or(|seen| {
            seen.open = seen.open.saturating_sub(1);
            seen.open > 0
        });
        if gone {
            alert.open = alert.open.saturating_sub(1);
        }
        leaves(alert, |joined| {
            joined.object == *object && (gone || (!is_seen && joined.rule.as_ref() == Some(&finding.rule)))
        });
        alert.ended = alert.ended.max(Some(at));
        if reason == EndReason::Deleted {
            // From now, not from the deletion: a queue that is late is late with the successor too.
            let hold = SignedDuration::from_secs(i64::from(finding.hold_down_seconds));
            alert.hold_until = alert.hold_until.max(Some(later(now, hold)));
        }
        let (fingerprint, object) = (fingerprint.clone(), object.clone());
        self.note(Event::Left { fingerprint, object, ended: at, reason });
    }

    /// Decides what the state of the alert and the time ask for.
    fn settle(&mut self) {
        let now = self.context.now;
        let flap_window = self.context.policy.flap_window;
        self.decision.view.head.flips.retain(|flip| now.duration_since(*flip) < flap_window);
        let Some(alert) = &mut self.decision.view.head.alert else { return };
        if alert.told.is_none() {
            let restless = self.flips();
            self.with_alert(|alert| {
                alert.flapping = restless.then_some(Flapping { last_flip: now, up: true });
            });
            self.tell(NoticeKind::Alert);
        } else if alert.open > 0 {
            alert.behind = false;
        }
        let is_quiet = self.alert(|a| a.open) == Some(0);
        self.decision.due = if is_quiet { self.settle_quiet() } else { self.settle_affected() }
            // However small the policy's numbers are, time must pass between two looks.
            .map(|due| due.max(later(now, SignedDuration::from_secs(1))));
        if !is_quiet {
            self.tell_the_untold();
        }
    }

    /// Somebody is affected.
    fn settle_affected(&mut self) -> Option<Timestamp> {
        let (now, policy) = (self.context.now, self.context.policy);
        if let Some(flapping) = self.alert(|a| a.flapping).flatten() {
            let last_flip = if flapping.up { flapping.last_flip } else { self.flaps(true) };
            let calm_at = later(last_flip, policy.flap_quiet);
            if now < calm_at {
                if self.alert(is_worse) == Some(true) {
                    self.tell(NoticeKind::Update);
                }
                return Some(calm_at);
            }
            // It came and stayed: no longer flapping, but there.
            self.decision.view.head.flips.clear();
            self.with_alert(|alert| alert.flapping = None);
            self.tell(NoticeKind::Update);
        } else if self.alert(|a| is_worse(a) || has_new_cause(a)) == Some(true)
            || self.alert(|a| next_update(a, policy)).flatten().is_some_and(|due| due <= now)
        {
            self.tell(NoticeKind::Update);
        }
        self.alert(|a| next_update(a, policy)).flatten()
    }

    /// Nobody is affected any more.
    fn settle_quiet(&mut self) -> Option<Timestamp> {
        let (now, policy) = (self.context.now, self.context.policy);
        let hold_until = self.alert(|a| a.hold_until).flatten();
        if let Some(until) = hold_until.filter(|until| now < *until) {
            return Some(until);
        }
        if self.context.behind {
            if self.alert(|a| a.behind) == Some(false) {
                self.with_alert(|alert| alert.behind = true);
                self.note(Event::Held);
            }
            return Some(later(now, policy.behind_recheck));
        }
        self.with_alert(|alert| alert.behind = false);
        if let Some(flapping) = self.alert(|a| a.flapping).flatten() {
            let last_flip = if flapping.up { self.flaps(false) } else { flapping.last_flip };
            let calm_at = later(last_flip, policy.flap_quiet);
            if now < calm_at {
                return Some(calm_at);
            }
            self.decision.view.head.flips.clear();
            self.with_alert(|alert| alert.flapping = None);
        } else if self.flips() {
            self.with_alert(|alert| alert.flapping = Some(Flapping { last_flip: now, up: false }));
            self.tell(NoticeKind::Update);
            return Some(later(now, policy.flap_quiet));
        }
        self.tell(NoticeKind::Resolved);
        self.decision.view.head.alert = None;
        None
    }

    /// Counts a flip, and says whether there were too many lately.
    fn flips(&mut self) -> bool {
        let flips = &mut self.decision.view.head.flips;
        flips.push(self.context.now);
        let most = usize::try_from(self.context.policy.flap_flips.max(1)).unwrap_or(usize::MAX);
        let restless = flips.len() >= most;
        // More than decide are not kept, so that the head stays small.
        flips.drain(..flips.len().saturating_sub(most));
        restless
    }

    /// Notes that a flapping alert came or went again.
    fn flaps(&mut self, up: bool) -> Timestamp {
        let now = self.context.now;
        self.flips();
        self.with_alert(|alert| alert.flapping = Some(Flapping { last_flip: now, up }));
        now
    }

    /// Those who have not heard of the alert, and to whom one that joined would have been told, do not wait for the
    /// next news: alone it would not have waited either. The others have heard.
    fn tell_the_untold(&mut self) {
        let now = self.context.now;
        let Some(alert) = &mut self.decision.view.head.alert else { return };
        let room = CHANNELS_MAX.saturating_sub(alert.channels.len());
        let untold = std::mem::take(&mut alert.untold);
        let channels: Vec<String> = untold.difference(&alert.channels).take(room).cloned().collect();
        if channels.is_empty() {
            return;
        }
        let notice = notice(alert, NoticeKind::Update, now);
        alert.channels.extend(channels.iter().cloned());
        alert.sequence += 1;
        self.decided(notice, channels);
    }

    fn tell(&mut self, kind: NoticeKind) {
        let now = self.context.now;
        let Some(alert) = &mut self.decision.view.head.alert else { return };
        let notice = notice(alert, kind, now);
        let mut channels: Vec<String> = alert.channels.iter().cloned().collect();
        if kind != NoticeKind::Resolved {
            let mut routed: BTreeSet<String> = (self.context.route)(&notice).into_iter().collect();
            routed.append(&mut alert.untold);
            channels.extend(routed.difference(&alert.channels).cloned());
            channels.truncate(CHANNELS_MAX);
            alert.channels = channels.iter().cloned().collect();
        }
        alert.sequence += 1;
        alert.told = Some(Told {
            at: now,
            count: notice.count,
            severity: notice.severity,
            cause: notice.cause.clone(),
        });
        alert.joined.clear();
        alert.joined_more = false;
        alert.joined_since = None;
        self.decided(notice, channels);
    }

    fn decided(&mut self, notice: Notice, channels: Vec<String>) {
        self.note(Event::Decided {
            sequence: notice.sequence,
            kind: notice.kind,
            severity: notice.severity,
            count: notice.count,
            flapping: notice.flapping,
            channels: channels.clone(),
            ended: notice.ended,
        });
        self.decision.notices.push(Decided { notice, channels });
    }

    fn note(&mut self, event: Event) {
        let Some(alert) = &mut self.decision.view.head.alert else { return };
        let logged = Logged::new(&alert.opening.fingerprint, "group", alert.entries, self.context.now, event);
        alert.entries += 1;
        self.decision.log.push(logged);
    }

    fn alert<T>(&self, read: impl FnOnce(&Alert) -> T) -> Option<T> {
        self.decision.view.head.alert.as_ref().map(read)
    }

    fn with_alert(&mut self, change: impl FnOnce(&mut Alert)) {
        if let Some(alert) = &mut self.decision.view.head.alert {
            change(alert);
        }
    }
}

fn opened(finding: &Finding, now: Timestamp) -> Alert {
    Alert {
        opening: bounded(finding),
        opened_at: now,
        severity: finding.severity,
        since: finding.since,
        open: 0,
        total: 0,
        apps: BTreeSet::new(),
        symptoms: BTreeMap::new(),
        sequence: 0,
        told: None,
        joined: Vec::new(),
        joined_more: false,
        joined_since: None,
        ended: None,
        hold_until: None,
        behind: false,
        flapping: None,
        channels: BTreeSet::new(),
        untold: BTreeSet::new(),
        entries: 0,
    }
}

/// The app that a finding is about, where it is about one: what runs, or what something controls that may run. A
/// Service, a claim or a node is none.
fn app(finding: &Finding) -> Option<&ObjectRef> {
    const RUN: [&str; 7] = ["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"];
    let workload = finding.diagnosis.as_ref()?.workload.as_ref()?;
    let is_app = RUN.contains(&workload.kind.as_str()) || workload != finding.subject.object();
    is_app.then_some(workload)
}

/// Notes what a finding's rule sees. Whether the rule is new here.
fn see(alert: &mut Alert, finding: &Finding) -> bool {
    let object = finding.subject.object();
    let is_new = !alert.symptoms.contains_key(&finding.rule);
    if is_new && alert.symptoms.len() >= SYMPTOMS_MAX {
        return false;
    }
    let seen = alert.symptoms.entry(finding.rule.clone()).or_insert_with(|| Seen {
        severity: finding.severity,
        object: object.clone(),
        since: finding.since,
        summary: String::new(),
        open: 0,
    });
    seen.severity = seen.severity.max(finding.severity);
    seen.open += 1;
    // The same one whichever comes first.
    if is_new || (finding.since, object) < (seen.since, &seen.object) {
        seen.object = object.clone();
        seen.since = finding.since;
        seen.summary = cut(&finding.summary, SYMPTOM_SUMMARY_MAX);
    }
    is_new
}

fn joins(alert: &mut Alert, object: &ObjectRef, rule: Option<String>, now: Timestamp) {
    if alert.joined.len() < NAMED_MAX {
        alert.joined.push(Joined { object: object.clone(), rule, left: false });
    } else {
        alert.joined_more = true;
    }
    alert.joined_since = alert.joined_since.or(Some(now));
}

fn leaves(alert: &mut Alert, is_it: impl Fn(&Joined) -> bool) {
    for joined in alert.joined.iter_mut().filter(|joined| is_it(joined)) {
        joined.left = true;
    }
    if !alert.joined_more && alert.joined.iter().all(|j| j.left) {
        alert.joined_since = None;
    }
}

fn is_worse(alert: &Alert) -> bool {
    alert.told.as_ref().is_some_and(|told| alert.severity > told.severity)
}

fn has_new_cause(alert: &Alert) -> bool {
    alert.told.as_ref().is_some_and(|told| alert.opening.cause != told.cause)
}

/// When an alert with people affected has to be told of again, if nothing happens until then.
fn next_update(alert: &Alert, policy: &Policy) -> Option<Timestamp> {
    let told = alert.told.as_ref()?;
    let reminder = policy.repeat.of(alert.severity).map(|repeat| later(told.at, repeat));
    let joiners = alert.joined_since.and_then(|first| {
        let window_end = later(alert.opened_at, policy.join_window);
        if first < window_end && told.at < window_end {
            return Some(window_end);
        }
        let collected = later(first, policy.join_window);
        if alert.open >= told.count.saturating_mul(2) {
            return Some(collected);
        }
        policy.pace.of(alert.severity).map(|pace| later(told.at, pace).max(collected))
    });
    reminder.into_iter().chain(joiners).min()
}

#[cfg(test)]
mod tests;
