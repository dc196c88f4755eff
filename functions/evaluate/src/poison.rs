//! Changes of a pack that fail: each is set apart from the others.

use crate::evaluate::send_failure;
use crate::sitting::Sitting;
use prodrome_cluster::Clusters;
use prodrome_lambda::{Failure, Tally, metric};
use prodrome_ledger::{Dead, Span};
use prodrome_model::{Change, Waybill};
use prodrome_queue::pack::{BadChange, PackBuilder, PackHead};
use prodrome_queue::{Body, DeadLetters, Message, QueueName};
use prodrome_redact::redact_string;

/// How much of an error goes with a change, in characters.
const ERROR_MAX: usize = 256;

/// A change that failed.
pub(crate) struct Poison {
    /// Without secrets: an error quotes what is wrong.
    error: String,
    code: &'static str,
    /// Whether it lies in the change itself.
    in_message: bool,
    /// Its number among its watcher's changes.
    number: Option<(u64, u64)>,
    content: Content,
}

impl Poison {
    /// A line that could not be read. `number`: as its pack has it.
    pub(crate) fn line(bad: BadChange, number: Option<(u64, u64)>) -> Self {
        let (error, content) = (redact_string(bad.to_string()), Content::Line(bad.raw));
        Self { error, code: BadChange::CODE, in_message: true, number, content }
    }

    /// A change that was read and could not be judged.
    pub(crate) fn change(change: &Change, failure: &Failure) -> Self {
        let Failure { code, in_message, .. } = *failure;
        let content = Content::Change(Box::new(change.clone()));
        let number = Some((change.epoch, change.sequence));
        Self { error: redact_string(failure.to_string()), code, in_message, number, content }
    }

    /// As the ledger names it.
    pub(crate) fn dead(&self) -> Option<Dead> {
        let (_, number) = self.number?;
        Some(Dead { span: Span { first: number, last: number }, code: self.code.to_owned() })
    }
}

enum Content {
    /// It could not be read.
    Line(String),
    /// It was read and could not be judged.
    Change(Box<Change>),
}

impl<S, Q: DeadLetters, C: Clusters> Sitting<'_, S, Q, C> {
    /// Puts aside what is malformed, and sends on what else failed; each change alone, with its error. One that came
    /// alone fails by itself.
    pub(crate) async fn isolate(
        &self,
        head: &PackHead,
        poison: Vec<Poison>,
        alone: bool,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        tally.add(metric::CHANGES_FAILED, poison.len() as u64);
        if alone {
            let failed = poison.into_iter().next();
            return failed.map_or(Ok(()), |Poison { code, error: reason, in_message, .. }| {
                Err(Failure { code, reason, retryable: false, in_message })
            });
        }
        let (mut aside, mut again) = (Vec::new(), Vec::new());
        for Poison { error, code, in_message, content, number } in poison {
            let body = match content {
                Content::Line(line) => Body::Text(line),
                Content::Change(change) => {
                    let waybill = number.filter(|(epoch, _)| *epoch > 0);
                    let mut builder = match waybill {
                        None => PackBuilder::new(head),
                        Some((epoch, first)) => {
                            PackBuilder::of_numbered(head, Waybill { epoch, first, ..Waybill::default() })
                        }
                    };
                    builder.push(&change);
                    let pack = builder.finish().map_err(|error| Failure::fatal("pack_too_large", error))?;
                    Body::Pack(pack.bytes)
                }
            };
            let reason: String = error.chars().filter(|c| !c.is_control()).take(ERROR_MAX).collect();
            if in_message {
                tracing::error!(code, error = reason, "a change cannot be handled");
            }
            let message = Message { body, ..Message::text("") }.with_attribute("error", reason);
            if in_message { &mut aside } else { &mut again }.push(message);
        }
        if !aside.is_empty() {
            let sent = self.queue.send_to_dead_letters(QueueName::Changes, aside).await;
            sent.map_err(|error| send_failure(&error))?;
        }
        if !again.is_empty() {
            let sent = self.queue.send(QueueName::Changes, again).await;
            sent.map_err(|error| send_failure(&error))?;
        }
        Ok(())
    }
}
