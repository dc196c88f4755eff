use crate::{Failure, Handler, Inbox, Mail, Meter, Tally, received};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use prodrome_store::Store;
use std::future::Future;

/// The present. Only what starts an invocation reads it; everything below gets it as a parameter.
pub fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the edge of the program: everything below gets the time")]
    Timestamp::now()
}

/// Serves a function that is fed by queues, until the runtime stops it.
///
/// # Errors
/// Where the metrics cannot be set up, or the runtime's API cannot be reached.
pub async fn serve_queue(
    function: &'static str,
    handler: impl Handler,
    inbox: Inbox<impl Store, impl Mail>,
) -> Result<(), Error> {
    let meter = Meter::install(function)?;
    let (handler, inbox) = (&handler, &inbox);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let batch = received(event.payload)?;
        let deadline = i64::try_from(event.context.deadline).ok();
        let deadline = deadline.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let (answer, tally) = inbox.answer(handler, &batch, deadline, now).await;
        finish(meter, &tally);
        Ok::<SqsBatchResponse, Failure>(answer)
    }))
    .await
}

/// Serves a function that is called by a schedule: `tick` does the work of one call.
///
/// # Errors
/// Where the metrics cannot be set up, or the runtime's API cannot be reached.
pub async fn serve_schedule<F>(function: &'static str, tick: impl Fn(Timestamp) -> F) -> Result<(), Error>
where
    F: Future<Output = (Result<(), Failure>, Tally)>,
{
    let meter = Meter::install(function)?;
    let tick = &tick;
    lambda_runtime::run(service_fn(move |_: LambdaEvent<serde_json::Value>| async move {
        let (done, mut tally) = tick(now()).await;
        if let Err(failure) = &done {
            tally.add(crate::metric::ERRORS, 1);
            tracing::error!(code = failure.code, reason = failure.reason, "the tick was not finished");
        }
        finish(meter, &tally);
        done
    }))
    .await
}

fn finish(meter: Meter, tally: &Tally) {
    meter.record(tally);
    if let Err(error) = meter.flush() {
        tracing::warn!(%error, "metrics cannot be written");
    }
}
