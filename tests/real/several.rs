//! One task for several programs at once.

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::{
    aider,
    codex::codex,
    gemini::gemini,
    opencode::opencode,
    test_bed::{TestBed, outcome},
};

/// Lets git orchestra start all programs in the scripted world. Returns `None` if one is not installed.
pub(crate) fn set_up_all(test_bed: &TestBed, repo: &TestRepo<'_>) -> Option<()> {
    codex(test_bed, repo, &[])?;
    opencode(test_bed, repo, &[])?;
    gemini(test_bed, repo, &[])?;
    repo.git(["config", "orchestra.agent.gemini.model", "gemini-2.5-pro"]);
    aider::set_up(test_bed, repo)
}

#[test]
fn one_task_is_given_to_five_programs_in_one_table() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up_all(&test_bed, &repo) else { return };
    // The scripted model answers it in its own form of an edit.
    repo.git(["config", "orchestra.agent.aider.prompt", "FAKE-AIDER limit.txt"]);
    let programs = ["claude", "codex", "gemini", "opencode", "aider"];
    let arguments = ["spawn", "-j", "5", "--agent", &programs.join(","), "FAKE-WRITE limit.txt"];
    let table = Ran::of(&mut aider::with_key(&test_bed, &repo, &arguments)).succeeded().stdout();
    let agents: Vec<Value> = repo.agents();
    for program in programs {
        let own: Vec<&Value> = agents.iter().filter(|agent| agent["profile"] == program).collect();
        assert_eq!(own.len(), 1, "{agents:?}");
        let id = own[0]["id"].as_str().expect("an id");
        assert_eq!((outcome(own[0]).0, outcome(own[0]).1), ("done", 1), "{}", own[0]);
        assert_eq!(repo.file_in_head(id, "limit.txt"), "hello from the scripted agent\n");
        assert!(table.contains(id), "{id} in {table}");
    }
    assert_eq!(agents.len(), programs.len());
}

#[test]
fn five_programs_work_in_a_sandbox() {
    work_in_a_sandbox("files", "bubblewrap");
}

#[test]
fn five_programs_work_in_a_sandbox_by_landlock() {
    work_in_a_sandbox("files", "landlock");
}

/// They reach the model, which is on a port of this machine that is allowed, and nothing else.
#[test]
fn five_programs_work_in_a_sandbox_without_the_network() {
    work_in_a_sandbox("net", "bubblewrap");
}

/// Each program logs in, commits, and keeps its session where it is found, although it has a home folder of its own.
fn work_in_a_sandbox(level: &str, engine: &str) {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    repo.git(["config", "orchestra.sandboxEngine", engine]);
    repo.git(["config", "orchestra.sandboxHost", test_bed.url().trim_start_matches("http://")]);
    let Some(()) = set_up_all(&test_bed, &repo) else { return };
    repo.git(["config", "orchestra.agent.aider.prompt", "FAKE-AIDER limit.txt"]);
    let programs = ["claude", "codex", "gemini", "opencode", "aider"];
    let spawn =
        ["spawn", "-j", "5", "--sandbox", level, "--agent", &programs.join(","), "FAKE-WRITE limit.txt"];
    Ran::of(&mut aider::with_key(&test_bed, &repo, &spawn)).succeeded();
    for program in programs {
        let agents = repo.agents();
        let agent = agents.iter().find(|agent| agent["profile"] == program).expect("an agent");
        let id = agent["id"].as_str().expect("an id");
        assert_eq!((outcome(agent).0, outcome(agent).1), ("done", 1), "{agent}");
        assert_eq!(agent["sandbox"], format!("{level} by {engine}"));
        assert_eq!(repo.file_in_head(id, "limit.txt"), "hello from the scripted agent\n");
        let message = if program == "aider" { "FAKE-AIDER more.txt" } else { "FAKE-WRITE more.txt" };
        let resume = ["resume", id, "-m", message];
        Ran::of(&mut aider::with_key(&test_bed, &repo, &resume)).succeeded();
        let again = repo.end_of(id);
        assert_eq!((&again["phase"], &again["session"]), (&"done".into(), &agent["session"]), "{again}");
        assert!(!repo.file_in_head(id, "more.txt").is_empty());
    }
}
