//! Nothing is sent before a person agreed to what is sent where, and only what they agreed to is sent.

use std::{fs, path::PathBuf, process::Stdio};

use testkit::{Ran, TestRepo, World};

use crate::{
    skip,
    sync::{agree, first, shared_of_hub},
    world,
};

/// Runs a command on its own terminal: types the first text at once, and the second when a question
/// appears. Prints what was shown, and exits as the command did.
const TERMINAL: &str = r#"
import os, pty, select, sys, time
early, answer, argv = sys.argv[1].encode(), sys.argv[2].encode().decode('unicode_escape').encode(), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
os.write(fd, early)
shown, answered, end = b'', False, time.monotonic() + 120
while time.monotonic() < end:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            more = os.read(fd, 9999)
        except OSError:
            break
        if not more:
            break
        shown += more
    if b'[y/N]' in shown and not answered:
        os.write(fd, answer)
        answered = True
else:
    os.kill(pid, 9)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
"#;

/// Runs `git orchestra sync` on a terminal; `None` if no terminal can be created.
fn on_a_terminal(repo: &TestRepo<'_>, early: &str, answer: &str) -> Option<Ran> {
    let python = repo.command("python3").arg("--version").stdout(Stdio::null()).status();
    if python.is_err() {
        skip("no python3");
        return None;
    }
    let mut command = repo.command("python3");
    Some(Ran::of(command.args(["-c", TERMINAL, early, answer, "git", "orchestra", "sync"])))
}

fn hub(world: &World) -> PathBuf {
    world.dir().join("hub.git")
}

/// A repository with an agent, whose user has not agreed to anything.
fn unasked(world: &World) -> TestRepo<'_> {
    let repo = first(world);
    repo.git(["config", "--unset-all", "orchestra.shareWith"]).succeeded();
    fs::remove_file(repo.path().join(".git/orchestra/consent")).expect("a record");
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    repo
}

#[test]
fn only_a_whole_line_typed_after_the_question_agrees() {
    let world = world();
    let a = unasked(&world);
    for (early, answer) in [
        ("git log; say hello", "\\n"),
        ("y\n", "n\\n"),
        ("yes\nyes\n", "\\n"),
        ("", "\\n"),
        ("", "why not\\n"),
        ("", "yn\\n"),
        ("", "\\x04"),
    ] {
        let Some(ran) = on_a_terminal(&a, early, answer) else { return };
        let ran = ran
            .exits(3)
            .stdout_has("Send 1 agent (their tasks, commits and reviews; ")
            .stdout_has("nothing was sent");
        assert!(shared_of_hub(&world).is_empty(), "{early:?} {answer:?}: {}", ran.stdout());
        let config = fs::read_to_string(a.path().join(".git/config")).expect("a config");
        assert!(!config.contains("shareWith"), "{config}");
    }
    let Some(ran) = on_a_terminal(&a, "no\n", "Yes\\n") else { return };
    ran.succeeded().stdout_has(&format!(") to {}, now and with every sync? [y/N]", hub(&world).display()));
    assert_eq!(shared_of_hub(&world).len(), 2);
    // After the user agreed once, nothing is asked again.
    let more = a.spawn("echo 2 > two.txt");
    a.end_of(&more);
    a.orchestra(["sync"]).succeeded();
    assert_eq!(shared_of_hub(&world).len(), 4);
}

#[test]
fn configuration_alone_grants_no_consent() {
    let world = world();
    let a = unasked(&world);
    let other = world.dir().join("other.git");
    world.git(world.dir(), ["init", "-q", "--bare", &other.to_string_lossy()]);
    let (here, there) = (hub(&world), other.to_string_lossy().into_owned());
    // An agent could do this.
    a.git(["config", "--add", "orchestra.shareWith", &here.to_string_lossy()]);
    a.git(["config", "--add", "orchestra.shareWith", &there]);
    a.orchestra(["sync"]).exits(3).stderr_has("there is no terminal to ask on: Send 1 agent");
    a.git(["config", "orchestra.remote", &there]);
    a.orchestra(["sync"])
        .exits(3)
        .stderr_has("there is no terminal to ask on: Send 1 agent")
        .stderr_has("other.git");
    a.orchestra(["sync", "--auto"]).exits(3);
    a.git(["config", "--unset", "orchestra.remote"]);
    agree(&a, &here, false);
    a.orchestra(["sync"]).succeeded();
    // The URL of a remote is part of what was agreed to.
    let more = a.spawn("echo 2 > two.txt");
    a.end_of(&more);
    let before = shared_of_hub(&world);
    for key in ["insteadOf", "pushInsteadOf"] {
        let key = format!("url.{there}.{key}");
        a.git(["config", &key, &here.to_string_lossy()]);
        a.orchestra(["sync"]).exits(3).stderr_has("there is no terminal to ask on").stderr_has("other.git");
        a.git(["config", "--unset", &key]);
    }
    a.git(["config", "remote.origin.pushurl", &there]);
    a.orchestra(["sync"]).exits(3).stderr_has("there is no terminal to ask on").stderr_has("other.git");
    a.git(["config", "--unset", "remote.origin.pushurl"]);
    // The same holds for a URL that was typed.
    a.git(["config", "url.file:///nowhere/.insteadOf", "shared:"]);
    a.orchestra(["sync", "shared:x"]).exits(5).stderr_has("nowhere");
    assert_eq!(shared_of_hub(&world), before);
    let refs = TestRepo::new(&world, other);
    assert_eq!(refs.refs("refs/"), []);
    // Removing the setting is enough to revoke it.
    a.git(["config", "--unset-all", "orchestra.shareWith"]);
    a.orchestra(["sync"]).exits(3);
}

