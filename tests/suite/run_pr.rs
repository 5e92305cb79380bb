//! `run --pr`: each task of a plan becomes one pull request, after its check and a person's answer, whatever happens in between.

use serde_json::{Value, json};
use testkit::{Aim, FakeForge, ForgeFlavor, Injector, Trouble, World};

use crate::{pr::on_forge, world};

const PLAN: &str =
    "- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n- [ ] `three` echo 3 > three\n";
const RUN: [&str; 7] = ["run", "plan.md", "--pr", "--agent", "sh", "--check", "test ! -e red"];

pub(crate) fn outcomes(report: &Value) -> Vec<&str> {
    let tasks = report["tasks"].as_array().expect("tasks");
    tasks.iter().map(|task| task["outcome"].as_str().unwrap_or("-")).collect()
}

/// Returns the pull requests of the forge: the task in the title, the branch to merge into, and the state, by title.
fn published(forge: &FakeForge) -> Vec<(String, String, String)> {
    let pulls = forge.pulls();
    let short = |base: &str| if base == "main" { "main" } else { "another" }.to_owned();
    let mut all: Vec<_> = pulls.into_iter().map(|pull| (pull.title, short(&pull.base), pull.state)).collect();
    all.sort();
    all
}

fn expected() -> Vec<(String, String, String)> {
    let one = |title: &str, base: &str| (title.to_owned(), base.to_owned(), "open".to_owned());
    vec![one("cat one > two", "another"), one("echo 1 > one", "main"), one("echo 3 > three", "main")]
}

fn bare<'a>(world: &World, arguments: impl IntoIterator<Item = &'a str>) -> String {
    world.git(&world.dir().join("forge.git"), arguments).stdout()
}

#[test]
fn each_task_becomes_a_pull_request_and_what_needs_it_is_stacked() {
    for flavor in [ForgeFlavor::GitHub, ForgeFlavor::GitLab] {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        repo.write("plan.md", PLAN);
        let before = repo.git(["rev-parse", "main"]).line();
        let dry = repo.orchestra(RUN.iter().chain(&["--dry-run", "--json"])).succeeded().json();
        assert_eq!(dry["publishes_to"]["repo"], "team/app", "{dry}");
        repo.orchestra(RUN.iter().chain(&["--dry-run"]))
            .succeeded()
            .stderr_has("would be published to team/app on");
        assert!(repo.agents().is_empty() && forge.pulls().is_empty());

        let report = repo.orchestra(RUN.iter().chain(&["--yolo", "--json"])).succeeded().json();
        assert_eq!(outcomes(&report), ["published"; 3], "{report}");
        assert_eq!(report["phase"], "done");
        assert_eq!(published(&forge), expected());
        let two = &report["tasks"][1];
        let (one, of_two) = (&report["tasks"][0]["pull_request"], &two["pull_request"]);
        assert_eq!((&one["state"], &one["into"]), (&json!("open"), &json!("main")), "{report}");
        let agent = repo.agent(two["agent"].as_str().expect("an agent"));
        let below = repo.agent(report["tasks"][0]["agent"].as_str().expect("an agent"));
        assert_eq!((&of_two["into"], &agent["base"]), (&below["branch"], &below["head"]), "{report}");
        // Nothing landed here, and the work is on the forge: by plain git.
        assert_eq!(
            (repo.git(["rev-parse", "main"]).line(), bare(&world, ["rev-parse", "main"]).trim()),
            (before.clone(), before.as_str())
        );
        let branch = agent["branch"].as_str().expect("a branch");
        let files = bare(&world, ["ls-tree", "--name-only", branch]);
        assert!(files.contains("one\n") && files.contains("two\n") && !files.contains("three"), "{files}");
        assert_eq!(bare(&world, ["rev-parse", branch]).trim(), agent["head"].as_str().expect("a head"));
        // The same plan again would do everything twice.
        repo.orchestra(RUN).exits(3).stderr_has("became pull requests already");

        // The lower one is merged: the upper one goes into the target, although nobody fetched that since.
        let id = agent["id"].as_str().expect("an id");
        let lower = below["id"].as_str().expect("an id");
        repo.orchestra(["pr", lower, "--merge"]).succeeded();
        repo.orchestra(["pr", id, "--stack"]).succeeded();
        let upper = forge.pulls().into_iter().find(|pull| pull.title == "cat one > two").expect("it");
        assert_eq!((upper.base.as_str(), upper.state.as_str()), ("main", "open"), "{flavor:?}");
        assert_eq!(repo.agent(id)["pull_request"]["into"], "main");
        repo.orchestra(["status", lower]).succeeded().stdout_has("merged, into main: http");
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
}

#[test]
fn nothing_leaves_the_machine_before_a_person_answers() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::Gitea);
    repo.write(
        "plan.md",
        "- [ ] `red` touch red\n- [ ] `none` true\n- [ ] `one` echo 1 > one\n- [ ] `two` echo 2 > two\n",
    );
    let report = repo.orchestra(RUN.iter().chain(&["--json"])).exits(3).json();
    assert_eq!(outcomes(&report), ["-", "unchanged", "-", "-"], "{report}");
    let gates = report["gates"].as_array().expect("gates");
    let gate = |task: &str| gates.iter().find(|gate| gate["task"] == task).expect(task).clone();
    assert_eq!(gate("red")["kind"], "check-failed");
    assert_eq!(
        (&gate("one")["kind"], &gate("one")["options"]),
        (&json!("publish"), &json!(["accept", "retry", "skip", "stop"]))
    );
    assert!(gate("one")["says"].as_str().expect("text").starts_with("publish 1 commit, "), "{report}");
    assert!(forge.pulls().is_empty());
    assert_eq!(bare(&world, ["branch", "--list"]).trim(), "* main", "nothing was pushed");
    let answer = |task: &str, option: &str| {
        repo.orchestra(["decide", &gate(task)["gate"].to_string(), option]).succeeded();
    };
    repo.orchestra(["decide"]).succeeded().stdout_has("accept  push the work, and open a pull request");
    answer("red", "skip");
    answer("one", "accept");
    answer("two", "skip");
    let report = repo.orchestra(["run", "--continue", "--json"]).exits(1).json();
    assert_eq!(outcomes(&report), ["skipped", "unchanged", "published", "skipped"], "{report}");
    assert_eq!(published(&forge).len(), 1);
}

