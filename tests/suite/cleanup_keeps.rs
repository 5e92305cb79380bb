//! `cleanup`: everything that keeps an agent or its worktree, and the reason that is reported.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use testkit::{dir_state, times, until};

use crate::{
    cleanup::{cleanup, ended, landed, outcome_of},
    world,
};

/// A name, a change that somebody makes in the worktree, and the reported reason.
type KeepReason<'a> = (&'a str, &'a dyn Fn(&str, &Path), &'a str);

#[test]
fn every_doubt_keeps_the_agent_and_is_reported() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", ".env\ntarget/\n")]);
    let git = |id: &str, arguments: &[&str]| world.git(&repo.worktree(id), arguments).stdout();
    let doubts: &[KeepReason<'_>] = &[
        (
            "edited",
            &|_, at| fs::write(at.join("file.txt"), "x").expect("written"),
            "has changes that are not in its work: file.txt",
        ),
        (
            "new",
            &|_, at| fs::write(at.join("new file"), "x").expect("written"),
            "has changes that are not in its work: new file",
        ),
        (
            "staged",
            &|id, at| {
                fs::write(at.join("file.txt"), "x").expect("written");
                git(id, &["add", "."]);
                fs::write(at.join("file.txt"), "one\n").expect("written");
            },
            "has changes that are not in its work: file.txt",
        ),
        (
            "ignored",
            &|_, at| fs::write(at.join(".env"), "KEY").expect("written"),
            "its worktree has ignored files that exist only there: .env (3 bytes)",
        ),
        (
            "detached",
            &|id, _| {
                git(id, &["checkout", "-q", "--detach"]);
            },
            "has a detached HEAD",
        ),
        (
            "elsewhere",
            &|id, _| {
                git(id, &["checkout", "-qb", "mine"]);
            },
            "has another branch checked out, mine",
        ),
        (
            "renamed",
            &|id, _| {
                git(id, &["branch", "-m", "renamed"]);
            },
            "has another branch checked out, renamed",
        ),
        (
            "merging",
            &|id, at| {
                git(id, &["checkout", "-qb", "side", "HEAD~1"]);
                fs::write(at.join("side.txt"), "x").expect("written");
                git(id, &["add", "."]);
                git(id, &["commit", "-qm", "side"]);
                git(id, &["checkout", "-q", &format!("orchestra/{id}")]);
                git(id, &["merge", "-q", "--no-commit", "side"]);
            },
            "a merge is in progress",
        ),
        (
            "locked",
            &|id, at| {
                git(id, &["worktree", "lock", "--reason", "usb stick", &at.to_string_lossy()]);
            },
            "is locked: usb stick",
        ),
        (
            "moved",
            &|_, at| fs::rename(at, at.with_extension("moved")).expect("moved"),
            "is gone (moved by hand?",
        ),
        (
            "linked",
            &|_, at| {
                fs::rename(at, at.with_extension("moved")).expect("moved");
                std::os::unix::fs::symlink(at.with_extension("moved"), at).expect("a link");
            },
            "is a link or a file",
        ),
        ("pointerless", &|_, at| fs::remove_file(at.join(".git")).expect("removed"), "the '.git' file of"),
        (
            "replaced",
            &|_, at| {
                fs::rename(at, at.with_extension("moved")).expect("moved");
                fs::create_dir(at).expect("a folder");
                world.git(at, ["init", "-q"]);
            },
            "leads to another repository",
        ),
        (
            "pruned",
            &|id, _| {
                fs::remove_dir_all(repo.path().join(".git/worktrees").join(id)).expect("removed");
            },
            "is not a worktree of this repository",
        ),
        (
            "gone on",
            &|id, at| {
                fs::write(at.join("more.txt"), "x").expect("written");
                git(id, &["add", "."]);
                git(id, &["commit", "-qm", "more"]);
            },
            "its work is not in main",
        ),
        (
            "twice",
            &|id, at| {
                let other = at.with_extension("other");
                repo.git(["worktree", "add", "-qf", &other.to_string_lossy(), &format!("orchestra/{id}")]);
            },
            "its branch is checked out in",
        ),
        (
            "around",
            &|_, at| {
                repo.git(["worktree", "add", "-q", "--detach", &at.join("inner").to_string_lossy()]);
            },
            "is inside",
        ),
    ];
    let mut ids = Vec::new();
    for (name, spoil, why) in doubts {
        let id = landed(&repo, &format!("echo '{name}' > clash.txt; mkdir -p target; echo x > target/x"));
        spoil(&id, &repo.worktree(&id));
        let report = cleanup(&repo, &[]);
        let (outcome, said) = outcome_of(&report, &id);
        assert!(outcome == "kept" && said.contains(why), "{name}: {outcome}: {said}");
        assert!(!repo.refs(&format!("refs/orchestra/agents/{id}")).is_empty(), "{name}");
        ids.push(id);
    }
    // Contents that are only in files are removed when that is requested, everything else is not.
    let report = cleanup(&repo, &["--force"]);
    for ((name, ..), id) in doubts.iter().zip(&ids) {
        let goes = ["edited", "new", "staged", "ignored"].contains(name);
        assert_eq!(outcome_of(&report, id).0 == "removed", goes, "{name}: {:?}", outcome_of(&report, id));
    }
}

