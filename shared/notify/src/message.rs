use crate::text::{lines, one_line};
use jiff::{SignedDuration, Timestamp};
use prodrome_model::{EventBrief, Joiner, Notice, NoticeKind, ObjectRef, Owner, Severity, Symptom};

/// What a notice tells a person, in pieces that every channel puts together in its own markup.
///
/// All texts are bounded and on one line each, and free of control and invisible characters; they are *not*
/// escaped for any markup yet.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) kind: NoticeKind,
    pub(crate) severity: Severity,
    pub(crate) rule: String,
    /// What it is about: the topmost owner, such as `Deployment shop/cart`, and what is to blame where that is another.
    pub(crate) target: String,
    /// How many objects of which kind, where the target is not the one object: `3 × Pod`.
    pub(crate) count: Option<String>,
    /// The object that opened the alert, where it is not the topmost owner.
    pub(crate) first: Option<String>,
    /// `prod-eu (eu-central-1)`.
    pub(crate) cluster: String,
    pub(crate) owner: Owner,
    pub(crate) cause: Option<String>,
    pub(crate) since: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    /// From its begin to its end, or to now.
    pub(crate) lasted: String,
    pub(crate) summary: String,
    /// The names of those that joined.
    pub(crate) joined: Vec<String>,
    /// Whether those are news to whoever is told: not where all of it is.
    pub(crate) tells_joined: bool,
    /// What other rules see of it.
    pub(crate) also: Vec<String>,
    pub(crate) evidence: Vec<String>,
    pub(crate) events: Vec<String>,
    /// What to do, as the diagnosis says: first among the lines of the runbook, and text that a tenant may have written.
    pub(crate) steps: usize,
    pub(crate) runbook: Vec<String>,
    /// What else must be known: the state is stale, it flaps, the notice is late.
    pub(crate) notes: Vec<String>,
    pub(crate) fingerprint: String,
}

const EVIDENCE_MAX: usize = 8;
const EVENTS_MAX: usize = 5;
const JOINED_MAX: usize = 10;
const ALSO_MAX: usize = 8;
/// Causes that are ruled out by one sight and named.
const RULED_OUT_MAX: usize = 3;
/// Steps of a repair that are told.
const STEPS_MAX: usize = 5;

/// A kind, a namespace and a name as long as Kubernetes lets them be: a name that is cut finds nothing.
const NAME_MAX: usize = 63 + 1 + 63 + 1 + 253;

/// Two of those, and what stands between.
const TARGET_MAX: usize = 2 * NAME_MAX + 4;

/// A notice that is delivered later than this after it was decided says so.
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(5);

impl Message {
    pub(crate) fn new(notice: &Notice, now: Timestamp) -> Self {
        let grouped = *notice.workload() != notice.object;
        let region = one_line(&notice.scope.region, 40);
        let cluster = or(one_line(&notice.scope.cluster, 80), "unknown cluster");
        Self {
            kind: notice.kind,
            severity: notice.severity,
            rule: one_line(&notice.rule, 100),
            target: one_line(&notice.target(), TARGET_MAX),
            count: (grouped || notice.count > 1).then(|| count(notice)),
            first: grouped.then(|| name(&notice.object)),
            cluster: if region == "local" || region.is_empty() {
                cluster
            } else {
                format!("{cluster} ({region})")
            },
            owner: notice.owner,
            cause: cause(notice),
            since: notice.since,
            ended: notice.ended,
            lasted: span(notice.ended.unwrap_or(now).duration_since(notice.since)),
            summary: or(one_line(&notice.summary, 500), "no summary"),
            joined: some(&notice.joined, JOINED_MAX, joiner),
            tells_joined: notice.kind == NoticeKind::Update
                || (notice.kind == NoticeKind::Alert && notice.sequence > 0),
            also: some(&notice.also, ALSO_MAX, also),
            evidence: evidence(notice),
            events: some(&notice.events, EVENTS_MAX, |event| event_line(event, now)),
            steps: steps(notice),
            runbook: runbook(notice),
            notes: notes(notice, now),
            fingerprint: notice.fingerprint.as_str().to_owned(),
        }
    }

    /// `P2 PodCrashLooping: Deployment shop/cart`.
    pub(crate) fn title(&self) -> String {
        format!("{} {}: {}", self.severity, self.rule, self.target)
    }

