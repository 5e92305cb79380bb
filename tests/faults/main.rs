//! The fault suite: what can happen to a machine happens, at chosen or random moments, to our programs and to the git programs that they
//! start. Afterwards the commands that a user types next run, and the results are checked with plain git and `/proc`.
//!
//! ```sh
//! cargo test --test faults                       # the short form, a few minutes
//! ORCHESTRA_FAULTS=full cargo test --test faults # every call of every operation, 7,000 writes, 200 kills: hours on two cores
//! cargo test --test faults -- stop kill 17       # one trial: an operation, the kind of fault, the number of the call
//! cargo test --test faults -- supervisors        # one family
//! ```
//!
//! `ORCHESTRA_FAULTS=N` tries N calls of each operation and kind of fault, and N pairs of a lock and a command. The seed of random choices is printed; `ORCHESTRA_SEED` sets
//! it. Each finding names the words that repeat its trial.
//!
//! The table must be zero in every column:
//!
//! - **lost**: a commit, an event, or the content of a file that was there before the fault, or that a command reported as done, is in
//!   no file and reachable from no ref; or `git fsck` or the `git status` of a worktree fails.
//! - **doubled**: an event, agent, worktree, or landing is there twice, or an agent has two supervisors at the same time.
//! - **ghosts**: something is left that belongs to nobody: a lock, an intent, a registration, a branch or worktree without an agent;
//!   or an agent is shown as live that is not.
//! - **survivors**: a process runs that an agent started, after a command ended the agent, or after everything was stopped.
//! - **untrue**: an exit status of 0 though the work was not done; a status, age, or order that contradicts what is there; an error
//!   that does not say what to type next; a change in the user's checkout.
//! - **stuck**: a command does not end in time, or the commands that a user types next do not complete the work.
//!
//! The family `controls` breaks the programs on purpose, one way for each column, and fails if the suite does not see it.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it expects, and its results are read by people"
)]

mod calls;
mod checks;
mod clocks;
mod controls;
mod lab;
mod locks;
mod operations;
mod power;
mod runs;
mod storms;
mod supervisors;
mod table;
mod writers;

use std::{
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use table::{Column, Table};
use testkit::Injector;

/// The number of calls that are tried of each operation and kind of fault in the short form.
const FEW: u64 = 2;
/// The number of jobs that run in parallel.
const AT_ONCE: usize = 3;
/// The arguments of a process of this program that only writes events.
pub(crate) const WRITER: &str = "--writer";

/// What all families need.
pub(crate) struct Suite<'a> {
    pub(crate) injector: &'a Injector,
    pub(crate) table: Table,
    pub(crate) is_full: bool,
    /// The number of calls of each operation and kind of fault.
    pub(crate) most: u64,
    pub(crate) seed: u64,
    /// The selection on the command line.
    pub(crate) words: Vec<String>,
}

impl Suite<'_> {
    /// Returns the word of the command line behind the name of a family, as a number: only this trial is wanted.
    pub(crate) fn only(&self) -> Option<u64> {
        self.words.get(1).and_then(|word| word.parse().ok())
    }

    /// Returns the numbers of the trials of a family.
    pub(crate) fn trials(&self, short: u64, full: u64) -> Vec<u64> {
        let most = if self.is_full { full } else { short };
        self.only().map_or_else(|| (0..most).collect(), |one| vec![one])
    }
}

/// A part of the work, which runs in one thread.
pub(crate) struct Job<'a> {
    name: String,
    run: Box<dyn Fn() + Sync + 'a>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(name: impl Into<String>, run: impl Fn() + Sync + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// The families of faults; each makes its jobs.
type Jobs = for<'a> fn(&'a Suite<'_>) -> Vec<Job<'a>>;
const FAMILIES: &[(&str, Jobs)] = &[
    ("controls", controls::jobs),
    ("writers", writers::jobs),
    ("storms", storms::jobs),
    ("supervisors", supervisors::jobs),
    ("clocks", clocks::jobs),
    ("runs", runs::jobs),
    ("locks", locks::jobs),
    ("power", power::jobs),
    ("calls", calls::jobs),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == WRITER) {
        return writers::write(&arguments[1..]);
    }
    if arguments.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let injector = Injector::compile().expect("a C compiler that makes a shared library");
    let amount = std::env::var("ORCHESTRA_FAULTS").unwrap_or_default();
    let is_full = amount == "full";
    let suite = Suite {
        injector: &injector,
        table: Table::default(),
        is_full,
        most: if is_full { u64::MAX } else { amount.parse().unwrap_or(FEW) },
        seed: testkit::times("ORCHESTRA_SEED", u64::from(std::process::id())),
        words: arguments.into_iter().filter(|word| !word.starts_with('-')).collect(),
    };
    println!("seed {}", suite.seed);
    let begun = Instant::now();
    // The findings of checks are printed in the list of failures.
    std::panic::set_hook(Box::new(|_| {}));
    let jobs: Vec<Job<'_>> = chosen(&suite).iter().flat_map(|make| make(&suite)).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(jobs.len()) {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(&suite, job);
                }
            });
        }
    });
    drop(jobs);
    suite.table.report(begun, suite.seed)
}

/// Returns the families that are wanted; a word that is none is the name of an operation.
fn chosen(suite: &Suite<'_>) -> Vec<Jobs> {
    let wanted = suite.words.first();
    let by_name = |wanted: &str| FAMILIES.iter().find(|(name, _)| *name == wanted).map(|(_, jobs)| *jobs);
    match wanted {
        None => FAMILIES.iter().map(|(_, jobs)| *jobs).collect(),
        Some(word) => vec![by_name(word).unwrap_or(calls::jobs)],
    }
}

fn run(suite: &Suite<'_>, job: &Job<'_>) {
    let begun = Instant::now();
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (job.run)()));
    if let Err(panic) = ran {
        suite.table.add("broke off", &job.name, &[Column::Stuck.says(words(&*panic))]);
    }
    println!("{} took {} s", job.name, begun.elapsed().as_secs());
}

/// Returns the last part of a panic's message.
pub(crate) fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text =
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().rev().take(700).collect::<Vec<_>>().into_iter().rev().collect()
}
