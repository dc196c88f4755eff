//! What was parsed out of a text: names and numbers, under closed keys.

use crate::Cause;
use crate::text::shortened;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! facts {
    ($($(#[$doc:meta])* $variant:ident $key:literal $name:literal,)*) => {
        /// The name of a fact.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum Fact {
            $($(#[$doc])* $variant,)*
        }

        impl Fact {
            /// Every key.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The key as it is written: `httpStatus`.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }

            /// In words, for a sentence: `registry host`.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

facts! {
    /// An image reference.
    Image "image" "image",
    /// A registry's host, with its port where it has one.
    Registry "registry" "registry",
    /// A repository in its registry.
    Repository "repository" "repository",
    /// An image's tag.
    Tag "tag" "tag",
    /// An image's digest.
    Digest "digest" "digest",
    /// `os/arch` of the node, or what was asked for.
    Platform "platform" "platform",
    /// A Secret's name.
    Secret "secret" "secret",
    /// A `ConfigMap`'s name.
    ConfigMap "configMap" "configmap",
    /// A key of a Secret, a `ConfigMap` or a remote secret.
    Key "key" "key",
    /// A volume, as the pod or the cloud names it.
    Volume "volume" "volume",
    /// A `PersistentVolumeClaim`.
    Claim "claim" "claim",
    /// A `StorageClass`.
    StorageClass "storageClass" "storage class",
    /// A CSI driver or another plugin.
    Driver "driver" "driver",
    /// A node.
    Node "node" "node",
    /// A namespace.
    Namespace "namespace" "namespace",
    /// A pod.
    Pod "pod" "pod",
    /// A container.
    Container "container" "container",
    /// A Service.
    Service "service" "service",
    /// A service account.
    ServiceAccount "serviceAccount" "service account",
    /// A `RuntimeClass` or a runtime handler.
    RuntimeClass "runtimeClass" "runtime class",
    /// An ingress class.
    IngressClass "ingressClass" "ingress class",
    /// An object that fits no other key: a policy, an issuer, a store, a claim of a node.
    Object "object" "object",
    /// A quota's or a limit's name.
    Quota "quota" "quota",
    /// How much was asked for.
    Requested "requested" "requested",
    /// How much is used.
    Used "used" "used",
    /// How much is allowed.
    Limited "limited" "limited",
    /// A webhook's name.
    Webhook "webhook" "webhook",
    /// A user of the Kubernetes API or of the cloud.
    User "user" "user",
    /// What was not permitted: a verb, an action of the cloud.
    Action "action" "action",
    /// A resource, of Kubernetes or of a node.
    Resource "resource" "resource",
    /// A finalizer.
    Finalizer "finalizer" "finalizer",
    /// A taint.
    Taint "taint" "taint",
    /// A command or a program.
    Binary "binary" "program",
    /// A path in a file system.
    Path "path" "path",
    /// A library, module, package or class.
    Module "module" "module",
    /// An environment variable or a setting.
    Variable "variable" "setting",
    /// A host name.
    Host "host" "host",
    /// An address, with its port.
    Address "address" "address",
    /// A port.
    Port "port" "port",
    /// A status of HTTP.
    HttpStatus "httpStatus" "HTTP status",
    /// A process's exit code.
    ExitCode "exitCode" "exit code",
    /// A signal.
    Signal "signal" "signal",
    /// A certificate's name or what it was issued for.
    Certificate "certificate" "certificate",
    /// A database's or a dependency's user, or the like.
    Login "login" "login",
    /// Another word that tells: an error's own message.
    Detail "detail" "detail",
}

/// One of the scheduler's predicates: how many nodes it ruled out, and what cause it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// The scheduler's words.
    pub reason: String,
    /// On how many nodes.
    pub nodes: u32,
    /// The cause that the words stand for, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Everything that was parsed out of a text. The texts are harmless: without control characters, and cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// One value a key.
    #[serde(flatten)]
    pub values: BTreeMap<Fact, String>,
    /// What the scheduler said of the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predicates: Vec<Predicate>,
    /// How many nodes the scheduler looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<u32>,
}

/// The longest value that is kept.
const VALUE_CHARS: usize = 200;

impl Facts {
    /// A value.
    pub fn get(&self, fact: Fact) -> Option<&str> {
        self.values.get(&fact).map(String::as_str)
    }

    /// Whether nothing was parsed out.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.predicates.is_empty()
    }

    /// Keeps a value unless there is one already or it says nothing.
    pub(crate) fn add(&mut self, fact: Fact, value: &str) {
        let value = match fact {
            // A sentence keeps its quotes and brackets.
            Fact::Detail => value.trim().trim_end_matches([':', '.', ',', ';']),
            _ => value
                .trim_matches(|c: char| c.is_whitespace() || "\"'`,;[](){}".contains(c))
                .trim_end_matches([':', '.']),
        };
        if !value.is_empty() && value != "<nil>" && !self.values.contains_key(&fact) {
            let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            self.values.insert(fact, shortened(&line, VALUE_CHARS));
        }
    }

    /// Takes from `other` what is not known yet.
    pub(crate) fn merge(&mut self, other: Self) {
        for (fact, value) in other.values {
            self.values.entry(fact).or_insert(value);
        }
        if self.predicates.is_empty() {
            self.predicates = other.predicates;
            self.nodes = self.nodes.or(other.nodes);
        }
    }
}
