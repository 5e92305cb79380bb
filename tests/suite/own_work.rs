//! What lands of an agent is what the agent did: nothing else that it started from comes with it, and no conflict that is not its own is
//! put down to it.

use serde_json::Value;
use testkit::{Ran, TestRepo, World};

use crate::world;

fn step<'a>(report: &'a Value, branch: &str) -> &'a Value {
    let order = report["order"].as_array().expect("steps");
    order.iter().find(|step| step["branch"] == branch).expect("a step")
}

/// Spawns an agent on a branch of the user that has a file more than `main`, and returns to `main`.
fn on_a_feature(world: &World, script: &str) -> (String, String) {
    let repo = TestRepo::new(world, world.dir().join("repo"));
    repo.git(["checkout", "-q", "-b", "feature"]).succeeded();
    repo.commit("feature", &[("feature", "1\n"), ("shared", "feature\n")]);
    let id = repo.spawn(script);
    repo.end_of(&id);
    let feature = repo.tip("feature");
    repo.git(["checkout", "-q", "main"]).succeeded();
    (id, feature)
}

#[test]
fn commits_of_another_branch_do_not_land_with_an_agent() {
    for strategy in ["merge", "squash", "rebase"] {
        let world = world();
        let repo = world.repo();
        let (id, feature) =
            on_a_feature(&world, "echo 1 > made; git add made; git commit -qm made; echo 2 >> made");
        repo.orchestra(["review", &id, "--approve"]).succeeded();
        let land = ["merge-ranked", "--approved", "--strategy", strategy, "--json"];
        let report = repo.orchestra(land).succeeded().json();
        assert_eq!(
            (&step(&report, &id)["outcome"], &step(&report, &id)["files"]),
            (&"merged".into(), &1.into())
        );
        assert_eq!(repo.file_at("main", "made"), "1\n2\n", "{strategy}");
        assert!(!repo.has("main", "feature") && !repo.has("main", "shared"), "{strategy}");
        let mut is_in = repo.command("git");
        Ran::of(is_in.args(["merge-base", "--is-ancestor", &feature, "main"])).exits(1);
        // It has landed: it does not land again, and can be removed and restored.
        repo.orchestra(["merge-ranked", "--dry-run"]).exits(3).stderr_has("nothing to land");
        repo.orchestra(["cleanup"]).succeeded().stdout_has("removed 1 agent");
        repo.orchestra(["undo"]).succeeded();
        assert!(repo.worktree(&id).join("made").exists());
    }
}

#[test]
fn an_undone_landing_does_not_return_with_the_next_agent() {
    let world = world();
    let repo = world.repo();
    let first = repo.spawn("echo 1 > first");
    repo.end_of(&first);
    repo.orchestra(["merge-ranked"]).succeeded();
    let second = repo.spawn("echo 2 > second");
    repo.end_of(&second);
    repo.orchestra(["undo"]).succeeded();
    repo.orchestra(["merge-ranked", &second]).succeeded();
    assert!(repo.has("main", "second") && !repo.has("main", "first"));
    // The first one can land after all.
    repo.orchestra(["merge-ranked", &first]).succeeded();
    assert!(repo.has("main", "second") && repo.has("main", "first"));
}

#[test]
fn work_that_needs_what_the_target_lacks_is_set_aside_with_the_reason() {
    let world = world();
    let repo = world.repo();
    repo.commit("begin", &[("shared", "main\n")]);
    let (id, _) = on_a_feature(&world, "echo more >> shared");
    let report = repo.orchestra(["merge-ranked", "--json"]).exits(1).json();
    let why = "conflicts with main in shared; it started from commits that main lacks: land those first, or --with-base";
    assert_eq!(
        (&step(&report, &id)["outcome"], &step(&report, &id)["why"]),
        (&"set_aside".into(), &why.into())
    );
    // As it says, in both ways.
    repo.orchestra(["merge-ranked", "feature"]).succeeded();
    repo.orchestra(["merge-ranked"]).succeeded();
    assert_eq!(repo.file_at("main", "shared"), "feature\nmore\n");
    for _ in 0..2 {
        repo.orchestra(["undo"]).succeeded();
    }
    repo.orchestra(["merge-ranked", "--with-base", &id]).succeeded();
    assert_eq!(repo.file_at("main", "shared"), "feature\nmore\n");
}

#[test]
fn a_conflict_with_the_target_is_not_put_down_to_work_that_started_later() {
    let world = world();
    let repo = world.repo();
    repo.commit("begin", &[("same", "0\n")]);
    let [a, b] = ["echo a > same", "echo b > same"].map(|script| repo.spawn(script));
    for id in [&a, &b] {
        repo.end_of(id);
    }
    repo.orchestra(["merge-ranked", &a]).succeeded();
    let c = repo.spawn("echo c > other");
    repo.end_of(&c);
    let shown = repo.orchestra(["review", &c, "--json"]).succeeded().json();
    assert_eq!(shown["work"]["conflicts_with"], serde_json::json!([]), "{shown}");
    let report = repo.orchestra(["merge-ranked", "--json"]).exits(1).json();
    assert_eq!(step(&report, &c)["outcome"], "merged");
    let aside = step(&report, &b);
    assert_eq!(aside["outcome"], "set_aside");
    assert_eq!(aside["conflicts_with"], serde_json::json!(["main"]), "{aside}");
    assert!(aside["why"].as_str().is_some_and(|why| why.contains("conflicts with main in same")), "{aside}");
}
