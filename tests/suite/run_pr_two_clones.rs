//! `run --pr` in two clones of a repository on a forge: however their runs overlap, there is one pull request for each branch.

use std::path::Path;

use serde_json::Value;
use testkit::{FakeForge, ForgeFlavor, TestRepo, World, until};

use crate::{
    pr::{TOKEN, on_forge},
    run_pr::outcomes,
    sync::{agree, sync},
    world,
};

const RUN: [&str; 9] = ["run", "plan.md", "--pr", "--yolo", "--agent", "sh", "--check", "true", "--json"];

/// Creates two clones of a repository on a forge, which share their agents and runs by it.
pub(crate) fn two_on_forge(world: &World, flavor: ForgeFlavor) -> (TestRepo<'_>, TestRepo<'_>, FakeForge) {
    let (a, forge) = on_forge(world, flavor);
    let a = a.with_identity();
    a.git(["branch", "-q", "--set-upstream-to=origin/main"]).succeeded();
    let path = world.dir().join("laptop");
    world.git(world.dir(), ["clone", "-q", &forge.url(), &path.to_string_lossy()]);
    let b = TestRepo::new(world, path).with_identity();
    let section = format!("orchestra.forge.{}", forge.host());
    b.git(["config", &format!("{section}.kind"), forge.kind()]).succeeded();
    b.git(["config", &format!("{section}.tokenCommand"), &format!("echo {TOKEN}")]).succeeded();
    for (repo, label) in [(&a, "desk"), (&b, "laptop")] {
        repo.git(["config", "orchestra.label", label]).succeeded();
        agree(repo, Path::new(&forge.url()), true);
    }
    (a, b, forge)
}

/// Returns the branches with pull requests, sorted: a branch with two is there twice.
fn heads(forge: &FakeForge) -> Vec<String> {
    let mut all: Vec<String> = forge.pulls().into_iter().map(|pull| pull.head).collect();
    all.sort();
    all
}

/// Returns the branches of the forge except main, by plain git.
fn branches_there(world: &World) -> Vec<String> {
    let bare = world.dir().join("forge.git");
    let all = world.git(&bare, ["for-each-ref", "--format=%(refname:short)", "refs/heads"]).stdout();
    all.lines().filter(|name| *name != "main").map(str::to_owned).collect()
}

fn branches_of(repo: &TestRepo<'_>) -> Vec<String> {
    let name = |agent: &Value| agent["branch"].as_str().expect("a branch").to_owned();
    let mut all: Vec<String> = repo.agents().iter().map(name).collect();
    all.sort();
    all
}

#[test]
fn the_same_list_in_both_opens_one_for_each_branch() {
    let world = world();
    let (a, b, forge) = two_on_forge(&world, ForgeFlavor::GitHub);
    for repo in [&a, &b] {
        repo.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `two` echo 2 > two\n");
    }
    // Both open their first one at the same time.
    forge.gather("POST /pulls", 2);
    let begin = |repo: &TestRepo<'_>| repo.orchestra(RUN).succeeded().json();
    let (of_a, of_b) = std::thread::scope(|scope| {
        let other = scope.spawn(|| begin(&b));
        (begin(&a), other.join().expect("it ran"))
    });
    assert_eq!(forge.gathered(), 2, "{:?}", forge.requests());
    for report in [&of_a, &of_b] {
        assert_eq!(outcomes(report), ["published"; 2], "{report}");
    }
    let mut expected = [branches_of(&a), branches_of(&b)].concat();
    expected.sort();
    assert_eq!((heads(&forge), branches_there(&world)), (expected.clone(), expected.clone()));

    // Each hears of the other, and publishes nothing more.
    for repo in [&a, &b, &a] {
        sync(repo);
    }
    for repo in [&a, &b] {
        assert_eq!(branches_of(repo), expected);
        repo.orchestra(RUN).exits(3).stderr_has("became pull requests already");
        repo.orchestra(["run", "--continue"]);
    }
    assert_eq!((heads(&forge), branches_there(&world)), (expected.clone(), expected));
    assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
}

#[test]
fn a_run_that_is_taken_while_its_clone_publishes_opens_one_for_each_branch() {
    let world = world();
    let (a, b, forge) = two_on_forge(&world, ForgeFlavor::GitHub);
    a.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n");
    forge.hold("POST /pulls");
    let (first, taken, run) = std::thread::scope(|scope| {
        let first = scope.spawn(|| a.orchestra(RUN));
        until("the first clone opens a pull request", || (forge.gathered() == 1).then_some(()));
        sync(&a);
        sync(&b);
        let runs = b.refs("refs/orchestra/runs/");
        assert_eq!(runs.len(), 1, "{runs:?}");
        let run = runs[0].0.rsplit('/').next().expect("an id").to_owned();
        let (taker, name) = (&b, run.clone());
        let taken = scope.spawn(move || {
            let words = ["run", "--take", name.as_str(), "--yes"];
            taker.orchestra(words.iter().chain(&RUN[4..]))
        });
        until("the second clone opens the same one", || (forge.gathered() == 2).then_some(()));
        // The first clone hears that the run was taken while both wait for the forge.
        sync(&a);
        forge.release();
        (first.join().expect("it ran"), taken.join().expect("it ran"), run)
    });
    assert_eq!(outcomes(&taken.succeeded().json()), ["published"; 2]);
    let first = first.exits(4).stderr_has("clone laptop (").stderr_has("publishes nothing more");
    let opened = heads(&forge);
    assert_eq!(
        (opened.clone(), branches_there(&world)),
        (branches_of(&b), branches_of(&b)),
        "{}",
        first.stderr()
    );
    assert_eq!(opened.len(), 2, "one for each task: {opened:?}");

    for repo in [&b, &a, &b] {
        sync(repo);
    }
    a.orchestra(["run", "--continue", &run]).stderr_has("clone laptop (");
    assert_eq!((heads(&forge), branches_of(&a)), (opened.clone(), opened));
    // Both know each pull request as the forge has it.
    for repo in [&a, &b] {
        for agent in repo.agents() {
            let known = &agent["pull_request"];
            let pull = forge.pulls().into_iter().find(|pull| known["number"] == pull.number).expect("it");
            assert_eq!(
                (agent["branch"].as_str(), &agent["head"]),
                (Some(pull.head.as_str()), &known["head"])
            );
        }
    }
    assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
}
