//! A repository, or the folder above it, is renamed or deleted while agents run.

use std::{cell::RefCell, fs, path::PathBuf, process::Stdio};

use serde_json::Value;
use testkit::{Ran, TestRepo, World, runs, until};

use crate::{limits, world};

/// What is renamed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Renamed {
    /// Nothing: the results are compared with this case.
    Nothing,
    /// The repository; its worktrees stay next to it.
    Repository,
    /// The directory that contains the repository and its worktrees.
    Parent,
    /// The repository, its worktrees, and the directory that contains them.
    Everything,
}

impl Renamed {
    fn rename(self, world: &World) -> TestRepo<'_> {
        let at = |path: &str| world.dir().join(path);
        let rename = |from: &str, to: &str| fs::rename(at(from), at(to)).expect("renamed");
        let now = match self {
            Self::Nothing => "parent/app",
            Self::Repository => {
                rename("parent/app", "parent/new");
                "parent/new"
            }
            Self::Parent => {
                rename("parent", "other");
                "other/app"
            }
            Self::Everything => {
                rename("parent", "other");
                rename("other/app", "other/new");
                rename("other/app.worktrees", "other/new.worktrees");
                "other/new"
            }
        };
        TestRepo::new(world, at(now))
    }
}

/// One agent in each state.
struct Agents {
    all: Vec<(&'static str, String)>,
}

impl Agents {
    fn start(repo: &TestRepo<'_>) -> Self {
        let ended = repo.spawn("echo 1 > ended.txt");
        repo.end_of(&ended);
        let until_told =
            |name: &str| format!("touch ready; until test -e go; do sleep 0.05; done; echo 1 > {name}.txt");
        let started = |name: &str| {
            let id = repo.spawn(&until_told(name));
            repo.wait_for_file(&id, "ready");
            id
        };
        let paused = started("paused");
        repo.orchestra(["pause", &paused]).succeeded();
        let lost = started("lost");
        kill_supervisor(repo, &lost);
        let running = [started("one"), started("two"), started("three")];
        let waiting =
            repo.spawn_claude(&["--on-prompt", "ask", "-j", "4"], "ask git push\nwrite waiting.txt 1");
        repo.wait_for(&waiting, "waiting");
        let queued =
            repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "4", "echo 1 > queued.txt"]).succeeded();
        let [one, two, three] = running;
        let all = vec![
            ("one", one),
            ("two", two),
            ("three", three),
            ("waiting", waiting),
            ("queued", queued.line()),
            ("paused", paused),
            ("lost", lost),
            ("ended", ended),
        ];
        Self { all }
    }

    fn id(&self, name: &str) -> &str {
        &self.all.iter().find(|(known, _)| *known == name).expect("an agent").1
    }
}

fn kill_supervisor(repo: &TestRepo<'_>, id: &str) {
    let pid = repo.agent(id)["supervisor_pid"].as_i64().expect("a number").to_string();
    assert!(repo.command("kill").args(["-9", &pid]).status().expect("kill").success());
    until("it is lost", || (repo.agent(id)["liveness"] == "lost").then_some(()));
}

/// Runs a command with a time limit.
fn bounded(repo: &TestRepo<'_>, arguments: &[&str]) -> Ran {
    let ran = Ran::of(repo.command("timeout").args(["120", "git", "orchestra"]).args(arguments));
    assert_ne!(ran.code(), 124, "{arguments:?} hangs: {}", ran.stderr());
    ran
}

