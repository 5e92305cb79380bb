//! `resume`: continues in the same session and worktree, whatever happened to the supervisor.

use testkit::{TestRepo, until};

use crate::{stop::marked, world};

/// Kills an agent's supervisor and waits until the agent is shown as lost.
fn kill_supervisor(repo: &TestRepo<'_>, id: &str) {
    let pid = until("a supervisor", || repo.agent(id)["supervisor_pid"].as_i64()).to_string();
    repo.command("kill").args(["-9", &pid]).status().expect("kill");
    until("it is lost", || (repo.agent(id)["liveness"] == "lost").then_some(()));
}

#[test]
fn a_lost_agent_resumes_its_session_and_its_orphans_are_ended() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write left.txt 1\nawait never");
    repo.wait_for_file(&id, "left.txt");
    kill_supervisor(&repo, &id);
    let lost = repo.agent(&id);
    repo.orchestra(["status"]).succeeded().stderr_has(&format!("git orchestra resume {id}"));
    repo.orchestra(["resume", &id, "-m", "write more.txt 2"]).succeeded();
    let done = repo.agent(&id);
    assert_eq!(
        (&done["phase"], &done["attempt"], &done["session"]),
        (&"done".into(), &2.into(), &lost["session"])
    );
    assert_eq!(repo.file_in_head(&id, "left.txt") + &repo.file_in_head(&id, "more.txt"), "1\n2\n");
    assert!(!lost["orphans"].as_array().expect("a list").is_empty());
    assert_eq!(marked(&format!("ORCHESTRA_AGENT={id}")), Vec::<String>::new(), "no process is left");
    let file = world.scripted_conversation(done["session"].as_str().expect("a session"));
    assert_eq!(file.matches("\"message\"").count(), 2, "one conversation: {file}");
    // The output of both attempts is kept.
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("> write left.txt 1") && log.contains("> write more.txt 2"), "{log}");
}

/// Two supervisors of one agent would run it twice.
#[test]
fn only_one_of_twenty_concurrent_resumes_succeeds() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "hang");
    repo.wait_for(&id, "running");
    repo.orchestra(["pause", &id]).succeeded();
    let resume = || repo.orchestra_command(["resume", "-d", &id, "-m", "await go"]).output().expect("resume");
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..20).map(|_| scope.spawn(|| resume().status.code().unwrap_or(-1))).collect();
        all.into_iter().map(|one| one.join().expect("a code")).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| [0, 3, 4].contains(code)), "{codes:?}");
    let agent = repo.wait_for(&id, "running");
    assert_eq!(agent["attempt"], 2);
    std::fs::write(repo.worktree(&id).join("go"), "").expect("a file");
    assert_eq!(repo.end_of(&id)["attempt"], 2);
}

#[test]
fn a_missing_worktree_is_recreated_from_the_snapshot() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write kept.txt 1\nawait never");
    repo.wait_for_file(&id, "kept.txt");
    kill_supervisor(&repo, &id);
    // A supervisor does this every minute.
    let snapshot = world.bins().join("git-orchestra-supervise");
    let common = repo.path().join(".git");
    assert!(
        repo.command(&snapshot).arg("snapshot").arg(&common).arg(&id).status().expect("a snapshot").success()
    );
    let worktree = repo.worktree(&id);
    std::fs::remove_dir_all(&worktree).expect("removed");
    repo.orchestra(["resume", &id, "-m", "write more.txt 2"]).succeeded();
    assert_eq!(repo.worktree(&id), worktree);
    assert_eq!(repo.file_in_head(&id, "kept.txt") + &repo.file_in_head(&id, "more.txt"), "1\n2\n");
    let listed = repo.git(["worktree", "list", "--porcelain"]).stdout();
    assert!(!listed.contains("prunable") && listed.matches("worktree ").count() == 2, "{listed}");
}

