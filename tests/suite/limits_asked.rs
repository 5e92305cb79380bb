//! Commands for an agent that waits for the end of a usage limit.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use orchestra::{
    lock::Lock,
    model::{
        AgentId, Fact, Limit, Phase,
        event::{Finished, PhaseChange},
        limit::LimitKind,
    },
    store::{append, layout::PrivateDir},
};
use serde_json::Value;
use testkit::{Aim, Injector, Mode, TestRepo, until};

use crate::{
    injector, library,
    limits::{end, limited, over},
    world,
};

#[test]
fn stop_ends_the_agent_and_pause_ends_the_waiting() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    let ran = repo.orchestra(["pause", &id, "-m", "lunch"]).succeeded();
    assert!(ran.stdout().contains("paused: 1 commit, +1 -0; lunch"), "{}", ran.stdout());
    let agent = repo.agent(&id);
    assert_eq!((&agent["liveness"], &agent["limit"]), (&"ended".into(), &().into()), "{agent}");
    repo.orchestra(["resume", "--all", "-d"]).succeeded();
    until("it waits in the queue", || (repo.agent(&id)["limit"]["kind"] == "five_hour").then_some(()));
    repo.orchestra(["stop", &id]).succeeded();
    assert_eq!(repo.agent(&id)["phase"], "stopped");

    let id = limited_behind(&world, &repo);
    repo.orchestra(["cleanup", &id]).exits(1).stdout_has("it has not ended: paused");
    repo.orchestra(["stop", &id]).succeeded();
    let agent = repo.agent(&id);
    assert_eq!(
        (&agent["phase"], &agent["limit"], &agent["commits"]),
        (&"stopped".into(), &().into(), &1.into())
    );
    assert_eq!(repo.file_in_head(&id, "before"), "1\n");
}

/// Spawns another agent, which a person starts although a limit is known.
fn limited_behind(world: &testkit::World, repo: &testkit::TestRepo<'_>) -> String {
    std::fs::remove_dir_all(repo.path().join(".git/orchestra/limits")).expect("limits");
    limited(world, repo)
}

#[test]
fn a_message_sent_during_a_limit_is_delivered_afterwards() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    repo.orchestra(["send", &id, "write sent 3"]).succeeded();
    end(&world, &repo);
    repo.wait_for(&id, "done");
    assert_eq!(repo.file_in_head(&id, "sent"), "3\n");
}

#[test]
fn a_message_is_delivered_even_after_stop_and_resume() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    repo.orchestra(["send", &id, "write sent 3"]).succeeded();
    repo.orchestra(["stop", &id]).succeeded();
    std::fs::write(over(&world), "").expect("a file");
    repo.orchestra(["resume", &id]).succeeded();
    assert_eq!(repo.file_in_head(&id, "sent"), "3\n");
}

#[test]
fn a_person_may_resume_at_once_and_is_warned() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    // `--all` leaves agents that wait by themselves alone.
    repo.orchestra(["resume", "--all"]).succeeded().stderr_has("no agent is paused or lost");
    assert_eq!(repo.agent(&id)["attempt"], 1);
    std::fs::write(over(&world), "").expect("a file");
    let ran = repo.orchestra(["resume", &id]).succeeded();
    ran.stderr_has(&format!("'{id}' is resumed although its 5-hour limit lasts until "));
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &2.into()), "{agent}");
    // The service answered: the other agents need not wait any more.
    let next = repo.spawn_claude(&[], "write x 1");
    assert_eq!(repo.wait_for(&next, "done")["attempt"], 1);
}

