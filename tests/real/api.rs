//! Tests of the agent of the profile `api` against the scripted model, and of the profiles around it.

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::test_bed::{TestBed, only_session};

/// Returns a repository in which agents of the profile `api` have a model with a price.
pub(crate) fn repo(test_bed: &TestBed) -> TestRepo<'_> {
    let repo = test_bed.repo();
    for (key, value) in [
        ("orchestra.agent", "api"),
        ("orchestra.agent.api.model", "large-1.5"),
        ("orchestra.price.large-1-5", "3/15"),
        ("orchestra.retryDelay", "1s"),
        ("orchestra.grace", "1s"),
    ] {
        repo.git(["config", key, value]);
    }
    repo
}

fn spawn(repo: &TestRepo<'_>, options: &[&str], task: &str) -> String {
    let arguments = [&["spawn", "--detach", "--name", "agent"], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

/// Returns the phase, the commits and the denials.
fn outcome(agent: &Value) -> (&str, u64, u64) {
    let number = |key: &str| agent[key].as_u64().unwrap_or_default();
    (agent["phase"].as_str().unwrap_or_default(), number("commits"), number("denials"))
}

#[test]
fn it_edits_and_its_work_is_committed() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let before = repo.checkout();
    let id = spawn(&repo, &[], "API-EDIT");
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!(outcome(&agent), ("done", 1, 0), "{agent}\n{log}");
    assert_eq!(repo.file_in_head(&id, "shared.txt"), "one\n2\n");
    assert_eq!(repo.file_in_head(&id, "new/a.txt"), "made\n");
    assert_eq!(repo.checkout(), before);
    for line in ["> API-EDIT\n", "  → Read shared.txt\n", "  → Edit shared.txt\n", "── done: 3 turns, $"]
    {
        assert!(log.contains(line), "{line} in {log}");
    }
    // The session, its tokens, and the price that was configured.
    assert_eq!(agent["session"].as_str().map(str::len), Some(36), "{agent}");
    let tokens = |key: &str| agent[key].as_u64().expect("tokens");
    let cost = (tokens("input_tokens") * 3 + tokens("output_tokens") * 15) as f64 / 1e6;
    assert!((agent["cost_usd"].as_f64().expect("a cost") - cost).abs() < 1e-5, "{agent}");
    let session = only_session(&repo);
    assert_eq!((&session["program"], &session["id"]), (&"api".into(), &agent["session"]), "{session}");
}

#[test]
fn nothing_outside_of_its_worktree_is_read_or_written() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let outside = test_bed.world().dir().join("outside");
    std::fs::create_dir(&outside).expect("a folder");
    std::os::unix::fs::symlink(&outside, repo.path().join("out")).expect("a link");
    repo.git(["add", "."]);
    repo.git(["commit", "-qm", "a link"]);
    let id = spawn(&repo, &["--permission", "bypassPermissions"], "API-ESCAPE");
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!((&agent["phase"], &agent["reason"]), (&"done".into(), &"nothing changed".into()), "{log}");
    assert_eq!(log.matches("✗").count(), 5, "{log}");
    assert!(!std::path::Path::new("/tmp/escaped.txt").exists());
    assert_eq!(std::fs::read_dir(&outside).expect("a folder").count(), 0);
}

#[test]
fn its_key_is_in_no_command_no_argument_and_no_file() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let secret = &["sk-ant-", "secret-0123456789"].concat();
    let mut spawn = repo.orchestra_command(["spawn", "--permission", "bypassPermissions", "API-KEY"]);
    testkit::Ran::of(spawn.env("ANTHROPIC_API_KEY", secret)).succeeded();
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(repo.file_in_head(&id, "seen.txt"), "0\n");
    let found =
        repo.command("grep").args(["-rlF", secret]).arg(test_bed.world().dir()).output().expect("grep");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn a_permission_is_requested_and_granted_denied_or_answered_for_good() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let allowed = spawn(&repo, &["--on-prompt", "ask"], "FAKE-WRITE c.txt");
    let denied = spawn(&repo, &["--on-prompt", "ask"], "FAKE-WRITE d.txt");
    for id in [&allowed, &denied] {
        let agent = repo.wait_for(id, "waiting");
        let asks =
            agent["waiting"].as_str().is_some_and(|what| what.starts_with("Bash git add -A && git commit"));
        assert!(asks, "{agent}");
    }
    repo.orchestra(["send", &allowed, "--allow", "--always"]).succeeded();
    repo.orchestra(["send", &denied, "--deny", "-m", "not yet"]).succeeded();
    let agent = repo.end_of(&allowed);
    assert_eq!(outcome(&agent), ("done", 1, 0), "{agent}");
    let subject = repo.git(["log", "-1", "--format=%s", &format!("refs/orchestra/heads/{allowed}")]).line();
    assert_eq!(subject, "Add c.txt", "its own commit");
    assert_eq!(outcome(&repo.end_of(&denied)), ("done", 1, 1));
    assert!(repo.orchestra(["logs", &denied]).succeeded().stdout().contains("✗ not yet"));
    // The same request is not asked again.
    repo.orchestra(["resume", &allowed, "-m", "FAKE-WRITE c.txt"]).succeeded();
    assert_eq!(repo.agent(&allowed)["automatic_answers"], 1);
}

