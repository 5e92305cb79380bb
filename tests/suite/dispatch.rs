//! The dispatcher, called through real git: its own directory comes first, and arguments and exit statuses
//! are passed unchanged.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use testkit::{Ran, TestRepo};

use crate::world;

fn program(folder: &Path, name: &str, script: &str) {
    fs::create_dir_all(folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
}

fn with_path(repo: &TestRepo<'_>, first: &Path, arguments: &[&str]) -> Ran {
    let mut command = repo.orchestra_command(arguments);
    let path =
        command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value).expect("a PATH");
    let mut folders = vec![first.to_owned()];
    folders.extend(std::env::split_paths(path));
    let path = std::env::join_paths(folders).expect("a PATH");
    Ran::of(command.env("PATH", path))
}

#[test]
fn other_commands_run_with_unchanged_arguments_and_exit_status() {
    let world = world();
    let repo = world.repo();
    let folder = world.dir().join("extra");
    program(&folder, "git-orchestra-third", "printf '<%s>' \"$@\"; exit 37");
    let ran = with_path(&repo, &folder, &["third", "a b", "--help", "", "--", "*"]).exits(37);
    assert_eq!(ran.stdout(), "<a b><--help><><--><*>");
    let list = with_path(&repo, &folder, &["--list"]).succeeded().stdout();
    assert!(list.lines().any(|line| line == "third") && list.lines().any(|line| line == "spawn"), "{list}");
    assert!(!list.contains("supervise"), "inner commands are not shown");
}

#[test]
fn our_commands_are_found_next_to_the_dispatcher_not_on_path() {
    let world = world();
    let repo = world.repo();
    let folder = world.dir().join("fakes");
    program(&folder, "git-orchestra-status", "echo fake");
    with_path(&repo, &folder, &["status"]).succeeded().stderr_has("no agents yet");
    // It is not on PATH at all: called by its path, it still finds the other binaries.
    let mut command = repo.command(world.bins().join("git-orchestra"));
    Ran::of(command.args(["status"]).env("PATH", "/usr/local/bin:/usr/bin:/bin"))
        .succeeded()
        .stderr_has("no agents yet");
}

#[test]
fn a_program_of_a_command_hands_over_to_the_one_that_contains_all() {
    let world = world();
    let repo = world.repo();
    let help = |program: &Path, words: &[&str]| {
        Ran::of(repo.command(program).args(words).arg("--help")).succeeded().stdout()
    };
    let ours = world.bins();
    let typed = help(&ours.join("git-orchestra"), &["status"]);
    assert!(typed.contains("Usage: git orchestra status"), "{typed}");
    assert_eq!(help(&ours.join("git-orchestra-status"), &[]), typed);
    // Started by a link's name, as a package may install it, the one program is that command too.
    let folder = world.dir().join("package");
    fs::create_dir(&folder).expect("a folder");
    let (whole, link) = (folder.join("git-orchestra"), folder.join("git-orchestra-status"));
    // By another process: if another test started a program meanwhile, that would hold our copy open for writing.
    let copy = |from: &Path, to: &Path| Ran::of(repo.command("cp").arg(from).arg(to)).succeeded();
    copy(&ours.join("git-orchestra"), &whole);
    fs::hard_link(&whole, &link).expect("a link");
    assert_eq!(help(&link, &[]), typed);
    // Alone, a program says what is missing.
    let alone = world.dir().join("alone");
    fs::create_dir(&alone).expect("a folder");
    copy(&ours.join("git-orchestra-status"), &alone);
    let ran = Ran::of(&mut repo.command(alone.join("git-orchestra-status"))).exits(5);
    ran.stderr_has("git-orchestra': No such file").stderr_has("are installed together, in one folder");
}

