use super::{Span, SyntaxError};
use serde::de::IgnoredAny;

/// What is wrong with a document that is meant as JSON, where a reader of JSON can tell: one of YAML only knows of the
/// bracket with which it began. `None` of what is not meant as JSON.
pub(super) fn fault(text: &str, base: usize) -> Option<SyntaxError> {
    let begin = text.len() - text.trim_start().len();
    let json = text.get(begin..)?;
    let is_json = json.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('"'));
    let error = serde_json::from_str::<IgnoredAny>(json).err().filter(|_| is_json)?;
    let at = |offset: usize| Span { start: base + begin + offset, end: base + begin + offset };
    if error.is_eof() {
        let end = json.trim_end().len();
        let reason = match unclosed(json) {
            Some((bracket, line, 0)) => {
                format!("the end of it, with the `{bracket}` of its line {line} not closed")
            }
            Some((bracket, line, more)) => {
                format!(
                    "the end of it, with the `{bracket}` of its line {line} not closed, nor {more} before it"
                )
            }
            None => "the end of it, within a text".to_owned(),
        };
        return Some(SyntaxError { reason, span: at(end) });
    }
    let line_start =
        json.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let whole = error.to_string();
    let reason = whole.rsplit_once(" at line ").map_or(&*whole, |(reason, _)| reason);
    let reason = format!("JSON that goes wrong here ({reason})");
    Some(SyntaxError { reason, span: at(line_start + error.column().saturating_sub(1)) })
}

/// The innermost bracket that nothing closes, its line, and how many around it are not closed either. `None` where the text
/// ends within quotes.
fn unclosed(json: &str) -> Option<(char, usize, usize)> {
    let mut open = Vec::new();
    let (mut line, mut quoted, mut escaped) = (1, false, false);
    for c in json.chars() {
        match c {
            '\n' => line += 1,
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => open.push((c, line)),
            '}' | ']' if !quoted => drop(open.pop()),
            _ => {}
        }
    }
    let (bracket, line) = open.pop().filter(|_| !quoted)?;
    Some((bracket, line, open.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_json_is_told_where_it_is() {
        for (text, offset, want) in [
            ("{ \"A\": { \"b\": [1] }\n", 19, "the end of it, with the `{` of its line 1 not closed"),
            (
                "{\n \"A\": {\n \"b\": [1,",
                19,
                "the end of it, with the `[` of its line 3 not closed, nor 2 before it",
            ),
            ("{ \"A\": \"b", 9, "the end of it, within a text"),
            ("\n{\"A\": 1,\n \"b\": ] }", 16, "JSON that goes wrong here (expected value)"),
            ("{\"A\": 1,, \"b\": 2}", 8, "JSON that goes wrong here (key must be a string)"),
        ] {
            let found = fault(text, 0).unwrap();
            assert_eq!((found.reason.as_str(), found.span.start), (want, offset), "{text}");
        }
        for text in ["{ A: [ }", "A: {", "{\"A\": 1}", ""] {
            assert_eq!(fault(text, 0), None, "{text}");
        }
    }
}
