//! Tests with aider 0.86.2.

use std::{fs, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, until};

use crate::test_bed::{self, TestBed, end_of_attempt, runs};

/// Lets git orchestra start the program in the scripted world. Returns `None` if it is not installed.
pub(crate) fn set_up(test_bed: &TestBed, repo: &TestRepo<'_>) -> Option<()> {
    let program = test_bed::program("aider")?;
    repo.git(["config", "orchestra.agent.aider.program", &program.to_string_lossy()]);
    repo.git(["config", "orchestra.agent.aider.model", "openai/fake"]);
    repo.git(["config", "orchestra.agent", "aider"]);
    repo.git(["config", "orchestra.retries", "0"]);
    // A user's own settings: the price of the model, and its way of editing.
    let home = test_bed.world().home();
    let price = json!({"openai/fake": {"input_cost_per_token": 1e-5, "output_cost_per_token": 3e-5,
        "max_input_tokens": 100_000, "litellm_provider": "openai", "mode": "chat"}});
    fs::write(home.join("prices.json"), price.to_string()).expect("a file");
    let settings = format!("edit-format: diff\nmodel-metadata-file: {}/prices.json\n", home.display());
    fs::write(home.join(".aider.conf.yml"), settings).expect("a file");
    Some(())
}

/// Returns a command whose agents have a key for the scripted model.
pub(crate) fn with_key(test_bed: &TestBed, repo: &TestRepo<'_>, arguments: &[&str]) -> Command {
    let mut command = repo.orchestra_command(arguments);
    command.env("OPENAI_API_KEY", "dummy").env("OPENAI_API_BASE", format!("{}/v1", test_bed.url()));
    command
}

/// Spawns one agent and returns its id.
fn spawn(test_bed: &TestBed, repo: &TestRepo<'_>, arguments: &[&str]) -> String {
    let arguments = [&["spawn", "-d", "-j", "3"], arguments].concat();
    Ran::of(&mut with_key(test_bed, repo, &arguments)).succeeded().line()
}

#[test]
fn an_agent_edits_commits_and_is_resumed() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let id = spawn(&test_bed, &repo, &["--", "FAKE-AIDER hello.txt"]);
    let done = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!(
        (&done["phase"], &done["commits"], &done["files_changed"]),
        (&"done".into(), &1.into(), &1.into()),
        "{done}\n{log}"
    );
    assert_eq!(repo.file_in_head(&id, "hello.txt"), "hello from the scripted agent\n");
    assert_eq!((&done["model"], &done["turns"]), (&"openai/fake".into(), &1.into()), "{done}");
    assert!(log.contains("edit hello.txt") && log.contains("Commit "), "{log}");
    assert_eq!(done["last_words"], "I will create hello.txt.");
    let used = |agent: &Value| (agent["input_tokens"].as_u64(), agent["cost_usd"].as_f64());
    let (tokens, cost) = used(&done);
    assert!(tokens > Some(500) && cost > Some(0.0), "{done}");
    // Nothing of the program's own is in the work, and nothing of it is in the user's files.
    let files = repo.git(["ls-tree", "-r", "--name-only", &format!("refs/orchestra/heads/{id}")]).stdout();
    assert!(!files.contains(".aider") && !files.contains(".gitignore"), "{files}");
    assert!(!repo.path().join(".aider.chat.history.md").exists());

    let before = test_bed.requests();
    Ran::of(&mut with_key(&test_bed, &repo, &["resume", &id, "-m", "FAKE-AIDER more.txt"])).succeeded();
    let again = end_of_attempt(&repo, &id, 2);
    assert_eq!((&again["phase"], &again["session"]), (&"done".into(), &done["session"]), "{again}");
    assert_eq!((repo.file_in_head(&id, "more.txt").len(), &again["commits"]), (30, &2.into()), "{again}");
    // It also asks for the message of its commit.
    let longest =
        |requests: &[Value]| requests.iter().filter_map(|request| request["messages"].as_u64()).max();
    let after = test_bed.requests().split_off(before.len());
    assert!(longest(&after) > longest(&before), "it knows the conversation: {after:?}");
    let (more_tokens, more_cost) = used(&again);
    assert!(more_tokens > tokens && more_cost > cost, "{again}");
}

