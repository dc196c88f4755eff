use super::scratch::Scratch;
use super::verdict::Verdict;

/// How many states are remembered.
const STATES: usize = 32;

/// What the rules said of the states that objects were in. Once all conditions are known, what the rules make of
/// them hangs on nothing else, and the objects of a kind are mostly in one of a few states.
#[derive(Debug, Default)]
pub(super) struct States {
    states: Vec<State>,
}

/// A state and what came of it.
#[derive(Debug, Default, Clone)]
struct State {
    /// What the object satisfies; empty where nothing is remembered.
    words: Vec<u64>,
    is_still: bool,
    verdicts: Vec<Verdict>,
    judged: Vec<u64>,
}

impl States {
    /// Gives the verdicts of a state that is known; whether it is. Only the words of the object count.
    pub(super) fn recall(&self, object_words: usize, is_still: bool, scratch: &mut Scratch) -> bool {
        let words = scratch.words.get(..object_words).unwrap_or_default();
        let Some(state) = self.states.get(place(words)) else { return false };
        if state.words != words || state.is_still != is_still {
            return false;
        }
        scratch.verdicts.extend_from_slice(&state.verdicts);
        scratch.judged.clone_from(&state.judged);
        true
    }

    /// Remembers what was said of a state, where no two fields had to be compared: these are not in the words.
    pub(super) fn note(&mut self, object_words: usize, is_still: bool, scratch: &Scratch) {
        if scratch.compared.iter().any(|compared| *compared != 0) {
            return;
        }
        if self.states.is_empty() {
            self.states.resize(STATES, State::default());
        }
        let words = scratch.words.get(..object_words).unwrap_or_default();
        if let Some(state) = self.states.get_mut(place(words)) {
            state.words.clear();
            state.words.extend_from_slice(words);
            state.is_still = is_still;
            state.verdicts.clone_from(&scratch.verdicts);
            state.judged.clone_from(&scratch.judged);
        }
    }
}

fn place(words: &[u64]) -> usize {
    let mix = |hash: u64, word: &u64| (hash.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(words.iter().fold(0, mix) >> 59).unwrap_or(0) % STATES
}
