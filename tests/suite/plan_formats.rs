//! `plan`: the lists of tasks that other programs write become a plan of ours with the same tasks, order and ticks; and a tick changes one
//! box of a list and nothing else.

use std::{fs, path::PathBuf};

use orchestra::plan::read;
use serde_json::Value;
use testkit::TestRepo;

use crate::world;

/// What is found in a file: its tasks, what they come after altogether, the ticked ones, and what is left out.
#[derive(Debug, PartialEq)]
struct Found {
    tasks: usize,
    after: usize,
    done: usize,
    left_out: usize,
    levels: usize,
}

impl Found {
    const fn of([tasks, after, done, left_out, levels]: [usize; 5]) -> Self {
        Self { tasks, after, done, left_out, levels }
    }

    fn in_report(report: &Value) -> Self {
        let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        let tasks = list(report, "tasks");
        Self {
            tasks: tasks.len(),
            after: tasks.iter().map(|task| list(task, "after").len()).sum(),
            done: tasks.iter().filter(|task| task["done"] == true).count(),
            left_out: list(report, "left_out").len(),
            levels: list(report, "levels").len(),
        }
    }
}

/// Each file, the word of its format, what is read of it, and what is in it.
const FILES: [(&str, &str, &[&str], Found); 8] = [
    ("checklist.md", "checklist", &[], Found::of([4, 4, 1, 0, 2])),
    ("spec-kit.md", "spec-kit", &[], Found::of([11, 14, 2, 0, 7])),
    ("kiro.md", "kiro", &[], Found::of([9, 8, 2, 1, 6])),
    ("kiro.md", "kiro", &["--optional"], Found::of([10, 9, 2, 0, 6])),
    ("kiro-waves.md", "kiro", &[], Found::of([6, 6, 0, 1, 3])),
    ("task-master.json", "task-master", &[], Found::of([6, 7, 3, 2, 2])),
    ("task-master.json", "task-master", &["--tag", "mobile"], Found::of([1, 0, 0, 0, 1])),
    ("beads.jsonl", "beads", &[], Found::of([4, 3, 0, 0, 3])),
];

fn sample(file: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans");
    fs::read_to_string(folder.join(file)).expect("a file")
}

fn report(repo: &TestRepo<'_>, file: &str, also: &[&str]) -> Value {
    repo.orchestra(["plan", file, "--json"].iter().chain(also)).succeeded().json()
}

/// Returns the tasks without the lines on which they begin.
fn tasks(report: &Value) -> Value {
    let mut tasks = report["tasks"].clone();
    for task in tasks.as_array_mut().expect("a list") {
        task.as_object_mut().expect("a task").remove("line");
    }
    tasks
}

#[test]
fn each_format_becomes_a_plan_of_ours_with_the_same_tasks() {
    let world = world();
    let repo = world.repo();
    for (file, format, also, expected) in FILES {
        repo.write(file, &sample(file));
        let read = report(&repo, file, also);
        assert_eq!(read["format"], format, "{file}");
        assert_eq!(Found::in_report(&read), expected, "{file}: {read:#}");
        let write = ["plan", file, "-o", "ours.md", "--force"];
        repo.orchestra(write.iter().chain(also)).succeeded();
        let ours = report(&repo, "ours.md", &[]);
        assert_eq!(ours["format"], "checklist", "{file}");
        assert_eq!(tasks(&ours), tasks(&read), "{file}");
        assert_eq!(ours["title"], read["title"], "{file}");
        assert_eq!(fs::read_to_string(repo.path().join(file)).expect("a file"), sample(file), "{file}");
    }
}

#[test]
fn the_order_is_the_one_that_the_other_program_means() {
    let world = world();
    let repo = world.repo();
    for (file, task, after) in [
        ("spec-kit.md", "t004", "t002 t003"),
        ("spec-kit.md", "t006", "t004 t005"),
        ("spec-kit.md", "t008", "t003 t006"),
        ("spec-kit.md", "txxx", "t010"),
        ("kiro.md", "2.3", "2.1"),
        ("kiro.md", "4", "1 2.3 3.2"),
        ("kiro.md", "5.1", "4"),
        ("kiro.md", "6", "5.2"),
        ("kiro-waves.md", "1.2", "1.1 2.1"),
        ("kiro-waves.md", "3", "1.2 2.1"),
        ("kiro-waves.md", "4.2", "1.2"),
        ("task-master.json", "2.1", "1.2"),
        ("task-master.json", "2.4", "2.1"),
        ("task-master.json", "4", "1.2 2.2 2.4"),
        ("beads.jsonl", "lib-e1.1.2", "lib-e1.1.1"),
        ("beads.jsonl", "lib-e2.1", "lib-e1.1.1 lib-e1.1.2"),
        ("beads.jsonl", "lib-7f3", ""),
    ] {
        repo.write(file, &sample(file));
        let read = report(&repo, file, &[]);
        let all = read["tasks"].as_array().expect("a list");
        let found = all.iter().find(|one| one["id"] == task).expect("a task");
        let words = found["after"].as_array().cloned().unwrap_or_default();
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        assert_eq!(words.join(" "), after, "{task} in {file}");
    }
}

#[test]
fn a_tick_changes_one_box_and_nothing_else() {
    for (file, also_ticked) in [("checklist.md", 0), ("spec-kit.md", 0), ("kiro.md", 3), ("kiro-waves.md", 3)]
    {
        // As Windows writes it too.
        for text in [sample(file), sample(file).replace('\n', "\r\n")] {
            let (_, plan) = read::read(&text, &read::Choice::default()).expect("a plan");
            let (mut now, mut ticked) = (text.clone(), 0);
            for task in plan.tasks.iter().filter(|task| !task.done) {
                now = read::tick(&now, &task.id, &task.title).expect("ticked");
                ticked += 1;
            }
            assert_eq!(now.len(), text.len(), "{file}");
            let differ: Vec<usize> =
                (0..now.len()).filter(|at| now.as_bytes()[*at] != text.as_bytes()[*at]).collect();
            assert_eq!(differ.len(), ticked + also_ticked, "{file}");
            for at in differ {
                assert_eq!((&now[at - 1..=at + 1]), "[x]", "{file}");
            }
            let (_, again) = read::read(&now, &read::Choice::default()).expect("a plan");
            assert!(again.tasks.iter().all(|task| task.done), "{file}");
        }
    }
}
