use super::Checker;
use super::condition::Scope;
use super::fields::Fields;
use crate::condition::Clause;
use crate::diagnostic::Code;
use crate::kind::KindName;
use crate::language;
use crate::reference::{NamespaceFrom, PartnerKind, Reference, ReferenceGroup, Want, Way};
use crate::source::{Tree, TreeValue};
use crate::value::Path;

impl Checker<'_> {
    /// One reference or group, or a list of them.
    pub(super) fn references(&mut self, tree: &Tree, path: &str) -> Option<Vec<ReferenceGroup>> {
        if !matches!(tree.value, TreeValue::List(_)) {
            return Some(vec![self.reference_group(tree, path)?]);
        }
        let items = self.items(tree, path, "a reference or a list of references")?;
        let groups: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.reference_group(item, &format!("{path}[{index}]")))
            .collect();
        groups.into_iter().collect()
    }

    fn reference_group(&mut self, tree: &Tree, path: &str) -> Option<ReferenceGroup> {
        if tree.get("anyOf").is_none() {
            return Some(ReferenceGroup { any_of: vec![self.reference(tree, path)?] });
        }
        let fields = self.fields(tree, path, "a reference", &language::REFERENCE_GROUP)?;
        let at = fields.at("anyOf");
        let example = "[{ resource: Secret, name: [spec, secretName], exists: false }]";
        let items = self.items_like(fields.get("anyOf")?, &at, "a list of references", Some(example))?;
        let references: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.reference(item, &format!("{at}[{index}]")))
            .collect();
        Some(ReferenceGroup { any_of: references.into_iter().collect::<Option<_>>()? })
    }

    fn reference(&mut self, tree: &Tree, path: &str) -> Option<Reference> {
        let fields = self.fields(tree, path, "a reference: a map", &language::REFERENCE)?;
        let resource = self.required(&fields, "resource", "the kind of the other object");
        let resource = resource.and_then(|tree| self.partner_kind(tree, &fields.at("resource")));
        let way = self.way(&fields);
        let namespace = fields.get("namespace").map(|tree| self.namespace(tree, &fields.at("namespace")));
        let incoming = fields.get("direction").map(|tree| {
            let words = [("outgoing", false), ("incoming", true)];
            self.choice(tree, &fields.at("direction"), &words)
        });
        let incoming = incoming.unwrap_or(Some(false));
        if let (Some(true), Some(PartnerKind::FromField { .. }), Some(tree)) =
            (incoming, &resource, fields.get("resource"))
        {
            let expected = "a kind: nobody can be asked who may refer to it otherwise";
            self.error(Code::Conflict, tree.span, &fields.at("resource"), expected, "a field", None);
            return None;
        }
        let filter = fields
            .get("filterField")
            .map(|tree| self.clauses(tree, &fields.at("filterField"), Scope::Object, 0));
        let compare = fields.get("compareField").map(|tree| self.timeless(tree, &fields.at("compareField")));
        let want = self.want(&fields);
        let usual = self.usual(&fields);
        Some(Reference {
            resource: resource?,
            way: way?,
            namespace: namespace.map_or(Some(None), |namespace| namespace.map(Some))?,
            incoming: incoming?,
            filter: filter.unwrap_or(Some(Vec::new()))?,
            compare: compare.unwrap_or(Some(Vec::new()))?,
            want: want?,
            usual: usual?,
        })
    }

    /// Only of a state can it be said that most are in it.
    fn usual(&mut self, fields: &Fields<'_>) -> Option<bool> {
        let Some(tree) = fields.get("usual") else { return Some(false) };
        for other in ["exists", "reference"] {
            if fields.get(other).is_some() {
                self.excluded(fields, "usual", other);
            }
        }
        self.boolean(tree, &fields.at("usual"))
    }

    fn partner_kind(&mut self, tree: &Tree, path: &str) -> Option<PartnerKind> {
        if !matches!(tree.value, TreeValue::Map(_)) {
            return self.kind(tree, path).map(PartnerKind::Fixed);
        }
        let fields = self.fields(tree, path, "a kind", &language::KIND_FIELD)?;
        let field = self.required(&fields, "field", "the path of the kind");
        let field = field.and_then(|tree| self.path(tree, &fields.at("field")));
        let only = fields.get("kinds").map(|tree| self.kind_list(tree, &fields.at("kinds")));
        let default = fields.get("default").map(|tree| self.kind(tree, &fields.at("default")));
        Some(PartnerKind::FromField {
            field: field?,
            only: only.unwrap_or(Some(Vec::new()))?,
            default: default.map_or(Some(None), |default| default.map(Some))?,
        })
    }

    /// A list of kinds.
    pub(super) fn kind_list(&mut self, tree: &Tree, path: &str) -> Option<Vec<KindName>> {
        let items = self.items(tree, path, "a list of kinds")?;
        let kinds: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.kind(item, &format!("{path}[{index}]")))
            .collect();
        kinds.into_iter().collect()
    }

    fn way(&mut self, fields: &Fields<'_>) -> Option<Way> {
        match (fields.get("name"), fields.get("selector")) {
            (Some(name), None) => {
                let paths = self.name_paths(name, &fields.at("name"));
                let unless = fields.get("unless").map(|tree| self.timeless(tree, &fields.at("unless")));
                Some(Way::Named { paths: paths?, unless: unless.unwrap_or(Some(Vec::new()))? })
            }
            (None, Some(selector)) => {
                self.excluded(fields, "unless", "selector");
                Some(Way::Selected(self.path(selector, &fields.at("selector"))?))
            }
            (Some(_), Some(_)) => {
                self.excluded(fields, "selector", "name");
                None
            }
            (None, None) => {
                self.required(fields, "name", "the path of the other object's name, or `selector`");
                None
            }
        }
    }

    /// A path, or a list of paths.
    fn name_paths(&mut self, tree: &Tree, path: &str) -> Option<Vec<Path>> {
        match &tree.value {
            TreeValue::List(items) if matches!(items.first().map(|i| &i.value), Some(TreeValue::List(_))) => {
                let paths: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.path(item, &format!("{path}[{index}]")))
                    .collect();
                paths.into_iter().collect()
            }
            _ => Some(vec![self.path(tree, path)?]),
        }
    }

    /// Conditions that do not hang on the time.
    fn timeless(&mut self, tree: &Tree, path: &str) -> Option<Vec<Clause>> {
        let clauses = self.clause_or_clauses(tree, path, Scope::Around, 0)?;
        if clauses.iter().any(Clause::is_timed) {
            let expected = "conditions that do not hang on the time";
            let found = "`olderThan`, `newerThan` or `expiresWithin`";
            self.error(Code::Conflict, tree.span, path, expected, found, None);
            return None;
        }
        Some(clauses)
    }

    fn namespace(&mut self, tree: &Tree, path: &str) -> Option<NamespaceFrom> {
        match &tree.value {
            TreeValue::Scalar(..) => {
                let words = [("same", NamespaceWord::Same), ("none", NamespaceWord::None)];
                self.choice(tree, path, &words).map(|word| match word {
                    NamespaceWord::Same => NamespaceFrom::Same,
                    NamespaceWord::None => NamespaceFrom::None,
                })
            }
            TreeValue::List(_) => self.path(tree, path).map(NamespaceFrom::Field),
            _ => {
                let expected = "`same`, `none` or the path of the namespace's name";
                self.error(Code::WrongType, tree.span, path, expected, &tree.describe(), None);
                None
            }
        }
    }

    fn want(&mut self, fields: &Fields<'_>) -> Option<Want> {
        if let Some(tree) = fields.get("reference") {
            return self.want_next(fields, tree);
        }
        match (fields.get("exists"), fields.get("checkField")) {
            (Some(exists), None) => {
                let at = fields.at("exists");
                if self.boolean(exists, &at)? {
                    let help = "to ask something of it, write a `checkField`".to_owned();
                    self.error(Code::BadChoice, exists.span, &at, "`false`", "`true`", Some(help));
                    return None;
                }
                Some(Want::Missing)
            }
            (None, Some(check)) => {
                Some(Want::Check(self.clauses(check, &fields.at("checkField"), Scope::Object, 0)?))
            }
            (Some(_), Some(_)) => {
                self.excluded(fields, "checkField", "exists");
                None
            }
            (None, None) => {
                self.required(fields, "exists", "`false`, or `checkField` with what is wrong with the other");
                None
            }
        }
    }
}

impl Checker<'_> {
    /// What the other object refers to in turn. That is as far as it goes.
    fn want_next(&mut self, fields: &Fields<'_>, tree: &Tree) -> Option<Want> {
        self.excluded(fields, "exists", "reference");
        let check = fields
            .get("checkField")
            .map(|tree| self.clauses(tree, &fields.at("checkField"), Scope::Object, 0));
        let at = fields.at("reference");
        if let Some(third) = tree.get("reference") {
            let expected = "two references in a row at most";
            self.error(Code::TooDeep, third.span, &format!("{at}.reference"), expected, "a third one", None);
            return None;
        }
        let next = self.reference(tree, &at);
        Some(Want::Then(check.unwrap_or(Some(Vec::new()))?, Box::new(next?)))
    }
}

#[derive(Clone, Copy)]
enum NamespaceWord {
    Same,
    None,
}