    /// What has become of it: `for 6m`, `still, for 40m`, `lasted 42m`.
    pub(crate) fn state(&self) -> String {
        match self.kind {
            NoticeKind::Alert => format!("for {}", self.lasted),
            NoticeKind::Update => format!("still, for {}", self.lasted),
            NoticeKind::Resolved => format!("lasted {}", self.lasted),
        }
    }

    /// The address of the runbook, where it is nothing else than one.
    pub(crate) fn runbook_link(&self) -> Option<&str> {
        let [only] = self.runbook.as_slice() else { return None };
        match pieces(only).as_slice() {
            [Piece::Link(link)] => Some(link),
            _ => None,
        }
    }

    /// A sign for the severity, or for the end.
    pub(crate) const fn sign(&self) -> &'static str {
        match (self.kind, self.severity) {
            (NoticeKind::Resolved, _) => "✅",
            (_, Severity::P1) => "🔴",
            (_, Severity::P2) => "🟠",
            (_, Severity::P3) => "🟡",
            (_, Severity::P4) => "🔵",
        }
    }
}

/// `2026-03-01 03:04 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    let text = text.get(..16).map_or_else(|| text.clone(), |minute| minute.replace('T', " "));
    format!("{text} UTC")
}

/// The two largest parts of a time span: `45s`, `6m`, `1h 5m`, `3d 4h`. Nothing where it is negative, as
/// clocks differ.
pub(crate) fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: char, small: i64, sub: char| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit} {small}{sub}") }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, 1..5) => two(minutes, 'm', seconds % 60, 's'),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => two(hours, 'h', minutes % 60, 'm'),
        _ => two(days, 'd', hours % 24, 'h'),
    }
}

/// A part of a runbook's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Link(&'a str),
}

/// The addresses in a line, and what stands between them. A runbook is the rule author's, so its links are
/// links; those in what tenants write are not.
pub(crate) fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut text = 0;
    let starts = line.match_indices("http").map(|(i, _)| i);
    for start in starts {
        let rest = &line.get(start..).unwrap_or_default();
        let after_space =
            line.get(..start).is_some_and(|before| before.is_empty() || before.ends_with([' ', '(']));
        if !after_space || !(rest.starts_with("https://") || rest.starts_with("http://")) {
            continue;
        }
        // Up to what could end the link early in some markup, and without the punctuation of the sentence.
        let end =
            rest.find(|c: char| c.is_whitespace() || "<>|\"'()[]`\\…".contains(c)).unwrap_or(rest.len());
        let link = rest.get(..end).unwrap_or_default().trim_end_matches(['.', ',', ';', ':', '!', '?']);
        pieces.extend(line.get(text..start).filter(|text| !text.is_empty()).map(Piece::Text));
        pieces.push(Piece::Link(link));
        text = start + link.len();
    }
    pieces.extend(line.get(text..).filter(|text| !text.is_empty()).map(Piece::Text));
    pieces
}

/// `PodImagePullFailing on Pod shop/web-0`, where it is another rule that sees it.
fn joiner(joiner: &Joiner) -> String {
    match &joiner.rule {
        Some(rule) => format!("{} on {}", one_line(rule, 100), name(&joiner.object)),
        None => name(&joiner.object),
    }
}

/// `P2 DeploymentUnavailable on Deployment shop/web: 0 of 2 replicas are available`, `P3 PodNotReady ×12, first on Pod …`.
fn also(symptom: &Symptom) -> String {
    let Symptom { rule, severity, object, count, summary } = symptom;
    let (rule, object, summary) = (one_line(rule, 100), name(object), one_line(summary, 300));
    match count {
        0 => format!("{severity} {rule} on {object}, over: {summary}"),
        1 => format!("{severity} {rule} on {object}: {summary}"),
        _ => format!("{severity} {rule} ×{count}, first on {object}: {summary}"),
    }
}

/// `41 × Pod of 6 apps in 3 namespaces`; `3 objects` where they are of different kinds.
fn count(notice: &Notice) -> String {
    let is_other = |symptom: &Symptom| symptom.object.kind != notice.object.kind;
    let objects = match notice.count {
        count if count > 1 && notice.also.iter().any(is_other) => format!("{count} objects"),
        count => format!("{count} × {}", one_line(&notice.object.kind, 63)),
    };
    match (notice.apps, notice.namespaces) {
        (0 | 1, _) => objects,
        (apps, 0 | 1) => format!("{objects} of {apps} apps"),
        (apps, namespaces) => format!("{objects} of {apps} apps in {namespaces} namespaces"),
    }
}

