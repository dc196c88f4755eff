use super::memo::Memo;
use super::order::Order;

/// What a program's runs have shown of the objects of its kind: in which order keys come, and what some texts
/// said. Without it all is the same, only slower.
#[derive(Debug, Default)]
pub(super) struct Learned {
    /// To each node.
    pub(super) orders: Vec<Order>,
    /// To each leaf.
    pub(super) memos: Vec<Memo>,
}

/// The same of several programs, so that one scratch may serve them in turns.
#[derive(Debug, Default)]
pub(super) struct LearnedOfAll {
    by_program: Vec<(u64, Learned)>,
}

impl LearnedOfAll {
    /// How many programs are remembered.
    const PROGRAMS_MAX: usize = 64;

    /// That of a program with so many nodes and leaves. It has to be given back.
    pub(super) fn take(&mut self, program: u64, nodes: usize, leaves: usize) -> Learned {
        if let Some((_, learned)) = self.by_program.iter_mut().find(|(known, _)| *known == program) {
            return std::mem::take(learned);
        }
        Learned {
            orders: std::iter::repeat_with(Order::default).take(nodes).collect(),
            memos: std::iter::repeat_with(Memo::default).take(leaves).collect(),
        }
    }

    pub(super) fn give_back(&mut self, program: u64, learned: Learned) {
        if let Some((_, place)) = self.by_program.iter_mut().find(|(known, _)| *known == program) {
            *place = learned;
            return;
        }
        if self.by_program.len() == Self::PROGRAMS_MAX {
            self.by_program.remove(0);
        }
        self.by_program.push((program, learned));
    }
}
