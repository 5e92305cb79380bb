//! `init`: optional, idempotent, and undone without a trace.

use std::fs;

use testkit::TestRepo;

use crate::{
    sync::{clone, first, shared_of_hub, sync},
    world,
};

#[test]
fn init_is_idempotent_and_can_be_undone() {
    let world = world();
    let repo = first(&world);
    let (config, checkout) = (repo.git(["config", "--list", "--local"]).stdout(), repo.checkout());
    let all = ["init", "--label", "laptop", "--track", "--notes"];
    let said = repo.orchestra(all).succeeded().stdout();
    assert!(said.contains("other clones call this one laptop") && said.contains("every git fetch of origin"));
    assert_eq!(repo.git(["config", "notes.displayRef"]).line(), "refs/orchestra-local/notes/log");
    let once = repo.git(["config", "--list", "--local"]).stdout();
    repo.orchestra(all).succeeded().stderr_has("nothing changed");
    assert_eq!(repo.git(["config", "--list", "--local"]).stdout(), once);
    repo.git(["fetch", "-q"]).succeeded();
    assert!(repo.refs("refs/orchestra/").is_empty());
    repo.orchestra(["init", "--undo"]).succeeded();
    assert_eq!(repo.git(["config", "--list", "--local"]).stdout(), config);
    let tracked = |all: Vec<(std::path::PathBuf, Vec<u8>)>| -> Vec<_> {
        all.into_iter().filter(|(path, _)| !path.ends_with("config")).collect()
    };
    assert_eq!(tracked(repo.checkout()), tracked(checkout));
    repo.orchestra(["init", "--label", "a\u{1b}b"]).exits(2).stderr_has("a label is one line");
}

#[test]
fn git_log_shows_notes_for_people_if_they_asked_for_them() {
    let world = world();
    let (repo, other) = (first(&world), clone(&world, "b"));
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    // As an earlier version configured it.
    repo.git(["config", "notes.displayRef", "refs/orchestra/notes/*"]);
    repo.orchestra(["init", "--notes"]).succeeded();
    assert_eq!(
        repo.git(["config", "--get-all", "notes.displayRef"]).line(),
        "refs/orchestra-local/notes/log"
    );
    repo.orchestra(["review", &id, "--approve", "-m", "two\nlines"]).succeeded();
    repo.orchestra(["merge-ranked", "--test", "true"]).succeeded();
    let author = repo.git(["config", "user.name"]).line();
    let review = format!("Review of agent {id}: approved by {author}: two lines");
    let landed = format!("Landed in main: agent {id}; passed: test");
    let log = |repo: &TestRepo<'_>, tip: &str| {
        let shown = repo.git(["log", "--format=%N", tip]).stdout();
        shown.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(log(&repo, "main"), [landed, review.clone()]);
    // They are made again only when the shared notes changed.
    let made = repo.refs("refs/orchestra-local/notes/");
    repo.orchestra(["init", "--notes"]).succeeded();
    assert_eq!(made.len(), 1);
    assert_eq!(repo.refs("refs/orchestra-local/notes/"), made);
    // In another clone they are made from the notes that a sync brought, and stay there.
    sync(&repo);
    sync(&other);
    let head = format!("refs/orchestra/heads/{id}");
    assert!(log(&other, &head).is_empty());
    other.orchestra(["init", "--notes"]).succeeded();
    assert_eq!(log(&other, &head), [review]);
    assert!(!shared_of_hub(&world).iter().any(|(name, _)| name.contains("log")));
    other.orchestra(["init", "--undo"]).succeeded();
    assert!(log(&other, &head).is_empty());
}

#[test]
fn a_probe_reports_whether_the_remote_accepts_agents() {
    let world = world();
    let repo = first(&world);
    let said = repo.orchestra(["init", "--probe"]).succeeded().stdout();
    assert!(said.ends_with("origin accepts agents\n"), "{said}");
    assert!(shared_of_hub(&world).is_empty());
    let hub = world.dir().join("hub.git");
    world.git(&hub, ["config", "receive.hideRefs", "refs/orchestra"]);
    let ran = repo.orchestra(["init", "--probe"]).exits(1).stderr_has("git config orchestra.remote URL");
    assert!(ran.stdout().contains("origin does not accept agents: "), "{}", ran.stdout());
    fs::remove_dir_all(&hub).expect("removed");
    repo.orchestra(["init", "--probe"]).exits(5).stderr_has("cannot push to 'origin'");
}

#[test]
fn the_files_of_a_project_propose_how_it_is_built_and_tested() {
    let world = world();
    let repo = world.repo();
    let write = |file: &str, text: &str| {
        let path = repo.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("Makefile", "build:\n\ttouch ran\ntest:\n\ttouch ran\n");
    write("Cargo.toml", "[package]\nname = \"a\"\n");
    write(".github/workflows/ci.yml", "jobs:\n  a:\n    steps:\n      - run: cargo test --locked\n");
    repo.git(["config", "orchestra.build", "make all"]);
    let config = || repo.git(["config", "--list", "--local"]).stdout();
    let before = config();
    let ran = repo
        .orchestra(["init", "--discover"])
        .exits(3)
        .stderr_has("git orchestra init --discover --yes")
        .stderr_has("orchestra.build keeps its value: make all");
    for shown in ["Makefile:3", ".github/workflows/ci.yml:4", "git config orchestra.test 'make test'"] {
        assert!(ran.stdout().contains(shown), "{shown}: {}", ran.stdout());
    }
    let plan = repo.orchestra(["init", "--discover", "--json"]).succeeded().json();
    assert_eq!(plan["done"], false);
    assert_eq!(config(), before, "nothing is set without consent");
    repo.orchestra(["init", "--discover", "--yes"]).succeeded().stdout_has("set 2 keys");
    for (key, value) in [("base", "main"), ("build", "make all"), ("test", "make test")] {
        assert_eq!(repo.git(["config", "--get-all", &format!("orchestra.{key}")]).line(), value);
    }
    repo.orchestra(["init", "--discover"]).succeeded().stderr_has("nothing to set");
    assert!(!repo.path().join("ran").exists(), "nothing of it runs");
    repo.orchestra(["init", "--yes"]).exits(2);
    repo.orchestra(["init", "--discover", "--undo"]).exits(2);
}

#[test]
fn what_discover_set_is_unset_unless_a_person_has_changed_it() {
    let world = world();
    let repo = world.repo();
    repo.write("Makefile", "all:\n\ttrue\ntest:\n\ttrue\n");
    repo.orchestra(["init", "--discover", "--yes"]).succeeded();
    let set = repo.git(["config", "--get-regexp", "^orchestra\\."]).stdout();
    assert!(set.contains("orchestra.test make test"), "{set}");
    repo.orchestra(["init", "--undo"]).succeeded();
    assert!(!repo.git(["config", "--list", "--local"]).stdout().contains("orchestra.test"));
    repo.orchestra(["init", "--discover", "--yes"]).succeeded();
    repo.git(["config", "orchestra.test", "make check"]);
    repo.orchestra(["init", "--undo"]).succeeded();
    assert_eq!(repo.git(["config", "orchestra.test"]).line(), "make check");
}