fn name(object: &ObjectRef) -> String {
    one_line(&object.to_string(), NAME_MAX)
}

/// Vendors refuse texts that are empty.
fn or(text: String, instead: &str) -> String {
    if text.is_empty() { instead.to_owned() } else { text }
}

fn some<T>(all: &[T], max: usize, show: impl Fn(&T) -> String) -> Vec<String> {
    let mut shown: Vec<String> = all.iter().take(max).map(show).filter(|text| !text.is_empty()).collect();
    if all.len() > max {
        shown.push(format!("… and {} more", all.len() - max));
    }
    shown
}

/// `Warning BackOff ×12, 30s ago: Back-off restarting failed container`.
fn event_line(event: &EventBrief, now: Timestamp) -> String {
    let EventBrief { kind, reason, message, count, last_seen } = event;
    let times = if *count > 1 { format!(" ×{count}") } else { String::new() };
    let ago = last_seen.map(|at| format!(", {} ago", span(now.duration_since(at)))).unwrap_or_default();
    let (kind, reason, message) = (one_line(kind, 20), one_line(reason, 100), one_line(message, 400));
    format!("{kind} {reason}{times}{ago}: {message}")
}

/// `image-auth, 90 % sure: the registry r.example does not accept …`.
fn cause(notice: &Notice) -> Option<String> {
    let known = notice.cause.as_deref().map(|cause| one_line(cause, 100)).filter(|cause| !cause.is_empty());
    let Some(diagnosis) = &notice.diagnosis else { return known };
    let summary = one_line(&diagnosis.summary, 300);
    Some(match known {
        Some(cause) if summary.is_empty() => format!("{cause}, {:.0} % sure", diagnosis.confidence * 100.0),
        Some(cause) => format!("{cause}, {:.0} % sure: {summary}", diagnosis.confidence * 100.0),
        None if summary.is_empty() => "unknown".to_owned(),
        None => format!("unknown: {summary}"),
    })
}

/// What speaks for the cause before what the rule saw.
fn evidence(notice: &Notice) -> Vec<String> {
    let found =
        notice.diagnosis.iter().flat_map(|diagnosis| diagnosis.evidence.iter().chain(&diagnosis.facts));
    let mut lines: Vec<String> = found
        .map(|evidence| match &evidence.object {
            Some(object) => format!("{}: {}", name(object), one_line(&evidence.text, 300)),
            None => one_line(&evidence.text, 300),
        })
        .collect();
    let seen = notice.evidence.iter().map(|line| one_line(line, 300));
    lines.extend(seen.collect::<Vec<_>>().into_iter().filter(|line| !line.is_empty()));
    some(&lines, EVIDENCE_MAX, Clone::clone)
}

/// A step may quote what a tenant, or a tenant's registry, wrote: no address in it is a link.
fn remediation(notice: &Notice) -> impl Iterator<Item = String> {
    let steps = notice.diagnosis.iter().flat_map(|diagnosis| &diagnosis.remediation).take(STEPS_MAX);
    steps.map(|step| one_line(step, 300).replace("://", ":／／")).filter(|step| !step.is_empty())
}

fn steps(notice: &Notice) -> usize {
    remediation(notice).count()
}

/// What helps against the cause before what the rule's author wrote.
fn runbook(notice: &Notice) -> Vec<String> {
    let mut all: Vec<String> = remediation(notice).collect();
    all.extend(notice.runbook.as_deref().map(|text| lines(text, 10, 300)).unwrap_or_default());
    all
}

