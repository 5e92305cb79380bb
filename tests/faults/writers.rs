//! Several processes append events at the same time, to one agent or each to its own, while git collects garbage, packs the refs, and
//! does its maintenance in other processes without a pause.

use std::{
    collections::BTreeMap,
    process::{Command, ExitCode, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use orchestra::{
    Error,
    git::Repo,
    model::{AgentId, Fact},
    store::append,
    world::Environment,
};
use testkit::{TestRepo, World};

use crate::{
    Job, Suite, WRITER, lab,
    table::{Column, Finding},
};

/// How many events are written in each setting.
const SHORT: u64 = 40;
/// How many in the full form. Beside the collections an event takes 0.1 to 0.2 s, and those of one agent are written one after another.
const FULL: u64 = 1_000;
/// How many the eight writers to one agent write then, which is the hardest setting.
const FULL_OF_HARDEST: u64 = 2_000;
/// What runs beside the writers, each in a loop.
const BESIDE: &[&[&str]] = &[
    &["gc", "--quiet", "--prune=now"],
    &["pack-refs", "--all"],
    &["-c", "maintenance.auto=true", "maintenance", "run", "--quiet", "--task=gc", "--task=loose-objects"],
];
/// How often a writer tries to write an event.
const PATIENCE: u32 = 6;
/// What a writer does, apart from writing.
pub(crate) const FAITHFUL: &str = "faithful";

pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    let settings = [(2, true), (4, true), (8, true), (2, false), (4, false), (8, false)];
    for (number, (writers, same)) in settings.into_iter().enumerate() {
        if suite.only().is_some_and(|only| only != number as u64) {
            continue;
        }
        let total = match (suite.is_full, writers, same) {
            (true, 8, true) => FULL_OF_HARDEST,
            (true, ..) => FULL,
            (false, ..) => SHORT,
        };
        let target = if same { "one agent" } else { "an agent each" };
        jobs.push(Job::new(format!("{writers} writers to {target}"), move || {
            let each = total / writers + 1;
            let found = attempt(writers, same, each, FAITHFUL);
            suite.table.add_many(
                "writers beside git gc",
                &format!("writers {number}"),
                writers * each,
                &found,
            );
        }));
    }
    jobs
}

/// Lets processes write, and checks that each event is there once.
pub(crate) fn attempt(writers: u64, same: bool, each: u64, how: &str) -> Vec<Finding> {
    let world = World::new(&lab::bins());
    let repo = world.repo();
    let agents = if same { 1 } else { writers };
    for number in 0..agents {
        let name = format!("w{number}");
        repo.orchestra(["spawn", "--agent", "sh", "--name", &name, "--again", "echo 1 > w"]).succeeded();
    }
    let ids: Vec<String> =
        repo.agents().iter().map(|agent| agent["id"].as_str().expect("an id").to_owned()).collect();
    let over = AtomicBool::new(false);
    let mut wrong = Vec::new();
    let said: Vec<(usize, String)> = std::thread::scope(|scope| {
        for arguments in BESIDE {
            let (repo, over) = (&repo, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let _ = repo.command("git").args(*arguments).output();
                }
            });
        }
        let children: Vec<_> = (0..writers)
            .map(|writer| {
                let at = usize::try_from(writer % agents).expect("few");
                let this = std::env::current_exe().expect("this program");
                let mut command: Command = repo.command(this);
                command.args([WRITER, &ids[at], &format!("token-{writer}"), &each.to_string(), how]);
                (at, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a writer"))
            })
            .collect();
        let ended = children.into_iter().map(|(at, child)| {
            let output = child.wait_with_output().expect("a writer");
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                wrong.push(Column::Stuck.says(format!("a writer could not write: {why}")));
            }
            (at, String::from_utf8_lossy(&output.stdout).into_owned())
        });
        let said = ended.collect();
        over.store(true, Ordering::Relaxed);
        said
    });
    compare(&repo, &ids, &said, &mut wrong);
    sound(&repo, &mut wrong);
    wrong
}

/// Compares what writers reported as written with what is there.
fn compare(repo: &TestRepo<'_>, ids: &[String], said: &[(usize, String)], wrong: &mut Vec<Finding>) {
    for (at, id) in ids.iter().enumerate() {
        let mut there: BTreeMap<String, u64> = BTreeMap::new();
        let events = match lab::caught_value(|| repo.events(id)) {
            Ok(events) => events,
            Err(why) => {
                wrong.push(Column::Lost.says(format!("the log of {id}: {why}")));
                continue;
            }
        };
        for event in events {
            if let Some(reason) = event["reason"].as_str() {
                *there.entry(reason.to_owned()).or_default() += 1;
            }
        }
        let written = said.iter().filter(|(of, _)| *of == at).flat_map(|(_, text)| text.lines());
        for token in written {
            match there.get(token) {
                None => wrong.push(Column::Lost.says(format!("event {token} of {id}"))),
                Some(1) => {}
                Some(times) => {
                    wrong.push(Column::Doubled.says(format!("event {token} of {id}: {times} times")));
                }
            }
        }
    }
}

/// Checks the repository and all worktrees with plain git.
pub(crate) fn sound(repo: &TestRepo<'_>, wrong: &mut Vec<Finding>) {
    let fsck = repo.command("git").args(["fsck", "--strict", "--no-dangling", "--no-progress"]).output();
    let fsck = fsck.expect("git");
    if !fsck.status.success() {
        let said = [fsck.stdout, fsck.stderr].concat();
        wrong.push(Column::Lost.says(format!("fsck: {}", String::from_utf8_lossy(&said))));
    }
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    for path in listed.lines().filter_map(|line| line.strip_prefix("worktree ")) {
        let status = repo.command("git").args(["-C", path, "status", "--porcelain"]).output().expect("git");
        if !status.status.success() {
            let why = String::from_utf8_lossy(&status.stderr).into_owned();
            wrong.push(Column::Lost.says(format!("git status in {path}: {why}")));
        }
    }
}

/// Tries again as the hint of a refusal says: git collects garbage without a pause here.
fn append_patiently(repo: &Repo, id: &AgentId, fact: &Fact) -> Result<(), Error> {
    for _ in 1..PATIENCE {
        match append(repo, id, std::slice::from_ref(fact)) {
            Err(error) if error.is_race() => {}
            other => return other.map(|_| ()),
        }
    }
    append(repo, id, std::slice::from_ref(fact)).map(|_| ())
}

/// Writes events, and prints each as soon as it is written. The arguments: the agent, the start of each text, how many, and how.
pub(crate) fn write(arguments: &[String]) -> ExitCode {
    let [id, prefix, count, how] = arguments else { return ExitCode::FAILURE };
    let repo = Repo::discover(&Environment::of_this_process()).expect("a repository");
    let id = AgentId::parse(id).expect("an id");
    for number in 0..count.parse::<u64>().expect("a number") {
        let reason = format!("{prefix}-{number}");
        let fact = || Fact::Stop { reason: Some(reason.clone()) };
        let times = match how.as_str() {
            "lost" => 0,
            "doubled" => 2,
            _ => 1,
        };
        for _ in 0..times {
            if let Err(error) = append_patiently(&repo, &id, &fact()) {
                eprintln!("{error}: {:?}", error.hints);
                return ExitCode::FAILURE;
            }
        }
        println!("{reason}");
    }
    ExitCode::SUCCESS
}
