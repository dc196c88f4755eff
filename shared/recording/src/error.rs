use std::path::PathBuf;

/// Why a recording cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The folder is no recording.
    #[error(
        "{} is no recording: expected a folder with meta.json and watch.jsonl.zst (or watch.jsonl), found {found}",
        dir.display()
    )]
    NotARecording {
        /// The folder.
        dir: PathBuf,
        /// What is there in place of it.
        found: &'static str,
    },
    /// A file cannot be read or written. After this the items end.
    #[error("{}: cannot {doing} it", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// `open`, `read`, `write`.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// `meta.json` says something else than expected.
    #[error("{}: expected {{\"start\", \"end\"}}, two RFC 3339 times in order: {reason}", file.display())]
    Meta {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The stream breaks off: the file was cut short or damaged. After this the items end.
    #[error("{}: breaks off after line {line}; the file is cut short or damaged", file.display())]
    BrokenOff {
        /// The file.
        file: PathBuf,
        /// The last line that could be read.
        line: u64,
        /// What the decompression said.
        source: std::io::Error,
    },
    /// A line is not what a recording holds. The items go on behind it.
    #[error("{}:{line}: {reason}", file.display())]
    BadLine {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What was expected and found.
        reason: String,
    },
    /// The unpacked stream is larger than allowed. After this the items end.
    #[error("{}: more than {bytes_max} bytes when unpacked, at line {line}", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The line it was at.
        line: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// There is a recording in the folder already.
    #[error("{}: there is a recording already; name another folder", dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
    },
}

impl RecordingError {
    /// Whether only one line is bad, so that a caller may count it and read on.
    pub fn is_one_line(&self) -> bool {
        matches!(self, Self::BadLine { .. })
    }
}
