//! Interrupted operations end soon, in a state from which the next command can continue.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use orchestra::{
    Code, Error, Kind, Result,
    context::{Cancel, Context, Event, Limits},
    lock::Lock,
    ops::{
        cleanup, collect, merge_ranked, resume, send, spawn, stop,
        sync::{self, ConsentQuestion, SyncUser},
        undo,
    },
    store::layout::PrivateDir,
    trust::AcceptedRepo,
};
use testkit::{TestRepo, runs, until};

use crate::{environment, world};

fn library(repo: &TestRepo<'_>) -> AcceptedRepo {
    AcceptedRepo::of(crate::library(repo)).expect("an accepted configuration")
}

/// Returns a context that is cancelled at the first event that `is_wanted` selects.
fn cancelled_at(repo: &TestRepo<'_>, is_wanted: fn(&Event) -> bool) -> Context {
    let context = Context::cancelled_by(&environment(repo), Cancel::new().expect("a flag"));
    let cancel = context.cancel.clone();
    context.observed_by(move |event: &Event| {
        if is_wanted(event) {
            cancel.cancel();
        }
    })
}

fn cancelled(repo: &TestRepo<'_>) -> Context {
    let context = Context::cancelled_by(&environment(repo), Cancel::new().expect("a flag"));
    context.cancel.cancel();
    context
}

fn interrupted<T>(result: Result<T>) -> Error {
    let Err(error) = result else { panic!("the operation was not interrupted") };
    assert_eq!(error.kind(), Kind::Interrupted, "{error}");
    error
}

/// Runs agents that change nothing, and waits until they have ended.
fn idle(repo: &TestRepo<'_>, count: usize) -> Vec<String> {
    let ids: Vec<String> = (0..count).map(|_| repo.spawn("true")).collect();
    ids.iter().for_each(|id| drop(repo.end_of(id)));
    ids
}

#[test]
fn operations_that_are_cancelled_before_they_begin_change_nothing() {
    let world = world();
    let repo = world.repo().with_identity();
    let ids = idle(&repo, 1);
    let library = library(&repo);
    let (context, before) = (cancelled(&repo), repo.refs("refs/"));
    let request = spawn::Request {
        tasks: vec!["true".to_owned()],
        agents: vec!["sh".to_owned()],
        ..spawn::Request::default()
    };
    interrupted(spawn::run(&context, &library, &request));
    let request = resume::Request { agents: ids.clone(), ..resume::Request::default() };
    interrupted(resume::run(&context, &library, &request));
    let request = collect::Request { agents: ids, ..collect::Request::default() };
    interrupted(collect::run(&context, &library, &request));
    interrupted(cleanup::run(&context, &library, &cleanup::Request::default()));
    assert_eq!(repo.refs("refs/"), before);
    let agents = PrivateDir::new(repo.path().join(".git/orchestra")).agents();
    assert!(agents.is_empty(), "no agent is incomplete: {agents:?}");
    repo.end_of(&repo.spawn("true"));
}

#[test]
fn an_interrupted_cleanup_keeps_the_other_agents_and_undo_restores_the_removed_ones() {
    let world = world();
    let repo = world.repo().with_identity();
    let ids = idle(&repo, 3);
    let library = library(&repo);
    let stored = cancelled_at(&repo, |event| matches!(event, Event::AgentStored { .. }));
    interrupted(cleanup::run(&stored, &library, &cleanup::Request::default()));
    assert_eq!((repo.agents().len(), repo.refs("refs/orchestra-local/operations").len()), (3, 0));

    let removed = cancelled_at(&repo, |event| matches!(event, Event::AgentRemoved { .. }))
        .with_limits(Limits { removals_at_once: 1, ..Limits::default() });
    let error = interrupted(cleanup::run(&removed, &library, &cleanup::Request::default()));
    assert!(error.message.contains("1 of 3 agents were removed"), "{error}");
    assert_eq!(repo.agents().len(), 2);
    repo.git(["fsck", "--strict"]);
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.agents().len(), 3);
    repo.orchestra(["cleanup"]).succeeded();
    assert!(repo.agents().is_empty());
    assert!(ids.iter().all(|id| !repo.path().join("../repo.orchestra").join(id).exists()));
}

#[test]
fn an_undo_that_has_begun_cannot_be_interrupted() {
    let world = world();
    let repo = world.repo().with_identity();
    idle(&repo, 2);
    repo.orchestra(["cleanup"]).succeeded();
    let library = library(&repo);
    interrupted(undo::run(&cancelled(&repo), &library, &undo::Request::default()));
    assert!(repo.agents().is_empty());
    let restored = cancelled_at(&repo, |event| matches!(event, Event::AgentRestored { .. }));
    undo::run(&restored, &library, &undo::Request::default()).expect("an undo");
    assert!(restored.cancel.is_cancelled(), "its progress is reported");
    assert_eq!(repo.agents().len(), 2);
}

#[test]
fn an_interrupted_stop_ends_only_the_wait() {
    let world = world();
    let repo = world.repo().with_identity();
    let id = repo.spawn("trap '' TERM; while :; do sleep 0.05; done");
    repo.wait_for(&id, "running");
    let request = stop::Request { agents: vec![id.clone()], ..stop::Request::default() };
    let library = library(&repo);
    let error = interrupted(stop::run(&cancelled(&repo), &library, &request));
    assert!(error.message.contains(&format!("'{id}' was asked to end")), "{error}");
    assert_eq!(repo.end_of(&id)["phase"], "stopped");
}

