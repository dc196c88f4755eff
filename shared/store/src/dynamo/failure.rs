//! What DynamoDB says when it does not do it, in the words of the port.

use crate::{Key, StoreError};
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use prodrome_model::chain;
use std::error::Error;

/// The codes of what passes by itself, beside every 5xx and 429.
const PASSING: [&str; 9] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "ThrottlingError",
    "TransactionInProgressException",
    "LimitExceededException",
    "ExpiredTokenException",
    "RequestTimeout",
    "RequestTimeoutException",
];

/// The failure of a request about `key`.
pub(super) fn failure<E>(error: &SdkError<E, HttpResponse>, key: Option<&Key>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let SdkError::ServiceError(answer) = error else {
        let reason = chain(error);
        return match error {
            SdkError::ConstructionFailure(_) => StoreError::Refused { reason },
            _ => StoreError::Unavailable { reason },
        };
    };
    let code = answer.err().code().unwrap_or("an error without a code");
    let status = answer.raw().status().as_u16();
    let reason = format!("{code}: {}", answer.err().message().unwrap_or("no message"));
    match (code, key) {
        ("ConditionalCheckFailedException" | "TransactionConflictException", Some(key)) => {
            StoreError::Conflict { key: key.clone() }
        }
        _ if status >= 500 || status == 429 || PASSING.contains(&code) => StoreError::Unavailable { reason },
        _ => StoreError::Refused { reason },
    }
}

/// The failure of a transaction that writes to `keys`, in this order.
pub(super) fn canceled(error: &SdkError<TransactWriteItemsError, HttpResponse>, keys: &[Key]) -> StoreError {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error()
    else {
        return failure(error, None);
    };
    let reasons = canceled.cancellation_reasons();
    let with_code = |wanted: &[&str]| {
        reasons.iter().position(|reason| reason.code().is_some_and(|code| wanted.contains(&code)))
    };
    let said = |index: usize| {
        let code = reasons[index].code().unwrap_or_default();
        format!("{code}: {}", reasons[index].message().unwrap_or("no message"))
    };
    if let Some(index) = with_code(&["ValidationError", "ItemCollectionSizeLimitExceeded", "AccessDenied"]) {
        return StoreError::Refused { reason: said(index) };
    }
    let conflict = with_code(&["ConditionalCheckFailed"]).or_else(|| with_code(&["TransactionConflict"]));
    if let Some(key) = conflict.and_then(|index| keys.get(index)) {
        return StoreError::Conflict { key: key.clone() };
    }
    let passing = reasons.iter().position(|reason| reason.code().is_some_and(|code| code != "None"));
    let reason = passing.map_or_else(|| "the transaction was canceled without a reason".to_owned(), said);
    StoreError::Unavailable { reason }
}
