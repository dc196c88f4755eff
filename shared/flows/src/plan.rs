use crate::conclude::conclude;
use crate::flow::Flow;
use crate::state::State;
use jiff::Timestamp;
use prodrome_model::Diagnosis;

/// What a run has to do next.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The nodes whose plugins are to be called, side by side.
    pub calls: Vec<String>,
    /// What follows, once nothing is left to call.
    pub conclusion: Option<Diagnosis>,
}

/// Why a node will not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// Its condition does not hold.
    When,
    /// The run's time is over.
    Time,
    /// The run has made all of its calls.
    Calls,
}

/// How a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Done,
    Skipped(Skipped),
    Waits,
    Ready,
}

impl Flow {
    /// What is to be done next, given what is known. The same question gives the same answer; a node that is
    /// done is never called again, and none before those that it waits for.
    pub fn plan(&self, state: &State, now: Timestamp) -> Plan {
        let standings = self.standings(state, now);
        let room = usize::try_from(self.calls_max.saturating_sub(state.calls)).unwrap_or(usize::MAX);
        let ready = self.nodes.iter().zip(&standings).filter(|(_, s)| **s == Standing::Ready);
        let calls: Vec<String> = ready.take(room).map(|(node, _)| node.name.clone()).collect();
        let conclusion = calls.is_empty().then(|| conclude(self, state, &standings));
        Plan { calls, conclusion }
    }

    /// How each node stands. Nodes come after those that they wait for only in the graph, so this goes on until
    /// nothing changes: at most as often as there are nodes.
    pub(crate) fn standings(&self, state: &State, now: Timestamp) -> Vec<Standing> {
        let over = now.duration_since(state.begun) >= self.deadline;
        let spent = state.calls >= self.calls_max;
        let mut standings: Vec<Standing> = self
            .nodes
            .iter()
            .map(|node| if state.nodes.contains_key(&node.name) { Standing::Done } else { Standing::Waits })
            .collect();
        loop {
            let mut changed = false;
            for (index, node) in self.nodes.iter().enumerate() {
                let settled = |i: &usize| matches!(standings[*i], Standing::Done | Standing::Skipped(_));
                if standings[index] != Standing::Waits || !node.after.iter().all(settled) {
                    continue;
                }
                standings[index] = if node.when.as_ref().is_some_and(|when| !when.holds(self, index, state)) {
                    Standing::Skipped(Skipped::When)
                } else if over {
                    Standing::Skipped(Skipped::Time)
                } else if spent {
                    Standing::Skipped(Skipped::Calls)
                } else {
                    Standing::Ready
                };
                changed = true;
            }
            if !changed {
                return standings;
            }
        }
    }
}
