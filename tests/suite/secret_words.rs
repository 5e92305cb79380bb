//! Passwords that people type into tasks and commands, which look like any word: they reach no commit, no table and no trace.

use testkit::{Ran, TestRepo};

use crate::world;

/// Returns everything in the history and the logs that others can get.
fn shared(repo: &TestRepo<'_>) -> String {
    let history = repo.git(["log", "--format=%B", "main"]).stdout();
    history + &repo.git(["log", "--all", "--format=%s"]).stdout()
}

#[test]
fn passwords_of_tasks_reach_no_commit_message() {
    let world = world();
    let repo = world.repo();
    let task = "export DB_PASSWORD=hunter2pass; true --user bob:s3cretpw https://joe:pw9@example.com correcthorse1; echo hi > f";
    let spawn = ["spawn", "--agent", "sh", "--name", "t", task];
    Ran::of(repo.orchestra_command(spawn).env("DEPLOY_TOKEN", "correcthorse1")).succeeded();
    repo.orchestra(["merge-ranked", "t"]).succeeded();
    let told = shared(&repo);
    assert!(told.contains("Merge agent t-"), "{told}");
    for secret in ["hunter2pass", "s3cretpw", "pw9", "correcthorse1"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    assert!(told.contains("DB_PASSWORD=[taken out]"), "{told}");
}

#[test]
fn passwords_of_plans_are_in_no_table_and_no_log_of_a_run() {
    let world = world();
    let repo = world.repo();
    let token = format!("ghp_{}", "7TgEOS2HatIx7i1Sv0OXUuax55n8xbzIU74N");
    repo.write("plan.md", &format!("- [ ] `s` export TOKEN={token} API_PASS=letmein7; echo r > r\n"));
    let ran = repo.orchestra(["run", "plan.md", "--agent", "sh", "--check", "true"]).succeeded();
    let shown = format!("{}{}", ran.stdout(), ran.stderr());
    let run = repo.refs("refs/orchestra/runs/").remove(0);
    let log = repo.git(["log", "--format=%B", run.0.as_str()]).stdout();
    for text in [shown, log, shared(&repo)] {
        assert!(!text.contains(&token) && !text.contains("letmein7"), "{text}");
    }
    assert!(repo.has("main", "r"), "its agent got the whole task");
}

#[test]
fn passwords_of_commands_are_not_in_the_trace() {
    let world = world();
    let repo = world.repo();
    let trace = world.dir().join("trace");
    let set = ["config", "set", "setup", "curl -u a:opensesame7 x"];
    Ran::of(repo.orchestra_command(set).env("ORCHESTRA_TRACE", &trace)).succeeded();
    let text = std::fs::read_to_string(trace).expect("a trace");
    assert!(text.contains("setup") && !text.contains("opensesame7"), "{text}");
}
