use super::Span;

/// The documents of a file: parted by lines that begin with `---` or `...`, and JSON objects that stand in a
/// row parted from each other. They are read one by one, so that a mistake in one does not lose the others.
pub(super) fn documents(text: &str) -> Vec<Span> {
    let mut documents = Vec::new();
    for chunk in chunks(text) {
        flow_documents(text, chunk, &mut documents);
    }
    documents
}

fn chunks(text: &str) -> Vec<Span> {
    let mut chunks = Vec::new();
    let mut begin = usize::from(text.starts_with('\u{feff}')) * '\u{feff}'.len_utf8();
    let mut line_begin = begin;
    let mut has_content = false;
    // Directives (`%YAML 1.2`) belong to no document; comments beside them are documents of their own.
    let mut comments = Vec::new();
    for line in text.get(begin..).unwrap_or_default().split_inclusive('\n') {
        let behind_marker = ["---", "..."].iter().find_map(|marker| {
            let rest = line.strip_prefix(marker)?;
            (rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])).then_some(rest)
        });
        if let Some(rest) = behind_marker {
            if has_content {
                chunks.push(Span { start: begin, end: line_begin });
            } else {
                chunks.append(&mut comments);
            }
            comments.clear();
            begin = line_begin + 3;
            has_content = !rest.trim().is_empty();
        } else if line.starts_with('#') {
            comments.push(Span { start: line_begin, end: line_begin + line.len() });
        } else if !line.starts_with('%') && !line.trim().is_empty() {
            has_content = true;
        }
        line_begin += line.len();
    }
    if has_content {
        chunks.push(Span { start: begin, end: text.len() });
    } else {
        chunks.append(&mut comments);
    }
    chunks
}

/// A chunk whole, unless it is made of `{…}` in a row.
fn flow_documents(text: &str, chunk: Span, documents: &mut Vec<Span>) {
    let mut begin = chunk.start;
    loop {
        let rest = text.get(begin..chunk.end).unwrap_or_default();
        let content = skip_blank(rest);
        let is_flow = rest.get(content..).is_some_and(|rest| rest.starts_with('{'));
        let end = if is_flow { flow_end(rest, content) } else { None };
        match end {
            // What follows on the same line belongs to it: a comment, or a mistake.
            Some(end) if skip_blank(rest.get(end..).unwrap_or_default()) < rest.len() - end => {
                documents.push(Span { start: begin, end: begin + end });
                begin += end;
            }
            _ => {
                let is_rest_of_row = begin > chunk.start && content == rest.len();
                if !is_rest_of_row {
                    documents.push(Span { start: begin, end: chunk.end });
                }
                return;
            }
        }
    }
}

/// The bytes of white space and comments at the beginning.
fn skip_blank(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with('#') {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

/// Behind the brace that closes the one at `begin`; `None` where none does.
fn flow_end(text: &str, begin: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    let mut chars = text.get(begin..)?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                while let Some((_, c)) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => drop(chars.next()),
                        _ => {}
                    }
                }
            }
            // Within a plain word it is an apostrophe.
            '\'' if matches!(before, '{' | '[' | ',' | ':' | ' ' | '\n' | '\t') => {
                // Two in a row are one of the text.
                while chars.find(|(_, c)| *c == '\'').is_some() && chars.as_str().starts_with('\'') {
                    chars.next();
                }
            }
            '#' if before.is_whitespace() => {
                chars.find(|(_, c)| *c == '\n')?;
            }
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(begin + at + 1);
                }
            }
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_parted_as_yaml_and_as_json_in_a_row() {
        for (text, want) in [
            ("a: 1\n", &["a: 1"][..]),
            ("a: 1\n---\nb: 2\n", &["a: 1", "b: 2"]),
            ("---\na: 1\n---\n", &["a: 1"]),
            ("%YAML 1.2\n---\na: 1\n...\n", &["a: 1"]),
            ("# note\n%YAML 1.2\n# more\n---\na: 1", &["# note", "# more", "a: 1"]),
            ("--- {a: 1}\n", &["{a: 1}"]),
            ("{\"a\":1}\n{\"b\":{\"c\":\"}\"}}", &["{\"a\":1}", "{\"b\":{\"c\":\"}\"}}"]),
            (
                "{\"a\":1}{\"b\":2}\n---\nc: 3\n---\n{d: 'x}'} {e: it's}",
                &["{\"a\":1}", "{\"b\":2}", "c: 3", "{d: 'x}'}", "{e: it's}"],
            ),
            ("{a: 1 # }\n}\n# end\n", &["{a: 1 # }\n}\n# end"]),
            ("{\"a\":\"\\\"}\"}{b: 'it''s }'}", &["{\"a\":\"\\\"}\"}", "{b: 'it''s }'}"]),
            ("{a: 1", &["{a: 1"]),
            ("", &[]),
            ("# only\n", &["# only"]),
            ("a: |\n  ---\n  x\n", &["a: |\n  ---\n  x"]),
        ] {
            let found: Vec<&str> =
                documents(text).iter().map(|span| text.get(span.start..span.end).unwrap().trim()).collect();
            assert_eq!(found, want, "{text}");
        }
    }
}
