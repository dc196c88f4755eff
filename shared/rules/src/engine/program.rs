use super::ask::Clock;
use super::compile::compile;
use super::effect::{Bit, Effects};
use super::formula::{Formulas, Wake};
use super::leaf::Leaf;
use super::plan::{Comparison, Plan};
use super::scope::Scope;
use super::scratch::{Captured, Scratch};
use super::trie::Node;
use super::verdict::{Judge, Verdicts};
use super::walk::{Stop, Walk};
use crate::json::{JsonError, JsonFault};
use crate::reference::{Reference, Want};
use crate::rule::Rule;
use crate::rule_set::RuleSet;
use jiff::{SignedDuration, Timestamp};
use prodrome_model::GroupKind;
use prodrome_scan::scanner::{self, Level};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many programs were made.
static PROGRAMS: AtomicU64 = AtomicU64::new(0);

/// All rules about the objects of one kind, compiled so that one pass over an object's bytes answers them.
///
/// ```
/// use prodrome_rules::{SourceFile, load};
/// use prodrome_rules::engine::{Program, Scratch, Subject};
/// use prodrome_model::GroupKind;
/// use std::sync::Arc;
///
/// let file = SourceFile::new("pods.yaml", "
/// PodFailed:
///   resource: Pod
///   checkField:
///     - { field: [status, phase], equalValue: [Failed] }
/// ");
/// let rules = Arc::new(load(&[file]).rules);
/// let program = Program::new(&rules, &GroupKind::core("Pod"));
/// let mut scratch = Scratch::default();
/// let now = "2026-01-01T00:00:00Z".parse()?;
///
/// let pod = br#"{"metadata":{"name":"web-0"},"status":{"phase":"Failed"}}"#;
/// let verdicts = program.run(pod, now, &mut scratch)?;
/// let (subject, verdict) = verdicts.iter().next().expect("it failed");
/// assert!(verdict.matches && matches!(subject, Subject::Rule(rule) if rule.name() == "PodFailed"));
/// assert_eq!(&pod[verdicts.places(verdict)[0].clone()], b"Failed");
///
/// assert!(program.run(br#"{"status":{"phase":"Running"}}"#, now, &mut scratch)?.is_silent());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Program {
    /// Tells it from any other of this process.
    pub(super) id: u64,
    pub(super) rules: Arc<RuleSet>,
    pub(super) subjects: Vec<SubjectPlace>,
    pub(super) nodes: Vec<Node>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) scopes: Vec<Scope>,
    pub(super) effects: Effects,
    pub(super) formulas: Formulas,
    pub(super) entries: Vec<Entry>,
    /// Which entries to judge.
    pub(super) wake: Wake,
    /// Whether anything can fail, and not only be satisfied.
    pub(super) fails: bool,
    pub(super) clocks: Vec<(Clock, Bit)>,
    /// The bits of the object that time takes away.
    pub(super) fading: Vec<Bit>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) captures: usize,
    /// How many words a run has, and how many of them say what the object satisfies.
    pub(super) words: usize,
    pub(super) object_words: usize,
    /// The most conditions of one entry that turn with time.
    pub(super) timed_max: u32,
    /// Whether some reference looks for objects of this kind that are missing.
    pub(super) is_missed: bool,
    /// Which instructions runs use.
    pub(super) level: Level,
}

/// Whom a verdict is of.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'r> {
    /// A rule about objects of this kind. References are not looked at.
    Rule(&'r Rule),
    /// The part of a rule about an object that its reference points at.
    Partner(&'r Rule, &'r Reference),
}

/// The place of a rule in its set, and of a reference in the rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct SubjectPlace {
    rule: usize,
    reference: Option<usize>,
}

/// A subject as the program judges it; see [`super::plan::EntryPlan`].
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) upper: u32,
    pub(super) actual: Option<u32>,
    pub(super) is_certain: bool,
    pub(super) timed: u32,
    /// After how long since which leaf's timestamps it may turn.
    pub(super) ages: Box<[(u32, SignedDuration)]>,
    /// Whether the object has to be looked at again to see what it is at another time.
    pub(super) needs_look: bool,
}

