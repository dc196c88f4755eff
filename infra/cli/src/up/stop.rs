use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often we were asked to end: once to do so in order, twice at once. Ctrl-C, SIGTERM, or the terminal's end.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<u8>);

impl Stop {
    pub(super) fn on_signals() -> Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        let (sender, receiver) = watch::channel(0_u8);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                sender.send_modify(|times| *times = times.saturating_add(1));
            }
        });
        Ok(Self(receiver))
    }

    /// Returns once we were.
    pub(super) async fn asked(&mut self) {
        self.times(1).await;
    }

    /// Returns once we were asked again.
    pub(super) async fn insisted(&mut self) {
        self.times(2).await;
    }

    async fn times(&mut self, wanted: u8) {
        if self.0.wait_for(|times| *times >= wanted).await.is_err() {
            // Nobody can signal any more.
            std::future::pending::<()>().await;
        }
    }
}
