use super::node::{Entry, Node, Place, Value};
use crate::suggest::did_you_mean;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;

/// A mistake at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) at: Place,
    pub(super) path: String,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Reads a value of type `T` out of a node and collects *all* mistakes: what is wrong is reported, left out,
/// and the rest is read again. `None` where there was any mistake.
pub(super) fn read<T: DeserializeOwned>(node: &Node, path: &str, mistakes: &mut Vec<Mistake>) -> Option<T> {
    let mut left_out: Vec<String> = Vec::new();
    // The right names of keys that are misspelt: those are not missing as well.
    let mut meant: Vec<String> = Vec::new();
    loop {
        let reader = Reader { node, path: path.to_owned(), left_out: &left_out };
        let fault = match T::deserialize(reader) {
            Ok(value) => return left_out.is_empty().then_some(value),
            Err(fault) => fault.located(node.at, path),
        };
        let Some((at, wrong)) = fault.place else { unreachable!("the fault was located in the line above") };
        // What was left out may be missed now.
        let follows = match fault.missing {
            Some(field) => left_out.contains(&join(&wrong, field)) || meant.contains(&join(&wrong, field)),
            None => left_out.iter().any(|out| is_below(out, &wrong)),
        };
        if !follows {
            let (message, help) = (fault.message, fault.help);
            mistakes.push(Mistake { at, path: wrong.clone(), message, help });
        }
        if let Some(name) = fault.meant {
            let parent = wrong.rsplit_once('.').map_or("", |(parent, _)| parent);
            meant.push(join(parent, name));
        }
        if wrong == path || left_out.contains(&wrong) {
            return None;
        }
        left_out.push(wrong);
    }
}

/// The path of an entry below a path.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| parent.is_empty() || rest.starts_with(['.', '[']))
}

#[derive(Debug)]
struct Fault {
    message: String,
    help: Option<String>,
    missing: Option<&'static str>,
    meant: Option<&'static str>,
    place: Option<(Place, String)>,
}

impl Fault {
    fn new(message: String) -> Self {
        Self { message, help: None, missing: None, meant: None, place: None }
    }

    /// Sets the place unless one deeper inside is known.
    fn located(mut self, at: Place, path: &str) -> Self {
        self.place.get_or_insert_with(|| (at, path.to_owned()));
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // The sort only: a text in the place of a reference to a secret may be the secret.
        let found = match found {
            Unexpected::Bool(_) => "true or false",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(_) | Unexpected::Char(_) => "a text",
            Unexpected::Unit | Unexpected::Option => "nothing",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a map",
            _ => "something else",
        };
        Self::new(format!("expected {}, found {found}", in_our_words(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => format!("\"{text}\""),
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            other => other.to_string(),
        };
        Self::new(format!("expected {}, found {found}", in_our_words(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let meant = did_you_mean(field, expected.iter().copied());
        Self { help: known("keys", field, expected), meant, ..Self::new(format!("unknown key `{field}`")) }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self { help: known("values", variant, expected), ..Self::new(format!("unknown value `{variant}`")) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("`{field}` is missing")) }
    }
}

fn in_our_words(expected: &dyn Expected) -> String {
    let words = expected.to_string();
    match words.as_str() {
        "a sequence" => "a list".to_owned(),
        "a string" => "a text".to_owned(),
        "i64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        _ => words,
    }
}

fn known(what: &str, found: &str, expected: &[&str]) -> Option<String> {
    match did_you_mean(found, expected.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if expected.is_empty() => None,
        None => Some(format!("known {what}: {}", expected.join(", "))),
    }
}

struct Reader<'n> {
    node: &'n Node,
    path: String,
    left_out: &'n [String],
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Self { node, path, left_out } = self;
        let result = match &node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Signed(value) => visitor.visit_i64(*value),
            Value::Unsigned(value) => visitor.visit_u64(*value),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(nodes) => {
                visitor.visit_seq(Elements { nodes: nodes.iter(), next: 0, path: &path, left_out })
            }
            Value::Map(entries) => {
                visitor.visit_map(Fields { rest: entries.iter(), current: None, path: &path, left_out })
            }
        };
        result.map_err(|fault| fault.located(node.at, &path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // An explicit `null` is a mistake like any other value of the wrong sort: to have nothing, write nothing.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Self { node, path, left_out } = self;
        let result = match &node.value {
            Value::Text(name) => {
                let name: StrDeserializer<'_, Fault> = name.as_str().into_deserializer();
                visitor.visit_enum(name)
            }
            Value::Map(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Variant { entry, path: &path, left_out }),
                _ => Err(Fault::new(format!("expected one key of {}", variants.join(", ")))),
            },
            other => {
                let expected = variants.join(", ");
                Err(Fault::new(format!("expected one of {expected}, found {}", other.sort())))
            }
        };
        result.map_err(|fault| fault.located(node.at, &path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // serde would take a list of the fields' values, too; a person does not mean that.
        match &self.node.value {
            Value::Map(_) => self.deserialize_any(visitor),
            other => Err(Fault::new(format!("expected a map, found {}", other.sort()))
                .located(self.node.at, &self.path)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

struct Elements<'n> {
    nodes: std::slice::Iter<'n, Node>,
    next: usize,
    path: &'n str,
    left_out: &'n [String],
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        for node in self.nodes.by_ref() {
            let path = format!("{}[{}]", self.path, self.next);
            self.next += 1;
            if !self.left_out.contains(&path) {
                let reader = Reader { node, path: path.clone(), left_out: self.left_out };
                return seed.deserialize(reader).map(Some).map_err(|fault| fault.located(node.at, &path));
            }
        }
        Ok(None)
    }
}

struct Fields<'n> {
    rest: std::slice::Iter<'n, Entry>,
    current: Option<&'n Entry>,
    path: &'n str,
    left_out: &'n [String],
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        for entry in self.rest.by_ref() {
            let path = join(self.path, &entry.key);
            if !self.left_out.contains(&path) {
                self.current = Some(entry);
                let key: StrDeserializer<'_, Fault> = entry.key.as_str().into_deserializer();
                return seed.deserialize(key).map(Some).map_err(|fault| fault.located(entry.key_at, &path));
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let entry = self.current.take().expect("serde asks for a value only after its key");
        let path = join(self.path, &entry.key);
        let reader = Reader { node: &entry.node, path: path.clone(), left_out: self.left_out };
        seed.deserialize(reader).map_err(|fault| fault.located(entry.node.at, &path))
    }
}

struct Variant<'n> {
    entry: &'n Entry,
    path: &'n str,
    left_out: &'n [String],
}

impl<'n, 'de> EnumAccess<'de> for Variant<'n> {
    type Error = Fault;
    type Variant = Reader<'n>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Reader<'n>), Fault> {
        let Self { entry, path, left_out } = self;
        let key: StrDeserializer<'_, Fault> = entry.key.as_str().into_deserializer();
        let variant = seed.deserialize(key).map_err(|fault| fault.located(entry.key_at, path))?;
        Ok((variant, Reader { node: &entry.node, path: join(path, &entry.key), left_out }))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Err(Fault::new(format!("expected no value, found {}", self.node.value.sort()))
            .located(self.node.at, &self.path))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }
}
