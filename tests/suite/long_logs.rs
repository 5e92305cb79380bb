//! Logs of many events: one more event costs what the first one cost, and no kept fold ever changes an answer.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orchestra::{
    git::{Oid, Repo, refs::RefEdit},
    model::{
        AgentId, Fact, IdOrText, Phase,
        event::{Created, PhaseChange},
        verdict::{Review, Verdict},
    },
    store::{AgentLog, Chain, NewAgent, append, create, join::join, layout},
};
use testkit::TestRepo;

use crate::{library, world};

fn id(name: &str) -> AgentId {
    AgentId::parse(name).expect("an id")
}

/// Creates an agent with a number of events after the first.
fn agent(repo: &Repo, name: &str, events: u32) -> AgentId {
    let base = repo.head().expect("a commit");
    let created =
        Created { title: name.into(), base: base.into(), branch: name.into(), ..Created::default() };
    let new = NewAgent { id: id(name), created, prompt: format!("the task of {name}"), base };
    create(repo, &[new]).expect("created");
    (0..events).for_each(|at| add(repo, &id(name), at));
    id(name)
}

/// Appends one event; together they are of many kinds.
fn add(repo: &Repo, id: &AgentId, at: u32) {
    let reviewed = |head: &str| Review {
        verdict: if at.is_multiple_of(2) { Verdict::Approve } else { Verdict::Changes },
        base: IdOrText::read("b"),
        head: IdOrText::read(head),
        patch: head.to_owned(),
        by: format!("reviewer {}", at % 3),
        reviewer: None,
        check: None,
        text: Some(format!("text {at}")),
        comments: Vec::new(),
        operation: None,
    };
    let fact = match at % 5 {
        0 => Fact::Phase(PhaseChange::new(at / 5 + 1, Phase::Starting)),
        1 => Fact::Phase(PhaseChange::new(at / 5 + 1, Phase::Running).because(format!("reason {at}"))),
        2 => Fact::Stop { reason: Some(format!("stop {at}")) },
        3 => Fact::Verdict(reviewed("one")),
        _ => Fact::Verdict(reviewed(if at < 20 { "one" } else { "two" })),
    };
    append(repo, id, &[fact]).expect("appended");
}

fn tip(repo: &Repo, id: &AgentId) -> Oid {
    repo.find_ref(&layout::agent_ref(id)).expect("refs").expect("a ref")
}

fn kept(repo: &TestRepo<'_>, id: &AgentId) -> PathBuf {
    repo.path().join(".git/orchestra/folds/agents").join(id.as_str())
}

fn object(repo: &TestRepo<'_>, id: &Oid) -> PathBuf {
    let hex = id.to_string();
    repo.path().join(".git/objects").join(&hex[..2]).join(&hex[2..])
}

/// Checks that the log is read as the whole chain says.
fn assert_true(repo: &Repo, id: &AgentId, what: &str) {
    let log = AgentLog::of(repo, id).expect("a log");
    let chain = Chain::of_agent(repo, id).expect("a chain");
    assert_eq!(log.fold, chain.fold(), "{what}");
    assert_eq!((log.newer, log.set_aside), (chain.newer, chain.set_aside.len()), "{what}");
    assert_eq!(log.prompt(repo).expect("read"), chain.prompt(repo).expect("read"), "{what}");
}

