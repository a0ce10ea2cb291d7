//! Files side by side, answers in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use parcelle_report::{FileReport, Unexamined};
use rayon::ThreadPool;

/// What came of one path.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It was examined.
    File(Box<FileReport>),
    /// It was not.
    Unexamined(Unexamined),
}

impl From<Result<FileReport, Unexamined>> for Answer {
    fn from(result: Result<FileReport, Unexamined>) -> Self {
        match result {
            Ok(file) => Self::File(Box::new(file)),
            Err(missing) => Self::Unexamined(missing),
        }
    }
}

/// Does `count` things on all threads of a pool, and hands over each result in the order of their numbers, as soon as it and
/// all before it are there. The things are begun in that order, so that few results wait; what is handed over does not depend
/// on threads or timing. `each` runs on the thread of the caller; once it returns false nothing more is begun.
pub(super) fn in_order<T: Send>(
    pool: &ThreadPool,
    count: usize,
    make: impl Fn(usize) -> T + Sync,
    mut each: impl FnMut(T) -> bool,
) {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    pool.in_place_scope(|scope| {
        for _ in 0..pool.current_num_threads().min(count) {
            let sender = sender.clone();
            let (next, make) = (&next, &make);
            scope.spawn(move |_| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody listens any more once the caller has had enough.
                    if number >= count || sender.send((number, make(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut wanted = 0;
        for (number, result) in receiver {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&wanted) {
                wanted += 1;
                if !each(result) {
                    next.store(count, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_whatever_takes_long() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let slow_first = |number: usize| {
            std::thread::sleep(Duration::from_millis(if number % 7 == 0 { 5 } else { 0 }));
            number
        };
        let mut seen = Vec::new();
        in_order(&pool, 100, slow_first, |number| {
            seen.push(number);
            true
        });
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        in_order(&pool, 0, slow_first, |_| panic!("there is nothing"));
    }

    #[test]
    fn it_ends_when_the_caller_has_enough() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let begun = AtomicUsize::new(0);
        let mut seen = 0;
        let make = |number| {
            begun.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
            number
        };
        in_order(&pool, 100_000, make, |_| {
            seen += 1;
            seen < 3
        });
        assert_eq!(seen, 3);
        assert!(begun.load(Ordering::Relaxed) < 1_000);
    }
}
