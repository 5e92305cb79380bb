//! Files whose content git converts: a new worktree has the bytes that git would write, the captured work has the objects that git
//! would store, and the changes that are counted are those that git finds.
//!
//! `ORCHESTRA_TREES` sets the number of random trees, `ORCHESTRA_SEED` the first seed.

mod random;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use orchestra::{
    git::{Oid, Repo, worktrees::Worktree},
    model::{AgentId, ByteSize},
    worktree::{
        capture::{self, CapturePlace, CaptureTarget},
        isolated_git_dir::{FrozenConfig, IsolatedGitDir},
        make,
        root::WorktreeRoot,
        unchanged,
    },
};
use testkit::{FileState, Ran, SeededRandom, TestRepo, World, dir_state};

use self::random::RandomTree;
use crate::{library, world};

/// Filters that convert, one that adds something to each line, and one whose program is missing.
const FILTERS: &[(&str, &str)] = &[
    ("filter.upper.smudge", "tr a-z A-Z"),
    ("filter.upper.clean", "tr A-Z a-z"),
    ("filter.missing.smudge", "no-such-program"),
    ("filter.missing.clean", "no-such-program"),
    ("filter.lines.smudge", "sed s/^/+/"),
    ("filter.lines.clean", "sed s/^+//"),
];

/// A repository, and the settings that were frozen in it.
struct Lab<'world> {
    repo: TestRepo<'world>,
    frozen: PathBuf,
}

impl<'world> Lab<'world> {
    fn new(world: &'world World, name: &str, prepare: impl FnOnce(&TestRepo<'world>)) -> Self {
        let repo = world.repo_named(name);
        for (key, value) in FILTERS {
            repo.git(["config", key, value]);
        }
        prepare(&repo);
        let folder = world.dir().join(format!("{name}-frozen"));
        let settings = FrozenConfig::now(&library(&repo)).expect("settings");
        let frozen = folder.join(settings.keep(&folder, &repo.path().join(".git")).expect("kept"));
        Self { repo, frozen }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.repo.path().with_extension(name)
    }

    /// Makes a worktree by plain git. Returns whether git succeeds.
    fn make_by_git(&self) -> Option<PathBuf> {
        let path = self.path("git");
        let words = ["worktree", "add", "-q", "--detach"].map(OsStr::new);
        let made = Ran::of(self.repo.command("git").args(words.into_iter().chain([path.as_os_str()])));
        (made.code() == 0).then_some(path)
    }

    /// Makes a worktree as the agents get it, with frozen settings, or as a landing gets it.
    fn make(&self, is_frozen: bool) -> orchestra::Result<PathBuf> {
        let library = library(&self.repo);
        let (environment, common) = (library.environment(), library.common_dir().expect("a folder"));
        let opened = if is_frozen {
            Repo::open_for_checkout_as_frozen(environment, &common, &self.frozen).expect("opened")
        } else {
            Repo::open_for_checkout(environment, &common).expect("opened")
        };
        let name = if is_frozen { "frozen" } else { "own" };
        let path = self.path(name);
        make::make_worktree(&opened, name, opened.head().expect("a commit"), &path).map(|()| path)
    }

    fn git(&self, worktree: &Path, words: &[&str]) -> Ran {
        Ran::of(self.repo.world().command("git", worktree).args(words))
    }

    fn status(&self, worktree: &Path) -> String {
        self.git(worktree, &["status", "--porcelain"]).succeeded().stdout()
    }

    /// Returns everything in a worktree but its `.git` file, without times.
    fn state(worktree: &Path) -> BTreeMap<PathBuf, FileState> {
        let mut all = dir_state(worktree);
        all.remove(Path::new(".git"));
        all.values_mut().for_each(|file| file.changed = (0, 0));
        all
    }

    /// Passes on the place of a worktree whose work is captured.
    fn at_place<T>(
        &self,
        path: &Path,
        branch: &str,
        look: impl FnOnce(&Repo, &CaptureTarget<'_>, &CapturePlace<'_>) -> T,
    ) -> T {
        let repo = library(&self.repo);
        let worktree: Worktree =
            repo.worktree_at(&path.canonicalize().expect("a path")).expect("read").expect("a worktree");
        let scratch = tempfile::tempdir().expect("a folder");
        let (index, common) = (scratch.path().join("index"), repo.common_dir().expect("a folder"));
        let files = worktree.path.clone();
        let isolated = IsolatedGitDir::at(repo.environment(), self.frozen.clone(), index, files, common);
        let id = AgentId::parse("random-00000").expect("an id");
        let base = Oid::parse(&self.repo.tip("HEAD")).expect("a commit");
        let target = CaptureTarget {
            id: &id,
            title: "task",
            last_words: None,
            branch,
            base,
            max_file: ByteSize::mebibytes(1),
        };
        let root = WorktreeRoot::open(path).expect("a folder");
        look(
            &repo,
            &target,
            &CapturePlace { root: &root, worktree: &worktree, agent_side: None, isolated: &isolated },
        )
    }

    /// Returns the number of changed files that we count in a worktree.
    fn counted(&self, path: &Path, branch: &str) -> usize {
        self.at_place(path, branch, |repo, target, place| {
            unchanged::compare(repo, place, target.base).expect("compared").changes
        })
    }

    /// Returns the tree that is captured, and how many files are left out.
    fn captured(&self, path: &Path) -> (String, usize) {
        self.at_place(path, "frozen", |repo, target, place| {
            // Its branch has another name than those of agents.
            fs::write(place.worktree.git_dir.join("HEAD"), format!("{}\n", target.base)).expect("detached");
            let found = capture::preview(repo, target, place).expect("taken").expect("its own");
            (found.tree.to_string(), found.left_out.len())
        })
    }
}

