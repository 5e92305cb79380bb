//! Agents that agents start: shown below them, ended with them, and with no more rights than them.

use std::process::Command;

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::world;

/// The task of a scripted agent that runs until it is stopped.
const LONG: &str = "write before 1\nawait reply";

/// Returns a command as the program of an agent runs it.
fn by<'a>(repo: &TestRepo<'_>, agent: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = repo.orchestra_command(arguments);
    command.envs(repo.variables_of(agent));
    command
}

/// Lets the program of an agent start another one.
fn child(repo: &TestRepo<'_>, parent: &str, name: &str) -> String {
    let spawned = ["spawn", "-d", "--agent", "claude", "--again", "--name", name, "--", LONG];
    Ran::of(&mut by(repo, parent, spawned)).succeeded().line()
}

fn phases(repo: &TestRepo<'_>, ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| repo.agent(id)["phase"].clone()).collect()
}

#[test]
fn agents_are_shown_below_the_one_that_started_them_and_stopped_with_it() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.jobs", "8"]);
    let first = repo.spawn_claude(&[], LONG);
    let other = repo.spawn_claude(&["--again"], LONG);
    let below = child(&repo, &first, "below");
    let lowest = child(&repo, &below, "lowest");
    for id in [&first, &other, &below, &lowest] {
        repo.wait_for_file(id, "before");
    }
    let rows: Vec<String> =
        repo.agents().iter().map(|agent| agent["id"].as_str().expect("an id").into()).collect();
    assert_eq!(rows, [first.clone(), below.clone(), lowest.clone(), other.clone()]);
    assert_eq!(repo.agent(&lowest)["parent"], below.as_str());
    let sessions = repo.orchestra(["sessions", "--json"]).succeeded().json();
    let session_of = |id: &str| repo.agent(id)["session"].as_str().expect("a session").to_owned();
    for (id, parent) in [(&first, None), (&other, None), (&below, Some(&first)), (&lowest, Some(&below))] {
        let all = sessions["sessions"].as_array().expect("sessions");
        let one = all.iter().find(|one| one["agent"] == id.as_str()).expect("its session");
        let parent = parent.map(|parent| session_of(parent));
        assert_eq!(one["parent"].as_str(), parent.as_deref(), "{one}");
    }
    let table = repo.orchestra(["sessions"]).succeeded().stdout();
    let row_of = |id: &str| table.lines().position(|line| line.contains(id)).expect("a row");
    assert_eq!((row_of(&below), row_of(&lowest)), (row_of(&first) + 1, row_of(&first) + 2), "{table}");
    assert!(table.contains(&format!("    {} ", &session_of(&lowest)[..8])), "{table}");
    repo.orchestra(["status"])
        .succeeded()
        .stdout_has(&format!("\n  {below} "))
        .stdout_has(&format!("\n    {lowest} "));
    repo.orchestra(["status", &first]).succeeded().stdout_has(&format!("started   {below}\n"));
    // An agent does not direct one that it did not start; not even a message reaches it.
    for arguments in [
        &["send", other.as_str(), "write stolen 1"][..],
        &["stop", &first],
        &["pause", &other],
        &["resume", &other, "-m", "write stolen 1"],
        &["send", &below, "x"],
    ] {
        let refused = Ran::of(&mut by(&repo, &below, arguments.iter().copied())).exits(3);
        refused.stderr_has("did not start agent");
    }
    Ran::of(&mut by(&repo, &below, ["send", &lowest, "write more 1"])).succeeded();
    repo.orchestra(["stop", &first]).succeeded();
    assert_eq!(phases(&repo, &[&first, &below]), ["stopped", "running"], "they keep running");
    repo.orchestra(["stop", &first, "--children"]).succeeded();
    assert_eq!(phases(&repo, &[&below, &lowest, &other]), ["stopped", "stopped", "running"]);
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn agents_end_with_the_one_that_started_them_if_the_user_chose_that() {
    let world = world();
    let repo = world.repo();
    let script = "git-orchestra spawn -d --agent sh --name NAME -- 'while :; do sleep 0.1; done'";
    let spawn = |name: &str| {
        let script = script.replace("NAME", name);
        repo.orchestra(["spawn", "-d", "--agent", "sh", "--again", "--", &script]).succeeded().line()
    };
    let child_of = |parent: &str| {
        let mut agents = repo.agents().into_iter();
        let found = agents.find(|agent| agent["parent"] == parent).expect("a child");
        found["id"].as_str().expect("an id").to_owned()
    };
    let parent = spawn("kept");
    repo.end_of(&parent);
    let kept = child_of(&parent);
    repo.wait_for(&kept, "running");
    repo.git(["config", "orchestra.childrenAtEnd", "stop"]);
    repo.accept_configuration();
    let parent = spawn("ended");
    repo.end_of(&parent);
    let ended = repo.end_of(&child_of(&parent));
    assert_eq!(ended["phase"], "stopped");
    assert_eq!(ended["reason"], format!("agent '{parent}', which started it, has ended"));
    assert_eq!(repo.agent(&kept)["liveness"], "live");
    repo.orchestra(["stop", &kept]).succeeded();
}

