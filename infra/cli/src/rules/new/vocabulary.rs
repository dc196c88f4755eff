//! The words in which objects say how they are, by the conventions of Kubernetes and of operators.

/// What is good about a condition of a type, if the type tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Good {
    /// It ought to be True.
    True,
    /// It ought to be False.
    False,
}

/// Ends of types that are bad where they are True; they are looked at first, as `NotReady` ends in `Ready`.
const BAD_WHEN_TRUE: &[&str] = &[
    "failed",
    "failing",
    "failure",
    "error",
    "errors",
    "degraded",
    "stalled",
    "invalid",
    "notready",
    "unhealthy",
    "unavailable",
    "unreachable",
    "unschedulable",
    "unresolved",
    "unsupported",
    "violation",
    "violations",
    "conflict",
    "conflicts",
    "conflicted",
    "deadlock",
    "misconfigured",
    "denied",
    "rejected",
    "aborted",
    "crashed",
    "lost",
    "expired",
    "corrupted",
    "timedout",
    "timeout",
    "exhausted",
    "notfound",
    "missing",
    "pressure",
    "problem",
    "blocked",
    "exceeded",
    "warning",
];
/// Ends of types that are bad where they are not True.
const GOOD_WHEN_TRUE: &[&str] = &[
    "ready",
    "available",
    "healthy",
    "synced",
    "synchronized",
    "accepted",
    "programmed",
    "established",
    "reconciled",
    "succeeded",
    "success",
    "successful",
    "installed",
    "valid",
    "validated",
    "initialized",
    "applied",
    "deployed",
    "provisioned",
    "configured",
    "connected",
    "complete",
    "completed",
    "bound",
    "registered",
    "scheduled",
    "uptodate",
    "resolvedrefs",
    "serving",
    "reachable",
    "active",
    "running",
    "online",
    "progressing",
    "abletoscale",
    "scalingactive",
    "created",
    "attached",
    "joined",
    "resolved",
    "namesaccepted",
];

/// What is good about a condition of this type; `None` where its name does not tell.
pub(super) fn good(kind: &str) -> Option<Good> {
    let name = kind.rsplit('/').next().unwrap_or(kind).to_ascii_lowercase();
    let ends = |words: &[&str]| words.iter().any(|word| name.ends_with(word));
    let negated = ["not", "un"].iter().any(|prefix| name.starts_with(prefix) && !name.starts_with("until"));
    if ends(BAD_WHEN_TRUE) || negated {
        Some(Good::False)
    } else if ends(GOOD_WHEN_TRUE) {
        Some(Good::True)
    } else {
        None
    }
}

/// What a phase, a state or a health tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Something went wrong.
    Bad,
    /// It is not there yet: bad if it lasts.
    Underway,
    /// It is well, or the word is not known.
    Other,
}

const BAD: &[&str] = &[
    "fail",
    "error",
    "degraded",
    "unhealthy",
    "invalid",
    "reject",
    "crash",
    "abort",
    "unreachable",
    "denied",
    "misconfig",
    "exceeded",
    "corrupt",
    "stalled",
    "timedout",
    "timeout",
    "outofsync",
    "mismatch",
    "notfound",
    "evicted",
    "backoff",
    "noncompliant",
    "not compliant",
    "cannot",
    "unable",
    "insufficient",
    "conflict",
];
const BAD_ALONE: &[&str] = &[
    "lost",
    "missing",
    "broken",
    "down",
    "dead",
    "offline",
    "critical",
    "fatal",
    "red",
    "warning",
    "unavailable",
    "blocked",
    "stuck",
    "unknown",
    "disconnected",
    "expired",
    "no",
    "false",
    "health_err",
    "health_warn",
    "faulted",
];
const UNDERWAY: &[&str] = &[
    "pending",
    "creating",
    "provisioning",
    "initializing",
    "waiting",
    "progressing",
    "terminating",
    "deleting",
    "updating",
    "reconciling",
    "notready",
    "not ready",
    "starting",
    "installing",
    "scheduling",
    "queued",
    "restoring",
    "recovering",
    "upgrading",
    "scaling",
    "bootstrapping",
    "released",
];

/// What such a word tells.
pub(super) fn phase(word: &str) -> Phase {
    let word = word.trim().to_ascii_lowercase();
    let plain = word.replace(['-', '_'], "");
    if word.len() > 60 {
        return Phase::Other;
    }
    let fine = ["noerror", "noerrors", "no error", "nofailure"].iter().any(|good| plain.starts_with(good));
    if !fine && (BAD.iter().any(|bad| plain.contains(bad)) || BAD_ALONE.contains(&&*word)) {
        Phase::Bad
    } else if UNDERWAY.iter().any(|slow| plain.starts_with(slow)) {
        Phase::Underway
    } else {
        Phase::Other
    }
}

/// A text as part of a rule's name: letters and digits, each word with a capital.
pub(super) fn camel(text: &str) -> String {
    prodrome_rules::camel_case(&text.chars().take(60).collect::<String>())
}

/// `DatabaseNotReady` as `database-not-ready`; runs of capitals stay together.
pub(super) fn kebab(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut text = String::new();
    for (index, c) in chars.iter().enumerate() {
        let before_is_small = index > 0 && !chars[index - 1].is_ascii_uppercase();
        let after_is_small = chars.get(index + 1).is_some_and(char::is_ascii_lowercase);
        if c.is_ascii_uppercase() && index > 0 && (before_is_small || after_is_small) {
            text.push('-');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_conditions_tell_what_is_good() {
        for (kind, want) in [
            ("Ready", Some(Good::True)),
            ("ContainersReady", Some(Good::True)),
            ("NotReady", Some(Good::False)),
            ("Unschedulable", Some(Good::False)),
            ("ReplicaFailure", Some(Good::False)),
            ("MemoryPressure", Some(Good::False)),
            ("NetworkUnavailable", Some(Good::False)),
            ("example.com/Synced", Some(Good::True)),
            ("Reconciling", None),
            ("Paused", None),
        ] {
            assert_eq!(good(kind), want, "{kind}");
        }
    }

    #[test]
    fn phases_tell_what_is_wrong() {
        for (word, want) in [
            ("Failed", Phase::Bad),
            ("ImagePullBackOff", Phase::Bad),
            ("OutOfSync", Phase::Bad),
            ("Lost", Phase::Bad),
            ("Pending", Phase::Underway),
            ("Not-Ready", Phase::Underway),
            ("Running", Phase::Other),
            ("NoErrors", Phase::Other),
            ("Cluster in healthy state", Phase::Other),
        ] {
            assert_eq!(phase(word), want, "{word}");
        }
    }

    #[test]
    fn names_are_made_of_whatever_stands_there() {
        assert_eq!(camel("health_err: 2 down"), "HealthErr2Down");
        assert_eq!(kebab("HPANotReady"), "hpa-not-ready");
        assert_eq!(kebab("PodOOMKilled"), "pod-oom-killed");
    }
}
