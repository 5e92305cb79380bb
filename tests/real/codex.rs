//! Tests with Codex 0.169.0.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};
use testkit::{Ran, TestRepo, until};

use crate::test_bed::{self, TestBed, only_session, outcome};

/// Returns the program as a person starts it, with the scripted model in its settings.
pub(crate) fn codex(test_bed: &TestBed, repo: &TestRepo<'_>, arguments: &[&str]) -> Option<Command> {
    let program = test_bed::program("codex")?;
    let home = test_bed.world().home().join(".codex");
    fs::create_dir_all(&home).expect("a folder");
    let settings = format!(
        "model = \"fake-model\"\nmodel_provider = \"fake\"\n[analytics]\nenabled = false\n[model_providers.fake]\n\
         name = \"fake\"\nbase_url = \"{}/v1\"\nenv_key = \"FAKE_KEY\"\nwire_api = \"responses\"\n\
         request_max_retries = 1\nstream_max_retries = 1\n\
         [sandbox_workspace_write]\nexclude_slash_tmp = true\nexclude_tmpdir_env_var = true\n",
        test_bed.url()
    );
    fs::write(home.join("config.toml"), settings).expect("a file");
    repo.git(["config", "orchestra.agent.codex.program", &program.to_string_lossy()]);
    let mut command = repo.command(program);
    command.args(arguments);
    Some(command)
}

#[test]
fn a_new_session_has_every_field_and_resumes_even_from_the_kept_copy() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(mut command) = codex(&test_bed, &repo, &["exec", "--json", "FAKE-SAY one"]) else { return };
    let said = Ran::of(&mut command).succeeded().stdout();
    let events: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let usage = &events.iter().find(|event| event["type"] == "turn.completed").expect("an end")["usage"];
    let one = only_session(&repo);
    let here = repo.path().to_string_lossy().into_owned();
    for (field, value) in [
        ("id", events[0]["thread_id"].clone()),
        ("program", json!("codex")),
        ("title", json!("FAKE-SAY one")),
        ("first_prompt", json!("FAKE-SAY one")),
        ("last_prompt", json!("FAKE-SAY one")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", json!("main")),
        ("messages", json!(2)),
        ("model", json!("fake-model")),
        ("input_tokens", usage["input_tokens"].clone()),
        ("output_tokens", usage["output_tokens"].clone()),
        ("cost_usd", Value::Null),
        ("live", json!(false)),
        ("pid", Value::Null),
        ("agent", Value::Null),
        ("kept", json!(false)),
    ] {
        assert_eq!(one[field], value, "{field} of {one}");
    }
    let id = one["id"].as_str().expect("an id").to_owned();
    let path = one["path"].as_str().expect("a path").to_owned();
    let before = test_bed.requests().len();
    let tell = |words: &str| repo.orchestra(["sessions", "resume", &id, "--print", "-m", words]).succeeded();
    tell("FAKE-SAY two").stdout_has("You said two.");
    let requests = test_bed.requests();
    assert!(requests[before]["messages"].as_u64() > requests[0]["messages"].as_u64(), "{requests:?}");
    assert_eq!(
        (&only_session(&repo)["messages"], &only_session(&repo)["last_prompt"]),
        (&json!(4), &json!("FAKE-SAY two"))
    );
    repo.orchestra(["sessions", "keep", &id]).succeeded();
    fs::remove_file(&path).expect("gone");
    let before = test_bed.requests().len();
    tell("FAKE-SAY three").stdout_has("You said three.");
    let again = &test_bed.requests()[before];
    assert!(again["messages"].as_u64() > requests[0]["messages"].as_u64().map(|count| count + 2), "{again}");
    assert_eq!(only_session(&repo)["messages"], 6);
}

#[test]
fn a_subagent_is_nested_under_its_session() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let Some(mut command) = codex(&test_bed, &repo, &["exec", "--json", "FAKE-SPAWN now"]) else { return };
    let said = Ran::of(&mut command).succeeded().stdout();
    let mut events = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let started =
        events.find_map(|event| event["item"]["receiver_thread_ids"][0].as_str().map(str::to_owned));
    let one = only_session(&repo);
    assert_eq!(one["first_prompt"], "FAKE-SPAWN now");
    assert_eq!(one["subagents"][0]["id"].as_str(), started.as_deref(), "{one} after {said}");
    assert!(started.is_some(), "{said}");
}

/// Creates a repository in which agents run Codex; `None` if it is not installed.
fn repo(test_bed: &TestBed) -> Option<TestRepo<'_>> {
    let repo = test_bed.repo();
    codex(test_bed, &repo, &[])?;
    repo.git(["config", "orchestra.agent", "codex"]);
    repo.git(["config", "orchestra.retryDelay", "1s"]);
    Some(repo)
}