#[test]
fn a_typo_suggests_the_nearest_name() {
    let world = world();
    let repo = world.repo();
    for (typed, meant) in
        [("spwan", "spawn"), ("stauts", "status"), ("log", "logs"), ("work", "worktrees"), ("hlep", "help")]
    {
        repo.orchestra([typed]).exits(2).stderr_has(&format!("did you mean 'git orchestra {meant}'?"));
    }
    let lost = repo
        .orchestra(["xyzzy\u{1b}[31m"])
        .exits(2)
        .stderr_has("'xyzzy\\e[31m' is not a git orchestra command");
    assert!(!lost.stderr().contains("did you mean"), "{}", lost.stderr());
    repo.orchestra(["../../bin/sh"]).exits(2);
}

#[test]
fn help_works_in_every_form() {
    let world = world();
    let repo = world.repo();
    let help = repo.orchestra([] as [&str; 0]).succeeded().stdout();
    for heading in
        ["\nRun\n  spawn ", "\nLook\n  status ", "\nLand\n  compare ", "\nShare\n  sync ", "\nSet up\n"]
    {
        assert!(help.contains(heading), "{help}");
    }
    for same in [["help"], ["-h"]] {
        assert_eq!(repo.orchestra(same).succeeded().stdout(), help);
    }
    // Git answers 'git orchestra --help' by itself, with the page.
    let long = Ran::of(world.command(world.bins().join("git-orchestra"), world.dir()).arg("--help"));
    let long = long.succeeded().stdout();
    assert!(long.starts_with(&help) && long.contains("\nConcepts\n  agent "), "{long}");
    let short = repo.orchestra(["spawn", "-h"]).succeeded().stdout();
    let long = repo.orchestra(["help", "spawn"]).succeeded().stdout();
    assert!(
        short.contains("Usage: git orchestra spawn")
            && long.contains("Examples:")
            && long.len() > short.len()
    );
    assert!(repo.orchestra(["help", "demo"]).succeeded().stdout().contains("--keep"));
    for name in ["demo", "setup", "completions", "man", "schema", "help"] {
        let asked = repo.orchestra(["help", name]).succeeded().stdout();
        for option in ["-h", "--help"] {
            assert_eq!(repo.orchestra([name, option]).succeeded().stdout(), asked, "{name}");
        }
    }
    assert!(help.contains("help tutorial"), "{help}");
    let tutorial = repo.orchestra(["help", "tutorial"]).succeeded().stdout();
    assert!(tutorial.starts_with("# gitorchestra-tutorial - "), "{tutorial}");
    repo.orchestra(["man", "tutorial"]).succeeded().stdout_has(".TH GITORCHESTRA-TUTORIAL 7 ");
    repo.orchestra(["man", "gitorchestra-storage"]).succeeded().stdout_has(".TH GITORCHESTRA-STORAGE 5 ");
    repo.orchestra(["help", "nothing"]).exits(2).stderr_has("--list");
    let version = format!("git orchestra {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(repo.orchestra(["--version"]).succeeded().stdout(), version);
    assert_eq!(
        repo.orchestra(["spawn", "--version"]).succeeded().stdout(),
        format!("git orchestra spawn {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn pages_and_completions_are_installed_and_removed_again() {
    let world = world();
    let repo = world.repo();
    let prefix = world.dir().join("prefix");
    let prefix_text = prefix.to_str().expect("text");
    let dry = repo.orchestra(["setup", "-n", "--prefix", prefix_text]).succeeded();
    assert!(dry.stdout().contains("would write") && !prefix.exists());
    repo.orchestra(["setup", "--prefix", prefix_text]).succeeded();
    assert!(prefix.join("share/man/man1/git-orchestra-spawn.1").is_file());
    assert!(prefix.join("share/man/man7/gitorchestra-tutorial.7").is_file());
    assert!(prefix.join("share/bash-completion/completions/git-orchestra").is_file());
    let again = repo.orchestra(["setup", "--prefix", prefix_text]).succeeded().stdout();
    assert_eq!(again, "man pages and completions are up to date\n");
    repo.orchestra(["setup", "--uninstall", "--prefix", prefix_text]).succeeded();
    assert!(!prefix.join("share/man/man1/git-orchestra-spawn.1").exists());
}

#[test]
fn setup_replaces_and_removes_only_its_own_files() {
    let world = world();
    let repo = world.repo();
    let prefix = world.dir().join("prefix");
    let at = |path: &str| prefix.join("share").join(path);
    let setup = |more: &[&str]| {
        let prefix = prefix.to_str().expect("text");
        repo.orchestra([&["setup", "--prefix", prefix], more].concat())
    };
    fs::create_dir_all(at("man/man1")).expect("made");
    let (victim, mine) = (world.dir().join("victim"), at("man/man1/git-orchestra-try.1"));
    fs::write(&victim, "victim\n").expect("written");
    let link = at("man/man1/git-orchestra-undo.1");
    std::os::unix::fs::symlink(&victim, &link).expect("a link");
    fs::write(&mine, "my page\n").expect("written");
    // Two files of others: nothing is written.
    let refused = setup(&[]).exits(3);
    refused.stderr_has("setup would overwrite 2 files of yours").stderr_has("it is a symbolic link");
    assert_eq!(fs::read_to_string(&victim).expect("a file"), "victim\n");
    assert_eq!(fs::read_to_string(&mine).expect("a file"), "my page\n");
    assert!(!at("bash-completion").exists());
    fs::remove_file(&link).expect("removed");
    fs::remove_file(&mine).expect("removed");
    // A directory that leads elsewhere.
    let elsewhere = world.dir().join("elsewhere");
    fs::create_dir_all(&elsewhere).expect("made");
    std::os::unix::fs::symlink(&elsewhere, at("fish")).expect("a link");
    setup(&[]).exits(3).stderr_has("leads elsewhere");
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 0);
    fs::remove_file(at("fish")).expect("removed");
    setup(&[]).succeeded();
    // A page that an earlier version wrote is replaced, one that was edited since is not, and stays at the end.
    let page = at("man/man1/git-orchestra-spawn.1");
    let written = fs::read_to_string(&page).expect("a page");
    fs::write(&page, format!("{written}my note\n")).expect("written");
    setup(&[]).exits(3).stderr_has("it was changed since setup wrote it");
    setup(&["--uninstall"]).succeeded().stderr_has("git-orchestra-spawn.1' is left: it was changed");
    assert!(page.exists() && !at("man/man1/git-orchestra-try.1").exists());
    fs::remove_file(at("git-orchestra/installed")).expect("the list");
    setup(&[]).succeeded();
    assert_eq!(fs::read_to_string(&page).expect("a page"), written);
    setup(&["--uninstall"]).succeeded();
    assert!(!page.exists() && !at("git-orchestra").exists());
}

#[test]
fn the_demo_runs_the_main_workflow() {
    let world = world();
    let home = TestRepo::new(&world, world.home());
    // Without any user configuration.
    fs::remove_file(world.home().join(".gitconfig")).expect("removed");
    let stage = world.dir().join("stage");
    home.orchestra(["demo", "--dir", stage.to_str().expect("text")])
        .succeeded()
        .stderr_has("Your own checkout was not touched");
    let repo = TestRepo::new(&world, stage.join("greetings"));
    assert_eq!(repo.refs("refs/orchestra/agents/").len(), 4);
    assert!(repo.agents().iter().all(|agent| agent["phase"] == "done" && agent["commits"] == 1));
    // Two agents change the same line: one of them is set aside.
    assert_eq!(repo.agents().iter().filter(|agent| agent["merged"] == true).count(), 3);
    assert_eq!(repo.git(["log", "--merges", "--oneline", "main"]).stdout().lines().count(), 3);
    home.orchestra(["demo", "--dir", stage.to_str().expect("text")]).exits(3).stderr_has("not empty");
}
