//! Which of two lists is the newer.

use crate::Check;

/// Whether what the list `named` has named need not be looked at when `ended` has ended: it is that list, or one of the
/// same kind that began later. Lists overtake each other where queues are long, and the end of an old one would have
/// everything looked at that a newer one has named since.
pub fn is_named(named: Option<&str>, ended: &str) -> bool {
    named.is_some_and(|named| named == ended || is_newer(named, ended))
}

/// Whether one began after the other. A watcher names its lists `EPOCH/KIND/NUMBER`; of others nothing is known.
fn is_newer(list: &str, than: &str) -> bool {
    let (Some((kind, began)), Some((other, before))) = (parts(list), parts(than)) else { return false };
    kind == other && began > before
}

fn parts(list: &str) -> Option<(&str, (u64, u64))> {
    let (epoch, rest) = list.split_once('/')?;
    let (kind, number) = rest.rsplit_once('/')?;
    Some((kind, (epoch.parse().ok()?, number.parse().ok()?)))
}

impl Check {
    /// Notes that a list named the object, unless a newer one has.
    pub(crate) fn named_by(&mut self, list: Option<&str>) {
        if let Some(list) = list.filter(|list| !is_named(self.list.as_deref(), list)) {
            self.list = Some(list.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_list_of_its_kind_named_is_named() {
        for (named, ended, expected) in [
            (Some("2/pods/7"), "2/pods/7", true),
            (Some("2/pods/10"), "2/pods/9", true),
            (Some("3/pods/1"), "2/pods/9", true),
            (Some("3/deployments.apps/2"), "2/deployments.apps/9", true),
            (Some("2/pods/8"), "2/pods/9", false),
            (Some("2/pods/9"), "3/pods/1", false),
            (Some("3/nodes/1"), "2/pods/9", false),
            (Some("3/pods/1"), "2/pods/gone/4", false),
            (Some("3/pods/gone/5"), "2/pods/9", false),
            (Some("a"), "a", true),
            (Some("b"), "a", false),
            (None, "2/pods/9", false),
        ] {
            assert_eq!(is_named(named, ended), expected, "{named:?} {ended}");
        }
    }
}
