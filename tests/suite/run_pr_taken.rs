//! `run --pr` in one clone, taken by another while the first still drives it: each task has one pull request, and the first says who drives.

use std::{fs, process::Stdio};

use testkit::{FakeForge, ForgeFlavor, World, until};

use crate::{decide::outcomes, run_pr_two_clones::two_on_forge, sync::sync, world};

/// The second task ends when its clone has a file.
const PLAN: &str = "- [ ] `one` echo 1 > one\n\
    - [ ] `two` while ! test -e \"$(git rev-parse --git-common-dir)/go\"; do sleep 0.1; done; echo 2 > two\n";
const WITH: [&str; 4] = ["--agent", "sh", "--check", "true"];

/// Returns the branches of the forge, by plain git, and its pull requests.
fn published(world: &World, forge: &FakeForge) -> (String, Vec<(String, String)>) {
    let branches = world.git(&world.dir().join("forge.git"), ["for-each-ref", "refs/heads/"]).stdout();
    (branches, forge.pulls().into_iter().map(|pull| (pull.title, pull.head)).collect())
}

#[test]
fn a_clone_whose_run_was_taken_publishes_nothing_more_before_any_sync() {
    let world = world();
    let (a, b, forge) = two_on_forge(&world, ForgeFlavor::GitHub);
    a.write("plan.md", PLAN);
    let said = world.dir().join("said");
    let mut command = a.command(world.bins().join("git-orchestra-run"));
    command.args(["plan.md", "--pr", "--yolo"]).args(WITH).stdout(Stdio::null());
    let mut driver = command.stderr(fs::File::create(&said).expect("a file")).spawn().expect("started");
    until("the first task is published and the second works", || {
        let works = a.agents().iter().any(|agent| agent["phase"] == "running");
        (forge.pulls().len() == 1 && works).then_some(())
    });
    sync(&a);
    sync(&b);
    let runs = b.refs("refs/orchestra/runs/");
    let run = runs[0].0.rsplit('/').next().expect("an id");
    // The same list, typed there, is carried out already.
    b.write("plan.md", PLAN);
    let refused = b.orchestra(["run", "plan.md", "--pr", "--yolo"].into_iter().chain(WITH)).exits(3);
    let refused = refused.stderr_has("clone desk (").stderr_has("carries out tasks 'one', 'two' already");
    refused.stderr_has(&format!("git orchestra run --take {run} drives the run here"));
    let taken =
        b.orchestra(["run", "--take", run, "--yes", "--json"].into_iter().chain(WITH)).exits(3).json();
    assert_eq!(outcomes(&taken), "published, -", "{taken}");
    let before = published(&world, &forge);

    // The first notices before it publishes anything more, although it has not synced since.
    fs::write(a.path().join(".git/go"), "").expect("a file");
    let code = driver.wait().expect("its end").code();
    let said = fs::read_to_string(&said).expect("what it said");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("clone laptop (") && said.contains("publishes nothing more"), "{said}");
    assert!(said.contains("git orchestra sync") && !said.contains("run --continue"), "{said}");
    assert_eq!(published(&world, &forge), before);

    // The other one publishes what is left, once.
    let agent = taken["tasks"][1]["agent"].as_str().expect("an agent");
    b.orchestra(["resume", "--take-over", agent, "-m", "echo 2 > two"]).succeeded();
    let ended = b.orchestra(["run", "--continue", run, "--json"]).succeeded().json();
    assert_eq!(outcomes(&ended), "published, published", "{ended}");
    sync(&b);
    sync(&a);
    a.orchestra(["run", "--continue", run]).succeeded().stderr_has("clone laptop (");
    let heads: Vec<String> = published(&world, &forge).1.into_iter().map(|one| one.1).collect();
    assert_eq!(heads.len(), 2, "{heads:?}");
    assert!(heads.iter().any(|head| *head == a.agent(agent)["branch"]), "{heads:?}");
}

#[test]
fn a_list_that_another_clone_published_is_refused_here_until_it_is_asked_for_again() {
    let world = world();
    let (a, b, forge) = two_on_forge(&world, ForgeFlavor::GitHub);
    let run = ["run", "plan.md", "--pr", "--yolo"];
    for repo in [&a, &b] {
        repo.write("plan.md", "- [ ] `one` echo 1 > one\n");
    }
    a.orchestra(run.into_iter().chain(WITH)).succeeded();
    sync(&a);
    sync(&b);
    b.orchestra(run.into_iter().chain(WITH)).exits(3).stderr_has("task 'one' became pull requests already");
    assert_eq!(published(&world, &forge).1.len(), 1);
    b.orchestra(run.into_iter().chain(WITH).chain(["--again"])).succeeded();
    assert_eq!(published(&world, &forge).1.len(), 2);
}
