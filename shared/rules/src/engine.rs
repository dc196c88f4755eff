//! One pass over the bytes: all rules of a kind compiled together.
//!
//! A cluster's changes mostly concern no rule at all, so what counts is how quickly that is seen. A [`Program`]
//! reads the JSON of an object once, front to back, and builds no tree:
//!
//! - The paths of all rules are one trie ([`trie`]). What lies off it is skipped, 64 bytes at a time. A value is
//!   looked up once, however many rules ask about it ([`leaf`], [`table`]), and what it says is known
//!   beforehand: an [`effect`], bits to be set.
//! - A condition holds when its bit is set and the bit that tells of a failure (`match: all`) is not. A rule is a
//!   mask over these bits ([`formula`]) and hangs on the rarest of them, so that a rule whose rarest condition is
//!   not met costs nothing.
//! - Conditions on the elements of a list ([`scope`]) have bits of their own, that begin anew with each element
//!   and are added to the object's where the element counts.
//! - What is missing has an effect as well: of each node it is known what it means that nothing is there.
//!
//! The second [`Scratch`] use on allocates nothing. Where a rule matches, its [`Evaluation`](crate::Evaluation)
//! is made from the tree by [`Rule::evaluate`](crate::Rule::evaluate), which is also what all of this has to
//! agree with. The tree is asked here too, where it is seldom needed and hard to do without: when time alone may
//! turn a verdict, and of objects that are written as no API server writes them ([`walk::Stop::Strange`]).

mod ask;
mod compile;
mod effect;
mod formula;
mod leaf;
mod learned;
mod matcher;
mod memo;
mod order;
mod plan;
mod program;
mod programs;
mod scope;
mod scratch;
mod table;
mod trie;
mod turn;
mod unescape;
mod verdict;
mod walk;

pub use prodrome_scan::scanner::Level;
pub use program::{Program, Subject};
pub use programs::Programs;
pub use scratch::{Effort, Scratch};
pub use verdict::{Verdict, Verdicts};
