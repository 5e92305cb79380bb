//! Passwords that people type into tasks and commands, which look like any word: they reach no commit, no table and no trace.

use std::fs;

use testkit::{Ran, TestRepo};

use crate::{
    secrets::word_after,
    sync::{clone, first},
    world,
};

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

/// Whether any object of the hub contains a text.
fn is_at_hub(repo: &TestRepo<'_>, text: &str) -> bool {
    let hub = repo.world().dir().join("hub.git");
    let mut all = repo.world().command("git", &hub);
    all.args(["cat-file", "--batch", "--batch-all-objects", "--buffer"]);
    Ran::of(&mut all).stdout().contains(text)
}

#[test]
fn passwords_in_what_people_wrote_are_not_sent_until_they_are_taken_out() {
    let world = world();
    let a = first(&world);
    let long = format!("# {}\n", "a line of a long task ".repeat(30)).repeat(12);
    let task = format!("true # export DB_PASSWORD=hunter2xyz\n{long}");
    let in_task = a.spawn(&task);
    let plain = a.spawn("echo PRIMARY_KEY=user_id > one.txt # date -u +%H:%M; docker run --user node:node");
    for id in [&in_task, &plain] {
        a.end_of(id);
    }
    a.orchestra(["review", &plain, "--approve", "-m", "with mysql --password=opensesame"]).succeeded();
    let texts = ["hunter2xyz", "opensesame"];
    for _ in texts {
        let ran = a.orchestra(["sync"]).exits(1).stderr_has("--redact");
        for text in texts {
            assert!(!is_at_hub(&a, text), "{text}");
        }
        let event = word_after(&ran.stderr(), "event ");
        a.orchestra(["sync", "--redact", &event]).succeeded().stdout_has(": redacted");
    }
    a.orchestra(["sync"]).succeeded();
    assert!(is_at_hub(&a, "docker run --user node:node") && is_at_hub(&a, "DB_PASSWORD=[taken out]"));
    for text in texts {
        assert!(!is_at_hub(&a, text), "{text}");
    }
    assert_eq!(a.agent(&in_task)["phase"], "done");
}

#[test]
fn secrets_of_specs_and_runs_can_be_taken_out() {
    let world = world();
    let a = first(&world);
    let token = format!("ghp_{}", "7TgEOS2HatIx7i1Sv0OXUuax55n8xbzIU74N");
    for (text, command) in [
        (format!("# Limits\n\nUse {token}.\n"), "new"),
        ("# Limits\n\nUse the other one.\n".to_owned(), "edit"),
        ("# Limits\n\nexport DB_PASSWORD=hunter2xyz\n".to_owned(), "edit"),
        ("# Limits\n\nUse none.\n".to_owned(), "edit"),
    ] {
        a.write("text.md", &text);
        a.orchestra(["spec", command, "limits", "--from", "text.md"]).succeeded();
    }
    for _ in 0..2 {
        let ran =
            a.orchestra(["sync"]).exits(1).stderr_has("refs/orchestra/specs/limits").stderr_has("--redact");
        let event = word_after(&ran.stderr(), "event ");
        let redacted = a.orchestra(["sync", "--json", "--redact", &event]).succeeded().json();
        assert_eq!(redacted["spec"], "limits", "{redacted}");
    }
    a.orchestra(["sync"]).succeeded();
    for secret in [token.as_str(), "hunter2xyz"] {
        assert!(!is_at_hub(&a, secret), "{secret}");
    }
    assert!(is_at_hub(&a, "Use [taken out]."));
    // Its versions still follow one another, here and in another clone.
    let b = clone(&world, "b");
    b.orchestra(["sync"]).succeeded();
    for repo in [&a, &b] {
        let shown = repo.orchestra(["spec", "show", "limits"]).succeeded().stdout();
        assert!(shown.contains("Use none."), "{shown}");
    }
    fs::remove_file(a.path().join("text.md")).expect("removed");
}
