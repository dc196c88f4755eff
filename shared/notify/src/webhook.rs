//! A webhook of anybody's: CloudEvents 1.0, signed.

use crate::{Endpoint, Limit, SecretRef};
use jiff::SignedDuration;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// No vendor says how many; this keeps a small receiver alive.
pub(crate) const LIMIT: Limit = Limit::new(600, SignedDuration::from_mins(1), 50);

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Where to: an address, or a reference where the address itself is secret.
    pub url: Address,
    /// The key of the signature.
    pub secret: SecretRef,
    /// Further headers, such as `Authorization`.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretRef>,
}

/// An address in clear, or where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// In clear.
    Clear(Endpoint),
    /// Kept as a secret.
    Kept(SecretRef),
}

impl Config {
    pub(crate) fn secrets(&self) -> Vec<&SecretRef> {
        let url = match &self.url {
            Address::Clear(_) => None,
            Address::Kept(reference) => Some(reference),
        };
        url.into_iter().chain([&self.secret]).chain(self.headers.values()).collect()
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AddressVisitor;

        impl<'de> Visitor<'de> for AddressVisitor {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a reference such as {env: NAME}")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Address, E> {
                Endpoint::parse(text).map(Address::Clear).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Address, A::Error> {
                SecretRef::deserialize(MapAccessDeserializer::new(map)).map(Address::Kept)
            }
        }

        deserializer.deserialize_any(AddressVisitor)
    }
}
