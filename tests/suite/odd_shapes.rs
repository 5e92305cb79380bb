//! The shapes that the content of a worktree can have: a file that cannot be saved is reported and affects
//! no other; nothing from outside the worktree is saved.

mod shapes;

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use orchestra::{
    git::{Oid, Repo, worktrees::Worktree},
    model::{AgentId, ByteSize},
    worktree::{
        capture::{self, CapturePlace, CaptureTarget, CapturedTree},
        isolated_git_dir::{FrozenConfig, IsolatedGitDir},
        open_worktree::{self, WorktreeIdentity},
        root::WorktreeRoot,
    },
};
use testkit::{Ran, TestRepo};

use self::shapes::{SHAPES, sh, write};
use crate::{library, world};

/// A repository whose agents are only worktrees.
struct Lab<'world> {
    repo: TestRepo<'world>,
    base: Oid,
    settings: PathBuf,
}

impl<'world> Lab<'world> {
    fn new(world: &'world testkit::World) -> Self {
        let repo = world.repo().with_identity();
        repo.write("run", "#!/bin/sh\n");
        repo.git(["config", "filter.refuse.clean", "false"]);
        repo.git(["config", "filter.refuse.required", "true"]);
        fs::set_permissions(repo.path().join("run"), fs::Permissions::from_mode(0o755)).expect("a program");
        repo.commit("base", &[("d/inner.txt", "i\n"), (".gitignore", "build/\n*.log\n")]);
        let base = Oid::parse(&repo.tip("HEAD")).expect("a commit");
        let opened = library(&repo);
        let frozen = world.dir().join("frozen");
        let name = FrozenConfig::now(&opened)
            .expect("settings")
            .keep(&frozen, &repo.path().join(".git"))
            .expect("kept");
        Self { repo, base, settings: frozen.join(name) }
    }

    fn worktree(&self, name: &str) -> Worktree {
        let path = self.repo.world().dir().join("worktrees").join(name);
        let branch = format!("orchestra/{name}");
        self.repo.git(["worktree", "add", "-q", "-b", &branch, &path.to_string_lossy()]).succeeded();
        let opened = self.open();
        opened.worktree_at(&path.canonicalize().expect("a path")).expect("read").expect("a worktree")
    }

    fn open(&self) -> Repo {
        library(&self.repo)
    }

    fn capture(&self, name: &str, worktree: &Worktree, root: &WorktreeRoot) -> CapturedTree {
        let repo = self.open();
        let scratch = tempfile::tempdir().expect("a folder");
        let common = repo.common_dir().expect("a folder");
        let index = scratch.path().join("index");
        let isolated = IsolatedGitDir::at(
            repo.environment(),
            self.settings.clone(),
            index,
            worktree.path.clone(),
            common,
        );
        let id = AgentId::parse(name).expect("an id");
        let branch = format!("orchestra/{name}");
        let task = CaptureTarget {
            id: &id,
            title: "task",
            last_words: None,
            branch: &branch,
            base: self.base,
            max_file: ByteSize::mebibytes(1),
        };
        let place = CapturePlace { root, worktree, agent_side: None, isolated: &isolated };
        capture::preview(&repo, &task, &place).expect("taken").expect("its own")
    }

    fn differences(&self, tree: Oid) -> BTreeSet<String> {
        let (base, tree) = (self.base.to_string(), tree.to_string());
        let said = self.repo.git(["diff-tree", "-r", "-z", "--name-status", "--no-renames", &base, &tree]);
        let said = said.succeeded().stdout();
        let words: Vec<&str> = said.split('\0').collect();
        words.chunks_exact(2).map(|pair| format!("{} {}", pair[0], shortened(pair[1]))).collect()
    }
}

/// Replaces the path of very many directories by `deep`, and very long names by `long`.
fn shortened(path: &str) -> String {
    match path {
        _ if path.matches("p/").count() > 90 => "deep".to_owned(),
        _ if path.starts_with("000") => "long".to_owned(),
        _ => path.to_owned(),
    }
}

