//! Kills random processes at random moments, while a person works in the checkout with plain git.
//!
//! Whatever is killed, and whenever: every commit of the person stays on the branch on which it was made,
//! none of their files changes, every agent that was reported as done keeps its work, and the next command
//! works.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use testkit::{SeededRandom, TestRepo, World, until};

use crate::{person::Person, processes};

/// The number of kills in the short run; `ORCHESTRA_KILLS` sets another number.
const SHORT: u64 = 60;
/// After this many kills everything is killed at once, as a reboot does.
const REBOOT_EVERY: u64 = 50;
/// The time limit of one command.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);

#[test]
fn random_kills_lose_no_work_of_a_person() {
    let wanted = std::env::var("ORCHESTRA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(SHORT);
    let seed = std::env::var("ORCHESTRA_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(7);
    let mut world = World::new(&crate::bins());
    if std::env::var_os("ORCHESTRA_KEEP").is_some() {
        world.keep();
        println!("everything stays in {}", world.dir().display());
    }
    let repo = prepared(&world);
    let storm = KillRun::new(wanted);
    let person = std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let mut person = Person::new(&repo, seed);
            while !storm.is_over() {
                person.works();
            }
            person
        });
        for worker in 0..2 {
            let (repo, storm) = (&repo, &storm);
            scope.spawn(move || storm.commands(repo, SeededRandom::from(seed + 100 + worker)));
        }
        storm.kills(&repo, SeededRandom::from(seed + 1));
        working.join().expect("the person's thread")
    });
    recovers(&repo);
    let done = storm.acknowledged.lock().expect("a lock").clone();
    println!(
        "{} kills, {} commands, {} commits of the person, {} agents acknowledged",
        storm.killed.load(Ordering::Relaxed),
        storm.commands.load(Ordering::Relaxed),
        person.commits(),
        done.len()
    );
    for (activity, times) in storm.hit.lock().expect("a lock").iter() {
        println!("{times:>6} kills hit {activity}");
    }
    person.has_everything();
    let objects = repo.git(["rev-list", "--objects", "--all"]).stdout();
    for token in done {
        assert!(objects.contains(&token), "the work '{token}' of an acknowledged agent is in no ref");
    }
    assert_eq!(locks(&repo), Vec::<PathBuf>::new(), "stale locks that were not removed");
    repo.git(["fsck", "--strict", "--no-dangling"]);
    let hung = storm.hung.lock().expect("a lock").clone();
    assert!(hung.is_empty(), "commands that did not end: {hung:?}");
}

fn prepared(world: &World) -> TestRepo<'_> {
    let repo = world.repo();
    repo.commit(
        "prepare",
        &[
            (".gitignore", "ignored/\n"),
            ("users/shared.txt", "0\n"),
            ("agents/README", "agents write here\n"),
        ],
    );
    repo.git(["branch", "topic"]);
    world.git(world.dir(), ["init", "-q", "--bare", "hub.git"]);
    repo.git(["remote", "add", "origin", "../hub.git"]);
    repo.git(["push", "-q", "origin", "main"]);
    repo.git(["config", "orchestra.agent", "sh"]);
    repo.git(["config", "orchestra.grace", "1s"]);
    repo
}

/// Checks that the commands a person would type next bring everything to an end.
fn recovers(repo: &TestRepo<'_>) {
    for arguments in [
        &["merge-ranked", "--abort"][..],
        &["stop", "--all"],
        &["collect"],
        &["cleanup"],
        &["undo"],
        &["spawn", "echo after > agents/after"],
    ] {
        let (code, said) = bounded(repo, arguments).unwrap_or_else(|| panic!("{arguments:?} did not end"));
        // 1 and 3 are valid answers: nothing to abort, nothing to undo, a killed agent is not done.
        assert!([0, 1, 3].contains(&code), "{arguments:?} ended with {code}:\n{said}");
    }
    // Processes that end by themselves, such as a supervisor after its last event, get the time for it.
    until("nothing outlives 'stop --all'", || processes::of(repo.world(), |_| true).is_empty().then_some(()));
}

