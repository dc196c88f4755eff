//! Who asks about an object that is well is told that, and not that its cause is not known.

use prodrome_model::{Diagnosis, NodeOutcome, Verdict};

/// Plugins that say what may have contributed to a fault: that they see nothing, or see something, is no sign of one.
const CONTRIBUTING: &[&str] = &["distribution", "metric-spike", "recent-changes", "snapshot"];

/// Says that nothing is wrong with an object that no rule matches, where what was looked at is well. What could not be
/// looked at stays told.
pub(super) fn say_so(diagnosis: &mut Diagnosis, object: &str) {
    let speaks = |outcome: &&NodeOutcome| !CONTRIBUTING.contains(&outcome.plugin.as_str());
    let ran: Vec<&NodeOutcome> =
        diagnosis.nodes.iter().filter(speaks).filter(|outcome| outcome.verdict.is_some()).collect();
    let is_blind = |outcome: &NodeOutcome| {
        let note = &outcome.note;
        diagnosis.not_looked_at.iter().any(|u| u.reason == *note || u.to_string() == *note)
    };
    let (seen, unseen): (Vec<&NodeOutcome>, Vec<&NodeOutcome>) =
        ran.into_iter().partition(|outcome| outcome.verdict == Some(Verdict::Cleared));
    if diagnosis.verdict != Verdict::Unknown || seen.is_empty() || !unseen.iter().all(|o| is_blind(o)) {
        return;
    }
    let looked: Vec<&str> = seen.iter().map(|outcome| outcome.plugin.as_str()).collect();
    let far = if diagnosis.not_looked_at.is_empty() { "" } else { ", as far as it could be looked at" };
    let summary = format!(
        "nothing is wrong with {object} now{far}: no rule matches it, and none of these sees a fault: {}",
        looked.join(", ")
    );
    diagnosis.verdict = Verdict::Cleared;
    diagnosis.summary = summary;
}

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_model::Unseen;

    fn outcome(plugin: &str, verdict: Option<Verdict>, note: &str) -> NodeOutcome {
        NodeOutcome {
            node: plugin.to_owned(),
            plugin: plugin.to_owned(),
            verdict,
            note: note.to_owned(),
            ..NodeOutcome::default()
        }
    }

    #[test]
    fn an_object_is_well_where_all_that_could_look_saw_nothing() {
        let cleared = |plugin| outcome(plugin, Some(Verdict::Cleared), "all is well");
        let unknown = |plugin, note| outcome(plugin, Some(Verdict::Unknown), note);
        let blind = Unseen::all_of("node", "it did not answer within 8 s");
        for (name, nodes, unseen, want) in [
            ("all is well", vec![cleared("crash-loop"), outcome("mount", None, "not asked")], vec![], true),
            (
                "what contributes",
                vec![cleared("crash-loop"), unknown("metric-spike", "no Prometheus")],
                vec![],
                true,
            ),
            (
                "one did not see",
                vec![cleared("crash-loop"), unknown("node", &blind.reason)],
                vec![blind.clone()],
                true,
            ),
            (
                "one saw something",
                vec![cleared("crash-loop"), unknown("status-text", "it says Failed")],
                vec![],
                false,
            ),
            ("nobody saw", vec![unknown("node", &blind.reason)], vec![blind.clone()], false),
            ("nobody looked", vec![], vec![], false),
        ] {
            let mut diagnosis = Diagnosis { nodes, not_looked_at: unseen, ..Diagnosis::default() };
            say_so(&mut diagnosis, "Pod shop/web-0");
            assert_eq!(diagnosis.verdict == Verdict::Cleared, want, "{name}");
            assert_eq!(diagnosis.summary.contains("crash-loop"), want, "{name}");
            let partly = diagnosis.summary.contains("as far as");
            assert_eq!(partly, want && !diagnosis.not_looked_at.is_empty(), "{name}");
        }
    }
}
