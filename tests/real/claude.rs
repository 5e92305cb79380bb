//! Tests with Claude Code 2.1.329.

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::test_bed::{TestBed, outcome};

fn spawn(repo: &TestRepo<'_>, name: &str, options: &[&str], task: &str) -> String {
    let arguments = [&["spawn", "--detach", "--name", name], options, &["--", task]].concat();
    repo.orchestra(arguments).succeeded().line()
}

#[test]
fn six_concurrent_agents_end() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let before = repo.checkout();
    let git = ["--allow", "Bash(git *)"].as_slice();
    let ids: Vec<String> = [
        ("write-a", [].as_slice(), "FAKE-WRITE a.txt"),
        ("write-b", &[], "FAKE-WRITE b.txt"),
        ("conflict-x", git, "FAKE-CONFLICT x"),
        ("conflict-y", git, "FAKE-CONFLICT y"),
        ("denied", &["--permission", "default"], "FAKE-DENIED"),
        ("hang", &["--idle-timeout", "5s", "--retries", "0"], "FAKE-HANG"),
    ]
    .iter()
    .map(|(name, options, task)| spawn(&repo, name, &[options, ["-j", "6"].as_slice()].concat(), task))
    .collect();
    repo.orchestra(["status", "--wait"]).exits(1);
    let agents: Vec<Value> = ids.iter().map(|id| repo.agent(id)).collect();
    for (agent, expected) in agents.iter().zip([
        ("done", 1, 1),
        ("done", 1, 1),
        ("done", 1, 0),
        ("done", 1, 0),
        ("failed", 0, 1),
        ("timeout", 0, 0),
    ]) {
        assert_eq!(
            outcome(agent),
            expected,
            "{agent}\n{}",
            repo.orchestra(["logs", agent["id"].as_str().expect("an id")]).stdout()
        );
        assert_eq!(agent["session"].as_str().map(str::len), Some(36), "{agent}");
        if agent["phase"] != "timeout" {
            assert!(
                agent["cost_usd"].as_f64() > Some(0.0) && agent["input_tokens"].as_u64() > Some(0),
                "{agent}"
            );
        }
    }
    assert_eq!(agents[4]["reason"], "denied: Bash touch denied-marker.txt");
    assert_eq!(agents[5]["reason"], "idle for 5 s");
    assert_eq!(repo.file_in_head(&ids[0], "a.txt"), "hello from the scripted agent\n");
    assert!(repo.file_in_head(&ids[2], "shared.txt").starts_with("first line by x\n"));
    assert!(repo.file_in_head(&ids[3], "shared.txt").starts_with("first line by y\n"));
    assert_eq!(repo.checkout(), before);
    let log = repo.orchestra(["logs", &ids[0]]).succeeded().stdout();
    for line in ["> FAKE-WRITE a.txt\n", "  → Write a.txt\n", "  ✗ denied: Bash: ", "── done: 3 turns, $"]
    {
        assert!(log.contains(line), "{line} in {log}");
    }
}

#[test]
fn an_agent_with_a_killed_supervisor_is_lost_and_resumes_its_session() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let id = spawn(&repo, "slow", &["--permission", "bypassPermissions"], "FAKE-SLOWTOOL");
    let running = until("its tool runs", || {
        Some(repo.agent(&id))
            .filter(|agent| agent["activity"].as_str().is_some_and(|what| what.starts_with("Bash")))
    });
    assert!(repo.orchestra(["status"]).succeeded().stdout().contains("running, bypass"));
    let supervisor = running["supervisor_pid"].as_i64().expect("a pid").to_string();
    repo.command("kill").args(["-9", &supervisor]).status().expect("kill");
    let lost = until("it is lost", || Some(repo.agent(&id)).filter(|agent| agent["liveness"] == "lost"));
    assert!(!lost["orphans"].as_array().expect("a list").is_empty(), "{lost}");
    let asked = test_bed.requests().len();
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE after.txt"]).succeeded();
    let done = repo.agent(&id);
    assert_eq!(
        (outcome(&done), &done["session"], &done["attempt"]),
        (("done", 1, 0), &lost["session"], &2.into())
    );
    assert_eq!(repo.file_in_head(&id, "after.txt"), "hello from the scripted agent\n");
    // The model received the earlier conversation: the task, the answer, the interrupted tool.
    let requests = test_bed.requests();
    let (first, again) = (&requests[0], &requests[asked]);
    assert_eq!(first["conversation"], again["conversation"]);
    assert!(
        again["messages"].as_u64() > Some(first["messages"].as_u64().expect("a number") + 2),
        "{first} {again}"
    );
}