/// The state that the threads share.
struct KillRun {
    wanted: u64,
    killed: AtomicU64,
    commands: AtomicU64,
    over: AtomicBool,
    acknowledged: Mutex<Vec<String>>,
    hung: Mutex<Vec<String>>,
    /// The number of kills for each activity.
    hit: Mutex<BTreeMap<String, u64>>,
}

impl KillRun {
    fn new(wanted: u64) -> Self {
        Self {
            wanted,
            killed: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            over: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            hung: Mutex::default(),
            hit: Mutex::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Kills processes of the world, except the person's own, until the number is reached.
    fn kills(&self, repo: &TestRepo<'_>, mut numbers: SeededRandom) {
        let begun = Instant::now();
        while self.killed.load(Ordering::Relaxed) < self.wanted && begun.elapsed() < Duration::from_secs(3600)
        {
            std::thread::sleep(Duration::from_millis(numbers.below(150)));
            let running =
                processes::of(repo.world(), |environment| !environment.contains("ORCHESTRA_TEST_PERSON="));
            if running.is_empty() {
                continue;
            }
            let reboot = self.killed.load(Ordering::Relaxed) % REBOOT_EVERY == REBOOT_EVERY - 1;
            let one = usize::try_from(numbers.below(running.len() as u64)).unwrap_or(0);
            let chosen = if reboot { &running[..] } else { &running[one..=one] };
            for pid in chosen {
                let activity = processes::activity(repo, *pid);
                if processes::kill(*pid) {
                    self.killed.fetch_add(1, Ordering::Relaxed);
                    *self.hit.lock().expect("a lock").entry(activity).or_default() += 1;
                }
            }
        }
        self.over.store(true, Ordering::Relaxed);
    }

    /// Runs commands of the suite, one after another.
    fn commands(&self, repo: &TestRepo<'_>, mut numbers: SeededRandom) {
        while !self.is_over() {
            let number = self.commands.fetch_add(1, Ordering::Relaxed);
            let token = format!("work-{number:05}");
            let script = format!(
                "echo {token} > agents/{token}; git add .; git commit -qm {token}; echo {token} b > agents/{token}-b"
            );
            let arguments: Vec<&str> = match numbers.below(12) {
                0..=3 => vec!["spawn", "--name", &token, &script],
                4 | 5 => vec!["merge-ranked"],
                6 => vec!["merge-ranked", "--test", "true"],
                7 => vec!["undo"],
                8 => vec!["cleanup"],
                9 => vec!["resume", "--all", "-d"],
                10 => vec!["sync", "--yes"],
                _ => vec!["merge-ranked", "--continue"],
            };
            match bounded(repo, &arguments) {
                None => self.hung.lock().expect("a lock").push(arguments.join(" ")),
                Some((0, _)) if arguments[0] == "spawn" => {
                    self.acknowledged.lock().expect("a lock").extend([token.clone(), format!("{token}-b")]);
                }
                Some(_) => {}
            }
        }
    }
}

/// Runs `git orchestra …` and returns its exit status and output, or `None` if it did not end in time.
fn bounded(repo: &TestRepo<'_>, arguments: &[&str]) -> Option<(i32, String)> {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let out = log.reopen().expect("a file");
    let mut command: Command = repo.orchestra_command(arguments);
    command.stdout(out.try_clone().expect("a file")).stderr(out).stdin(Stdio::null());
    let mut child = command.spawn().expect("git");
    let begun = Instant::now();
    while begun.elapsed() < COMMAND_LIMIT {
        if let Some(status) = child.try_wait().expect("a status") {
            let said = std::fs::read_to_string(log.path()).unwrap_or_default();
            return Some((status.code().unwrap_or(-1), said));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Returns lock files that block the person or us. Locks of an agent's own git in its worktree belong to
/// the agent.
fn locks(repo: &TestRepo<'_>) -> Vec<PathBuf> {
    let git_dir = repo.path().join(".git");
    let mut found: Vec<PathBuf> = std::fs::read_dir(&git_dir)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "lock"))
        // Locks of git's automatic maintenance in the agents' worktrees block only the next maintenance.
        .filter(|path| !path.ends_with("gc.pid.lock"))
        .collect();
    let mut open = vec![git_dir.join("refs")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "lock") {
                found.push(path);
            }
        }
    }
    found
}
