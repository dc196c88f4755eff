use sha2::{Digest, Sha256};

/// How many shards the keys of a cluster are spread over, unless configured otherwise.
pub const SHARDS_DEFAULT: u16 = 4;

/// The shard of an object, by the hash of its [`ObjectKey::path`](crate::ObjectKey::path): `0..shards`. The
/// watcher fills packs by it and `evaluate` reads the shard's markers, so both must agree.
pub fn shard_of(path: &str, shards: u16) -> u16 {
    let hash = Sha256::digest(path.as_bytes());
    u16::from_be_bytes([hash[0], hash[1]]) % shards.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spread_over_all_shards() {
        let mut seen = [0; 4];
        for i in 0..400 {
            seen[usize::from(shard_of(&format!("/Pod/shop/web-{i}"), 4))] += 1;
        }
        assert!(seen.iter().all(|&n| n > 50), "{seen:?}");
    }
}
