//! Usage limits: an agent that reaches one is paused, waits and resumes; none of its work is lost, and
//! nothing is tried too early. The programs' messages and events, the clocks and the order of waiting
//! agents are tested in tables next to the code; `tests/real` uses the real program.

use orchestra::{model::AgentId, store::layout::PrivateDir};
use serde_json::Value;
use testkit::{TestRepo, World, until};

use crate::world;

/// The file that says that the limit has ended.
pub(crate) fn over(world: &World) -> String {
    world.dir().join("over").to_string_lossy().into_owned()
}

/// Spawns an agent that writes `before`, is limited until a file exists, and writes `after`.
pub(crate) fn limited(world: &World, repo: &TestRepo<'_>) -> String {
    let task = format!("write before 1\nlimit 5400 unless {}\nwrite after 2", over(world));
    let id = repo.spawn_claude(&["-j", "1"], &task);
    repo.wait_for(&id, "paused");
    id
}

/// Ends the limit, for the service and for the agents that wait.
pub(crate) fn end(world: &World, repo: &TestRepo<'_>) {
    std::fs::write(over(world), "").expect("a file");
    repo.end_limits();
}

fn kill_supervisor(repo: &TestRepo<'_>, id: &str) {
    let pid = repo.agent(id)["supervisor_pid"].as_i64().expect("a supervisor").to_string();
    repo.command("kill").args(["-9", &pid]).status().expect("kill");
    until("it is lost", || (repo.agent(id)["liveness"] == "lost").then_some(()));
}

#[test]
fn an_agent_is_paused_with_its_work_and_resumes_when_the_limit_is_over() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    let paused = repo.agent(&id);
    let limit = &paused["limit"];
    assert_eq!(
        (&limit["kind"], &limit["warning"], &limit["resumes"], &paused["liveness"]),
        (&"five_hour".into(), &false.into(), &true.into(), &"live".into()),
        "{paused}"
    );
    assert_eq!((&paused["pid"], &paused["commits"], &paused["attempt"]), (&().into(), &1.into(), &1.into()));
    assert_eq!(repo.file_in_head(&id, "before"), "1\n");
    assert!(repo.trailer(&id, "Limit").starts_with("five_hour 20"), "{}", repo.trailer(&id, "Limit"));
    // Its supervisor removes the summary of the attempt a moment after the events contain it.
    let summary = PrivateDir::new(repo.path().join(".git/orchestra"))
        .agent(&AgentId::parse(&id).expect("an id"))
        .stream_summary();
    std::fs::write(&summary, r#"{"usage":{"turns":7,"denials":3},"limit":null}"#).expect("a summary");
    let again = repo.agent(&id);
    for field in ["turns", "denials", "limit"] {
        assert_eq!(again[field], paused[field], "{field}");
    }
    std::fs::remove_file(&summary).expect("removed");
    let shown = repo.orchestra(["status"]).succeeded().stdout();
    assert!(shown.contains("  limit until ") && shown.contains("paused  "), "{shown}");
    // The slot is free.
    let other = repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", "true"]).succeeded().line();
    assert_eq!(repo.end_of(&other)["phase"], "done");
    assert_eq!(repo.agent(&id)["phase"], "paused");

    end(&world, &repo);
    let done = repo.wait_for(&id, "done");
    assert_eq!((&done["attempt"], &done["session"]), (&2.into(), &paused["session"]));
    assert_eq!(done["limit"], Value::Null);
    assert_eq!(repo.file_in_head(&id, "after"), "2\n");
    let facts = repo.events(&id);
    assert!(
        facts.iter().all(|fact| !fact["reason"].as_str().unwrap_or_default().starts_with("retry")),
        "{facts:?}"
    );
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("> You were interrupted (paused: limit until 20"), "{log}");
    assert!(log.contains("✗ the 5-hour limit is reached, until "), "{log}");
}

#[test]
fn one_waiting_agent_resumes_first_and_the_others_follow() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let (over, go) = (over(&world), world.dir().join("go").to_string_lossy().into_owned());
    let task = format!("limit 5400 unless {over}\nawait {go}\nsay answered\nwrite x 1");
    let first = repo.spawn_claude(&["-j", "2"], &task);
    repo.wait_for(&first, "paused");
    // A queued agent of the same program and login waits; one of another program starts, although it was
    // queued later.
    let second = repo.spawn_claude(&["-j", "1"], &task);
    let queued = until("it waits for the limit", || {
        Some(repo.agent(&second)).filter(|agent| agent["limit"]["resumes"] == true)
    });
    assert_eq!((&queued["phase"], &queued["attempt"]), (&"queued".into(), &0.into()));
    let shown = repo.orchestra(["status", &second]).succeeded().stdout();
    assert!(shown.contains("queued") && shown.contains("limit until "), "{shown}");
    let other = repo.orchestra(["spawn", "--agent", "sh", "-d", "-j", "1", "true"]).succeeded().line();
    assert_eq!(repo.end_of(&other)["phase"], "done");

    end(&world, &repo);
    let both = [&first, &second];
    let goes = until("one resumes first", || both.iter().position(|id| repo.agent(id)["phase"] == "running"));
    let waits = repo.agent(both[1 - goes]);
    assert!(waits["phase"] == "paused" || waits["phase"] == "queued", "{waits}");
    std::fs::write(go, "").expect("a file");
    for id in both {
        assert_eq!(repo.wait_for(id, "done")["commits"], 1);
    }
}