#[test]
fn an_event_after_many_reads_no_early_commit() {
    let world = world();
    let fixture = world.repo();
    let repo = library(&fixture);
    let agent = agent(&repo, "long-00000", 40);
    let chain = Chain::of_agent(&repo, &agent).expect("a chain");
    // All but the newest ten commits are out of reach.
    let mut newest = vec![tip(&repo, &agent)];
    while newest.len() < 10 {
        newest.extend(repo.read_commit(newest[newest.len() - 1]).expect("a commit").parents);
    }
    let early: Vec<PathBuf> = chain
        .commits
        .iter()
        .filter(|commit| !newest.contains(commit))
        .map(|commit| object(&fixture, commit))
        .collect();
    assert_eq!(early.len(), 31);
    let away = |path: &Path| path.with_extension("away");
    early.iter().for_each(|path| fs::rename(path, away(path)).expect("moved"));
    (40..60).for_each(|at| add(&library(&fixture), &agent, at));
    assert_eq!(AgentLog::of(&library(&fixture), &agent).expect("a log").fold.agent.attempt, 12);
    // Without the kept fold, the missing commits are noticed.
    let path = kept(&fixture, &agent);
    let saved = fs::read(&path).expect("a kept fold");
    fs::remove_file(&path).expect("removed");
    let error =
        append(&library(&fixture), &agent, &[Fact::Stop { reason: None }]).expect_err("a missing commit");
    assert_eq!(error.code.as_str(), "object-unreadable");
    early.iter().for_each(|path| fs::rename(away(path), path).expect("moved"));
    fs::write(&path, saved).expect("written");
    assert_true(&library(&fixture), &agent, "with all commits");
    assert_eq!(fixture.events(agent.as_str()).len(), 61);
    fixture.git(["fsck", "--strict"]).succeeded();
}

#[test]
fn a_short_log_has_no_kept_fold() {
    let world = world();
    let fixture = world.repo();
    let repo = library(&fixture);
    let agent = agent(&repo, "short-00000", 6);
    assert_true(&repo, &agent, "a short log");
    assert!(!fixture.path().join(".git/orchestra/folds").exists());
}

#[test]
fn no_kept_fold_changes_the_answer() {
    let world = world();
    let fixture = world.repo();
    let repo = library(&fixture);
    let (one, other) = (agent(&repo, "one-00000", 12), agent(&repo, "other-00000", 30));
    let path = kept(&fixture, &one);
    let old = fs::read(&path).expect("a kept fold");
    (12..25).for_each(|at| add(&repo, &one, at));
    let new = fs::read(&path).expect("a kept fold");
    assert_ne!(old, new);
    let mut wrong = new.clone();
    *wrong.last_mut().expect("a byte") ^= 1;
    let files: [(&str, Option<Vec<u8>>); 7] = [
        ("kept", Some(new.clone())),
        ("stale", Some(old)),
        ("lost", None),
        ("empty", Some(Vec::new())),
        ("torn", Some(new[..new.len() / 2].to_vec())),
        ("changed", Some(wrong)),
        ("of another agent", Some(fs::read(kept(&fixture, &other)).expect("a kept fold"))),
    ];
    for (at, (what, content)) in (25..).zip(&files) {
        fs::remove_file(&path).expect("removed");
        if let Some(content) = content {
            fs::write(&path, content).expect("written");
        }
        assert_true(&repo, &one, what);
        add(&repo, &one, at);
        assert_true(&repo, &one, what);
        fs::write(&path, &new).expect("written");
    }
    // A pipe in its place does not block.
    fs::remove_file(&path).expect("removed");
    rustix_pipe(&path);
    assert_true(&repo, &one, "a pipe");
}

fn rustix_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}

#[test]
fn a_log_that_was_rewound_or_joined_is_read_whole() {
    let world = world();
    let fixture = world.repo();
    let repo = library(&fixture);
    let agent = agent(&repo, "moved-00000", 20);
    let name = layout::agent_ref(&agent);
    let far = tip(&repo, &agent);
    let mut near = far;
    for _ in 0..15 {
        near = repo.read_commit(near).expect("a commit").parents[0];
    }
    let point = |old, new| {
        repo.edit_refs(&[RefEdit { name: name.clone(), old: Some(old), new }], "test").expect("moved");
    };
    point(far, near);
    assert_true(&repo, &agent, "rewound");
    (50..54).for_each(|at| add(&repo, &agent, at));
    assert_true(&repo, &agent, "on another way");
    let here = tip(&repo, &agent);
    point(here, join(&repo, &agent, here, far).expect("joined"));
    assert_true(&repo, &agent, "joined");
    (60..80).for_each(|at| add(&repo, &agent, at));
    assert_true(&repo, &agent, "after a join");
}
