//! Tests with programs that speak the Agent Client Protocol: Gemini CLI 0.61.0, opencode 1.18.33, and Qwen Code 0.15.10. The first two
//! are configured as commands here, since their own adapters are the default.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use testkit::{TestRepo, until};

use crate::{
    gemini,
    test_bed::{self, TestBed},
};

/// Lets `acp` be a program that asks before it changes anything. Returns `None`, with the test skipped, if it is not installed.
fn configure(test_bed: &TestBed, repo: &TestRepo<'_>, name: &str) -> Option<()> {
    let program = test_bed::program(name)?;
    let home = test_bed.world().home();
    let arguments = match name {
        "gemini" => {
            gemini::gemini(test_bed, repo, &[])?;
            "--acp -m gemini-2.5-pro"
        }
        "opencode" => {
            write(
                home.join(".config/opencode/opencode.json"),
                &opencode_settings(test_bed.url()).to_string(),
            );
            "acp"
        }
        _ => {
            let auth = json!({"security": {"auth": {"selectedType": "openai"}}, "general": {"disableAutoUpdate": true},
                "privacy": {"usageStatisticsEnabled": false}});
            write(home.join(".qwen/settings.json"), &auth.to_string());
            let url = test_bed.url();
            let account =
                format!("OPENAI_API_KEY=dummy\nOPENAI_BASE_URL={url}/v1\nOPENAI_MODEL=fake-model\n");
            write(home.join(".qwen/.env"), &account);
            repo.git(["config", "orchestra.agent.qwen.program", &program.to_string_lossy()]);
            "--acp"
        }
    };
    repo.git(["config", "orchestra.agent.acp.acp", &format!("{} {arguments}", program.display())]);
    repo.git(["config", "orchestra.grace", "1s"]);
    // Gemini CLI starts git without the user's global configuration.
    repo.git(["config", "user.name", "Tess Test"]);
    repo.git(["config", "user.email", "tess@example.com"]);
    Some(())
}

