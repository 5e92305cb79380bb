//! kill -9 of supervisors and programs, with agents whose processes try everything to stay: they fork twice, begin a session, ignore
//! TERM, hold pipes open, fork while they are killed, clear their environment, and leave the worktree.

use std::{path::PathBuf, process::Command};

use testkit::{SeededRandom, TestRepo, World, processes_in, runs, until};

use crate::{
    Job, Suite, checks, lab,
    table::{Column, Finding},
    writers,
};

/// The number of agents and of kills.
const SHORT: (usize, u64) = (10, 20);
const FULL: (usize, u64) = (16, 200);

/// What the agents do; `NAP` sleeps for that many seconds, and is a program that only this agent runs.
const SCRIPTS: &[(&str, &str)] = &[
    ("plain", "exec NAP 300"),
    ("ignores", "trap '' TERM INT HUP; while :; do NAP 1; done"),
    ("forks", "(NAP 300 &) ; exec NAP 300"),
    ("session", "setsid NAP 300 & exec NAP 300"),
    ("daemon", "(setsid sh -c 'trap \"\" TERM; NAP 300' &) ; exec NAP 300"),
    ("pipe", "(NAP 300 | cat) & exec NAP 300"),
    ("cleared", "(env -i NAP 300 &) ; exec NAP 300"),
    ("leaves", "cd /; (env -i setsid NAP 300 </dev/null >/dev/null 2>&1 &) ; exec env -i NAP 300"),
    ("breeds", "while :; do (NAP 3 &) ; NAP 0.3; done"),
    ("commits", "git add w; git commit -qm w; echo 2 > x; exec NAP 300"),
];

/// Where an agent is hit.
#[derive(Clone, Copy, Debug)]
enum Hit {
    Supervisor,
    Program,
    Both,
}

pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    vec![Job::new("supervisors", move || storm(suite))]
}

/// One agent that runs, and its program.
struct Running {
    name: &'static str,
    id: String,
    nap: String,
}

fn storm(suite: &Suite<'_>) {
    let (agents, kills) = if suite.is_full { FULL } else { SHORT };
    let world = World::new(&lab::bins());
    let repo = world.repo();
    repo.git(["config", "orchestra.grace", "1s"]);
    let started: Vec<Running> = (0..agents).map(|number| start(&world, &repo, number)).collect();
    for agent in &started {
        repo.wait_for_file(&agent.id, "w");
    }
    let first = suite.only().unwrap_or(0);
    for number in first..suite.only().map_or(kills, |only| only + 1) {
        let mut numbers = SeededRandom::from(suite.seed.wrapping_add(number << 20));
        let agent = &started[usize::try_from(number % agents as u64).expect("few")];
        let hit = [Hit::Supervisor, Hit::Supervisor, Hit::Both, Hit::Program];
        let hit = hit[usize::try_from(numbers.below(4)).expect("few")];
        let by_stop = numbers.below(3) == 0;
        let found = match lab::caught_value(|| one(&world, &repo, agent, hit, by_stop)) {
            Ok(found) => found,
            Err(why) => vec![Column::Stuck.says(why)],
        };
        let name = agent.name;
        let found: Vec<Finding> =
            found.into_iter().map(|one| one.column.says(format!("{name}, {hit:?}: {one}"))).collect();
        suite.table.add("kill -9 of a supervisor", &format!("supervisors {number}"), &found);
    }
    let mut wrong = Vec::new();
    let stopped = repo.orchestra(["stop", "--all"]);
    wrong.extend(Column::Stuck.unless(stopped.code() == 0, || format!("stop --all: {}", stopped.stderr())));
    for agent in &started {
        wrong.extend(survivors(&world, &agent.nap));
    }
    checks::agents(&repo, &mut wrong);
    writers::sound(&repo, &mut wrong);
    suite.table.add("all are stopped", "supervisors", &wrong);
}

fn start(world: &World, repo: &TestRepo<'_>, number: usize) -> Running {
    let (name, script) = SCRIPTS[number % SCRIPTS.len()];
    let nap = nap(world, &format!("nap-{number}-"));
    let script = format!("echo 1 > w; {}", script.replace("NAP", &nap));
    let name_of_agent = format!("{name}{number}");
    let id = repo
        .orchestra([
            "spawn",
            "--agent",
            "sh",
            "-d",
            "--again",
            "-j",
            "99",
            "--name",
            &name_of_agent,
            "--",
            &script,
        ])
        .succeeded()
        .line();
    Running { name, id, nap }
}

