//! `--until`: an agent continues until a check of its work passes, its rounds are used up, or it is stuck.

use serde_json::Value;
use testkit::{TestRepo, until};

use crate::world;

/// Starts a scripted agent with a check and returns it when it has ended.
fn ended(repo: &TestRepo<'_>, options: &[&str], check: &str, task: &str) -> (String, Value) {
    let id = repo.spawn_claude(&[&["--until", check], options].concat(), task);
    let agent = repo.end_of(&id);
    (id, agent)
}

fn shown(repo: &TestRepo<'_>, id: &str) -> String {
    repo.orchestra(["status", id]).succeeded().stdout()
}

/// Returns the ends of the agent's attempts, as events.
fn ends(repo: &TestRepo<'_>, id: &str) -> Vec<Value> {
    repo.events(id).into_iter().filter(|event| event["t"] == "finished").collect()
}

#[test]
fn an_agent_goes_on_in_its_session_until_the_check_passes() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let check = "cat a.txt; grep -q 3 a.txt";
    let task = "write a.txt 1\nlater write a.txt 2\nlater write a.txt 3";
    let (id, agent) = ended(&repo, &[], check, task);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &3.into()), "{agent}");
    let checked = &agent["check"];
    assert_eq!((&checked["rounds"], &checked["most_rounds"]), (&3.into(), &5.into()), "{checked}");
    assert_eq!((&checked["failure"], &checked["outdated"]), (&Value::Null, &false.into()), "{checked}");
    let head = format!("refs/orchestra/heads/{id}^{{tree}}");
    assert_eq!(checked["tree"], repo.tip(&head).as_str());
    assert!(shown(&repo, &id).contains("done (checked)"), "{}", shown(&repo, &id));
    // The agent got the output, marked as such, in the same session.
    let told = world.scripted_conversation(agent["session"].as_str().expect("a session"));
    assert!(
        told.contains("the check of your work failed (exit code 1): cat a.txt; grep -q 3 a.txt"),
        "{told}"
    );
    assert!(told.contains("\\n| 1\\n") && told.contains("\\n| 2\\n"), "{told}");
    let reasons: Vec<Value> = ends(&repo, &id).iter().map(|end| end["reason"].clone()).collect();
    assert_eq!(
        reasons,
        ["check failed: exit code 1", "check failed: exit code 1"]
            .map(Value::from)
            .into_iter()
            .chain([Value::Null])
            .collect::<Vec<_>>()
    );
    let log = repo.orchestra(["logs", "--check", &id]).succeeded().stdout();
    assert_eq!(log, format!("── {id}: check passed ──\n3\n"));
    // What changes later was not checked.
    std::fs::write(repo.worktree(&id).join("b.txt"), "b").expect("written");
    repo.orchestra(["collect", &id]).succeeded();
    assert_eq!(repo.agent(&id)["check"]["outdated"], true);
    assert!(!shown(&repo, &id).contains("(checked)"));
}

#[test]
fn the_rounds_end_and_a_repeated_state_is_stuck() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let task = "write a.txt 1\nlater write a.txt 2\nlater write a.txt 3";
    let (id, agent) = ended(&repo, &["--rounds", "2"], "false", task);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"failed".into(), &2.into()));
    assert_eq!(agent["reason"], "check still fails after 2 rounds: exit code 1 (fails on base too)");
    assert_eq!((repo.file_in_head(&id, "a.txt").as_str(), &agent["check"]["stuck"]), ("2\n", &false.into()));
    let (id, agent) = ended(&repo, &[], "echo no; exit 3", "write a.txt 1");
    assert_eq!(
        (&agent["phase"], &agent["attempt"], &agent["check"]["stuck"]),
        (&"failed".into(), &2.into(), &true.into())
    );
    assert_eq!(
        agent["reason"],
        "stuck: the check fails again on the same files: exit code 3 (fails on base too)"
    );
    assert!(shown(&repo, &id).contains("failed (stuck)"));
    assert_eq!(repo.orchestra(["logs", "--check", "--raw", &id]).succeeded().stdout(), "no\n");
    // A message resumes it, with the same check.
    repo.orchestra(["resume", &id, "--rounds", "1", "-m", "write b.txt 1"]).exits(1);
    let agent = repo.agent(&id);
    assert_eq!(agent["reason"], "check failed: exit code 3 (fails on base too)");
    // Without a check again.
    repo.orchestra(["resume", &id, "--until", "", "-m", "write c.txt 1"]).succeeded();
    assert_eq!((&repo.agent(&id)["phase"], &repo.agent(&id)["check"]), (&"done".into(), &Value::Null));
    repo.orchestra(["spawn", "--rounds", "3", "x"]).exits(2).stderr_has("--rounds: there is no check");
    for empty in ["", " "] {
        let refused = repo.orchestra(["spawn", "--until", empty, "x"]).exits(2);
        refused.stderr_has("--until: this is not a command");
    }
}

