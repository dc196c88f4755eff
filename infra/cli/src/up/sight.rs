//! What the watcher does not see of the cluster, in a line each.

use crate::render;
use prodrome_watcher::{DeniedKind, Trouble};
use std::collections::BTreeSet;
use std::time::Duration;

/// An API server that is started anew is away for less than this: nobody needs to hear of it.
const SILENCE_MIN: Duration = Duration::from_secs(10);
/// Kinds of which everybody should know first that they are not seen.
const PROMINENT: [&str; 8] =
    ["Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "Node", "Service", "PersistentVolumeClaim"];
/// How many kinds are named, at most.
const NAMED_MAX: usize = 3;

/// For how long the API server gave nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    lasted: Duration,
    why: String,
}

impl Silence {
    /// That the cluster was cut off for so long, where it is worth a word. An API server that refuses gives an answer:
    /// see [`denied`].
    pub(super) fn of(cut_off_for: Duration, trouble: Option<Trouble>) -> Option<Self> {
        match trouble {
            Some(Trouble::NoAnswer(why)) if cut_off_for >= SILENCE_MIN => {
                Some(Self { lasted: cut_off_for, why: short(&why) })
            }
            _ => None,
        }
    }

    pub(super) fn text(&self) -> String {
        format!("no contact with the API server for {}: {}", self.lasted(), self.why)
    }

    /// What is said once it is over.
    pub(super) fn over(&self) -> String {
        format!("the API server answers again, after {}", self.lasted())
    }

    fn lasted(&self) -> String {
        render::span(self.lasted.try_into().unwrap_or_default())
    }
}

/// The end of a chain of errors: what it was, and of what.
fn short(chain: &str) -> String {
    let parts: Vec<&str> = chain.split(": ").collect();
    parts[parts.len().saturating_sub(2)..].join(": ")
}

/// Of which kinds nothing is seen with these credentials. Expired ones are told by what they are, as the kinds follow
/// one by one.
pub(super) fn denied(kinds: &BTreeSet<DeniedKind>) -> Option<String> {
    if kinds.iter().any(|denied| denied.why == Trouble::Unauthorized) {
        return Some(
            "the API server does not accept the credentials any more: nothing new is seen".to_owned(),
        );
    }
    let mut names: Vec<&str> = kinds.iter().map(|denied| &*denied.kind).collect();
    names.sort_by_key(|name| PROMINENT.iter().position(|known| known == name).unwrap_or(PROMINENT.len()));
    names.dedup();
    let named = if names.len() > NAMED_MAX { NAMED_MAX - 1 } else { names.len().saturating_sub(1) };
    let (front, rest) = names.split_at(named);
    let last = match rest {
        [] => return None,
        [one] => (*one).to_owned(),
        several => render::count(several.len(), "other kind"),
    };
    let joined = if front.is_empty() { last } else { format!("{} and {last}", front.join(", ")) };
    Some(format!("may not watch {joined} (forbidden)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(names: &[&str], why: &Trouble) -> BTreeSet<DeniedKind> {
        names.iter().map(|name| DeniedKind { kind: (*name).to_owned(), why: why.clone() }).collect()
    }

    #[test]
    fn denied_kinds_are_folded_and_those_that_matter_come_first() {
        for (names, want) in [
            (&[][..], None),
            (&["Pod"], Some("Pod")),
            (&["Job", "Pod"], Some("Pod and Job")),
            (&["Ingress", "Job", "Pod"], Some("Pod, Job and Ingress")),
            (&["APIService", "Deployment", "Ingress", "Pod"], Some("Pod, Deployment and 2 other kinds")),
        ] {
            let want = want.map(|want| format!("may not watch {want} (forbidden)"));
            assert_eq!(denied(&kinds(names, &Trouble::Forbidden)), want, "{names:?}");
        }
    }

    #[test]
    fn an_expired_token_is_told_the_same_whichever_kinds_have_met_it() {
        let mut all = kinds(&["Ingress"], &Trouble::Forbidden);
        all.extend(kinds(&["Pod"], &Trouble::Unauthorized));
        let text = denied(&all).unwrap();
        assert!(text.contains("does not accept the credentials any more"), "{text}");
        all.extend(kinds(&["Job", "Node"], &Trouble::Unauthorized));
        assert_eq!(denied(&all), Some(text));
    }

    #[test]
    fn a_silence_is_told_where_it_lasts_and_is_no_refusal() {
        let away = || {
            let chain =
                "the connection failed: client error (Connect): tcp connect error: Connection refused";
            Some(Trouble::NoAnswer(chain.to_owned()))
        };
        let seconds = Duration::from_secs;
        assert_eq!(Silence::of(seconds(3), away()), None, "it may only start anew");
        assert_eq!(Silence::of(seconds(60), None), None, "a large cluster is listed");
        assert_eq!(Silence::of(seconds(60), Some(Trouble::Forbidden)), None);
        let silence = Silence::of(seconds(40), away()).unwrap();
        let want = "no contact with the API server for 40s: tcp connect error: Connection refused";
        assert_eq!(silence.text(), want);
        assert_eq!(silence.over(), "the API server answers again, after 40s");
    }
}
