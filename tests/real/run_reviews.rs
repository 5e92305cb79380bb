//! `run --with-review` with the real Claude Code as the one that works and as the one that reviews.

use serde_json::Value;

use crate::test_bed::TestBed;

#[test]
fn work_is_reviewed_repaired_approved_and_landed() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let plan = test_bed.world().dir().join("plan.md");
    std::fs::write(&plan, "- [ ] `greet` FAKE-POLITE\n").expect("written");
    // The reviewer sees what the check prints.
    let words = ["--agent", "claude", "--with-review=claude", "--check", "cat *.txt", "--json"];
    let ran = repo.orchestra(["run", &plan.to_string_lossy()].into_iter().chain(words));
    let report = ran.succeeded().json();
    assert_eq!(
        (&report["phase"], &report["tasks"][0]["outcome"]),
        (&"done".into(), &"landed".into()),
        "{report}"
    );
    let id = report["tasks"][0]["agent"].as_str().expect("an agent").to_owned();
    let events = repo.events(&id);
    let verdicts: Vec<&Value> = events.iter().filter(|event| event["t"] == "verdict").collect();
    let words: Vec<&str> = verdicts.iter().filter_map(|verdict| verdict["verdict"].as_str()).collect();
    assert_eq!(words, ["changes", "approve"], "{verdicts:?}");
    assert_eq!(
        (&verdicts[0]["by"], &verdicts[0]["comments"][0]["text"]),
        (&"agent claude".into(), &"high: the reader is not named".into())
    );
    assert_eq!(verdicts[1]["text"], "Now it is polite.");
    // The agent heard the remark in its own conversation; each review is another conversation.
    let agent = repo.agent(&id);
    assert_eq!((&agent["attempt"], &agent["phase"]), (&2.into(), &"done".into()), "{agent}");
    let reviewers: Vec<Value> =
        repo.agents().into_iter().filter(|agent| agent["reviews"] == id.as_str()).collect();
    assert_eq!(reviewers.len(), 2, "{reviewers:?}");
    for reviewer in &reviewers {
        assert_eq!(
            (&reviewer["phase"], &reviewer["commits"], &reviewer["permission_mode"]),
            (&"done".into(), &0.into(), &"dontAsk".into()),
            "{reviewer}"
        );
        assert_ne!(reviewer["session"], agent["session"]);
    }
    assert_eq!(
        (repo.file_at("main", "a.txt"), repo.file_at("main", "b.txt")),
        ("hello\n".into(), "hello dear reader\n".into())
    );
    // Who approved what is a note of the commit, for those who ask for it.
    repo.orchestra(["init", "--notes"]).succeeded();
    let log = repo.git(["log", "--format=%B%N", "main"]).stdout();
    for line in ["Orchestra-Task: FAKE-POLITE", ": changes requested by ", ": approved by "] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}
