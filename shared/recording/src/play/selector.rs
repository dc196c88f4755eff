use prodrome_model::{LabelSelector, LabelSelectorRequirement, Resource};
use std::collections::BTreeMap;

/// What of an object field selectors ask for, read once when the object comes.
pub(super) type Fields = BTreeMap<&'static str, String>;

/// A field selector: all of its terms hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSelector {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: &'static str,
    equal: bool,
    value: String,
}

impl FieldSelector {
    /// Reads the query parameter `fieldSelector`. As the API server does, it refuses fields that the resource
    /// has no index or label for.
    pub(super) fn parse(text: &str, resource: &Resource) -> Result<Self, String> {
        let known: Vec<&'static str> = COMMON.iter().chain(special_fields(resource)).copied().collect();
        let terms = split_unescaped(text, ',').into_iter().filter(|term| !term.is_empty()).map(|term| {
            let (field, equal, value) = match term.split_once("!=") {
                Some((field, value)) => (field, false, value),
                None => match term.split_once('=') {
                    Some((field, value)) => (field, true, value.strip_prefix('=').unwrap_or(value)),
                    None => return Err(format!("invalid field selector: {term:?} is no field=value")),
                },
            };
            let field = known.iter().find(|known| **known == field);
            let field = *field.ok_or_else(|| {
                format!("field label not supported: {}", term.split(['=', '!']).next().unwrap_or_default())
            })?;
            Ok(Term { field, equal, value: unescape(value) })
        });
        Ok(Self { terms: terms.collect::<Result<_, _>>()? })
    }

    pub(super) fn selects(&self, namespace: &str, name: &str, fields: &Fields) -> bool {
        self.terms.iter().all(|term| {
            let found = match term.field {
                "metadata.namespace" => namespace,
                "metadata.name" => name,
                field => fields.get(field).map_or("", String::as_str),
            };
            (found == term.value) == term.equal
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

const COMMON: &[&str] = &["metadata.name", "metadata.namespace"];
const OF_EVENTS: &[&str] = &[
    "involvedObject.apiVersion",
    "involvedObject.fieldPath",
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.resourceVersion",
    "involvedObject.uid",
    "reason",
    "reportingComponent",
    "type",
];
const OF_PODS: &[&str] = &[
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIP",
];

fn special_fields(resource: &Resource) -> &'static [&'static str] {
    match (&*resource.group, &*resource.plural) {
        ("", "events") => OF_EVENTS,
        ("", "pods") => OF_PODS,
        _ => &[],
    }
}

/// The values behind the fields that can be asked for, of an object of this resource.
pub(super) fn fields_of(resource: &Resource, object: &str) -> Fields {
    let wanted = special_fields(resource);
    if wanted.is_empty() {
        return Fields::new();
    }
    let object: serde_json::Value = serde_json::from_str(object).unwrap_or_default();
    let found = wanted.iter().filter_map(|field| {
        let value = field.split('.').try_fold(&object, |value, key| value.get(key))?;
        Some((*field, value.as_str()?.to_owned()))
    });
    found.collect()
}

/// Reads the query parameter `labelSelector`: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
pub(super) fn parse_labels(text: &str) -> Result<LabelSelector, String> {
    let mut selector = LabelSelector::default();
    for term in split_outside_brackets(text) {
        let term = term.trim();
        if term.is_empty() {
            continue;
        }
        let requirement = |key: &str, operator: &str, values: Vec<String>| {
            let key = key.trim();
            if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "=!()".contains(c)) {
                return Err(format!("unable to parse requirement: {term:?}"));
            }
            Ok(LabelSelectorRequirement { key: key.to_owned(), operator: operator.to_owned(), values })
        };
        let new = if let Some((head, values)) = term.split_once('(') {
            let values = values.strip_suffix(')').ok_or_else(|| format!("missing ) in {term:?}"))?;
            let values = values.split(',').map(|value| value.trim().to_owned()).collect();
            match head.trim().rsplit_once(char::is_whitespace) {
                Some((key, "in")) => requirement(key, "In", values)?,
                Some((key, "notin")) => requirement(key, "NotIn", values)?,
                _ => return Err(format!("unable to parse requirement: {term:?}")),
            }
        } else if let Some((key, value)) = term.split_once("!=") {
            requirement(key, "NotIn", vec![value.trim().to_owned()])?
        } else if let Some((key, value)) = term.split_once('=') {
            requirement(key, "In", vec![value.trim_start_matches('=').trim().to_owned()])?
        } else if let Some(key) = term.strip_prefix('!') {
            requirement(key, "DoesNotExist", Vec::new())?
        } else {
            requirement(term, "Exists", Vec::new())?
        };
        selector.match_expressions.push(new);
    }
    Ok(selector)
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let separators = move |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    text.split(separators).collect()
}

fn split_unescaped(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    let separators = move |c: char| {
        let splits = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    };
    text.split(separators).collect()
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin_of_path;

    #[test]
    fn label_selectors_are_read_as_the_api_server_reads_them() {
        let labels =
            BTreeMap::from([("app".to_owned(), "web".to_owned()), ("tier".to_owned(), "front".to_owned())]);
        let rows = [
            ("", Ok(true)),
            ("app=web", Ok(true)),
            ("app==web,tier!=back", Ok(true)),
            ("app in (web, db),tier notin (back)", Ok(true)),
            ("app in (db)", Ok(false)),
            ("app", Ok(true)),
            ("!app", Ok(false)),
            ("!other , app", Ok(true)),
            ("other!=x", Ok(true)),
            ("app in web", Err(())),
            ("app in (web", Err(())),
            ("=web", Err(())),
        ];
        for (text, want) in rows {
            let found = parse_labels(text).map(|selector| selector.selects(&labels)).map_err(|_| ());
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn field_selectors_know_the_fields_of_their_resource_only() {
        let events = builtin_of_path("", "v1", "events").unwrap();
        let services = builtin_of_path("", "v1", "services").unwrap();
        let object = r#"{"involvedObject":{"kind":"Pod","name":"a,b"},"type":"Warning"}"#;
        let fields = fields_of(&events, object);
        let rows = [
            ("", Ok(true)),
            ("involvedObject.kind=Pod,type!=Normal", Ok(true)),
            ("involvedObject.name=a\\,b", Ok(true)),
            ("involvedObject.uid=", Ok(true)),
            ("involvedObject.uid=x", Ok(false)),
            ("metadata.name==n,metadata.namespace=ns", Ok(true)),
            ("metadata.name!=n", Ok(false)),
            ("spec.nodeName=x", Err("field label not supported: spec.nodeName".to_owned())),
        ];
        for (text, want) in rows {
            let found = FieldSelector::parse(text, &events).map(|s| s.selects("ns", "n", &fields));
            assert_eq!(found, want, "{text}");
        }
        assert!(FieldSelector::parse("type=Warning", &services).is_err());
        assert!(FieldSelector::parse("type", &events).is_err());
    }
}
