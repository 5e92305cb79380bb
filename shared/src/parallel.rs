//! Threads: one function on every item of a list, two functions at once, and work in the background. A system that makes no more
//! threads is an error or costs time, and never a panic.

use std::{
    any::Any,
    convert::Infallible,
    fmt, io,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Returns how many threads the machine runs at once. Asked once: each answer costs a dozen system calls in control groups.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Applies `each` to every item, on all cores, and returns the results in the order of the items.
///
/// # Panics
/// If `each` panics.
pub fn map<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // How many cores there are is not asked for a single item.
    let threads = if items.len() < 2 { 1 } else { cores() };
    let Ok(done) =
        try_map_with(items, threads, || Ok::<(), Infallible>(()), |(), item| Ok::<R, Infallible>(each(item)));
    done
}

/// Like [`map`], for functions that can fail, on at most `threads` threads. Each thread first makes its own tools, which need not
/// be `Sync`.
///
/// # Errors
/// The first error in the order of the threads. The thread that met it takes no further items; the others continue.
///
/// # Panics
/// If `state` or `each` panics.
pub fn try_map_with<T: Sync, R: Send, State, E: Send>(
    items: &[T],
    threads: usize,
    state: impl Fn() -> Result<State, E> + Sync,
    each: impl Fn(&mut State, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, R)>, E> {
        let mut state = state()?;
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return Ok(done) };
            done.push((at, each(&mut state, item)?));
        }
    };
    let parts = thread::scope(|scope| {
        // Where no more threads can be made, fewer do the work.
        let other = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads.min(items.len())).map_while(other).collect();
        let mut parts = vec![work()];
        parts.extend(
            others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        );
        parts
    });
    let mut all: Vec<(usize, R)> = Vec::with_capacity(items.len());
    for part in parts {
        all.extend(part?);
    }
    all.sort_unstable_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

/// What a thread said when it panicked.
#[derive(Debug, Eq, PartialEq)]
pub struct Panicked(String);

impl Panicked {
    fn of(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Self(text.unwrap_or("unknown").to_owned())
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a thread panicked: {}", self.0)
    }
}

impl std::error::Error for Panicked {}

/// Runs one function on another thread while this one runs the other. If no thread can be made, it runs here afterwards. Returns both
/// results.
///
/// # Errors
/// The first result is an error if `aside` panics.
///
/// # Panics
/// If `here` panics.
pub fn both<A: Send, B>(
    aside: impl FnOnce() -> A + Send,
    here: impl FnOnce() -> B,
) -> (Result<A, Panicked>, B) {
    let task = Mutex::new(Some(aside));
    let run = || {
        let taken = task.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.map(|task| task())
    };
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, run);
        let done = here();
        let aside = match other {
            Ok(other) => other.join().map_err(|panic| Panicked::of(&*panic)),
            Err(_) => Ok(run()),
        };
        (aside.and_then(|done| done.ok_or_else(|| Panicked("it did not run".to_owned()))), done)
    })
}

/// Starts work in a thread that nobody joins. If it panics, the channel of its answer ends.
///
/// # Errors
/// No more threads can be made.
pub fn in_background(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..1000).collect();
        assert_eq!(map(&items, |item| item * 2), (0..1000).map(|item| item * 2).collect::<Vec<_>>());
        assert!(map(&[] as &[u32], |item| *item).is_empty());
    }

    #[test]
    fn each_thread_has_its_own_state() {
        let made = AtomicUsize::new(0);
        let state = || Ok::<_, String>(made.fetch_add(1, Ordering::Relaxed));
        let done = try_map_with(&[1, 2, 3, 4], 3, state, |tool, item| Ok((*tool, *item))).expect("done");
        assert_eq!(done.iter().map(|(_, item)| *item).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(done.iter().all(|(tool, _)| *tool < 3) && made.into_inner() <= 3);
    }

    #[test]
    fn both_functions_run_once() {
        let (one, two) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let count = |of: &AtomicUsize| of.fetch_add(1, Ordering::Relaxed);
        assert_eq!(both(|| count(&one), || count(&two)), (Ok(0), 0));
        assert_eq!((one.into_inner(), two.into_inner()), (1, 1));
    }

    #[test]
    fn a_panic_aside_is_an_error_and_the_other_result_is_kept() {
        let (aside, here) = both(|| -> u32 { panic!("seven {}", 7) }, || 2);
        assert_eq!((aside.unwrap_err().to_string().as_str(), here), ("a thread panicked: seven 7", 2));
        let (aside, _) = both(|| -> u32 { panic!("eight") }, || ());
        assert_eq!(aside.unwrap_err(), Panicked("eight".to_owned()));
    }

    #[test]
    fn a_panic_in_the_background_ends_the_channel() {
        let (sender, receiver) = std::sync::mpsc::channel::<u32>();
        in_background(move || {
            let _kept = sender;
            panic!("nine");
        })
        .unwrap();
        assert!(receiver.recv().is_err());
    }

    #[test]
    fn an_error_is_returned() {
        let each = |(): &mut (), item: &i32| if *item == 3 { Err("three") } else { Ok(*item) };
        assert_eq!(try_map_with(&[1, 2, 3, 4], 2, || Ok(()), each), Err("three"));
        let never = |(): &mut (), _: &i32| Ok::<i32, &str>(1);
        assert_eq!(try_map_with(&[1], 2, || Err("no tools"), never), Err("no tools"));
    }
}
