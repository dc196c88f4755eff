//! The words of the language: every key of every map, with what it means. The check of unknown keys, the JSON
//! Schema and the tests of the reference all read these tables.

use serde_json::{Value, json};

/// A key and what it means.
pub(crate) struct Word {
    pub(crate) name: &'static str,
    /// For editors and the reference.
    pub(crate) about: &'static str,
    /// The JSON Schema of its value.
    pub(crate) schema: fn() -> Value,
}

/// The keys of a sort of map.
pub(crate) struct Keys {
    /// What sort of map.
    pub(crate) of: &'static str,
    pub(crate) known: &'static [Word],
}

const fn word(name: &'static str, about: &'static str, schema: fn() -> Value) -> Word {
    Word { name, about, schema }
}

const NAMESPACES_WORD: Word =
    word("namespaces", "In which namespaces to look: globs to include and exclude.", || {
        reference("namespaces")
    });
const CLUSTERS_WORD: Word =
    word("clusters", "In which clusters the rule holds: globs to include and exclude.", || {
        reference("clusters")
    });
const DURATION_WORD: Word =
    word("duration", "How long it must match without a break before it fires; 0 fires at once.", || {
        reference("duration")
    });
const GAP_TOLERANCE_WORD: Word =
    word("gapTolerance", "Before it fires, a break shorter than this does not count.", || {
        reference("duration")
    });
const RESOLVE_AFTER_WORD: Word =
    word("resolveAfter", "Once fired, it resolves when the match has been gone this long.", || {
        reference("duration")
    });
const SEVERITY_WORD: Word = word("severity", "How bad it is.", || json!({"enum": ["P1", "P2", "P3", "P4"]}));
const OWNER_WORD: Word = word("owner", "Who has to act.", || json!({"enum": ["user", "platform", "cloud"]}));
const RUNBOOK_WORD: Word = word("runbook", "What to do about it.", text);
const FLOW_WORD: Word = word("flow", "Which root-cause flow to run.", text);
const LABELS_WORD: Word = word(
    "labels",
    "Labels that alerts carry, for routing.",
    || json!({"type": "object", "additionalProperties": reference("scalar")}),
);
const MODE_WORD: Word = word(
    "mode",
    "Whether the rule tells anybody (live), or runs and counts and tells nobody (shadow).",
    || json!({"enum": ["live", "shadow"]}),
);
const ENABLED_WORD: Word = word("enabled", "Whether the rule is switched on.", || json!({"type": "boolean"}));

pub(crate) const RULE: Keys = Keys {
    of: "a rule",
    known: &[
        word(
            "resource",
            "The kind that the rule is about: a kind, a list of kinds, or \"*\".",
            || json!({"oneOf": [reference("kind"), kinds(), {"const": "*"}, reference("use")]}),
        ),
        word("notResource", "With resource \"*\": the kinds left out.", || or_used(&kinds())),
        NAMESPACES_WORD,
        CLUSTERS_WORD,
        word("filterField", "Whom the rule is about: conditions that must all hold.", clauses),
        word("checkField", "What is wrong: conditions that must all hold.", clauses),
        word("reference", "Another object that the rule needs; several must all hold.", || {
            json!({"oneOf": [
                reference("reference"),
                reference("referenceGroup"),
                list(&json!({"oneOf": [reference("reference"), reference("referenceGroup"), reference("use")]})),
                reference("use"),
            ]})
        }),
        DURATION_WORD,
        GAP_TOLERANCE_WORD,
        RESOLVE_AFTER_WORD,
        word("since", "Where the object itself says when the match began.", || {
            json!({"oneOf": [
                reference("path"),
                reference("since"),
                reference("sinceSeveral"),
                list(&json!({"oneOf": [
                    reference("path"), reference("since"), reference("sinceSeveral"), reference("use"),
                ]})),
                reference("use"),
            ]})
        }),
        word("frequency", "Fires when the match began so often within a window.", || reference("frequency")),
        word("period", "How often the plugin is asked about each object: 30s to 7d.", || {
            reference("duration")
        }),
        word(
            "plugin",
            "Who says what is wrong: the name of a plugin, or a map with its params.",
            || json!({"oneOf": [reference("pluginName"), reference("plugin")]}),
        ),
        SEVERITY_WORD,
        OWNER_WORD,
        word("summary", "One line that tells what is wrong, with fields in braces: {metadata.name}.", text),
        word("runbook", "What to do about it.", || or_used(&text())),
        FLOW_WORD,
        LABELS_WORD,
        ENABLED_WORD,
        MODE_WORD,
    ],
};

