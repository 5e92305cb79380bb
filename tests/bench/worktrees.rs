//! Compares worktrees with those that git makes, and an agent's worktree with and without many others.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use orchestra::{git::Repo, worktree::make, world::Environment};
use testkit::GeneratedRepo;

use crate::{
    anchor::{Row, median_of_turns},
    data::{Lab, agent_id},
};

/// A file system in memory, where the time of a worktree is that of the programs.
const MEMORY: &str = "/dev/shm";
/// How many worktrees are made at once.
const AT_ONCE: usize = 8;

pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let memory = tempfile::tempdir_in(MEMORY).expect("a folder in memory");
    let (sizes, turns): (&[u64], usize) = if short { (&[3_000], 3) } else { (&[5_000, 50_000], 7) };
    for &files in sizes {
        let place = Place::new(lab, &memory.path().join(files.to_string()), files);
        let turns = if files > 10_000 { turns / 2 } else { turns };
        let (ours, git) = median_of_turns(turns, &mut || place.ours(1), &mut || place.git(lab, 1));
        show(Row::new(&format!("a worktree of {files} small files"), ours, git, 0.45));
    }
    let files = sizes[0];
    let place = Place::new(lab, &memory.path().join("at-once"), files);
    let turns = if short { 1 } else { 3 };
    let (ours, git) = median_of_turns(turns, &mut || place.ours(AT_ONCE), &mut || place.git(lab, AT_ONCE));
    show(Row::new(&format!("{AT_ONCE} worktrees at once, in a row by git"), ours, git, 0.45));
    let (ours, git) = median_of_turns(turns, &mut || place.spawn(lab), &mut || place.git(lab, 1));
    show(Row::new(&format!("an agent on {files} files, to its end"), ours, git, 1.3));
    drop(memory);
    let disk = lab.forest("on-disk", &forest(files));
    lab.check_out(&disk);
    let place = Place { repo: disk.clone(), folder: disk.with_extension("made") };
    let (ours, git) =
        median_of_turns(if short { 1 } else { 7 }, &mut || place.ours(1), &mut || place.git(lab, 1));
    show(Row::new(&format!("a worktree of {files} small files, on disk"), ours, git, 1.05));
    among_others(lab, short, show);
}

/// Compares the spawn of one agent among many worktrees with that of one among as many agents without worktrees.
fn among_others(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let others = if short { 500 } else { 2_000 };
    let (with, without) = (lab.repo("among-worktrees", others), lab.repo("among-none", others));
    for at in 0..others {
        add_worktree(&with, agent_id(at).as_str());
    }
    let spawn = |repo: &Path| lab.run(lab.ours("git-orchestra-spawn").args(SPAWN), repo);
    let turns = if short { 3 } else { 7 };
    let (ours, alone) = median_of_turns(turns, &mut || spawn(&with), &mut || spawn(&without));
    show(Row::new(&format!("spawn among {others} worktrees, to among none"), ours, alone, 1.5));
}

const SPAWN: [&str; 4] = ["--agent", "sh", "--json", "true"];

/// Registers a worktree without files.
fn add_worktree(repo: &Path, name: &str) {
    let registration = repo.join(".git/worktrees").join(name);
    let folder = repo.with_extension("worktrees").join(name);
    for folder in [&registration, &folder] {
        fs::create_dir_all(folder).expect("a folder");
    }
    let write = |path: PathBuf, text: String| fs::write(path, text).expect("written");
    write(registration.join("HEAD"), format!("ref: refs/heads/orchestra/{name}\n"));
    write(registration.join("commondir"), "../..\n".to_owned());
    write(registration.join("gitdir"), format!("{}/.git\n", folder.display()));
    write(folder.join(".git"), format!("gitdir: {}\n", registration.display()));
}

const fn forest(files: u64) -> GeneratedRepo {
    GeneratedRepo { files, folders: files / 12, lines: 45, branches: 0, hot: 0, hot_share: 0, seed: 3 }
}

/// A repository, and the folder for its worktrees.
struct Place {
    repo: PathBuf,
    folder: PathBuf,
}

impl Place {
    fn new(lab: &Lab, path: &Path, files: u64) -> Self {
        let repo = path.join("repo");
        fs::create_dir_all(&repo).expect("a folder");
        lab.import(&repo, &forest(files));
        lab.check_out(&repo);
        Self { repo, folder: path.join("made") }
    }

    /// Makes worktrees as the helpers of agents do, all at once.
    fn ours(&self, count: usize) -> Duration {
        let environment = Environment::of_this_process().at(&self.repo);
        let one = |at: usize| {
            let repo = Repo::open_for_checkout(&environment, &self.repo.join(".git")).expect("a repository");
            let base = repo.head().expect("a commit");
            make::make_worktree(&repo, &format!("made-{at}"), base, &self.folder.join(at.to_string()))
                .expect("made");
        };
        let begun = Instant::now();
        std::thread::scope(|scope| (0..count).for_each(|at| drop(scope.spawn(move || one(at)))));
        self.cleared(begun.elapsed())
    }

    fn git(&self, lab: &Lab, count: usize) -> Duration {
        let one = |at: usize| {
            let mut command = lab.git();
            command.args(["worktree", "add", "-q", "--no-track", "-B", &format!("made-{at}")]);
            lab.run(command.arg(self.folder.join(at.to_string())), &self.repo)
        };
        let taken = (0..count).map(one).sum();
        self.cleared(taken)
    }

    fn spawn(&self, lab: &Lab) -> Duration {
        let taken = lab.run(lab.ours("git-orchestra-spawn").args(SPAWN), &self.repo);
        self.cleared(taken)
    }

    /// Removes all worktrees, which is not part of the time.
    fn cleared(&self, taken: Duration) -> Duration {
        for folder in
            [&self.folder, &self.repo.with_extension("worktrees"), &self.repo.join(".git/worktrees")]
        {
            let _ = fs::remove_dir_all(folder);
        }
        taken
    }
}