#[test]
fn modes_and_rules_decide_without_a_question() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let git = ["--allow", "Bash(git *)"];
    for (options, expected, reason) in [
        (git.as_slice(), ("done", 1, 0), ""),
        (&["--permission", "bypassPermissions"], ("done", 1, 0), ""),
        (&["--permission", "dontAsk"], ("failed", 0, 2), "denied: Write a.txt"),
        // Only reading is offered: the other calls of the script name tools that are not there.
        (&["--permission", "plan"], ("done", 0, 0), "nothing changed"),
        (&["--deny", "Edit", "--allow", "Bash(git *)"], ("failed", 0, 1), "denied: Bash mkdir -p "),
        (&["--permission", "bypassPermissions", "--deny", "Bash(git commit *)"], ("done", 1, 1), ""),
    ] {
        let agent = repo.end_of(&spawn(&repo, options, "FAKE-WRITE a.txt"));
        assert_eq!(outcome(&agent), expected, "{options:?} {agent}");
        assert!(agent["reason"].as_str().unwrap_or_default().starts_with(reason), "{options:?} {agent}");
    }
}

#[test]
fn messages_reach_it_and_it_is_paused_and_resumed() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let id = spawn(&repo, &["--on-prompt", "ask"], "FAKE-WRITE e.txt");
    repo.wait_for(&id, "waiting");
    repo.orchestra(["send", &id, "FAKE-SAY while-you-wait"]).succeeded();
    repo.orchestra(["send", &id, "--allow"]).succeeded();
    let first = repo.end_of(&id);
    assert_eq!(outcome(&first), ("done", 1, 0), "{first}");
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("> FAKE-SAY while-you-wait"), "{log}");
    repo.orchestra(["resume", &id, "-m", "FAKE-SAY again"]).succeeded();
    let second = repo.agent(&id);
    assert_eq!((&second["session"], &second["attempt"]), (&first["session"], &2.into()));
    assert!(second["cost_usd"].as_f64() > first["cost_usd"].as_f64(), "{second}");
    let requests = test_bed.requests();
    assert_eq!(
        requests.first().map(|one| &one["conversation"]),
        requests.last().map(|one| &one["conversation"])
    );
    repo.orchestra(["resume", "--fresh", &id, "--on-prompt", "deny"]).succeeded();
    assert_ne!(repo.agent(&id)["session"], first["session"]);

    let slow = spawn(&repo, &["--permission", "bypassPermissions"], "FAKE-SLOWTOOL");
    wait_for_command(&repo, &slow);
    repo.orchestra(["pause", &slow]).succeeded();
    let paused = repo.agent(&slow);
    assert_eq!(paused["phase"], "paused");
    repo.orchestra(["resume", &slow, "-m", "FAKE-SAY awake"]).succeeded();
    let agent = repo.agent(&slow);
    assert_eq!((&agent["phase"], &agent["session"]), (&"done".into(), &paused["session"]), "{agent}");
}

/// Waits until the agent runs a command.
fn wait_for_command(repo: &TestRepo<'_>, id: &str) -> Value {
    until("its command runs", || {
        let runs = |agent: &Value| agent["activity"].as_str().is_some_and(|what| what.starts_with("Bash"));
        Some(repo.agent(id)).filter(runs)
    })
}

#[test]
fn a_killed_agent_is_resumed_in_its_session() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let id = spawn(&repo, &["--permission", "bypassPermissions", "--retries", "0"], "FAKE-SLOWTOOL");
    let running = wait_for_command(&repo, &id);
    let killed = running["pid"].as_i64().expect("a pid").to_string();
    repo.command("kill").args(["-9", &killed]).status().expect("kill");
    let failed = repo.end_of(&id);
    assert_eq!((&failed["phase"], &failed["reason"]), (&"failed".into(), &"ended by signal 9".into()));
    let asked = test_bed.requests().len();
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE after.txt"]).succeeded();
    let done = repo.agent(&id);
    assert_eq!((outcome(&done), &done["session"]), (("done", 1, 0), &failed["session"]), "{done}");
    assert_eq!(repo.file_in_head(&id, "after.txt"), "hello from the scripted agent\n");
    // The model received the earlier conversation: the task, the answer, the interrupted tool.
    let requests = test_bed.requests();
    assert_eq!(requests[0]["conversation"], requests[asked]["conversation"]);
    assert!(requests[asked]["messages"].as_u64() >= Some(3), "{}", requests[asked]);
}