#[test]
fn a_permission_is_requested_and_granted_by_send() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let allowed = spawn(&repo, "allowed", &["--on-prompt", "ask"], "FAKE-WRITE c.txt");
    let denied = spawn(&repo, "denied", &["--on-prompt", "ask"], "FAKE-WRITE d.txt");
    let chosen = spawn(&repo, "chosen", &["--on-prompt", "ask"], "FAKE-ASK");
    for id in [&allowed, &denied] {
        let agent = repo.wait_for(id, "waiting");
        assert!(
            agent["waiting"].as_str().is_some_and(|what| what.starts_with("Bash git add -A && git commit")),
            "{agent}"
        );
    }
    repo.orchestra(["send", &allowed, "--allow"]).succeeded();
    repo.orchestra(["send", &denied, "--deny", "-m", "not yet"]).succeeded();
    assert_eq!(repo.wait_for(&chosen, "waiting")["waiting"], "Which color? (red, blue)");
    repo.orchestra(["send", &chosen, "blue"]).succeeded();
    repo.orchestra(["status", "--wait"]).succeeded();
    let agent = repo.agent(&allowed);
    assert_eq!(outcome(&agent), ("done", 1, 0), "{agent}");
    let subject = repo.git(["log", "-1", "--format=%s", &format!("refs/orchestra/heads/{allowed}")]).line();
    assert_eq!(subject, "Add c.txt", "its own commit");
    assert_eq!(outcome(&repo.agent(&denied)), ("done", 1, 1));
    assert!(repo.orchestra(["logs", &denied]).succeeded().stdout().contains("✗ not yet"));
    assert!(repo.orchestra(["logs", &chosen]).succeeded().stdout().contains("\"Which color?\"=\"blue\""));
}

#[test]
fn what_is_allowed_for_good_is_not_asked_again() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let id = spawn(&repo, "always", &["--on-prompt", "ask"], "FAKE-WRITE one.txt");
    let pattern = repo.wait_for(&id, "waiting")["request"]["pattern"].clone();
    let pattern = pattern.as_str().expect("the rules that Claude Code proposes");
    repo.orchestra(["send", &id, "--allow", "--always"]).succeeded().stderr_has(pattern);
    assert_eq!(outcome(&repo.end_of(&id)), ("done", 1, 0));
    // The rules hold in later attempts as well: nobody answers here, and nothing is denied.
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE two.txt"]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!(outcome(&agent), ("done", 2, 0), "{agent}");
    assert_eq!(agent["always"], serde_json::json!([pattern]));
    assert_eq!(repo.file_in_head(&id, "two.txt").lines().count(), 1);
}

#[test]
fn messages_pauses_and_fresh_sessions() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let id = spawn(&repo, "talk", &["--on-prompt", "ask"], "FAKE-WRITE e.txt");
    repo.wait_for(&id, "waiting");
    repo.orchestra(["send", &id, "FAKE-SAY while-you-wait"]).succeeded();
    repo.orchestra(["send", &id, "--allow"]).succeeded();
    let first = repo.end_of(&id);
    assert_eq!(outcome(&first), ("done", 1, 0), "{first}");
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("> FAKE-SAY while-you-wait"), "{log}");
    repo.orchestra(["resume", &id, "-m", "FAKE-SAY again"]).succeeded();
    let second = repo.agent(&id);
    assert_eq!(second["session"], first["session"]);
    assert!(second["cost_usd"].as_f64() > first["cost_usd"].as_f64(), "{second}");
    repo.orchestra(["resume", "--fresh", &id, "--on-prompt", "deny"]).succeeded();
    let third = repo.agent(&id);
    assert_ne!(third["session"], first["session"]);
    assert_eq!(third["attempt"], 3);
    let slow = spawn(&repo, "slow", &["--permission", "bypassPermissions"], "FAKE-SLOWTOOL");
    until("its tool runs", || {
        repo.agent(&slow)["activity"].as_str().filter(|what| what.starts_with("Bash")).map(|_| ())
    });
    repo.orchestra(["pause", &slow]).succeeded();
    assert_eq!(repo.agent(&slow)["phase"], "paused");
    repo.orchestra(["resume", &slow, "-m", "FAKE-SAY awake"]).succeeded();
    assert!(repo.orchestra(["logs", &slow]).succeeded().stdout().contains("You said awake."));
}

