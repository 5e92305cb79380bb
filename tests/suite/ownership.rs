//! A repository of another user is refused by every command, before any of its configuration is used, and
//! accepted where git accepts it.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use orchestra_terminal::catalog;
use testkit::{Ran, World};

use crate::{skip, world};

/// The user to whom files are given.
const SOMEBODY: u32 = 65534;

/// Whether this test can change the owner of files, which only root can.
fn can_give() -> bool {
    let id = std::process::Command::new("id").arg("-u").output().expect("an id");
    let is_root = String::from_utf8_lossy(&id.stdout).trim() == "0";
    if !is_root {
        skip("only root can make files of another user");
    }
    is_root
}

fn give(path: &Path) {
    std::os::unix::fs::lchown(path, Some(SOMEBODY), Some(SOMEBODY)).expect("owner changed");
}

fn give_all(path: &Path) {
    give(path);
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            give_all(&entry.path());
        }
    }
}

/// Returns every command, with arguments for which it would do something.
fn commands() -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&str>> = vec![
        vec!["spawn", "--agent", "evil", "x"],
        vec!["spawn", "--dry-run", "x"],
        vec!["status"],
        vec!["status", "--all", "--json"],
        vec!["logs", "x"],
        vec!["diff", "x"],
        vec!["review"],
        vec!["review", "x", "--approve"],
        vec!["collect"],
        vec!["stop", "--all"],
        vec!["pause", "--all"],
        vec!["resume", "--all"],
        vec!["send", "x", "text"],
        vec!["worktrees"],
        vec!["run", "--continue"],
        vec!["merge-ranked"],
        vec!["merge-ranked", "--dry-run"],
        vec!["attach", "x", "--print"],
        vec!["designer", "--print"],
        vec!["spec", "list"],
        vec!["spec", "show", "x"],
        vec!["spec", "new", "x", "--from", "file.txt"],
        vec!["spec", "edit", "x", "--from", "file.txt"],
        vec!["pr"],
        vec!["review", "--pr", "1"],
        vec!["tag", "x", "--add", "y"],
        vec!["inbox"],
        vec!["inbox", "read", "--all"],
        vec!["inbox", "reply", "0123", "x"],
        vec!["inbox", "tell", "x"],
        vec!["blame", "x"],
        vec!["decide"],
        vec!["decide", "1", "skip"],
        vec!["compare", "x", "y"],
        vec!["compare", "x", "--pick", "y"],
        vec!["try", "x"],
        vec!["try", "--back"],
        vec!["rewind", "x"],
        vec!["rewind", "x", "1"],
        vec!["undo"],
        vec!["undo", "--list"],
        vec!["cleanup"],
        vec!["cleanup", "--empty-trash"],
        vec!["config"],
        vec!["config", "get", "jobs"],
        vec!["config", "set", "jobs", "2"],
        vec!["config", "unset", "jobs"],
        vec!["init"],
        vec!["init", "--probe"],
        vec!["init", "--accept"],
        vec!["sync"],
        vec!["sync", "--auto"],
        vec!["sessions"],
        vec!["sessions", "--all"],
        vec!["sessions", "show", "x"],
        vec!["sessions", "search", "x"],
        vec!["sessions", "stats"],
        vec!["sessions", "resume", "x"],
        vec!["sessions", "adopt", "x"],
        vec!["sessions", "keep", "x"],
        vec!["sessions", "forget", "x"],
        vec!["sessions", "export", "x"],
        vec!["ui"],
        vec!["web"],
    ];
    let covered = |name: &str| all.iter().any(|words| words[0] == name);
    // The doctor examines what the others refuse, the tools of mcp open the repository themselves, a slot belongs to the machine, and a plan is a file.
    for entry in catalog::COMMANDS
        .iter()
        .filter(|entry| !entry.built_in && !["doctor", "mcp", "plan", "slot"].contains(&entry.name))
    {
        assert!(covered(entry.name), "{} is not in this table", entry.name);
    }
    all.sort_unstable();
    all
}

