use super::fields::Fields;
use super::{Checker, Reported};
use crate::diagnostic::Code;
use crate::language;
use crate::periodic::Periodic;
use crate::source::{Key, Tree, TreeValue};
use crate::time::print_duration;
use jiff::SignedDuration;
use serde_json::{Map, Value};

/// How long a plugin's name may be: it is part of its function's.
const NAME_MAX: usize = 40;
/// How large its params may be, as JSON.
const PARAMS_BYTES_MAX: usize = 4 * 1024;
/// How deep they may be.
const PARAMS_DEPTH_MAX: usize = 8;

impl Checker<'_> {
    /// `period` and `plugin`, which go together and with no other way to say what is wrong. Fails where something is
    /// wrong with them, and has been told.
    pub(super) fn periodic(
        &mut self,
        key: &Key,
        fields: &Fields<'_>,
        about_events: bool,
    ) -> Result<Option<Periodic>, Reported> {
        if !fields.means("plugin") && !fields.means("period") {
            return Ok(None);
        }
        let mut sound = true;
        for (has, lacks, what) in [
            ("plugin", "period", "`period`: how often the plugin is asked"),
            ("period", "plugin", "`plugin`: who is asked so often"),
        ] {
            if fields.has(has) && !fields.means(lacks) {
                self.error(Code::MissingKey, key.span, "", what, "none", None);
                sound = false;
            }
        }
        if about_events && let Some((key, _)) = fields.entry("plugin") {
            let help = "an event is a moment; a plugin is asked about what lasts";
            let expected = "a rule on objects, not on events";
            self.error(
                Code::Conflict,
                key.span,
                &fields.at("plugin"),
                expected,
                "`Event`",
                Some(help.to_owned()),
            );
            sound = false;
        }
        for (key, help) in [
            ("checkField", "the plugin says what is wrong; whom it is asked about stands in filterField"),
            ("reference", "the plugin says what is wrong, and may look at whatever the object refers to"),
            ("since", "what a plugin finds is not in the object: it began when it was found first"),
            (
                "frequency",
                "a plugin is asked now and then, so what begins between is not seen; use gapTolerance",
            ),
        ] {
            if let Some((key, _)) = fields.entry(key) {
                let (expected, at) = (format!("no `{}` beside `plugin`", key.text), fields.at(&key.text));
                self.error(Code::Conflict, key.span, &at, &expected, "both", Some(help.to_owned()));
                sound = false;
            }
        }
        let every = fields.get("period").and_then(|tree| self.every(tree, &fields.at("period")));
        let plugin = fields.get("plugin").and_then(|tree| self.plugin(tree, &fields.at("plugin")));
        let (Some(every), Some((plugin, params)), true) = (every, plugin, sound) else {
            return Err(Reported);
        };
        Ok(Some(Periodic { every, plugin, params }))
    }

    fn every(&mut self, tree: &Tree, path: &str) -> Option<SignedDuration> {
        let every = self.duration(tree, path)?;
        if (Periodic::EVERY_MIN..=Periodic::EVERY_MAX).contains(&every) {
            return Some(every);
        }
        let (least, most) = (print_duration(Periodic::EVERY_MIN), print_duration(Periodic::EVERY_MAX));
        let expected = format!("{least} to {most}");
        self.error(Code::BadDuration, tree.span, path, &expected, &tree.describe(), None);
        None
    }

    /// A name, or a map with the name and params.
    fn plugin(&mut self, tree: &Tree, path: &str) -> Option<(String, Map<String, Value>)> {
        let TreeValue::Map(_) = tree.value else {
            return Some((self.plugin_name(tree, path)?, Map::default()));
        };
        let fields = self.fields(tree, path, "a plugin's name, or a map", &language::PLUGIN)?;
        let name = self.required(&fields, "name", "the plugin's name");
        let name = name.and_then(|tree| self.plugin_name(tree, &fields.at("name")));
        let params = match fields.get("params") {
            None => Some(Map::default()),
            Some(tree) => self.params(tree, &fields.at("params")),
        };
        Some((name?, params?))
    }

    fn plugin_name(&mut self, tree: &Tree, path: &str) -> Option<String> {
        let what = "a plugin's name: small letters, digits and dashes";
        let name = self.scalar(tree, path, what)?;
        let sound = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && name.len() <= NAME_MAX;
        if !sound {
            let help = "`prodrome plugin list` names those there are".to_owned();
            self.error(Code::BadChoice, tree.span, path, what, &tree.describe(), Some(help));
        }
        sound.then(|| name.to_owned())
    }

    fn params(&mut self, tree: &Tree, path: &str) -> Option<Map<String, Value>> {
        let TreeValue::Map(_) = tree.value else {
            self.error(Code::WrongType, tree.span, path, "a map of params", &tree.describe(), None);
            return None;
        };
        let Some(Value::Object(params)) = json(tree, PARAMS_DEPTH_MAX) else {
            let expected = format!("params at most {PARAMS_DEPTH_MAX} levels deep");
            self.error(Code::TooDeep, tree.span, path, &expected, "more", None);
            return None;
        };
        let bytes = Value::Object(params.clone()).to_string().len();
        if bytes > PARAMS_BYTES_MAX {
            let expected = format!("params of at most {PARAMS_BYTES_MAX} bytes");
            self.error(Code::WrongType, tree.span, path, &expected, &format!("{bytes} bytes"), None);
            return None;
        }
        Some(params)
    }
}

/// What is written, as JSON: without quotes a number or a boolean is one. `None` where it is too deep.
fn json(tree: &Tree, depth: usize) -> Option<Value> {
    let deeper = depth.checked_sub(1)?;
    Some(match &tree.value {
        TreeValue::Null => Value::Null,
        TreeValue::Scalar(text, true) => match serde_json::from_str(text) {
            Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
            _ => Value::String(text.clone()),
        },
        TreeValue::Scalar(text, false) => Value::String(text.clone()),
        TreeValue::List(items) => {
            Value::Array(items.iter().map(|item| json(item, deeper)).collect::<Option<_>>()?)
        }
        TreeValue::Map(entries) => {
            let entries = entries.iter().map(|(key, tree)| Some((key.text.clone(), json(tree, deeper)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
    })
}
