//! What is configured instead of typed: rules for tools, folders, the base, the target, and the number of agents. What is typed takes
//! precedence, and a value that cannot be used is refused with its place.

use std::fs;

use orchestra::{
    Code, Error,
    context::Context,
    ops::spawn::{self, Request},
    trust::AcceptedRepo,
};
use testkit::TestRepo;

use crate::{environment, library, merge_ranked::four, world};

/// Plans one agent of Claude Code, or returns why it cannot be started.
fn plan(repo: &TestRepo<'_>) -> Result<spawn::Report, Error> {
    let request = Request { tasks: vec!["x".to_owned()], dry_run: true, ..Request::default() };
    let accepted = AcceptedRepo::of(library(repo)).expect("accepted");
    spawn::run(&Context::of(&environment(repo)), &accepted, &request)
}

/// Returns the arguments with which the newest session of the scripted Claude Code was started.
pub(crate) fn arguments(repo: &TestRepo<'_>, id: &str) -> Vec<String> {
    let agent = repo.end_of(id);
    let file = repo.world().scripted_conversation(agent["session"].as_str().expect("a session"));
    let starts = file.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut starts = starts.filter_map(|line| Some(line.get("arguments")?.as_array()?.clone()));
    let last = starts.next_back().expect("a start");
    last.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

#[test]
fn configured_rules_apply_unless_the_opposite_is_typed() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    for (key, value) in [
        ("orchestra.allow", "Bash(make *)"),
        ("orchestra.allow", "Bash(git *)"),
        ("orchestra.deny", "WebFetch"),
        ("orchestra.deny", "WebSearch"),
        ("orchestra.addDir", "../notes"),
    ] {
        repo.git(["config", "--add", key, value]);
    }
    fs::create_dir(world.dir().join("notes")).expect("a folder");
    let id = repo.spawn_claude(&["--deny", "Bash(git *)", "--allow", "WebFetch"], "write a b");
    let given = arguments(&repo, &id);
    let has = |flag: &str| given.iter().any(|one| one == flag);
    assert!(has("--allowedTools=Bash(make *)") && has("--allowedTools=WebFetch"), "{given:?}");
    assert!(has("--disallowedTools=WebSearch") && has("--disallowedTools=Bash(git *)"), "{given:?}");
    assert!(!has("--allowedTools=Bash(git *)") && !has("--disallowedTools=WebFetch"), "{given:?}");
    assert!(given.iter().any(|one| one.starts_with("--add-dir=") && one.ends_with("/notes")), "{given:?}");
    // What is not configured any more does not apply to the next attempt; what was typed does.
    repo.git(["config", "--unset-all", "orchestra.allow"]);
    repo.orchestra(["resume", &id, "-m", "write c d"]).succeeded();
    let given = arguments(&repo, &id);
    assert!(!given.iter().any(|one| one == "--allowedTools=Bash(make *)"), "{given:?}");
    assert!(given.iter().any(|one| one == "--allowedTools=WebFetch"), "{given:?}");
}

#[test]
fn a_reviewer_has_its_own_rules() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn("echo x > a.txt");
    repo.end_of(&id);
    repo.git(["config", "orchestra.allow", "Bash(make *)"]);
    repo.git(["config", "orchestra.deny", "WebFetch"]);
    repo.git(["config", "orchestra.review.permission", "plan"]);
    // The scripted program does not know how to answer.
    repo.orchestra(["review", &id, "--by", "claude", "--test", "true"]).exits(5);
    let reviewer = repo.agents().into_iter().find(|agent| agent["profile"] == "claude").expect("a reviewer");
    let given = arguments(&repo, reviewer["id"].as_str().expect("an id"));
    let has = |flag: &str| given.iter().any(|one| one == flag);
    assert!(has("--permission-mode=plan") && has("--allowedTools=Read"), "{given:?}");
    assert!(has("--disallowedTools=WebFetch") && !has("--allowedTools=Bash(make *)"), "{given:?}");
    repo.git(["config", "orchestra.review.permission", "bypassPermissions"]);
    repo.orchestra(["review", &id, "--by", "claude", "--test", "true"]).exits(3).stderr_has("it is set in ");
}

