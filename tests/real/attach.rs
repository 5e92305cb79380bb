//! A person attaches to agents of the programs other than Claude Code, which `turns` tests.

use std::{fs, time::Duration};

use serde_json::Value;
use testkit::{Ran, TestRepo, until};

use crate::{
    aider,
    codex::codex,
    gemini::gemini,
    opencode::opencode,
    person::Person,
    test_bed::{TestBed, end_of_attempt, marked},
};

/// What a person types into a program: tasks, and how to leave.
struct Habits {
    program: &'static str,
    /// What its window shows once it reads keys.
    ready: &'static str,
    /// The scripted model's word for a file that is to be written by this program.
    writes: &'static str,
    leave: &'static str,
}

#[test]
fn a_person_uses_codex_in_the_agents_conversation_and_it_continues() {
    let set_up = |test_bed: &TestBed, repo: &TestRepo<'_>| {
        codex(test_bed, repo, &[])?;
        // The person trusted the project before.
        let settings = test_bed.world().home().join(".codex/config.toml");
        let trusted = format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", repo.path().display());
        let before = fs::read_to_string(&settings).expect("settings");
        fs::write(&settings, before + &trusted).expect("written");
        Some(())
    };
    let habits = Habits { program: "codex", ready: "", writes: "FAKE-WRITE", leave: "/quit" };
    continues(&habits, set_up);
}

#[test]
fn a_person_uses_gemini_in_the_agents_conversation_and_it_continues() {
    let set_up = |test_bed: &TestBed, repo: &TestRepo<'_>| {
        gemini(test_bed, repo, &[])?;
        // Its window hides the variables with the person's name from git.
        repo.git(["config", "user.name", "Kim"]);
        repo.git(["config", "user.email", "kim@example.com"]);
        repo.git(["config", "orchestra.agent.gemini.model", "gemini-2.5-pro"]);
        Some(())
    };
    let habits =
        Habits { program: "gemini", ready: "Type your message", writes: "FAKE-WRITE", leave: "/quit" };
    continues(&habits, set_up);
}

#[test]
fn a_person_uses_opencode_in_the_agents_conversation_and_it_continues() {
    let set_up = |test_bed: &TestBed, repo: &TestRepo<'_>| {
        // Its first start writes its data.
        Ran::of(&mut opencode(test_bed, repo, &["session", "list"])?).succeeded();
        Some(())
    };
    let habits = Habits { program: "opencode", ready: "commands", writes: "FAKE-WRITE", leave: "/exit" };
    continues(&habits, set_up);
}

#[test]
fn a_person_uses_aider_in_the_agents_conversation_and_it_continues() {
    let habits = Habits { program: "aider", ready: "> ", writes: "FAKE-AIDER", leave: "/exit" };
    continues(&habits, aider::set_up);
}

fn key(test_bed: &TestBed) -> [(&'static str, String); 2] {
    [("OPENAI_API_KEY", "dummy".to_owned()), ("OPENAI_API_BASE", format!("{}/v1", test_bed.url()))]
}

/// Lets a person attach to an agent of a program in the middle of its work.
fn continues(habits: &Habits, set_up: impl Fn(&TestBed, &TestRepo<'_>) -> Option<()>) {
    let Some(test_bed) = TestBed::set() else { return };
    if !testkit::has_terminal() {
        testkit::skip("ORCHESTRA_REQUIRE_REAL", "there is no terminal");
        return;
    }
    let repo = test_bed.repo();
    let Some(()) = set_up(&test_bed, &repo) else { return };
    let run = |arguments: &[&str]| {
        let mut command = repo.orchestra_command(arguments);
        Ran::of(command.envs(key(&test_bed))).succeeded()
    };
    let task = format!("{} first.txt", habits.writes);
    let line = ["spawn", "-d", "--agent", habits.program, "--permission", "bypassPermissions", "--", &task];
    let id = run(&line).line();
    end_of_attempt(&repo, &id, 1);
    // A message that it has not read yet would be its next one, after the person. Only what opencode says shows that it has.
    let hangs = || test_bed.requests().iter().filter(|request| request["kind"] == "hang").count();
    let before = hangs();
    let (task, said) = match habits.program {
        "opencode" => ("FAKE-SLOWTOOL", Some("Running something slow.")),
        _ => ("FAKE-HANG in its work", None),
    };
    run(&["resume", "-d", &id, "-m", task]);
    until("it is working", || match said {
        Some(words) => (repo.agent(&id)["activity"] == words).then_some(()),
        None => (hangs() > before).then_some(()),
    });
    is_used(&test_bed, &repo, habits, &id);
}

/// Attaches to a working agent, works by hand, and leaves.
fn is_used(test_bed: &TestBed, repo: &TestRepo<'_>, habits: &Habits, id: &str) {
    let before = repo.agent(id);
    let mut person = Person::attaches(repo, id, &key(test_bed));
    let attached = until("a person is attached", || {
        Some(repo.agent(id)).filter(|agent| agent["attached_pid"].is_i64() && agent["phase"] == "paused")
    });
    assert_eq!(attached["session"], before["session"], "{attached}");
    person.sees(habits.ready);
    let branch = before["branch"].as_str().expect("a branch").to_owned();
    let what = format!("{} did what the person typed, and has committed it", habits.program);
    let is_committed = || repo.has(&branch, "by-hand.txt").then_some(());
    person.types(&what, &format!("{} by-hand.txt", habits.writes), is_committed);
    // Its turn ends when it has asked the model once more.
    let mut asked = 0;
    while asked != test_bed.requests().len() {
        asked = test_bed.requests().len();
        std::thread::park_timeout(Duration::from_secs(3));
    }
    let what = format!("{} exits", habits.program);
    person.types(&what, habits.leave, || (repo.agent(id)["attempt"] == 3).then_some(()));
    let shown = person.leaves();
    assert!(shown.contains(&format!("'{id}' continues")), "{shown}");
    // What it left would keep the session from the agent.
    let after = end_of_attempt(repo, id, 3);
    assert_eq!((&after["phase"], &after["session"]), (&"done".into(), &before["session"]), "{after}");
    assert_eq!(
        (&after["attached_pid"], &after["orphans"]),
        (&Value::Null, &serde_json::json!([])),
        "{after}"
    );
    assert_eq!(marked(&format!("ORCHESTRA_AGENT={id}")), Vec::<String>::new(), "{}", habits.program);
    assert_eq!(repo.file_in_head(id, "by-hand.txt"), "hello from the scripted agent\n");
}
