//! The operations: the setup, the command, what must be true if it succeeds, and the commands that complete
//! it after an interruption.

use std::{fs, process::Command};

use testkit::{TestRepo, World, runs, until};

use crate::lab::{Next, words};

/// An operation under test.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The repository in which it runs.
    pub(crate) place: &'static str,
    /// Creates the state before it; no process may be left.
    pub(crate) make: fn(&World),
    /// Commands that run right before, and are subject to faults from the operation on; an agent is running
    /// then.
    pub(crate) start: Option<fn(&TestRepo<'_>) -> Vec<String>>,
    /// Whether the operation ends that agent.
    pub(crate) ends: bool,
    /// The command line of the operation.
    pub(crate) command: fn(&TestRepo<'_>) -> Vec<String>,
    /// What must be true if it exits with 0.
    pub(crate) done: fn(&TestRepo<'_>) -> Result<(), String>,
    /// The commands that complete it after the fault.
    pub(crate) again: fn(&Next<'_>) -> Result<(), String>,
}

const HEADS: &str = "refs/orchestra/heads/";
const AGENT_REFS: &str = "refs/orchestra/agents/";
/// It ends normally, or reports that there is nothing left to do.
const DONE: &[i32] = &[0, 3];

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "verdict",
        place: "repo",
        make: |world| drop(with_agent(world)),
        start: None,
        ends: false,
        command: |_| words(&["review", "a", "--approve"]),
        done: |repo| holds(repo.agent("a")["verdict"] == "approve", "it is not approved"),
        again: |next| next.run(&["review", "a", "--approve"], &[0]),
    },
    Operation {
        name: "spawn",
        place: "repo",
        make: |world| drop(base(world)),
        start: None,
        ends: false,
        command: |_| words(&["spawn", "--agent", "sh", "--name", "n", "--", "echo 1 > w"]),
        done: |repo| work(repo, "w", "1\n"),
        again: |next| {
            next.run(&["stop", "--all"], &[0])?;
            next.run(&["spawn", "--agent", "sh", "--name", "m", "--", "echo 1 > w"], &[0])?;
            next.run(&["collect"], &[0])
        },
    },
    Operation {
        name: "snapshot",
        place: "repo",
        make: |world| drop(base(world)),
        start: Some(|_| live()),
        ends: false,
        command: |_| words(&["collect", "a"]),
        done: |repo| file(repo, "refs/orchestra-local/snapshots/", "w", "1\n"),
        again: |next| next.run(&["collect", "a"], &[0]),
    },
    Operation {
        name: "pause",
        place: "repo",
        make: |world| drop(base(world)),
        start: Some(|_| live()),
        ends: true,
        command: |_| words(&["pause", "a"]),
        done: |repo| {
            let agent = repo.agent("a");
            let is_paused = agent["liveness"] == "ended" && agent["phase"] == "paused";
            holds(is_paused, &format!("it is {}", agent["phase"]))?;
            work(repo, "w", "1\n")
        },
        again: |next| next.run(&["pause", "a"], &[0]),
    },
    Operation {
        name: "send",
        place: "repo",
        make: |world| drop(base(world).with_scripted_claude()),
        start: Some(|_| {
            let task = "write w 1\nawait never";
            words(&["spawn", "--agent", "claude", "-d", "--name", "a", "--", task])
        }),
        ends: false,
        command: |_| words(&["send", "a", "say more"]),
        done: |repo| {
            let id = repo.agent("a")["id"].as_str().unwrap_or_default().to_owned();
            let sent =
                repo.events(&id).iter().any(|event| event["t"] == "send" && event["text"] == "say more");
            holds(sent, "the message is in no event")
        },
        again: |next| {
            let send = || next.run(&["send", "a", "say more"], &[0]);
            // If its supervisor was killed, that is what the refusal hints at.
            send().or_else(|_| next.run(&["resume", "a", "-d"], &[0]).and_then(|()| send()))
        },
    },
    Operation {
        name: "stop",
        place: "repo",
        make: |world| drop(base(world)),
        start: Some(|_| live()),
        ends: true,
        command: |_| words(&["stop", "a"]),
        done: stopped,
        again: |next| {
            next.run(&["stop", "a"], &[0])?;
            next.run(&["collect", "a"], &[0])
        },
    },
    Operation {
        name: "stop-lost",
        place: "repo",
        make: |world| {
            let repo = base(world);
            repo.orchestra(live()).succeeded();
            let agent = until("it runs", || {
                let agent = repo.agent("a");
                let has_work = agent["worktree"]
                    .as_str()
                    .is_some_and(|path| fs::exists(format!("{path}/w")).is_ok_and(|there| there));
                (has_work && agent["phase"] == "running").then_some(agent)
            });
            let pids: Vec<String> = ["supervisor_pid", "pid"]
                .iter()
                .filter_map(|key| agent[*key].as_i64())
                .map(|pid| pid.to_string())
                .collect();
            let killed = Command::new("kill").arg("-9").args(&pids).status().expect("kill");
            assert!(killed.success() && pids.len() == 2, "{agent}");
            until("it is lost", || (repo.agent("a")["liveness"] == "lost").then_some(()));
            // No state remains outside of what a copy contains.
            until("nothing runs", || (!pids.iter().any(runs)).then_some(()));
            std::mem::forget(repo);
        },
        start: None,
        ends: false,
        command: |_| words(&["stop", "a"]),
        done: stopped,
        again: |next| {
            next.run(&["stop", "a"], &[0])?;
            next.run(&["collect", "a"], &[0])
        },
    },
    Operation {
        name: "resume",
        place: "repo",
        make: |world| {
            let repo = base(world);
            repo.orchestra(["spawn", "--agent", "sh", "--name", "a", "--", "touch w.$$"]).succeeded();
        },
        start: None,
        ends: false,
        command: |_| words(&["resume", "a"]),
        done: |repo| {
            holds(repo.agent("a")["phase"] == "done", "it is not done")?;
            let files = repo.git(["ls-tree", "--name-only", &only(repo, HEADS)?]).stdout();
            holds(files.matches("w.").count() >= 2, "its work is not in its head")
        },
        again: |next| {
            next.run(&["stop", "--all"], &[0])?;
            next.run(&["resume", "a"], &[0])
        },
    },
    Operation {
        name: "resume-paused",
        place: "repo",
        make: |world| {
            let repo = base(world);
            repo.orchestra(words(&["spawn", "--agent", "sh", "-d", "--name", "a", "--", WAITS])).succeeded();
            repo.wait_for_file("a", "w");
            repo.orchestra(["pause", "a"]).succeeded();
            fs::write(repo.worktree("a").join("go"), "").expect("a file");
        },
        start: None,
        ends: false,
        command: |_| words(&["resume", "a"]),
        done: |repo| {
            let agent = repo.agent("a");
            holds(agent["phase"] == "done", &format!("it is {}", agent["phase"]))?;
            work(repo, "end", "2\n")
        },
        again: |next| {
            next.run(&["stop", "--all"], &[0])?;
            next.run(&["resume", "a"], &[0])
        },
    },
    Operation {
        name: "collect",
        place: "repo",
        make: |world| {
            let repo = with_agent(world);
            fs::write(repo.worktree("a").join("more"), "2\n").expect("a file");
        },
        start: None,
        ends: false,
        command: |_| words(&["collect", "a"]),
        done: |repo| work(repo, "more", "2\n"),
        again: |next| next.run(&["collect", "a"], &[0]),
    },
    Operation {
        name: "landing",
        place: "repo",
        make: |world| drop(with_agent(world)),
        start: None,
        ends: false,
        command: |_| words(&["merge-ranked", "a", "--test", "true"]),
        done: |repo| {
            holds(repo.has("main", "w"), "main does not have the work")?;
            holds(repo.path().join("w").exists(), "the checkout does not have the work")
        },
        again: |next| {
            next.run(&["merge-ranked", "--continue"], DONE)?;
            if !next.repo().has("main", "w") {
                next.run(&["merge-ranked", "a", "--test", "true"], &[0])?;
            }
            Ok(())
        },
    },
    Operation {
        name: "cleanup",
        place: "repo",
        make: |world| drop(landed(world)),
        start: None,
        ends: false,
        command: |_| words(&["cleanup"]),
        done: |repo| {
            holds(
                repo.refs(AGENT_REFS).is_empty() && repo.refs(HEADS).is_empty(),
                "the agent is still there",
            )?;
            holds(!worktree_exists(repo), "its worktree is still there")?;
            holds(!repo.refs("refs/orchestra/archive").is_empty(), "it is not in the archive")
        },
        again: |next| next.run(&["cleanup"], &[0]),
    },
    Operation {
        name: "undo-cleanup",
        place: "repo",
        make: |world| {
            let repo = landed(world);
            repo.orchestra(["cleanup"]).succeeded();
            // Removed files are deleted in the background.
            let trash = repo.path().with_file_name("repo.worktrees");
            until("the trash is empty", || (!fs::exists(&trash).unwrap_or(true)).then_some(()));
        },
        start: None,
        ends: false,
        command: |_| words(&["undo"]),
        done: is_back,
        again: |next| {
            if is_back(next.repo()).is_err() {
                next.run(&["undo"], &[0])?;
            }
            next.run(&["status"], &[0])
        },
    },
    Operation {
        name: "undo-merge",
        place: "repo",
        make: |world| drop(landed(world)),
        start: None,
        ends: false,
        command: |_| words(&["undo"]),
        done: |repo| {
            holds(!repo.has("main", "w"), "main still has the work")?;
            holds(!repo.path().join("w").exists(), "the checkout still has the work")
        },
        again: |next| {
            if next.repo().has("main", "w") || next.repo().path().join("w").exists() {
                next.run(&["undo"], &[0])?;
            }
            Ok(())
        },
    },
    Operation {
        name: "undo-undo",
        place: "repo",
        make: |world| {
            let repo = landed(world);
            let said = repo.orchestra(["undo"]).succeeded().stderr();
            let id = said.split_once("git orchestra undo ").and_then(|(_, rest)| rest.split(' ').next());
            fs::write(world.dir().join("undo"), id.expect("an id")).expect("written");
        },
        start: None,
        ends: false,
        command: |repo| words(&["undo", &undo_id(repo)]),
        done: |repo| {
            holds(repo.has("main", "w"), "main does not have the work again")?;
            holds(repo.path().join("w").exists(), "the checkout does not have the work again")
        },
        again: |next| {
            if !next.repo().has("main", "w") || !next.repo().path().join("w").exists() {
                next.run(&["undo", &undo_id(next.repo())], &[0])?;
            }
            Ok(())
        },
    },
    Operation {
        name: "sync",
        place: "repo",
        make: |world| drop(with_agent(world)),
        start: None,
        ends: false,
        command: |_| words(&["sync", "--yes"]),
        done: |repo| {
            let there = repo.git(["ls-remote", "origin", "refs/orchestra/*"]).stdout();
            let missing = [AGENT_REFS, HEADS].iter().find(|prefix| !there.contains(**prefix));
            missing.map_or(Ok(()), |prefix| Err(format!("the hub has nothing below {prefix}")))
        },
        again: |next| next.run(&["sync", "--yes"], &[0]),
    },
    Operation {
        name: "fetch",
        place: "clone",
        make: |world| {
            let repo = with_agent(world);
            repo.orchestra(["sync", "--yes"]).succeeded();
            world.git(world.dir(), ["clone", "-q", "hub.git", "clone"]);
        },
        start: None,
        ends: false,
        command: |_| words(&["sync", "--fetch"]),
        done: |repo| work(repo, "w", "1\n").and_then(|()| only(repo, AGENT_REFS).map(|_| ())),
        again: |next| next.run(&["sync", "--fetch"], &[0]),
    },
];

/// Returns the id of the operation that undid the landing.
fn undo_id(repo: &TestRepo<'_>) -> String {
    fs::read_to_string(repo.world().dir().join("undo")).expect("an id")
}

/// Waits for a file, and ends then.
const WAITS: &str = "echo 1 > w; while [ ! -e go ]; do sleep 0.1; done; echo 2 > end";

/// Not an operation, but the state in which commands meet locks: `a` has not landed, `b` has.
pub(crate) const LOCKED: Operation = Operation {
    name: "locked",
    place: "repo",
    make: |world| {
        let repo = base(world);
        repo.orchestra(["spawn", "--agent", "sh", "--name", "b", "--", "echo 2 > landed"]).succeeded();
        repo.orchestra(["merge-ranked", "b"]).succeeded();
        repo.orchestra(["spawn", "--agent", "sh", "--name", "a", "--", "echo 1 > w"]).succeeded();
    },
    start: None,
    ends: false,
    command: |_| Vec::new(),
    done: |_| Ok(()),
    again: |_| Ok(()),
};

fn base(world: &World) -> TestRepo<'_> {
    let repo = world.repo();
    world.git(world.dir(), ["init", "-q", "--bare", "hub.git"]);
    repo.git(["remote", "add", "origin", "../hub.git"]);
    repo.git(["push", "-q", "origin", "main"]);
    repo.git(["config", "orchestra.grace", "1s"]);
    repo
}

