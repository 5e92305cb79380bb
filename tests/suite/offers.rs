//! The offer to allow the commands that a project names: made once, on a terminal only, and only for agents that ask.

use orchestra::{
    config::{Config, keys::ALLOW},
    context::Context,
    ops::{config, configuration::AcceptedRepo, spawn},
};
use testkit::TestRepo;

use crate::{environment, library, skip, world};

/// A Rust project whose user was not asked yet.
fn project(repo: &TestRepo<'_>) {
    repo.git(["config", "--unset", "orchestra.offerAllow"]);
    repo.commit("project", &[("Cargo.toml", "[package]\n"), ("src/deep/Makefile", "test:\n")]);
}

fn offered(repo: &TestRepo<'_>, change: impl FnOnce(&mut spawn::Request)) -> Vec<String> {
    let accepted = AcceptedRepo::of(library(repo)).expect("an accepted configuration");
    let mut request = spawn::Request { tasks: vec!["x".to_owned()], ..spawn::Request::default() };
    change(&mut request);
    config::offered_rules(&Context::of(&environment(repo)), &accepted, &request).expect("an offer")
}

fn answer(repo: &TestRepo<'_>, agrees: bool) {
    let rules = offered(repo, |_| {});
    config::answer_offer(&Context::of(&environment(repo)), &library(repo), &rules, agrees).expect("kept");
}

#[test]
fn commands_are_offered_until_the_user_answers() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    project(&repo);
    let rules = offered(&repo, |_| {});
    assert!(
        rules.contains(&"Bash(cargo test *)".to_owned()) && rules.contains(&"Bash(git commit *)".to_owned())
    );
    assert!(!rules.iter().any(|rule| rule.contains("make")), "{rules:?}");
    let changes: [fn(&mut spawn::Request); 4] = [
        |request| request.agents = vec!["sh".to_owned()],
        |request| request.dry_run = true,
        |request| request.settings.options.allow = vec!["Bash(ls *)".to_owned()],
        |request| request.agents = vec!["nosuch".to_owned()],
    ];
    for change in changes {
        assert!(offered(&repo, change).is_empty());
    }
    answer(&repo, false);
    assert!(offered(&repo, |_| {}).is_empty(), "asked once");
    assert!(Config::of(&library(&repo)).valid(&ALLOW).expect("rules").is_empty());
    repo.git(["config", "--unset", "orchestra.offerAllow"]);
    answer(&repo, true);
    assert_eq!(Config::of(&library(&repo)).valid(&ALLOW).expect("rules"), rules);
    repo.git(["config", "--unset", "orchestra.offerAllow"]);
    assert!(offered(&repo, |_| {}).is_empty(), "something is allowed");
    // It is the user's own change: nothing has to be accepted.
    repo.orchestra(["status"]).succeeded();
}

#[test]
fn an_offer_is_made_on_a_terminal_only() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    project(&repo);
    repo.orchestra(["spawn", "--detach", "say hello"]).succeeded();
    assert!(!repo.git(["config", "--list"]).stdout().contains("offerallow"));
    if !testkit::has_terminal() {
        return skip("there is no terminal");
    }
    let typed = "stty -echo; git orchestra spawn --again --detach 'say hello'";
    let answer = |answer: &str| {
        testkit::talk(
            repo.command("script").args(["-qec", typed, "/dev/null"]),
            "of this repository?",
            answer,
        )
    };
    let (code, shown) = answer("yes");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("  Bash(cargo test *)"), "{shown}");
    let allowed = repo.git(["config", "--get-all", "orchestra.allow"]).stdout();
    assert!(allowed.lines().any(|rule| rule == "Bash(cargo fmt *)"), "{allowed}");
    let (code, shown) = answer("yes");
    assert!(code == 0 && !shown.contains("of this repository?"), "{shown}");
}
