use jiff::Timestamp;
use prodrome_alert::Alerts;
use prodrome_model::Notice;
use prodrome_notify::{Channels, Delivery, Outcome, Routing};
use prodrome_queue::MemoryQueue;
use prodrome_store::MemoryStore;
use std::sync::{Arc, Mutex, PoisonError};

/// The only channel, and all that is routed to it.
const ROUTING: &str = "channels:\n  out: { type: terminal, limit: { messages: 100000, per: 1m, burst: 100000 } }\nroutes:\n  - { channels: [out] }\ncanary: [out]\n";

/// A channel that keeps what it was told, for whoever asks. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Notices {
    told: Arc<Mutex<Vec<Notice>>>,
}

impl Notices {
    /// The alert function with this as its only channel.
    pub fn alerts(
        &self,
        episodes: MemoryStore,
        queue: MemoryQueue,
    ) -> Alerts<MemoryStore, MemoryQueue, Self> {
        let routing =
            Routing::parse("routing", ROUTING).expect("the routing above is sound: a test parses it");
        Alerts::new(episodes, queue, self.clone(), Arc::new(routing))
    }

    /// What was told since the last time.
    pub fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Channels for Notices {
    async fn send(&self, _: &str, notice: &Notice, _: Option<&str>, _: Timestamp) -> Delivery {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(notice.clone());
        Delivery::new(Outcome::Sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routing_is_sound() {
        Routing::parse("routing", ROUTING).unwrap();
    }
}
