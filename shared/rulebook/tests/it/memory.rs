//! The contract over memory, and what happens where the store fails.

use crate::contract::{at, contract, file};
use prodrome_rulebook::{Draft, PushError, Rulebook};
use prodrome_store::{Fault, MemoryStore, OperationKind};

async fn run(_name: &str, test: impl AsyncFn(MemoryStore)) {
    test(MemoryStore::new()).await;
}

contract!(run);

/// Whatever fails at whichever operation, there is the old version or the new one and nothing else, and who pushed is
/// told the truth.
#[tokio::test]
async fn whatever_fails_midway_no_half_version_is_seen() {
    let draft = |value| Draft::new("ann", "why", [file("A", value), file("B", value)]);
    let mut outcomes = [0; 2];
    for fault in [Fault::Unavailable, Fault::Conflict, Fault::AnswerLost, Fault::ConflictAfterCommit] {
        for failing in 0.. {
            let store = MemoryStore::new();
            let book = Rulebook::new(store.clone());
            book.push(&draft(1), &[], at(1)).await.unwrap();
            let begin = store.operations();
            // From that operation on: who dies is heard of no more.
            store.set_script(move |operation| (operation.number >= begin + failing).then_some(fault));
            let pushed = book.push(&draft(2), &[], at(2)).await;
            let reached = store.operations() > begin + failing;
            store.clear_script();
            let head = book.head().await.unwrap().unwrap().version;
            let version = book.version(head).await.unwrap();
            let value = if head == 2 { 2 } else { 1 };
            assert_eq!(version.files, [file("A", value), file("B", value)], "{fault:?} {failing}");
            match pushed {
                Ok(entry) => assert_eq!(entry.version, head, "{fault:?} {failing}"),
                Err(PushError::Book(_) | PushError::NotWritten(_)) => {}
                Err(error) => panic!("{fault:?} {failing}: {error}"),
            }
            outcomes[usize::from(head == 2)] += 1;
            if !reached {
                break;
            }
        }
    }
    assert!(outcomes.iter().all(|&n| n > 3), "{outcomes:?}");
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_finds_itself() {
    for fault in [Fault::AnswerLost, Fault::ConflictAfterCommit] {
        let store = MemoryStore::new();
        let book = Rulebook::new(store.clone());
        let mut first = true;
        store.set_script(move |operation| {
            let is_commit = operation.kind == OperationKind::Commit;
            (is_commit && std::mem::take(&mut first)).then_some(fault)
        });
        let entry = book.push(&Draft::new("ann", "why", [file("A", 1)]), &[], at(1)).await.unwrap();
        assert_eq!(entry.version, 1);
        assert_eq!(book.history().await.unwrap(), [entry]);
    }
}
