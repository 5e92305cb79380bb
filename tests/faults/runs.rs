//! kill -9 of random programs of ours while a plan of ten tasks is carried out: the one that drives the run, supervisors, and what they
//! start. `run --continue` follows until the run has ended: then each task has landed once, tested, and nothing is left.

use std::{
    collections::BTreeSet,
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use testkit::{SeededRandom, TestRepo, World, processes_in};

use crate::{
    Job, Suite, checks, lab,
    supervisors::kill,
    table::{Column, Finding},
    writers,
};

/// The kills of all runs together, and of one run.
const SHORT: (u64, u64) = (12, 12);
const FULL: (u64, u64) = (500, 25);
/// The number of tasks.
const TASKS: usize = 10;
/// The pauses between two kills, in milliseconds.
const PAUSES: (u64, u64) = (5, 250);
/// How long one run may take, with all kills.
const LIMIT: Duration = Duration::from_secs(180);
/// How long a process may still run after the end.
const GRACE: Duration = Duration::from_secs(20);
/// How often a person continues a run after the last kill.
const MOST_CONTINUED: usize = 6;
/// The check of every landing: it notes which files it saw. It names no file by an absolute path, which would be a part of its environment.
const CHECK: &str = r#"sleep 0.05; ls [0-9] | tr '\n' ' ' >> "$HOME/tested"; echo >> "$HOME/tested""#;

pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    vec![Job::new("runs", move || {
        let (all, each) = if suite.is_full { FULL } else { SHORT };
        let (mut killed, mut number) = (0, suite.only().unwrap_or(0));
        while killed < all {
            let seed = suite.seed.wrapping_add(number << 20);
            let mut done = 0;
            let found = match lab::caught_value(|| one(seed, each.min(all - killed), &mut done)) {
                Ok(found) => found,
                Err(why) => vec![Column::Stuck.says(why)],
            };
            suite.table.add_many("kill -9 in a run", &format!("runs {number}"), done, &found);
            if suite.only().is_some() {
                break;
            }
            // A run in which nothing could be killed must not be repeated without an end.
            (killed, number) = (killed + done.max(1), number + 1);
        }
    })]
}

/// Returns the plan: some tasks come after others, so that the run lands several times.
fn plan() -> String {
    let task = |at: usize| {
        let after = if at >= 6 { format!(" (after: t{})", at - 6) } else { String::new() };
        format!("- [ ] `t{at}` echo task{at} > {at}; sleep 0.1{after}\n")
    };
    (0..TASKS).map(task).collect()
}

fn one(seed: u64, kills: u64, done: &mut u64) -> Vec<Finding> {
    let world = World::new(&lab::bins());
    let repo = world.repo();
    repo.git(["config", "orchestra.grace", "1s"]);
    repo.git(["config", "orchestra.slots", "4"]);
    repo.write("plan.md", &plan());
    let mut numbers = SeededRandom::from(seed);
    let begun = Instant::now();
    let mut driver = drive(&repo);
    let mut victims = Vec::new();
    while *done < kills && begun.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(numbers.between(PAUSES.0, PAUSES.1)));
        if driver.try_wait().expect("a child").is_some() {
            if has_ended(&repo) {
                break;
            }
            help(&repo);
            driver = drive(&repo);
        }
        let ours = ours(&world);
        let Some((pid, line)) = ours.get(index(&mut numbers, ours.len())) else { continue };
        kill(*pid);
        victims.push(line.clone());
        *done += 1;
    }
    let mut wrong = Vec::new();
    wait(&mut driver);
    for _ in 0..MOST_CONTINUED {
        if has_ended(&repo) {
            break;
        }
        help(&repo);
        wait(&mut drive(&repo));
    }
    let report = report(&repo);
    wrong.extend(landed_once(&repo, &world, &report));
    wrong.extend(left(&world, &repo));
    checks::agents(&repo, &mut wrong);
    writers::sound(&repo, &mut wrong);
    if !wrong.is_empty() {
        println!("killed: {}", victims.join(" | "));
    }
    wrong
}

fn index(numbers: &mut SeededRandom, len: usize) -> usize {
    usize::try_from(numbers.below(len as u64)).expect("few")
}

/// Returns the programs of ours that run, with their command lines.
fn ours(world: &World) -> Vec<(u32, String)> {
    let is_ours = |line: &str| line.split(' ').next().is_some_and(|word| word.contains("git-orchestra"));
    processes_in(world).into_iter().filter(|(_, line)| is_ours(line)).collect()
}

