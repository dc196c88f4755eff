//! The bytes of an object that waits: as they came, or, while the queue is down, compressed by themselves.

use std::fmt;
use std::sync::Arc;
use zstd::zstd_safe::{CCtx, CompressionLevel, DCtx, compress_bound};

/// Fast: an object is 15 KB, and a thousand may come a second.
const LEVEL: CompressionLevel = 1;
/// So much of an object serves as a pattern for the others of its kind.
pub(crate) const PATTERN_BYTES: usize = 16 * 1024;
const SOUND: &str = "what was compressed here is read here";

/// The bytes of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// As they came.
    Raw(Box<[u8]>),
    /// By itself, so that a newer version can take its place, and where there is one after the pattern of another object,
    /// of which it repeats most.
    Packed { bytes: Box<[u8]>, raw_len: usize, pattern: Option<Arc<[u8]>> },
}

impl Body {
    /// How many bytes it is.
    pub(crate) fn raw_len(&self) -> usize {
        match self {
            Self::Raw(bytes) => bytes.len(),
            Self::Packed { raw_len, .. } => *raw_len,
        }
    }

    /// How many bytes it takes.
    pub(crate) fn held_len(&self) -> usize {
        match self {
            Self::Raw(bytes) | Self::Packed { bytes, .. } => bytes.len(),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Raw(bytes.into())
    }
}

/// Compresses one object after another, and back.
pub(crate) struct Press {
    into: CCtx<'static>,
    out_of: DCtx<'static>,
    buffer: Vec<u8>,
}

impl Press {
    pub(crate) fn new() -> Self {
        Self { into: CCtx::create(), out_of: DCtx::create(), buffer: Vec::new() }
    }

    /// The same object in less memory; as it is where that is none.
    pub(crate) fn pack(&mut self, body: Body, pattern: Option<Arc<[u8]>>) -> Body {
        let Body::Raw(raw) = body else { return body };
        self.buffer.clear();
        self.buffer.reserve(compress_bound(raw.len()));
        let after = pattern.as_deref().unwrap_or_default();
        let packed = self.into.compress_using_dict(&mut self.buffer, &raw, after, LEVEL);
        if packed.is_err() || self.buffer.len() >= raw.len() {
            return Body::Raw(raw);
        }
        Body::Packed { bytes: self.buffer.as_slice().into(), raw_len: raw.len(), pattern }
    }

    /// The bytes as they came.
    pub(crate) fn open<'b>(&'b mut self, body: &'b Body) -> &'b [u8] {
        let Body::Packed { bytes, raw_len, pattern } = body else {
            let Body::Raw(bytes) = body else { unreachable!("a body is one of two") };
            return bytes;
        };
        self.buffer.clear();
        self.buffer.reserve(*raw_len);
        let after = pattern.as_deref().unwrap_or_default();
        self.out_of.decompress_using_dict(&mut self.buffer, bytes, after).map_err(drop).expect(SOUND);
        &self.buffer
    }
}

impl fmt::Debug for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Press")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_comes_back_as_it_was_and_takes_little_after_one_of_its_kind() {
        let object = |i: u32| {
            let names = (0..200)
                .map(|n| format!(r#""field{n}":{{"value":{}}}"#, n * 7 % 13))
                .collect::<Vec<_>>()
                .join(",");
            format!(r#"{{"metadata":{{"name":"web-{i}","uid":"{}"}},{names},"z":1}}"#, i * 7919).into_bytes()
        };
        let mut press = Press::new();
        let pattern: Arc<[u8]> = object(0).into();
        for i in 0..50 {
            let raw = object(i);
            let packed = press.pack(raw.clone().into(), Some(Arc::clone(&pattern)));
            assert!(
                packed.held_len() * 20 < raw.len() && packed.raw_len() == raw.len(),
                "{}",
                packed.held_len()
            );
            assert_eq!(press.open(&packed), raw);
        }
    }

    #[test]
    fn what_does_not_shrink_stays_as_it_is() {
        let mut press = Press::new();
        let pattern: Arc<[u8]> = b"{}".as_slice().into();
        for raw in [&b""[..], b"{}", b"x"] {
            for pattern in [None, Some(Arc::clone(&pattern))] {
                let packed = press.pack(raw.to_vec().into(), pattern);
                assert_eq!(press.open(&packed), raw);
                assert!(packed.held_len() <= raw.len());
            }
        }
    }
}