#[test]
fn a_rewound_agent_continues_its_conversation_from_there() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let id = spawn(&repo, "rewound", &[], "FAKE-WRITE a.txt");
    repo.end_of(&id);
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE b.txt"]).succeeded();
    let before = repo.end_of(&id);
    repo.orchestra(["rewind", &id, "2"]).succeeded();
    let there = |file: &str| repo.worktree(&id).join(file).exists();
    assert!(there("a.txt") && !there("b.txt"));
    let cut = repo.agent(&id)["session"].clone();
    assert_ne!(cut, before["session"]);
    repo.orchestra(["resume", &id, "-m", "FAKE-WRITE c.txt"]).succeeded();
    let after = repo.end_of(&id);
    assert_eq!((&after["phase"], &after["session"]), (&"done".into(), &cut), "{after}");
    assert!(there("a.txt") && there("c.txt") && !there("b.txt"));
    let said = repo.orchestra(["sessions", "show", cut.as_str().expect("an id")]).succeeded().stdout();
    assert!(said.contains("a.txt") && said.contains("c.txt") && !said.contains("b.txt"), "{said}");
}

#[test]
fn failures_are_named_and_only_transient_ones_are_retried() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    repo.git(["config", "orchestra.retryDelay", "1s"]);
    repo.git(["config", "orchestra.jobs", "6"]);
    for (task, options, phase, attempts, reason) in [
        ("FAKE-400", [].as_slice(), "failed", 1, "scripted bad request"),
        ("FAKE-401", &[], "failed", 1, "not logged in"),
        ("FAKE-ALWAYS529", &["--retries", "1"], "failed", 2, "529"),
        ("FAKE-MIDHANG", &["--idle-timeout", "3s", "--retries", "1"], "timeout", 2, "idle for 3 s"),
        ("FAKE-WRITE x.txt", &["--max-turns", "1"], "failed", 1, "used up its turns (--max-turns)"),
        ("FAKE-WRITE y.txt", &["--budget", "0.000001"], "failed", 1, "spent its budget (--budget)"),
        ("FAKE-WRITE z.txt", &["--deny", "Write"], "failed", 1, "denied: "),
        ("FAKE-SUBAGENT", &[], "done", 1, "nothing changed"),
        (
            "FAKE-SAY x",
            &["--model", "some-model", "--append-system-prompt", "be brief"],
            "done",
            1,
            "nothing changed",
        ),
    ] {
        let id = spawn(&repo, "task", options, task);
        let agent = repo.end_of(&id);
        let log = || repo.orchestra(["logs", &id]).stdout();
        assert_eq!(
            (&agent["phase"], &agent["attempt"]),
            (&phase.into(), &attempts.into()),
            "{task} {agent}\n{}",
            log()
        );
        assert!(
            agent["reason"].as_str().is_some_and(|why| why.contains(reason)),
            "{task} {agent}\n{}",
            log()
        );
    }
}