impl Program {
    /// The program of a kind: the rules about its objects, less those switched off, and what rules ask of
    /// objects of this kind that their references point at.
    pub fn new(rules: &Arc<RuleSet>, kind: &GroupKind) -> Self {
        let mut plan = Plan::default();
        let mut subjects = Vec::new();
        let mut is_missed = false;
        for (index, rule) in rules.rules().iter().enumerate().filter(|(_, rule)| rule.enabled()) {
            if rule.applies_to(kind) {
                let namespaces = Some((&rule.namespaces, rule.namespace_path()));
                plan.add(&[&rule.filter, &rule.check], namespaces);
                subjects.push(SubjectPlace { rule: index, reference: None });
            }
            for (place, reference) in rule.references().enumerate() {
                if !reference.concerns(kind) {
                    continue;
                }
                match &reference.want {
                    Want::Check(clauses) if reference.wakes() => {
                        plan.add(&[&reference.filter, clauses], None);
                        subjects.push(SubjectPlace { rule: index, reference: Some(place) });
                    }
                    Want::Missing => is_missed = true,
                    // What comes of it is seen by whoever looks at the object that refers to it.
                    Want::Check(_) | Want::Then(..) => {}
                }
            }
        }
        let id = PROGRAMS.fetch_add(1, Ordering::Relaxed);
        Self { id, rules: Arc::clone(rules), subjects, is_missed, ..compile(plan) }
    }

    /// The same with other instructions than the best that there are.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Whether rules want to know that objects of this kind are gone, as their references may point at them.
    pub fn is_missed(&self) -> bool {
        self.is_missed
    }

    /// Whether nothing is asked of objects of this kind.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the rules say of an object. Nothing of another run is left in the scratch, whatever program it
    /// was of.
    ///
    /// What no rule asks for is skipped by its brackets and quotes and not read otherwise: JSON that is cut
    /// short, too deep or no UTF-8 is an error, a wrong character in what is skipped need not be.
    pub fn run<'r>(
        &'r self,
        json: &'r [u8],
        now: Timestamp,
        scratch: &'r mut Scratch,
    ) -> Result<Verdicts<'r>, JsonError> {
        self.reset(now, scratch);
        if self.is_empty() {
            return Ok(Verdicts { program: self, json, scratch });
        }
        let text = self.text(json)?;
        let judge = Judge { program: self, json: text, now };
        match self.walk(text, now, scratch) {
            Ok(()) => judge.judge(scratch)?,
            Err(Stop::Strange) => judge.judge_by_tree(scratch)?,
            Err(Stop::Broken(error)) => return Err(error),
        }
        Ok(Verdicts { program: self, json, scratch })
    }

    /// One pass. The scratch must have been reset for this instant.
    pub(super) fn walk(&self, json: &str, now: Timestamp, scratch: &mut Scratch) -> Result<(), Stop> {
        let mut learned = scratch.learned.take(self.id, self.nodes.len(), self.leaves.len());
        let walk = Walk { program: self, json, now, scratch, learned: &mut learned };
        let walked = scanner::with(self.level, walk);
        scratch.learned.give_back(self.id, learned);
        walked
    }

    pub(super) fn subject(&self, entry: u32) -> Subject<'_> {
        let place = self.subjects[entry as usize];
        let rule = &self.rules.rules()[place.rule];
        match place.reference.and_then(|reference| rule.references().nth(reference)) {
            None => Subject::Rule(rule),
            Some(reference) => Subject::Partner(rule, reference),
        }
    }

    fn text<'j>(&self, json: &'j [u8]) -> Result<&'j str, JsonError> {
        scanner::utf8(self.level, json)
            .map_err(|error| JsonError { fault: JsonFault::NotUtf8, offset: error.valid_up_to() })
    }

    pub(super) fn reset(&self, now: Timestamp, scratch: &mut Scratch) {
        let Scratch {
            words,
            frames,
            seen,
            captures,
            log,
            elements,
            compared,
            judged,
            verdicts,
            text,
            stamps,
            instants,
            learned: _,
            other_time: _,
            other_words: _,
            effort: _,
        } = scratch;
        words.resize(self.words, 0);
        words[..2 * self.object_words].fill(0);
        for (clock, bit) in &self.clocks {
            if clock.holds(now) {
                words[bit.word as usize] |= bit.mask;
            }
        }
        if captures.len() < self.captures {
            captures.resize_with(self.captures, Captured::default);
        }
        for captured in captures {
            captured.taken.clear();
            captured.pending.clear();
        }
        frames.clear();
        seen.clear();
        log.clear();
        elements.clear();
        compared.clear();
        compared.resize(self.comparisons.len().div_ceil(32), 0);
        judged.clear();
        judged.resize(self.entries.len().div_ceil(64), 0);
        verdicts.clear();
        text.clear();
        stamps.clear();
        instants.clear();
    }
}