/// Returns, for each command and each agent, the exit status and the state of the agent afterwards, in a
/// repository with agents in every state.
fn answers(renamed: Renamed) -> Vec<String> {
    let world = world();
    let before = world.repo_named("parent/app").with_scripted_claude();
    let agents = Agents::start(&before);
    let repo = renamed.rename(&world);
    let answers = RefCell::new(Vec::new());
    let ask = |command: &[&str]| {
        for (name, id) in &agents.all {
            if command[0] == "resume" && *name == "waiting" {
                // It would ask again, and nobody would answer.
                continue;
            }
            let code = bounded(&repo, &[command, &[id.as_str()]].concat()).code();
            let agent = repo.agent(id);
            // After an answer the agent continues, and may be in any phase.
            let shown =
                |key: &str| if command[0] == "send" { "" } else { agent[key].as_str().unwrap_or("-") };
            answers.borrow_mut().push(format!(
                "{command:?} {name}: {code} {} {}",
                shown("phase"),
                shown("liveness")
            ));
        }
    };
    for command in [
        &["status"][..],
        &["logs"],
        &["diff"],
        &["worktrees", "--path"],
        &["cleanup", "--dry-run"],
        &["review"],
        &["collect"],
        &["merge-ranked", "--dry-run"],
    ] {
        ask(command);
    }
    for (name, _) in &agents.all {
        let path = repo.agent(agents.id(name))["worktree"].as_str().map(PathBuf::from);
        assert!(path.is_none_or(|path| path.is_dir()), "{renamed:?} {name}");
    }
    for command in [&["worktrees"][..], &["status"], &["sync", "--dry-run"], &["undo", "--dry-run"]] {
        answers.borrow_mut().push(format!("{command:?}: {}", bounded(&repo, command).code()));
    }
    ask(&["send", "-m", "hello"]);
    ask(&["send", "--allow"]);
    repo.end_of(agents.id("waiting"));
    repo.end_of(agents.id("queued"));
    ask(&["pause"]);
    for (_, id) in &agents.all {
        let worktree = repo.agent(id)["worktree"].as_str().map(PathBuf::from).expect("a worktree");
        // Git works in every worktree by now.
        repo.git(["-C", &worktree.to_string_lossy(), "status", "--short"]).succeeded();
        fs::write(worktree.join("go"), "").expect("a file");
    }
    ask(&["resume"]);
    ask(&["stop"]);
    for command in [&["status", "--wait"][..], &["merge-ranked"], &["cleanup"], &["undo"], &["worktrees"]] {
        answers.borrow_mut().push(format!("{command:?}: {}", bounded(&repo, command).code()));
    }
    for name in ["one", "two", "three", "waiting", "queued", "paused", "lost", "ended"] {
        assert!(repo.has("main", &format!("{name}.txt")), "{renamed:?}: the work of {name} landed");
    }
    answers.into_inner()
}

#[test]
fn every_command_works_the_same_in_a_renamed_repository() {
    let expected = answers(Renamed::Nothing);
    for renamed in [Renamed::Repository, Renamed::Parent, Renamed::Everything] {
        assert_eq!(answers(renamed), expected, "{renamed:?}");
    }
}

#[test]
fn an_agent_keeps_working_while_its_repository_is_renamed_repeatedly() {
    let world = world();
    let repo = world.repo_named("parent/app");
    let id = repo.spawn("until test -e go; do echo tick >> ticks; sleep 0.05; done; git log --oneline > log");
    repo.wait_for_file(&id, "ticks");
    let (parent, other) = (world.dir().join("parent"), world.dir().join("other"));
    let ticks = |folder: &PathBuf| {
        let file = folder.join("app.worktrees").join(&id).join("ticks");
        fs::read_to_string(file).map_or(0, |text| text.lines().count())
    };
    let mut seen = 0;
    for (from, to) in [(&parent, &other), (&other, &parent)].repeat(5) {
        fs::rename(from, to).expect("renamed");
        seen = until("it works on", || Some(ticks(to)).filter(|now| *now > seen + 3));
    }
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"running".into(), &1.into()));
    fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"done".into(), &Value::Null));
    assert!(repo.file_in_head(&id, "log").contains("one"), "git worked in it");
    assert!(!other.exists(), "nothing was made in the old place");
}

#[test]
fn waiting_continues_in_a_renamed_repository() {
    let world = world();
    let repo = world.repo_named("parent/app");
    let id = repo.spawn("touch ready; until test -e go; do sleep 0.05; done; echo 1 > made");
    repo.wait_for_file(&id, "ready");
    let wait = |options: &[&str]| {
        let mut command = repo.command(world.bins().join("git-orchestra-status"));
        command.arg("--wait");
        command.args(options).arg(&id).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("status")
    };
    let waiting = [wait(&[]), wait(&["--json"]), wait(&["--watch"])];
    for child in &waiting {
        // A process finds the files it has open wherever they are.
        until("it watches the repository", || {
            let held = fs::read_dir(format!("/proc/{}/fd", child.id())).expect("a process");
            let held = held.flatten().filter_map(|file| fs::read_link(file.path()).ok());
            held.into_iter().any(|file| file.ends_with("parent/app/.git")).then_some(())
        });
    }
    let renamed = Renamed::Repository.rename(&world);
    fs::write(renamed.worktree(&id).join("go"), "").expect("a file");
    for child in waiting {
        let output = child.wait_with_output().expect("an end");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(&id), "{said}");
    }
}

