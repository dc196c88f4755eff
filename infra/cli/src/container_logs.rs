//! What containers wrote, from a `logs.json` beside a recording's stream or beside files of objects:
//! `{"namespace/pod/container": {"current": "…", "previous": "…"}}`.

use anyhow::{Context, Result, bail};
use prodrome_cluster::Logs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name.
const NAME: &str = "logs.json";
/// Larger files are no logs of a recording.
const BYTES_MAX: u64 = 256 * 1024 * 1024;
const EXPECTED: &str = r#"expected {"namespace/pod/container": {"current": "…", "previous": "…"}}"#;

/// What each container wrote, by `namespace/pod/container`.
pub(crate) type ContainerLogs = BTreeMap<String, Logs>;

/// Whether a file is this one.
pub(crate) fn is_one(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NAME)
}

/// Where it would be in a folder, if it is there.
pub(crate) fn within(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(NAME)).filter(|path| path.is_file())
}

/// Reads one. An error says where in it what was found.
pub(crate) fn read(path: &Path) -> Result<ContainerLogs> {
    let name = path.display();
    let cannot = || format!("cannot read {name}");
    let size = std::fs::metadata(path).with_context(cannot)?.len();
    if size > BYTES_MAX {
        bail!("{name} has {size} bytes; at most {BYTES_MAX} are read");
    }
    let bytes = std::fs::read(path).with_context(cannot)?;
    parse(&bytes).with_context(|| format!("{name}: {EXPECTED}"))
}

fn parse(bytes: &[u8]) -> Result<ContainerLogs> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let logs: ContainerLogs = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        let within = if matches!(&*place, "." | "?") { String::new() } else { format!("{place}: ") };
        anyhow::anyhow!("{within}{}", error.into_inner())
    })?;
    json.end()?;
    let is_whole = |key: &String| {
        let parts: Vec<&str> = key.split('/').collect();
        parts.len() == 3 && parts.iter().all(|part| !part.is_empty())
    };
    match logs.keys().find(|key| !is_whole(key)) {
        Some(key) => bail!("found the key {key:?}, which is no namespace/pod/container"),
        None => Ok(logs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_in_the_file_what_was_found() {
        for (text, want) in [
            ("[]", "invalid type: sequence, expected a map at line 1 column 0"),
            ("{\"n/p/c\": {\"current\": 7}}", "n/p/c.current: invalid type: integer `7`, expected a string"),
            (
                "{\"n/p/c\": \"boot\"}",
                "n/p/c: invalid type: string \"boot\", expected an object with current and",
            ),
            (
                "{\"n/p/c\": {\"curent\": \"\"}}",
                "n/p/c.curent: unknown field `curent`, expected `current` or",
            ),
            ("{\"n/p/c\": {}", "EOF while parsing an object at line 1 column 12"),
            ("{} {}", "trailing characters at line 1 column 4"),
            ("{\"p/c\": {}}", "found the key \"p/c\""),
            ("{\"n//c\": {}}", "found the key \"n//c\""),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(want), "{text}: {error}");
        }
        let read = parse(br#"{"n/p/c": {"current": null, "previous": "boot"}, "n/p/d": {}}"#).unwrap();
        assert_eq!((&read["n/p/c"].current, read["n/p/c"].previous.as_deref()), (&None, Some("boot")));
    }
}
