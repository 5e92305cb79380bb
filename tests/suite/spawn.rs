//! `spawn`: from tasks to agents.

use std::io::Write;

use testkit::Ran;

use crate::world;

#[test]
fn five_tasks_run_two_at_a_time_and_one_fails() {
    let world = world();
    let repo = world.repo();
    repo.write("untracked.txt", "mine\n");
    let before = repo.checkout();
    repo.orchestra([
        "spawn",
        "--agent",
        "sh",
        "-j",
        "2",
        "echo committed > a && git add a && git commit -qm 'my own commit' && echo left > b",
        "echo left > c",
        "sed -i.bak s/one/two/ file.txt && rm file.txt.bak",
        "echo before > d; exit 3",
        "true",
    ])
    .exits(1)
    .stderr_has("failed: 1 commit, +1 -0; exit code 3")
    .stderr_has("' resumes it\nhint: 'git orchestra review' looks at the work\n")
    .stderr_has("hint: 'git orchestra merge-ranked --dry-run' shows how it lands\n");
    assert_eq!(repo.checkout(), before, "the user's checkout is untouched");

    // Read back by plain git.
    let agents = repo.refs("refs/orchestra/agents/");
    assert_eq!(agents.len(), 5);
    assert_eq!(repo.refs("refs/orchestra/heads/").len(), 5);
    let named = |part: &str| {
        let (name, _) = agents.iter().find(|(name, _)| name.contains(part)).expect("the agent");
        name.rsplit('/').next().expect("an id").to_owned()
    };
    let committed = named("echo-committed");
    assert_eq!(repo.trailer(&committed, "State"), "done");
    assert_eq!(repo.trailer(&committed, "Commits"), "2");
    assert_eq!(repo.file_in_head(&committed, "a"), "committed\n");
    assert_eq!(repo.file_in_head(&committed, "b"), "left\n");
    let subjects =
        repo.git(["log", "--format=%s", &format!("main..refs/orchestra/heads/{committed}")]).stdout();
    assert!(subjects.contains("my own commit"), "{subjects}");
    assert_eq!(repo.file_in_head(&named("sed-bak"), "file.txt"), "two\n");
    let failed = named("echo-before");
    assert_eq!(repo.trailer(&failed, "State"), "failed");
    assert_eq!(repo.trailer(&failed, "Exit"), "3");
    assert_eq!(repo.file_in_head(&failed, "d"), "before\n", "the work of a failed agent is saved, too");
    assert_eq!(repo.trailer(&named("true"), "Reason"), "nothing changed");
    // The branch has the same commit as the head ref.
    let branch = repo.git(["rev-parse", &format!("refs/heads/orchestra/{committed}")]).line();
    assert_eq!(branch, repo.git(["rev-parse", &format!("refs/orchestra/heads/{committed}")]).line());
}

#[test]
fn the_history_of_an_agent_is_a_chain_of_events() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "echo x > y"]).succeeded();
    let (name, _) = repo.refs("refs/orchestra/agents/").remove(0);
    let subjects = repo.git(["log", "--reverse", "--format=%s", &name]).stdout();
    let steps: Vec<&str> =
        subjects.lines().filter_map(|line| line.split_once(": ")).map(|(_, step)| step).collect();
    assert_eq!(steps, ["queued", "queued → starting", "starting → running", "running → done"]);
    let body = repo.git(["log", "-1", "--format=%b", &name]).stdout();
    let fact = body.lines().next().expect("a fact");
    let fact: serde_json::Value = serde_json::from_str(fact).expect("JSON");
    assert_eq!((&fact["t"], &fact["phase"], &fact["l"]), (&"finished".into(), &"done".into(), &4.into()));
}

#[test]
fn a_detached_spawn_prints_ids_and_returns_at_once() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while ! [ -e ../../repo/go ]; do sleep 0.05; done; echo went > there");
    // A pipe that a child process kept open would have blocked the line above until the agent ended.
    assert_ne!(repo.agent(&id)["phase"], "done");
    repo.write("go", "");
    repo.orchestra(["status", "--wait", &id]).succeeded();
    assert_eq!(repo.file_in_head(&id, "there"), "went\n");
}

#[test]
fn every_task_is_given_to_every_profile_and_copy() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.agent.copy.command", "cat {prompt_file} > copied"]);
    repo.git(["config", "orchestra.agent.stdin.command", "cat > copied"]);
    let report = repo
        .orchestra([
            "spawn",
            "--agent",
            "copy,stdin",
            "--copies",
            "2",
            "--json",
            "--",
            "--one \"q\" $(id)",
            "two\nlines",
        ])
        .succeeded()
        .json();
    let agents = report["agents"].as_array().expect("agents");
    assert_eq!(agents.len(), 8);
    let profiles: Vec<_> = agents.iter().map(|agent| agent["profile"].as_str().expect("a profile")).collect();
    assert_eq!(profiles, ["copy", "copy", "stdin", "stdin", "copy", "copy", "stdin", "stdin"]);
    for agent in &agents[..4] {
        assert_eq!(repo.file_in_head(agent["id"].as_str().expect("an id"), "copied"), "--one \"q\" $(id)");
    }
    for agent in &agents[4..] {
        assert_eq!(repo.file_in_head(agent["id"].as_str().expect("an id"), "copied"), "two\nlines");
    }
}

