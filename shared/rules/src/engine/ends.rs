use super::effect::Effects;
use super::scratch::Logged;
use super::trie::Node;

/// How many sets of missing keys are remembered of a node.
const WAYS: usize = 4;

/// What the ends of objects set: the objects of a node mostly lack the same keys, so that what the lack of each
/// sets is put together once and not at each end.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// To each node some.
    ends: Vec<End>,
}

/// What the lack of some keys sets.
#[derive(Debug, Default, Clone)]
pub(super) struct End {
    /// The places of the keys that are missing; none, where nothing is remembered.
    absent: u64,
    pub(super) changes: Vec<(u32, u64)>,
    /// The effects that this comes of.
    pub(super) log: Vec<Logged>,
}

impl Ends {
    pub(super) fn new(nodes: usize) -> Self {
        Self { ends: vec![End::default(); nodes * WAYS] }
    }

    /// What it sets that these of the first 64 keys below a node are missing.
    #[inline]
    pub(super) fn of(&mut self, index: u32, node: &Node, absent: u64, effects: &Effects) -> Option<&End> {
        // The highest bits of such a product hang on all bits of the set.
        let way = absent.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 62;
        let end = self.ends.get_mut(index as usize * WAYS + usize::try_from(way).unwrap_or(0))?;
        if end.absent != absent {
            end.renew(node, absent, effects);
        }
        Some(end)
    }
}

impl End {
    #[cold]
    fn renew(&mut self, node: &Node, absent: u64, effects: &Effects) {
        self.absent = absent;
        self.changes.clear();
        self.log.clear();
        let mut left = absent;
        while left != 0 {
            let effect = node.absent_effects.get(left.trailing_zeros() as usize).copied().unwrap_or_default();
            left &= left - 1;
            self.log.push(Logged { effect: effect.number(), at: 0 });
            for (word, mask) in effects.changes(effect.number()) {
                match self.changes.iter_mut().find(|(known, _)| known == word) {
                    Some((_, known)) => *known |= mask,
                    None => self.changes.push((*word, *mask)),
                }
            }
        }
    }
}
