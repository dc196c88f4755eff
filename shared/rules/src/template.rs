use crate::json::Node;
use crate::text::{clean, cut, one_line};
use crate::value::{self, Path, Trail, Value};
use std::fmt;

/// How long what a field yields may be, in characters.
const FIELD_MAX: usize = 200;
/// How long a summary may be, in characters.
pub const SUMMARY_MAX: usize = 500;
/// How many elements are joined.
const ELEMENTS_MAX: usize = 10;

/// A text with fields of the object in it: `{metadata.name} has {spec.replicas} replicas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The first of these that yields something.
    Fields(Vec<Field>),
}

/// A path that may select elements of arrays on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Field(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    /// Only the elements whose value at this path is one of these.
    Where(Path, Vec<String>),
}

/// Why a template cannot be read, and at which of its characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct TemplateError {
    pub(crate) reason: &'static str,
    pub(crate) offset: usize,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut reader = Reader { chars: text.chars().collect(), at: 0 };
        let mut parts = Vec::new();
        let mut plain = String::new();
        while let Some(c) = reader.next() {
            match (c, reader.peek()) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    reader.at += 1;
                    plain.push(c);
                }
                ('}', _) => return Err(reader.error_before("a `}` that closes nothing; write `}}`")),
                ('{', _) => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Fields(reader.fields()?));
                }
                (c, _) => plain.push(c),
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Of each field the key at the top of the object.
    pub(crate) fn first_keys(&self) -> impl Iterator<Item = &str> {
        let fields = self.parts.iter().flat_map(|part| match part {
            Part::Text(_) => &[][..],
            Part::Fields(fields) => fields,
        });
        fields.filter_map(|Field(steps)| match steps.first() {
            Some(Step::Key(key)) => Some(key.as_str()),
            _ => None,
        })
    }

    /// Its parts for a reader who has no object: texts as they are, and of each field, as errors, a name.
    pub(crate) fn words(&self) -> Vec<Result<String, String>> {
        let words = self.parts.iter().map(|part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Fields(fields) => Err(fields.first().map_or_else(|| "…".to_owned(), Field::short)),
        });
        words.collect()
    }

    /// One line, without secrets. Of fields side by side those that yield nothing are left out; where all of them do, so is the colon
    /// that announces them, or are the brackets with the words in them, and within a sentence `unknown` stands.
    pub(crate) fn fill(&self, object: &Node<'_>) -> String {
        let mut text = String::new();
        let mut parts = self.parts.as_slice();
        let mut words = "";
        while let Some((part, mut rest)) = parts.split_first() {
            match part {
                Part::Text(plain) => {
                    text.push_str(plain);
                    words = plain;
                }
                Part::Fields(first) => {
                    let mut found = Vec::from_iter(first_of(first, object));
                    while let [Part::Text(gap), Part::Fields(next), after @ ..] = rest
                        && gap.trim().is_empty()
                    {
                        found.extend(first_of(next, object));
                        rest = after;
                    }
                    let next = match rest.first() {
                        Some(Part::Text(next)) => next,
                        _ => "",
                    };
                    let bracket =
                        words.rfind('(').and_then(|open| words.get(open..)).filter(|b| !b.contains(')'));
                    words = "";
                    if !found.is_empty() {
                        text.push_str(&found.join(" "));
                    } else if let Some(bracket) = bracket.filter(|_| next.starts_with(')')) {
                        text.truncate(text.len() - bracket.len());
                        text.truncate(text.trim_end().len());
                        words = next.strip_prefix(')').unwrap_or_default();
                        text.push_str(words);
                        rest = rest.get(1..).unwrap_or_default();
                    } else if let Some(before) = text.trim_end().strip_suffix(':').filter(|_| rest.is_empty())
                    {
                        text.truncate(before.len());
                    } else {
                        text.push_str("unknown");
                    }
                }
            }
            parts = rest;
        }
        clean(&one_line(&text), SUMMARY_MAX)
    }
}

fn first_of(fields: &[Field], object: &Node<'_>) -> Option<String> {
    fields.iter().find_map(|field| field.print(object))
}

impl Field {
    /// Its last key, and what it belongs to where that alone says little.
    fn short(&self) -> String {
        let keys: Vec<&str> = self
            .0
            .iter()
            .filter_map(|step| match step {
                Step::Key(key) => Some(&**key),
                Step::Where(..) => None,
            })
            .collect();
        match keys.as_slice() {
            [.., "metadata", key] => (*key).to_owned(),
            [.., of, key @ ("name" | "kind")] => format!("{of} {key}"),
            [.., key] => (*key).to_owned(),
            [] => "…".to_owned(),
        }
    }

    fn print(&self, object: &Node<'_>) -> Option<String> {
        let mut texts: Vec<String> = Vec::new();
        let mut more = false;
        walk(object, &self.0, &mut |node| {
            if let Some(text) = print_node(node).filter(|text| !texts.contains(text)) {
                if texts.len() < ELEMENTS_MAX {
                    texts.push(text);
                } else {
                    more = true;
                }
            }
        });
        if more {
            texts.push("…".to_owned());
        }
        (!texts.is_empty()).then(|| cut(&texts.join(", "), FIELD_MAX))
    }
}

