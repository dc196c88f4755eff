//! Panics: whoever keeps one bad part from taking the others with it catches them, and nobody would hear of them. Those who
//! die by a fault are dropped, and do not panic.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// So many are kept of one run: a part that panics at every message is one that does.
const KEPT: usize = 10;

thread_local! {
    /// What panicked on this thread while somebody listened; nothing where nobody does.
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Runs something that stays on this thread. What it comes to, unless it panics itself; and what panicked in it, whoever
/// caught that: where, and with what words.
pub(crate) fn heard<T>(run: impl FnOnce() -> T) -> (Option<T>, Vec<String>) {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !note(panic) {
                others(panic);
            }
        }));
    });
    HEARD.set(Some(Vec::new()));
    let done = catch_unwind(AssertUnwindSafe(run)).ok();
    (done, HEARD.take().unwrap_or_default())
}

/// Whether somebody listens on this thread.
fn note(panic: &PanicHookInfo<'_>) -> bool {
    let text = panic.to_string();
    HEARD.with_borrow_mut(|heard| {
        let Some(heard) = heard else { return false };
        if heard.len() < KEPT {
            heard.push(text);
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::{LocalSet, spawn_local};

    #[test]
    fn a_panic_is_heard_whoever_catches_it() {
        let in_a_task = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let task = async { spawn_local(async { panic!("in a task") }).await.is_err() };
            LocalSet::new().block_on(&runtime, task)
        };
        let (done, panics) = heard(|| (catch_unwind(|| panic!("caught")).is_err(), in_a_task()));
        assert_eq!(done, Some((true, true)));
        let place = file!();
        for (panic, words) in panics.iter().zip(["caught", "in a task"]) {
            assert!(panic.contains(place) && panic.ends_with(words), "{panic}");
        }
        assert_eq!(panics.len(), 2);
        let (done, panics) = heard(|| -> () { panic!("not caught") });
        assert_eq!((done, panics.len()), (None, 1));
        assert_eq!(heard(|| 1), (Some(1), Vec::new()));
    }
}