fn spawn(repo: &TestRepo<'_>, name: &str, options: &[&str], task: &str) -> String {
    let arguments = [&["spawn", "--detach", "-j", "8", "--name", name], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

fn settings(test_bed: &TestBed) -> String {
    fs::read_to_string(test_bed.world().home().join(".codex/config.toml")).expect("settings")
}

#[test]
fn agents_of_every_mode_end_with_what_they_may_do() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    let (before, settings_before) = (repo.checkout(), settings(&test_bed));
    let ids: Vec<String> = [
        ("edits", [].as_slice(), "FAKE-WRITE a.txt"),
        ("bypass", &["--permission", "bypassPermissions", "--model", "other"], "FAKE-WRITE b.txt"),
        ("plan", &["--permission", "plan"], "FAKE-WRITE c.txt"),
        ("bad", &[], "FAKE-400"),
        ("login", &[], "FAKE-401"),
        ("hang", &["--idle-timeout", "5s", "--retries", "0"], "FAKE-HANG"),
    ]
    .iter()
    .map(|(name, options, task)| spawn(&repo, name, options, task))
    .collect();
    repo.orchestra(["status", "--wait"]).exits(1);
    let agents: Vec<Value> = ids.iter().map(|id| repo.agent(id)).collect();
    for (agent, expected) in agents.iter().zip([
        ("done", 1, 0),
        ("done", 1, 0),
        ("done", 0, 0),
        ("failed", 0, 0),
        ("failed", 0, 0),
        ("timeout", 0, 0),
    ]) {
        let log = repo.orchestra(["logs", agent["id"].as_str().expect("an id")]).stdout();
        assert_eq!(outcome(agent), expected, "{agent}\n{log}");
        assert_eq!(agent["session"].as_str().map(str::len), Some(36), "{agent}");
    }
    // In its sandbox it cannot commit: its work is captured.
    let subject =
        |id: &str| repo.git(["log", "-1", "--format=%s", &format!("refs/orchestra/heads/{id}")]).line();
    assert_ne!(subject(&ids[0]), "Add a.txt");
    assert_eq!(repo.file_in_head(&ids[0], "a.txt"), "hello from the scripted agent\n");
    assert_eq!(subject(&ids[1]), "Add b.txt");
    assert_eq!(agents[1]["model"], "other");
    assert!(agents[0]["input_tokens"].as_u64() > Some(0) && agents[0]["cost_usd"].is_null(), "{}", agents[0]);
    assert_eq!(agents[2]["reason"], "nothing changed");
    assert_eq!(agents[3]["reason"], "scripted bad request");
    assert!(agents[4]["reason"].as_str().is_some_and(|why| why.contains("run 'codex login' once to log in")));
    assert_eq!(agents[5]["reason"], "idle for 5 s");
    assert_eq!(repo.checkout(), before);
    // It would note the repository as trusted if it knew its folder.
    assert_eq!(settings(&test_bed), settings_before);
    let log = repo.orchestra(["logs", &ids[0]]).succeeded().stdout();
    for line in ["> FAKE-WRITE a.txt\n", "  → shell "] {
        assert!(log.contains(line), "{line} in {log}");
    }
}

#[test]
fn a_question_is_answered_denied_or_waits() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    let outside = |name: &str| test_bed.world().dir().join(name);
    let task = |file: &PathBuf| format!("FAKE-OUTSIDE {}", file.display());
    let files = ["allowed", "denied", "silent"].map(outside);
    let allowed = spawn(&repo, "allowed", &["--on-prompt", "ask"], &task(&files[0]));
    let denied = spawn(&repo, "denied", &["--on-prompt", "ask"], &task(&files[1]));
    let silent = spawn(&repo, "silent", &[], &task(&files[2]));
    for (id, file) in [(&allowed, &files[0]), (&denied, &files[1])] {
        let agent = repo.wait_for(id, "waiting");
        let expected = format!("shell echo outside > '{}' (It belongs there)", file.display());
        assert_eq!(agent["waiting"].as_str().map(|what| what.replace('"', "")), Some(expected), "{agent}");
    }
    repo.orchestra(["send", &allowed, "--allow"]).succeeded();
    repo.orchestra(["send", &denied, "--deny", "-m", "FAKE-SAY understood"]).succeeded();
    repo.orchestra(["status", "--wait"]).exits(1);
    let written: Vec<bool> = files.iter().map(|file| file.exists()).collect();
    assert_eq!(written, [true, false, false]);
    assert_eq!(outcome(&repo.agent(&allowed)), ("done", 1, 0));
    // The reason of a denial is its next message.
    let log = repo.orchestra(["logs", &denied]).succeeded().stdout();
    assert!(log.contains("You said understood."), "{log}");
    assert_eq!(outcome(&repo.agent(&denied)), ("failed", 0, 1));
    assert_eq!(outcome(&repo.agent(&silent)), ("done", 1, 1));
    assert_eq!(repo.file_in_head(&silent, "after.txt"), "after\n");
}