#[test]
fn every_command_refuses_a_repository_of_another_user() {
    if !can_give() {
        return;
    }
    let world = world();
    let repo = world.repo();
    let canary = world.dir().join("canary");
    let program = format!("touch '{}'", canary.display());
    for key in [
        "orchestra.agent.evil.command",
        "core.pager",
        "core.fsmonitor",
        "core.editor",
        "diff.external",
        "core.sshCommand",
        "orchestra.test",
    ] {
        repo.git(["config", key, &program]);
    }
    repo.git(["config", "orchestra.agent", "evil"]);
    repo.git(["config", "orchestra.completes", "evil"]);
    give_all(repo.path());
    let below = repo.path().join("below");
    fs::create_dir(&below).expect("a folder");
    let git = Ran::of(world.command("git", &below).arg("status")).exits(128);
    for words in commands() {
        let ran = Ran::of(world.command("git", &below).arg("orchestra").args(&words));
        let said = ran.stderr();
        assert_eq!(ran.code(), 128, "{words:?}: {said}");
        let answer = ran.stdout();
        let is_error = answer.starts_with("{\"version\":1,\"kind\":\"error\"");
        assert!(if words.contains(&"--json") { is_error } else { answer.is_empty() }, "{words:?}: {answer}");
        let first = git.stderr().lines().next().unwrap_or_default().to_owned();
        assert!(said.contains(&first), "{words:?}: {said}");
        let hint = format!("git config --global --add safe.directory {}", repo.path().display());
        assert!(said.contains(&hint), "{words:?}: {said}");
    }
    let doctor = Ran::of(world.command("git", &below).args(["orchestra", "doctor", "--fix", "--yes"]));
    assert!(doctor.exits(1).stdout().contains("safe.directory"), "the doctor explains it");
    for words in [["1", "git-orchestra", "logs", ""], ["2", "git-orchestra", "evil", ""]] {
        let program = world.bins().join("git-orchestra");
        let ran = Ran::of(world.command(program, &below).env("GIT_ORCHESTRA_ASK", "complete").args(words));
        assert!(!ran.stdout().contains("evil"), "{}", ran.stdout());
    }
    let inner = world.bins().join("git-orchestra-supervise");
    let ran =
        Ran::of(world.command(inner, world.dir()).arg("take").arg(repo.path().join(".git")).arg("a-abcde"));
    assert_ne!(ran.code(), 0);
    assert!(!canary.exists(), "a program of the foreign configuration ran");
    assert!(!repo.path().join(".git/orchestra").exists(), "something was written into it");
}

/// A repository and its worktree, parts of which belong to another user.
struct Case {
    name: &'static str,
    /// The directory in which the command runs.
    place: PathBuf,
    /// The paths that belong to another user.
    given: Vec<PathBuf>,
    /// Whether git ignores the owner, and we do not.
    stricter: bool,
}

fn cases(dir: &Path) -> Vec<Case> {
    let (repo, linked, bare) = (dir.join("repo"), dir.join("linked"), dir.join("bare.git"));
    let case = |name, place: &Path, given: &[PathBuf], stricter| Case {
        name,
        place: place.to_owned(),
        given: given.to_vec(),
        stricter,
    };
    let dot_git = repo.join(".git");
    vec![
        case("nothing", &repo, &[], false),
        case("the checkout", &repo, std::slice::from_ref(&repo), false),
        case("the git directory", &repo, std::slice::from_ref(&dot_git), false),
        case("a folder below", &repo.join("below"), &[repo.join("below")], false),
        case("the config file", &repo, &[dot_git.join("config")], false),
        case("inside the git directory", &dot_git, std::slice::from_ref(&dot_git), false),
        case("the .git file of a worktree", &linked, &[linked.join(".git")], false),
        case("a worktree", &linked, std::slice::from_ref(&linked), false),
        case("the git directory of a worktree", &linked, &[dot_git.join("worktrees/linked")], false),
        case("the repository behind a worktree", &linked, std::slice::from_ref(&dot_git), true),
        case("a bare repository", &bare, std::slice::from_ref(&bare), false),
    ]
}

/// A name, the configuration, and the arguments and environment variables of git.
type Setting = (&'static str, fn(&World, &str), Vec<String>, Vec<(&'static str, String)>);

