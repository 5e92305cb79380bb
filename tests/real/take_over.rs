//! Each program continues the work of another one.

use serde_json::Value;
use testkit::Ran;

use crate::{
    aider,
    several::set_up_all,
    test_bed::{TestBed, end_of_attempt},
};

/// The programs in the order in which they take over: each follows one and precedes one.
/// Claude Code is first: it reads the subjects of earlier commits, in which the scripted model would find their tasks.
const RING: [&str; 6] = ["claude", "codex", "gemini", "opencode", "aider", "api"];

#[test]
fn each_program_takes_over_from_another_and_is_told_what_was_done() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up_all(&test_bed, &repo) else { return };
    repo.git(["config", "orchestra.agent.api.model", "large-1.5"]);
    let run = |arguments: &[&str]| Ran::of(&mut aider::with_key(&test_bed, &repo, arguments));
    let bypass = ["--permission", "bypassPermissions"];
    let task = "Begin with care.";
    let spawned =
        run(&[&["spawn", "-d", "--agent", "api", "--name", "ring"], &bypass[..], &["--", task]].concat());
    let id = spawned.succeeded().line();
    repo.end_of(&id);
    let mut before = ("api", "OK (no script matched)".to_owned(), String::new());
    for (attempt, program) in (2..).zip(RING) {
        let marker = if program == "aider" { "FAKE-AIDER" } else { "FAKE-WRITE" };
        let file = format!("by-{program}.txt");
        let message = format!("{marker} {file}");
        run(&[&["resume", &id, "--agent", program], &bypass[..], &["-m", &message]].concat()).succeeded();
        let agent = end_of_attempt(&repo, &id, attempt);
        let log = repo.orchestra(["logs", &id]).stdout();
        assert_eq!((&agent["phase"], &agent["profile"]), (&"done".into(), &program.into()), "{agent}\n{log}");
        assert!(repo.has(&format!("refs/orchestra/heads/{id}"), &file), "{program}\n{log}");
        // What a program keeps for itself is not committed by a later one.
        let files =
            repo.git(["ls-tree", "-r", "--name-only", &format!("refs/orchestra/heads/{id}")]).stdout();
        assert!(!files.contains(".aider"), "{program}: {files}");
        // It saw the task, the files, and what the program before it said last.
        let told = told(&repo, &id, program, &agent);
        let (by, said, made) = &before;
        for part in [task, &format!("Another program ({by})"), said, made] {
            assert!(told.contains(part), "{part} in what {program} got: {told}");
        }
        assert!(told.len() < 64 * 1024, "{}", told.len());
        before = (program, agent["last_words"].as_str().expect("words").to_owned(), format!("{file} +1 -0"));
    }
}

/// Returns the messages that a program got, as it keeps them.
fn told(repo: &testkit::TestRepo<'_>, id: &str, program: &str, agent: &Value) -> String {
    match program {
        "aider" => repo.git(["show", &format!("refs/orchestra-local/logs/{id}:aider.conversation")]).stdout(),
        "opencode" | "api" => {
            let session = agent["session"].as_str().expect("a session");
            repo.orchestra(["sessions", "show", session]).succeeded().stdout()
        }
        _ => repo.orchestra(["logs", id]).succeeded().stdout(),
    }
}