#[test]
fn a_forge_that_refuses_is_named_before_anything_starts() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    repo.write("plan.md", PLAN);
    forge.renew_token("another");
    repo.orchestra(RUN).exits(3).stderr_has("refuses the token");
    repo.orchestra(RUN.iter().chain(&["--dry-run"])).exits(3).stderr_has("refuses the token");
    forge.renew_token("the-token-of-kim");
    repo.commit("mine", &[("mine.txt", "1\n")]);
    repo.orchestra(RUN).exits(3).stderr_has("git push origin main");
    repo.git(["remote", "remove", "origin"]).succeeded();
    repo.orchestra(RUN).exits(3).stderr_has("no remote to publish work on");
    repo.orchestra(RUN.iter().chain(&["--tick"])).exits(2);
    assert!(repo.agents().is_empty() && repo.refs("refs/orchestra/runs/").is_empty());
}

#[test]
fn a_protected_branch_and_a_lost_forge_are_told_apart() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    repo.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `two` echo 2 > two\n");
    let hook = world.dir().join("forge.git/hooks/update");
    let refuses = "#!/bin/sh\ngit show --stat $3 | grep -q two && echo protected && exit 1\nexit 0\n";
    std::fs::write(&hook, refuses).expect("a hook");
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    let report = repo.orchestra(RUN.iter().chain(&["--yolo", "--json"])).exits(1).json();
    assert_eq!(outcomes(&report), ["published", "failed"], "{report}");
    assert!(report["tasks"][1]["reason"].as_str().expect("why").contains("refuses"), "{report}");
    assert_eq!(published(&forge).len(), 1);
    std::fs::remove_file(&hook).expect("removed");
    // A forge that is away stops the run, which is continued.
    repo.write("plan.md", "- [ ] `four` echo 4 > four\n");
    forge.next("POST pulls", Trouble::Answers(502, vec![], "{}".into()));
    repo.orchestra(RUN.iter().chain(&["--yolo"])).exits(5).stderr_has("run --continue");
    let report = repo.orchestra(["run", "--continue", "--json"]).succeeded().json();
    assert_eq!((outcomes(&report), published(&forge).len()), (vec!["published"], 2), "{report}");
}

#[test]
fn a_run_that_is_killed_anywhere_opens_one_pull_request_for_each_task() {
    let Some(injector) = Injector::compile() else {
        crate::skip("no C compiler");
        return;
    };
    // Before the run's log or an agent's events say what was done on the forge.
    for (step, at) in [
        ("rename refs/orchestra/runs/", 2),
        ("rename refs/orchestra/runs/", 3),
        ("rename refs/orchestra/agents/", 2),
        ("rename refs/orchestra/agents/", 4),
    ] {
        let world = world();
        let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
        repo.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n");
        let mut command = repo.command(world.bins().join("git-orchestra-run"));
        command.args(&RUN[1..]).arg("--yolo");
        let aim = Aim { step: Some(step), ..Aim::at("git-orchestra-run") };
        let hit = injector.kill(&world, &mut command, aim, at);
        assert!(hit.is_some(), "{step} was not reached {at} times");
        let report = repo.orchestra(["run", "--continue", "--json"]).succeeded().json();
        assert_eq!(outcomes(&report), ["published"; 2], "{step} {at}: {report}");
        let titles: Vec<String> = published(&forge).into_iter().map(|one| one.0).collect();
        assert_eq!(titles, ["cat one > two", "echo 1 > one"], "{step} {at}");
    }
}
