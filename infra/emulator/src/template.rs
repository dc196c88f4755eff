use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A `CloudFormation` or SAM template, read from YAML into its JSON form (`!Ref X` becomes `{"Ref": "X"}`).
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    root: Map<String, Value>,
}

/// A template that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be opened.
    #[error("cannot read the template {}", path.display())]
    Read {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("the template is not YAML")]
    Syntax(#[source] granit_parser::ScanError),
    /// It is YAML that `CloudFormation` does not take.
    #[error("the template, line {line}: {what}")]
    Unsupported {
        /// Where.
        line: usize,
        /// What was found, and what to write.
        what: String,
    },
}

/// What a template says about one function.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionSettings {
    /// Its logical id, such as `EvaluateFunction`.
    pub logical_id: String,
    /// Its environment: the names, with the values as the template writes them (`{"Ref": …}` included).
    pub environment: BTreeMap<String, Value>,
}

impl Template {
    /// Reads a template file.
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads a template from YAML (or JSON, which is YAML).
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        match Builder::default().build(text)? {
            Value::Object(root) => Ok(Self { root }),
            _ => Err(TemplateError::Unsupported { line: 1, what: "expected a map with Resources".into() }),
        }
    }

    /// The functions (`AWS::Serverless::Function` and `AWS::Lambda::Function`) and their environment.
    pub fn functions(&self) -> Vec<FunctionSettings> {
        let resources = self.root.get("Resources").and_then(Value::as_object);
        let functions = resources.into_iter().flatten().filter(|(_, resource)| is_function(resource));
        let settings = functions.map(|(id, resource)| {
            let variables = resource.pointer("/Properties/Environment/Variables").and_then(Value::as_object);
            let environment = variables.into_iter().flatten().map(|(name, v)| (name.clone(), v.clone()));
            FunctionSettings { logical_id: id.clone(), environment: environment.collect() }
        });
        settings.collect()
    }

    /// The template's JSON form.
    pub fn to_json(&self) -> Value {
        Value::Object(self.root.clone())
    }

    /// Lets every function run the code at this place.
    pub(crate) fn set_code(&mut self, bucket: &str, key: &str) {
        let resources = self.root.get_mut("Resources").and_then(Value::as_object_mut);
        for (_, resource) in resources.into_iter().flatten().filter(|(_, resource)| is_function(resource)) {
            let serverless = resource["Type"] == "AWS::Serverless::Function";
            if let Some(properties) = resource.get_mut("Properties").and_then(Value::as_object_mut) {
                if serverless {
                    properties.insert("CodeUri".into(), json!({"Bucket": bucket, "Key": key}));
                } else {
                    properties.insert("Code".into(), json!({"S3Bucket": bucket, "S3Key": key}));
                }
            }
        }
    }

    /// Writes the values of number parameters where they are referred to. AWS converts `{"Ref": "Seconds"}` to
    /// the type of the property; the emulator passes the parameter's text on, and then compares it with numbers.
    /// An environment holds text, and stays.
    pub(crate) fn fill_numbers(&mut self, given: &[(String, String)]) {
        let parameters = self.root.get("Parameters").and_then(Value::as_object);
        let numbers: BTreeMap<String, Number> = parameters
            .into_iter()
            .flatten()
            .filter(|(_, parameter)| parameter["Type"] == "Number")
            .filter_map(|(name, parameter)| {
                let given =
                    given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
                let value =
                    given.map_or_else(|| parameter.get("Default").cloned(), |text| Some(text.into()))?;
                let number = match value {
                    Value::Number(number) => number,
                    Value::String(text) => text.parse().ok()?,
                    _ => return None,
                };
                Some((name.clone(), number))
            })
            .collect();
        if let Some(resources) = self.root.get_mut("Resources") {
            fill(resources, &numbers);
        }
    }
}

fn is_function(resource: &Value) -> bool {
    matches!(resource["Type"].as_str(), Some("AWS::Serverless::Function" | "AWS::Lambda::Function"))
}

