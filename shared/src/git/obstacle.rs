//! Finding what blocks git: a pipe or device in the place of a file that it opens. The search starts only when git takes long, so
//! that other calls do not pay for it.

use std::{
    fs,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    Code, Error,
    git::{common_dir, settings::Settings},
    model::quote,
    world,
};

/// How long git may run before the first search.
pub(super) const LOOK_AFTER: Duration = Duration::from_secs(2);
/// How long until the next search.
const LOOK_AGAIN: Duration = Duration::from_secs(20);
/// Maximum time of one search, and maximum number of entries that it visits.
const BUDGET: Duration = Duration::from_secs(1);
const MOST: usize = 200_000;

/// Folders of a git directory in which git opens no file by a fixed name, or none at all.
const PASSED_OVER: &[&str] = &["objects", "orchestra", "modules", "lost-found"];
/// Files that git opens in every folder of a worktree.
const IN_WORKTREES: &[&str] = &[".gitignore", ".gitattributes", ".gitmodules", ".mailmap"];

/// Settings of `core` that name a file which git reads.
const NAMED: &[&str] = &["attributesfile", "excludesfile"];

/// The folders of a git process.
#[derive(Clone, Debug, Default)]
pub(super) struct GitLocation {
    /// The folder in which it was started.
    pub(super) directory: PathBuf,
    /// Its git directory, if it was passed one.
    pub(super) git_dir: Option<PathBuf>,
    /// Its worktree, if it was passed one.
    pub(super) work_tree: Option<PathBuf>,
}

/// Decides when to search, and searches.
#[derive(Debug)]
pub(super) struct ObstacleWatch {
    place: GitLocation,
    next: Instant,
}

impl ObstacleWatch {
    pub(super) fn begin(place: GitLocation) -> Self {
        Self { place, next: Instant::now() + LOOK_AFTER }
    }

    /// Returns the time until the next search.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Returns the error of a git that is blocked; `None` if it is too early to search, or nothing blocks it.
    pub(super) fn look(&mut self, what: &str) -> Option<Error> {
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + LOOK_AGAIN;
        let found = find(&self.place)?;
        Some(
            Error::new(Code::NotAFile, format!("{what} is blocked: '{}' is not a file", found.display()))
                .hint(format!("inspect it, then {}", quote::command(&[&"rm", &found]))),
        )
    }
}

/// Returns the first obstacle that is found.
fn find(place: &GitLocation) -> Option<PathBuf> {
    let mut budget = Budget { until: Instant::now() + BUDGET, left: MOST };
    let git_dir = place.git_dir.clone().or_else(|| Some(common_dir::locate(&place.directory)?.git_dir));
    if let Some(git_dir) = git_dir {
        let common = common_dir::of_git_dir(&git_dir);
        let common = common.canonicalize().unwrap_or(common);
        for (folder, passed_over) in [
            (common.join("objects/info"), &[][..]),
            (common.join("objects/pack"), &[]),
            (common, PASSED_OVER),
        ] {
            let found =
                below(&folder, &mut budget, &|name, top| top && passed_over.contains(&name), &|_| true);
            if found.is_some() {
                return found;
            }
        }
        if let Some(named) = named_by_the_configuration(&common_dir::of_git_dir(&git_dir)) {
            return Some(named);
        }
    }
    let work_tree = place.work_tree.as_ref().unwrap_or(&place.directory);
    below(work_tree, &mut budget, &|name, _| name == ".git", &|name| IN_WORKTREES.contains(&name))
}

/// Returns an obstacle among the config files and the files that they name, wherever they are.
fn named_by_the_configuration(common: &Path) -> Option<PathBuf> {
    let settings = Settings::of(common);
    let home = world::variable("HOME").map(PathBuf::from).unwrap_or_default();
    let files =
        settings.values.iter().filter(|one| one.section == "core" && NAMED.contains(&one.name.as_str()));
    let files = files.map(|one| match one.value.strip_prefix("~/") {
        Some(below) => home.join(below),
        None => PathBuf::from(&one.value),
    });
    let unreadable = settings.unreadable.iter().map(|(file, _)| common.join(file));
    files.chain(unreadable).find(|file| fs::metadata(file).is_ok_and(|found| blocks(found.file_type())))
}

