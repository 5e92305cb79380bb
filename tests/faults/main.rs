//! Injects a fault at every call that changes a file: the call fails once, the disk is full from then on,
//! or the process is killed, in our programs and in the git programs that they start. After each fault the
//! next commands must work, nothing may be lost, and an exit status of 0 must be true.
//!
//! `cargo test --test faults` tries a few calls of each operation; `ORCHESTRA_FAULTS=full` tries every
//! call, a number so many. `-- stop kill 17` tries a single one: the operation, the kind of fault and the
//! number of the call, each of which may be omitted.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it expects, and its results are read by people"
)]

mod checks;
mod lab;
mod operations;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Mutex, atomic::AtomicUsize, atomic::Ordering},
    time::Instant,
};

use lab::{Lab, Trial};
use operations::{OPERATIONS, Operation};
use testkit::{Injector, Mode};

/// The number of calls that are tried of each operation and kind of fault, unless all are.
const FEW: u64 = 4;
/// The number of operations that run in parallel.
const AT_ONCE: usize = 3;

/// The selection on the command line.
#[derive(Default)]
struct Wanted {
    operation: Option<String>,
    mode: Option<Mode>,
    at: Option<u64>,
    /// The number of calls of each operation and kind of fault.
    most: u64,
}

impl Wanted {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
        Self {
            operation: words.first().cloned(),
            mode: words.get(1).and_then(|word| Mode::ALL.into_iter().find(|mode| mode.word() == word)),
            at: words.get(2).and_then(|word| word.parse().ok()),
            most: match std::env::var("ORCHESTRA_FAULTS").as_deref() {
                Ok("full") => u64::MAX,
                Ok(number) => number.parse().unwrap_or(FEW),
                Err(_) => FEW,
            },
        }
    }

    /// Selects the calls at which faults are tried. A few are spread evenly, at other calls for each kind
    /// of fault.
    fn moments(&self, mode: Mode, calls: u64) -> Vec<u64> {
        match self.at {
            Some(at) => vec![at],
            None if calls <= self.most => (1..=calls).collect(),
            None => {
                let start = calls * mode as u64 / (self.most * Mode::ALL.len() as u64);
                (0..self.most).map(|n| (1 + start + n * calls / self.most).min(calls)).collect()
            }
        }
    }
}

/// The counts of one operation and kind of fault.
#[derive(Default)]
struct Count {
    calls: u64,
    tried: u64,
    fired: u64,
    failed: u64,
}

#[derive(Default)]
struct Results {
    counts: BTreeMap<(&'static str, Mode), Count>,
    failures: Vec<String>,
}

fn main() -> ExitCode {
    let wanted = Wanted::read();
    if std::env::args().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let injector = Injector::compile().expect("a C compiler that makes a shared library");
    let chosen: Vec<&Operation> = OPERATIONS
        .iter()
        .filter(|one| wanted.operation.as_ref().is_none_or(|name| name == one.name))
        .collect();
    let (next, results, begun) = (AtomicUsize::new(0), Mutex::new(Results::default()), Instant::now());
    // The findings of checks are printed in the list of failures.
    std::panic::set_hook(Box::new(|_| {}));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(chosen.len()) {
            scope.spawn(|| {
                while let Some(operation) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    try_operation(operation, &injector, &wanted, &results);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report(&results, begun)
}

fn try_operation(
    operation: &'static Operation,
    injector: &Injector,
    wanted: &Wanted,
    results: &Mutex<Results>,
) {
    let add = |mode: Mode, trial: Option<&Trial>, calls: u64, failures: Vec<String>| {
        let mut results = results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = results.counts.entry((operation.name, mode)).or_default();
        count.calls = calls;
        if let Some(trial) = trial {
            count.tried += 1;
            count.fired += u64::from(trial.fired.is_some());
            count.failed += u64::from(!failures.is_empty());
        }
        for failure in failures {
            println!("{failure}");
            results.failures.push(failure);
        }
    };
    let lab = match std::panic::catch_unwind(|| Lab::new(operation, injector)) {
        Ok(lab) => lab,
        Err(panic) => {
            return add(Mode::Count, None, 0, vec![format!("{} setup: {}", operation.name, words(&*panic))]);
        }
    };
    let calls = match attempt(&lab, Mode::Count, 0) {
        (trial, failures) if failures.is_empty() => trial.calls,
        (trial, failures) => {
            add(Mode::Count, Some(&trial), trial.calls, failures);
            trial.calls
        }
    };
    for mode in Mode::FAULTS.into_iter().filter(|mode| wanted.mode.is_none_or(|only| only == *mode)) {
        for at in wanted.moments(mode, calls) {
            let (trial, failures) = attempt(&lab, mode, at);
            add(mode, Some(&trial), calls, failures);
        }
    }
}

/// Runs one trial and its checks.
fn attempt(lab: &Lab<'_>, mode: Mode, at: u64) -> (Trial, Vec<String>) {
    let (trial, found) =
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lab.attempt(mode, at))) {
            Ok(done) => done,
            Err(panic) => (Trial::default(), vec![format!("broke off: {}", words(&*panic))]),
        };
    let name = lab.operation.name;
    let what = trial.fired.clone().unwrap_or_else(|| "no fault".to_owned());
    let failures =
        found.into_iter().map(|why| format!("{name} {} {at}: {why} [{what}]", mode.word())).collect();
    (trial, failures)
}

/// Returns the first lines of a panic's message.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text =
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().rev().take(700).collect::<Vec<_>>().into_iter().rev().collect()
}

fn report(results: &Results, begun: Instant) -> ExitCode {
    println!(
        "\n{:<14} {:<6} {:>6} {:>6} {:>6} {:>7}",
        "operation", "fault", "calls", "tried", "fired", "failed"
    );
    let mut sum = Count::default();
    for ((operation, mode), count) in &results.counts {
        let Count { calls, tried, fired, failed } = count;
        println!("{operation:<14} {:<6} {calls:>6} {tried:>6} {fired:>6} {failed:>7}", mode.word());
        sum.tried += tried;
        sum.fired += fired;
        sum.failed += failed;
    }
    println!("{:<14} {:<6} {:>6} {:>6} {:>6} {:>7}", "all", "", "", sum.tried, sum.fired, sum.failed);
    for failure in &results.failures {
        eprintln!("FAILED {failure}");
    }
    let (passed, failed) = (sum.tried - sum.failed, results.failures.len());
    let word = if failed == 0 { "ok" } else { "FAILED" };
    let seconds = begun.elapsed().as_secs();
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; finished in {seconds} s");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