/// What a file may say once for all of its rules.
pub(crate) const DEFAULTS: Keys = Keys {
    of: "`defaults`",
    known: &[
        NAMESPACES_WORD,
        CLUSTERS_WORD,
        DURATION_WORD,
        GAP_TOLERANCE_WORD,
        RESOLVE_AFTER_WORD,
        SEVERITY_WORD,
        OWNER_WORD,
        RUNBOOK_WORD,
        FLOW_WORD,
        LABELS_WORD,
        ENABLED_WORD,
        MODE_WORD,
    ],
};

pub(crate) const NAMESPACES: Keys = Keys { of: "`namespaces`", known: &INCLUDE_AND_EXCLUDE };

/// Their globs are matched against a cluster's name, or with a slash against `tenant/region/cluster`.
pub(crate) const CLUSTERS: Keys = Keys { of: "`clusters`", known: &INCLUDE_AND_EXCLUDE };

const INCLUDE_AND_EXCLUDE: [Word; 2] = [
    word("include", "Only in these; all where it is absent.", || list(&text())),
    word("exclude", "But not in these.", || list(&text())),
];

macro_rules! operators {
    () => {
        [
            word("equalValue", "It is one of these.", scalars),
            word("notEqualValue", "It is there, and none of these.", scalars),
            word("nilValue", "true: absent, null or empty; false: the contrary.", || json!({"type": "boolean"})),
            word("likeValue", "A glob, or one of several: * and ? stand for any characters and for one.", one_or_more),
            word("notLikeValue", "It is a text, and no such glob matches it.", one_or_more),
            word("regexValue", "A regular expression, or one of several, is found in it.", one_or_more),
            word("notRegexValue", "It is a text, and no such regular expression is found in it.", one_or_more),
            word("greaterThan", "A number or quantity greater than this.", || reference("quantity")),
            word("lessThan", "A number or quantity less than this.", || reference("quantity")),
            word("olderThan", "A timestamp this long ago or longer.", || reference("duration")),
            word("newerThan", "A timestamp not this long ago yet.", || reference("duration")),
            word("expiresWithin", "A timestamp no further ahead than this, or past.", || reference("duration")),
            word("equalField", "The same as the value at this path of the object.", || reference("path")),
            word("notEqualField", "Another than the value at this path of the object.", || reference("path")),
            word("lessThanField", "Less than the value at this path of the object.", || reference("path")),
            word("greaterThanField", "Greater than the value at this path of the object.", || reference("path")),
        ]
    };
}

/// The operators: exactly one a condition.
pub(crate) const OPERATORS: &[Word] = &operators!();

const CONDITION_WORDS: [Word; 7] = [
    word("field", "Where to look: keys, one after another.", || reference("path")),
    word("subIdentifierName", "Of the elements found there, by which of their fields to select.", text),
    word("subIdentifierValue", "The values that select an element.", scalars),
    word("subField", "From each selected element on.", || reference("path")),
    word(
        "match",
        "any: some value must satisfy it; all: all that are found, and at least one.",
        || json!({"enum": ["any", "all"]}),
    ),
    word("default", "What a missing value stands for.", || reference("scalar")),
    word("times", "With …Field: a factor for the other value.", || json!({"type": ["number", "string"]})),
];

const EACH: Word =
    word("each", "Conditions that must all hold of the same element.", || or_used(&reference("parts")));
const ANY_OF: Word = word("anyOf", "Lists of conditions, of which at least one must hold.", || {
    or_used(&list(&json!({"oneOf": [reference("clauses"), reference("clause")]})))
});
const ANY_OF_PARTS: Word = word("anyOf", "Lists of conditions, of which at least one must hold.", || {
    or_used(&list(&json!({"oneOf": [reference("parts"), reference("part")]})))
});

pub(crate) const CONDITION: Keys = Keys {
    of: "a condition",
    known: &{
        let [a, b, c, d, e, f, g] = CONDITION_WORDS;
        let [o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15] = operators!();
        [a, b, c, d, e, f, EACH, o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, g]
    },
};

/// A condition of an element, within `each`.
pub(crate) const PART: Keys = Keys {
    of: "a condition within `each`",
    known: &{
        let [_, _, _, d, e, f, g] = CONDITION_WORDS;
        let [o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15] = operators!();
        [d, e, f, o0, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14, o15, g]
    },
};

pub(crate) const ANY_OF_CLAUSE: Keys = Keys { of: "an `anyOf`, which stands by itself", known: &[ANY_OF] };

pub(crate) const ANY_OF_PART: Keys =
    Keys { of: "an `anyOf`, which stands by itself", known: &[ANY_OF_PARTS] };

pub(crate) const SINCE: Keys = Keys {
    of: "`since`",
    known: &{
        let [a, b, c, d, ..] = CONDITION_WORDS;
        [a, b, c, EACH, d, TAKE]
    },
};

/// One of several paths.
pub(crate) const SINCE_PLACE: Keys = Keys {
    of: "a path of `since`",
    known: &{
        let [a, b, c, d, ..] = CONDITION_WORDS;
        [a, b, c, EACH, d]
    },
};

