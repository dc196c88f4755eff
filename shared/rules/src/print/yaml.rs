use super::Out;

/// How wide a line may be for a list or a map to stand on it whole.
const WIDTH_MAX: usize = 110;

/// The comments of a rule, by the path of what they stand above.
pub(crate) struct Above<'c> {
    /// Takes those above a line.
    pub(crate) take: &'c mut dyn FnMut(&str) -> Vec<String>,
    /// Whether there are some above an item of this list.
    pub(crate) within: &'c dyn Fn(&str) -> bool,
}

/// A rule as YAML, its name as the key. Ends with a line break.
pub(crate) fn write_rule(name: &str, body: &Out, above: Above<'_>) -> String {
    let mut writer = Writer { text: format!("{}:", quote(name)), above };
    if let Out::Map(entries) = body {
        for (key, value) in entries {
            writer.entry(key, value, 2, key);
        }
    }
    writer.text.push('\n');
    writer.text
}

/// On one line, without any choice: what hashes are made of.
pub(crate) fn compact(out: &Out) -> String {
    match out {
        Out::Word(word) => word.clone(),
        Out::Text(text) => json(text),
        Out::List(items) => format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(",")),
        Out::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}:{}", json(key), compact(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    }
}

struct Writer<'c> {
    text: String,
    above: Above<'c>,
}

impl Writer<'_> {
    /// A key and its value, on a line of their own.
    fn entry(&mut self, key: &str, value: &Out, indent: usize, path: &str) {
        self.comments(indent, path);
        self.line(indent, &format!("{}:", quote(key)));
        self.value(value, indent, path);
    }

    /// What stands behind a key.
    fn value(&mut self, value: &Out, indent: usize, path: &str) {
        match value {
            Out::Text(text) if is_literal(text) => self.literal(text, indent + 2),
            Out::Map(entries) if !self.fits(value) => {
                for (key, value) in entries {
                    self.entry(key, value, indent + 2, &format!("{path}.{key}"));
                }
            }
            Out::List(items) if !self.fits(value) && fills(items) && !(self.above.within)(path) => {
                self.filled(items, indent + 2);
            }
            Out::List(items) if !self.fits(value) => {
                for (index, item) in items.iter().enumerate() {
                    self.item(item, indent + 2, &format!("{path}[{index}]"));
                }
            }
            value => {
                self.text.push(' ');
                self.text.push_str(&flow(value));
            }
        }
    }

    /// An element of a list, on a line of its own.
    fn item(&mut self, item: &Out, indent: usize, path: &str) {
        self.comments(indent, path);
        self.line(indent, "-");
        self.behind_dash(item, indent, path);
    }

    /// What stands behind a dash: of a map the first key, of a list the first element.
    fn behind_dash(&mut self, item: &Out, indent: usize, path: &str) {
        match item {
            Out::Map(entries) if !self.fits(item) => {
                for (index, (key, value)) in entries.iter().enumerate() {
                    let at = format!("{path}.{key}");
                    if index == 0 && !self.comments(indent + 2, &at) {
                        self.text.push(' ');
                        self.text.push_str(&quote(key));
                        self.text.push(':');
                        self.value(value, indent + 2, &at);
                    } else if index == 0 {
                        self.line(indent + 2, &format!("{}:", quote(key)));
                        self.value(value, indent + 2, &at);
                    } else {
                        self.entry(key, value, indent + 2, &at);
                    }
                }
            }
            Out::List(items) if !self.fits(item) => {
                for (index, inner) in items.iter().enumerate() {
                    let at = format!("{path}[{index}]");
                    if index == 0 && !self.comments(indent + 2, &at) {
                        self.text.push_str(" -");
                        self.behind_dash(inner, indent + 2, &at);
                    } else if index == 0 {
                        self.line(indent + 2, "-");
                        self.behind_dash(inner, indent + 2, &at);
                    } else {
                        self.item(inner, indent + 2, &at);
                    }
                }
            }
            item => self.value(item, indent, path),
        }
    }

    /// A long list of words, as many on a line as there is room for.
    fn filled(&mut self, items: &[Out], indent: usize) {
        self.line(indent, "[");
        let mut width = usize::MAX;
        for item in items {
            let word = format!("{},", flow(item));
            if width.saturating_add(1 + word.len()) > WIDTH_MAX {
                self.line(indent + 2, &word);
                width = indent + 2 + word.len();
            } else {
                self.text.push(' ');
                self.text.push_str(&word);
                width += 1 + word.len();
            }
        }
        self.line(indent, "]");
    }

    /// A text of several lines as it reads.
    fn literal(&mut self, text: &str, indent: usize) {
        self.text.push_str(if text.ends_with('\n') { " |" } else { " |-" });
        for line in text.lines() {
            if line.is_empty() {
                self.text.push('\n');
            } else {
                self.line(indent, line);
            }
        }
    }

    /// Whether there were any.
    fn comments(&mut self, indent: usize, path: &str) -> bool {
        let comments = (self.above.take)(path);
        for comment in &comments {
            self.line(indent, comment);
        }
        !comments.is_empty()
    }

    /// Whether a list or a map can stand on the rest of the line.
    fn fits(&self, value: &Out) -> bool {
        let used = self.text.rsplit('\n').next().map_or(0, |line| line.chars().count());
        is_flat(value, 0) && used + 1 + flow(value).chars().count() <= WIDTH_MAX
    }

    fn line(&mut self, indent: usize, content: &str) {
        self.text.push('\n');
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(content);
    }
}