/// Starts the run, or continues it if it has begun.
fn drive(repo: &TestRepo<'_>) -> Child {
    let mut command = repo.command(repo.world().bins().join("git-orchestra-run"));
    match run_of(repo) {
        Some(run) => command.args(["--continue", &run]),
        None => command.args(["plan.md", "--agent", "sh", "--check", CHECK, "-j", "4"]),
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
}

/// Waits for the end of a program, which is killed if it takes too long.
fn wait(child: &mut Child) {
    let begun = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begun.elapsed() > LIMIT {
            kill(child.id());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn run_of(repo: &TestRepo<'_>) -> Option<String> {
    let runs = repo.refs("refs/orchestra/runs/");
    runs.first().and_then(|(name, _)| name.rsplit('/').next()).map(str::to_owned)
}

/// Does what `run` advises a person to do: resumes the agents that were lost too often.
fn help(repo: &TestRepo<'_>) {
    for agent in repo.agents().iter().filter(|agent| agent["liveness"] == "lost") {
        repo.orchestra(["resume", agent["id"].as_str().unwrap_or_default(), "-d"]);
    }
}

/// Returns whether the run has begun and ended.
fn has_ended(repo: &TestRepo<'_>) -> bool {
    let phase = repo
        .git(["for-each-ref", "--format=%(trailers:key=Orchestra-State,valueonly)", "refs/orchestra/runs/"])
        .stdout();
    !phase.trim().is_empty() && phase.trim() != "running"
}

/// Returns the report of the run, which has ended.
fn report(repo: &TestRepo<'_>) -> Value {
    let Some(run) = run_of(repo) else { return Value::Null };
    let ended = repo.orchestra(["run", "--continue", &run, "--json"]);
    serde_json::from_str(&ended.stdout()).unwrap_or(Value::Null)
}

fn landed_once(repo: &TestRepo<'_>, world: &World, report: &Value) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let tasks = report["tasks"].as_array().cloned().unwrap_or_default();
    wrong.extend(Column::Stuck.unless(tasks.len() == TASKS, || format!("the report is {report}")));
    for (at, task) in tasks.iter().enumerate() {
        let says = || format!("{} is {}: {}", task["id"], task["outcome"], task["reason"]);
        let has_landed = task["outcome"] == "landed";
        wrong.extend(Column::Stuck.unless(has_landed || is_excused(task, &tasks), says));
        let name = at.to_string();
        let times = repo.git(["log", "--format=%s", "main", "--", &name]).stdout().lines().count();
        let column = if times < usize::from(has_landed) { Column::Lost } else { Column::Doubled };
        let landed = || format!("the work of t{at} landed {times} times");
        wrong.extend(column.unless(times == usize::from(has_landed), landed));
    }
    let agents = repo.agents().len();
    wrong.extend(Column::Doubled.unless(agents <= TASKS, || format!("{agents} agents")));
    let files = repo.git(["ls-tree", "--name-only", "main"]).stdout();
    let files: Vec<&str> = files.lines().filter(|name| name.len() == 1).collect();
    let tested = fs::read_to_string(world.home().join("tested")).unwrap_or_default();
    let tested: BTreeSet<Vec<&str>> = tested.lines().map(|line| line.split_whitespace().collect()).collect();
    wrong.extend(Column::Untrue.unless(tested.contains(&files), || format!("{files:?} was not tested")));
    wrong
}

/// Returns whether a task could not be done: a program that is about to start still looks like the supervisor that starts it, and an agent
/// whose program is killed has failed.
fn is_excused(task: &Value, tasks: &[Value]) -> bool {
    let reason = task["reason"].as_str().unwrap_or_default();
    let needed = reason.strip_prefix("needs '").and_then(|rest| rest.split('\'').next());
    let needed = needed.and_then(|id| tasks.iter().find(|other| other["id"] == id));
    reason.contains("ended by signal 9") || needed.is_some_and(|needed| is_excused(needed, tasks))
}

/// Looks for processes and worktrees that belong to nobody.
fn left(world: &World, repo: &TestRepo<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let begun = Instant::now();
    let mut found = processes_in(world);
    while !found.is_empty() && begun.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(50));
        found = processes_in(world);
    }
    wrong.extend(Column::Survivors.unless(found.is_empty(), || format!("{found:?}")));
    repo.orchestra(["collect"]);
    let listed = repo.git(["worktree", "list"]).stdout();
    let most = repo.agents().len() + 1;
    wrong.extend(Column::Ghosts.unless(listed.lines().count() <= most, || format!("worktrees: {listed}")));
    let locks = repo.git(["rev-parse", "--git-dir"]).line();
    let locks = fs::read_dir(repo.path().join(locks)).expect("a folder").flatten();
    let stale: Vec<_> =
        locks.filter(|entry| entry.path().extension().is_some_and(|end| end == "lock")).collect();
    wrong.extend(Column::Ghosts.unless(stale.is_empty(), || format!("{stale:?}")));
    wrong
}