fn one(world: &World, repo: &TestRepo<'_>, agent: &Running, hit: Hit, by_stop: bool) -> Vec<Finding> {
    let id = &agent.id;
    let mut wrong = Vec::new();
    let before = repo.agent(id);
    let pid = |key: &str| before[key].as_u64().and_then(|pid| u32::try_from(pid).ok());
    let (Some(supervisor), Some(program)) = (pid("supervisor_pid"), pid("pid")) else {
        return vec![Column::Ghosts.says(format!("it should run: {before}"))];
    };
    let old: Vec<u32> = of(world, &agent.nap).into_iter().map(|(pid, _)| pid).collect();
    let killed = match hit {
        Hit::Supervisor => vec![supervisor],
        Hit::Program => vec![program],
        Hit::Both => vec![supervisor, program],
    };
    for pid in &killed {
        kill(*pid);
    }
    until("the killed processes are gone", || (!killed.iter().any(runs)).then_some(()));
    if matches!(hit, Hit::Program) {
        let ended = repo.end_of(id);
        wrong.extend(
            Column::Untrue.unless(ended["phase"] == "failed", || format!("it is {}", ended["phase"])),
        );
    } else {
        // In one call, at once.
        let now = repo.agent(id);
        let is_true = now["liveness"] == "lost" && now["supervisor_pid"].is_null();
        wrong.extend(Column::Untrue.unless(is_true, || format!("its supervisor is dead, but {now}")));
    }
    if by_stop {
        let stopped = repo.orchestra(["stop", id]);
        wrong.extend(Column::Stuck.unless(stopped.code() == 0, || format!("stop: {}", stopped.stderr())));
        wrong.extend(survivors(world, &agent.nap));
    }
    wrong.extend(Column::Lost.unless(is_kept(repo, id), || "the file of its worktree".to_owned()));
    let resumed = repo.orchestra(["resume", id, "-d"]);
    wrong.extend(Column::Stuck.unless(resumed.code() == 0, || format!("resume: {}", resumed.stderr())));
    repo.wait_for(id, "running");
    let left: Vec<u32> = old.iter().copied().filter(|pid| runs(pid)).collect();
    wrong.extend(Column::Survivors.unless(left.is_empty(), || format!("of the attempt before: {left:?}")));
    for pid in left {
        kill(pid);
    }
    wrong.extend(Column::Lost.unless(is_kept(repo, id), || "the file after it was resumed".to_owned()));
    wrong
}

/// Whether the file that an agent wrote is in its worktree or its head.
fn is_kept(repo: &TestRepo<'_>, id: &str) -> bool {
    let worktree: PathBuf = repo.agent(id)["worktree"].as_str().unwrap_or_default().into();
    let there = std::fs::read_to_string(worktree.join("w")).unwrap_or_default();
    let in_head = repo.command("git").args(["show", &format!("refs/orchestra/heads/{id}:w")]).output();
    there == "1\n" || in_head.is_ok_and(|shown| shown.stdout == b"1\n")
}

/// Copies `sleep` into a world under another name, and returns its path: a process that runs it is known by that, whatever it does
/// to its environment and folder.
pub(crate) fn nap(world: &World, name: &str) -> String {
    let sleep = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("sleep"))
        .find(|path| path.exists())
        .expect("sleep");
    let nap = world.dir().join(name);
    std::fs::copy(sleep, &nap).expect("a copy");
    nap.display().to_string()
}

fn of(world: &World, nap: &str) -> Vec<(u32, String)> {
    processes_in(world).into_iter().filter(|(_, line)| line.starts_with(nap)).collect()
}

/// Returns the processes of an agent that should not run; they are killed, so that each is found once.
pub(crate) fn survivors(world: &World, nap: &str) -> Option<Finding> {
    let left = of(world, nap);
    for (pid, _) in &left {
        kill(*pid);
    }
    Column::Survivors.unless(left.is_empty(), || format!("{left:?}"))
}

/// Kills a process.
pub(crate) fn kill(pid: u32) {
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).output();
}
