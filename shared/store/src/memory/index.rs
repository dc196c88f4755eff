use crate::due::DuePlace;
use crate::limits::{PAGE_BYTES, due_millisecond, size_of, until_millisecond};
use crate::{Key, Page, Record, StoreError};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};

/// The due index, and what it was a few commits ago.
///
/// `head` is always current. A read that lags undoes the latest changes of some records, each by itself: so
/// it may see one half of a transaction and not the other, as in DynamoDB.
#[derive(Debug, Default)]
pub(super) struct DueIndex {
    head: BTreeMap<(String, DuePlace), Record>,
    /// The latest changes, the oldest first.
    recent: VecDeque<IndexChange>,
    commits: u64,
    /// Reads see the index as of this commit.
    held_at: Option<u64>,
    lag_commits_max: u32,
    random: Option<fastrand::Rng>,
}

#[derive(Debug)]
struct IndexChange {
    commit: u64,
    key: Key,
    before: Option<Record>,
}

impl DueIndex {
    pub(super) fn set_lag(&mut self, commits_max: u32, seed: u64) {
        self.lag_commits_max = commits_max;
        self.random = Some(fastrand::Rng::with_seed(seed ^ 0x1d_1e55));
    }

    pub(super) fn hold(&mut self) {
        self.held_at = Some(self.commits);
    }

    pub(super) fn release(&mut self) {
        self.held_at = None;
    }

    /// What is replaced from here on belongs to one commit.
    pub(super) fn begin_commit(&mut self) {
        self.commits += 1;
        let keep_after = self.commits.saturating_sub(u64::from(self.lag_commits_max));
        let keep_after = keep_after.min(self.held_at.unwrap_or(u64::MAX));
        while self.recent.front().is_some_and(|change| change.commit <= keep_after) {
            self.recent.pop_front();
        }
    }

    /// A record became another, or nothing.
    pub(super) fn replace(&mut self, before: Option<Record>, after: Option<Record>) {
        let Some(key) = before.as_ref().or(after.as_ref()).map(|record| record.key.clone()) else { return };
        if let Some(place) = before.as_ref().and_then(place_of) {
            self.head.remove(&place);
        }
        if let Some(record) = after
            && let Some(place) = place_of(&record)
        {
            self.head.insert(place, record);
        }
        if self.lag_commits_max > 0 || self.held_at.is_some() {
            self.recent.push_back(IndexChange { commit: self.commits, key, before });
        }
    }

    /// One page of a bucket, as of now or of a while ago.
    pub(super) fn page(
        &mut self,
        bucket: &str,
        until: Timestamp,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, StoreError> {
        let after = after.map(DuePlace::from_token).transpose()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let until = until_millisecond(until);
        let views = self.draw_views();
        let undone = self.undone(&views);
        let lowest = Key { partition: String::new(), sort: String::new() };
        let start = match &after {
            Some(place) => Excluded((bucket.to_owned(), place.clone())),
            None => Included((bucket.to_owned(), DuePlace { at: i64::MIN, key: lowest })),
        };
        let current = self.head.range((start, Unbounded));
        let current = current.take_while(|((b, place), _)| b == bucket && place.at <= until);
        let current = current.filter(|((_, place), _)| !undone.contains_key(&place.key));
        // Of the current ones the first `limit` are enough, whatever the undone ones bring.
        let mut seen: BTreeMap<DuePlace, &Record> =
            current.map(|((_, place), record)| (place.clone(), record)).take(limit).collect();
        for record in undone.values().filter_map(|before| *before) {
            let Some((b, place)) = place_of(record) else { continue };
            if b == bucket && place.at <= until && after.as_ref().is_none_or(|after| place > *after) {
                seen.insert(place, record);
            }
        }
        let mut page = Page { records: Vec::new(), next: None };
        let mut bytes = 0;
        for (place, record) in seen {
            bytes += size_of(record);
            page.records.push(record.clone());
            if page.records.len() == limit || bytes >= PAGE_BYTES {
                page.next = Some(place.to_token());
                break;
            }
        }
        Ok(page)
    }

    /// As of which commit this read sees each record that changed of late.
    fn draw_views(&mut self) -> BTreeMap<Key, u64> {
        let newest = self.held_at.unwrap_or(self.commits);
        let mut views = BTreeMap::new();
        for change in &self.recent {
            let random = &mut self.random;
            views.entry(change.key.clone()).or_insert_with(|| {
                let lag = random.as_mut().map_or(0, |random| random.u32(0..=self.lag_commits_max));
                newest.saturating_sub(u64::from(lag))
            });
        }
        views
    }

    /// The records that such a read sees as they were, and how.
    fn undone(&self, views: &BTreeMap<Key, u64>) -> BTreeMap<&Key, Option<&Record>> {
        let newest_first = self.recent.iter().rev();
        let unseen =
            newest_first.filter(|change| views.get(&change.key).is_some_and(|at| change.commit > *at));
        unseen.map(|change| (&change.key, change.before.as_ref())).collect()
    }
}

fn place_of(record: &Record) -> Option<(String, DuePlace)> {
    let due = record.due.as_ref()?;
    Some((due.bucket.clone(), DuePlace { at: due_millisecond(due.at), key: record.key.clone() }))
}