#[test]
fn an_agent_is_paused_resumed_and_followed_up_in_its_session() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    let id = spawn(&repo, "slow", &["--permission", "bypassPermissions"], "FAKE-SLOWTOOL");
    until("its tool runs", || {
        Some(repo.agent(&id))
            .filter(|agent| agent["activity"].as_str().is_some_and(|what| what.starts_with("shell")))
    });
    let session = repo.agent(&id)["session"].clone();
    assert!(session.is_string(), "it is recorded while the program runs");
    repo.orchestra(["pause", &id]).succeeded();
    assert_eq!(repo.wait_for(&id, "paused")["orphans"], json!([]));
    let slow = "for i in $(seq 3000)";
    let left = Command::new("pgrep").args(["-f", slow]).arg("-a").output().expect("a list");
    let here = test_bed.world().dir().to_string_lossy().into_owned();
    let left = String::from_utf8_lossy(&left.stdout).lines().filter(|line| line.contains(&here)).count();
    assert_eq!(left, 0);
    let asked = test_bed.requests().len();
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE after.txt"]).succeeded();
    let done = repo.agent(&id);
    assert_eq!((outcome(&done), &done["session"], &done["attempt"]), (("done", 1, 0), &session, &2.into()));
    let requests = test_bed.requests();
    assert!(
        requests[asked]["messages"].as_u64() > requests[0]["messages"].as_u64(),
        "{} {}",
        requests[0],
        requests[asked]
    );
    // Tokens are totals of the session.
    assert!(done["input_tokens"].as_u64() > Some(0), "{done}");
    repo.orchestra(["resume", &id, "-m", "FAKE-SAY more"]).succeeded();
    let more = repo.agent(&id);
    assert_eq!((&more["session"], &more["attempt"]), (&session, &3.into()));
    assert!(more["input_tokens"].as_u64() > done["input_tokens"].as_u64(), "{more}");
    assert!(repo.orchestra(["logs", &id]).stdout().contains("You said more."));
    // A message reaches an agent while it works.
    let slow = spawn(&repo, "told", &["--permission", "bypassPermissions"], "FAKE-SLOWSAY");
    repo.wait_for(&slow, "running");
    repo.orchestra(["send", &slow, "FAKE-WRITE told.txt"]).succeeded();
    assert_eq!(outcome(&repo.end_of(&slow)), ("done", 1, 0), "{}", repo.orchestra(["logs", &slow]).stdout());
    assert_eq!(repo.agent(&slow)["attempt"], 1);
}

#[test]
fn a_limit_pauses_until_its_reset_and_the_session_is_resumed() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    let id = spawn(&repo, "limited", &[], "LIMIT-WINDOW");
    let paused = repo.wait_for(&id, "paused");
    let limit = &paused["limit"];
    assert_eq!(
        (&limit["kind"], &limit["resumes"], &paused["attempt"]),
        (&"five_hour".into(), &true.into(), &1.into()),
        "{paused}"
    );
    assert!(paused["reason"].as_str().is_some_and(|why| why.starts_with("limit until 20")), "{paused}");
    repo.end_limits();
    let done = repo.wait_for(&id, "done");
    assert_eq!((&done["session"], &done["attempt"]), (&paused["session"], &2.into()), "{done}");
    assert_eq!(repo.file_in_head(&id, "after.txt"), "after the limit\n");
}

#[test]
fn an_overloaded_service_is_tried_again_in_the_same_session() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    let id = spawn(&repo, "overloaded", &["--retries", "2"], "FAKE-OVERLOADED");
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!((outcome(&agent), &agent["attempt"]), (("done", 1, 0), &2.into()), "{agent}\n{log}");
    assert_eq!(repo.file_in_head(&id, "after.txt"), "after the overload\n");
    assert!(log.contains("unexpected status 529"), "{log}");
}

#[test]
fn what_it_does_not_support_is_refused_by_name() {
    let Some(test_bed) = TestBed::set() else { return };
    let Some(repo) = repo(&test_bed) else { return };
    for (option, value) in [("--allow", "Bash"), ("--deny", "Bash"), ("--max-turns", "3"), ("--budget", "1")]
    {
        repo.orchestra(["spawn", option, value, "x"])
            .exits(2)
            .stderr_has(&format!("agent 'codex' does not support {option}"));
    }
    // A model may be configured even if another key is refused.
    repo.git(["config", "orchestra.agent.codex.model", "m"]);
    repo.git(["config", "orchestra.agent.codex.maxTurns", "3"]);
    repo.orchestra(["spawn", "x"]).exits(2).stderr_has("does not support orchestra.agent.codex.maxTurns\n");
    repo.git(["config", "--unset", "orchestra.agent.codex.maxTurns"]);
    repo.git(["config", "orchestra.deny", "WebFetch"]);
    repo.orchestra(["spawn", "x"]).exits(2).stderr_has("agent 'codex' cannot enforce orchestra.deny");
    repo.git(["config", "--unset", "orchestra.deny"]);
    repo.git(["config", "--unset", "orchestra.agent.codex.model"]);
    // A command of the user takes precedence.
    repo.git(["config", "orchestra.agent.codex.command", "sh {prompt_file}"]);
    let id = repo.orchestra(["spawn", "--detach", "echo mine > mine.txt"]).succeeded().line();
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert_eq!(repo.file_in_head(&id, "mine.txt"), "mine\n");
}
