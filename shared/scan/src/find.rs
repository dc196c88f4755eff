use crate::{Found, Path, Plan, ScanError};
use std::ops::Range;

/// Where the value at a path of keys stands; `None` where there is none. To find several, or in many texts,
/// make a [`Plan`].
///
/// ```
/// let json = br#"{"spec": {"replicas": 3}}"#;
/// let range = prodrome_scan::find(json, &["spec", "replicas"])?.unwrap();
/// assert_eq!(&json[range], b"3");
/// # Ok::<(), prodrome_scan::ScanError>(())
/// ```
pub fn find(json: &[u8], path: Path<'_>) -> Result<Option<Range<usize>>, ScanError> {
    let mut found = Found::default();
    Plan::new(&[path], &[]).run(json, &mut found)?;
    Ok(found.range(0))
}

/// The same JSON without the members at some paths, every other byte as it was.
///
/// ```
/// let secret = br#"{"kind": "Secret", "data": {"password": "aHVudGVyMg=="}, "type": "Opaque"}"#;
/// assert_eq!(prodrome_scan::cut(secret, &[&["data"]])?, br#"{"kind": "Secret", "type": "Opaque"}"#);
/// # Ok::<(), prodrome_scan::ScanError>(())
/// ```
pub fn cut(json: &[u8], paths: &[Path<'_>]) -> Result<Vec<u8>, ScanError> {
    let mut found = Found::default();
    Plan::new(&[], paths).run(json, &mut found)?;
    let mut out = Vec::with_capacity(json.len() - found.cut_bytes(0..json.len()));
    found.copy_rest(json, 0..json.len(), &mut out);
    Ok(out)
}