/// Whether it holds no maps, and lists only of words, or one level of lists of words.
fn is_flat(out: &Out, depth: usize) -> bool {
    let is_word =
        |out: &Out| matches!(out, Out::Word(_)) || matches!(out, Out::Text(text) if !is_literal(text));
    match out {
        Out::List(items) => items.iter().all(|item| {
            is_word(item) || depth > 0 && matches!(item, Out::List(inner) if inner.iter().all(is_word))
        }),
        used if is_use(used) => true,
        Out::Map(entries) => {
            depth == 0
                && entries.iter().all(|(_, value)| {
                    is_word(value) || is_use(value) || matches!(value, Out::List(_)) && is_flat(value, 1)
                })
        }
        word => is_word(word),
    }
}

/// Whether a list that is too long for its line is of plain words, which are read one after another.
fn fills(items: &[Out]) -> bool {
    let is_plain = |item: &Out| match item {
        Out::Word(_) => true,
        Out::Text(text) => !text.contains(' ') && quote(text) == *text,
        Out::List(_) | Out::Map(_) => false,
    };
    items.len() > 4 && items.iter().all(is_plain)
}

/// Whether it is a `use` of one name.
fn is_use(out: &Out) -> bool {
    matches!(out, Out::Map(entries) if matches!(entries.as_slice(), [(key, Out::Text(_) | Out::Word(_))] if key == "use"))
}

fn flow(out: &Out) -> String {
    match out {
        Out::Word(word) => word.clone(),
        Out::Text(text) => quote(text),
        Out::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Out::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", quote(key), flow(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether a text of several lines can stand as a literal block: nothing in it needs an escape, and its
/// indentation cannot be mistaken.
fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n'])
        && body.lines().all(|line| line.is_empty() || !line.trim().is_empty())
        && body.chars().all(|c| c == '\n' || is_printable(c))
}

fn is_printable(c: char) -> bool {
    // What YAML takes for a line break, cannot hold or may swallow is written as an escape.
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Plain where YAML can only read it as this text, else in quotes: in single ones where in double ones something would
/// need an escape, as in most regular expressions.
fn quote(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./ ".contains(c));
    let lower = text.to_ascii_lowercase();
    let is_reserved = matches!(&*lower, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    let escapes = text.contains(['"', '\\']) && !text.contains('\'') && text.chars().all(is_printable);
    match (is_word && !is_reserved, escapes) {
        (true, _) => text.to_owned(),
        (false, true) => format!("'{text}'"),
        (false, false) => json(text),
    }
}

/// A JSON string is a YAML string too.
fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.extend(format!("\\u{:04x}", u32::from(c)).chars()),
        }
    }
    quoted.push('"');
    quoted
}
