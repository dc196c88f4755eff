use crate::batch::{handle_one, log};
use crate::fate::{Fate, RECEIVES_MAX, fate};
use crate::tries::{Tries, Unended};
use crate::{Delivery, Failure, Handler, Received, Tally, metric};
use aws_lambda_events::event::sqs::SqsBatchResponse;
use jiff::{SignedDuration, Timestamp};
use prodrome_queue::{DeadLetters, Message, SqsQueue};
use prodrome_redact::redact_string;
use prodrome_store::Store;
use std::future::Future;
use std::time::Duration;

/// A message of which so many tries in a row have begun and not ended,
const KILLS_MAX: u32 = 5;
/// for so long, kills its function. Else it was killed by others: what takes long, in a time in which functions are
/// killed all the time, never comes to its end either.
const KILLS_FOR: SignedDuration = SignedDuration::from_hours(2);
/// Of an error, so much goes with a message that is put aside, in characters.
const ERROR_MAX: usize = 256;
/// A try that ends by itself has so long before its function's time is over, at most.
const MARGIN: Duration = Duration::from_secs(1);

/// The queues that a function takes from, as far as they are told what becomes of a message.
pub trait Mail {
    /// Puts a message among the dead letters of its queue. It is still in its queue, too.
    fn put_aside(&self, received: &Received, error: String) -> impl Future<Output = Result<(), String>>;

    /// Lets a message that is in hands come again after so long, and not when its queue would let it.
    fn postpone(&self, received: &Received, wait: Duration) -> impl Future<Output = Result<(), String>>;
}

impl Mail for SqsQueue {
    async fn put_aside(&self, received: &Received, error: String) -> Result<(), String> {
        let source =
            self.of_arn(&received.source).ok_or_else(|| format!("{} is unknown", received.source))?;
        let body = received.delivery.body.clone();
        let message = Message { body, ..Message::text("") }.with_attribute("error", error);
        self.send_to_dead_letters(source, vec![message]).await.map_err(|error| error.to_string())
    }

    async fn postpone(&self, received: &Received, wait: Duration) -> Result<(), String> {
        let source =
            self.of_arn(&received.source).ok_or_else(|| format!("{} is unknown", received.source))?;
        self.change_visibility(source, &received.receipt, wait).await
    }
}

/// Takes batches from queues, and sees to what is not handled.
///
/// What failed for want of something else (a busy table, a slow API server) comes again, each time after a longer while,
/// for as long as its queue keeps it. What is malformed goes to the dead letters at once, with its reason. What kills
/// its function each time is known by tries that [never ended](Tries) and goes there too, and alone: those that were in
/// one batch with it are not blamed for it, and come before it. What there is no time left for is not begun.
#[derive(Debug, Clone)]
pub struct Inbox<S, M> {
    tries: Tries<S>,
    mail: M,
}

impl<S: Store, M: Mail> Inbox<S, M> {
    /// Notes tries in a store, under keys of their own.
    pub fn new(store: S, mail: M) -> Self {
        Self { tries: Tries::new(store), mail }
    }

    /// Handles the messages of a batch one after the other, each by itself. Returns the answer that names those that are
    /// to come again, and what was counted. `deadline`: when the function is ended.
    pub async fn answer(
        &self,
        handler: &impl Handler,
        batch: &[Received],
        deadline: Option<Timestamp>,
        clock: impl Fn() -> Timestamp,
    ) -> (SqsBatchResponse, Tally) {
        let mut answer = SqsBatchResponse::default();
        let mut tally = Tally::default();
        let begun = clock();
        let whole = deadline.map(|deadline| until(begun, deadline)).filter(|whole| !whole.is_zero());
        // What was tried before comes last: should it kill the function, those beside it have had their turn.
        let mut batch: Vec<&Received> = batch.iter().collect();
        batch.sort_by_key(|received| received.delivery.attempt);
        for (index, received) in batch.into_iter().enumerate() {
            let Delivery { id, attempt, .. } = &received.delivery;
            let now = clock();
            let left = whole.and_then(|whole| Some((whole, until(now, deadline?))));
            if index > 0 && left.is_some_and(|(whole, left)| left < whole / 4) {
                tracing::info!(message_id = id, "there is no time left for a message");
                self.postpone(received, Duration::ZERO).await;
                answer.add_failure(id.clone());
                continue;
            }
            let time = left.map(|(whole, left)| left.saturating_sub(MARGIN.min(whole / 20)));
            let mut own = Tally::default();
            let handled = self.try_at(handler, received, time, now, &mut own).await;
            tally.merge(own);
            let Err(failure) = handled else { continue };
            tally.add(metric::ERRORS, 1);
            log(&received.delivery, &failure);
            match fate(&failure, *attempt, id) {
                Fate::Aside if self.put_aside(received, &failure).await => {
                    // Should that be cut off, it comes again, and lies there twice.
                    handler.given_up(&received.delivery, &failure, now).await;
                    continue;
                }
                Fate::Aside => self.postpone(received, crate::fate::wait(*attempt, id)).await,
                Fate::Again(wait) => self.postpone(received, wait).await,
            }
            if *attempt >= RECEIVES_MAX {
                handler.given_up(&received.delivery, &failure, now).await;
            }
            answer.add_failure(id.clone());
        }
        (answer, tally)
    }

    /// One try, which is noted where it is not the first.
    async fn try_at(
        &self,
        handler: &impl Handler,
        received: &Received,
        time: Option<Duration>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let delivery = &received.delivery;
        if delivery.attempt <= 1 {
            return in_time(handle_one(handler, delivery, now, tally), time).await;
        }
        let unended = self.tries.begin(&delivery.id, now).await;
        // Where that cannot be noted nothing else can be written either.
        let unended = unended.map_err(|error| Failure::retryable("store_unavailable", error))?;
        if unended.count >= KILLS_MAX && now.duration_since(unended.since) >= KILLS_FOR {
            let Unended { count, since } = unended;
            let reason = format!("{count} tries since {since} began and did not end: it kills its function");
            return Err(Failure::malformed("kills", reason));
        }
        let done = in_time(handle_one(handler, delivery, now, tally), time).await;
        self.tries.end(&delivery.id).await;
        done
    }

    async fn put_aside(&self, received: &Received, failure: &Failure) -> bool {
        // An error quotes what is wrong, or is a panic's.
        let error = received.error.clone().unwrap_or_else(|| redact_string(failure.to_string()));
        let error = error.chars().filter(|c| !c.is_control()).take(ERROR_MAX).collect();
        match self.mail.put_aside(received, error).await {
            Ok(()) => true,
            Err(reason) => {
                tracing::warn!(message_id = received.delivery.id, reason, "a message cannot be put aside");
                false
            }
        }
    }

    /// Where that fails, the message comes again when its queue says so.
    async fn postpone(&self, received: &Received, wait: Duration) {
        if let Err(reason) = self.mail.postpone(received, wait).await {
            tracing::debug!(message_id = received.delivery.id, reason, "a message cannot be postponed");
        }
    }
}

/// Ends a try in order before the function is ended in the midst of it.
async fn in_time(
    handling: impl Future<Output = Result<(), Failure>>,
    time: Option<Duration>,
) -> Result<(), Failure> {
    let Some(time) = time else { return handling.await };
    tokio::time::timeout(time, handling).await.unwrap_or_else(|_| {
        Err(Failure::retryable("out_of_time", format!("not handled within {:.1} s", time.as_secs_f64())))
    })
}

fn until(now: Timestamp, deadline: Timestamp) -> Duration {
    Duration::try_from(deadline.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests;
