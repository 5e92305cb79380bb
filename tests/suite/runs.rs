//! The logs of runs are written, read, joined, and synced by the same code as those of agents.

use orchestra::{
    Code,
    model::{
        IdOrText, RunKey,
        run::{Fact, Fold, Run, RunPhase, fact::Created},
    },
    store::{self, chain::Chain},
};
use testkit::TestRepo;

use crate::{
    library,
    sync::{clone, first, shared, shared_of_hub, sync},
    world,
};

const KEY: &str = "019aa0a0a0a012345";
const NAME: &str = "refs/orchestra/runs/019aa0a0a0a012345";

fn key() -> RunKey {
    RunKey::parse(KEY).expect("an id")
}

fn note(text: &str) -> Fact {
    Fact::Note { text: Some(text.to_owned()) }
}

/// Creates the log of the run in a repository.
fn begin(repo: &TestRepo<'_>, plan: Option<&str>) -> Run {
    let created = Created {
        title: "Two tasks".into(),
        agents: vec![IdOrText::read("add-tests-k3m9q"), IdOrText::read("fix-it-00000")],
        plan: plan.map(str::to_owned),
        ..Created::default()
    };
    store::begin(&library(repo), &key(), Fact::Created(created)).expect("begun")
}

fn append(repo: &TestRepo<'_>, fact: Fact) -> Run {
    store::append(&library(repo), &key(), &[fact]).expect("appended")
}

fn chain(repo: &TestRepo<'_>) -> Chain<Run> {
    Chain::of(&library(repo), &key()).expect("a chain")
}

fn folded(repo: &TestRepo<'_>) -> Fold {
    chain(repo).fold()
}

/// Returns the texts of all notes, sorted.
fn notes(repo: &TestRepo<'_>) -> Vec<String> {
    let texts = chain(repo).events.into_iter().filter_map(|event| match event.fact {
        Some(Fact::Note { text }) => text,
        _ => None,
    });
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

/// Appends a commit with these event lines to the log of the run with plain git, as any program could.
fn foreign(repo: &TestRepo<'_>, lines: &str) -> String {
    let tree = repo.git(["rev-parse", &format!("{NAME}^{{tree}}")]).line();
    let commit = repo.git(["commit-tree", &tree, "-p", NAME, "-m", &format!("odd\n\n{lines}")]).line();
    repo.git(["update-ref", NAME, &commit]).succeeded();
    commit
}

#[test]
fn plain_git_can_read_the_log_of_a_run() {
    let world = world();
    let repo = world.repo().with_identity();
    let plan = "- Add tests\n".repeat(1000);
    let begun = begin(&repo, Some(&plan));
    assert_eq!((begun.phase, begun.agents, begun.title.as_str()), (RunPhase::Running, 2, "Two tasks"));
    append(&repo, note("wait"));
    let ended = append(&repo, Fact::Finished { phase: RunPhase::Partial, reason: Some("one failed".into()) });
    assert_eq!((ended.phase, ended.notes, ended.lamport), (RunPhase::Partial, 1, 3));
    // One object contains the whole state.
    let trailer = |key: &str| {
        let format = format!("%(trailers:key=Orchestra-{key},valueonly,separator=)");
        repo.git(["log", "-1", &format!("--format={format}"), NAME]).line()
    };
    assert_eq!((trailer("State").as_str(), trailer("Agents").as_str()), ("partial", "2"));
    assert_eq!((trailer("Notes").as_str(), trailer("Reason").as_str()), ("1", "one failed"));
    let subjects = repo.git(["log", "--format=%s", NAME]).stdout();
    let expected = [
        format!("run {KEY}: running → partial"),
        format!("run {KEY}: running, noted"),
        format!("run {KEY}: running"),
    ];
    assert_eq!(subjects.lines().collect::<Vec<_>>(), expected);
    // The long text is a blob in the tree of the commit, and not a part of the event.
    assert_eq!(repo.git(["show", &format!("{NAME}~2:plan")]).stdout(), plan);
    assert!(!repo.git(["log", "--format=%B", NAME]).stdout().contains("Add tests"));
    let chain = chain(&repo);
    let first = chain.events.iter().find(|event| event.lamport == 1).expect("the first");
    let read = chain.long_text(&library(&repo), first.id, "plan").expect("read");
    assert_eq!(read.as_deref(), Some(plan.as_bytes()));
    // It is not listed as an agent, and an unknown run has its own error code.
    assert!(repo.agents().is_empty());
    let unknown = RunKey::parse("other").expect("an id");
    let error = store::append(&library(&repo), &unknown, &[note("x")]).expect_err("no such run");
    assert_eq!((error.code, error.message.as_str()), (Code::RunUnknown, "no run 'other'"));
    let twice = store::begin(&library(&repo), &key(), Fact::Created(Created::default()));
    assert!(twice.expect_err("taken").is_race());
}

#[test]
fn logs_that_two_clones_wrote_independently_are_joined() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    begin(&a, None);
    assert_eq!(sync(&a)["sent"], serde_json::json!([NAME]));
    let report = sync(&b);
    assert_eq!(report["other_changes"], serde_json::json!({ format!("runs/{KEY}"): "new" }));
    assert_eq!(report["changes"], serde_json::json!({}));
    append(&a, note("from a"));
    append(&b, note("from b"));
    append(&a, Fact::Finished { phase: RunPhase::Done, reason: None });
    sync(&a);
    let shown = b.orchestra(["sync"]).succeeded();
    assert_eq!(shown.stdout(), format!("runs/{KEY} changed in both clones: joined\n"));
    assert!(shown.stderr().contains("received 1 other log; sent 1 ref to origin"), "{}", shown.stderr());
    sync(&a);
    assert_eq!((shared(&a), shared(&b)), (shared_of_hub(&world), shared_of_hub(&world)));
    assert_eq!(shared(&a).len(), 1, "no archive and no work were sent");
    assert_eq!(a.git(["log", "-1", "--format=%s", NAME]).line(), format!("run {KEY}: joined"));
    for repo in [&a, &b] {
        assert_eq!(notes(repo), ["from a", "from b"]);
        assert_eq!((folded(repo).run.phase, folded(repo).conflicts.len()), (RunPhase::Done, 0));
    }
    assert_eq!(folded(&a), folded(&b));
    // Without new events a sync does nothing.
    for repo in [&a, &b] {
        let report = sync(repo);
        assert_eq!((&report["attempts"], report.get("other_changes")), (&0.into(), None), "{report}");
    }
}

