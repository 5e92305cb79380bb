//! Programs that are broken on purpose, one way for each column: the suite must see each of them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use testkit::Mode;

use crate::{
    Job, Suite,
    lab::{self, Lab},
    operations::OPERATIONS,
    table::{Column, Finding},
    writers,
};

/// A `git-orchestra` that does what it should and then something that it should not. `$real` is the true program, `$1` the command.
const BROKEN: &[(Column, &str, &str)] = &[
    // The work of an agent is forgotten.
    (
        Column::Lost,
        "collect",
        "\"$real\" \"$@\"; code=$?; git for-each-ref --format='delete %(refname)' refs/orchestra/heads refs/heads/orchestra | \
         git update-ref --stdin; exit $code",
    ),
    // Each task gets two agents.
    (Column::Doubled, "spawn", "\"$real\" \"$@\"; exec \"$real\" \"$@\" --again"),
    // A lock is left behind.
    (Column::Ghosts, "verdict", "\"$real\" \"$@\"; code=$?; : > .git/refs/heads/main.lock; exit $code"),
    // A branch is left that belongs to no agent.
    (Column::Ghosts, "verdict", "\"$real\" \"$@\"; code=$?; git branch -f orchestra/x-00000; exit $code"),
    // A process outlives the agent.
    (
        Column::Survivors,
        "stop",
        "\"$real\" \"$@\"; code=$?; [ \"$1\" = stop ] && setsid env FAULT_STATE= sleep 60 >/dev/null 2>&1 & exit $code",
    ),
    // Success is reported for nothing.
    (Column::Untrue, "verdict", "[ \"$1\" = review ] && exit 0; exec \"$real\" \"$@\""),
    // The checkout is changed.
    (Column::Untrue, "verdict", "\"$real\" \"$@\"; code=$?; echo >> file.txt; exit $code"),
    // What was begun cannot be completed.
    (Column::Stuck, "verdict", "[ \"$1\" = review ] && exit 4; exec \"$real\" \"$@\""),
];

pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    vec![Job::new("controls", move || {
        for (number, (column, operation, script)) in BROKEN.iter().enumerate() {
            if suite.only().is_none_or(|only| only == number as u64) {
                let found = with_program(suite, operation, script);
                judge(suite, number, *column, &found);
            }
        }
        for (number, (column, how)) in
            [(Column::Lost, "lost"), (Column::Doubled, "doubled")].iter().enumerate()
        {
            let number = BROKEN.len() + number;
            if suite.only().is_none_or(|only| only == number as u64) {
                judge(suite, number, *column, &writers::attempt(2, true, 3, how));
            }
        }
    })]
}

/// A control that finds nothing is itself a finding.
fn judge(suite: &Suite<'_>, number: usize, column: Column, found: &[Finding]) {
    let seen = found.iter().any(|one| one.column == column);
    let blind = column.unless(seen, || format!("a broken program was not seen; found was {found:?}"));
    let blind: Vec<Finding> = blind.into_iter().collect();
    suite.table.add("controls (must be seen)", &format!("controls {number}"), &blind);
}

fn with_program(suite: &Suite<'_>, operation: &str, script: &str) -> Vec<Finding> {
    let real = lab::bins();
    let broken = tempfile::Builder::new().prefix("orchestra-broken-").tempdir().expect("a folder");
    for entry in fs::read_dir(&real).expect("programs").flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("git-orchestra") && entry.path().extension().is_none() {
            std::os::unix::fs::symlink(entry.path(), broken.path().join(&name)).expect("a link");
        }
    }
    let program = broken.path().join("git-orchestra");
    fs::remove_file(&program).expect("removed");
    write_program(&program, &format!("#!/bin/sh\nreal={}\n{script}\n", real.join("git-orchestra").display()));
    let operation = OPERATIONS.iter().find(|one| one.name == operation).expect("an operation");
    let lab = Lab::with_bins(operation, suite.injector, broken.path());
    let ran = lab::caught_value(|| lab.attempt(Mode::Count, 0).1);
    ran.unwrap_or_else(|why| vec![Column::Stuck.says(why)])
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).expect("a program");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}
