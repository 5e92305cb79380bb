//! Repositories of every shape × the commands that people use most.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
};

use testkit::{Ran, TestRepo, World};

use crate::world;

/// Creates a repository in an empty directory; returns the directory in which the user works.
type Make = fn(&World, &Path) -> PathBuf;

const SHAPES: &[(&str, Make)] = &[
    ("plain", |world, dir| plain(world, &dir.join("repo"))),
    ("'.git' is a link to the folder next to it", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        fs::rename(repo.join(".git"), repo.join(".git.nosync")).expect("moved");
        symlink(".git.nosync", repo.join(".git")).expect("a link");
        // The checkout is a link, no matter who created it.
        fs::write(repo.join(".git.nosync/info/exclude"), ".git.nosync\n").expect("written");
        repo
    }),
    ("'.git' is a link elsewhere", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        fs::rename(repo.join(".git"), dir.join("store.git")).expect("moved");
        symlink("../store.git", repo.join(".git")).expect("a link");
        repo
    }),
    ("'.git' is a file", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        world.git(&repo, ["init", "-q", "--separate-git-dir", "../store.git"]);
        repo
    }),
    ("a linked worktree", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        world.git(&repo, ["worktree", "add", "-q", "-b", "side", "../linked"]);
        dir.join("linked")
    }),
    ("a folder below", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        fs::create_dir(repo.join("below")).expect("a folder");
        repo.join("below")
    }),
    ("bare", |world, dir| {
        plain(world, &dir.join("repo"));
        world.git(dir, ["clone", "-q", "--bare", "repo", "bare.git"]);
        dir.join("bare.git")
    }),
    ("bare behind a '.git' file", |world, dir| {
        plain(world, &dir.join("repo"));
        let project = dir.join("project");
        fs::create_dir(&project).expect("a folder");
        world.git(&project, ["clone", "-q", "--bare", "../repo", ".bare"]);
        fs::write(project.join(".git"), "gitdir: ./.bare\n").expect("written");
        project
    }),
    ("a submodule", |world, dir| {
        plain(world, &dir.join("inner"));
        let outer = plain(world, &dir.join("outer"));
        world.git(
            &outer,
            ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../inner", "lib"],
        );
        outer.join("lib")
    }),
    ("a blobless clone", |world, dir| partial(world, dir, &["--filter=blob:none"])),
    ("a treeless clone", |world, dir| partial(world, dir, &["--filter=tree:0"])),
    ("a sparse blobless clone", |world, dir| {
        let clone = partial(world, dir, &["--filter=blob:none", "--sparse"]);
        world.git(&clone, ["sparse-checkout", "set", "two"]);
        clone
    }),
    ("a sparse checkout", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        world.git(&repo, ["sparse-checkout", "set", "two"]);
        repo
    }),
    ("a shallow clone", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        let url = format!("file://{}", repo.display());
        world.git(dir, ["clone", "-q", "--depth=1", &url, "clone"]);
        dir.join("clone")
    }),
    ("spaces, quotes and letters of every script", |world, dir| {
        plain(world, &dir.join("a 'b' \"ü\" 日本 $x"))
    }),
    ("a line feed in the path", |world, dir| plain(world, &dir.join("two\nlines"))),
    ("a configuration that begins with a byte order mark", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        let config = fs::read(repo.join(".git/config")).expect("a config");
        fs::write(repo.join(".git/config"), [b"\xef\xbb\xbf", config.as_slice()].concat()).expect("written");
        repo
    }),
    ("private excludes that are not UTF-8", |world, dir| {
        let repo = plain(world, &dir.join("repo"));
        fs::write(repo.join(".git/info/exclude"), b"caf\xe9\n").expect("written");
        repo
    }),
];