#[test]
fn events_of_a_newer_program_are_kept_and_passed_on() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    begin(&a, None);
    sync(&a);
    sync(&b);
    let gate = r#"{"at":"2026-11-26T12:00:00Z","l":7,"n":1,"t":"of_tomorrow","v":1,"w":"c"}"#;
    foreign(&b, &format!("{{\"broken\":1.5}}\n{gate}"));
    append(&a, note("meanwhile"));
    sync(&a);
    sync(&b);
    sync(&a);
    assert_eq!(shared(&a), shared_of_hub(&world));
    assert_eq!(shared(&a), shared(&b));
    for repo in [&a, &b] {
        let chain = chain(repo);
        assert_eq!((chain.set_aside.len(), chain.fold().newer, chain.fold().run.notes), (1, 1, 1));
        assert!(repo.git(["log", "--format=%B", NAME]).stdout().contains(gate));
        let error = store::append(&library(repo), &key(), &[note("x")]).expect_err("read-only");
        assert_eq!(error.code, Code::FormatNewer);
        assert!(error.message.contains(&format!("run '{KEY}' was written by a newer")), "{error}");
    }
}

#[test]
fn refs_that_are_not_logs_of_runs_are_refused() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b").with_identity());
    begin(&a, None);
    sync(&a);
    let ours = begin(&b, None);
    let hub = world.dir().join("hub.git");
    let before = b.tip(NAME);
    for name in ["code", "Odd", "a/b"] {
        world.git(&hub, ["update-ref", &format!("refs/orchestra/runs/{name}"), "main"]);
    }
    let ran = b.orchestra(["sync"]).succeeded();
    let ran = ran.stderr_has("'runs/code' of origin is not accepted: it is not the event log of a run");
    let ran = ran.stderr_has("2 refs of origin have unknown names; they are ignored");
    ran.stderr_has(&format!("'runs/{KEY}' of origin is not accepted: another run has the id {KEY}"));
    assert_eq!(shared(&b), [(NAME.to_owned(), before)]);
    assert_eq!(folded(&b).run, ours);
    assert_eq!(
        world.git(&hub, ["rev-parse", NAME]).line(),
        a.tip(NAME),
        "the ref of the remote is unchanged"
    );
}