/// A repository whose main has two commits that the hub lacks, and an agent based on them.
fn ahead(world: &World) -> (TestRepo<'_>, String) {
    let repo = first(world);
    fs::remove_file(repo.path().join(".git/orchestra/consent")).expect("a record");
    for name in ["mine", "mine-too"] {
        repo.commit(name, &[(name, "not yet for others\n")]);
    }
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    (repo, id)
}

/// Whether the hub has the user's own commits.
fn has_own_work(world: &World, repo: &TestRepo<'_>) -> bool {
    let tip = repo.tip("main");
    Ran::of(world.command("git", &hub(world)).args(["cat-file", "-e", &tip])).code() == 0
}

#[test]
fn user_commits_are_listed_before_they_are_sent() {
    let world = world();
    let (a, id) = ahead(&world);
    let own = "2 commits of main that it does not have";
    a.orchestra(["sync", "-n"])
        .succeeded()
        .stderr_has(&format!("and {own} to "))
        .stderr_has("2 commits of main that origin");
    a.orchestra(["sync"]).exits(3).stderr_has(own);
    // The user agreed to share agents, but not these commits: the agent is sent, its work is not.
    agree(&a, &hub(&world), false);
    let held = format!(
        "the work of '{id}' is not sent: it builds on 2 commits of main that the remote does not have"
    );
    a.orchestra(["sync", "-n"]).exits(1).stderr_has(&held).stderr_has("would send 1 ref");
    a.orchestra(["sync"]).exits(1).stderr_has(&held).stderr_has("--yes");
    let names: Vec<String> = shared_of_hub(&world).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [format!("refs/orchestra/agents/{id}")]);
    assert!(!has_own_work(&world, &a));
    a.git(["config", "orchestra.autoSync", "1h"]);
    a.orchestra(["sync", "--auto"]).succeeded();
    assert!(!has_own_work(&world, &a));
    // Another agent that is based on this work carries the commits too.
    let work = format!("refs/orchestra/heads/{id}");
    let next = a.orchestra(["spawn", "--agent", "sh", "--base", &work, "--detach", "--", "echo 2 > two.txt"]);
    let next = next.succeeded().line();
    a.end_of(&next);
    a.orchestra(["sync"]).exits(1).stderr_has(&format!("the work of '{next}' is not sent"));
    assert!(!has_own_work(&world, &a));
    let Some(ran) = on_a_terminal(&a, "", "\\n") else { return };
    ran.exits(1).stdout_has("Agents' work builds on 2 commits of main that it does not have. Send those (");
    assert!(!has_own_work(&world, &a));
    let report = a.orchestra(["sync", "--yes", "--json"]).succeeded().json();
    assert_eq!(report["own_work"][0]["commits"], 2, "{report}");
    assert_eq!(report["own_work"][0]["branch"], "main", "{report}");
    assert!(has_own_work(&world, &a));
    // After the user agreed once, it is only reported.
    a.git(["config", "--unset", "orchestra.autoSync"]);
    a.commit("third", &[("third", "3\n")]);
    let third = a.spawn("echo 3 > three.txt");
    a.end_of(&third);
    a.orchestra(["sync"]).succeeded().stderr_has("1 commit of main that origin did not have");
    assert!(has_own_work(&world, &a));
}

#[test]
fn pushed_commits_need_no_consent() {
    let world = world();
    let (a, id) = ahead(&world);
    agree(&a, &hub(&world), false);
    a.git(["push", "-q", "origin", "main"]).succeeded();
    let report = a.orchestra(["sync", "--json"]).succeeded().json();
    assert_eq!(report["own_work"], serde_json::json!([]));
    assert!(shared_of_hub(&world).iter().any(|(name, _)| name.ends_with(&format!("heads/{id}"))));
}
