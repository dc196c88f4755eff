//! `when`: a CEL expression over what the nodes before came to, checked against what their plugins declare.

mod functions;

use crate::catalogue::PluginFacts;
use crate::flow::Flow;
use crate::state::State;
use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue};
use cel::{Context, Program, Value};
use prodrome_model::{FactType, Owner, PluginResponse, Verdict};
use prodrome_rules::{Level, nearest, suggest};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Longer expressions are no conditions any more.
const TEXT_MAX: usize = 1_000;
/// Brackets, signs and choices within one another, at most: the parser calls itself for each, on a stack that has an
/// end.
const NESTED_MAX: usize = 12;
/// Accesses in a row, at most, for the same reason.
const CHAINED_MAX: usize = 100;
/// Deeper nesting is not followed.
const DEPTH_MAX: usize = 40;
/// Words of CEL that no name may be.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];
/// What every node has beside what its plugin declares.
const FIELDS: [(&str, Type); 5] = [
    ("verdict", Type::Text),
    ("cause", Type::Text),
    ("confidence", Type::Number),
    ("owner", Type::Text),
    ("summary", Type::Text),
];

const VERDICTS: [Verdict; 3] = [Verdict::Cause, Verdict::Cleared, Verdict::Unknown];
const OWNERS: [Owner; 3] = [Owner::User, Owner::Platform, Owner::Cloud];

/// A checked expression.
#[derive(Clone)]
pub(crate) struct Expression {
    text: String,
    program: Arc<Program>,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) level: Level,
    /// Where in the text, in bytes, as far as it is known.
    pub(crate) at: Option<Range<usize>>,
    pub(crate) kind: MistakeKind,
    pub(crate) expected: String,
    pub(crate) found: String,
    pub(crate) help: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MistakeKind {
    Expression,
    Node,
    Fact,
    Word,
}

/// What an expression can see: the nodes that are waited for, those that exist but are not waited for, and the ids of
/// causes (none: any word may be one).
pub(crate) struct Scope<'a> {
    pub(crate) nodes: BTreeMap<&'a str, Seen>,
    pub(crate) others: Vec<&'a str>,
    pub(crate) causes: &'a [String],
}

/// A node as an expression sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// What its plugin gives; `None`: that is not known.
    pub(crate) facts: Option<PluginFacts>,
    /// The causes that its plugin may name; `None`: that is not known.
    pub(crate) causes: Option<Vec<String>>,
    /// Whether its plugin is a known one, which names causes of the vocabulary alone.
    pub(crate) is_known: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    Number,
    Text,
    Texts,
    Any,
}

impl Type {
    const fn words(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Any => "anything",
        }
    }

    fn fits(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }
}

impl From<FactType> for Type {
    fn from(fact: FactType) -> Self {
        match fact {
            FactType::Text => Self::Text,
            FactType::Number => Self::Number,
            FactType::Bool => Self::Bool,
            FactType::Texts => Self::Texts,
        }
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Expression {
    /// Parses and checks a text: the expression unless it is wrong, and everything that is wrong or doubtful.
    pub(crate) fn new(text: &str, scope: &Scope<'_>) -> (Option<Self>, Vec<Mistake>) {
        let wrong = |found: String| {
            let mistake = Mistake {
                level: Level::Error,
                at: None,
                kind: MistakeKind::Expression,
                expected: "a CEL expression".to_owned(),
                found,
                help: Some("such as `text.verdict != \"cause\" || text.confidence < 0.8`".to_owned()),
            };
            (None, vec![mistake])
        };
        if text.chars().count() > TEXT_MAX {
            return wrong(format!("one of more than {TEXT_MAX} characters"));
        }
        if is_nested_deeply(text) {
            return wrong(format!("one with more than {NESTED_MAX} brackets or signs within one another"));
        }
        let program = match Program::compile(text) {
            Ok(program) => program,
            Err(errors) => {
                let first = errors.errors.first().map(|error| error.msg.clone()).unwrap_or_default();
                return wrong(format!("`{text}`: {first}"));
            }
        };
        let mut checker =
            Checker { program: &program, text, scope, bound: HashMap::new(), mistakes: Vec::new() };
        let found = checker.infer(program.expression(), 0);
        if checker.mistakes.is_empty() && !found.fits(Type::Bool) {
            checker.mistake(
                program.expression(),
                MistakeKind::Expression,
                "true or false".to_owned(),
                found.words().to_owned(),
                Some("compare it with something".to_owned()),
            );
        }
        let mistakes = checker.mistakes;
        let is_sound = !mistakes.iter().any(|mistake| mistake.level == Level::Error);
        (is_sound.then(|| Self { text: text.to_owned(), program: Arc::new(program) }), mistakes)
    }

    /// As it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for a node. One that cannot be evaluated (a result that an undeclared plugin did not
    /// give) holds: asking once too often hides nothing.
    pub(crate) fn holds(&self, flow: &Flow, index: usize, state: &State) -> bool {
        let mut context = Context::default();
        for ancestor in flow.ancestors(index) {
            let node = &flow.nodes[ancestor];
            context
                .add_variable_from_value(node.name.as_str(), value(state.response(&node.name), &node.facts));
        }
        !matches!(self.program.execute(&context), Ok(Value::Bool(false)))
    }
}

/// Whether a name is one that CEL takes for a variable.
pub(crate) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 40
        && !RESERVED.contains(&name)
        && Program::compile(&format!("{name}.verdict")).is_ok_and(|program| {
            match &program.expression().expr {
                Expr::Select(select) => matches!(&select.operand.expr, Expr::Ident(read) if read == name),
                _ => false,
            }
        })
}

/// Whether the parser would have to call itself too often. Quoted brackets count too, which makes it stricter.
fn is_nested_deeply(text: &str) -> bool {
    let (mut open, mut deepest, mut signs, mut chained, mut choices) =
        (0_usize, 0, 0_usize, 0_usize, 0_usize);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '!' | '-' => signs += 1,
            '?' => choices += 1,
            '.' => chained += 1,
            _ => {}
        }
        chained += usize::from(c == '[');
        signs = if matches!(c, '!' | '-' | ' ' | '(') { signs } else { 0 };
        deepest = deepest.max(open + signs);
    }
    deepest > NESTED_MAX || choices > NESTED_MAX || chained > CHAINED_MAX
}

