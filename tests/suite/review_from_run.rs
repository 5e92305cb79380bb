//! `review --from-run`: the pull requests of a run, one after another; and the list to pick one from.

use serde_json::{Value, json};
use testkit::{FakeForge, ForgeFlavor, Screen, TestRepo, World};

use crate::{pr::on_forge, review_pr::pull_of_fork, world};

/// Publishes two tasks of a plan as pull requests, and returns the id of the run.
fn run_of_two(repo: &TestRepo<'_>, first: &str, second: &str) -> String {
    repo.write("plan.md", &format!("- [ ] `{first}` echo 1 > {first}\n- [ ] `{second}` echo 2 > {second}\n"));
    let run = ["run", "plan.md", "--pr", "--yolo", "--agent", "sh", "--check", "true", "--json"];
    let report = repo.orchestra(run).succeeded().json();
    report["run"].as_str().expect("a run").to_owned()
}

fn files_there(world: &World) -> String {
    world.git(&world.dir().join("forge.git"), ["ls-tree", "--name-only", "main"]).stdout()
}

/// Returns the task of each reviewed pull request, by its title.
fn titles(report: &Value) -> Vec<&str> {
    let all = report["reviews"].as_array().expect("reviews");
    all.iter().map(|one| one["report"]["pull_request"]["title"].as_str().unwrap_or("-")).collect()
}

fn states(forge: &FakeForge) -> Vec<String> {
    forge.pulls().into_iter().map(|pull| pull.state).collect()
}

#[test]
fn each_pull_request_of_a_run_is_reviewed_and_one_that_fails_keeps_none_of_the_others() {
    for flavor in [ForgeFlavor::GitHub, ForgeFlavor::GitLab] {
        let world = world();
        let (repo, forge) = on_forge(&world, flavor);
        repo.orchestra(["review", "--from-run"]).exits(3).stderr_has("no run has a pull request on");
        let old = run_of_two(&repo, "one", "two");
        let new = run_of_two(&repo, "three", "four");
        repo.orchestra(["review", "--from-run", "nosuch"]).exits(3).stderr_has("no run 'nosuch' has a pull");
        let of_new = repo.orchestra(["review", "--from-run", "--json"]).succeeded().json();
        assert_eq!((titles(&of_new), &of_new["run"]), (vec!["echo 1 > three", "echo 2 > four"], &json!(new)));
        let of_old = repo.orchestra(["review", "--from-run", &old, "--json"]).succeeded().json();
        assert_eq!(titles(&of_old), ["echo 1 > one", "echo 2 > two"]);

        // Only the second of the newest run has a verdict: the first fails, and the second is still given.
        let second = of_new["reviews"][1]["number"].to_string();
        repo.orchestra(["review", "--pr", &second, "--approve"]).succeeded();
        let given = repo.orchestra(["review", "--from-run", "--post", "--json"]).exits(3).json();
        let why = given["reviews"][0]["error"].as_str().expect("why").to_owned();
        assert!(why.contains("there is no verdict on"), "{given}");
        assert_eq!(given["reviews"][1]["report"]["posted"]["is_new"], true, "{given}");

        // The second is merged onto the first: the base moved by this command itself.
        repo.orchestra(["review", "--from-run", "--approve", "--automerge", "--test", "true"])
            .succeeded()
            .stderr_has("1/2: pull request")
            .stdout_has(&format!("{second} merged at"));
        let files = files_there(&world);
        assert!(files.contains("three\n") && files.contains("four\n") && !files.contains("one\n"), "{files}");
        let merged = repo.orchestra(["review", "--from-run", &new, "--json"]).succeeded().json();
        assert_eq!(merged["reviews"][0]["state"], "merged", "{merged}");
        assert_eq!(states(&forge).iter().filter(|state| *state == "merged").count(), 2);
        assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
    }
}

#[test]
fn without_a_number_and_a_terminal_what_to_type_is_listed_with_harmless_titles() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    let first = forge.pulls()[0].clone();
    forge.change(|pulls| {
        pulls.extend((2..=30).map(|number| testkit::Pull {
            number,
            title: format!("\u{1b}[31mred {number}\u{7} \u{202e}txet"),
            ..first.clone()
        }));
    });
    for more in [&["--approve"][..], &["--automerge", "--test", "true"], &["--post", "--json"]] {
        let said = repo.orchestra(["review", "--pr"].iter().chain(more)).exits(2).stderr();
        assert!(said.contains("which pull request?") && said.contains("lists all 30"), "{said}");
        assert!(!said.contains(['\u{7}', '\u{202e}']) && !said.contains("\u{1b}[31mred"), "{said:?}");
        assert!(said.contains("--pr 30") && !said.contains("--pr 20 "), "the newest ones alone: {said}");
    }
    assert!(forge.requests().iter().all(|one| one.starts_with("GET")));
}

#[test]
fn on_a_terminal_one_is_picked_by_its_number_and_title() {
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::Gitea);
    pull_of_fork(&world, &forge, &[("new.txt", "good\n")]);
    let first = forge.pulls()[0].clone();
    forge.change(|pulls| {
        pulls.push(testkit::Pull {
            number: 2,
            title: "\u{1b}[31mred".into(),
            author: "tess".into(),
            ..first
        });
    });
    let Some(screen) = Screen::open(&world, &repo, 100, 24) else { return };
    screen.types("git orchestra review --pr");
    let shown = screen.until("the list", |shown| shown.contains("which pull request?"));
    assert!(shown.contains("1  somebody  Add something") && shown.contains("2  tess  "), "{shown}");
    screen.press(&["Down", "Enter"]);
    screen
        .until("the details", |shown| shown.contains("+1 -0 new.txt") && shown.contains("1  Add something"));
}
