use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The identity of one episode: whatever is repeated on the way carries the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a rule's match on a subject that began to be watched at an instant. 32 hexadecimal digits.
    ///
    /// Not since when it has matched: where an object's own timestamps say that, such as a pod's start, two episodes of
    /// one object say the same.
    pub fn of_episode(scope: &crate::Scope, rule: &str, subject: &crate::Subject, opened: Timestamp) -> Self {
        let object = subject.object().key().path();
        Self(stable_hash(&[&scope.to_string(), rule, &object, subject.uid(), &opened.to_string()]))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 128 bits of the SHA-256 of the parts, in hexadecimal. Lengths are hashed too, so that no two
/// different lists of parts run together. The same on every machine and in every version.
pub fn stable_hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(stable_hash(&["ab", "c"]), stable_hash(&["a", "bc"]));
        assert_eq!(stable_hash(&["a"]), stable_hash(&["a"]));
        assert_eq!(stable_hash(&["a"]).len(), 32);
    }
}