/// A node's results as CEL sees them: every declared one is there.
fn value(response: Option<&PluginResponse>, facts: &PluginFacts) -> Value {
    let empty = PluginResponse::default();
    let response = response.unwrap_or(&empty);
    let text = |text: &str| Value::String(Arc::new(text.to_owned()));
    let mut map: HashMap<String, Value> = HashMap::new();
    for (name, fact) in &response.facts {
        map.insert(name.clone(), from_json(fact, 0));
    }
    for (name, kind) in facts {
        let given = response.facts.get(name);
        let fitting = match kind {
            FactType::Text => text(given.and_then(|v| v.as_str()).unwrap_or_default()),
            FactType::Number => Value::Float(given.and_then(serde_json::Value::as_f64).unwrap_or_default()),
            FactType::Bool => Value::Bool(given.and_then(serde_json::Value::as_bool).unwrap_or_default()),
            FactType::Texts => {
                let items = given.and_then(|v| v.as_array()).into_iter().flatten();
                Value::List(Arc::new(items.filter_map(|v| v.as_str()).map(text).collect()))
            }
        };
        map.insert(name.clone(), fitting);
    }
    let verdict = if response == &empty { Verdict::Unknown } else { response.verdict };
    map.insert("verdict".to_owned(), text(verdict.as_str()));
    map.insert("cause".to_owned(), text(response.cause.as_deref().unwrap_or_default()));
    map.insert("confidence".to_owned(), Value::Float(response.confidence));
    map.insert("owner".to_owned(), text(response.owner.map_or("", prodrome_model::Owner::as_str)));
    map.insert("summary".to_owned(), text(&response.summary));
    Value::from(map)
}

fn from_json(json: &serde_json::Value, depth: usize) -> Value {
    match json {
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(items) if depth < DEPTH_MAX => {
            Value::List(Arc::new(items.iter().map(|item| from_json(item, depth + 1)).collect()))
        }
        serde_json::Value::Object(map) if depth < DEPTH_MAX => {
            let map: HashMap<String, Value> =
                map.iter().map(|(key, value)| (key.clone(), from_json(value, depth + 1))).collect();
            Value::from(map)
        }
        _ => Value::Null,
    }
}

struct Checker<'a> {
    program: &'a Program,
    text: &'a str,
    scope: &'a Scope<'a>,
    /// Variables of `exists` and its like.
    bound: HashMap<String, Type>,
    mistakes: Vec<Mistake>,
}