const TAKE: Word = word(
    "take",
    "Which of several timestamps counts: the earliest or the latest.",
    || json!({"enum": ["earliest", "latest"]}),
);

/// Several paths of which all timestamps are put together.
pub(crate) const SINCE_SEVERAL: Keys = Keys {
    of: "`since`",
    known: &[
        word("earliest", "Of all timestamps under these paths the earliest.", since_places),
        word("latest", "Of all timestamps under these paths the latest.", since_places),
    ],
};

pub(crate) const FREQUENCY: Keys = Keys {
    of: "`frequency`",
    known: &[
        word(
            "count",
            "So many begins of the match, or with distinct so many different values.",
            || json!({"type": "integer", "minimum": 2, "maximum": crate::frequency::Frequency::COUNT_MAX}),
        ),
        word("within", "Within this window.", || reference("duration")),
        word(
            "by",
            "Whose begins are counted together: object, owner, namespace, or the path of a value.",
            || json!({"oneOf": [{"enum": ["object", "owner", "namespace"]}, reference("path")]}),
        ),
        word("distinct", "Count the different values under this path in place of begins.", || {
            reference("path")
        }),
    ],
};

pub(crate) const PLUGIN: Keys = Keys {
    of: "`plugin`",
    known: &[
        word("name", "The plugin's name.", || reference("pluginName")),
        word("params", "What it is asked with, as it declares it.", || json!({"type": "object"})),
    ],
};

pub(crate) const REFERENCE: Keys = Keys {
    of: "a reference",
    known: &[
        word(
            "resource",
            "The kind of the other object, or the field that names it.",
            || json!({"oneOf": [reference("kind"), reference("kindField"), reference("use")]}),
        ),
        word(
            "direction",
            "incoming: it is the other object that names or selects this one.",
            || json!({"enum": ["outgoing", "incoming"]}),
        ),
        word(
            "name",
            "The path of its name, or a list of such paths.",
            || json!({"oneOf": [reference("path"), list(&reference("path"))]}),
        ),
        word("selector", "Instead of a name: the path of a label selector.", || reference("path")),
        word(
            "namespace",
            "same: where the referring object is; none: in none; or the path of its name.",
            || json!({"oneOf": [{"enum": ["same", "none"]}, reference("path")]}),
        ),
        word(
            "unless",
            "Not where this holds of the map that has the name in it.",
            || json!({"oneOf": [reference("clause"), reference("clauses")]}),
        ),
        word("filterField", "Of the other objects only those count of which all of this holds.", clauses),
        word(
            "compareField",
            "And of which this holds; a path in an operator that ends in Field begins at the referring object.",
            clauses,
        ),
        word(
            "exists",
            "false: the reference holds where the other object is missing.",
            || json!({"const": false}),
        ),
        word("checkField", "The reference holds where all of this holds of the other object.", clauses),
        word(
            "usual",
            "true: most are as checkField asks, so that one more is no reason to look again.",
            || json!({"type": "boolean"}),
        ),
        word("reference", "What the other object refers to in turn has to hold as well.", || {
            or_used(&reference("reference"))
        }),
    ],
};

pub(crate) const REFERENCE_GROUP: Keys = Keys {
    of: "an `anyOf`, which stands by itself",
    known: &[word("anyOf", "References, of which at least one must hold.", || list(&reference("reference")))],
};

pub(crate) const KIND_FIELD: Keys = Keys {
    of: "a kind taken from a field",
    known: &[
        word(
            "field",
            "The path of the kind; its group is read from apiVersion, apiGroup or group beside it.",
            || reference("path"),
        ),
        word("kinds", "Only these kinds count.", || or_used(&kinds())),
        word("default", "The kind where the field is missing.", || reference("kind")),
    ],
};

pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

pub(crate) fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items, "minItems": 1})
}

/// What stands elsewhere, in the place of this.
pub(crate) const USE: Keys = Keys {
    of: "a `use`, which stands by itself",
    known: &[word(
        "use",
        "Conditions, or a value, that the file's let names, in the place of this.",
        || json!({"oneOf": [{"type": "string"}, list(&json!({"type": "string"}))]}),
    )],
};

fn since_places() -> Value {
    list(&json!({"oneOf": [reference("path"), reference("sincePlace")]}))
}

fn text() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

fn one_or_more() -> Value {
    json!({"oneOf": [reference("scalar"), list(&or_used(&reference("scalar"))), reference("use")]})
}

fn scalars() -> Value {
    or_used(&list(&or_used(&reference("scalar"))))
}

fn kinds() -> Value {
    list(&or_used(&reference("kind")))
}

fn clauses() -> Value {
    or_used(&reference("clauses"))
}

/// That, or a `use` of what a `let` names.
fn or_used(schema: &Value) -> Value {
    json!({"oneOf": [schema, reference("use")]})
}
