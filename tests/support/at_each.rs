//! One case for each of many boundaries, several at a time; all that went wrong is told at the end.

use std::fmt::Display;
use std::sync::Mutex;

use crate::support::effort::some;

/// Before and after each of so many records: where a runner is killed; a sample of it in a plain run.
pub(crate) fn every_record(records: usize) -> Vec<String> {
    let all = (1..=records).flat_map(|number| [format!("before:{number}"), format!("after:{number}")]);
    some(all.collect())
}

/// Carries `case` out for each of `items`, `workers` at a time, each worker with what `set_up` gives it.
/// Fails with every item whose case says what is wrong.
pub(crate) fn at_each<T: Sync + Display, W>(
    items: &[T],
    workers: usize,
    set_up: impl Fn() -> W + Sync,
    case: impl Fn(&W, &T) -> Result<(), String> + Sync,
) {
    assert!(!items.is_empty(), "there is nothing to be carried out");
    let queue = Mutex::new(items.iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let own = set_up();
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(item) = next else { break };
                    if let Err(reason) = case(&own, item) {
                        wrong.lock().unwrap().push(format!("{item}: {reason}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        items.len(),
        wrong.join("\n\n")
    );
}
