//! What a trial found, and the table of all trials.

use std::{
    collections::BTreeMap,
    fmt,
    process::ExitCode,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// A kind of wrong result; `main.rs` defines each.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Column {
    Lost,
    Doubled,
    Ghosts,
    Survivors,
    Untrue,
    Stuck,
}

impl Column {
    pub(crate) const ALL: [Self; 6] =
        [Self::Lost, Self::Doubled, Self::Ghosts, Self::Survivors, Self::Untrue, Self::Stuck];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Ghosts => "ghosts",
            Self::Survivors => "survivors",
            Self::Untrue => "untrue",
            Self::Stuck => "stuck",
        }
    }

    /// Makes a finding of this kind.
    pub(crate) fn says(self, what: impl Into<String>) -> Finding {
        Finding { column: self, what: what.into() }
    }

    /// Makes a finding unless something holds.
    pub(crate) fn unless(self, holds: bool, what: impl FnOnce() -> String) -> Option<Finding> {
        (!holds).then(|| self.says(what()))
    }
}

/// One wrong result.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) column: Column,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.column.word(), self.what)
    }
}

#[derive(Clone, Copy, Default)]
struct Row {
    trials: u64,
    found: [u64; Column::ALL.len()],
}

/// The table.
#[derive(Default)]
pub(crate) struct Table {
    rows: Mutex<BTreeMap<String, Row>>,
    findings: Mutex<Vec<String>>,
}

impl Table {
    /// Adds a trial. `repeat` are the words behind `cargo test --test faults --` that repeat it.
    pub(crate) fn add(&self, row: &str, repeat: &str, findings: &[Finding]) {
        self.add_many(row, repeat, 1, findings);
    }

    /// Adds several trials whose results are checked together.
    pub(crate) fn add_many(&self, row: &str, repeat: &str, trials: u64, findings: &[Finding]) {
        {
            let mut rows = lock(&self.rows);
            let row = rows.entry(row.to_owned()).or_default();
            row.trials += trials;
            for finding in findings {
                row.found[finding.column as usize] += 1;
            }
        }
        for finding in findings {
            let line = format!("{finding} (repeat: {repeat})");
            println!("{line}");
            lock(&self.findings).push(line);
        }
    }

    /// Prints the table.
    pub(crate) fn report(&self, begun: Instant, seed: u64) -> ExitCode {
        let rows = lock(&self.rows);
        print!("\n{:<24} {:>7}", "fault", "trials");
        for column in Column::ALL {
            print!(" {:>9}", column.word());
        }
        println!();
        let mut total = Row::default();
        for (name, row) in rows.iter() {
            print_row(name, row);
            total.trials += row.trials;
            for (sum, found) in total.found.iter_mut().zip(row.found) {
                *sum += found;
            }
        }
        print_row("total", &total);
        let findings = lock(&self.findings);
        for finding in findings.iter() {
            eprintln!("FAILED {finding}");
        }
        if !findings.is_empty() {
            eprintln!("repeat a trial: ORCHESTRA_SEED={seed} cargo test --locked --test faults -- WORDS");
        }
        let (word, code) = match findings.len() {
            0 => ("ok", ExitCode::SUCCESS),
            _ => ("FAILED", ExitCode::FAILURE),
        };
        let (passed, seconds) =
            (total.trials.saturating_sub(findings.len() as u64), begun.elapsed().as_secs());
        println!(
            "\ntest result: {word}. {passed} passed; {} failed; 0 ignored; finished in {seconds} s, seed {seed}",
            findings.len()
        );
        code
    }
}

fn print_row(name: &str, row: &Row) {
    print!("{name:<24} {:>7}", row.trials);
    for found in row.found {
        print!(" {found:>9}");
    }
    println!();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