#[test]
fn every_shape_is_saved_or_reported() {
    let world = world();
    let lab = Lab::new(&world);
    let mut wrong = Vec::new();
    for (at, (what, make, taken, left_out)) in SHAPES.iter().enumerate() {
        let name = format!("shape-{at:05}");
        let worktree = lab.worktree(&name);
        make(&worktree.path);
        let root = WorktreeRoot::open(&worktree.path).expect("a folder");
        let captured = lab.capture(&name, &worktree, &root);
        let found = lab.differences(captured.tree);
        let wanted: BTreeSet<String> = taken.iter().map(|one| (*one).to_owned()).collect();
        if found != wanted {
            wrong.push(format!("{what}: takes {found:?} and not {wanted:?}"));
        }
        let left = captured.left_out.iter();
        let left: Vec<String> = left.map(|left| format!("{}: {}", shortened(&left.path), left.why)).collect();
        if left.len() != left_out.len()
            || !left.iter().zip(*left_out).all(|(l, wanted)| l.starts_with(wanted))
        {
            wrong.push(format!("{what}: leaves out {left:?} and not {left_out:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unresolved_conflicts_are_saved_as_they_are_and_reported() {
    let world = world();
    let lab = Lab::new(&world);
    lab.repo.branch("side", &[("file.txt", "side\n"), ("d/inner.txt", "side\n")]);
    let worktree = lab.worktree("conflict-00001");
    sh(
        &worktree.path,
        "echo mine > file.txt; echo mine > d/inner.txt; git commit -qam mine; git merge -q side && exit 1
        rm d/inner.txt; mkfifo d/inner.txt; echo n > n",
    );
    let root = WorktreeRoot::open(&worktree.path).expect("a folder");
    let captured = lab.capture("conflict-00001", &worktree, &root);
    let unfinished = captured.unfinished.expect("unfinished");
    assert_eq!(unfinished.sentence(), "a merge is unfinished: conflicts in file.txt, d/inner.txt");
    let tree = captured.tree.to_string();
    assert!(lab.repo.file_at(&tree, "file.txt").contains("<<<<<<<"));
    assert_eq!(lab.repo.file_at(&tree, "d/inner.txt"), "mine\n", "its own side, as the file cannot be read");
    assert_eq!(lab.repo.file_at(&tree, "n"), "n\n");
    // The worktree's own index still has the conflict.
    assert_eq!(world.git(&worktree.path, ["ls-files", "-u"]).stdout().lines().count(), 6);
}

#[test]
fn changes_during_a_capture_lead_to_nothing_outside() {
    let world = world();
    let lab = Lab::new(&world);
    let worktree = lab.worktree("race-00001");
    let outside = world.dir().join("outside");
    write(&outside, "secret.txt", "SECRET");
    write(&worktree.path, "swap/secret.txt", "harmless");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = EndOnDrop(&over);
        scope.spawn(|| {
            let at = |name: &str| worktree.path.join(name);
            symlink(&outside, at("link")).expect("a link");
            sh(&worktree.path, "mkfifo pipe; echo x > plain");
            while !over.load(Ordering::Relaxed) {
                // A directory that alternates with a link to the outside, and a file that alternates with a
                // pipe.
                for (from, to) in [("swap", "held"), ("link", "swap"), ("swap", "link"), ("held", "swap")] {
                    let _ = fs::rename(at(from), at(to));
                }
                for (from, to) in
                    [("plain", "spare"), ("pipe", "plain"), ("plain", "pipe"), ("spare", "plain")]
                {
                    let _ = fs::rename(at(from), at(to));
                }
                write(&worktree.path, "grows", &"x".repeat(100_000));
                let _ = fs::remove_file(at("grows"));
            }
        });
        for _ in 0..testkit::times("ORCHESTRA_RACES", 25) {
            let root = WorktreeRoot::open(&worktree.path).expect("a folder");
            let captured = lab.capture("race-00001", &worktree, &root);
            let mut look = lab.repo.command("git");
            Ran::of(look.args(["grep", "-c", "SECRET", &captured.tree.to_string()])).exits(1);
        }
    });
}

/// Ends the other thread, even if this one panics.
struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_capture_opens_only_the_worktree_itself() {
    let world = world();
    let lab = Lab::new(&world);
    let home = world.dir().join("private");
    write(&home, "diary.txt", "PRIVATE");
    let repo = lab.open();
    let same = |worktree: &Worktree| {
        let root = WorktreeRoot::open(&worktree.path).expect("a folder");
        (worktree.path.clone(), root.identity().expect("an identity"))
    };
    type Turn = fn(&Path, &Path, &Path);
    let table: &[(&str, Turn, Option<&str>)] = &[
        ("as it was", |_, _, _| {}, None),
        ("without its .git file", |w, _, _| fs::remove_file(w.join(".git")).expect("removed"), None),
        (
            "a link to the outside",
            |w, _, h| {
                fs::rename(w, w.with_extension("old")).expect("moved");
                symlink(h, w).expect("a link");
            },
            Some("symbolic link"),
        ),
        (
            "a link to itself",
            |w, _, _| {
                fs::rename(w, w.with_extension("old")).expect("moved");
                symlink(w.with_extension("old"), w).expect("a link");
            },
            Some("symbolic link"),
        ),
        (
            "a file",
            |w, _, _| {
                fs::rename(w, w.with_extension("old")).expect("moved");
                fs::write(w, "x").expect("a file");
            },
            Some("not a folder"),
        ),
        (
            "another folder in its place",
            |w, _, h| {
                fs::rename(w, w.with_extension("old")).expect("moved");
                fs::create_dir(w).expect("a folder");
                fs::copy(h.join("diary.txt"), w.join("diary.txt")).expect("copied");
            },
            Some("which is not its worktree"),
        ),
        (
            "registered elsewhere",
            |_, g, h| fs::write(g.join("gitdir"), format!("{}/.git\n", h.display())).expect("written"),
            Some("which is not its worktree"),
        ),
        (
            "registered elsewhere, and that knows it",
            |_, g, h| {
                fs::write(g.join("gitdir"), format!("{}/.git\n", h.display())).expect("written");
                fs::write(h.join(".git"), format!("gitdir: {}\n", g.display())).expect("written");
            },
            Some("which is not its worktree"),
        ),
        (
            "registered at the top of everything",
            |_, g, _| fs::write(g.join("gitdir"), "/.git\n").expect("written"),
            Some("which is not its worktree"),
        ),
        (
            "its registration belongs to another repository",
            |_, g, h| fs::write(g.join("commondir"), format!("{}\n", h.display())).expect("written"),
            Some("another repository"),
        ),
        (
            "its registration is a pipe",
            |_, g, _| sh(g, "rm commondir; mkfifo commondir"),
            Some("another repository"),
        ),
        ("moved by git", |w, _, _| sh(w, "git worktree move . ../moved-by-git"), None),
    ];
    for (at, (what, turn, refused)) in table.iter().enumerate() {
        let worktree = lab.worktree(&format!("door-{at:05}"));
        let (path, identity) = same(&worktree);
        turn(&worktree.path, &worktree.git_dir, &home);
        let made = WorktreeIdentity { path: Some(&path), identity: Some(identity) };
        let entered = open_worktree::open_worktree(&repo, &worktree, made);
        match (refused, &entered) {
            (None, Ok(root)) => assert_eq!(root.identity().expect("an identity"), identity, "{what}"),
            (Some(why), Err(error)) => {
                assert!(error.one_line().contains(why), "{what}: {}", error.one_line());
            }
            _ => panic!("{what}: {entered:?}"),
        }
        let _ = fs::remove_file(home.join(".git"));
        // Git itself would wait for a pipe there.
        fs::remove_dir_all(&worktree.git_dir).expect("removed");
    }
}
