//! Each program reviews the work of an agent, without changing it.

use testkit::Ran;

use crate::{aider, codex::codex, gemini::gemini, opencode::opencode, test_bed::TestBed};

#[test]
fn each_program_reviews_and_changes_nothing() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    let Some(mut list) = opencode(&test_bed, &repo, &["session", "list"]) else { return };
    let Some(_) = gemini(&test_bed, &repo, &[]) else { return };
    let Some(()) = aider::set_up(&test_bed, &repo) else { return };
    Ran::of(&mut list).succeeded();
    for (key, value) in [("gemini.model", "gemini-2.5-pro"), ("api.model", "large-1.5")] {
        repo.git(["config", &format!("orchestra.agent.{key}"), value]);
    }
    let id = repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", "work", "echo hi > a.txt"]);
    let id = id.succeeded().line();
    repo.end_of(&id);
    let head = repo.tip(&format!("refs/orchestra/heads/{id}"));
    let before = repo.checkout();
    for (program, mode) in [
        ("codex", "dontAsk"),
        ("gemini", "dontAsk"),
        ("opencode", "dontAsk"),
        ("aider", "plan"),
        ("api", "dontAsk"),
    ] {
        let line = ["review", &id, "--by", program, "--test", "test -s a.txt"];
        let ran = Ran::of(&mut aider::with_key(&test_bed, &repo, &line));
        let agents = repo.agents();
        let reviewer = agents.iter().find(|agent| agent["profile"] == program).expect("a reviewer");
        let log = repo.orchestra(["logs", reviewer["id"].as_str().expect("an id")]).stdout();
        assert_eq!(ran.code(), 0, "{program}: {}\n{reviewer}\n{log}", ran.stderr());
        let events = repo.events(&id);
        let verdict = events.iter().rev().find(|fact| fact["t"] == "verdict").expect("a verdict");
        assert_eq!(
            (&verdict["verdict"], &verdict["by"], &verdict["comments"][0]["text"]),
            (&"approve".into(), &format!("agent {program}").into(), &"low: greet somebody".into()),
            "{verdict}"
        );
        assert_eq!(
            (&reviewer["permission_mode"], &reviewer["commits"]),
            (&mode.into(), &0.into()),
            "{reviewer}"
        );
    }
    assert_eq!(repo.tip(&format!("refs/orchestra/heads/{id}")), head);
    assert_eq!(repo.checkout(), before);
}