#[test]
fn waiting_reports_the_limit_and_can_be_interrupted() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let task = format!("write before 1\nlimit 5400 unless {}\nwrite after 2", over(&world));
    let waits = |program: &str, arguments: &[&str]| {
        let mut command = repo.command(world.bins().join(program));
        command.args(arguments).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().expect("started")
    };
    let mut spawn = waits("git-orchestra-spawn", &["--", &task]);
    let id = until("it is limited", || {
        let agent = repo.agents().into_iter().next().filter(|agent| agent["phase"] == "paused")?;
        agent["id"].as_str().map(str::to_owned)
    });
    let mut wait = waits("git-orchestra-status", &["--wait", &id]);
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(wait.stderr.take().expect("a stream")));
    let said = lines.next().expect("a line").expect("text");
    assert!(said.starts_with(&format!("waiting for '{id}': limit until ")), "{said}");
    let mut told = std::io::BufRead::lines(std::io::BufReader::new(spawn.stderr.take().expect("a stream")));
    let is_paused = |line: &String| line.starts_with(&format!("{id} paused: 1 commit, +1 -0; limit until "));
    let paused = told.by_ref().map(|line| line.expect("text")).find(is_paused);
    assert!(paused.is_some(), "it says that the agent is paused");
    repo.command("kill").args(["-INT", &spawn.id().to_string()]).status().expect("kill");
    let said = told.map(|line| line.expect("text")).collect::<Vec<_>>().join("\n");
    assert_eq!(spawn.wait().expect("an end").code(), Some(130));
    assert!(
        said.contains("the agents keep running: 1 paused") && said.contains(&format!("'{id}': limit until ")),
        "{said}"
    );
    end(&world, &repo);
    assert_eq!(wait.wait().expect("an end").code(), Some(0));
    assert_eq!(repo.agent(&id)["phase"], "done");
}

#[test]
fn a_landing_does_not_wait_for_the_limit_of_a_resolving_agent() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    repo.commit("more", &[("lines.txt", "a\nb\n")]);
    let id = repo.spawn_claude(&[], "write lines.txt mine");
    let before = repo.end_of(&id);
    repo.branch("other", &[("lines.txt", "A\nb\n")]);
    std::fs::write(world.claude_config().join("limited"), "").expect("a file");
    let ran = repo.orchestra(["merge-ranked", "other", &id, "--on-conflict", "agent"]).exits(1);
    assert!(ran.stdout().contains("its agent is paused: limit until 20"), "{}", ran.stdout());
    assert_eq!(repo.file_at("main", "lines.txt"), "A\nb\n", "the other one landed");
    // It does not resume while the landing continues, and its work is unchanged.
    let after = repo.agent(&id);
    assert_eq!((&after["phase"], &after["liveness"]), (&"done".into(), &"ended".into()), "{after}");
    assert_eq!((&after["head"], &after["limit"]), (&before["head"], &().into()), "{after}");
}

#[test]
fn a_review_does_not_wait_for_a_limit() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write x 1");
    repo.end_of(&id);
    let task = format!("limit 5400 unless {}", over(&world));
    let limited = repo.spawn_claude(&["-j", "4"], &task);
    repo.wait_for(&limited, "paused");
    repo.orchestra(["review", &id, "--by", "claude", "--test", "true"]).exits(5).stderr_has("limit until ");
    let reviewer =
        repo.agents().into_iter().find(|agent| agent["reviews"] == id.as_str()).expect("a reviewer");
    assert_eq!(
        (&reviewer["phase"], &reviewer["liveness"]),
        (&"paused".into(), &"ended".into()),
        "{reviewer}"
    );
}

/// A person may know better than the clocks, also when the agent was queued again meanwhile.
#[test]
fn a_person_may_resume_an_agent_that_a_limit_keeps_in_the_queue() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    repo.orchestra(["pause", &id]).succeeded();
    repo.orchestra(["resume", "--all", "-d"]).succeeded();
    until("it waits in the queue", || (repo.agent(&id)["limit"]["kind"] == "five_hour").then_some(()));
    assert_eq!(repo.agent(&id)["phase"], "queued");
    std::fs::write(over(&world), "").expect("a file");
    let ran = repo.orchestra(["resume", &id]).succeeded();
    ran.stderr_has(&format!("'{id}' is resumed although its 5-hour limit lasts until "));
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["limit"]), (&"done".into(), &Value::Null), "{agent}");
    assert_eq!(repo.file_in_head(&id, "after"), "2\n");
}

