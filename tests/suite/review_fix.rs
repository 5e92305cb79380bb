//! `review --pr --fix`: an agent makes what the verdict asks for, and only what passes its test gets on top of the reviewed head.

use serde_json::json;
use testkit::{Aim, ForgeFlavor, Injector, TestRepo, World};

use crate::{
    pr::{FLAVORS, on_forge},
    review_pr::pull_of_fork,
    world,
};

/// The code runs without a sandbox here: what a sandbox keeps from strangers is tested with `review --pr`.
const FIX: [&str; 7] = ["review", "--pr", "1", "--trust", "--fix", "--agent", "fixer"];
/// An agent that does what its task quotes, and keeps the task for the test.
const FIXER: &str =
    "true; grep -q '^| make it better' {prompt_file} && echo better > new.txt && cp {prompt_file} task.txt";

fn with_fixer(repo: &TestRepo<'_>, name: &str, command: &str) {
    repo.git(["config", &format!("orchestra.agent.{name}.command"), command]).succeeded();
    repo.git(["config", &format!("orchestra.agent.{name}.reads"), "prose"]).succeeded();
}

/// Returns the commits of a branch in a bare repository, newest first, by plain git.
fn commits(world: &World, bare: &str, branch: &str) -> Vec<String> {
    let listed = world.git(&world.dir().join(bare), ["rev-list", branch]).stdout();
    listed.lines().map(str::to_owned).collect()
}

/// Makes a branch of the repository itself with a file, and opens a pull request of it.
fn pull_of_branch<'a>(world: &'a World, forge: &testkit::FakeForge) -> TestRepo<'a> {
    world.git(world.dir(), ["clone", "-q", "forge.git", "other"]).succeeded();
    let other = TestRepo::new(world, world.dir().join("other")).with_identity();
    other.git(["checkout", "-q", "-b", "topic"]).succeeded();
    other.commit("Add something", &[("new.txt", "good\n")]);
    other.git(["push", "-q", "origin", "topic"]).succeeded();
    forge.open_pull("team/app", "topic", "Add something", "somebody");
    other
}

#[test]
fn what_a_verdict_asks_for_is_made_tested_and_pushed_on_every_forge() {
    for flavor in FLAVORS {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        with_fixer(&repo, "fixer", FIXER);
        repo.git(["config", "orchestra.test", "grep better new.txt"]).succeeded();
        let fix = |more: &[&str]| repo.orchestra(FIX.iter().chain(more));
        let asks = ["--changes", "-m", "make it better", "-C", "new.txt:1", "this line"];
        let has_forks = flavor != ForgeFlavor::Bitbucket;
        let bare = if has_forks { "fork.git" } else { "forge.git" };
        if has_forks {
            pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
            fix(&asks)
                .exits(3)
                .stderr_has("does not let those who maintain")
                .stderr_has("push to its branch in");
            assert!(repo.agents().is_empty(), "{flavor:?}");
            forge.change(|pulls| pulls[0].allows_edits = true);
        } else {
            pull_of_branch(&world, &forge);
        }
        let (before, main) = (commits(&world, bare, "topic"), commits(&world, "forge.git", "main"));
        let user = (repo.git(["rev-parse", "HEAD"]).line(), repo.git(["status", "--porcelain"]).stdout());
        fix(&asks)
            .succeeded()
            .stderr_has("runs agent 'fixer' and 'grep better new.txt' with the code of")
            .stdout_has("1 changes requested")
            .stdout_has("1 changed: ");
        let after = commits(&world, bare, "topic");
        assert_eq!(after[1..], before, "it is on top of the reviewed head: {flavor:?}");
        let file = |name: &str| {
            world.git(&world.dir().join(bare), ["show", &format!("topic:{name}")]).succeeded().stdout()
        };
        let task = file("task.txt");
        assert_eq!(file("new.txt"), "better\n");
        assert!(
            task.contains("\n| new.txt:1: this line\n") && task.contains("\n| What it does.\n"),
            "{task}"
        );
        assert_eq!(commits(&world, "forge.git", "main"), main);
        let now = (repo.git(["rev-parse", "HEAD"]).line(), repo.git(["status", "--porcelain"]).stdout());
        assert_eq!(now, user);

        // Typed again, nothing is left to do; the verdict was on the old head.
        let again = fix(&["--json"]).succeeded().json();
        assert_eq!(again["fixed"]["head"], json!(after[0]), "{again}");
        assert_eq!((&again["fixed"]["is_new"], &again["standing"]), (&json!(false), &json!(null)), "{again}");
        fix(&[]).succeeded().stdout_has("1 is changed already: ");
        let agents = repo.agents();
        assert_eq!((agents.len(), &agents[0]["reviews"]), (1, &json!("pull request 1")), "{agents:?}");
        assert_eq!(commits(&world, bare, "topic"), after);
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
    // Bitbucket knows no fork to which others may push.
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::Bitbucket);
    with_fixer(&repo, "fixer", FIXER);
    pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    let asks = ["--changes", "-m", "make it better", "--test", "true"];
    repo.orchestra(FIX.iter().chain(&asks)).exits(3).stderr_has("only the owner of the fork may push");
    assert!(repo.agents().is_empty());
}

