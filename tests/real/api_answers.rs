//! The agent of the profile `api`: answers that come in parts, long conversations, and its key.

use testkit::{Ran, TestRepo, until};

use crate::{api::repo, test_bed::TestBed};

fn spawn(repo: &TestRepo<'_>, options: &[&str], task: &str) -> String {
    let arguments = [&["spawn", "--detach"], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

#[test]
fn an_answer_is_shown_and_interrupted_while_it_is_written() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let id = spawn(&repo, &["--name", "slow"], "API-SLOW");
    until("its first paragraph is shown", || {
        let log = repo.orchestra(["logs", &id]).stdout();
        (log.contains("The first paragraph.") && !log.contains("the last one")).then_some(())
    });
    let running = until("what it uses is known meanwhile", || {
        Some(repo.agent(&id)).filter(|agent| agent["input_tokens"].as_u64() > Some(0))
    });
    assert_eq!(running["phase"], "running", "{running}");
    repo.orchestra(["pause", &id]).succeeded();
    let paused = repo.agent(&id);
    assert_eq!(paused["phase"], "paused", "{paused}");
    assert!(paused["input_tokens"].as_u64() > Some(0), "it is recorded: {paused}");
}

#[test]
fn an_answer_that_is_cut_off_is_asked_for_again() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let id = spawn(&repo, &["--name", "cut"], "FAKE-DROPMID");
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &1.into()), "{agent}\n{log}");
    let id = spawn(&repo, &["--name", "stalls", "--idle-timeout", "2s", "--retries", "0"], "FAKE-MIDHANG");
    let agent = repo.end_of(&id);
    assert_eq!(agent["reason"], "idle for 2 s", "{agent}");
}

#[test]
fn a_long_conversation_is_summarized_and_its_file_keeps_everything() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    repo.git(["config", "orchestra.agent.api.contextTokens", "5k"]);
    let id = spawn(&repo, &["--name", "long", "--permission", "bypassPermissions"], "API-LONG");
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!((&agent["phase"], &agent["commits"]), (&"done".into(), &1.into()), "{agent}\n{log}");
    assert!(log.contains("has compacted its conversation"), "{log}");
    let session = agent["session"].as_str().expect("a session");
    let shown = repo.orchestra(["sessions", "show", session]).succeeded().stdout();
    assert!(shown.contains("API-LONG") && shown.contains("I write it down."), "{shown}");
}

#[test]
fn a_command_gives_the_key() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let run = |task: &str| {
        let mut command = repo.orchestra_command(["spawn", "--detach", "--", task]);
        Ran::of(command.env_remove("ANTHROPIC_API_KEY")).succeeded().line()
    };
    repo.git(["config", "orchestra.agent.api.keyCommand", "echo dummy; echo more"]);
    let agent = repo.end_of(&run("FAKE-SAY hello"));
    assert_eq!(agent["phase"], "done", "{agent}");
    repo.git(["config", "orchestra.agent.api.keyCommand", "echo printed-secret; exit 3"]);
    let id = run("FAKE-SAY again");
    let agent = repo.end_of(&id);
    assert_eq!(agent["phase"], "failed", "{agent}");
    let log = repo.orchestra(["logs", &id]).stdout();
    assert!(agent["reason"].as_str().is_some_and(|why| why.contains("keyCommand")), "{agent}\n{log}");
    assert!(!format!("{agent}{log}").contains("printed-secret"), "{agent}\n{log}");
}