#[test]
fn a_wait_for_another_command_ends_at_the_limit_of_the_context() {
    let world = world();
    let repo = crate::sync::first(&world).with_identity();
    let private = PrivateDir::new(repo.path().join(".git/orchestra"));
    let library = library(&repo);
    let limits = Limits { sync_lock: Duration::ZERO, journal_lock: Duration::ZERO, ..Limits::default() };
    let quick = Context::of(&environment(&repo)).with_limits(limits);
    let request = sync::Request::default();
    let held = Lock::take(&private.sync_lock(), Duration::ZERO).expect("a lock").expect("the lock is free");
    let error =
        sync::run(&quick, &library, &request, &mut RefusingUser).map(|_| ()).expect_err("the lock is held");
    assert_eq!(error.code, Code::SyncRunning);
    interrupted(sync::run(&cancelled(&repo), &library, &request, &mut RefusingUser));
    drop(held);

    repo.branch("one", &[("one.txt", "1\n")]);
    let request =
        merge_ranked::Request { branches: vec!["one".to_owned()], ..merge_ranked::Request::default() };
    let held =
        Lock::take(&private.operations_lock(), Duration::ZERO).expect("a lock").expect("the lock is free");
    let error = merge_ranked::run(&quick, &library, &request).map(|_| ()).expect_err("the lock is held");
    assert_eq!(error.code, Code::OperationRunning);
    drop(held);
    merge_ranked::run(&quick, &library, &request).expect("it lands");
}

#[test]
fn a_wait_for_the_delivery_of_an_answer_ends_at_the_limit() {
    let world = world();
    let repo = world.repo().with_identity().with_scripted_claude();
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "ask git push\nsay over");
    let supervisor = repo.wait_for(&id, "waiting")["supervisor_pid"].to_string();
    let library = library(&repo);
    let signal = |name: &str| assert!(repo.command("kill").args([name, &supervisor]).status().is_ok());
    signal("-STOP");
    let quick =
        Context::of(&environment(&repo)).with_limits(Limits { answer: Duration::ZERO, ..Limits::default() });
    let request = send::Request { agents: vec![id.clone()], allow: Some(true), ..send::Request::default() };
    let sent = send::run(&quick, &library, &request).map(|_| ());
    signal("-CONT");
    assert_eq!(sent.expect_err("it is not delivered").code, Code::AgentTimeout);
    assert_eq!(repo.end_of(&id)["phase"], "done", "it is recorded, and delivered later");
}

/// A user who agrees to nothing.
struct RefusingUser;

impl SyncUser for RefusingUser {
    fn agrees(&mut self, _question: &ConsentQuestion) -> Result<bool> {
        Ok(false)
    }
}

/// Writes an executable script.
fn script(path: &Path, text: &str) -> PathBuf {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
    path.to_owned()
}

/// Waits until a script has written its process id into a file, and returns it.
fn pid_in(file: &Path) -> String {
    until("the script runs", || {
        let text = fs::read_to_string(file).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    })
}

#[test]
fn ctrl_c_ends_a_transfer_and_the_next_sync_continues() {
    let world = world();
    let repo = crate::sync::first(&world);
    let id = repo.spawn("echo 1 > made");
    repo.end_of(&id);
    let pid = world.dir().join("pid");
    let ssh = script(&world.dir().join("ssh"), &format!("echo $$ > '{}'; exec sleep 1000", pid.display()));
    let program = world.bins().join("git-orchestra-sync");
    let mut command = repo.command(program);
    command.arg("ssh://nowhere.invalid/hub.git").env("GIT_SSH_COMMAND", &ssh);
    let child = command.stderr(Stdio::piped()).spawn().expect("sync");
    let transport = pid_in(&pid);
    repo.command("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    let ended = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("error: interrupted while git fetch runs"), "{said}");
    until("the transport is gone", || (!runs(&transport)).then_some(()));
    let locks = crate::library(&repo);
    assert!(locks.head().is_ok(), "the repository is whole");
    crate::sync::sync(&repo);
    assert!(crate::sync::shared_of_hub(&world).iter().any(|(name, _)| name.ends_with(&id)));
}

#[test]
fn agents_keep_running_if_the_wait_for_their_start_is_interrupted() {
    let world = world();
    let repo = world.repo();
    // The supervisor never reports that it is ready.
    let bins = world.dir().join("bins");
    fs::create_dir(&bins).expect("a folder");
    let program = bins.join("git-orchestra-spawn");
    // By another process: if another test started a program meanwhile, that would hold our copy open for writing.
    repo.command("cp").arg(world.bins().join("git-orchestra")).arg(&program).status().expect("a copy");
    let pid = world.dir().join("pid");
    // A supervisor is started through the program that contains every command, in the same folder.
    script(&bins.join("git-orchestra"), &format!("echo $$ > '{}'; exec sleep 1000", pid.display()));
    let mut command = repo.command(program);
    command.args(["--agent", "sh", "--detach", "--", "true"]);
    let child = command.stderr(Stdio::piped()).spawn().expect("spawn");
    let supervisor = pid_in(&pid);
    repo.command("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    let ended = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("error: interrupted while agents started"), "{said}");
    let agents = repo.agents();
    assert_eq!(
        (agents.len(), &agents[0]["phase"], &agents[0]["liveness"]),
        (1, &"queued".into(), &"live".into())
    );
    // Without its supervisor it is lost, as any other agent would be.
    repo.command("kill").args(["-KILL", &supervisor]).status().expect("kill");
    let id = agents[0]["id"].as_str().expect("an id");
    until("it is lost", || (repo.agent(id)["liveness"] == "lost").then_some(()));
    repo.orchestra(["stop", id]).succeeded();
    assert_eq!(repo.agent(id)["phase"], "stopped");
}