/// Creates a repository with directories and two commits.
fn plain(world: &World, path: &Path) -> PathBuf {
    fs::create_dir_all(path).expect("a folder");
    world.git(path, ["init", "-q"]);
    for name in ["file.txt", "one/file.txt", "two/file.txt", "three/deep/file.txt"] {
        let file = path.join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, format!("{name}\n")).expect("a file");
    }
    world.git(path, ["add", "."]);
    world.git(path, ["commit", "-qm", "one"]);
    world.git(path, ["commit", "-q", "--allow-empty", "-m", "two"]);
    path.to_owned()
}

/// Creates a partial clone that lacks all files of its branch `release`.
fn partial(world: &World, dir: &Path, options: &[&str]) -> PathBuf {
    let up = plain(world, &dir.join("up"));
    world.git(&up, ["config", "uploadpack.allowFilter", "true"]);
    world.git(&up, ["switch", "-q", "-c", "release"]);
    for name in ["one/file.txt", "two/file.txt"] {
        fs::write(up.join(name), "released\n").expect("a file");
    }
    world.git(&up, ["commit", "-qam", "release"]);
    world.git(&up, ["switch", "-q", "main"]);
    let url = format!("file://{}", up.display());
    world.git(dir, [&["clone", "-q"], options, &[&url, "clone"]].concat());
    world.git(&dir.join("clone"), ["branch", "-q", "release", "origin/release"]);
    dir.join("clone")
}

fn orchestra(world: &World, place: &Path, arguments: &[&str]) -> Ran {
    Ran::of(world.command("git", place).arg("orchestra").args(arguments))
}

#[test]
fn every_command_works_in_every_shape() {
    let world = world();
    for (number, (shape, make)) in SHAPES.iter().enumerate() {
        let dir = world.dir().join(format!("shape-{number}"));
        fs::create_dir(&dir).expect("a folder");
        let place = make(&world, &dir);
        let run = |arguments: &[&str]| {
            let ran = orchestra(&world, &place, arguments);
            assert_eq!(ran.code(), 0, "{shape}: {arguments:?}\n{}\n{}", ran.stdout(), ran.stderr());
            ran
        };
        let id = run(&["spawn", "--detach", "--agent", "sh", "--name", "work", "echo new > made.txt"]).line();
        run(&["status", "--wait", &id]);
        let agent = run(&["status", "--json", &id]).json()["agents"][0].clone();
        assert_eq!((&agent["phase"], &agent["commits"]), (&"done".into(), &1.into()), "{shape}: {agent}");
        for arguments in [
            &["status"][..],
            &["logs", &id],
            &["diff", &id],
            &["review"],
            &["review", &id],
            &["worktrees"],
            &["worktrees", "--path", &id],
            &["collect"],
            &["sessions"],
            &["stop", &id],
            &["spawn", "-n", "--agent", "sh", "x"],
            &["merge-ranked", "-n"],
            &["cleanup", "-n"],
            &["init"],
        ] {
            run(arguments);
        }
        assert_eq!(untracked(&world, &place), "", "{shape}");
        assert!(!is_in_a_checkout(&agent, &place), "{shape}: {}", agent["worktree"]);
        run(&["merge-ranked", "--test", "test -f made.txt"]);
        world.git(&place, ["cat-file", "-e", "HEAD:made.txt"]);
        assert_eq!(untracked(&world, &place), "", "{shape}");
        run(&["cleanup"]);
        run(&["undo", "--list"]);
        run(&["undo"]);
        run(&["status", &id]);
        drop(TestRepo::new(&world, place));
    }
}

/// Returns the changes that plain git would show in the checkout; none in a bare repository.
fn untracked(world: &World, place: &Path) -> String {
    let ran = Ran::of(world.command("git", place).args(["status", "--porcelain"]));
    if ran.stderr().contains("must be run in a work tree") { String::new() } else { ran.succeeded().stdout() }
}

fn is_in_a_checkout(agent: &serde_json::Value, place: &Path) -> bool {
    let worktree = PathBuf::from(agent["worktree"].as_str().unwrap_or_default());
    let place = place.canonicalize().expect("a folder");
    place.join(".git").exists() && worktree.starts_with(place)
}