#[test]
fn an_agent_starts_and_resumes_none_that_may_do_more() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.jobs", "8"]);
    let parent = repo.spawn_claude(&["--permission", "default", "--deny", "WebFetch"], LONG);
    repo.wait_for_file(&parent, "before");
    let spawn = ["spawn", "-d", "--again", "--agent"];
    for (options, said) in [
        (&["sh", "true"][..], "knows no permissions"),
        (
            &["claude", "--permission", "bypassPermissions", "x"],
            "is more than the agent may do that starts it",
        ),
        (&["claude", "--allow", "Bash(rm *)", "x"], "--allow 'Bash(rm *)' gives an agent more"),
        (&["claude", "--add-dir", "/etc", "x"], "--add-dir '/etc' gives an agent more"),
        (&["claude", "--check", "touch pwned", "x"], "the command of --check gives an agent more"),
        (&["claude", "--setup", "touch pwned", "x"], "the command of --setup gives an agent more"),
    ] {
        let arguments = [&spawn[..], options].concat();
        Ran::of(&mut by(&repo, &parent, arguments)).exits(3).stderr_has(said);
    }
    assert_eq!(repo.agents().len(), 1, "nothing was made");
    // What is configured is lowered, and what was denied stays denied.
    let lowered = child(&repo, &parent, "lowered");
    assert_eq!(repo.agent(&lowered)["permission_mode"], "default");
    repo.wait_for_file(&lowered, "before");
    let session = repo.agent(&lowered)["session"].as_str().expect("a session").to_owned();
    let said = world.scripted_conversation(&session);
    assert!(said.contains("WebFetch"), "{said}");
    let plans = repo.spawn_claude(&["--permission", "plan", "--again"], LONG);
    repo.orchestra(["stop", &lowered]).succeeded();
    let raise = ["resume", lowered.as_str(), "--permission", "bypassPermissions"];
    Ran::of(&mut by(&repo, &parent, raise)).exits(3).stderr_has("is more than the agent may do");
    Ran::of(&mut by(&repo, &parent, ["resume", "-d", lowered.as_str()])).succeeded();
    assert_eq!(repo.agent(&lowered)["permission_mode"], "default");
    // An agent of another repository is not known here.
    let strange = ["spawn", "-d", "--agent", "claude", "x"];
    Ran::of(&mut by(&repo, "nosuch-00000", strange))
        .exits(3)
        .stderr_has("is not the program of a running agent");
    assert_eq!(repo.agents().len(), 3);
    repo.orchestra(["stop", &plans, &lowered, &parent]).succeeded();
}

#[test]
fn an_agent_answers_no_request_for_more_than_it_may_do() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.jobs", "8"]);
    let parent = repo.spawn_claude(&[], LONG);
    repo.wait_for_file(&parent, "before");
    let asks = ["spawn", "-d", "--agent", "claude", "--on-prompt", "ask", "--", "ask touch pwned"];
    let asks = Ran::of(&mut by(&repo, &parent, asks)).succeeded().line();
    repo.wait_for(&asks, "waiting");
    Ran::of(&mut by(&repo, &parent, ["send", asks.as_str(), "--allow"]))
        .exits(3)
        .stderr_has("an agent cannot allow another one what it would have to ask for itself");
    assert_eq!(repo.agent(&asks)["phase"], "waiting");
    Ran::of(&mut by(&repo, &parent, ["send", asks.as_str(), "--deny", "-m", "no"])).succeeded();
    repo.end_of(&asks);
    repo.orchestra(["stop", &parent]).succeeded();
}

