use crate::hub::Hub;
use crate::metrics::{Gauges, Metrics};
use crate::waiting::Waiting;
use std::ops::Deref;
use std::sync::Arc;
use tokio::time::Instant;

/// How a watcher is doing, readable while it runs. A clone reads the same.
#[derive(Debug, Clone)]
pub struct Status {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) hub: Arc<Hub>,
}

impl Status {
    /// For Prometheus to scrape.
    pub fn render(&self) -> String {
        let (waiting_bytes, waiting_objects) =
            self.hub.look(|waiting| (Waiting::bytes(waiting), waiting.objects()));
        self.metrics.render(Gauges { waiting_bytes, waiting_objects, lag_seconds: self.lag_seconds() })
    }

    /// The age of the oldest change that the queue has not yet accepted.
    pub fn lag_seconds(&self) -> f64 {
        let now = Instant::now();
        self.hub.oldest().map_or(0.0, |oldest| now.saturating_duration_since(oldest).as_secs_f64())
    }

    /// How many bytes wait for the queue.
    pub fn waiting_bytes(&self) -> usize {
        self.hub.look(Waiting::bytes)
    }
}

impl Deref for Status {
    type Target = Metrics;

    fn deref(&self) -> &Metrics {
        &self.metrics
    }
}