#[test]
fn a_repository_in_the_old_place_is_not_touched() {
    let world = world();
    let before = world.repo_named("parent/app");
    let id = before.spawn("touch ready; until test -e go; do sleep 0.05; done; echo 1 > a");
    before.wait_for_file(&id, "ready");
    let repo = Renamed::Repository.rename(&world);
    let another = world.repo_named("parent/app");
    until("its worktree belongs to the renamed repository", || {
        let link = fs::read_to_string(repo.worktree(&id).join(".git")).expect("a link");
        link.contains("parent/new/.git").then_some(())
    });
    assert_eq!(another.agents(), Vec::<Value>::new());
    another.orchestra(["stop", "--all"]).succeeded();
    fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert!(!another.path().join(".git/orchestra/agents").exists());
}

#[test]
fn waiting_for_a_limit_continues_in_a_renamed_repository() {
    let world = world();
    let before = world.repo_named("parent/app").with_scripted_claude();
    let id = limits::limited(&world, &before);
    let repo = Renamed::Repository.rename(&world);
    until("its worktree belongs to the renamed repository", || {
        let link = fs::read_to_string(repo.worktree(&id).join(".git")).expect("a link");
        link.contains("parent/new/.git").then_some(())
    });
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["liveness"]), (&"paused".into(), &"live".into()), "{agent}");
    limits::end(&world, &repo);
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &2.into()), "{agent}");
    assert_eq!(repo.file_in_head(&id, "before") + &repo.file_in_head(&id, "after"), "1\n2\n");
}

#[test]
fn agents_spawned_by_an_agent_survive_its_end_after_a_rename() {
    let world = world();
    let before = world.repo_named("parent/app");
    let child = "touch ready; until test -e go; do sleep 0.05; done; echo 1 > child.txt";
    let parent = format!(
        "git orchestra spawn --agent sh -d --name child '{child}'; touch ready; until test -e go; do sleep 0.05; done"
    );
    let parent = before.spawn(&parent);
    before.wait_for_file(&parent, "ready");
    let child =
        until("a child", || before.agents().into_iter().find(|agent| agent["parent"] == parent.as_str()));
    let child = child["id"].as_str().expect("an id").to_owned();
    before.wait_for_file(&child, "ready");
    let repo = Renamed::Repository.rename(&world);
    fs::write(repo.worktree(&parent).join("go"), "").expect("a file");
    assert_eq!(repo.end_of(&parent)["phase"], "done");
    assert_eq!(repo.agent(&child)["phase"], "running");
    fs::write(repo.worktree(&child).join("go"), "").expect("a file");
    assert_eq!(repo.end_of(&child)["phase"], "done");
}

#[test]
fn worktree_links_are_repaired_and_reported_by_the_next_writing_command() {
    let world = world();
    let before = world.repo_named("parent/app");
    let id = before.spawn("echo 1 > a");
    before.end_of(&id);
    let repo = Renamed::Parent.rename(&world);
    let worktree = repo.worktree(&id);
    assert!(worktree.starts_with(world.dir().canonicalize().expect("a path").join("other")), "{worktree:?}");
    let link = |file: PathBuf| fs::read_to_string(file).expect("a link");
    let registration = repo.path().join(".git/worktrees").join(&id).join("gitdir");
    let stale = (link(worktree.join(".git")), link(registration.clone()));
    repo.orchestra(["status"]).succeeded();
    assert_eq!((link(worktree.join(".git")), link(registration)), stale, "what only reads writes nothing");
    repo.orchestra(["collect"])
        .succeeded()
        .stderr_has("a folder was renamed or copied: repaired git's links of 1 worktree");
    let listed = repo.git(["worktree", "list", "--porcelain"]).succeeded().stdout();
    assert!(listed.contains(&format!("worktree {}\n", worktree.display())), "{listed}");
    assert!(!listed.contains("prunable"), "{listed}");
    repo.git(["-C", &worktree.to_string_lossy(), "log", "-1"]).succeeded();
}

