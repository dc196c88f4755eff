//! The canary's alert: it goes the way of any other and to nobody who would have to act, and its arrival is counted.

use crate::Alerts;
use jiff::{SignedDuration, Timestamp};
use prodrome_lambda::{Tally, metric};
use prodrome_model::{Finding, Group, Notice, NoticeKind};

/// Since it broke. It has to last for half a minute, and is looked for and told within seconds.
const IN_TIME: SignedDuration = SignedDuration::from_mins(3);

/// Each of its episodes is an alert of its own: it comes and goes on purpose, which is no flapping.
pub(crate) fn apart(finding: &Finding) -> Finding {
    let owner = finding.subject.object().clone();
    let group = Group { key: format!("canary/{}", finding.fingerprint), owner };
    Finding { group, ..finding.clone() }
}

impl<S, Q, C> Alerts<S, Q, C> {
    /// Counts a canary that arrived where nobody is named to be told: then this is as far as it goes.
    pub(crate) fn canaries_decided(&self, notices: &[Notice], now: Timestamp, tally: &mut Tally) {
        if self.routing.canary().is_empty() {
            for notice in notices {
                arrived(notice, now, tally);
            }
        }
    }
}

/// Counts a canary's alert that has arrived.
pub(crate) fn arrived(notice: &Notice, now: Timestamp, tally: &mut Tally) {
    if !notice.is_canary() || notice.kind != NoticeKind::Alert {
        return;
    }
    let took = now.duration_since(notice.since);
    let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(0);
    tally.canary_ms.push(elapsed_ms);
    let cluster = &notice.scope.cluster;
    if took <= IN_TIME {
        tally.add(metric::CANARY_ARRIVED, 1);
        tracing::info!(cluster, elapsed_ms, "a canary arrived");
    } else {
        tally.add(metric::CANARY_LATE, 1);
        tracing::warn!(cluster, elapsed_ms, "a canary arrived late");
    }
}
