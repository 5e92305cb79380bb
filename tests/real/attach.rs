//! A person attaches to an agent of Codex; `turns` tests Claude Code.

use std::{fs, time::Duration};

use serde_json::Value;
use testkit::{Ran, TestRepo, until};

use crate::{
    codex::codex,
    person::Person,
    test_bed::{TestBed, end_of_attempt, marked},
};

/// What a person types into a program: a task, and how to leave.
struct Habits {
    program: &'static str,
    /// The first task, and the one that never ends.
    tasks: [&'static str; 2],
    by_hand: &'static str,
    leave: &'static str,
}

const PROGRAMS: [Habits; 1] = [Habits {
    program: "codex",
    tasks: ["FAKE-WRITE first.txt", "FAKE-HANG codex"],
    by_hand: "FAKE-WRITE by-hand.txt",
    leave: "/quit",
}];

fn key(test_bed: &TestBed) -> [(&'static str, String); 2] {
    [("OPENAI_API_KEY", "dummy".to_owned()), ("OPENAI_API_BASE", format!("{}/v1", test_bed.url()))]
}

#[test]
fn a_person_uses_codex_in_the_agents_conversation_and_it_continues() {
    let Some(test_bed) = TestBed::set() else { return };
    if !testkit::has_terminal() {
        testkit::skip("ORCHESTRA_REQUIRE_REAL", "there is no terminal");
        return;
    }
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    // The person trusted the project before.
    let settings = test_bed.world().home().join(".codex/config.toml");
    let trusted = format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", repo.path().display());
    let before = fs::read_to_string(&settings).expect("settings");
    fs::write(&settings, before + &trusted).expect("written");
    let run = |arguments: &[&str]| {
        let mut command = repo.orchestra_command(arguments);
        Ran::of(command.envs(key(&test_bed))).succeeded()
    };
    let ids: Vec<String> = PROGRAMS
        .iter()
        .map(|habits| {
            let (name, task) = (habits.program, habits.tasks[0]);
            let line = ["spawn", "-d", "-j", "4", "--again", "--agent", name, "--name", name, "--permission"];
            run(&[&line[..], &["bypassPermissions", "--", task]].concat()).line()
        })
        .collect();
    for (habits, id) in PROGRAMS.iter().zip(&ids) {
        end_of_attempt(&repo, id, 1);
        // A message that it has not read yet would be its next one, after the person.
        let hangs = || test_bed.requests().iter().filter(|request| request["kind"] == "hang").count();
        let before = hangs();
        run(&["resume", "-d", id, "-m", habits.tasks[1]]);
        until("it is working", || (hangs() > before).then_some(()));
        is_used(&test_bed, &repo, habits, id);
    }
}

/// Attaches to a working agent, works by hand, and leaves.
fn is_used(test_bed: &TestBed, repo: &TestRepo<'_>, habits: &Habits, id: &str) {
    let before = repo.agent(id);
    let mut person = Person::attaches(repo, id, &key(test_bed));
    let attached = until("a person is attached", || {
        Some(repo.agent(id)).filter(|agent| agent["attached_pid"].is_i64() && agent["phase"] == "paused")
    });
    assert_eq!(attached["session"], before["session"], "{attached}");
    let branch = before["branch"].as_str().expect("a branch").to_owned();
    let what = format!("{} did what the person typed, and has committed it", habits.program);
    let is_committed = || repo.has(&branch, "by-hand.txt").then_some(());
    person.types(&what, habits.by_hand, is_committed);
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
