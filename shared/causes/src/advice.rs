//! What each cause means to somebody woken at night, and what to do, in order.

mod image;
mod network;
mod node;
mod run;
mod schedule;
mod start;
mod storage;
mod workload;

use crate::Cause;
use std::sync::LazyLock;

/// A cause, its sentence, its steps.
pub(crate) type Advice = (Cause, &'static str, &'static [&'static str]);

const ALL: &[&[Advice]] = &[
    image::ADVICE,
    start::ADVICE,
    run::ADVICE,
    schedule::ADVICE,
    storage::ADVICE,
    node::ADVICE,
    workload::ADVICE,
    network::ADVICE,
];

/// The advice by a cause's place in [`Cause::ALL`].
static BY_CAUSE: LazyLock<Vec<Option<&'static Advice>>> = LazyLock::new(|| {
    let find = |cause: &Cause| ALL.iter().flat_map(|area| area.iter()).find(|(of, _, _)| of == cause);
    Cause::ALL.iter().map(find).collect()
});

impl Cause {
    /// What it means, in a sentence.
    pub fn sentence(self) -> &'static str {
        BY_CAUSE.get(self as usize).copied().flatten().map_or(self.id(), |(_, sentence, _)| sentence)
    }

    /// What to do, in order.
    pub fn remediation(self) -> &'static [&'static str] {
        BY_CAUSE.get(self as usize).copied().flatten().map_or(&[], |(_, _, steps)| steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_sentence_and_steps_of_its_own() {
        let mut sentences = std::collections::BTreeSet::new();
        for &cause in Cause::ALL {
            assert_ne!(cause.sentence(), cause.id(), "{cause} has no sentence");
            assert!(cause.sentence().ends_with('.') && sentences.insert(cause.sentence()), "{cause}");
            assert!(!cause.remediation().is_empty(), "{cause} has no steps");
        }
        assert_eq!(
            ALL.iter().map(|area| area.len()).sum::<usize>(),
            Cause::ALL.len(),
            "no cause is there twice"
        );
    }
}