/// A log that another program pushed as an archive is refused under that name, and still accepted under its own.
#[test]
fn a_log_that_is_refused_as_an_archive_is_accepted_under_its_own_name() {
    let world = world();
    let (a, b) = (first(&world).with_identity(), clone(&world, "b"));
    begin(&a, None);
    let id = a.spawn("true");
    a.end_of(&id);
    sync(&a);
    let hub = world.dir().join("hub.git");
    let agent = format!("refs/orchestra/agents/{id}");
    for (name, tip) in [("archive/5t2k", NAME), ("archive/7a7a", &agent)] {
        world.git(&hub, ["update-ref", &format!("refs/orchestra/{name}"), tip]);
    }
    for _ in 0..2 {
        let ran = b.orchestra(["sync"]).succeeded();
        ran.stderr_has("'archive/5t2k' of origin is not accepted")
            .stderr_has("'archive/7a7a' of origin is not accepted");
        assert_eq!((shared(&b).len(), b.tip(NAME), b.tip(&agent)), (3, a.tip(NAME), a.tip(&agent)));
    }
}

#[test]
fn a_run_with_a_secret_is_not_sent_and_the_others_are() {
    let world = world();
    let a = first(&world).with_identity();
    begin(&a, None);
    let secret = format!("ghp{}aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6", "_");
    append(&a, note(&secret));
    let other = RunKey::parse("other").expect("an id");
    store::begin(&library(&a), &other, Fact::Created(Created::default())).expect("begun");
    let ran = a.orchestra(["sync"]).exits(1);
    let event = chain(&a).events.into_iter().find(|event| event.lamport == 2).expect("the note").id.short();
    let ran = ran.stderr_has(&format!("'{NAME}' is not sent: event {event} contains what looks like"));
    ran.stderr_has("if it is not a secret: ");
    let there: Vec<String> = shared_of_hub(&world).into_iter().map(|(name, _)| name).collect();
    assert_eq!(there, ["refs/orchestra/runs/other"]);
    // A secret in the blob of a long text is found as well.
    let long = format!("{}\n{secret}\n", "x\n".repeat(3000));
    store::append(&library(&a), &other, &[note(&long)]).expect("appended");
    a.orchestra(["sync"]).exits(1).stderr_has("'refs/orchestra/runs/other' is not sent: event ");
    a.git(["config", "--add", "orchestra.notSecret", &event]);
    a.orchestra(["sync"]).succeeded();
    assert_eq!(shared_of_hub(&world), shared(&a));
}

#[test]
fn a_run_that_the_remote_lost_is_kept_here() {
    let world = world();
    let a = first(&world).with_identity();
    begin(&a, None);
    sync(&a);
    world.git(&world.dir().join("hub.git"), ["update-ref", "-d", NAME]);
    append(&a, note("later"));
    let report = sync(&a);
    assert_eq!(report["missing"], serde_json::json!([format!("runs/{KEY}")]), "{report}");
    assert!(shared_of_hub(&world).is_empty());
    assert_eq!(notes(&a), ["later"]);
    a.orchestra(["sync", "--restore"]).succeeded();
    assert_eq!(shared_of_hub(&world), shared(&a));
}

#[test]
fn many_threads_append_to_one_run() {
    let world = world();
    let repo = world.repo().with_identity();
    begin(&repo, None);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let repo = &repo;
            scope.spawn(move || (0..5).for_each(|n| drop(append(repo, note(&format!("{thread}.{n}"))))));
        }
    });
    let mut lamports: Vec<u64> = chain(&repo).events.iter().map(|event| event.lamport).collect();
    lamports.sort_unstable();
    assert_eq!(lamports, (1..=21).collect::<Vec<u64>>(), "consecutive numbers");
}