#[test]
fn tasks_come_from_a_file_or_from_standard_input() {
    let world = world();
    let repo = world.repo();
    repo.write("todo.md", "# Plan\n\n- [ ] echo 1 > one\n- [x] echo 0 > none\n- [ ] echo 2 > two\n");
    let plan = repo
        .orchestra(["spawn", "--agent", "sh", "-f", "todo.md", "-n", "--json", "echo 3 > three"])
        .succeeded()
        .json();
    let titles: Vec<_> =
        plan["agents"].as_array().expect("agents").iter().map(|a| a["title"].clone()).collect();
    assert_eq!(titles, ["echo 3 > three", "echo 1 > one", "echo 2 > two"]);
    assert!(repo.refs("refs/orchestra").is_empty(), "a dry run makes nothing");
    assert!(!repo.path().with_file_name("repo.worktrees").exists());

    let mut command = repo.orchestra_command(["spawn", "--agent", "sh", "-f", "-"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().expect("spawn");
    child.stdin.take().expect("a pipe").write_all(b"echo 1 > one\n\necho 2 > two\n").expect("written");
    assert!(child.wait().expect("an end").success());
    assert_eq!(repo.refs("refs/orchestra/agents/").len(), 2);
}

#[test]
fn agents_start_from_the_base_and_have_the_given_name() {
    let world = world();
    let repo = world.repo();
    repo.git(["tag", "first"]);
    repo.write("file.txt", "later\n");
    repo.git(["commit", "-qam", "later"]);
    repo.orchestra(["spawn", "--agent", "sh", "--base", "first", "--name", "Old Base", "cp file.txt seen"])
        .succeeded();
    let agent = repo.agents().remove(0);
    let id = agent["id"].as_str().expect("an id");
    assert!(id.starts_with("old-base-"), "{id}");
    assert_eq!(repo.file_in_head(id, "seen"), "one\n");
    assert_eq!(agent["base"].as_str().expect("a base"), repo.git(["rev-parse", "first"]).line());
}

#[test]
fn a_task_that_takes_too_long_is_ended_and_its_work_saved() {
    let world = world();
    let repo = world.repo();
    repo.orchestra(["spawn", "--agent", "sh", "--max-time", "1s", "echo begun > work; sleep 600"])
        .exits(1)
        .stderr_has("timeout");
    let agent = repo.agents().remove(0);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"timeout".into(), &"ran longer than 1 s".into()));
    assert_eq!(repo.file_in_head(agent["id"].as_str().expect("an id"), "work"), "begun\n");
}

#[test]
fn an_agent_that_floods_is_ended() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.maxOutput", "1m"]);
    repo.orchestra(["spawn", "--agent", "sh", "echo x > kept; yes"])
        .exits(1)
        .stderr_has("printed more than 1048576 bytes");
    let agent = repo.agents().remove(0);
    assert_eq!(repo.file_in_head(agent["id"].as_str().expect("an id"), "kept"), "x\n");
}

#[test]
fn the_environment_does_not_name_the_callers_repository() {
    let world = world();
    let repo = world.repo();
    let other = world.repo_named("other");
    let mut command =
        repo.orchestra_command(["spawn", "--agent", "sh", "env > seen; git rev-parse --show-toplevel > top"]);
    command
        .env("GIT_DIR", repo.path().join(".git"))
        .env("GIT_WORK_TREE", repo.path())
        .current_dir(other.path());
    Ran::of(&mut command).succeeded();
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    let seen = repo.file_in_head(&id, "seen");
    for name in ["GIT_DIR=", "GIT_WORK_TREE=", "GIT_EXEC_PATH=", "GIT_PREFIX=", "OLDPWD="] {
        assert!(!seen.lines().any(|line| line.starts_with(name)), "{name} in\n{seen}");
    }
    assert!(seen.contains(&format!("ORCHESTRA_AGENT={id}\n")), "{seen}");
    assert_eq!(repo.file_in_head(&id, "top").trim(), repo.worktree(&id).to_string_lossy());
    assert!(other.refs("refs/orchestra").is_empty());
}

#[test]
fn an_agent_may_spawn_agents_and_is_named_as_their_parent() {
    let world = world();
    let repo = world.repo();
    repo.orchestra([
        "spawn",
        "--agent",
        "sh",
        "--name",
        "parent",
        "git orchestra spawn --agent sh --name child 'echo hi > hi'",
    ])
    .succeeded();
    let agents = repo.agents();
    let parent = agents
        .iter()
        .find(|a| a["id"].as_str().is_some_and(|id| id.starts_with("parent")))
        .expect("the parent");
    let child = agents
        .iter()
        .find(|a| a["id"].as_str().is_some_and(|id| id.starts_with("child")))
        .expect("the child");
    assert_eq!(child["parent"], parent["id"]);
    assert_eq!(child["phase"], "done");
}