fn fill(value: &mut Value, numbers: &BTreeMap<String, Number>) {
    let number = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get("Ref"));
    if let Some(number) = number.and_then(Value::as_str).and_then(|name| numbers.get(name)) {
        *value = Value::Number(number.clone());
        return;
    }
    match value {
        Value::Object(map) => {
            for (_, value) in map.iter_mut().filter(|(key, _)| *key != "Environment") {
                fill(value, numbers);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, numbers)),
        _ => {}
    }
}

/// Puts a value together from the parser's events.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    done: Option<Value>,
}

/// A collection that has begun.
struct Open {
    tag: Option<String>,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

impl Builder {
    fn build(mut self, text: &str) -> Result<Value, TemplateError> {
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(TemplateError::Syntax)?;
            let line = span.start.line();
            let unsupported = |what: &str| TemplateError::Unsupported { line, what: what.into() };
            match event {
                Event::Scalar(text, style, anchor, tag) => {
                    reject_anchor(anchor, line)?;
                    let value =
                        if style == ScalarStyle::Plain { plain(&text) } else { Value::from(text.as_ref()) };
                    self.add(intrinsic(short_tag(tag.as_deref()).as_deref(), value), line)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    reject_anchor(anchor, line)?;
                    self.open
                        .push(Open { tag: short_tag(tag.as_deref()), content: Content::List(Vec::new()) });
                }
                Event::MappingStart(_, anchor, tag) => {
                    reject_anchor(anchor, line)?;
                    let content = Content::Map(Map::new(), None);
                    self.open.push(Open { tag: short_tag(tag.as_deref()), content });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(Open { tag, content }) = self.open.pop() else {
                        return Err(unsupported("an end without a beginning"));
                    };
                    let value = match content {
                        Content::List(items) => Value::Array(items),
                        Content::Map(map, _) => Value::Object(map),
                    };
                    self.add(intrinsic(tag.as_deref(), value), line)?;
                }
                Event::Alias(_) => {
                    return Err(unsupported("CloudFormation knows no aliases; write the value out"));
                }
                _ => {}
            }
        }
        self.done.ok_or(TemplateError::Unsupported { line: 1, what: "the template is empty".into() })
    }

    fn add(&mut self, value: Value, line: usize) -> Result<(), TemplateError> {
        let unsupported = |what: String| Err(TemplateError::Unsupported { line, what });
        match self.open.last_mut().map(|open| &mut open.content) {
            None if self.done.is_some() => {
                return unsupported("expected one document, found a second".into());
            }
            None => self.done = Some(value),
            Some(Content::List(items)) => items.push(value),
            Some(Content::Map(map, key)) => match key.take() {
                Some(key) => {
                    if map.insert(key.clone(), value).is_some() {
                        return unsupported(format!("the key {key} stands twice in this map"));
                    }
                }
                None => match value {
                    Value::String(text) => *key = Some(text),
                    Value::Number(number) => *key = Some(number.to_string()),
                    other => return unsupported(format!("expected a key, found {other}")),
                },
            },
        }
        Ok(())
    }
}

fn reject_anchor(anchor: usize, line: usize) -> Result<(), TemplateError> {
    if anchor == 0 {
        return Ok(());
    }
    Err(TemplateError::Unsupported {
        line,
        what: "CloudFormation knows no anchors; write the value out".into(),
    })
}

/// `Sub` of `!Sub`; the tags of YAML itself (`!!str`) say nothing that matters here.
fn short_tag(tag: Option<&Tag>) -> Option<String> {
    tag.filter(|tag| tag.handle() == "!").map(|tag| tag.suffix().to_owned())
}