#[test]
fn an_agent_that_is_limited_again_waits_again() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    repo.end_limits();
    until("it is refused again", || {
        let agent = repo.agent(&id);
        (agent["attempt"] == 2 && agent["phase"] == "paused").then_some(())
    });
    end(&world, &repo);
    let done = repo.wait_for(&id, "done");
    assert_eq!((&done["attempt"], &done["commits"]), (&3.into(), &2.into()), "{done}");
}

#[test]
fn a_dead_supervisor_leaves_a_paused_agent_that_resume_continues() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    let session = repo.agent(&id)["session"].clone();
    kill_supervisor(&repo, &id);
    let lost = repo.agent(&id);
    assert_eq!((&lost["phase"], &lost["limit"]["resumes"]), (&"paused".into(), &true.into()));
    let ran = repo.orchestra(["status"]).succeeded().stderr_has(&format!("git orchestra resume {id}"));
    assert!(ran.stdout().contains("paused, lost"), "{}", ran.stdout());
    assert!(ran.stdout().contains("and nothing resumes it"), "{}", ran.stdout());
    // As after a reboot: it waits again for the rest of the limit.
    repo.orchestra(["resume", "--all", "-d"]).succeeded();
    until("it waits in the queue", || (repo.agent(&id)["limit"]["kind"] == "five_hour").then_some(()));
    assert_eq!(repo.agent(&id)["phase"], "queued");
    end(&world, &repo);
    let done = repo.wait_for(&id, "done");
    assert_eq!((&done["session"], &done["attempt"]), (&session, &2.into()));
    assert_eq!(repo.file_in_head(&id, "before") + &repo.file_in_head(&id, "after"), "1\n2\n");
}

#[test]
fn a_limit_beyond_the_longest_wait_is_left_to_a_person() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "orchestra.limitWait", "1h"]);
    let id = limited(&world, &repo);
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["limit"]["resumes"]), (&"paused".into(), &false.into()));
    let shown = repo.orchestra(["status", "--wait", &id]).exits(1).stdout();
    assert!(shown.contains("limit until ") && shown.contains("then 'resume' continues it"), "{shown}");
    // An agent queued behind it does not wait that long either.
    let second = repo.spawn_claude(&[], "write x 1");
    let agent = repo.end_of(&second);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"paused".into(), &0.into()), "{agent}");
    std::fs::write(over(&world), "").expect("a file");
    // The service answers the agent that a person resumed: then the limit has ended for all.
    repo.orchestra(["resume", &id])
        .succeeded()
        .stderr_has("is resumed although its 5-hour limit lasts until ");
    assert_eq!(repo.agent(&id)["phase"], "done");
    repo.orchestra(["resume", "--all"]).succeeded();
    assert_eq!(repo.agent(&second)["phase"], "done");
}

#[test]
fn a_warning_is_shown_and_changes_nothing() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let go = world.dir().join("go").to_string_lossy().into_owned();
    let id = repo.spawn_claude(&[], &format!("near 5400\nwrite a 1\nawait {go}"));
    repo.wait_for_file(&id, "a");
    until("it is seen", || (repo.agent(&id)["limit"]["warning"] == true).then_some(()));
    repo.orchestra(["status"])
        .succeeded()
        .stderr_has("warning: 93 % of the 5-hour limit is used; it resets at ");
    std::fs::write(go, "").expect("a file");
    let done = repo.end_of(&id);
    let limit = &done["limit"];
    assert_eq!(
        (&done["phase"], &limit["warning"], &limit["used_percent"], &limit["resumes"]),
        (&"done".into(), &true.into(), &93.into(), &false.into())
    );
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains("· 93 % of the 5-hour limit is used, until "), "{log}");
    assert!(!repo.path().join(".git/orchestra/limits").exists(), "no agent waits");
}

#[test]
fn other_errors_are_not_treated_as_limits() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    // The task, the phase, the attempts.
    for (task, phase, attempts) in [
        // With an API key: too many requests.
        (
            "refuse api_error API Error: Request rejected (429) · This request would exceed your rate limit",
            "failed",
            3,
        ),
        // The session is too long.
        ("refuse blocking_limit You've hit your limit · resets 2pm (UTC)", "failed", 3),
        // Usage beyond the plan is paid for.
        ("paid 5400\nwrite a b", "done", 1),
        ("say 5-hour limit reached\nwrite a b", "done", 1),
    ] {
        let agent = repo.end_of(&repo.spawn_claude(&[], task));
        assert_eq!(
            (&agent["phase"], &agent["attempt"]),
            (&phase.into(), &attempts.into()),
            "{task}: {agent}"
        );
        assert_eq!(agent["limit"], Value::Null, "{task}");
    }
    // The message of a version without events counts as a limit.
    let id = repo.spawn_claude(&[], "refuse success Claude AI usage limit reached|4102444800");
    let agent = repo.end_of(&id);
    assert_eq!((&agent["phase"], &agent["limit"]["kind"]), (&"paused".into(), &"other".into()), "{agent}");
}

#[test]
fn limits_of_custom_programs_are_recognized_by_name() {
    let world = world();
    let repo = world.repo();
    let script =
        "echo 1 > done-before; echo \"ERROR: You've hit your usage limit. Try again in 2 hours.\"; exit 1";
    for (name, phase) in [("codex", "paused"), ("mine", "failed")] {
        repo.git(["config", &format!("orchestra.agent.{name}.command"), script]);
        let id = repo.orchestra(["spawn", "-d", "--agent", name, "task"]).succeeded().line();
        let agent = repo.end_of(&id);
        assert_eq!((&agent["phase"], &agent["commits"]), (&phase.into(), &1.into()), "{name}: {agent}");
        let resumes = &agent["limit"]["resumes"];
        assert!(
            name == "mine" && resumes.is_null() || *resumes == false,
            "its task would run twice: {agent}"
        );
    }
}
