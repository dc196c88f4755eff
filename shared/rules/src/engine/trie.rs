use super::effect::Effect;
use super::table::Table;

/// A place in objects that some rule asks about, or that leads to one.
#[derive(Debug)]
pub(super) struct Node {
    /// To each key below it, its place in `kids`.
    pub(super) keys: Table,
    /// The nodes below it.
    pub(super) kids: Box<[u32]>,
    /// Of the nodes below, those of which it says something that they are missing, and to each what.
    pub(super) absent: Box<[u64]>,
    pub(super) absent_effects: Box<[Effect]>,
    /// What is asked of the values here.
    pub(super) leaf: Option<u32>,
    /// What is asked of the elements here.
    pub(super) scope: Option<u32>,
    /// What an object that is not empty sets.
    pub(super) map: Effect,
    /// What it sets that there is nothing here.
    pub(super) missing: Effect,
    /// What it sets that there is nothing in an element of an array.
    pub(super) missing_element: Effect,
    /// What it sets that there is nothing below.
    pub(super) below: Effect,
    /// Whether nothing is asked of a text here, if it is no element of an array, but which it is.
    pub(super) is_simple: bool,
    /// Whether an array here, or on the way, is left to the tree.
    pub(super) is_plain: bool,
}
