//! The functions that conditions have, and what to write in place of others.

use cel::common::ast::operators as op;
use prodrome_rules::nearest;

/// Each with how it is written.
const FUNCTIONS: [(&str, &str); 7] = [
    ("contains", "text.contains('…')"),
    ("startsWith", "text.startsWith('…')"),
    ("endsWith", "text.endsWith('…')"),
    ("size", "size(texts)"),
    ("exists", "texts.exists(t, t == '…')"),
    ("all", "texts.all(t, t != '…')"),
    ("has", "has(node.result)"),
];

/// What was expected in place of a call that no condition has, and what was found.
pub(super) fn misused(name: &str, arguments: usize) -> (String, String) {
    if let Some((_, written)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
        let arguments = match arguments {
            0 => "no argument".to_owned(),
            1 => "1 argument".to_owned(),
            n => format!("{n} arguments"),
        };
        return (format!("`{written}`"), format!("`{name}` with {arguments} in its brackets"));
    }
    let expected = "a comparison, `&&`, `||`, `!`, `in`, a sum or one of the functions of conditions";
    let found = match operator(name) {
        Some(sign) => format!("`{sign}`, which conditions do not have"),
        None => format!("the function `{name}`, which conditions do not have"),
    };
    (expected.to_owned(), found)
}

/// What to write in its place.
pub(super) fn instead(name: &str) -> Option<String> {
    let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).collect();
    if names.contains(&name) {
        return None;
    }
    Some(match name {
        "matches" => "a text is looked into by `contains`, `startsWith` and `endsWith`".to_owned(),
        op::INDEX => "a list is looked into by `in`, `exists` and `all`".to_owned(),
        op::NEGATE => "write it as `0 - …`".to_owned(),
        name => match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the functions are {}", names.join(", ")),
        },
    })
}

/// How an operator is written, of which CEL has a name of its own.
fn operator(name: &str) -> Option<&'static str> {
    Some(match name {
        op::MODULO => "%",
        op::NEGATE => "-",
        op::INDEX => "[…]",
        op::OPT_INDEX => "[?…]",
        op::OPT_SELECT => ".?",
        _ => return None,
    })
}
