use crate::feed::{Fed, is_ours};
use prodrome_e2e::Told;
use prodrome_model::NoticeKind;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What was told, held against what must be.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Faults that were told, once or more.
    pub(crate) told: usize,
    /// Ends that were told, once or more.
    pub(crate) ended: usize,
    /// Faults and ends of which nobody was told.
    pub(crate) lost: Vec<String>,
    /// What was told twice, or of what is not so.
    pub(crate) false_news: Vec<String>,
    /// Notices that came again as the same message, which a receiver knows by its id.
    pub(crate) repeated: usize,
    /// From the change to the notice, of faults that are told at once.
    pub(crate) delays: Vec<Duration>,
}

/// Counts. What concerns other phases is passed over.
pub(crate) fn count(fed: &Fed, told: &[Told]) -> Counted {
    let mut counted = Counted::default();
    let mut ids = BTreeSet::new();
    let mut alerts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    for one in told {
        let notice = &one.notice;
        let name = &*notice.object.name;
        let Some(broken) = fed.broken.get(name).filter(|_| is_ours(notice.object.namespace.as_deref()))
        else {
            continue;
        };
        if !ids.insert(&*one.id) {
            counted.repeated += 1;
            continue;
        }
        if notice.rule != broken.rule {
            counted.false_news.push(format!("{name}: told by {}, broken by {}", notice.rule, broken.rule));
        }
        match notice.kind {
            NoticeKind::Alert => {
                *alerts.entry(name).or_default() += 1;
                if broken.rule == "LoadBrokenAtOnce" {
                    let delay = one.at.duration_since(broken.at);
                    counted.delays.push(Duration::try_from(delay).unwrap_or_default());
                }
            }
            NoticeKind::Resolved => *ends.entry(name).or_default() += 1,
            NoticeKind::Update => counted.false_news.push(format!("{name}: an update of what has no news")),
        }
    }
    for name in fed.broken.keys() {
        let mended = usize::from(fed.mended.contains(name));
        for (what, want, found) in
            [("an alert", 1, alerts.get(&**name)), ("an end", mended, ends.get(&**name))]
        {
            let found = found.copied().unwrap_or_default();
            if found < want {
                counted.lost.push(format!("{name}: {what}"));
            } else if found > want {
                let heard = heard_of(name, told);
                counted.false_news.push(format!("{name}: {what}, {found} times instead of {want}: {heard}"));
            }
        }
    }
    (counted.told, counted.ended) = (alerts.len(), ends.len());
    counted
}

/// All that was told of an object.
fn heard_of(name: &str, told: &[Told]) -> String {
    let line = |one: &Told| {
        let notice = &one.notice;
        let unread = notice.stale.as_ref().map_or("", |_| ", unread");
        format!("{} at {:.0} since {:.0}{unread}", notice.kind.as_str(), one.at, notice.since)
    };
    let lines: Vec<String> = told.iter().filter(|one| one.notice.object.name == name).map(line).collect();
    lines.join(", ")
}

/// Notices about what was never broken.
pub(crate) fn strange(feds: &[&Fed], told: &[Told]) -> Vec<String> {
    let is_broken = |told: &&Told| {
        is_ours(told.notice.object.namespace.as_deref())
            && feds.iter().any(|fed| fed.broken.contains_key(&told.notice.object.name))
    };
    let line = |told: &Told| {
        let notice = &told.notice;
        format!("{} {} of {}", notice.kind.as_str(), notice.rule, notice.object.name)
    };
    told.iter().filter(|told| !is_broken(told)).map(line).collect()
}
