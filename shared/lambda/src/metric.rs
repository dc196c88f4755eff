//! The names of all metrics, and their emission in `CloudWatch`'s embedded metric format.
//!
//! Namespace `Prodrome`, one dimension `function`. Clusters and rules are properties of log lines, not
//! dimensions: their number has no bound.

use crate::Tally;
use std::io::Write;

/// Changes that a pack held.
pub const CHANGES_RECEIVED: &str = "ChangesReceived";
/// Changes that could not be read or made the evaluation fail.
pub const CHANGES_FAILED: &str = "ChangesFailed";
/// Matches: a rule began to match an object.
pub const MATCHES: &str = "Matches";
/// Checks that were opened.
pub const CHECKS_OPENED: &str = "ChecksOpened";
/// Checks that were closed, told or not.
pub const CHECKS_CLOSED: &str = "ChecksClosed";
/// Checks that were looked at on the live object.
pub const CHECKS_LOOKED_AT: &str = "ChecksLookedAt";
/// Findings that fired.
pub const FINDINGS_FIRED: &str = "FindingsFired";
/// Findings that ended.
pub const FINDINGS_ENDED: &str = "FindingsEnded";
/// Findings of staged rules, of which nobody was told.
pub const FINDINGS_STAGED: &str = "FindingsStaged";
/// Versions of the rules that were taken up.
pub const RULES_TAKEN_UP: &str = "RulesTakenUp";
/// Rules of a version that was taken up which do not compile here: the last good ones run.
pub const RULES_REFUSED: &str = "RulesRefused";
/// The table of rules could not be read, or a version in it.
pub const RULES_UNREADABLE: &str = "RulesUnreadable";
/// Rules that stand in the cluster as objects and do not hold, by the last look at them.
pub const NAMESPACE_RULES_REFUSED: &str = "NamespaceRulesRefused";
/// The live cluster could not be read.
pub const CLUSTER_ERRORS: &str = "ClusterErrors";
/// Changes that a watcher handed to the queue and that have no account though they had to: said for a while after some
/// were found.
pub const CHANGES_LOST: &str = "ChangesLost";
/// Changes that a watcher could not read, or no message can carry: said for a while after it was heard of some.
pub const CHANGES_DROPPED: &str = "ChangesDropped";
/// Records that fell due and were handed over by the sweep.
pub const DUE_HANDED_OVER: &str = "DueHandedOver";
/// Findings whose cause was found.
pub const CAUSES_FOUND: &str = "CausesFound";
/// Findings whose cause is not known.
pub const CAUSES_UNKNOWN: &str = "CausesUnknown";
/// Findings that were compared with another that had been examined.
pub const DIAGNOSES_COMPARED: &str = "DiagnosesCompared";
/// Calls of plugins.
pub const PLUGIN_CALLS: &str = "PluginCalls";
/// Plugins that hung, failed, answered nonsense or were not there.
pub const PLUGIN_FAILURES: &str = "PluginFailures";
/// Answers of plugins that name a cause which they do not declare.
pub const CAUSES_UNDECLARED: &str = "CausesUndeclared";
/// Plugins that failed so often that they are spared for a while.
pub const PLUGINS_SPARED: &str = "PluginsSpared";
/// Alerts that were opened.
pub const ALERTS_OPENED: &str = "AlertsOpened";
/// Notices that a channel accepted.
pub const NOTICES_SENT: &str = "NoticesSent";
/// Notices that a channel did not accept.
pub const NOTICES_FAILED: &str = "NoticesFailed";
/// Notices that a channel will not accept until somebody changes something; counted as failed too.
pub const NOTICES_REFUSED: &str = "NoticesRefused";
/// Messages that were not handled.
pub const ERRORS: &str = "Errors";
/// How long after its due time a check was looked at, in milliseconds.
pub const CHECK_LATENESS: &str = "CheckLatenessMilliseconds";
/// How far behind its cluster a watcher was, its own part and the queue's together, in seconds: one value for
/// each pack of a watcher, so that no value means no watcher.
pub const WATCHER_LAG: &str = "WatcherLagSeconds";

/// Canaries' alerts that arrived in time.
pub const CANARY_ARRIVED: &str = "CanaryArrived";
/// Canaries' alerts that arrived too late.
pub const CANARY_LATE: &str = "CanaryLate";
/// How long a canary's alert was on its way, from the break to the channel, in milliseconds.
pub const CANARY_LATENCY: &str = "CanaryLatencyMilliseconds";

/// Collects a function's metrics and writes them at the end of each invocation.
#[derive(Clone, Copy)]
pub struct Meter {
    collector: &'static metrics_cloudwatch_embedded::Collector,
}

impl Meter {
    /// Installs the process's recorder. The value of the only dimension is the deployed function's name
    /// (`AWS_LAMBDA_FUNCTION_NAME`), so that two stacks in one account keep apart; `function` where there is none.
    ///
    /// # Errors
    /// Where a recorder is there already.
    pub fn install(function: &'static str) -> Result<Self, metrics_cloudwatch_embedded::Error> {
        let function = crate::environment("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| function.to_owned());
        let collector = metrics_cloudwatch_embedded::Builder::new()
            .cloudwatch_namespace("Prodrome")
            .with_dimension("function", function)
            .emit_zeros(true)
            .init()?;
        Ok(Self { collector })
    }

    /// Counts what a tally holds.
    pub fn record(self, tally: &Tally) {
        for (name, n) in tally.counts() {
            metrics::counter!(name).increment(n);
        }
        for (name, all) in [(CHECK_LATENESS, &tally.lateness_ms), (CANARY_LATENCY, &tally.canary_ms)] {
            for ms in all {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "milliseconds of lateness stay far below 2^52"
                )]
                metrics::histogram!(name).record(*ms as f64);
            }
        }
        for seconds in &tally.watcher_lag_seconds {
            metrics::histogram!(WATCHER_LAG).record(f64::from(*seconds));
        }
    }

    /// Writes what was counted since the last time, as one line to the log.
    ///
    /// # Errors
    /// Where standard output is closed.
    pub fn flush(self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        self.collector.flush(&mut out)?;
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The alarm of a silent watcher counts the values of its lag: nothing else may make one.
    #[test]
    fn a_watchers_lag_has_a_value_only_where_a_watcher_was_heard() {
        let meter = Meter::install("test").unwrap();
        let flushed = |tally: &Tally| {
            meter.record(tally);
            let mut out = Vec::new();
            meter.collector.flush(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let mut heard = Tally::default();
        heard.watcher_lag_seconds.extend([0, 7]);
        heard.add(CHANGES_RECEIVED, 0);
        let line = flushed(&heard);
        assert!(line.contains(r#""WatcherLagSeconds":[0.0,7.0]"#), "{line}");
        let mut other = Tally::default();
        other.lateness_ms.push(5);
        other.add(CHECKS_LOOKED_AT, 1);
        let line = flushed(&other);
        assert!(line.contains(CHECK_LATENESS) && !line.contains(WATCHER_LAG), "{line}");
        assert!(
            line.contains(CHANGES_RECEIVED),
            "a count goes on with zeros, and tells nothing of silence: {line}"
        );
    }
}
