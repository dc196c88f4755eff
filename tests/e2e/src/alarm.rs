use crate::System;
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use prodrome_emulator::Template;
use serde_json::Value;

/// An alarm of the template on a metric that functions write into their logs, as `CloudWatch` would judge it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    metric: String,
    period: SignedDuration,
    periods: i32,
    threshold: f64,
}

/// A value of a metric, and when it was written.
pub type Datum = (Timestamp, f64);

impl Alarm {
    /// An alarm on a sum that falls below its threshold, or is not there at all. Where its number of periods is a parameter
    /// of the stack, that is `periods`.
    pub fn on_absence(template: &Template, name: &str, periods: i32) -> Result<Self> {
        let json = template.to_json();
        let alarm = &json["Resources"][name]["Properties"];
        let is = |key: &str, want: &str| alarm[key].as_str() == Some(want);
        let is_on_absence = is("Statistic", "Sum")
            && is("ComparisonOperator", "LessThanThreshold")
            && is("TreatMissingData", "breaching")
            && alarm.get("DatapointsToAlarm").is_none();
        anyhow::ensure!(is_on_absence, "{name} is another kind of alarm: {alarm}");
        let fixed = alarm["EvaluationPeriods"].as_i64().and_then(|periods| i32::try_from(periods).ok());
        Ok(Self {
            metric: alarm["MetricName"].as_str().context("no metric")?.to_owned(),
            period: SignedDuration::from_secs(alarm["Period"].as_i64().context("no period")?),
            periods: fixed.unwrap_or(periods),
            threshold: alarm["Threshold"].as_f64().context("no threshold")?,
        })
    }

    /// Whether it is raised at an instant: each of its periods before that breaches.
    pub fn is_raised(&self, data: &[Datum], now: Timestamp) -> bool {
        (0..self.periods).all(|n| {
            let (from, to) = (now - self.period * (n + 1), now - self.period * n);
            let sum: f64 =
                data.iter().filter(|(at, _)| *at > from && *at <= to).map(|(_, value)| value).sum();
            sum < self.threshold
        })
    }

    /// The values of its metric in the log group of a stack's output.
    pub fn data(&self, system: &System, log_group: &str) -> Result<Vec<Datum>> {
        let lines = system.emulator().client().logs(system.stack().output(log_group)?, 0)?;
        Ok(lines.iter().filter_map(|line| self.datum(&serde_json::from_str(&line.text).ok()?)).collect())
    }

    /// Of a line in the embedded metric format.
    fn datum(&self, line: &Value) -> Option<Datum> {
        let at = line["_aws"]["Timestamp"].as_i64()?;
        Some((Timestamp::from_millisecond(at).ok()?, line.get(&self.metric)?.as_f64()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_raised_once_every_period_has_too_little() {
        let (metric, period) = ("M".to_owned(), SignedDuration::from_mins(1));
        let alarm = Alarm { metric, period, periods: 3, threshold: 1.0 };
        let at = |second| Timestamp::from_second(second).unwrap();
        let data = [(at(100), 1.0), (at(250), 0.0)];
        for (second, is_raised) in [(99, true), (100, false), (279, false), (280, true), (1_000, true)] {
            assert_eq!(alarm.is_raised(&data, at(second)), is_raised, "{second}");
        }
        let line = serde_json::json!({ "_aws": { "Timestamp": 100_000 }, "M": 1 });
        assert_eq!(alarm.datum(&line), Some((at(100), 1.0)));
        assert_eq!(alarm.datum(&serde_json::json!({ "message": "M" })), None);
    }
}