#[test]
fn a_stopped_agent_leaves_no_process() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let id = spawn(&repo, &["--permission", "bypassPermissions"], "FAKE-SLOWTOOL");
    wait_for_command(&repo, &id);
    repo.orchestra(["stop", &id]).succeeded();
    let stopped = repo.agent(&id);
    assert_eq!((&stopped["phase"], &stopped["orphans"]), (&"stopped".into(), &serde_json::json!([])));
    let worktree = repo.path().with_file_name("repo.worktrees");
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let inside = processes.filter_map(|entry| std::fs::read_link(entry.path().join("cwd")).ok());
    assert!(inside.into_iter().all(|folder| !folder.starts_with(&worktree)));
}

#[test]
fn what_may_pass_is_repeated_and_the_rest_is_said() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let flaky = repo.end_of(&spawn(&repo, &[], "FAKE-FLAKY"));
    assert_eq!((&flaky["phase"], &flaky["attempt"]), (&"done".into(), &1.into()), "{flaky}");
    for (task, options, reason) in [
        ("FAKE-400", &[][..], "API error 400: scripted bad request"),
        ("FAKE-401", &[], "not logged in: API error 401: invalid x-api-key (check ANTHROPIC_API_KEY)"),
        ("FAKE-HANG", &["--idle-timeout", "2s", "--retries", "0"], "idle for 2 s"),
        ("FAKE-WRITE x.txt", &["--max-turns", "1"], "used up its turns (--max-turns)"),
        ("FAKE-WRITE x.txt", &["--budget", "0.000001"], "spent its budget (--budget)"),
    ] {
        let agent = repo.end_of(&spawn(&repo, options, task));
        assert_eq!((agent["reason"].as_str(), &agent["attempt"]), (Some(reason), &1.into()), "{agent}");
    }
}

#[test]
fn a_usage_limit_pauses_it_and_a_warning_is_shown() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = repo(&test_bed);
    let id = spawn(&repo, &[], "LIMIT-FIVE");
    let paused = repo.wait_for(&id, "paused");
    let limit = &paused["limit"];
    assert_eq!((&limit["kind"], &limit["resumes"]), (&"five_hour".into(), &true.into()), "{paused}");
    repo.end_limits();
    let done = repo.wait_for(&id, "done");
    assert_eq!((&done["session"], &done["attempt"]), (&paused["session"], &2.into()), "{done}");
    assert_eq!(repo.file_in_head(&id, "after.txt"), "after the limit\n");
    let warned = repo.orchestra(["spawn", "LIMIT-WARN"]).succeeded();
    warned.stderr_has("warning: 93 % of the 5-hour limit is used; it resets at ");
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let Some(test_bed) = TestBed::for_own_agent() else { return };
    let repo = test_bed.repo();
    let spawn = |options: &[&str]| repo.orchestra([&["spawn", "--agent", "api"], options, &["x"]].concat());
    spawn(&[]).exits(2).stderr_has("agent 'api' needs a model").stderr_has("orchestra.agent.api.model");
    spawn(&["--model", "m", "--budget", "1"]).exits(2).stderr_has("orchestra.price.m 3/15");
    let mut without = repo.orchestra_command(["spawn", "--agent", "api", "--model", "m", "x"]);
    testkit::Ran::of(without.env_remove("ANTHROPIC_API_KEY"))
        .exits(3)
        .stderr_has("export ANTHROPIC_API_KEY=…");
}

#[test]
fn claude_code_takes_over_only_from_an_agent_that_did_nothing() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = repo(&test_bed);
    repo.git(["config", "orchestra.agent.api.fallback", "claude"]);
    let late = repo.end_of(&spawn(&repo, &[], "API-LATE"));
    assert_eq!((outcome(&late), &late["profile"]), (("failed", 1, 0), &"api".into()), "{late}");
    // To this address, the key would be sent in clear text: the agent refuses to begin.
    repo.git(["config", "orchestra.agent.api.env", "ANTHROPIC_BASE_URL=http://api.example.com"]);
    let id = spawn(&repo, &["--allow", "Bash(git *)"], "FAKE-WRITE a.txt");
    let agent = repo.end_of(&id);
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert_eq!(outcome(&agent), ("done", 1, 0), "{agent}\n{log}");
    assert_eq!(
        (&agent["profile"], &agent["instead_of"], &agent["attempt"]),
        (&"claude".into(), &"api".into(), &2.into())
    );
    let resumed = repo.orchestra(["resume", &id, "-m", "FAKE-SAY again"]).succeeded();
    assert_eq!(repo.agent(&id)["session"], agent["session"], "{}", resumed.stderr());
}

#[test]
fn claude_code_gets_teams_and_a_list_of_tasks_of_its_own() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = repo(&test_bed);
    let id = spawn(&repo, &["--agent", "agent-teams", "--permission", "bypassPermissions"], "API-TEAMS");
    let agent = repo.end_of(&id);
    assert_eq!((outcome(&agent), &agent["profile"]), (("done", 1, 0), &"agent-teams".into()), "{agent}");
    assert_eq!(repo.file_in_head(&id, "seen.txt"), format!("1 {id}\n"));
    assert_eq!(only_session(&repo)["program"], "claude");
}