#[test]
fn nothing_is_pushed_that_was_not_asked_for_fails_holds_a_secret_or_is_late() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    let other = pull_of_branch(&world, &forge);
    with_fixer(&repo, "fixer", FIXER);
    let secret = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
    with_fixer(&repo, "leaky", &format!("true; echo token={secret} > new.txt"));
    with_fixer(&repo, "idle", "true; echo nothing");
    let before = commits(&world, "forge.git", "topic");
    let fix = |more: &[&str]| repo.orchestra(FIX.iter().chain(more));
    fix(&[]).exits(2).stderr_has("only what passed a test is pushed");
    fix(&["--test", "true"]).exits(3).stderr_has("there is no verdict on pull request 1 as it is now");
    repo.orchestra(["review", "--pr", "1", "--approve"]).succeeded();
    fix(&["--test", "true"]).exits(3).stderr_has("'approved': no changes are asked for");
    fix(&["--test", "true", "--automerge"]).exits(2).stderr_has("judged again");
    repo.orchestra(["review", "--pr", "1", "--changes", "-m", "make it better"]).succeeded();
    let with = |agent: &str| repo.orchestra([&FIX[..6], &[agent, "--test", "true"]].concat());
    with("sh").exits(3).stderr_has("would run it as a script");
    assert!(repo.agents().is_empty());

    with("idle").exits(3).stderr_has("changed nothing; nothing was pushed");
    repo.orchestra(["review", "--pr", "1", "--changes", "-m", "make it better!"]).succeeded();
    with("leaky").exits(3).stderr_has("looks like");
    repo.orchestra(["review", "--pr", "1", "--changes", "-m", "make it better, please"]).succeeded();
    fix(&["--test", "exit 3"])
        .exits(3)
        .stderr_has("the test does not pass with the work of 'fix-1-")
        .stderr_has("git orchestra resume fix-1-");
    let count = repo.agents().len();
    assert_eq!((count, commits(&world, "forge.git", "topic")), (3, before));

    // Somebody pushes while the test runs.
    other.commit("Meanwhile", &[("meanwhile.txt", "1\n")]);
    let push = format!("git -C {} push -q origin topic", other.path().display());
    fix(&["--test", &push]).exits(4).stderr_has("meanwhile; nothing was pushed");
    let meanwhile = other.git(["rev-parse", "HEAD"]).line();
    assert_eq!(commits(&world, "forge.git", "topic")[0], meanwhile);
    assert_eq!(repo.agents().len(), count, "it was the same agent: the wording and the head were the same");
}

#[test]
fn killed_at_some_call_and_typed_again_there_is_one_agent_and_one_push() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    let aim = Aim::at("git-orchestra-review");
    let words = [&FIX[1..], &["--changes", "-m", "make it better", "--test", "true"]].concat();
    let scene = |at: Option<u64>| {
        let world = world();
        let (repo, forge) = on_forge(&world, ForgeFlavor::Gitea);
        with_fixer(&repo, "fixer", FIXER);
        pull_of_branch(&world, &forge);
        let before = commits(&world, "forge.git", "topic");
        let mut command = repo.command(world.bins().join("git-orchestra-review"));
        let Some(at) = at else { return injector.count(&world, command.args(&words), aim) };
        let hit = injector.kill(&world, command.args(&words), aim, at);
        let again = || repo.orchestra([&["review"][..], &words].concat());
        if again().code() != 0 {
            // It was killed before the agent ran, which its error says.
            let id = repo.agents()[0]["id"].as_str().expect("an agent").to_owned();
            repo.orchestra(["resume", "--detach", &id]).succeeded();
            repo.end_of(&id);
            repo.orchestra(&FIX[..]).exits(2);
            again().succeeded();
        }
        assert_eq!(repo.agents().len(), 1, "killed at {hit:?}");
        assert_eq!(commits(&world, "forge.git", "topic")[1..], before, "killed at {hit:?}");
        at
    };
    let calls = scene(None);
    assert!(calls > 10, "{calls} calls");
    for part in 1..=6 {
        scene(Some(calls * part / 6));
    }
}