#[test]
fn a_message_waits_for_the_end_of_its_turn() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let id = spawn(&test_bed, &repo, &["--", "FAKE-SLOWSAY now"]);
    until("the model is asked", || Some(()).filter(|()| !test_bed.requests().is_empty()));
    repo.orchestra(["send", &id, "/run touch command.txt"]).succeeded();
    repo.orchestra(["send", &id, "FAKE-AIDER later.txt"]).succeeded();
    let done = repo.end_of(&id);
    assert_eq!((&done["phase"], &done["attempt"]), (&"done".into(), &2.into()), "{done}");
    assert_eq!(repo.file_in_head(&id, "later.txt"), "hello from the scripted agent\n");
    // A message is never a command of the program.
    let files = repo.git(["ls-tree", "-r", "--name-only", &format!("refs/orchestra/heads/{id}")]).stdout();
    assert!(!files.contains("command.txt"), "{files}");
}

#[test]
fn it_is_paused_stopped_and_resumed_and_leaves_no_process() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let id = spawn(&test_bed, &repo, &["--", "FAKE-HANG once"]);
    until("the model is asked", || Some(()).filter(|()| !test_bed.requests().is_empty()));
    repo.orchestra(["pause", &id]).succeeded();
    let paused = repo.wait_for(&id, "paused");
    assert!(!runs(&format!("{id}/aider.conversation")), "it runs on");
    Ran::of(&mut with_key(&test_bed, &repo, &["resume", &id, "-m", "FAKE-AIDER after.txt"])).succeeded();
    let done = end_of_attempt(&repo, &id, 2);
    assert_eq!((&done["phase"], &done["session"]), (&"done".into(), &paused["session"]), "{done}");
    let asked = test_bed.requests().len();
    let id = spawn(&test_bed, &repo, &["--", "FAKE-HANG twice"]);
    until("the model is asked", || Some(()).filter(|()| test_bed.requests().len() > asked));
    repo.orchestra(["stop", &id]).succeeded();
    repo.wait_for(&id, "stopped");
    assert!(!runs(&format!("{id}/aider.conversation")), "it runs on");
}

#[test]
fn errors_say_what_to_do() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let refused = spawn(&test_bed, &repo, &["--", "FAKE-400 a"]);
    let unknown = spawn(&test_bed, &repo, &["--", "FAKE-401 b"]);
    let asking = spawn(&test_bed, &repo, &["--permission", "plan", "--", "FAKE-AIDER planned.txt"]);
    let agent = repo.end_of(&refused);
    assert_eq!((&agent["phase"], &agent["exit_code"]), (&"failed".into(), &0.into()), "{agent}");
    assert_eq!(agent["reason"], "OpenAIException - scripted bad request");
    let agent = repo.end_of(&unknown);
    assert!(agent["reason"].as_str().is_some_and(|why| why.starts_with("not logged in: ")), "{agent}");
    let agent = repo.end_of(&asking);
    assert_eq!((&agent["phase"], &agent["reason"]), (&"done".into(), &"nothing changed".into()), "{agent}");
    // Without a key and a model it would wait for somebody in a browser.
    repo.git(["config", "--unset", "orchestra.agent.aider.model"]);
    let mut command = repo.orchestra_command(["spawn", "-d", "--", "FAKE-SAY x"]);
    command.env_remove("ANTHROPIC_API_KEY").env_remove("GEMINI_API_KEY");
    let id = Ran::of(&mut command).succeeded().line();
    let agent = repo.end_of(&id);
    assert!(agent["reason"].as_str().is_some_and(|why| why.contains("no model and no API key")), "{agent}");
    repo.orchestra(["spawn", "--allow", "Edit", "--", "x"])
        .exits(2)
        .stderr_has("agent 'aider' does not support --allow");
    repo.orchestra(["spawn", "--permission", "default", "--", "x"])
        .exits(2)
        .stderr_has("agent 'aider' does not support the permission mode 'default'");
}