/// The long form of an intrinsic function: `!Sub x` is `{"Fn::Sub": x}`.
fn intrinsic(tag: Option<&str>, value: Value) -> Value {
    match (tag, value) {
        (None, value) => value,
        (Some(name @ ("Ref" | "Condition")), value) => json!({ name: value }),
        (Some("GetAtt"), Value::String(path)) => {
            let parts: Vec<&str> = path.splitn(2, '.').collect();
            json!({ "Fn::GetAtt": parts })
        }
        (Some(name), value) => json!({ format!("Fn::{name}"): value }),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => {
            // Leading zeros are text: an account's number is not a quantity.
            let quantity =
                text == "0" || !text.trim_start_matches('-').starts_with('0') || text.contains('.');
            let number = quantity.then(|| text.parse::<Number>().ok()).flatten();
            number.map_or_else(|| Value::from(text), Value::Number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Value {
        Template::parse(text).map(|template| template.to_json()).unwrap()
    }

    #[test]
    fn intrinsic_functions_get_their_long_form() {
        let cases = [
            ("a: !Ref X", json!({"a": {"Ref": "X"}})),
            ("a: !GetAtt Q.Arn", json!({"a": {"Fn::GetAtt": ["Q", "Arn"]}})),
            ("a: !GetAtt Q.Endpoint.Port", json!({"a": {"Fn::GetAtt": ["Q", "Endpoint.Port"]}})),
            ("a: !Sub \"${X}/y\"", json!({"a": {"Fn::Sub": "${X}/y"}})),
            (
                "a: !If [C, {b: 1}, !Ref AWS::NoValue]",
                json!({"a": {"Fn::If": ["C", {"b": 1}, {"Ref": "AWS::NoValue"}]}}),
            ),
            ("a: !Not [!Condition C]", json!({"a": {"Fn::Not": [{"Condition": "C"}]}})),
        ];
        for (given, want) in cases {
            assert_eq!(parse(given), want, "{given}");
        }
    }

    #[test]
    fn only_plain_scalars_are_more_than_text() {
        let cases = [
            ("a: 5", json!({"a": 5})),
            ("a: \"5\"", json!({"a": "5"})),
            ("a: true", json!({"a": true})),
            ("a: 'true'", json!({"a": "true"})),
            ("a: 0.5", json!({"a": 0.5})),
            ("a: 012345678901", json!({"a": "012345678901"})),
            ("a: 2012-10-17", json!({"a": "2012-10-17"})),
            ("a: \"\"", json!({"a": ""})),
            ("a:", json!({"a": null})),
            ("a: rate(1 minute)", json!({"a": "rate(1 minute)"})),
        ];
        for (given, want) in cases {
            assert_eq!(parse(given), want, "{given}");
        }
    }

    #[test]
    fn what_cloudformation_refuses_is_refused_with_its_line() {
        let cases = [
            ("a: &x 1\nb: *x", "line 1: CloudFormation knows no anchors"),
            ("a: 1\na: 2", "line 2: the key a stands twice"),
            ("- 1", "expected a map"),
            ("", "the template is empty"),
        ];
        for (given, want) in cases {
            let error = Template::parse(given).unwrap_err().to_string();
            assert!(error.contains(want), "{given:?}: {error}");
        }
        assert!(matches!(Template::parse("a: [1"), Err(TemplateError::Syntax(_))));
    }

    #[test]
    fn number_parameters_are_filled_in_but_not_in_an_environment() {
        let mut template = Template::parse(
            "Parameters: {Seconds: {Type: Number, Default: 30}, Name: {Type: String, Default: x}}\n\
             Resources: {F: {Type: AWS::Serverless::Function, Properties: {Timeout: !Ref Seconds, Role: !Ref Name,\n\
             \x20 Environment: {Variables: {S: !Ref Seconds}}}}}",
        )
        .unwrap();
        template.fill_numbers(&[("Seconds".into(), "5".into())]);
        let properties = template.to_json()["Resources"]["F"]["Properties"].clone();
        assert_eq!(
            properties,
            json!({"Timeout": 5, "Role": {"Ref": "Name"}, "Environment": {"Variables": {"S": {"Ref": "Seconds"}}}})
        );
    }

    #[test]
    fn functions_say_what_their_environment_is() {
        let template = Template::parse(
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Environment: {Variables: {A: x}}}},\n\
             \x20 Q: {Type: AWS::SQS::Queue}}",
        )
        .unwrap();
        let functions = template.functions();
        assert_eq!(functions.len(), 1);
        assert_eq!(functions[0].logical_id, "F");
        assert_eq!(functions[0].environment, BTreeMap::from([("A".to_owned(), json!("x"))]));
    }
}
