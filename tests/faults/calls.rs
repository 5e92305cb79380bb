//! A fault at a call that changes a file: it fails once with EIO, the disk is full, the quota used up, or the file system read-only
//! from then on, or the process is killed; and a loss of power right after the operation.

use std::{collections::BTreeMap, sync::Mutex};

use testkit::{Mode, SeededRandom};

use crate::{
    Job, Suite,
    lab::{Lab, Trial},
    operations::{OPERATIONS, Operation},
    power,
    table::{Column, Finding},
};

/// The operations that append an event and move a ref, and little else: also the short form tries more of their calls.
const SMALL: &[&str] = &["verdict"];
/// How many times as many.
const MORE: u64 = 4;

/// The selection on the command line: the operation, the kind of fault, and the number of the call, each of which may be omitted.
pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    let wanted = suite.words.first().filter(|word| *word != "calls").or(suite.words.get(1));
    let chosen = OPERATIONS.iter().filter(|one| wanted.is_none_or(|name| name == one.name));
    chosen.map(|operation| Job::new(operation.name, move || try_operation(suite, operation))).collect()
}

fn try_operation(suite: &Suite<'_>, operation: &'static Operation) {
    let after = suite.words.iter().skip_while(|word| *word != operation.name).skip(1).collect::<Vec<_>>();
    let only_mode = after.first().map(|word| word.as_str());
    let only_at: Option<u64> = after.get(1).and_then(|word| word.parse().ok());
    let lab = Lab::new(operation, suite.injector);
    let (counted, failures) = attempt(&lab, Mode::Count, 0);
    let calls = counted.calls;
    suite.table.add("no fault", operation.name, &failures);
    let fired: Mutex<BTreeMap<&str, u64>> = Mutex::default();
    for mode in Mode::FAULTS.into_iter().filter(|mode| only_mode.is_none_or(|only| only == mode.word())) {
        let moments = only_at.map_or_else(|| moments(suite, operation, mode, calls), |at| vec![at]);
        for at in moments {
            let (trial, failures) = attempt(&lab, mode, at);
            *fired.lock().expect("a lock").entry(mode.word()).or_default() +=
                u64::from(trial.fired.is_some());
            let repeat = format!("{} {} {at}", operation.name, mode.word());
            suite.table.add(row(mode), &repeat, &failures);
        }
    }
    if only_mode.is_none_or(|only| only == power::WORD) {
        power::after_operation(suite, &lab, only_at);
    }
    println!("{}: {calls} calls, faults that happened: {:?}", operation.name, fired.lock().expect("a lock"));
}

const fn row(mode: Mode) -> &'static str {
    match mode {
        Mode::Count | Mode::Stop => "no fault",
        Mode::Error => "EIO at a call",
        Mode::Kill => "kill -9 at a call",
        Mode::Full => "disk full from a call",
        Mode::Quota => "quota from a call",
        Mode::ReadOnly => "read-only from a call",
    }
}

/// Selects the calls at which faults are tried: all, or a random one of each of as many equal parts.
fn moments(suite: &Suite<'_>, operation: &Operation, mode: Mode, calls: u64) -> Vec<u64> {
    let most = if SMALL.contains(&operation.name) { suite.most.saturating_mul(MORE) } else { suite.most };
    if calls <= most {
        return (1..=calls).collect();
    }
    let mut numbers =
        SeededRandom::from(suite.seed ^ (operation.name.len() as u64) << 32 ^ (mode as u64) << 40);
    (0..most).map(|n| numbers.between(1 + n * calls / most, (n + 1) * calls / most)).collect()
}

/// Runs one trial and its checks.
fn attempt(lab: &Lab<'_>, mode: Mode, at: u64) -> (Trial, Vec<Finding>) {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lab.attempt(mode, at)));
    let (trial, found) = caught.unwrap_or_else(|panic| {
        (Trial::default(), vec![Column::Stuck.says(format!("broke off: {}", crate::words(&*panic)))])
    });
    let what = trial.fired.clone().unwrap_or_else(|| "no fault".to_owned());
    let found = found.into_iter().map(|one| one.column.says(format!("{one} [{what}]"))).collect();
    (trial, found)
}
