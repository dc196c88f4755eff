//! The contract over memory, and what happens where the store fails.

use crate::contract::{at, contract, scope, span};
use prodrome_ledger::Ledger;
use prodrome_model::Waybill;
use prodrome_store::{Fault, MemoryStore};

async fn run(_name: &str, test: impl AsyncFn(MemoryStore)) {
    test(MemoryStore::new()).await;
}

contract!(run);

/// Whatever fails at whichever operation: done again, the account is the same.
#[tokio::test]
async fn whatever_fails_midway_nothing_counts_twice() {
    for fault in [Fault::Unavailable, Fault::Conflict, Fault::AnswerLost, Fault::ConflictAfterCommit] {
        for failing in 0.. {
            let store = MemoryStore::new();
            let ledger = Ledger::new(store.clone());
            store.set_script(move |operation| (operation.number == failing).then_some(fault));
            for _ in 0..2 {
                for (first, last) in [(11, 20), (1, 10)] {
                    _ = ledger.done(&scope(), 7, span(first, last), &[], at(0)).await;
                    _ = ledger.settle(at(0)).await;
                }
                _ = ledger
                    .state(&scope(), Waybill { epoch: 7, accepted: 20, ..Waybill::default() }, at(0))
                    .await;
            }
            _ = ledger.settle(at(0)).await;
            let reached = store.operations() > failing;
            store.clear_script();
            let summary = ledger.summary().await.unwrap();
            assert_eq!(
                summary.clusters[0].counts.to_string(),
                "in 20, out 20, waiting 0, dead 0",
                "{fault:?} at {failing}"
            );
            if !reached {
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_account_of_a_run_outlives_a_month_without_a_change() {
    let store = MemoryStore::new();
    let ledger = Ledger::new(store.clone());
    ledger.done(&scope(), 7, span(1, 20), &[], at(0)).await.unwrap();
    for day in 0..30 {
        let now = at(day * 24 * 60);
        ledger.state(&scope(), Waybill { epoch: 7, accepted: 20, ..Waybill::default() }, now).await.unwrap();
        ledger.settle(now).await.unwrap();
        store.forget_expired(now);
    }
    let summary = ledger.summary().await.unwrap();
    assert_eq!(summary.clusters[0].counts.to_string(), "in 20, out 20, waiting 0, dead 0");
}
