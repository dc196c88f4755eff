use serde::Serialize;
use std::fmt;

macro_rules! codes {
    ($($name:ident = $text:literal, $about:literal;)*) => {
        /// What sort of mistake a diagnostic tells of: a closed list, stable, each explained in the language's
        /// reference.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Code {
            $(#[doc = $about] $name,)*
        }

        impl Code {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it is written: `unknown-key`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the mistake is, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }
        }
    };
}

codes! {
    Syntax = "syntax", "The document is neither YAML nor JSON; none of its rules are read.";
    UnknownKey = "unknown-key", "A key that the language does not have.";
    DuplicateKey = "duplicate-key", "A key that stands twice in one map.";
    MissingKey = "missing-key", "A key that must be there is not.";
    WrongType = "wrong-type", "Another type of value than the key takes.";
    EmptyList = "empty-list", "A list that must have something in it has nothing.";
    EmptyPath = "empty-path", "A path without keys, or with an empty key.";
    NoOperator = "no-operator", "A condition that asks nothing: each takes exactly one operator.";
    ManyOperators = "many-operators", "A condition with more than one operator: each takes exactly one.";
    Conflict = "conflict", "Keys that do not go together.";
    NothingToCheck = "nothing-to-check", "A rule with neither a checkField nor a reference would always match.";
    BadName = "bad-name", "A rule's name that is not CamelCase.";
    DuplicateRule = "duplicate-rule", "A rule's name that another rule has already; the first one is kept.";
    UnknownName = "unknown-name", "A `use` of something that no `let` of the file names.";
    BadKind = "bad-kind", "A text that cannot be a kind.";
    UnknownKind = "unknown-kind", "A kind that Kubernetes does not have: a mistake within a group of its own, else a doubt.";
    BadDuration = "bad-duration", "A text that is no duration.";
    ShortDuration = "short-duration", "A rule with a reference needs at least ten seconds.";
    BadQuantity = "bad-quantity", "A text that is neither a number nor a Kubernetes quantity.";
    BadTimestamp = "bad-timestamp", "A text that is no RFC 3339 timestamp.";
    BadRegex = "bad-regex", "A regular expression that cannot be compiled, or is too large.";
    BadTemplate = "bad-template", "A summary whose fields cannot be read.";
    BadChoice = "bad-choice", "Something else than the few words that the key takes.";
    BadCluster = "bad-cluster", "A glob of `clusters` that no cluster can match.";
    TooDeep = "too-deep", "An anyOf nested too deeply.";
    NoEffect = "no-effect", "Something that changes nothing.";
    UnknownNode = "unknown-node", "A flow's `after` or `when` names a node that it does not have or does not wait for.";
    UnknownPlugin = "unknown-plugin", "A flow names a plugin that is not among the known ones.";
    UnknownFact = "unknown-fact", "A result that the plugin does not declare.";
    UnknownWord = "unknown-word", "A `when` that asks for a cause, a verdict or an owner that there is not.";
    Cycle = "cycle", "Nodes of a flow that wait for each other.";
    BadExpression = "bad-expression", "A `when` that is no CEL expression, or whose types do not go together.";
    BadNumber = "bad-number", "A text that is no number, or one out of the range that the key takes.";
    NeverTrue = "never-true", "Conditions, or an alternative among them, that can never hold together.";
    Overlap = "overlap", "A rule that fires only where another one has fired, and says nothing else.";
    UnknownGroup = "unknown-group", "A kind that the cluster that was asked does not serve.";
    MetadataField = "metadata-field", "A path that begins with a key of an object's metadata: a doubt, as hardly any kind has such a key beside it.";
    CutField = "cut-field", "A field that the watcher leaves out of what it sends, so that no change of it is seen.";
}

impl Code {
    /// Whether only root-cause flows can be wrong in this way; they share the diagnostics of rules.
    pub const fn is_of_flows(self) -> bool {
        matches!(
            self,
            Self::UnknownNode
                | Self::UnknownPlugin
                | Self::UnknownFact
                | Self::UnknownWord
                | Self::Cycle
                | Self::BadExpression
                | Self::BadNumber
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