#[test]
fn a_missing_branch_is_recreated_from_the_head() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > a");
    let agent = repo.end_of(&id);
    let worktree = repo.worktree(&id);
    repo.git(["worktree", "remove", &worktree.to_string_lossy()]);
    repo.git(["branch", "-D", agent["branch"].as_str().expect("a branch")]);
    repo.orchestra(["resume", &id, "-m", "echo 2 > b"]).succeeded();
    assert_eq!(repo.file_in_head(&id, "a") + &repo.file_in_head(&id, "b"), "1\n2\n");
}

#[test]
fn a_queued_agent_whose_supervisor_died_is_resumed() {
    let world = world();
    let repo = world.repo();
    let first = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&first, "running");
    let id = repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", "echo 1 > a"]).succeeded().line();
    kill_supervisor(&repo, &id);
    assert_eq!(repo.agent(&id)["phase"], "queued");
    repo.orchestra(["stop", &first]).succeeded();
    repo.orchestra(["resume", "--all"]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &1.into()));
    assert_eq!(repo.file_in_head(&id, "a"), "1\n");
}

#[test]
fn fresh_starts_a_new_session_and_costs_are_added() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--model", "m1"], "write a 1");
    let first = repo.end_of(&id);
    repo.orchestra(["resume", "--fresh", &id, "--max-turns", "5"]).succeeded();
    let second = repo.agent(&id);
    assert_ne!(first["session"], second["session"]);
    assert_eq!((&second["phase"], &second["cost_usd"]), (&"done".into(), &0.02.into()));
    let file = world.scripted_conversation(second["session"].as_str().expect("a session"));
    for flag in ["--session-id=", "--model=m1", "--max-turns=5", "write a 1"] {
        assert!(file.contains(flag), "{flag}: {file}");
    }
}

#[test]
fn an_additional_permission_lets_a_failed_agent_continue() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&["--deny", "WebFetch"], "refused touch x");
    assert_eq!(repo.end_of(&id)["phase"], "failed");
    repo.orchestra(["resume", &id, "--allow", "Bash(touch *)", "-m", "write a b"]).succeeded();
    let agent = repo.agent(&id);
    let file = world.scripted_conversation(agent["session"].as_str().expect("a session"));
    let second = file.lines().filter(|line| line.contains("arguments")).nth(1).expect("a second launch");
    assert!(
        second.contains("--allowedTools=Bash(touch *)") && second.contains("--disallowedTools=WebFetch"),
        "{second}"
    );
    assert!(second.contains("--resume="), "{second}");
}

#[test]
fn agents_that_cannot_be_resumed_are_refused_with_a_reason() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("while :; do sleep 0.1; done");
    repo.wait_for(&id, "running");
    repo.orchestra(["resume", &id])
        .exits(3)
        .stderr_has("is already running")
        .stderr_has("git orchestra send");
    repo.orchestra(["resume", "nobody"]).exits(3).stderr_has("no agent 'nobody'");
    repo.orchestra(["resume"]).exits(2).stderr_has("git orchestra resume --all");
    // An agent of another clone, while it runs there.
    world.git(world.dir(), ["clone", "-q", &repo.path().to_string_lossy(), "other"]);
    let other = TestRepo::new(&world, world.dir().join("other"));
    other.git(["fetch", "-q", "origin", "refs/orchestra/*:refs/orchestra/*"]);
    other
        .orchestra(["resume", &id])
        .exits(3)
        .stderr_has("belongs to another clone")
        .stderr_has("--take-over");
    repo.orchestra(["stop", &id]).succeeded();
    // A program that is no longer installed.
    repo.git(["config", "orchestra.agent.mine.command", "cat {prompt_file}"]);
    let mine = repo.orchestra(["spawn", "-d", "--agent", "mine", "x"]).succeeded().line();
    repo.end_of(&mine);
    repo.git(["config", "--unset", "orchestra.agent.mine.command"]);
    repo.orchestra(["resume", &mine]).exits(3).stderr_has("no agent program 'mine'");
    assert_eq!(repo.agent(&mine)["phase"], "done");
    assert!(!repo.path().join(".git/orchestra/agents").join(&mine).exists(), "nothing incomplete is left");
}