#[test]
fn the_depth_and_the_number_of_agents_are_bounded() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.jobs", "8"]);
    repo.git(["config", "orchestra.maxDepth", "2"]);
    repo.git(["config", "orchestra.maxChildren", "2"]);
    let first = repo.spawn_claude(&[], LONG);
    repo.wait_for_file(&first, "before");
    let spawn = ["spawn", "-d", "--agent", "claude", "--again", "--copies", "3", "--", LONG];
    Ran::of(&mut by(&repo, &first, spawn)).exits(3).stderr_has("git config 'orchestra.maxChildren' is 2");
    assert_eq!(repo.agents().len(), 1);
    // Several at once do not exceed it either.
    let spawn = ["spawn", "-d", "--agent", "claude", "--again", "--", LONG];
    let started: usize = std::thread::scope(|scope| {
        let one = || Ran::of(&mut by(&repo, &first, spawn)).code();
        let many: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        many.into_iter().map(|one| usize::from(one.join().expect("an end") == 0)).sum()
    });
    assert_eq!((started, repo.agents().len()), (2, 3));
    let below = repo.agents()[1]["id"].as_str().expect("an id").to_owned();
    Ran::of(&mut by(&repo, &below, spawn)).exits(3).stderr_has("is the last of 2 that started each other");
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn an_agent_gives_no_verdict_of_a_person_and_one_with_limits_changes_nothing_of_others() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.jobs", "8"]);
    let work = repo.orchestra(["spawn", "--agent", "sh", "--json", "echo 1 > a"]).succeeded().json();
    let work = work["agents"][0]["id"].as_str().expect("an id").to_owned();
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `two` sleep 600\n");
    let mut run = repo
        .orchestra_command(["run", "plan.md", "--agent", "sh", "--check", "true"])
        .spawn()
        .expect("started");
    let limited = repo.spawn_claude(&[], LONG);
    repo.wait_for_file(&limited, "before");
    for arguments in [
        &["review", &work, "--approve"][..],
        &["review", &work, "--reject", "-m", "no"],
        &["merge-ranked", &work],
        &["cleanup", "--force"],
        &["rewind", &work, "1"],
        &["tag", &work, "--add", "mine"],
        &["undo"],
        &["run", "--abort"],
        &["run", "plan.md", "--again", "--agent", "sh", "--check", "touch pwned"],
    ] {
        let refused = Ran::of(&mut by(&repo, &limited, arguments.iter().copied())).exits(3);
        assert!(refused.stderr().contains("agent"), "{arguments:?}: {}", refused.stderr());
    }
    // A program without limits gives no verdict either.
    Ran::of(&mut by(&repo, &work, ["review", &work, "--approve"]))
        .exits(3)
        .stderr_has("in the name of a person");
    let agent = repo.agent(&work);
    assert_eq!(
        (&agent["verdict"], &agent["merged"], &agent["tags"]),
        (&Value::Null, &false.into(), &Value::Array(vec![]))
    );
    assert!(run.try_wait().expect("a state").is_none(), "the run of the person continues");
    assert!(!repo.path().join("pwned").exists(), "no command of the agent ran");
    // What an agent writes into the configuration keeps nobody from ending a run.
    repo.git(["config", "remote.other.url", "https://example.com/x"]);
    repo.orchestra(["run", "plan.md", "--again", "--agent", "sh", "-n"])
        .exits(3)
        .stderr_has("changed while agents ran");
    repo.orchestra(["run", "--abort"]).succeeded();
    run.wait().expect("it ends");
    repo.orchestra(["stop", "--all"]).succeeded();
}

#[test]
fn what_the_caller_has_open_is_not_open_for_an_agent() {
    let world = world();
    let repo = world.repo();
    std::fs::write(world.dir().join("private"), "a secret of the caller\n").expect("written");
    let script = format!(
        "exec 9< {} 8> {}; flock 8; git orchestra spawn --agent sh --name reads \
         '{{ cat <&9; ls /proc/self/fd/8; }} > seen 2>&1; true'",
        world.dir().join("private").display(),
        world.dir().join("lock").display()
    );
    Ran::of(repo.command("sh").args(["-c", &script])).succeeded();
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    let seen = repo.file_in_head(&id, "seen");
    assert!(!seen.contains("secret") && seen.contains("8") && seen.contains("9"), "{seen}");
    // A lock of the caller is free when the command has returned, though the agent still works.
    let script = format!(
        "flock {0} git orchestra spawn --detach --agent sh 'while ! test -e go; do sleep 0.05; done' && flock -n {0} true",
        world.dir().join("lock").display()
    );
    Ran::of(repo.command("sh").args(["-c", &script])).succeeded();
    repo.orchestra(["stop", "--all"]).succeeded();
}
