use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The code of the functions: a `bootstrap`, and files beside it. The same content makes the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    files: Vec<(String, Vec<u8>)>,
}

/// Code that cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// A file or folder cannot be read.
    #[error("cannot read {} for the functions' code", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A path that cannot be written into the archive or a script.
    #[error("the path {} is not UTF-8, or holds a quote or a line break; use another", .0.display())]
    Path(PathBuf),
    /// The archive cannot be written.
    #[error("cannot pack the functions' code")]
    Pack(#[from] zip::result::ZipError),
    /// Writing into the archive failed.
    #[error("cannot pack the functions' code")]
    Write(#[from] io::Error),
}

impl Code {
    /// Code that contains the program itself, as in the cloud.
    pub fn copying(program: &Path) -> Result<Self, CodeError> {
        Ok(Self { files: vec![("bootstrap".into(), read(program)?)] })
    }

    /// Code that starts a program of this machine where it lies. The emulator runs functions as processes here,
    /// so there is no need to pack, upload and unpack some 100 MB of debug build.
    pub fn launching(program: &Path) -> Result<Self, CodeError> {
        let program = fs::canonicalize(program)
            .map_err(|source| CodeError::Read { path: program.to_owned(), source })?;
        let path = program.to_str().filter(|path| !path.contains(['\'', '\n', '\r']));
        let path = path.ok_or_else(|| CodeError::Path(program.clone()))?;
        let script = format!("#!/bin/sh\nexec '{path}' \"$@\"\n");
        Ok(Self { files: vec![("bootstrap".into(), script.into_bytes())] })
    }

    /// The same, with the files of a folder (and of the folders in it) below `name`.
    pub fn with_dir(mut self, name: &str, dir: &Path) -> Result<Self, CodeError> {
        let entries = fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = entries.map_err(|source| CodeError::Read { path: dir.to_owned(), source })?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let Some(file_name) = entry.file_name().to_str().map(str::to_owned) else {
                return Err(CodeError::Path(path));
            };
            let inside = format!("{name}/{file_name}");
            if path.is_dir() {
                self = self.with_dir(&inside, &path)?;
            } else {
                self.files.push((inside, read(&path)?));
            }
        }
        Ok(self)
    }

    /// The archive, as Lambda takes it. Nothing is compressed: programs hardly shrink.
    pub fn to_zip(&self) -> Result<Vec<u8>, CodeError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o755);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in &self.files {
            zip.start_file(name.as_str(), options)?;
            zip.write_all(content)?;
        }
        Ok(zip.finish()?.into_inner())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CodeError> {
    let mut content = Vec::new();
    fs::File::open(path)
        .and_then(|mut file| file.read_to_end(&mut content))
        .map_err(|source| CodeError::Read { path: path.to_owned(), source })?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_holds_an_executable_bootstrap_and_the_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("deep")).unwrap();
        fs::write(dir.path().join("deep/b.yaml"), "b").unwrap();
        fs::write(dir.path().join("a.yaml"), "a").unwrap();
        fs::write(dir.path().join("run"), "program").unwrap();
        let code = Code::copying(&dir.path().join("run")).unwrap().with_dir("rules", dir.path()).unwrap();
        let bytes = code.to_zip().unwrap();
        assert_eq!(bytes, code.to_zip().unwrap());

        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let names: Vec<_> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
        assert_eq!(names, ["bootstrap", "rules/a.yaml", "rules/deep/b.yaml", "rules/run"]);
        let mut bootstrap = archive.by_name("bootstrap").unwrap();
        assert_eq!(bootstrap.unix_mode().map(|mode| mode & 0o111), Some(0o111));
        let mut content = String::new();
        bootstrap.read_to_string(&mut content).unwrap();
        assert_eq!(content, "program");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        for code in
            [Code::copying(Path::new("/nowhere/prodrome")), Code::launching(Path::new("/nowhere/prodrome"))]
        {
            assert!(code.unwrap_err().to_string().contains("/nowhere/prodrome"));
        }
    }
}