#[test]
fn a_stop_ends_the_check_with_all_that_it_started() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let check = "sleep 1000 & echo $! > ../pid; echo $ORCHESTRA_AGENT $ORCHESTRA_BRANCH; wait";
    let id = repo.spawn_claude(&["--until", check], "write a.txt 1");
    repo.wait_for_file(&id, "a.txt");
    let started = repo.worktree(&id).with_file_name("pid");
    let pid = until("the check runs", || {
        std::fs::read_to_string(&started).ok().filter(|text| text.ends_with('\n'))
    });
    let agent = until("it is shown", || {
        Some(repo.agent(&id))
            .filter(|agent| agent["activity"].as_str().is_some_and(|now| now.starts_with("checking: ")))
    });
    assert_eq!(agent["phase"], "running");
    let log = until("it prints", || {
        let log = repo.orchestra(["logs", "--check", &id]).stdout();
        log.contains(&format!("{id} orchestra/{id}")).then_some(log)
    });
    assert!(log.contains("the check is not over yet"), "{log}");
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["check"]), (&"stopped".into(), &Value::Null));
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "what the check started is over");
    assert_eq!(repo.file_in_head(&id, "a.txt"), "1\n");
}

#[test]
fn a_message_that_comes_during_the_check_is_not_lost() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let go = world.dir().join("go");
    let check = format!("touch ../runs; while ! test -e '{}'; do sleep 0.05; done; false", go.display());
    let id = repo.spawn_claude(&["--rounds", "1", "--until", &check], "write a.txt 1");
    repo.wait_for_file(&id, "a.txt");
    let runs = repo.worktree(&id).with_file_name("runs");
    until("the check runs", || runs.exists().then_some(()));
    repo.orchestra(["send", &id, "write b.txt 2"]).succeeded();
    std::fs::write(&go, "").expect("written");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"failed".into(), &2.into()), "{agent}");
    assert_eq!(repo.file_in_head(&id, "b.txt"), "2\n");
}

#[test]
fn a_script_runs_again_and_never_gets_the_output() {
    let world = world();
    let repo = world.repo();
    let proof = world.dir().join("pwned");
    let check = format!("echo; echo touch '{}'; test $(wc -l < a.txt) = 3", proof.display());
    let id = repo
        .orchestra(["spawn", "--agent", "sh", "-d", "--until", &check, "echo 1 >> a.txt"])
        .succeeded()
        .line();
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &3.into()), "{agent}");
    assert!(!proof.exists());
    // A program that reads prose gets its task and the report.
    repo.git(["config", "orchestra.agent.mine.command", "cat {prompt_file} >> told.txt"]);
    repo.git(["config", "orchestra.agent.mine.reads", "prose"]);
    let check = "echo more, please; test $(grep -c 'the task' told.txt) = 2";
    let id =
        repo.orchestra(["spawn", "--agent", "mine", "-d", "--until", check, "the task"]).succeeded().line();
    assert_eq!(repo.end_of(&id)["phase"], "done");
    assert!(repo.file_in_head(&id, "told.txt").contains("\n| more, please\n"));
}

#[test]
fn a_check_that_changes_files_or_takes_too_long_does_not_count() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let (id, agent) = ended(&repo, &[], "touch left-over", "write a.txt 1");
    assert_eq!((&agent["phase"], &agent["check"]["outdated"]), (&"done".into(), &true.into()));
    assert!(!shown(&repo, &id).contains("(checked)"));
    repo.git(["config", "orchestra.checkTime", "1s"]);
    let (_, agent) = ended(&repo, &["--rounds", "1"], "sleep 1000", "write a.txt 1");
    assert_eq!(agent["reason"], "check failed: took longer than 1 s (fails on base too)");
}