#[test]
fn no_agent_process_runs_after_its_repository_was_deleted() {
    let world = world();
    let repo = world.repo_named("parent/app");
    repo.git(["config", "orchestra.jobs", "2"]);
    let running: Vec<String> =
        (0..2).map(|_| repo.spawn("echo 1 > work; while :; do sleep 0.05; done")).collect();
    running.iter().for_each(|id| repo.wait_for_file(id, "work"));
    let queued = repo.spawn("true");
    let pids: Vec<i64> = running
        .iter()
        .chain([&queued])
        .flat_map(|id| {
            let agent = repo.agent(id);
            [agent["supervisor_pid"].as_i64(), agent["pid"].as_i64()]
        })
        .flatten()
        .collect();
    assert_eq!(pids.len(), 5, "{pids:?}");
    let worktrees: Vec<PathBuf> = running.iter().map(|id| repo.worktree(id)).collect();
    fs::remove_dir_all(repo.path()).expect("deleted");
    until("nothing runs", || (!pids.iter().any(|pid| runs(*pid))).then_some(()));
    assert!(!repo.path().exists(), "nothing was made in its place");
    for worktree in worktrees {
        assert_eq!(fs::read_to_string(worktree.join("work")).expect("the work stays"), "1\n");
    }
}

#[test]
fn a_session_continues_after_the_parent_directory_was_renamed() {
    let world = world();
    let before = world.repo_named("parent/app").with_scripted_claude();
    let id = before.spawn_claude(&[], "say first");
    let session = before.end_of(&id)["session"].as_str().expect("a session").to_owned();
    // Like the real program, it keeps the session in a directory that is named after the worktree.
    let folder_for = |worktree: PathBuf| {
        let name = worktree.to_string_lossy().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        world.claude_config().join("projects").join(name)
    };
    let old = before.worktree(&id);
    let file = format!("{session}.jsonl");
    let said = world.scripted_conversation(&session);
    fs::create_dir(folder_for(old.clone())).expect("a folder");
    let had = format!("{{\"type\":\"user\",\"cwd\":\"{}\"}}\n{said}", old.display());
    fs::write(folder_for(old.clone()).join(&file), &had).expect("a conversation");
    fs::remove_file(world.claude_config().join("projects/scripted").join(&file)).expect("removed");
    let repo = Renamed::Parent.rename(&world);
    repo.orchestra(["resume", &id, "-m", "say second"]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["session"]), (&"done".into(), &session.as_str().into()));
    let now = fs::read_to_string(folder_for(repo.worktree(&id)).join(&file)).expect("the conversation");
    assert!(now.contains("say first") && now.contains("say second"), "{now}");
    let kept = fs::read_to_string(folder_for(old).join(format!("{file}.before-rename"))).expect("as it was");
    assert_eq!(kept, had);
}

/// Returns an agent that ended while its repository was unavailable, and the pid of its supervisor.
fn ended_while_away(repo: &TestRepo<'_>) -> (String, i64) {
    let id = repo.spawn("echo 1 > work; until test -e go; do echo >> ticks; sleep 0.05; done; touch over");
    repo.wait_for_file(&id, "ticks");
    let agent = repo.agent(&id);
    let pid = |key: &str| agent[key].as_i64().expect("a number");
    let (supervisor, program) = (pid("supervisor_pid"), pid("pid"));
    let worktree = repo.worktree(&id);
    fs::rename(repo.path().join(".git/objects"), repo.path().join(".git/away")).expect("renamed");
    let ticks = || fs::read_to_string(worktree.join("ticks")).map_or(0, |text| text.lines().count());
    let before = ticks();
    until("it works on for some looks of its supervisor", || (ticks() > before + 40).then_some(()));
    fs::write(worktree.join("go"), "").expect("a file");
    until("its program has ended", || (worktree.join("over").exists() && !runs(program)).then_some(()));
    assert!(runs(supervisor));
    (id, supervisor)
}

fn come_back(repo: &TestRepo<'_>) {
    fs::rename(repo.path().join(".git/away"), repo.path().join(".git/objects")).expect("renamed");
}

#[test]
fn an_agent_that_ends_without_its_repository_is_done_once_it_is_back() {
    let world = world();
    let repo = world.repo();
    let (id, _) = ended_while_away(&repo);
    come_back(&repo);
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &1.into()), "{agent}");
    assert_eq!(repo.file_in_head(&id, "work"), "1\n");
}

#[test]
fn a_supervisor_that_waits_for_its_repository_ends_on_request() {
    let world = world();
    let repo = world.repo();
    let (id, supervisor) = ended_while_away(&repo);
    assert!(repo.command("kill").args(["-TERM", &supervisor.to_string()]).status().expect("kill").success());
    until("the supervisor ends", || (!runs(supervisor)).then_some(()));
    come_back(&repo);
    assert_eq!(repo.agent(&id)["liveness"], "lost");
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(repo.file_in_head(&id, "work"), "1\n");
}