/// A worktree that is removed below a running process takes its work with it.
#[test]
fn a_worktree_in_use_by_a_process_is_kept() {
    let world = world();
    let repo = world.repo();
    let id = landed(&repo, "echo 1 > one.txt; mkdir sub; echo 2 > sub/two.txt");
    let worktree = repo.worktree(&id);
    let files = dir_state(&worktree);
    let mut refused = 0;
    for turn in 0..times("ORCHESTRA_CLEANUPS", 6) {
        // A process whose working directory is the worktree or a directory in it, or that has a file of it
        // open.
        let mut command = Command::new(if turn % 3 == 2 { "tail" } else { "cat" });
        let place =
            [worktree.clone(), worktree.join("sub"), world.dir().to_owned()][turn as usize % 3].clone();
        let file = worktree.join("one.txt");
        let arguments: &[&std::ffi::OsStr] =
            if turn % 3 == 2 { &["-f".as_ref(), file.as_os_str()] } else { &[] };
        command.args(arguments).current_dir(place).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().expect("started");
        let pid = child.id();
        // The child exists before it has opened its file.
        until("the file is open", || {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
            let open = open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| path == file);
            (turn % 3 != 2 || open).then_some(())
        });
        for arguments in [
            &["cleanup", "--json"] as &[&str],
            &["cleanup", "--json", "--force", &id],
            &["cleanup", "--json", "--discard", &id],
        ] {
            let ran = repo.orchestra(arguments);
            assert_eq!(ran.code(), i32::from(arguments.len() > 2), "{}", ran.stderr());
            let report = ran.json();
            let entry = &report["agents"][0];
            assert_eq!((&entry["outcome"], &entry["held_by"]), (&"kept".into(), &pid.into()), "{entry}");
            refused += 1;
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    eprintln!("{refused} of {refused} cleanups refused while a process was in the worktree");
    assert_eq!(dir_state(&worktree), files);
    cleanup(&repo, &[]);
    assert!(!worktree.exists());
}

#[test]
fn running_agents_are_kept() {
    let world = world();
    let repo = world.repo();
    let works = repo.spawn("echo 1 > one.txt; sleep 600");
    repo.wait_for_file(&works, "one.txt");
    for arguments in [&["--force", works.as_str()] as &[&str], &["--discard", &works]] {
        let report = cleanup(&repo, arguments);
        assert_eq!(outcome_of(&report, &works), ("kept".into(), "it has not ended: running".into()));
        assert!(
            report["agents"][0]["held_by"].is_u64()
                && report["agents"][0]["hint"].as_str().expect("a hint").contains("stop")
        );
    }
    repo.orchestra(["stop", &works]).succeeded();
    assert_eq!(outcome_of(&cleanup(&repo, &["--older-than", "1h"]), &works).1, "it ended too recently");
    assert_eq!(outcome_of(&cleanup(&repo, &[]), &works).1, "its work is not in main");
    repo.orchestra(["cleanup", "nobody"]).exits(3).stderr_has("nobody");
    repo.orchestra(["cleanup", "--into", "nowhere"]).exits(3).stderr_has("no branch 'nowhere'");
    repo.orchestra(["cleanup", "--older-than", "soon"]).exits(2);
}

/// A way in which a repository comes to be in a worktree, and its path; each contains a file that exists
/// nowhere else.
const INNER: &[(&str, &str)] = &[
    (
        "git init -q inner; cd inner; echo only > only; git add .; git commit -qm only; echo d > dirty; cd ..; git add -A; git commit -qm link",
        "inner",
    ),
    ("git init -q inner; echo only > inner/only", "inner"),
    ("mkdir -p a/b; git init -q a/b/inner; echo only > a/b/inner/only", "a/b/inner"),
    ("mkdir -p target/x; git init -q target/x/inner; echo only > target/x/inner/only", "target/x/inner"),
    ("git init -q hidden; echo only > hidden/only", "hidden"),
    (
        "git init -q inner; cd inner; echo only > only; git add .; git commit -qm only; cd ..; git add -A; git commit -qm link; rm -rf inner/.git",
        "inner",
    ),
    // The git directory is next to it.
    ("git init -q --separate-git-dir=elsewhere inner; echo only > inner/only", "inner"),
];

#[test]
fn a_nested_repository_keeps_the_worktree() {
    let world = world();
    for (turn, (script, inner)) in INNER.iter().enumerate() {
        let repo = world.repo_named(&format!("inner-{turn}"));
        repo.commit("ignore", &[(".gitignore", "target/\nhidden/\n")]);
        let id = ended(&repo, &format!("echo 1 > one.txt; git add one.txt; git commit -qm one; {script}"));
        // By git itself, since the repositories that were added as they are do not land.
        repo.git(["merge", "-q", &format!("refs/orchestra/heads/{id}")]);
        let worktree = repo.worktree(&id);
        let (outcome, why) = outcome_of(&cleanup(&repo, &[]), &id);
        assert_eq!(
            (outcome.as_str(), why),
            ("kept", format!("its worktree contains another repository, which may hold work: {inner}")),
            "{script}"
        );
        let files = dir_state(&worktree);
        repo.orchestra(["cleanup", "--force", &id]).succeeded();
        until("the trash is empty", || (!worktree.exists()).then_some(()));
        repo.orchestra(["undo"]).succeeded();
        let mut back = dir_state(&worktree);
        // A directory that was skipped would be missing; the parent directory of the worktree has another
        // time.
        let top = Path::new("");
        assert_eq!(back.remove(top).is_some(), files.contains_key(top));
        assert!(
            back.iter().all(|(path, seen)| files.get(path) == Some(seen)) && back.len() + 1 == files.len(),
            "{script}"
        );
        assert_eq!(
            fs::read_to_string(worktree.join(inner).join("only")).expect("a file"),
            "only\n",
            "{script}"
        );
    }
}

#[test]
fn a_repository_that_was_added_as_it_is_does_not_land() {
    let world = world();
    let library = world.repo_named("library");
    let repo = world.repo();
    let id = ended(&repo, &format!("{}; echo 1 > one.txt", INNER[0].0));
    let collected = repo.orchestra(["collect", "--json", &id]).succeeded().json();
    assert_eq!(collected["agents"][0]["not_taken"][0]["path"], "inner/", "{collected}");
    let plan = repo.orchestra(["merge-ranked", "--dry-run", "--json", &id]).succeeded().json();
    let why = "inner is another repository, which .gitmodules does not describe";
    assert_eq!((&plan["order"][0]["outcome"], &plan["order"][0]["why"]), (&"blocked".into(), &why.into()));
    let main = repo.tip("main");
    let report = repo.orchestra(["merge-ranked", "--json", &id]).exits(1).json();
    assert_eq!((&report["order"][0]["outcome"], repo.tip("main")), (&"set_aside".into(), main), "{report}");
    // What it says to type lands the rest, and keeps the repository where it is.
    let warnings = report["warnings"].as_array().expect("warnings").iter().filter_map(|one| one.as_str());
    let command = warnings.filter_map(|one| one.split_once("without the repository inner: ")).next();
    let (_, command) = command.expect("a command");
    let typed = repo.command("sh").args(["-c", command]).output().expect("sh");
    assert!(typed.status.success(), "{command}: {typed:?}");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    assert!(repo.has("main", "one.txt") && !repo.has("main", "inner"));
    assert!(repo.worktree(&id).join("inner/only").exists());
    // A submodule with its lines in .gitmodules lands.
    let add =
        format!("git -c protocol.file.allow=always submodule --quiet add '{}' lib", library.path().display());
    let id = ended(&repo, &add);
    repo.accept_configuration();
    let ran = repo.orchestra(["merge-ranked", &id]).succeeded();
    assert!(!ran.stderr().contains("gitlink"), "{}", ran.stderr());
    // A repository that was in the history before stays there, with a warning.
    let old = world.repo_named("old");
    old.git(["-c", "advice.addEmbeddedRepo=false", "clone", "-q", &library.path().to_string_lossy(), "dep"]);
    old.git(["add", "dep"]);
    old.git(["commit", "-qm", "with a gitlink"]);
    let id = ended(&old, "echo 1 > one.txt");
    old.orchestra(["merge-ranked", &id]).succeeded();
}

#[test]
fn a_moved_worktree_is_kept() {
    let world = world();
    let repo = world.repo();
    let id = landed(&repo, "echo 1 > one.txt");
    let (at, mine) = (repo.worktree(&id), world.dir().join("mine"));
    repo.git(["worktree", "move", &at.to_string_lossy(), &mine.to_string_lossy()]);
    for arguments in [&[] as &[&str], &["--force", &id], &["--discard", &id]] {
        let report = cleanup(&repo, arguments);
        assert_eq!(
            outcome_of(&report, &id),
            ("kept".into(), format!("its worktree was moved to '{}'", mine.display()))
        );
        assert!(report["agents"][0]["hint"].as_str().expect("a hint").starts_with("git worktree move"));
    }
    repo.git(["worktree", "move", &mine.to_string_lossy(), &at.to_string_lossy()]);
    assert_eq!(outcome_of(&cleanup(&repo, &[]), &id).0, "removed");
}

#[test]
fn work_in_the_head_is_not_reported_as_unsaved() {
    let world = world();
    let repo = world.repo();
    // A lock that a killed git left: the branch cannot be updated, but the head ref has the work.
    let id = ended(&repo, "echo 1 > one.txt; touch \"$(git rev-parse --git-dir)/index.lock\"");
    assert_eq!(repo.file_in_head(&id, "one.txt"), "1\n");
    repo.orchestra(["merge-ranked", &id]).succeeded();
    assert_eq!(repo.file_at("main", "one.txt"), "1\n");
    let worktree = repo.worktree(&id);
    assert_eq!(outcome_of(&cleanup(&repo, &[]), &id), ("removed".into(), "merged into main".into()));
    repo.orchestra(["undo"]).succeeded();
    fs::write(worktree.join("two.txt"), "2").expect("written");
    assert_eq!(
        outcome_of(&cleanup(&repo, &[]), &id).1,
        "its worktree has changes that are not in its work: two.txt"
    );
}
