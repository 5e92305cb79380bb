//! `run --take`: a run whose clone is gone is driven on from another one, and by one clone at a time.

use orchestra::{
    model::{RunKey, run::Run},
    store::chain::Chain,
};
use testkit::{Aim, Ran, TestRepo, World, until};

use crate::{
    decide::outcomes,
    injector, library,
    sync::{clone, first, sync},
    world,
};

/// What everybody types who drives a run here.
const WITH: [&str; 5] = ["--agent", "sh", "--check", "true", "--json"];

fn begin(repo: &TestRepo<'_>) -> Ran {
    repo.orchestra(["run", "plan.md"].into_iter().chain(WITH))
}

fn take<'a>(repo: &TestRepo<'_>, more: impl IntoIterator<Item = &'a str>) -> Ran {
    repo.orchestra(["run", "--take"].into_iter().chain(more).chain(WITH))
}

/// Returns the only run of a repository.
fn only_run(repo: &TestRepo<'_>) -> String {
    let runs = repo.refs("refs/orchestra/runs/");
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].0.rsplit('/').next().expect("an id").to_owned()
}

fn files(repo: &TestRepo<'_>) -> String {
    repo.git(["ls-tree", "--name-only", "main"]).stdout()
}

/// Returns the clone that drives a run, and how often that changed.
fn driver(repo: &TestRepo<'_>, run: &str) -> (String, u64) {
    let key = RunKey::parse(run).expect("an id");
    let driver = Chain::<Run>::of(&library(repo), &key).expect("a log").fold().driver.expect("a driver");
    (driver.label.unwrap_or_default(), driver.epoch)
}

fn labelled<'world>(repo: TestRepo<'world>, label: &str) -> TestRepo<'world> {
    let repo = repo.with_identity();
    repo.git(["config", "orchestra.label", label]);
    repo
}

/// A task that fails until a file is there, and one that lands.
fn red_plan(file: &std::path::Path) -> String {
    format!("- [ ] `red` test -e {} && echo 1 > red\n- [ ] `other` echo 2 > other\n", file.display())
}

#[test]
fn a_run_whose_clone_was_killed_is_driven_on_from_another() {
    let Some(injector) = injector() else { return };
    // Before its first landing, and before that is recorded.
    for (step, at) in [("rename refs/heads/main", 1), ("rename refs/orchestra/runs/", 2)] {
        let world = world();
        let (a, b) = (labelled(first(&world), "desk"), labelled(clone(&world, "b"), "laptop"));
        a.write("plan.md", "- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n");
        let mut command = a.command(world.bins().join("git-orchestra-run"));
        command.args(["plan.md"]).args(WITH);
        let aim = Aim { step: Some(step), ..Aim::at("git-orchestra-run") };
        let hit = injector.kill(&world, &mut command, aim, at);
        assert!(hit.is_some(), "{step} was not reached");
        let run = only_run(&a);
        sync(&a);
        sync(&b);
        let before = a.tip("main");
        let status = b.orchestra(["status", "--json"]).succeeded().json();
        let shown = &status["runs"][0]["driver"];
        assert_eq!((&shown["label"], &shown["here"]), (&"desk".into(), &false.into()), "{status}");
        b.orchestra(["status"]).succeeded().stdout_has("clone desk drives it");
        b.orchestra(["run", "--continue", &run])
            .exits(4)
            .stderr_has("clone desk (")
            .stderr_has(&format!("git orchestra run --take {run}"));
        let tip = b.tip(&format!("refs/orchestra/runs/{run}"));
        take(&b, []).exits(3).stderr_has("may still drive").stderr_has("--yes");
        take(&b, ["nosuch"]).exits(3).stderr_has("no run 'nosuch'");
        let look =
            b.orchestra(["run", "--take", "--dry-run", "--check", "true", "--json"]).succeeded().json();
        assert_eq!((&look["dry_run"], &look["driver"]["label"]), (&true.into(), &"desk".into()), "{look}");
        b.orchestra(["run", "--take", "--yes"]).exits(2).stderr_has("passes a check");
        assert_eq!(b.tip(&format!("refs/orchestra/runs/{run}")), tip, "nothing was written");
        let report = take(&b, ["--yes"]).exits(0).json();
        assert_eq!(outcomes(&report), "landed, landed", "{report}");
        assert_eq!((&report["driver"]["here"], &report["driver"]["epoch"]), (&true.into(), &2.into()));
        assert!(files(&b).contains("one\ntwo\n"), "{}", files(&b));
        assert_eq!(b.agents().len(), 2, "one agent for each task");
        take(&b, [run.as_str(), "--yes"]).exits(3).stderr_has("has ended");
        // It comes back: what it says is what the other clone did, and nothing lands.
        sync(&b);
        sync(&a);
        a.orchestra(["run", "--continue", &run]).exits(0).stderr_has("clone laptop (");
        assert_eq!((a.tip("main"), driver(&a, &run)), (before, ("laptop".into(), 2)));
    }
}

