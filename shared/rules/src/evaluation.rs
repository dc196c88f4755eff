use crate::condition::{Clause, Context, Quantifier, Test, all_hold, counts, operator_holds};
use crate::json::Node;
use crate::operator::Operator;
use crate::text::{clean, one_line};
use crate::value::{Trail, Value, is_private, print_path};
use jiff::Timestamp;
use prodrome_redact::{MASK, redact_named, redact_string};

/// How much evidence is kept.
pub const EVIDENCE_MAX: usize = 10;
/// How long a value in evidence may be, in characters.
pub const EVIDENCE_VALUE_MAX: usize = 200;
/// Of one condition over many elements.
const EVIDENCE_PER_CONDITION_MAX: usize = 4;
/// How many instants are tried one by one for the one that turns the verdict.
pub(crate) const INSTANTS_MAX: usize = 64;

/// What a rule says of an object at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// Whether the rule matches.
    pub matches: bool,
    /// The earliest instant at which time alone turns `matches`, with no change of the object; `None` where
    /// it never does.
    ///
    /// Exact, but for objects with more than 64 instants to choose from before it: there it may be earlier
    /// than the true one, never later.
    pub turns_at: Option<Timestamp>,
    /// When the match began, by the object's own account (the rule's `since`). It is yet to come where the
    /// clock of whoever wrote it is ahead. Only where it matches.
    pub since: Option<Timestamp>,
    /// What was found that made it match, as `path = value`: at most [`EVIDENCE_MAX`] lines, values cut to
    /// [`EVIDENCE_VALUE_MAX`] characters, without secrets, and without the values of environment variables. Only where
    /// it matches. What stands there may be a tenant's.
    pub evidence: Vec<String>,
}

/// The earliest instant after `now` at which `verdict` turns, given every instant at which it could.
pub(crate) fn earliest_turn(
    mut instants: Vec<Timestamp>,
    now: Timestamp,
    current: bool,
    verdict: &dyn Fn(Timestamp) -> bool,
) -> Option<Timestamp> {
    instants.retain(|instant| *instant > now);
    instants.sort_unstable();
    instants.dedup();
    let tried = instants.iter().take(INSTANTS_MAX).find(|instant| verdict(**instant) != current);
    // Too many to try: the first untried one is early enough to look again.
    tried.or_else(|| instants.get(INSTANTS_MAX)).copied()
}

/// Lines of evidence, bounded.
#[derive(Debug, Default)]
pub(crate) struct Evidence(Vec<String>);

impl Evidence {
    pub(crate) fn push(&mut self, line: String) {
        if !self.is_full() && !self.0.contains(&line) {
            self.0.push(line);
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= EVIDENCE_MAX
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.0
    }

    /// What made these clauses hold. They are known to hold of the element.
    pub(crate) fn of_clauses(
        &mut self,
        clauses: &[Clause],
        element: Option<&Node<'_>>,
        trail: &Trail<'_>,
        context: Context<'_>,
    ) {
        for clause in clauses {
            match clause {
                Clause::AnyOf(lists) => {
                    if let Some(list) = lists.iter().find(|list| all_hold(list, element, context)) {
                        self.of_clauses(list, element, trail, context);
                    }
                }
                Clause::Condition(condition) => {
                    let mut left = EVIDENCE_PER_CONDITION_MAX;
                    match &condition.test {
                        Test::Operator(operator, default) => {
                            condition.values(element, trail, &mut |value, trail| {
                                let counts = counts(operator, value, condition.quantifier);
                                if left > 0 && counts && operator_holds(operator, value, context) {
                                    left -= 1;
                                    self.push(describe(operator, value, default.as_deref(), trail, context));
                                }
                            });
                        }
                        Test::Each(parts) => condition.elements(element, trail, &mut |element, trail| {
                            let all = condition.quantifier == Quantifier::All;
                            if left > 0 && (all || all_hold(parts, element, context)) {
                                left -= 1;
                                self.of_clauses(parts, element, trail, context);
                            }
                        }),
                    }
                }
            }
        }
    }
}

/// `path = value`, and beside it the other field that it was compared to.
pub(crate) fn describe(
    operator: &Operator,
    value: Value<'_>,
    default: Option<&str>,
    trail: &Trail<'_>,
    context: Context<'_>,
) -> String {
    let mut line = format!(
        "{trail} = {}",
        print_unless(trail.is_private() || follows_secret_flag(value, trail, context), value)
    );
    if default.is_some() && value.text() == default {
        line.push_str(" (or not set)");
    }
    if let Operator::Field(_, path, factor) = operator {
        let times = factor.map_or(String::new(), |factor| format!("{factor} × "));
        let mut others = Vec::new();
        crate::value::values(Some(context.root), path, &Trail::Root, &mut |value, _| {
            if others.len() < 3 {
                others.push(print_unless(is_private(path), value));
            }
        });
        line = format!("{line} ({times}{} = {})", print_path(path), others.join(", "));
    }
    redact_string(line)
}

/// Whether it is the argument of an option that is about a secret: `--password`, and then this.
fn follows_secret_flag(value: Value<'_>, trail: &Trail<'_>, context: Context<'_>) -> bool {
    let (Some(text), Some(before)) = (value.text(), trail.before(context.root)) else { return false };
    before.starts_with('-') && redact_named(before, text) == MASK
}

/// The value of an environment variable is not shown, whatever it looks like.
fn print_unless(is_private: bool, value: Value<'_>) -> String {
    match value {
        Value::Text(text) if is_private && !text.is_empty() => "(not shown)".to_owned(),
        value => print_value(value),
    }
}

/// A value as evidence shows it.
pub(crate) fn print_value(value: Value<'_>) -> String {
    match value {
        Value::Missing => "(not set)".to_owned(),
        Value::Map => "(set)".to_owned(),
        Value::Text("") => "\"\"".to_owned(),
        Value::Text(text) => one_line(&clean(text, EVIDENCE_VALUE_MAX)),
    }
}
