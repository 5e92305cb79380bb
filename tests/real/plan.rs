//! Real programs make a plan of prose, and mend what is wrong in it.

use std::fs;

use testkit::TestRepo;

use crate::{codex::codex, test_bed::TestBed};

const PROSE: &str = "Greet on the left, then on the right. FAKE-PLAN\n";

/// What the second answer of the scripted model says.
const PLAN: &str = "# Greetings\n\n- [ ] `left` FAKE-WRITE left.txt\n      files: left.txt   size: 1\n- [ ] `right` FAKE-WRITE \
                    right.txt (after: left)\n";

fn becomes_a_plan(repo: &TestRepo<'_>, program: &str) {
    let notes = repo.world().dir().join("notes.md");
    fs::write(&notes, PROSE).expect("written");
    let before = repo.checkout();
    let words = ["plan", "--agent", program, "--from", &notes.to_string_lossy(), "--json"];
    let ran = repo.orchestra(words);
    let logs = || {
        let id = |agent: &serde_json::Value| agent["id"].as_str().unwrap_or_default().to_owned();
        repo.agents().iter().map(|agent| repo.orchestra(["logs", &id(agent)]).stdout()).collect::<Vec<_>>()
    };
    assert_eq!(ran.code(), 0, "{program}: {}\n{:?}", ran.stderr(), logs());
    let report = ran.json();
    assert_eq!(report["markdown"], PLAN, "{program}: {report}");
    assert_eq!(report["tasks"][1]["after"], serde_json::json!(["left"]), "{program}: {report}");
    // The flaw of the first answer was sent back once.
    assert_eq!(report["planners"].as_array().map(Vec::len), Some(2), "{program}: {report}");
    assert_eq!(repo.checkout(), before, "{program}");
    for agent in repo.agents().iter().filter(|agent| agent["profile"] == program) {
        assert_eq!((&agent["phase"], &agent["commits"]), (&"done".into(), &0.into()), "{agent}");
        let name = agent["id"].as_str().unwrap_or_default();
        assert!(name.starts_with("plan-"), "{agent}");
    }
}

#[test]
fn claude_makes_a_plan() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    becomes_a_plan(&repo, "claude");
}

#[test]
fn codex_makes_a_plan() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    becomes_a_plan(&repo, "codex");
}