/// Changes the times of the files in a worktree.
fn touch(worktree: &Path) {
    for (path, _) in Lab::state(worktree) {
        let path = worktree.join(path);
        if fs::symlink_metadata(&path).expect("it is there").is_file() {
            let file = fs::File::options().append(true).open(path).expect("a file");
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).expect("touched");
        }
    }
}

/// Checks one random tree; returns whether git could write it.
fn check(world: &World, seed: u64) -> bool {
    let mut numbers = SeededRandom::from(seed);
    let tree = RandomTree::of(&mut numbers);
    let lab = Lab::new(world, &format!("r{seed}"), |repo| tree.commit(repo));
    let about = format!("seed {seed}: {}", tree.description());
    let Some(by_git) = lab.make_by_git() else {
        assert!(lab.make(false).is_err(), "git refuses it, {about}");
        return false;
    };
    let expected = Lab::state(&by_git);
    let ways = if tree.has_ambiguous_filter() { &[false][..] } else { &[false, true] };
    for is_frozen in ways.iter().copied() {
        let made = lab.make(is_frozen).unwrap_or_else(|error| panic!("{error:?} {about}"));
        let found = Lab::state(&made);
        let differs = |path: &&PathBuf| expected.get(*path) != found.get(*path);
        let different: Vec<_> = expected.keys().chain(found.keys()).filter(differs).collect();
        let shown = |file: Option<&FileState>| {
            file.map(|file| {
                format!(
                    "{:o} {:?}",
                    file.mode,
                    String::from_utf8_lossy(&file.bytes[..file.bytes.len().min(200)])
                )
            })
        };
        let content =
            |path: &&PathBuf| (path.to_path_buf(), shown(expected.get(*path)), shown(found.get(*path)));
        let shown: Vec<_> = different.iter().map(content).collect();
        assert!(shown.is_empty(), "frozen: {is_frozen} {shown:?}\n{about}");
        let entries = ["ls-files", "--stage", "-z"];
        assert_eq!(lab.git(&made, &entries).stdout(), lab.git(&by_git, &entries).stdout(), "{about}");
        let branch = if is_frozen { "frozen" } else { "own" };
        if lab.status(&made).is_empty() {
            assert_eq!(lab.counted(&made, branch), 0, "{about}");
        }
        // Some contents are stored otherwise than git would store them: it reports those that it has to read.
        touch(&made);
        touch(&by_git);
        assert_eq!(lab.status(&made), lab.status(&by_git), "{about}");
    }
    if tree.has_ambiguous_filter() {
        return true;
    }
    let frozen = lab.path("frozen");
    for worktree in [&by_git, &frozen] {
        random::edit(worktree, &mut SeededRandom::from(seed));
    }
    if lab.git(&by_git, &["add", "--all"]).code() == 0 {
        let stored = lab.git(&by_git, &["write-tree"]).line();
        let (captured, left_out) = lab.captured(&frozen);
        let difference = lab.git(&by_git, &["diff-tree", "-r", &stored, &captured]).stdout();
        assert!(difference.is_empty() && left_out == 0, "{difference} {left_out} {about}");
    }
    true
}

#[test]
fn random_trees_are_written_and_captured_as_git_does() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (count, begin) = (number("ORCHESTRA_TREES").unwrap_or(8), number("ORCHESTRA_SEED").unwrap_or(1));
    let world = world();
    // The first of the two has links that are written as files, the second attributes of the repository besides those of a folder.
    let found_before = [11, 235];
    let seeds = (begin..begin + count).chain(found_before);
    let written = seeds.filter(|seed| check(&world, *seed)).count();
    assert!(written > 0, "git could write one of them");
}

#[test]
fn an_agent_gets_and_leaves_files_in_their_own_encoding() {
    let world = world();
    let repo = world.repo().with_identity();
    repo.write(".gitattributes", "*.rc working-tree-encoding=UTF-16LE-BOM\n*.id ident\n");
    let before = b"\xff\xfea\0\n\0";
    fs::write(repo.path().join("a.rc"), before).expect("written");
    repo.write("b.id", "$Id$\n");
    repo.git(["add", "."]);
    repo.git(["commit", "-qm", "encodings"]);
    let id = repo.spawn("cp a.rc seen; cp b.id seen.id; printf 'b\\000\\n\\000' >> a.rc; cp a.rc c.rc");
    repo.end_of(&id);
    let made = repo.worktree(&id);
    assert_eq!(fs::read(made.join("seen")).expect("a file"), before);
    let expanded = format!("$Id: {} $\n", repo.git(["rev-parse", "HEAD:b.id"]).line());
    assert_eq!(fs::read_to_string(made.join("b.id")).expect("a file"), expanded);
    let stored = |file: &str| repo.file_in_head(&id, file);
    assert_eq!(
        [stored("a.rc"), stored("c.rc"), stored("b.id"), stored("seen.id")],
        ["a\nb\n", "a\nb\n", "$Id$\n", "$Id$\n"]
    );
    assert_eq!(world.git(&made, ["status", "--porcelain"]).stdout(), "");
}

#[test]
fn a_worktree_follows_the_settings_and_needs_no_committer_of_the_caller() {
    let world = world();
    let settings = "[core]\n\tautocrlf = true\n[user]\n\tuseConfigOnly = true\n";
    let lab = Lab::new(&world, "repo", |_| {
        fs::write(world.home().join(".gitconfig"), settings).expect("written");
    });
    let made = lab.make(false).expect("made");
    assert!(fs::read(made.join("file.txt")).expect("a file").ends_with(b"\r\n"));
    assert_eq!(world.git(&made, ["reflog", "--format=%H"]).line(), lab.repo.tip("HEAD"));
}