fn with_agent(world: &World) -> TestRepo<'_> {
    let repo = base(world);
    repo.orchestra(["spawn", "--agent", "sh", "--name", "a", "--", "echo 1 > w"]).succeeded();
    repo
}

fn landed(world: &World) -> TestRepo<'_> {
    let repo = with_agent(world);
    repo.orchestra(["merge-ranked", "a", "--test", "true"]).succeeded();
    repo
}

fn live() -> Vec<String> {
    words(&["spawn", "--agent", "sh", "-d", "--name", "a", "--", "echo 1 > w; exec sleep 300"])
}

fn holds(right: bool, why: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(why.to_owned()) }
}

/// Returns the only ref below a prefix, or the last of several.
fn only(repo: &TestRepo<'_>, prefix: &str) -> Result<String, String> {
    repo.refs(prefix).pop().map(|(name, _)| name).ok_or_else(|| format!("there is no ref below {prefix}"))
}

/// Checks a file in the commit of a ref.
fn file(repo: &TestRepo<'_>, prefix: &str, file: &str, text: &str) -> Result<(), String> {
    let refs = repo.refs(prefix);
    let has = |name: &String| {
        let shown = repo.command("git").args(["show", &format!("{name}:{file}")]).output().expect("git");
        String::from_utf8_lossy(&shown.stdout) == text
    };
    holds(refs.iter().any(|(name, _)| has(name)), &format!("no ref below {prefix} has {file}"))
}

fn work(repo: &TestRepo<'_>, name: &str, text: &str) -> Result<(), String> {
    file(repo, HEADS, name, text)
}

fn stopped(repo: &TestRepo<'_>) -> Result<(), String> {
    let agent = repo.agent("a");
    holds(agent["liveness"] == "ended" && agent["phase"] == "stopped", &format!("it is {}", agent["phase"]))?;
    work(repo, "w", "1\n")
}

fn worktree_exists(repo: &TestRepo<'_>) -> bool {
    let folder = repo.path().with_file_name("repo.worktrees");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("a-")).count() > 0
}

fn is_back(repo: &TestRepo<'_>) -> Result<(), String> {
    work(repo, "w", "1\n")?;
    only(repo, AGENT_REFS)?;
    only(repo, "refs/heads/orchestra/")?;
    holds(worktree_exists(repo), "its worktree is not back")
}
