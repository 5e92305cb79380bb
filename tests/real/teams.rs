//! A team of two programs: an architect and a reviewer of Claude Code, and a coder of Codex.

use serde_json::Value;

use crate::{codex::codex, test_bed::TestBed};

#[test]
fn the_roles_of_two_programs_work_one_after_another() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    for (role, program, prompt, writes) in [
        ("architect", "claude", "FAKE-TEAM-PLAN", "false"),
        ("coder", "codex", "FAKE-TEAM-CODE", "true"),
        ("reviewer", "claude", "FAKE-TEAM-REVIEW", "false"),
    ] {
        for (key, value) in [("program", program), ("prompt", prompt), ("writes", writes)] {
            let key = format!("orchestra.agent.{role}.{key}");
            // The path of the program is that of its own profile.
            repo.git(["config", &key, value]);
        }
        repo.git(["config", "--add", "orchestra.team.trio.role", role]);
    }
    let id =
        repo.orchestra(["spawn", "--detach", "--name", "team", "--team", "trio", "greet"]).succeeded().line();
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).stdout();
    assert_eq!(agent["phase"], "done", "{agent}\n{log}");
    let parts = agent["team"]["parts"].as_array().expect("parts");
    let outcomes: Vec<&str> = parts.iter().filter_map(|part| part["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["done", "done", "changes", "done", "approve"], "{agent}");
    assert_eq!(repo.file_in_head(&id, "a.txt"), "hello\n");
    assert_eq!(repo.file_in_head(&id, "b.txt"), "hello others\n");
    let events = repo.events(&id);
    let launches: Vec<&Value> = events.iter().filter(|event| event["phase"] == "starting").collect();
    let programs: Vec<&str> = launches.iter().filter_map(|launch| launch["profile"].as_str()).collect();
    assert_eq!(programs, ["claude", "codex", "claude", "codex", "claude"]);
    // Each attempt is a conversation of its own, and what the agent used is what all of them used.
    let used: Vec<&Value> =
        events.iter().filter(|event| event["t"] == "finished").map(|event| &event["usage"]).collect();
    let sessions: std::collections::BTreeSet<&str> =
        used.iter().filter_map(|used| used["session"].as_str()).collect();
    assert_eq!(sessions.len(), 5, "{used:?}");
    let sum: u64 = used.iter().filter_map(|used| used["input_tokens"].as_u64()).sum();
    assert_eq!(agent["input_tokens"].as_u64(), Some(sum), "{used:?}");
    assert_eq!((&agent["verdict"], &agent["verdict_current"]), (&"approve".into(), &true.into()), "{agent}");
    let verdicts: Vec<&Value> = events.iter().filter(|event| event["t"] == "verdict").collect();
    assert_eq!((verdicts.len(), &verdicts[0]["by"]), (2, &"agent reviewer".into()));
    assert_eq!(verdicts[0]["comments"][0]["text"], "high: nobody is named");
    // Every program's output is read as its own.
    for words in ["Greet in a.txt first.", "I wrote a.txt.", "I greeted them all.", "All are greeted."] {
        assert!(log.contains(words), "{words} in {log}");
    }
}
