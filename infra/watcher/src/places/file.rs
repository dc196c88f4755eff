use super::{PlaceError, PlaceStore, Places, parse};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the [`Places`] in a file, for runs outside of a cluster.
#[derive(Debug, Clone)]
pub struct FilePlaces {
    path: PathBuf,
    /// How many saves have begun, and which of them was done last: one that was given up may still be under way while
    /// the next is.
    begun: Arc<AtomicU64>,
    done: Arc<Mutex<u64>>,
}

impl FilePlaces {
    /// In this file. Its folder must exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), begun: Arc::default(), done: Arc::default() }
    }

    fn error(&self, source: std::io::Error) -> PlaceError {
        PlaceError::File { path: self.path.display().to_string(), source }
    }
}

impl PlaceStore for FilePlaces {
    async fn load(&self) -> Result<Option<Places>, PlaceError> {
        match tokio::fs::read(&self.path).await {
            Ok(json) => Ok(parse(&json, &self.path.display().to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(error)),
        }
    }

    async fn save(&self, places: &Places) -> Result<(), PlaceError> {
        let json = serde_json::to_vec(places).expect("a map of texts is JSON");
        let (path, done) = (self.path.clone(), Arc::clone(&self.done));
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let written = tokio::task::spawn_blocking(move || {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            if *done < number {
                replace(&path, &json)?;
                *done = number;
            }
            Ok(())
        });
        let written = written.await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(|error| self.error(error))
    }
}

/// Either the old content or the new is there, whenever the power fails.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_read_back_and_a_broken_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("place.json");
        let store = FilePlaces::new(&path);
        assert_eq!(store.load().await.unwrap(), None);

        let places = Places { epoch: 7, versions: [("pods".to_owned(), "12".to_owned())].into(), rules: 3 };
        store.save(&places).await.unwrap();
        store.save(&places).await.unwrap();
        assert_eq!(store.load().await.unwrap(), Some(places));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

        std::fs::write(&path, b"{\"epoch\":").unwrap();
        assert_eq!(store.load().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_save_that_was_given_up_neither_disturbs_the_next_nor_undoes_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = FilePlaces::new(folder.path().join("place.json"));
        for epoch in 0..100 {
            let places = |epoch| Places { epoch, ..Places::default() };
            let given_up = store.clone();
            let given_up = tokio::spawn(async move { given_up.save(&places(2 * epoch)).await });
            tokio::task::yield_now().await;
            given_up.abort();
            store.save(&places(2 * epoch + 1)).await.unwrap();
            let loaded = store.load().await.unwrap().unwrap();
            assert_eq!(loaded, places(2 * epoch + 1));
        }
    }

    #[tokio::test]
    async fn a_folder_that_does_not_exist_is_named() {
        let error = FilePlaces::new("/nowhere/place.json").save(&Places::default()).await.unwrap_err();
        assert!(error.to_string().contains("/nowhere/place.json"), "{error}");
    }
}