fn settings(exact: &str) -> Vec<Setting> {
    let nothing: fn(&World, &str) = |_, _| {};
    let parent =
        Path::new(exact).parent().map(|parent| format!("{}/*", parent.display())).unwrap_or_default();
    vec![
        ("nothing", nothing, vec![], vec![]),
        ("exact", |world, exact| set(world, &[exact]), vec![], vec![]),
        ("everything", |world, _| set(world, &["*"]), vec![], vec![]),
        ("another", |world, _| set(world, &["/nowhere"]), vec![], vec![]),
        ("exact, then reset", |world, exact| set(world, &[exact, ""]), vec![], vec![]),
        ("reset, then exact", |world, exact| set(world, &["*", "", exact]), vec![], vec![]),
        ("all below", |world, exact| set(world, &[&format!("{}/*", parent_of(exact))]), vec![], vec![]),
        (
            "in its own config",
            |world, exact| {
                for config in ["repo/.git/config", "bare.git/config"] {
                    let file = world.dir().join(config);
                    let arguments = ["config", "--file", &file.to_string_lossy(), "safe.directory", exact]
                        .map(str::to_owned);
                    world.git(world.dir(), arguments);
                }
            },
            vec![],
            vec![],
        ),
        ("typed", nothing, vec!["-c".to_owned(), format!("safe.directory={exact}")], vec![]),
        ("typed for all below", nothing, vec!["-c".to_owned(), format!("safe.directory={parent}")], vec![]),
        (
            "in the environment",
            nothing,
            vec![],
            vec![
                ("GIT_CONFIG_COUNT", "1".to_owned()),
                ("GIT_CONFIG_KEY_0", "safe.directory".to_owned()),
                ("GIT_CONFIG_VALUE_0", exact.to_owned()),
            ],
        ),
        ("through sudo", nothing, vec![], vec![("SUDO_UID", SOMEBODY.to_string())]),
    ]
}

fn parent_of(path: &str) -> String {
    Path::new(path).parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned()
}

fn set(world: &World, values: &[&str]) {
    for value in values {
        world.git(world.dir(), ["config", "--global", "--add", "safe.directory", value]);
    }
}

/// Returns the directory of a place as git names it.
fn exact_of(world: &World, place: &Path) -> String {
    let said = Ran::of(world.command("git", place).arg("status")).stderr();
    let quoted = said.split('\'').nth(1).map(str::to_owned);
    quoted.unwrap_or_else(|| place.to_string_lossy().into_owned())
}

#[test]
fn safe_directory_is_interpreted_as_git_does() {
    if !can_give() {
        return;
    }
    for at in 0..cases(Path::new("/")).len() {
        let world = world();
        let dir = world.dir().canonicalize().expect("a folder");
        let repo = world.repo();
        fs::create_dir(repo.path().join("below")).expect("a folder");
        repo.git(["worktree", "add", "-q", "--detach", "../linked"]);
        world.git(&dir, ["init", "-q", "--bare", "bare.git"]);
        let case = cases(&dir).swap_remove(at);
        case.given.iter().for_each(|path| give(path));
        let exact = exact_of(&world, &case.place);
        let configs = ["home/.gitconfig", "repo/.git/config", "bare.git/config"].map(|file| dir.join(file));
        let before: Vec<Vec<u8>> = configs.iter().map(|file| fs::read(file).expect("a config")).collect();
        for (name, prepare, typed, variables) in settings(&exact) {
            prepare(&world, &exact);
            let run = |words: &[&str]| {
                let words: Vec<OsString> =
                    typed.iter().map(OsString::from).chain(words.iter().map(OsString::from)).collect();
                Ran::of(world.command("git", &case.place).args(words).envs(variables.clone()))
            };
            check(&case, name, &run(&["rev-parse", "--git-dir"]), &run(&["orchestra", "status"]));
            for (file, text) in configs.iter().zip(&before) {
                fs::write(file, text).expect("written");
            }
        }
    }
}

/// Checks that our result is git's.
fn check(case: &Case, setting: &str, git: &Ran, ours: &Ran) {
    let context = format!("other owner: {}; safe.directory: {setting}\n{}", case.name, ours.stderr());
    if case.stricter {
        let all = ["everything", "all below", "typed for all below", "through sudo"];
        assert_eq!(ours.code() == 0, all.contains(&setting), "{context}");
        assert_eq!(git.code(), 0, "{context}");
        return;
    }
    assert_eq!(ours.code() == 0, git.code() == 0, "{context}{}", git.stderr());
    if git.code() != 0 {
        assert_eq!(ours.code(), 128, "{context}");
        assert!(ours.stderr().contains("dubious ownership"), "{context}");
    }
}

#[test]
fn a_repository_that_was_accepted_on_the_command_line_works() {
    if !can_give() {
        return;
    }
    let world = world();
    let repo = world.repo();
    let ran = repo.orchestra(["spawn", "--agent", "sh", "--name", "a", "--", "echo x > new"]);
    drop(ran.succeeded());
    let id = repo.agents().remove(0)["id"].as_str().expect("an id").to_owned();
    give_all(repo.path());
    repo.orchestra(["diff", &id]).exits(128);
    let safe = format!("safe.directory={}", repo.path().display());
    let ran =
        Ran::of(repo.command("git").args(["-c", &safe, "orchestra", "diff", "--stat", &id])).succeeded();
    assert!(ran.stdout().contains("new"), "{}", ran.stdout());
    repo.command("chown").args(["-R", "0:0", "."]).status().expect("taken back");
}
