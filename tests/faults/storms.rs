//! Many commands at the same moment: spawns of different agents, resumes of one.

use std::{
    collections::BTreeSet,
    process::{Child, Stdio},
};

use testkit::{TestRepo, World, processes_in, until};

use crate::{
    Job, Suite, checks, lab, supervisors,
    table::{Column, Finding},
    writers,
};

/// The number of spawns, each a process.
const SPAWNS: u64 = 50;
/// The number of resumes of one agent.
const RESUMES: u64 = 20;

pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    if suite.only().is_none_or(|only| only == 0) {
        jobs.push(Job::new("spawns at once", move || {
            let count = if suite.is_full { SPAWNS } else { SPAWNS / 2 };
            suite.table.add_many("spawns at once", "storms 0", count, &spawns(count));
        }));
    }
    if suite.only().is_none_or(|only| only == 1) {
        jobs.push(Job::new("resumes at once", move || {
            let rounds = if suite.is_full { 5 } else { 1 };
            for _ in 0..rounds {
                suite.table.add_many("resumes of one at once", "storms 1", RESUMES, &resumes());
            }
        }));
    }
    jobs
}

fn at_once(
    repo: &TestRepo<'_>,
    count: u64,
    arguments: impl Fn(u64) -> Vec<String>,
) -> Vec<(Option<i32>, String)> {
    let start = |number: u64| -> Child {
        let mut command = repo.orchestra_command(arguments(number));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("git")
    };
    let started: Vec<Child> = (0..count).map(start).collect();
    let ended = started.into_iter().map(|child| {
        let output = child.wait_with_output().expect("an end");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    });
    ended.collect()
}

fn spawns(count: u64) -> Vec<Finding> {
    let world = World::new(&lab::bins());
    // Creating a branch from one that tracks an upstream locks the configuration.
    world.repo_named("origin");
    world.git(world.dir(), ["clone", "-q", "origin", "repo"]);
    let repo = TestRepo::new(&world, world.dir().join("repo"));
    let mut wrong = Vec::new();
    let ended = at_once(&repo, count, |number| {
        let (name, task) = (format!("s{number}"), format!("echo {number} > w"));
        lab::words(&["spawn", "--agent", "sh", "-d", "--name", &name, "--", &task])
    });
    for (code, said) in ended {
        wrong.extend(Column::Stuck.unless(code == Some(0), || format!("spawn ended with {code:?}: {said}")));
    }
    until("all have ended", || repo.agents().iter().all(|agent| agent["liveness"] == "ended").then_some(()));
    let agents = repo.agents();
    let there = agents.iter().filter(|agent| agent["phase"] == "done" && agent["commits"] == 1).count();
    wrong.extend(
        Column::Lost
            .unless(there as u64 == count, || format!("{there} of {count} agents have done their work")),
    );
    checks::agents(&repo, &mut wrong);
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    let registered = listed.lines().filter(|line| line.starts_with("worktree ")).count();
    wrong.extend(
        Column::Ghosts.unless(registered == agents.len() + 1, || format!("{registered} worktrees: {listed}")),
    );
    writers::sound(&repo, &mut wrong);
    wrong
}

fn resumes() -> Vec<Finding> {
    let world = World::new(&lab::bins());
    let repo = world.repo();
    let nap = supervisors::nap(&world, "nap");
    repo.git(["config", "orchestra.grace", "1s"]);
    let id = repo.spawn(&format!("echo 1 > w; exec {nap} 300"));
    repo.wait_for_file(&id, "w");
    let agent = repo.agent(&id);
    for key in ["supervisor_pid", "pid"] {
        let pid = agent[key].as_u64().expect("a pid");
        supervisors::kill(u32::try_from(pid).expect("a pid"));
    }
    until("it is lost", || (repo.agent(&id)["liveness"] == "lost").then_some(()));
    let mut wrong = Vec::new();
    let over = std::sync::atomic::AtomicBool::new(false);
    let most = std::thread::scope(|scope| {
        // Counts the programs that run at the same moment.
        let watching = scope.spawn(|| {
            let mut most = BTreeSet::new();
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let running: BTreeSet<u32> = processes_in(&world)
                    .into_iter()
                    .filter(|(_, line)| line.starts_with(&nap))
                    .map(|(pid, _)| pid)
                    .collect();
                if running.len() > most.len() {
                    most = running;
                }
            }
            most
        });
        let ended = at_once(&repo, RESUMES, |_| lab::words(&["resume", &id, "-d"]));
        let resumed = ended.iter().filter(|(code, _)| *code == Some(0)).count();
        wrong.extend(Column::Stuck.unless(resumed > 0, || format!("no resume succeeded: {ended:?}")));
        for (code, said) in &ended {
            let is_answer = *code == Some(0) || said.contains("error: ");
            wrong.extend(Column::Untrue.unless(is_answer, || format!("resume ended with {code:?}: {said}")));
        }
        repo.wait_for(&id, "running");
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        watching.join().expect("the watching thread")
    });
    wrong.extend(Column::Doubled.unless(most.len() <= 1, || format!("programs at the same time: {most:?}")));
    let attempt = repo.agent(&id)["attempt"].clone();
    wrong.extend(Column::Doubled.unless(attempt == 2, || format!("it is at attempt {attempt}, not 2")));
    repo.orchestra(["stop", "--all"]).succeeded();
    wrong.extend(supervisors::survivors(&world, &nap));
    checks::agents(&repo, &mut wrong);
    wrong
}