impl Checker<'_> {
    fn mistake(
        &mut self,
        at: &IdedExpr,
        kind: MistakeKind,
        expected: String,
        found: String,
        help: Option<String>,
    ) {
        // Offsets are those of characters.
        let at = self.program.source_info().offset_for(at.id).and_then(|(start, stop)| {
            let byte = |at: u32| {
                let at = usize::try_from(at).ok()?;
                let begins = self.text.char_indices().map(|(byte, _)| byte);
                begins.chain([self.text.len()]).nth(at)
            };
            let (start, mut stop) = (byte(start)?, byte(stop).unwrap_or(self.text.len()));
            // Of a text the closing quote is left out.
            let quote = self.text.get(start..)?.chars().next().filter(|c| matches!(c, '\'' | '"'));
            stop += usize::from(
                quote.is_some_and(|quote| self.text.get(stop..).is_some_and(|rest| rest.starts_with(quote))),
            );
            (start <= stop).then_some(start..stop)
        });
        self.mistakes.push(Mistake { level: Level::Error, at, kind, expected, found, help });
    }

    fn infer(&mut self, expr: &IdedExpr, depth: usize) -> Type {
        if depth > DEPTH_MAX {
            self.mistake(
                expr,
                MistakeKind::Expression,
                "a simple condition".into(),
                "one nested too deeply".into(),
                None,
            );
            return Type::Any;
        }
        match &expr.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Double(_) | LiteralValue::Int(_) | LiteralValue::UInt(_) => Type::Number,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Bytes(_) | LiteralValue::Null => Type::Any,
            },
            Expr::Ident(name) => self.ident(expr, name),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(node) if !self.bound.contains_key(node) => {
                    let found = self.field(expr, node, &select.field);
                    if select.test { Type::Bool } else { found }
                }
                _ => {
                    let operand = self.infer(&select.operand, depth + 1);
                    if operand != Type::Any {
                        let found = format!("`.{}` of {}", select.field, operand.words());
                        self.mistake(expr, MistakeKind::Expression, "a result of a node".into(), found, None);
                    }
                    Type::Any
                }
            },
            Expr::List(list) => {
                let types: Vec<Type> = list.elements.iter().map(|e| self.infer(e, depth + 1)).collect();
                if types.iter().all(|t| t.fits(Type::Text)) { Type::Texts } else { Type::Any }
            }
            Expr::Call(call) => self.call(expr, call, depth),
            Expr::Comprehension(it) => {
                let range = self.infer(&it.iter_range, depth + 1);
                self.want(&it.iter_range, range, Type::Texts);
                let item = if range == Type::Texts { Type::Text } else { Type::Any };
                self.bound.insert(it.iter_var.clone(), item);
                if let Some(second) = &it.iter_var2 {
                    self.bound.insert(second.clone(), Type::Any);
                }
                let accumulated = self.infer(&it.accu_init, depth + 1);
                self.bound.insert(it.accu_var.clone(), accumulated);
                self.infer(&it.loop_step, depth + 1);
                self.infer(&it.result, depth + 1)
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                let found = "something else".to_owned();
                self.mistake(expr, MistakeKind::Expression, "a condition over results".into(), found, None);
                Type::Any
            }
        }
    }

    fn ident(&mut self, expr: &IdedExpr, name: &str) -> Type {
        if let Some(bound) = self.bound.get(name) {
            return *bound;
        }
        if self.scope.nodes.contains_key(name) {
            let found = format!("the node `{name}` itself");
            let help = format!("write `{name}.verdict`, or another result");
            self.mistake(expr, MistakeKind::Expression, "a result of a node".into(), found, Some(help));
        } else {
            self.unknown_node(expr, name);
        }
        Type::Any
    }

    fn field(&mut self, expr: &IdedExpr, node: &str, field: &str) -> Type {
        let Some(seen) = self.scope.nodes.get(node) else {
            self.unknown_node(expr, node);
            return Type::Any;
        };
        if let Some((_, kind)) = FIELDS.iter().find(|(name, _)| *name == field) {
            return *kind;
        }
        let Some(facts) = &seen.facts else { return Type::Any };
        if let Some(kind) = facts.get(field) {
            return (*kind).into();
        }
        let known: Vec<&str> =
            FIELDS.iter().map(|(name, _)| *name).chain(facts.keys().map(String::as_str)).collect();
        let expected = format!("a result of `{node}`");
        let help = suggest(field, &known);
        self.mistake(expr, MistakeKind::Fact, expected, format!("`{field}`"), Some(help));
        Type::Any
    }

    fn unknown_node(&mut self, expr: &IdedExpr, name: &str) {
        let help = if self.scope.others.contains(&name) {
            format!("add `{name}` to `after`, or what it waits for")
        } else {
            let known: Vec<&str> = self.scope.nodes.keys().copied().collect();
            match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "a node with `when` needs `after`".to_owned(),
                None => format!("it waits for {}", known.join(", ")),
            }
        };
        let expected = "a node that this one waits for".to_owned();
        self.mistake(expr, MistakeKind::Node, expected, format!("`{name}`"), Some(help));
    }

    /// A verdict, a cause or an owner is compared with words: whether there are such.
    fn words(&mut self, of: &IdedExpr, compared: &IdedExpr) {
        let Expr::Select(select) = &of.expr else { return };
        let Expr::Ident(node) = &select.operand.expr else { return };
        let Some(seen) = self.scope.nodes.get(node.as_str()).filter(|_| !self.bound.contains_key(node))
        else {
            return;
        };
        let (known, what, level): (Vec<&str>, _, _) = match select.field.as_str() {
            "verdict" => (VERDICTS.map(Verdict::as_str).to_vec(), "a verdict", Level::Error),
            "owner" => (OWNERS.map(Owner::as_str).to_vec(), "an owner", Level::Error),
            // Somebody's own plugin may have words of its own.
            "cause" => (
                self.scope.causes.iter().map(String::as_str).collect(),
                "the id of a cause",
                if seen.is_known { Level::Error } else { Level::Warning },
            ),
            _ => return,
        };
        let items = match &compared.expr {
            Expr::List(list) => list.elements.as_slice(),
            _ => std::slice::from_ref(compared),
        };
        for item in items {
            let Expr::Literal(LiteralValue::String(word)) = &item.expr else { continue };
            let word: &str = word.inner();
            // What is empty is not there: no cause, nobody named.
            let is_absent = word.is_empty() && select.field != "verdict";
            if is_absent {
                continue;
            }
            if known.is_empty() || known.contains(&word) {
                let named = seen.causes.as_deref().filter(|_| select.field == "cause");
                if let Some(named) = named.filter(|named| !named.iter().any(|id| id == word)) {
                    self.never_named(item, node, named, word);
                }
                continue;
            }
            let help = match nearest(word, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.len() > 8 => "shared/causes/src/cause.rs lists all".to_owned(),
                None => suggest(word, &known),
            };
            let found = format!("`{word}`, which it never is");
            self.mistake(item, MistakeKind::Word, what.to_owned(), found, Some(help));
            if let Some(last) = self.mistakes.last_mut() {
                last.level = level;
            }
        }
    }

    /// A cause that there is, and that this node's plugin does not declare.
    fn never_named(&mut self, item: &IdedExpr, node: &str, named: &[String], word: &str) {
        let help = match named {
            [] => "it names none at all".to_owned(),
            named if named.len() > 8 => format!("it names {} others", named.len()),
            named => format!("it names {}", named.join(", ")),
        };
        let found = format!("`{word}`, which its plugin does not declare");
        self.mistake(item, MistakeKind::Word, format!("a cause that `{node}` names"), found, Some(help));
        if let Some(last) = self.mistakes.last_mut() {
            last.level = Level::Warning;
        }
    }

    fn want(&mut self, expr: &IdedExpr, found: Type, want: Type) {
        if !found.fits(want) {
            let (want, found) = (want.words().to_owned(), found.words().to_owned());
            self.mistake(expr, MistakeKind::Expression, want, found, None);
        }
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr, depth: usize) -> Type {
        let args: Vec<(&IdedExpr, Type)> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .map(|arg| (arg, self.infer(arg, depth + 1)))
            .collect();
        let name = call.func_name.as_str();
        match (name, args.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, both) => {
                for (arg, found) in both {
                    self.want(arg, *found, Type::Bool);
                }
                Type::Bool
            }
            (op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, [(arg, found)]) => {
                self.want(arg, *found, Type::Bool);
                Type::Bool
            }
            (
                op::EQUALS | op::NOT_EQUALS | op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS,
                [(one, left), (right, found)],
            ) => {
                self.want(right, *found, *left);
                if matches!(name, op::EQUALS | op::NOT_EQUALS) {
                    self.words(one, right);
                    self.words(right, one);
                }
                Type::Bool
            }
            (op::IN, [(left, item), (right, list)]) => {
                self.want(right, *list, Type::Texts);
                self.want(left, *item, Type::Text);
                self.words(left, right);
                Type::Bool
            }
            (op::CONDITIONAL, [(condition, found), (_, then), _]) => {
                self.want(condition, *found, Type::Bool);
                *then
            }
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE, [(left, a), (right, b)]) => {
                self.want(left, *a, Type::Number);
                self.want(right, *b, Type::Number);
                Type::Number
            }
            ("contains" | "startsWith" | "endsWith", [(left, a), (right, b)]) => {
                self.want(left, *a, Type::Text);
                self.want(right, *b, Type::Text);
                Type::Bool
            }
            ("size", [_]) => Type::Number,
            _ => {
                let (expected, found) = functions::misused(name, call.args.len());
                self.mistake(expr, MistakeKind::Expression, expected, found, functions::instead(name));
                Type::Any
            }
        }
    }
}

#[cfg(test)]
mod tests;