fn notes(notice: &Notice, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(diagnosis) = &notice.diagnosis {
        let of = |names: Vec<String>| names.into_iter().take(8).collect::<Vec<_>>().join(", ");
        if let Some(faulty) = diagnosis.faulty.as_ref().filter(|faulty| **faulty != notice.group.owner) {
            notes.push(format!("To be repaired: {}", name(faulty)));
        }
        if let Some(shared) = diagnosis.shared.as_deref().filter(|_| notice.count > 1) {
            notes.push(format!("All of them depend on {}", one_line(shared, 200)));
        }
        if diagnosis.cause.is_none() && !diagnosis.ruled_out.is_empty() {
            let words = diagnosis.ruled_out_in_words(RULED_OUT_MAX);
            let words: Vec<String> = words.iter().take(8).map(|words| one_line(words, 200)).collect();
            notes.push(one_line(&format!("Ruled out: {}", words.join("; ")), 500));
        }
        if !diagnosis.not_looked_at.is_empty() {
            let unseen = diagnosis.not_looked_at.iter();
            let unseen = unseen.map(|u| format!("{} ({})", one_line(&u.what, 80), one_line(&u.reason, 80)));
            notes.push(one_line(&format!("Not looked at: {}", of(unseen.collect())), 500));
        }
    }
    if let Some(why) = &notice.stale {
        notes.push(format!("Last known state; the live object could not be read: {}", one_line(why, 200)));
    }
    if notice.flapping {
        notes.push("It comes and goes: further news is held back until it is quiet".to_owned());
    }
    let late = now.duration_since(notice.at);
    if late > LATE_AFTER {
        notes.push(format!("Delivered {} late", span(late)));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_span_has_two_parts_at_most() {
        for (seconds, want) in [
            (-5, "0s"),
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (90, "1m 30s"),
            (372, "6m"),
            (3600, "1h"),
            (3900, "1h 5m"),
            (86_400, "1d"),
            (277_200, "3d 5h"),
        ] {
            assert_eq!(span(SignedDuration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn a_late_notice_says_so() {
        let notice = sample::plain();
        assert_eq!(Message::new(&notice, sample::now()).notes, Vec::<String>::new());
        let later = sample::now() + SignedDuration::from_hours(2);
        assert_eq!(Message::new(&notice, later).notes, ["Delivered 2h late"]);
    }

    #[test]
    fn what_many_apps_have_in_common_is_the_target_and_how_far_it_reaches_is_told() {
        let one = sample::plain();
        assert_eq!(Message::new(&one, sample::now()).target, "Deployment shop/cart");
        let shared = Some("registry r.example".to_owned());
        let diagnosis = Some(Box::new(prodrome_model::Diagnosis { shared, ..Default::default() }));
        let many = Notice { count: 41, apps: 6, namespaces: 3, diagnosis, ..one };
        let message = Message::new(&many, sample::now());
        assert_eq!(message.title(), "P2 PodCrashLooping: 6 apps by registry r.example");
        assert_eq!(message.count.as_deref(), Some("41 × Pod of 6 apps in 3 namespaces"));
        assert_eq!(message.notes, ["All of them depend on registry r.example"]);
    }

    #[test]
    fn where_no_cause_is_known_the_causes_that_it_is_not_are_named_with_why() {
        let out = |cause: &str, reason: &str| prodrome_model::RuledOut {
            cause: cause.into(),
            reason: reason.into(),
        };
        let ruled_out = vec![
            out("image-not-found", "no container waits for its image"),
            out("oom-killed", "no container ended badly"),
            out("image-auth", "no container waits for its image"),
        ];
        let diagnosis = prodrome_model::Diagnosis { ruled_out, ..Default::default() };
        let unknown = Notice { diagnosis: Some(Box::new(diagnosis)), ..sample::plain() };
        let said = "Ruled out: image-not-found, image-auth (no container waits for its image); oom-killed (no container ended badly)";
        assert_eq!(Message::new(&unknown, sample::now()).notes, [said]);
        let known = Notice {
            diagnosis: unknown
                .diagnosis
                .clone()
                .map(|d| Box::new(prodrome_model::Diagnosis { cause: Some("app-tls".into()), ..*d })),
            ..unknown
        };
        assert_eq!(Message::new(&known, sample::now()).notes, Vec::<String>::new());
    }

    #[test]
    fn links_are_found_in_a_line() {
        use Piece::{Link, Text};
        for (line, want) in [
            ("https://runbooks.example/pods#crash", vec![Link("https://runbooks.example/pods#crash")]),
            ("See https://a.example/b.", vec![Text("See "), Link("https://a.example/b"), Text(".")]),
            ("(http://a.example)", vec![Text("("), Link("http://a.example"), Text(")")]),
            ("https://a.example/b|c", vec![Link("https://a.example/b"), Text("|c")]),
            ("https://a.example/>x<", vec![Link("https://a.example/"), Text(">x<")]),
            ("javascript:alert(1) xhttps://a.example", vec![Text("javascript:alert(1) xhttps://a.example")]),
            ("", vec![]),
        ] {
            assert_eq!(pieces(line), want, "{line}");
        }
    }
}