fn opencode_settings(url: &str) -> Value {
    let options = json!({"baseURL": format!("{url}/v1"), "apiKey": "dummy"});
    let model =
        json!({"cost": {"input": 1.0, "output": 2.0}, "limit": {"context": 100_000, "output": 10_000}});
    let provider = json!({"npm": "@ai-sdk/openai-compatible", "name": "fake", "options": options,
        "models": {"fake-model": model, "fake-small": {}}});
    json!({"autoupdate": false, "share": "disabled", "model": "fake/fake-model", "small_model": "fake/fake-small",
        "permission": {"edit": "ask", "bash": "ask"}, "provider": {"fake": provider}})
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn spawn(repo: &TestRepo<'_>, agent: &str, options: &[&str], task: &str) -> String {
    let arguments =
        [&["spawn", "--detach", "--agent", agent, "--name", "agent"], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

/// Answers the next question of an agent. Returns what it asked.
fn answer(repo: &TestRepo<'_>, id: &str, before: &str, option: &str) -> String {
    let asked = until("another question", || {
        let agent = repo.agent(id);
        assert_ne!(agent["liveness"], "ended", "{agent}\n{}", repo.orchestra(["logs", id]).stdout());
        agent["waiting"].as_str().filter(|waiting| *waiting != before).map(str::to_owned)
    });
    repo.orchestra(["send", id, option]).succeeded();
    asked
}

fn outcome(agent: &Value) -> (&str, u64, u64) {
    let number = |key: &str| agent[key].as_u64().unwrap_or_default();
    (agent["phase"].as_str().unwrap_or_default(), number("commits"), number("denials"))
}

/// Gemini CLI names the file of a session after the minute, and resets it if it loads the session within that minute.
fn age_sessions_of_gemini(test_bed: &TestBed) {
    let tmp = test_bed.world().home().join(".gemini/tmp");
    for project in fs::read_dir(tmp).into_iter().flatten().flatten() {
        for file in fs::read_dir(project.path().join("chats")).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let Some((_, id)) = name.rsplit_once('-') else { continue };
            let aged = file.path().with_file_name(format!("session-2020-01-01T00-00-{id}"));
            // What is in a file of that name already is the session; a later file only repeats its head.
            if !aged.exists() {
                fs::rename(file.path(), aged).expect("renamed");
            }
        }
    }
}

/// Runs one program through everything: work, questions, denials, messages, resuming, pausing, and stopping.
fn is_driven(name: &str, agent: &str) {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    if configure(&test_bed, &repo, name).is_none() {
        return;
    }
    let before = repo.checkout();
    let marker = if name == "qwen" { "FAKE-ACP" } else { "FAKE-WRITE" };
    // It asks, and is answered; a message that is sent meanwhile is its next prompt.
    let id =
        spawn(&repo, agent, &["--permission", "default", "--on-prompt", "ask"], &format!("{marker} a.txt"));
    let first = answer(&repo, &id, "", "--allow");
    repo.orchestra(["send", &id, "FAKE-SAY meanwhile"]).succeeded();
    let second = answer(&repo, &id, &first, "--allow");
    assert!(second.contains("git add -A && git commit"), "{first} {second}");
    let ended = repo.end_of(&id);
    let log = || repo.orchestra(["logs", &id]).stdout();
    assert_eq!(outcome(&ended), ("done", 1, 0), "{ended}\n{}", log());
    let subject = repo.git(["log", "-1", "--format=%s", &format!("refs/orchestra/heads/{id}")]).line();
    assert_eq!(subject, "Add a.txt", "its own commit\n{}", log());
    assert!(repo.file_in_head(&id, "a.txt").starts_with("hello"), "{}", log());
    assert!(log().contains("You said meanwhile."), "{}", log());
    assert_eq!(ended["last_words"], "You said meanwhile.", "{ended}");
    let session = ended["session"].as_str().expect("a session").to_owned();
    // It continues its session: the model gets the earlier conversation.
    if name == "gemini" {
        age_sessions_of_gemini(&test_bed);
    }
    let asked = test_bed.requests().len();
    repo.orchestra(["resume", &id, "-m", "FAKE-SAY again"]).succeeded();
    let resumed = repo.agent(&id);
    assert_eq!((outcome(&resumed), &resumed["session"]), (("done", 1, 0), &json!(session)), "{}", log());
    let requests = test_bed.requests();
    let said = |at: usize| requests[at]["messages"].as_u64().expect("a number");
    let again =
        (asked..requests.len()).find(|at| requests[*at]["tools"].as_u64() > Some(0)).expect("a request");
    assert!(said(again) > said(0) + 2, "{:?} {:?}", requests[0], requests[again]);
    assert!(log().contains("You said again."), "{}", log());
    // A session that it does not know is noticed.
    forget_sessions(&test_bed, name);
    repo.orchestra(["resume", &id, "-m", "FAKE-SAY lost"]).exits(1);
    let lost = repo.agent(&id);
    let why = lost["reason"].as_str().unwrap_or_default();
    assert!(lost["phase"] == "failed" && why.contains("does not know the session"), "{lost}");
    // Nobody answers: what it asks for is denied.
    let denied =
        spawn(&repo, agent, &["--permission", "default", "--retries", "0"], &format!("{marker} b.txt"));
    let ended = repo.end_of(&denied);
    assert!(ended["phase"] == "failed" && ended["denials"].as_u64() > Some(0), "{ended}");
    assert!(ended["reason"].as_str().is_some_and(|why| why.starts_with("denied: ")), "{ended}");
    assert_eq!(repo.checkout(), before);
}

/// Deletes every session of a program.
fn forget_sessions(test_bed: &TestBed, name: &str) {
    let home = test_bed.world().home();
    let folder = match name {
        "gemini" => home.join(".gemini/tmp"),
        "opencode" => home.join(".local/share/opencode"),
        _ => home.join(".qwen/projects"),
    };
    fs::remove_dir_all(folder).expect("its sessions");
}

/// Checks how a turn that never ends is paused, continued and stopped, and how errors of the service are named.
fn is_ended(name: &str, agent: &str) {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    if configure(&test_bed, &repo, name).is_none() {
        return;
    }
    let processes = |id: &str| test_bed::marked(&format!("ORCHESTRA_AGENT={id}"));
    let hanging = || {
        let before = test_bed.requests().len();
        let id = spawn(&repo, agent, &[], "FAKE-HANG");
        until("its model is asked", || (test_bed.requests().len() > before).then_some(()));
        until("its session is known", || repo.agent(&id)["session"].as_str().map(str::to_owned));
        assert!(!processes(&id).is_empty());
        id
    };
    let stopped = hanging();
    repo.orchestra(["stop", &stopped]).succeeded();
    assert_eq!((&repo.agent(&stopped)["phase"], processes(&stopped)), (&json!("stopped"), vec![]));
    // One turn has ended, so that the session is stored: a program may not store one whose first turn was killed.
    let paused = spawn(&repo, agent, &[], "FAKE-SAY first");
    let session = repo.end_of(&paused)["session"].clone();
    let resume = |options: &[&str]| {
        if name == "gemini" {
            age_sessions_of_gemini(&test_bed);
        }
        repo.orchestra([&["resume", &paused], options].concat()).succeeded();
    };
    let before = test_bed.requests().len();
    resume(&["-d", "-m", "FAKE-HANG"]);
    until("its model is asked again", || (test_bed.requests().len() > before).then_some(()));
    repo.orchestra(["pause", &paused]).succeeded();
    assert_eq!((&repo.agent(&paused)["phase"], processes(&paused)), (&json!("paused"), vec![]));
    match name {
        // It empties the session that it is loading: that is said, and only a person begins a new one.
        "gemini" => {
            let lost = repo.orchestra(["resume", &paused, "-m", "FAKE-SAY awake"]);
            lost.exits(1).stdout_has("it does not know the session");
            resume(&["--fresh", "-m", "FAKE-SAY awake"]);
        }
        // It continues with the message whose turn was killed, which hangs again.
        "opencode" => resume(&["--fresh", "-m", "FAKE-SAY awake"]),
        _ => {
            resume(&["-m", "FAKE-SAY awake"]);
            assert_eq!(repo.agent(&paused)["session"], session);
        }
    }
    assert!(repo.orchestra(["logs", &paused]).succeeded().stdout().contains("You said awake."));
    for (task, reason) in [("FAKE-400", "scripted bad request"), ("FAKE-401", "invalid x-api-key")] {
        let failed = repo.end_of(&spawn(&repo, agent, &["--retries", "0"], task));
        let why = failed["reason"].as_str().unwrap_or_default();
        assert!(failed["phase"] == "failed" && why.contains(reason), "{failed}");
    }
}

#[test]
fn gemini_is_driven() {
    is_driven("gemini", "acp");
}

#[test]
fn opencode_is_driven() {
    is_driven("opencode", "acp");
}

#[test]
fn qwen_is_driven_by_its_name() {
    is_driven("qwen", "qwen");
}

#[test]
fn gemini_is_ended() {
    is_ended("gemini", "acp");
}

#[test]
fn opencode_is_ended() {
    is_ended("opencode", "acp");
}

#[test]
fn qwen_is_ended() {
    is_ended("qwen", "qwen");
}