#[test]
fn a_partial_clone_fetches_what_spawn_diff_and_landing_need() {
    let world = world();
    for options in [&["--filter=blob:none"][..], &["--filter=tree:0"], &["--filter=blob:none", "--sparse"]] {
        let dir = world.dir().join(options.join(""));
        fs::create_dir(&dir).expect("a folder");
        let clone = partial(&world, &dir, options);
        let run = |arguments: &[&str]| orchestra(&world, &clone, arguments);
        let dry = run(&["merge-ranked", "-n", "--json", "release"]).succeeded().json();
        assert_eq!(
            (&dry["order"][0]["files"], &dry["order"][0]["lines"]),
            (&2.into(), &4.into()),
            "{options:?}"
        );
        let id = run(&["spawn", "--detach", "--agent", "sh", "-b", "release", "echo x > made.txt"])
            .succeeded()
            .line();
        run(&["status", "--wait", &id]).succeeded();
        let worktree = PathBuf::from(run(&["worktrees", "--path", &id]).succeeded().line());
        fs::remove_dir_all(&worktree).expect("removed");
        run(&["resume", "-d", &id, "-m", "echo y > more.txt"]).succeeded();
        run(&["status", "--wait", &id]).succeeded();
        run(&["merge-ranked", &id, "--test", "test -f more.txt"]).succeeded();
        world.git(&clone, ["cat-file", "-e", "HEAD:more.txt"]);
    }
}

#[test]
fn a_partial_clone_with_an_unreachable_remote_reports_it() {
    let world = world();
    let clone = partial(&world, world.dir(), &["--filter=blob:none"]);
    fs::rename(world.dir().join("up"), world.dir().join("away")).expect("moved");
    let repo = TestRepo::new(&world, clone);
    repo.orchestra(["spawn", "--agent", "sh", "-b", "release", "true"])
        .exits(5)
        .stderr_has("cannot fetch from 'origin' the objects that this partial clone lacks");
    assert!(repo.agents().is_empty());
    repo.orchestra(["merge-ranked", "release"]).exits(1).stdout_has("cannot fetch from 'origin'");
    // What is present needs no remote.
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    repo.orchestra(["merge-ranked", &id]).succeeded();
}

#[test]
fn a_path_that_is_not_utf8_is_refused_before_anything_is_created() {
    let world = world();
    let path = plain(&world, &world.dir().join(OsStr::from_bytes(b"caf\xe9")));
    let run = |arguments: &[&str]| orchestra(&world, &path, arguments);
    run(&["spawn", "--agent", "sh", "true"]).exits(3).stderr_has("is not UTF-8: no agent can work there");
    run(&["spawn", "-n", "--agent", "sh", "true"]).exits(3).stderr_has("rename the folder");
    for arguments in [&["status"][..], &["worktrees"], &["cleanup", "-n"], &["undo", "--list"], &["review"]] {
        assert_eq!(run(arguments).code(), 0, "{arguments:?}");
    }
}

#[test]
fn unsupported_repositories_are_refused_with_a_remedy() {
    let world = world();
    for (option, why, hint) in [
        ("--object-format=sha256", "its objects are named by sha256", "cannot convert"),
        ("--ref-format=reftable", "its refs are stored as 'reftable'", "git refs migrate --ref-format=files"),
    ] {
        let place = world.dir().join(option);
        fs::create_dir(&place).expect("a folder");
        let made = Ran::of(world.command("git", &place).args(["init", "-q", option]));
        if made.code() != 0 {
            crate::skip(&format!("this git has no {option}"));
            continue;
        }
        for command in ["status", "spawn", "merge-ranked", "sync", "cleanup"] {
            let arguments = if command == "spawn" { vec![command, "x y"] } else { vec![command] };
            orchestra(&world, &place, &arguments).exits(3).stderr_has(why).stderr_has(hint);
        }
    }
}