#[test]
fn a_value_that_cannot_be_used_is_refused_with_its_place() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["branch", "develop"]);
    for (key, value, why, hint) in [
        ("orchestra.allow", "Bash(git *", "not a tool such as Edit", ""),
        ("orchestra.addDir", "nowhere", "which is not a folder", ""),
        ("orchestra.base", "devlop", "which is not a commit", "git config orchestra.base develop"),
        ("orchestra.base", "--all", "not a branch, a tag, or a commit", ""),
        ("orchestra.permission", "acceptEdit", "not plan", "git config orchestra.permission acceptEdits"),
        ("orchestra.jobs", "many", "not a number", "git config orchestra.jobs 3"),
    ] {
        repo.git(["config", "--global", "--replace-all", key, value]);
        let error = plan(&repo).expect_err(key);
        assert!(error.message.contains(key) && error.message.contains(why), "{key}: {}", error.message);
        let hints = error.hints.join("\n");
        assert!(hints.contains(hint) && hints.contains(".gitconfig"), "{key}: {hints}");
        repo.git(["config", "--global", "--unset-all", key]);
    }
    plan(&repo).expect("a plan");
}

#[test]
fn the_base_and_the_target_are_configured() {
    let world = world();
    let repo = four(&world);
    let first = repo.git(["rev-parse", "HEAD~1"]).line();
    repo.git(["branch", "develop", &first]);
    repo.git(["config", "orchestra.base", "develop"]);
    repo.git(["config", "orchestra.into", "develop"]);
    // An agent that starts others divides its own work.
    let id = repo
        .spawn("git commit -q --allow-empty -m own; git orchestra spawn --agent sh -n --json x > plan; :");
    let agent = repo.end_of(&id);
    assert_eq!(agent["base"], first.as_str());
    let plan: serde_json::Value =
        serde_json::from_str(&repo.file_in_head(&id, "plan")).expect("the plan of an agent");
    assert_ne!(plan["agents"][0]["base"], first.as_str());
    let report = repo.orchestra(["merge-ranked", "--json", "b3"]).succeeded().json();
    assert_eq!(report["into"], "develop");
    let main = repo.tip("main");
    let done = repo.spawn("echo x > done.txt");
    repo.end_of(&done);
    repo.orchestra(["merge-ranked", &done]).succeeded();
    repo.orchestra(["cleanup", &done]).succeeded().stdout_has("develop");
    assert_eq!(repo.tip("main"), main);
    // What is typed takes precedence; a branch that is missing is refused with the nearest.
    let report = repo.orchestra(["merge-ranked", "--json", "--into", "main", "b3"]).succeeded().json();
    assert_eq!(report["into"], "main");
    repo.git(["config", "orchestra.into", "develp"]);
    for command in ["merge-ranked", "cleanup"] {
        repo.orchestra([command]).exits(3).stderr_has("git config orchestra.into develop");
    }
}

#[test]
fn the_number_of_agents_is_limited() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.maxJobs", "4"]);
    repo.git(["config", "--global", "orchestra.jobs", "9"]);
    assert_eq!(plan(&repo).expect("a plan").jobs, 4);
    let ran = repo.orchestra(["spawn", "-n", "-j", "5", "x"]).exits(2);
    ran.stderr_has("--jobs 5 exceeds git config 'orchestra.maxJobs', which is 4");
    repo.orchestra(["spawn", "-n", "-j", "4", "x"]).succeeded();
}

#[test]
fn an_agent_cannot_widen_what_agents_may_do() {
    for key in ["orchestra.allow", "orchestra.addDir", "orchestra.agent.claude.program"] {
        let world = world();
        let repo = world.repo().with_scripted_claude();
        let id = repo.spawn(&format!("git config --add {key} /"));
        repo.end_of(&id);
        let error = AcceptedRepo::of(library(&repo)).map(drop).expect_err("refused");
        assert_eq!(error.code, Code::ConfigUntrusted);
        assert!(error.message.contains(&key.to_lowercase()), "{}", error.message);
    }
}