fn walk(node: &Node<'_>, steps: &[Step], visit: &mut dyn FnMut(&Node<'_>)) {
    match (steps.split_first(), node) {
        (Some((Step::Where(path, values), rest)), Node::Map(_)) => {
            let mut selected = false;
            value::values(Some(node), path, &Trail::Root, &mut |value, _| {
                selected |= matches!(value, Value::Text(text) if values.iter().any(|v| v == text));
            });
            if selected {
                walk(node, rest, visit);
            }
        }
        (_, Node::List(elements)) => elements.iter().for_each(|element| walk(element, steps, visit)),
        (None, node) => visit(node),
        (Some((Step::Key(key), rest)), node) => {
            if let Some(child) = node.child(key) {
                walk(child, rest, visit);
            }
        }
        (Some((Step::Where(..), _)), _) => {}
    }
}

/// A scalar by its text, labels and the like as `key=value`; nothing for what is missing or nested deeper.
fn print_node(node: &Node<'_>) -> Option<String> {
    match node {
        Node::Scalar(scalar) => Some(clean(&scalar.text, FIELD_MAX)).filter(|text| !text.is_empty()),
        Node::Map(entries) if !entries.is_empty() => {
            let pairs = entries.iter().take(ELEMENTS_MAX).map(|(key, node)| {
                node.text().map(|text| format!("{}={}", cut(key, FIELD_MAX), clean(text, FIELD_MAX)))
            });
            pairs.collect::<Option<Vec<_>>>().map(|pairs| pairs.join(","))
        }
        Node::Null | Node::List(_) | Node::Map(_) => None,
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const UNCLOSED: &str = "a `{` that nothing closes; write `{{` for the character itself";

/// Reads the inside of braces: `a.b['c.d'][type=Ready].message|other`.
struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    /// After the opening brace, past the closing one.
    fn fields(&mut self) -> Result<Vec<Field>, TemplateError> {
        let mut fields = Vec::new();
        loop {
            fields.push(self.field()?);
            match self.next() {
                Some('}') => return Ok(fields),
                Some('|') => {}
                None => return Err(TemplateError { reason: UNCLOSED, offset: self.at }),
                _ => return Err(self.error_before("expected `}`, `|`, `.` or `[`")),
            }
        }
    }

    fn field(&mut self) -> Result<Field, TemplateError> {
        let mut steps = Vec::new();
        self.skip_spaces();
        loop {
            match self.peek() {
                Some('[') => {
                    self.at += 1;
                    steps.push(self.bracket()?);
                }
                Some('.') if !steps.is_empty() => {
                    self.at += 1;
                    steps.push(Step::Key(self.name()?));
                }
                _ if steps.is_empty() => steps.push(Step::Key(self.name()?)),
                _ => break,
            }
        }
        self.skip_spaces();
        if matches!(steps.first(), Some(Step::Where(..))) {
            return Err(self.error_before("a path begins with a key"));
        }
        Ok(Field(steps))
    }

    /// After `[`: a quoted key, or `path=value|value`; past the `]`.
    fn bracket(&mut self) -> Result<Step, TemplateError> {
        let step = if matches!(self.peek(), Some('\'' | '"')) {
            let key = self.quoted()?;
            if matches!(self.peek(), Some('=' | '.')) { self.selection(vec![key])? } else { Step::Key(key) }
        } else {
            let first = self.name()?;
            self.selection(vec![first])?
        };
        if self.next() == Some(']') { Ok(step) } else { Err(self.error_before("expected `]`")) }
    }

    fn selection(&mut self, mut path: Path) -> Result<Step, TemplateError> {
        while self.peek() == Some('.') {
            self.at += 1;
            path.push(if matches!(self.peek(), Some('\'' | '"')) { self.quoted()? } else { self.name()? });
        }
        if self.next() != Some('=') {
            return Err(self.error_before("expected `=` and the value by which elements are selected"));
        }
        let mut values = Vec::new();
        loop {
            values.push(if matches!(self.peek(), Some('\'' | '"')) {
                self.quoted()?
            } else {
                self.take_while("a value", |c| !"|]{}'\"".contains(c))?
            });
            if self.peek() != Some('|') {
                return Ok(Step::Where(path, values));
            }
            self.at += 1;
        }
    }

    fn name(&mut self) -> Result<String, TemplateError> {
        self.take_while("a key", |c| c.is_alphanumeric() || "-_/".contains(c))
    }

    fn take_while(&mut self, what: &str, fits: impl Fn(char) -> bool) -> Result<String, TemplateError> {
        let begin = self.at;
        while self.peek().is_some_and(&fits) {
            self.at += 1;
        }
        if self.at > begin {
            return Ok(self.chars[begin..self.at].iter().collect());
        }
        let reason = match (what, self.peek()) {
            (_, None) => UNCLOSED,
            ("a key", _) => "expected a key; quote one with other characters: `['a.b']`",
            _ => "expected a value",
        };
        Err(TemplateError { reason, offset: self.at })
    }

    /// A text in quotes of either sort; a backslash takes the meaning from the next character.
    fn quoted(&mut self) -> Result<String, TemplateError> {
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(self.error_before("a quote that nothing closes")),
                c if c == quote => break,
                Some('\\') => text.extend(self.next()),
                Some(c) => text.push(c),
            }
        }
        if text.is_empty() { Err(self.error_before("an empty key or value")) } else { Ok(text) }
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn error_before(&self, reason: &'static str) -> TemplateError {
        TemplateError { reason, offset: self.at.saturating_sub(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    const POD: &str = r#"{
        "metadata": {"name": "web-0", "labels": {"sae.component": "app", "a": "b"}},
        "spec": {"containers": [{"name": "web", "image": "w:1"}, {"name": "side", "image": "s:1"}]},
        "status": {"phase": "", "conditions": [
            {"type": "Ready", "status": "False", "message": "not\nready"},
            {"type": "Initialized", "status": "True", "message": "done"}]}
    }"#;

    #[test]
    fn a_template_is_filled_from_the_object() {
        let node = json::parse(POD.as_bytes()).unwrap();
        for (template, want) in [
            ("plain", "plain"),
            ("{metadata.name} is {status.phase}", "web-0 is unknown"),
            ("{metadata.labels['sae.component']}", "app"),
            ("{metadata.labels[\"sae.component\"]}", "app"),
            ("{metadata.labels}", "sae.component=app,a=b"),
            ("{spec.containers.name}", "web, side"),
            ("{spec.containers[name=side].image}", "s:1"),
            ("{spec.containers[name=side|web].image}", "w:1, s:1"),
            ("{spec.containers[name='side'].image}", "s:1"),
            ("{status.conditions[type=Ready].message}", "not ready"),
            ("{status.conditions[type=Ready][status=True].message}", "unknown"),
            ("{status.conditions[status=True].type}", "Initialized"),
            ("{spec.containers[name=none].image}", "unknown"),
            ("{status.reason|status.phase|metadata.name}", "web-0"),
            ("{ status.reason | metadata.name }", "web-0"),
            ("{metadata.missing.deeper}", "unknown"),
            ("{spec}", "unknown"),
            ("{{literal}} {metadata.name}", "{literal} web-0"),
            ("", ""),
        ] {
            assert_eq!(Template::parse(template).unwrap().fill(&node), want, "{template}");
        }
    }

    #[test]
    fn what_an_object_does_not_say_leaves_no_hole_in_the_sentence() {
        let node = json::parse(br#"{"name":"a","reason":"Bad","message":"it broke"}"#).unwrap();
        for (template, want) in [
            ("{name} is not ready: {reason} {message}", "a is not ready: Bad it broke"),
            ("{name} is not ready: {reason} {none}", "a is not ready: Bad"),
            ("{name} is not ready: {none} {message}", "a is not ready: it broke"),
            ("{name} is not ready: {none} {none}", "a is not ready"),
            ("{name} is not ready: {none}", "a is not ready"),
            ("{name}: no pod has it ({none}) for a week", "a: no pod has it for a week"),
            ("{name}: no pod has it ({none})", "a: no pod has it"),
            ("{name} is killed (limit {none}), restarts {reason}", "a is killed, restarts Bad"),
            ("{name} is killed (limit {reason})", "a is killed (limit Bad)"),
            ("{name} lacks some (ready {none}) (wanted {reason})", "a lacks some (wanted Bad)"),
            ("{name} lacks some (ready {none}) (wanted {none}): {none}", "a lacks some"),
            ("{name} (of {reason} {none})", "a (of Bad)"),
            ("{name} (here) and {none}) there", "a (here) and unknown) there"),
            ("{name} ({none}, class {reason})", "a (unknown, class Bad)"),
            ("{name}: exit code {none}, restarts {none}", "a: exit code unknown, restarts unknown"),
            ("{name} has {none} of {none} replicas", "a has unknown of unknown replicas"),
            ("{none}: {message}", "unknown: it broke"),
            ("{none}/{name}", "unknown/a"),
        ] {
            assert_eq!(Template::parse(template).unwrap().fill(&node), want, "{template}");
        }
    }

    #[test]
    fn a_bad_template_says_where() {
        for (template, offset) in [
            ("a }", 2),
            ("{", 1),
            ("{}", 1),
            ("{a", 2),
            ("{a.}", 3),
            ("{a..b}", 3),
            ("{a b}", 3),
            ("{a[}", 3),
            ("{a[b]}", 4),
            ("{a[b=]}", 5),
            ("{a['b}", 5),
            ("{[type=x]}", 8),
            ("{a[type=x}", 9),
        ] {
            assert_eq!(Template::parse(template).map_err(|e| e.offset), Err(offset), "{template}");
        }
    }

    #[test]
    fn a_summary_stays_short() {
        let huge = format!(r#"{{"a":"{}"}}"#, "x".repeat(10_000));
        let node = json::parse(huge.as_bytes()).unwrap();
        let text = Template::parse("{a} {a} {a} {a}").unwrap().fill(&node);
        assert_eq!(text.chars().count(), SUMMARY_MAX);
    }
}