/// A limit was over, so the supervisor queued its agent. `resume` looks at it and waits for its lock; meanwhile the clock is set back, so
/// the limit applies again, for longer than the supervisor waits: it pauses the agent and ends.
#[test]
fn an_agent_that_its_supervisor_pauses_while_resume_waits_for_it_is_resumed() {
    let world = world();
    let Some(injector) = injector() else { return };
    let repo = world.repo().with_scripted_claude().with_identity();
    let id = limited(&world, &repo);
    let agent = AgentId::parse(&id).expect("an id");
    repo.orchestra(["pause", &id]).succeeded();
    std::fs::write(over(&world), "").expect("a file");
    let library = library(&repo);
    let lock = PrivateDir::new(repo.path().join(".git/orchestra")).agent(&agent).lock();
    let supervisor = Lock::take(&lock, Duration::ZERO).expect("a file").expect("the lock");
    let tell = |fact: Fact| append(&library, &agent, &[fact]).expect("an event");
    tell(Fact::Phase(PhaseChange::new(2, Phase::Queued)));

    let resume = resume_until_lock(&injector, &repo, &id, 1);
    let limit = Limit::of(LimitKind::FiveHour);
    tell(Fact::Finished(Finished { limit: Some(limit), ..Finished::empty(2, Phase::Paused) }));
    drop(supervisor);
    let said = continued(&repo, resume);
    let agent = repo.agent(&id);
    assert_eq!((&agent["phase"], &agent["attempt"]), (&"done".into(), &3.into()), "{agent}: {said}");
}

/// On a busy machine a supervisor may hold the lock for a while after it recorded that the agent is paused.
#[test]
fn an_agent_whose_supervisor_is_slow_to_leave_is_resumed() {
    let world = world();
    let Some(injector) = injector() else { return };
    let repo = world.repo().with_scripted_claude();
    let id = limited(&world, &repo);
    repo.orchestra(["pause", &id]).succeeded();
    std::fs::write(over(&world), "").expect("a file");
    let lock = PrivateDir::new(repo.path().join(".git/orchestra"));
    let lock = lock.agent(&AgentId::parse(&id).expect("an id")).lock();
    let supervisor = Lock::take(&lock, Duration::ZERO).expect("a file").expect("the lock");
    // The time in which a running agent would be refused is over.
    let resume = resume_until_lock(&injector, &repo, &id, 60);
    drop(supervisor);
    let said = continued(&repo, resume);
    assert_eq!(repo.agent(&id)["phase"], "done", "{said}");
}

/// Starts `resume`, which stops before it tries for the `at`-th time to take the agent's lock.
fn resume_until_lock(injector: &Injector, repo: &TestRepo<'_>, id: &str, at: u64) -> Child {
    let state = injector.state("resume");
    state.reset(Mode::Stop, at);
    state.arm(true);
    let mut resume = repo.command(repo.world().bins().join("git-orchestra-resume"));
    resume.arg(id).stdout(Stdio::null()).stderr(Stdio::piped());
    let step: &str = format!("open agents/{id}/lock").leak();
    state.apply_to(&mut resume, repo.world().dir(), Aim { step: Some(step), ..Aim::default() });
    let resume = resume.spawn().expect("a command");
    until("it is about to take the lock", || is_stopped(resume.id()).then_some(()));
    resume
}

/// Lets a stopped command continue, and returns what it said once it has succeeded.
fn continued(repo: &TestRepo<'_>, command: Child) -> String {
    repo.command("kill").args(["-CONT", &command.id().to_string()]).status().expect("kill");
    let ended = command.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{said}");
    said
}

/// Whether a process is stopped by a signal.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}
