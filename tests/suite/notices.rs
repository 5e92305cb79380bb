//! `orchestra.notify`: a person gets one notice of each event, and what the command does changes nothing.

use std::{path::PathBuf, time::Duration};

use orchestra::{
    context::{Context, Limits},
    model::AgentId,
    ops::notices,
    supervise::notices::{Notice, NoticeKind},
};
use serde_json::Value;
use testkit::{TestRepo, until};

use crate::{environment, library, limits, world};

/// A command that appends what it gets to files in the git directory: it runs in the main folder.
const TELL: &str = "object=$(cat); printf '%s|%s|%s|%s\\n' \"$ORCHESTRA_NOTICE\" \"$ORCHESTRA_AGENT\" \"$ORCHESTRA_REASON\" \
                    \"$ORCHESTRA_ATTEMPT\" >> .git/told; printf '%s\\n' \"$object\" >> .git/objects-told";

fn file(repo: &TestRepo<'_>, name: &str) -> PathBuf {
    repo.path().join(".git").join(name)
}

fn told(repo: &TestRepo<'_>) -> Vec<String> {
    let text = std::fs::read_to_string(file(repo, "told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until as many notices came, and returns their kinds.
fn kinds(repo: &TestRepo<'_>, number: usize) -> Vec<String> {
    let all = until("the notices came", || Some(told(repo)).filter(|all| all.len() >= number));
    all.iter().map(|line| line.split('|').next().unwrap_or_default().to_owned()).collect()
}

/// Waits until as many objects came, and returns them.
fn objects(repo: &TestRepo<'_>, number: usize) -> Vec<Value> {
    let text = || std::fs::read_to_string(file(repo, "objects-told")).unwrap_or_default();
    let whole = until("the objects came", || Some(text()).filter(|text| text.lines().count() >= number));
    whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn diary(repo: &TestRepo<'_>) -> String {
    std::fs::read_to_string(file(repo, "orchestra/diary")).unwrap_or_default()
}

#[test]
fn each_event_of_an_agent_is_told_once() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.notify", TELL]).succeeded();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "ask make 'x; $(touch .git/owned)'\nwrite a 1");
    repo.wait_for(&id, "waiting");
    assert_eq!(kinds(&repo, 1), ["waits"]);
    repo.orchestra(["send", &id, "--allow"]).succeeded();
    repo.end_of(&id);
    assert_eq!(kinds(&repo, 2), ["waits", "done"]);
    let lines = told(&repo);
    assert_eq!(lines[0], format!("waits|{id}|Bash make 'x; $(touch .git/owned)'|"));
    assert!(!file(&repo, "owned").exists());
    let objects = objects(&repo, 2);
    let done = &objects[1];
    assert_eq!((&done["notice"], &done["id"], &done["phase"]), (&"done".into(), &id.into(), &"done".into()));
    let failed = repo.spawn("exit 3");
    repo.end_of(&failed);
    kinds(&repo, 3);
    assert_eq!(told(&repo)[2], format!("failed|{failed}|exit code 3|"));
    // What a person asks for is not told.
    let stopped = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&stopped, "running");
    repo.orchestra(["stop", &stopped]).succeeded();
    let late =
        repo.orchestra(["spawn", "--agent", "sh", "-d", "--max-time", "1s", "while :; do sleep 0.1; done"]);
    repo.end_of(&late.succeeded().line());
    assert_eq!(kinds(&repo, 4), ["waits", "done", "failed", "timeout"]);
}

#[test]
fn a_killed_supervisor_does_not_tell_twice() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.notify", TELL]).succeeded();
    let id = limits::limited(&world, &repo);
    assert_eq!(kinds(&repo, 1), ["paused"]);
    let pid = repo.agent(&id)["supervisor_pid"].to_string();
    repo.command("kill").args(["-9", &pid]).status().expect("kill");
    until("it is not supervised", || (repo.agent(&id)["liveness"] != "live").then_some(()));
    limits::end(&world, &repo);
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(kinds(&repo, 2), ["paused", "done"]);
    let lines = told(&repo);
    assert!(lines[0].contains("limit until") && lines[0].contains(&id), "{lines:?}");
}

#[test]
fn the_ends_of_runs_and_landings_are_told() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.notify", TELL]).succeeded();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    let ran =
        repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", "true", "--json"]).succeeded().json();
    let mut all = kinds(&repo, 2);
    all.sort();
    assert_eq!(all, ["done", "run-done"]);
    let run = ran["run"].as_str().expect("an id");
    assert!(objects(&repo, 2).iter().any(|object| object["notice"] == "run-done" && object["run"] == run));
    // It has ended, and does not end again.
    repo.orchestra(["run", "--continue", run]).succeeded();
    let id = repo.spawn("echo 2 > two");
    repo.end_of(&id);
    kinds(&repo, 3);
    repo.orchestra(["merge-ranked", "--dry-run"]).succeeded();
    repo.orchestra(["merge-ranked", "--test", "false"]).exits(3);
    kinds(&repo, 4);
    assert_eq!(
        told(&repo)[3].split(':').next(),
        Some("not-landed||test fails on main itself, before anything is merged")
    );
    repo.orchestra(["merge-ranked", "--test", "test ! -e two"]).exits(1);
    kinds(&repo, 5);
    assert_eq!(told(&repo)[4], format!("not-landed||{id}: test fails: exit code 1|"));
    repo.orchestra(["merge-ranked", "--test", "true", &id]).succeeded();
    kinds(&repo, 6);
    assert_eq!(told(&repo)[5], "landed||into main|");
}

