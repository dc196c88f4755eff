//! The text of a version: compressed, in parts that a record takes.

use crate::version::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prodrome_rules::SourceFile;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read as _;
use zstd::stream::read::Decoder;

/// How large all files may be together.
pub(crate) const RAW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How large they may be compressed, so that a version fits into one transaction.
pub(crate) const COMPRESSED_BYTES_MAX: usize = 2560 * 1024;
/// A part's share of the compressed bytes: a third more as text.
const PART_BYTES: usize = 270 * 1024;
/// Rules shrink to a tenth; it is done once a push.
const LEVEL: i32 = 9;
/// What is around the files in the text: the identities of the rules.
const UNCOMPRESSED_MAX: usize = 2 * RAW_BYTES_MAX;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Text {
    pub(crate) files: Vec<File>,
    pub(crate) rules: BTreeMap<String, Identity>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct File {
    name: String,
    text: String,
}

impl Text {
    pub(crate) fn new(files: &[SourceFile], rules: BTreeMap<String, Identity>) -> Self {
        let file = |file: &SourceFile| File { name: file.name.clone(), text: file.text.clone() };
        Self { files: files.iter().map(file).collect(), rules }
    }

    pub(crate) fn into_files(self) -> Vec<SourceFile> {
        self.files.into_iter().map(|file| SourceFile::new(file.name, file.text)).collect()
    }

    /// Compressed, in parts. An error says how many bytes that would be where it is too much.
    pub(crate) fn parts(&self) -> Result<Vec<String>, usize> {
        let raw = serde_json::to_vec(self).expect("plain data is always written as JSON");
        let compressed =
            zstd::bulk::compress(&raw, LEVEL).expect("compressing into memory fails only without memory");
        if compressed.len() > COMPRESSED_BYTES_MAX {
            return Err(compressed.len());
        }
        Ok(compressed.chunks(PART_BYTES).map(|part| STANDARD.encode(part)).collect())
    }

    /// Reads it back. What is wrong is said in words.
    pub(crate) fn read(parts: &[String]) -> Result<Self, String> {
        let mut compressed = Vec::new();
        for part in parts {
            let bytes = STANDARD.decode(part).map_err(|error| format!("a part is not base64: {error}"))?;
            compressed.extend(bytes);
        }
        let cap = u64::try_from(UNCOMPRESSED_MAX).unwrap_or(u64::MAX);
        let mut raw = Vec::new();
        let decoder = Decoder::new(&*compressed).map_err(|error| error.to_string())?;
        decoder.take(cap).read_to_end(&mut raw).map_err(|error| format!("it is not zstd: {error}"))?;
        serde_json::from_slice(&raw).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_into_parts_is_read_back() {
        // Text that does not shrink, so that there are several parts.
        let mut random = fastrand::Rng::with_seed(7);
        let noise: String = std::iter::repeat_with(|| random.alphanumeric()).take(1 << 20).collect();
        let text =
            Text::new(&[SourceFile::new("a.yaml", noise), SourceFile::new("b.yaml", "")], BTreeMap::new());
        let parts = text.parts().unwrap();
        assert!(parts.len() > 2 && parts.iter().all(|part| part.len() < 400 * 1000), "{}", parts.len());
        assert_eq!(Text::read(&parts).unwrap(), text);
        assert!(Text::read(&parts[1..]).unwrap_err().contains("zstd"));
    }
}