/// Returns whether opening or reading such a file may block. Opening a socket fails instead.
fn blocks(kind: fs::FileType) -> bool {
    kind.is_fifo() || kind.is_char_device() || kind.is_block_device()
}

struct Budget {
    until: Instant,
    left: usize,
}

impl Budget {
    fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        // The clock is read rarely.
        self.left > 0 && (!self.left.is_multiple_of(256) || Instant::now() < self.until)
    }
}

/// Returns the first pipe or device below a folder for whose name `counts` holds. `skip` gets the name of a folder, and whether
/// it is at the top.
fn below(
    top: &Path,
    budget: &mut Budget,
    skip: &dyn Fn(&str, bool) -> bool,
    counts: &dyn Fn(&str) -> bool,
) -> Option<PathBuf> {
    let mut open = vec![top.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !budget.spend() {
                return None;
            }
            let (name, Ok(kind)) = (entry.file_name(), entry.file_type()) else { continue };
            let name = name.to_string_lossy();
            if kind.is_dir() {
                if !skip(&name, folder == top) {
                    open.push(entry.path());
                }
            } else if !kind.is_file() && counts(&name) {
                // Git follows links as well.
                if fs::metadata(entry.path()).is_ok_and(|found| blocks(found.file_type())) {
                    return Some(entry.path());
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    }

    #[test]
    fn what_git_opens_is_found_and_nothing_else() {
        for (name, is_found) in [
            (".git/HEAD", true),
            (".git/worktrees/zz/commondir", true),
            (".git/refs/heads/x", true),
            (".git/info/attributes", true),
            (".git/objects/info/alternates", true),
            (".gitignore", true),
            ("a/b/.gitattributes", true),
            // Git does not open these.
            (".git/orchestra/cache", false),
            (".git/objects/ab/cdef", false),
            ("a/pipe", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir_all(folder.path().join(".git/refs")).unwrap();
            let at = folder.path().join(name);
            pipe(&at);
            let place = GitLocation { directory: folder.path().to_owned(), ..GitLocation::default() };
            assert_eq!(find(&place), is_found.then_some(at), "{name}");
        }
    }

    #[test]
    fn what_the_configuration_names_is_found() {
        for setting in ["[include]\n\tpath = ../pipe\n", "[core]\n\texcludesFile = PIPE\n"] {
            let folder = tempfile::tempdir().unwrap();
            let (git, at) = (folder.path().join(".git"), folder.path().join("pipe"));
            fs::create_dir_all(git.join("refs")).unwrap();
            fs::write(git.join("config"), setting.replace("PIPE", &at.display().to_string())).unwrap();
            pipe(&at);
            let found = find(&GitLocation { directory: folder.path().to_owned(), ..GitLocation::default() });
            assert_eq!(found.map(|found| found.canonicalize().unwrap()), at.canonicalize().ok(), "{setting}");
        }
    }

    #[test]
    fn links_are_followed_and_what_is_no_obstacle_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("repo/.git");
        fs::create_dir_all(git.join("worktrees/a")).unwrap();
        fs::write(git.join("worktrees/a/commondir"), "../..\n").unwrap();
        let work_tree = folder.path().join("a");
        fs::create_dir_all(&work_tree).unwrap();
        let dot_git = format!("gitdir: {}\n", git.join("worktrees/a").display());
        fs::write(work_tree.join(".git"), dot_git).unwrap();
        std::os::unix::fs::symlink("/dev/null", work_tree.join(".gitmodules")).unwrap();
        let place = GitLocation { directory: work_tree.clone(), ..GitLocation::default() };
        assert_eq!(find(&place), Some(work_tree.join(".gitmodules")));
        fs::remove_file(work_tree.join(".gitmodules")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(git.join("daemon.ipc")).unwrap();
        std::os::unix::fs::symlink("nowhere", git.join("info")).unwrap();
        assert_eq!(find(&place), None);
        pipe(&git.join("packed-refs"));
        let found = find(&place).map(|found| found.canonicalize().unwrap());
        assert_eq!(
            found,
            Some(git.join("packed-refs").canonicalize().unwrap()),
            "through the worktree's '.git'"
        );
    }
}