#[test]
fn a_command_that_fails_or_hangs_disturbs_nothing() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a");
    repo.end_of(&id);
    let limits = Limits { notice: Duration::from_millis(200), ..Limits::default() };
    let context = Context::of(&environment(&repo)).with_limits(limits);
    let hangs = "while :; do sleep 0.1; done & echo $! > .git/hangs; wait";
    let commands = ["exit 7", hangs, TELL].map(str::to_owned).to_vec();
    let id = AgentId::parse(&id).expect("an id");
    let notice = Notice::new(NoticeKind::Done, commands, Some("a\nb")).about(&id);
    let common = library(&repo).common_dir().expect("a folder");
    let deliver = |text: &[u8]| notices::deliver(&context, &common, text);
    deliver(&serde_json::to_vec(&notice).expect("JSON")).expect("delivered");
    assert_eq!(told(&repo).len(), 1);
    let diary = diary(&repo);
    assert!(diary.contains("'exit 7' failed: exit status: 7"), "{diary}");
    assert!(diary.contains("was ended after 0 s"), "{diary}");
    let hanging = std::fs::read_to_string(file(&repo, "hangs")).expect("a process");
    until("what it started has ended", || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", hanging.trim()));
        state.map_or(true, |stat| stat.contains(") Z ")).then_some(())
    });
    assert!(deliver(b"{}").is_err() && deliver(b"").is_err());
}

#[test]
fn only_the_user_says_what_runs() {
    let world = world();
    let repo = world.repo();
    repo.write(".gitorchestra", "[orchestra]\n\tnotify = touch .git/owned\n");
    repo.git(["add", ".gitorchestra"]).succeeded();
    repo.git(["commit", "-qm", "settings"]).succeeded();
    repo.git(["config", "orchestra.notify", TELL]).succeeded();
    // An agent that changes the configuration changes nothing of its notices.
    let id = repo.spawn("git config --replace-all orchestra.notify 'touch .git/owned'");
    repo.end_of(&id);
    assert_eq!(kinds(&repo, 1), ["done"]);
    assert!(!file(&repo, "owned").exists());
    let shown = repo.orchestra(["doctor"]).stdout();
    assert!(shown.contains("orchestra.notify"), "{shown}");
}

#[test]
fn doctor_names_a_program_that_is_not_there() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.notify", "nosuchbell --loud"]).succeeded();
    let shown = repo.orchestra(["doctor"]).stdout();
    assert!(shown.contains("warning: 'nosuchbell' is not found"), "{shown}");
    repo.git(["config", "orchestra.notify", "cat > /dev/null"]).succeeded();
    let shown = repo.orchestra(["doctor"]).stdout();
    assert!(!shown.contains("no notice is given"), "{shown}");
}