#[test]
fn the_clone_that_comes_back_lands_nothing_and_says_who_drives() {
    let world = world();
    let (a, b) = (labelled(first(&world), "desk"), labelled(clone(&world, "b"), "laptop"));
    let file = world.dir().join("works");
    a.write("plan.md", &red_plan(&file));
    assert_eq!(outcomes(&begin(&a).exits(3).json()), "gate 1, landed");
    let run = only_run(&a);
    sync(&a);
    sync(&b);
    // What landed in the branch of the first clone only lands in that of the second again; the gate is the same.
    let taken = take(&b, ["--yes"]).exits(3).stderr_has("task 'other' landed there");
    assert_eq!(outcomes(&taken.json()), "gate 1, landed");
    assert!(files(&b).contains("other"), "{}", files(&b));
    b.orchestra(["run", "--take", &run]).exits(3).stderr_has("this clone drives run");
    sync(&b);
    sync(&a);
    let before = a.tip("main");
    for words in [["run", "--continue", &run], ["run", "--abort", &run]] {
        a.orchestra(words)
            .exits(4)
            .stderr_has("clone laptop (")
            .stderr_has("starts, lands and publishes nothing more")
            .stderr_has("run --take");
    }
    assert_eq!((a.tip("main"), driver(&a, &run)), (before, ("laptop".into(), 2)));
    // Both answer at once: the one that drives the run heeds the first of a clone that it trusts, and the other one is refused.
    a.orchestra(["decide", &run, "1", "retry"]).succeeded().stderr_has("git orchestra sync");
    b.orchestra(["decide", &run, "1", "skip"]).succeeded().stderr_has("run --continue");
    sync(&a);
    sync(&b);
    let ended = b.orchestra(["run", "--continue", &run, "--json"]).exits(1).json();
    assert_eq!(outcomes(&ended), "skipped, landed", "{ended}");
    sync(&b);
    sync(&a);
    a.orchestra(["decide", &run, "1", "retry"]).exits(4).stderr_has("'skip' counted");
}

#[test]
fn a_process_that_drives_the_run_stops_when_another_clone_has_taken_it() {
    let world = world();
    let (a, b) = (labelled(first(&world), "desk"), labelled(clone(&world, "b"), "laptop"));
    let (started, goes) = (world.dir().join("started"), world.dir().join("goes"));
    let slow = format!("touch {}; while ! test -e {}; do sleep 0.1; done", started.display(), goes.display());
    a.write("plan.md", &format!("- [ ] `slow` {slow}; echo 1 > slow\n"));
    std::thread::scope(|scope| {
        let driving = scope.spawn(|| begin(&a));
        until("the agent works", || started.exists().then_some(()));
        a.orchestra(["collect"]).succeeded();
        sync(&a);
        sync(&b);
        let run = only_run(&b);
        // What another clone calls a task is no script here: a person says how its agent continues.
        let taken = take(&b, ["--yes"]).exits(3).stderr_has("cannot be resumed").json();
        assert_eq!((outcomes(&taken).as_str(), driver(&b, &run).1), ("-", 2), "{taken}");
        sync(&b);
        sync(&a);
        driving
            .join()
            .expect("it ran")
            .exits(4)
            .stderr_has("clone laptop (")
            .stderr_has("publishes nothing more");
        let agent = taken["tasks"][0]["agent"].as_str().expect("an agent").to_owned();
        b.orchestra(["resume", "--take-over", &agent, "-m", "echo 1 > slow"]).succeeded();
        let ended = b.orchestra(["run", "--continue", "--json"]).exits(0).json();
        assert_eq!(outcomes(&ended), "landed", "{ended}");
        std::fs::write(&goes, "").expect("written");
    });
    assert!(files(&b).contains("slow") && !files(&a).contains("slow"));
    assert_eq!(b.agents().len(), 1, "one agent for the task");
}

/// Returns the clone that began a run, which waits at a gate, and two others that know of it.
fn three_that_know_a_run(world: &World) -> ([TestRepo<'_>; 3], String) {
    let (a, b) = (labelled(first(world), "desk"), labelled(clone(world, "b"), "laptop"));
    let c = labelled(clone(world, "c"), "train");
    a.write("plan.md", &red_plan(&world.dir().join("nosuch")));
    begin(&a).exits(3);
    let run = only_run(&a);
    for repo in [&a, &b, &c] {
        sync(repo);
    }
    ([a, b, c], run)
}

#[test]
fn of_two_clones_that_take_a_run_at_once_one_drives_it_after_sync() {
    let world = world();
    let ([_, b, c], run) = three_that_know_a_run(&world);
    // Without the remote, both drive it, and know that the other may.
    let (hub, away) = (world.dir().join("hub.git"), world.dir().join("away.git"));
    std::fs::rename(&hub, &away).expect("moved");
    for repo in [&b, &c] {
        take(repo, ["--yes"]).exits(3).stderr_has("sync decides which one drives it");
        assert_eq!(driver(repo, &run).1, 2);
    }
    std::fs::rename(&away, &hub).expect("moved");
    for repo in [&b, &c, &b] {
        sync(repo);
    }
    assert_eq!(driver(&b, &run), driver(&c, &run));
    let (winner, loser) = if driver(&b, &run).0 == "laptop" { (&b, &c) } else { (&c, &b) };
    let before = loser.tip("main");
    loser
        .orchestra(["run", "--continue", &run])
        .exits(4)
        .stderr_has("starts, lands and publishes nothing more");
    assert_eq!(loser.tip("main"), before);
    winner.orchestra(["decide", &run, "1", "skip"]).succeeded();
    let ended = winner.orchestra(["run", "--continue", &run, "--json"]).exits(1).json();
    assert_eq!(outcomes(&ended), "skipped, landed", "{ended}");
}

#[test]
fn a_remote_accepts_the_first_clone_that_takes_a_run() {
    let world = world();
    let ([_, b, c], run) = three_that_know_a_run(&world);
    take(&b, ["--yes"]).exits(3);
    let (name, before) = (format!("refs/orchestra/runs/{run}"), c.tip("main"));
    let tip = c.tip(&name);
    take(&c, ["--yes"]).exits(4).stderr_has("another clone may have been faster");
    assert_eq!((c.tip(&name), c.tip("main")), (tip, before));
    sync(&c);
    assert_eq!(driver(&c, &run), ("laptop".into(), 2));
}
