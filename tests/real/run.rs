//! A plan is carried out by real programs: started in the order of what tasks need, landed, and checked.

use testkit::Ran;

use crate::{
    codex::codex,
    test_bed::{TestBed, outcome},
};

const PLAN: &str = "# Plan

- [ ] `one` FAKE-WRITE one.txt
- [ ] `two` FAKE-WRITE two.txt (after: one)
      agent: codex
- [ ] `three` FAKE-WRITE three.txt
";

#[test]
fn a_plan_is_carried_out_by_two_programs_up_to_a_tested_main() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    let plan = test_bed.world().dir().join("plan.md");
    std::fs::write(&plan, PLAN).expect("a file");
    // What is landed was there when the check ran: it notes it.
    let seen = test_bed.world().dir().join("seen");
    let check = format!("test -e three.txt || test -e one.txt; ls *.txt >> {}", seen.display());
    // The history, which Claude Code shows its model, names the tasks that have landed.
    // The check lists a file that the first task makes: before that it fails.
    let words = ["--agent", "claude", "--check", &check, "--even-if-red"];
    let ran = repo.orchestra(["run", &plan.to_string_lossy()].into_iter().chain(words));
    ran.succeeded().stderr_has("3 of 3 tasks landed in main");
    let agents = repo.agents();
    assert_eq!(agents.len(), 3, "{agents:?}");
    for agent in &agents {
        assert_eq!((outcome(agent).0, outcome(agent).1), ("done", 1), "{agent}");
        assert_eq!(agent["landed_in"], "main", "{agent}");
    }
    let profiles = |name: &str| agents.iter().filter(|agent| agent["profile"] == name).count();
    assert_eq!((profiles("claude"), profiles("codex")), (2, 1));
    for file in ["one.txt", "two.txt", "three.txt"] {
        let shown = Ran::of(repo.command("git").args(["show", &format!("main:{file}")])).succeeded();
        assert_eq!(shown.stdout(), "hello from the scripted agent\n", "{file}");
    }
    let checked = std::fs::read_to_string(seen).expect("the check ran");
    assert!(checked.contains("two.txt"), "{checked}");
    // The one that needs another started from the main that held it.
    let two = agents.iter().find(|agent| agent["profile"] == "codex").expect("an agent");
    let base = two["base"].as_str().expect("a base");
    repo.git(["cat-file", "-e", &format!("{base}:one.txt")]);
}