#[test]
fn agents_that_an_agent_spawned_outlive_it() {
    let world = world();
    let repo = world.repo();
    let nested = "git orchestra spawn --agent sh -d --name child \
        'echo up; while ! [ -e ../../repo/go ]; do sleep 0.05; done; echo made > made'; echo spawned";
    for (name, end) in [("ends", ""), ("stopped", "; while :; do sleep 0.1; done")] {
        let _ = std::fs::remove_file(repo.path().join("go"));
        let spawn = ["spawn", "--agent", "sh", "-d", "--name", name, &format!("{nested}{end}")];
        let parent = repo.orchestra(spawn).succeeded().line();
        repo.wait_for_output(&parent, "spawned");
        let child = repo.agents().iter().rev().find_map(|agent| {
            let id = agent["id"].as_str()?.to_owned();
            (agent["parent"] == parent.as_str()).then_some(id)
        });
        let child = child.expect("the child");
        repo.wait_for_output(&child, "up");
        repo.orchestra(["stop", &parent]).succeeded();
        testkit::until("the parent's end", || (repo.agent(&parent)["liveness"] == "ended").then_some(()));
        assert_eq!(repo.agent(&child)["liveness"], "live", "{name}");
        repo.write("go", "");
        repo.wait_for(&child, "done");
        assert_eq!(repo.file_in_head(&child, "made"), "made\n");
    }
}

#[test]
fn an_interrupted_watch_leaves_the_agents_running() {
    let world = world();
    let repo = world.repo();
    let mut command = repo.orchestra_command([
        "spawn",
        "--agent",
        "sh",
        "while ! [ -e ../../repo/go ]; do sleep 0.05; done",
    ]);
    // The binary is called directly: a signal to git would reach both.
    let mut direct = repo.command(world.bins().join("git-orchestra-spawn"));
    direct.args(command.get_args().skip(2).map(std::ffi::OsStr::to_owned).collect::<Vec<_>>());
    command = direct;
    let child = command.stderr(std::process::Stdio::piped()).spawn().expect("spawn");
    let id = testkit::until("an agent that runs", || {
        let agent = repo.agents().into_iter().next()?;
        (agent["phase"] == "running").then(|| agent["id"].as_str().map(str::to_owned)).flatten()
    });
    repo.command("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    let ended = child.wait_with_output().expect("an end");
    assert_eq!(ended.status.code(), Some(130));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("the agents keep running: 1 running"), "{said}");
    assert_eq!(repo.agent(&id)["liveness"], "live");
    repo.write("go", "");
    repo.orchestra(["status", "--wait", &id]).succeeded();
}

#[test]
fn the_supervisor_has_its_own_process_session() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while :; do sleep 0.1; done");
    let agent = repo.wait_for(&id, "running");
    let supervisor = agent["supervisor_pid"].as_i64().expect("a pid");
    let stat = std::fs::read_to_string(format!("/proc/{supervisor}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    assert_eq!(
        fields[3],
        supervisor.to_string(),
        "its session is its own: closing the terminal does not reach it"
    );
    assert_eq!(fields[4], "0", "it has no terminal");
    for stream in 0..3 {
        let target = std::fs::read_link(format!("/proc/{supervisor}/fd/{stream}")).expect("a stream");
        let target = target.to_string_lossy();
        assert!(target == "/dev/null" || target.ends_with("/diary"), "stream {stream} is {target}");
    }
}

/// A program that asks for a login or an update, at its terminal or on its input, would wait and not be seen: nobody is there.
#[test]
fn a_program_that_asks_at_a_terminal_or_on_its_input_is_not_left_waiting() {
    let world = world();
    let repo = world.repo();
    let ask = "read answer </dev/tty || echo no terminal >> asked; read answer || echo no input >> asked; test -t 0 || \
               test -t 1 || test -t 2 || echo no screen >> asked; exit 3";
    let id = repo.spawn(ask);
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["exit_code"]), (&"failed".into(), &3.into()));
    assert_eq!(repo.file_in_head(&id, "asked"), "no terminal\nno input\nno screen\n");
    // One that waits for something else is shown with what it said.
    let login = "echo 'Open https://example.com/device to log in'; while :; do sleep 1; done";
    let spawn = ["spawn", "--agent", "sh", "--idle-timeout", "1s", "--retries", "0", "--", login];
    repo.orchestra(spawn).exits(1).stderr_has("idle for 1 s");
    let agents = repo.agents();
    let waited = agents.iter().find(|agent| agent["phase"] == "timeout").expect("the agent");
    let id = waited["id"].as_str().expect("an id");
    repo.orchestra(["logs", id]).succeeded().stdout_has("Open https://example.com/device to log in");
}