#[test]
fn a_conflict_is_resolved_by_its_agent_and_lands() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let may = ["--allow", "Bash(git *)", "--allow", "Bash(sed *)"];
    let ids = ["x", "y"].map(|who| spawn(&repo, who, &may, &format!("FAKE-CONFLICT {who}")));
    repo.orchestra(["status", "--wait"]).succeeded();
    let sessions = ids.each_ref().map(|id| repo.agent(id)["session"].clone());
    let test = "! grep -q '<<<<' shared.txt";
    let ran = repo.orchestra(["merge-ranked", "--on-conflict", "agent", "--test", test]).succeeded();
    assert!(ran.stdout().contains("its agent resolved the conflicts"), "{}", ran.stdout());
    let landed = repo.file_at("main", "shared.txt");
    assert!(landed.contains("first line by x\n") && landed.contains("first line by y\n"), "{landed}");
    // The agent continued in its own session.
    let agents = ids.each_ref().map(|id| repo.agent(id));
    let attempts: u64 = agents.iter().filter_map(|agent| agent["attempt"].as_u64()).sum();
    assert_eq!((attempts, agents.each_ref().map(|agent| agent["session"].clone())), (3, sessions));
    assert!(agents.iter().all(|agent| agent["merged"] == true));
    let said = repo.git(["log", "--first-parent", "--format=%B%N", "main"]).stdout();
    for (id, session) in ids.iter().zip(&agents) {
        assert!(
            said.contains(&format!("Orchestra-Agent: {id}"))
                && said.contains(session["session"].as_str().expect("one"))
        );
    }
}

#[test]
fn changes_are_requested_made_approved_and_landed() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let id = spawn(&repo, "story", &[], "FAKE-WRITE a.txt");
    repo.orchestra(["status", "--wait"]).succeeded();
    let first = repo.agent(&id);
    let ran =
        repo.orchestra(["review", &id, "--changes", "-m", "FAKE-WRITE b.txt", "-C", "a.txt:1", "why hello?"]);
    assert!(ran.succeeded().stdout().contains("sent to the agent, which is working on it"));
    repo.orchestra(["status", "--wait"]).succeeded();
    let second = repo.agent(&id);
    assert_eq!((&second["attempt"], &second["session"]), (&2.into(), &first["session"]));
    assert!(repo.file_in_head(&id, "b.txt").starts_with("hello"), "{second}");
    assert_eq!(second["verdict_current"], false, "the new work needs a new verdict");
    repo.orchestra(["review", &id, "--approve", "-m", "now it is right"]).succeeded();
    repo.orchestra(["merge-ranked", "--test", "test -s b.txt"]).succeeded();
    // Plain git log shows everything: the task, its cost, and to those who asked for it, the reviews.
    repo.orchestra(["init", "--notes"]).succeeded();
    let log = repo.git(["log", "--format=%B%N", "main"]).stdout();
    for line in [
        "Orchestra-Task: FAKE-WRITE a.txt",
        "Orchestra-Cost: ",
        ": changes requested by ",
        ": approved by ",
        "; passed: test",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
}

#[test]
fn a_reviewer_with_narrower_permissions_repairs_and_the_work_lands() {
    let Some(test_bed) = TestBed::set() else { return };
    let repo = test_bed.repo();
    let id = spawn(&repo, "work", &[], "FAKE-WRITE a.txt");
    repo.orchestra(["status", "--wait"]).succeeded();
    let head = repo.tip(&format!("refs/orchestra/heads/{id}"));
    let review =
        |more: &[&str]| repo.orchestra([&["review", &id, "--by", "claude"] as &[&str], more].concat());
    let verdict =
        || repo.events(&id).into_iter().rev().find(|fact| fact["t"] == "verdict").expect("a verdict");

    review(&["--test", "test -s a.txt"]).succeeded();
    let first = verdict();
    assert_eq!((&first["verdict"], &first["check"]), (&"approve".into(), &"test -s a.txt: passed".into()));
    assert_eq!(first["comments"][0]["text"], "low: greet somebody");
    let reviewer = repo.agent(first["reviewer"].as_str().expect("a reviewer"));
    assert_eq!(
        (&reviewer["permission_mode"], &reviewer["denials"], &reviewer["commits"]),
        (&"dontAsk".into(), &2.into(), &0.into())
    );
    assert_eq!(repo.tip(&format!("refs/orchestra/heads/{id}")), head);

    let ran = review(&["--fix", "--automerge", "--test", "test -s tests.txt"]).succeeded();
    assert!(ran.stdout().contains("repaired by the reviewer"), "{}", ran.stdout());
    assert_eq!(verdict()["head"], repo.tip(&format!("refs/orchestra/heads/{id}")));
    assert_eq!(repo.file_at("main", "tests.txt"), "tested\n");
    assert!(!repo.has("main", "forbidden.txt"));
}
