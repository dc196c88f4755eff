use super::Out;

/// How wide a list may be to stand on one line.
const WIDTH_MAX: usize = 110;

/// What stands above a node, by its path within the rule: comments.
pub(crate) type Above<'c> = dyn FnMut(&str) -> Vec<String> + 'c;

/// A rule as YAML, its name as the key.
pub(crate) fn write_rule(text: &mut String, name: &str, body: &Out, above: &mut Above<'_>) {
    text.push_str(&quote(name));
    text.push(':');
    let Out::Map(entries) = body else { return };
    for (key, value) in entries {
        write_entry(text, key, value, 2, key, above);
    }
    text.push('\n');
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

/// A key and its value on lines of their own, each begun by a line break.
fn write_entry(text: &mut String, key: &str, value: &Out, indent: usize, path: &str, above: &mut Above<'_>) {
    for comment in above(path) {
        line(text, indent, &comment);
    }
    line(text, indent, &format!("{}:", quote(key)));
    write_value(text, value, indent, path, above);
}

/// A value behind its key or dash.
fn write_value(text: &mut String, value: &Out, indent: usize, path: &str, above: &mut Above<'_>) {
    match value {
        Out::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                write_entry(text, key, value, indent + 2, &child(path, key), above);
            }
        }
        Out::List(items) if !fits(text, value) => {
            for (index, item) in items.iter().enumerate() {
                let at = format!("{path}[{index}]");
                for comment in above(&at) {
                    line(text, indent + 2, &comment);
                }
                line(text, indent + 2, "-");
                write_item(text, item, indent + 2, &at, above);
            }
        }
        value => {
            text.push(' ');
            text.push_str(&flow(value));
        }
    }
}

/// What stands behind a dash: the first key of a map on the same line.
fn write_item(text: &mut String, item: &Out, indent: usize, path: &str, above: &mut Above<'_>) {
    let Out::Map(entries) = item else { return write_value(text, item, indent, path, above) };
    for (index, (key, value)) in entries.iter().enumerate() {
        let at = child(path, key);
        if index > 0 {
            write_entry(text, key, value, indent + 2, &at, above);
            continue;
        }
        let comments = above(&at);
        if comments.is_empty() {
            text.push_str(&format!(" {}:", quote(key)));
        } else {
            comments.iter().for_each(|comment| line(text, indent + 2, comment));
            line(text, indent + 2, &format!("{}:", quote(key)));
        }
        write_value(text, value, indent + 2, &at, above);
    }
}

/// Whether a list stands on one line: it holds words only, and is not too long.
fn fits(text: &str, list: &Out) -> bool {
    let Out::List(items) = list else { return false };
    let is_plain = |item: &Out| matches!(item, Out::Word(_) | Out::Text(_));
    let used = text.rsplit('\n').next().map_or(0, |line| line.chars().count());
    let nested = !items.is_empty()
        && items.iter().all(|item| matches!(item, Out::List(inner) if inner.iter().all(is_plain)));
    items.iter().all(is_plain) && used + 1 + flow(list).chars().count() <= WIDTH_MAX || nested && false
}

fn flow(out: &Out) -> String {
    match out {
        Out::Word(word) => word.clone(),
        Out::Text(text) => quote(text),
        Out::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Out::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", quote(key), flow(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn line(text: &mut String, indent: usize, content: &str) {
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push_str(content);
}

fn child(path: &str, key: &str) -> String {
    format!("{path}.{key}")
}

/// Plain where YAML can only read it as this text, else in double quotes.
fn quote(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./ ".contains(c))
        && !text.contains("  ");
    let lower = text.to_ascii_lowercase();
    let is_reserved = matches!(&*lower, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if is_word && !is_reserved { text.to_owned() } else { json(text) }
}

/// A JSON string is a YAML string too, but for what YAML does not print.
fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // Control characters, other line breaks, the byte order mark.
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
