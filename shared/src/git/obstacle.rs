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
};

/// How long git may run before the first search.
pub(super) const FIRST_SEARCH_AFTER: Duration = Duration::from_secs(2);
/// How long until the next search.
const SEARCH_INTERVAL: Duration = Duration::from_secs(20);
/// Maximum time of one search, and maximum number of entries that it visits.
const MAX_SEARCH_TIME: Duration = Duration::from_secs(1);
const MAX_ENTRIES: usize = 200_000;

/// Folders of a git directory in which git opens no file by a fixed name, or none at all.
const SKIPPED_FOLDERS: &[&str] = &["objects", "orchestra", "modules", "lost-found"];
/// Files that git opens in every folder of a worktree.
const WORKTREE_FILES: &[&str] = &[".gitignore", ".gitattributes", ".gitmodules", ".mailmap"];

/// Settings of `core` that name a file which git reads.
const FILE_SETTINGS: &[&str] = &["attributesfile", "excludesfile"];

/// The folders of a git process.
#[derive(Clone, Debug, Default)]
pub(super) struct GitLocation {
    /// The folder in which it was started.
    pub(super) directory: PathBuf,
    /// The home folder of the caller for whom it was started.
    pub(super) home: Option<PathBuf>,
    /// Its git directory, if it was passed one.
    pub(super) git_dir: Option<PathBuf>,
    /// Its worktree, if it was passed one.
    pub(super) work_tree: Option<PathBuf>,
}

/// Decides when to search, and searches.
#[derive(Debug)]
pub(super) struct ObstacleWatch {
    location: GitLocation,
    next: Instant,
}

impl ObstacleWatch {
    pub(super) fn begin(location: GitLocation) -> Self {
        Self { location, next: Instant::now() + FIRST_SEARCH_AFTER }
    }

    /// Returns the time until the next search.
    pub(super) fn pause(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Returns the error of a git that is blocked; `None` if it is too early to search, or nothing blocks it.
    pub(super) fn check(&mut self, what: &str) -> Option<Error> {
        if Instant::now() < self.next {
            return None;
        }
        self.next = Instant::now() + SEARCH_INTERVAL;
        let found = find_obstacle(&self.location)?;
        Some(
            Error::new(Code::NotAFile, format!("{what} is blocked: '{}' is not a file", found.display()))
                .hint(format!("inspect it, then {}", quote::command(&[&"rm", &found]))),
        )
    }
}

/// Returns the first obstacle that is found.
fn find_obstacle(location: &GitLocation) -> Option<PathBuf> {
    let mut budget = SearchBudget { until: Instant::now() + MAX_SEARCH_TIME, left: MAX_ENTRIES };
    let git_dir = location.git_dir.clone().or_else(|| Some(common_dir::locate(&location.directory)?.git_dir));
    if let Some(git_dir) = git_dir {
        let common = common_dir::of_git_dir(&git_dir);
        let common = common.canonicalize().unwrap_or(common);
        for (folder, skipped) in [
            (common.join("objects/info"), &[][..]),
            (common.join("objects/pack"), &[]),
            (common, SKIPPED_FOLDERS),
        ] {
            let found =
                find_below(&folder, &mut budget, &|name, top| top && skipped.contains(&name), &|_| true);
            if found.is_some() {
                return found;
            }
        }
        if let Some(named) =
            obstacle_in_configuration(&common_dir::of_git_dir(&git_dir), location.home.as_deref())
        {
            return Some(named);
        }
    }
    let work_tree = location.work_tree.as_ref().unwrap_or(&location.directory);
    find_below(work_tree, &mut budget, &|name, _| name == ".git", &|name| WORKTREE_FILES.contains(&name))
}

/// Returns an obstacle among the config files and the files that they name, wherever they are.
fn obstacle_in_configuration(common: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let settings = Settings::of(common, home);
    let home = home.unwrap_or(Path::new(""));
    let files = settings
        .values
        .iter()
        .filter(|one| one.section == "core" && FILE_SETTINGS.contains(&one.name.as_str()));
    let files = files.map(|one| match one.value.strip_prefix("~/") {
        Some(below) => home.join(below),
        None => PathBuf::from(&one.value),
    });
    let unreadable = settings.unreadable.iter().map(|(file, _)| common.join(file));
    files.chain(unreadable).find(|file| fs::metadata(file).is_ok_and(|found| may_block(found.file_type())))
}

/// Returns whether opening or reading such a file may block. Opening a socket fails instead.
fn may_block(kind: fs::FileType) -> bool {
    kind.is_fifo() || kind.is_char_device() || kind.is_block_device()
}

struct SearchBudget {
    until: Instant,
    left: usize,
}

impl SearchBudget {
    fn spend(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        // The clock is read rarely.
        self.left > 0 && (!self.left.is_multiple_of(256) || Instant::now() < self.until)
    }
}

/// Returns the first pipe or device below a folder for whose name `is_opened_by_git` holds. `skip` gets the name of a folder, and whether
/// it is at the top.
fn find_below(
    top: &Path,
    budget: &mut SearchBudget,
    skip: &dyn Fn(&str, bool) -> bool,
    is_opened_by_git: &dyn Fn(&str) -> bool,
) -> Option<PathBuf> {
    let mut pending = vec![top.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !budget.spend() {
                return None;
            }
            let (name, Ok(kind)) = (entry.file_name(), entry.file_type()) else { continue };
            let name = name.to_string_lossy();
            if kind.is_dir() {
                if !skip(&name, folder == top) {
                    pending.push(entry.path());
                }
            } else if !kind.is_file() && is_opened_by_git(&name) {
                // Git follows links as well.
                if fs::metadata(entry.path()).is_ok_and(|found| may_block(found.file_type())) {
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
            let location = GitLocation { directory: folder.path().to_owned(), ..GitLocation::default() };
            assert_eq!(find_obstacle(&location), is_found.then_some(at), "{name}");
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
            let found =
                find_obstacle(&GitLocation { directory: folder.path().to_owned(), ..GitLocation::default() });
            assert_eq!(found.map(|found| found.canonicalize().unwrap()), at.canonicalize().ok(), "{setting}");
        }
    }

    #[test]
    fn links_are_followed_and_harmless_files_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("repo/.git");
        fs::create_dir_all(git.join("worktrees/a")).unwrap();
        fs::write(git.join("worktrees/a/commondir"), "../..\n").unwrap();
        let work_tree = folder.path().join("a");
        fs::create_dir_all(&work_tree).unwrap();
        let dot_git = format!("gitdir: {}\n", git.join("worktrees/a").display());
        fs::write(work_tree.join(".git"), dot_git).unwrap();
        std::os::unix::fs::symlink("/dev/null", work_tree.join(".gitmodules")).unwrap();
        let location = GitLocation { directory: work_tree.clone(), ..GitLocation::default() };
        assert_eq!(find_obstacle(&location), Some(work_tree.join(".gitmodules")));
        fs::remove_file(work_tree.join(".gitmodules")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(git.join("daemon.ipc")).unwrap();
        std::os::unix::fs::symlink("nowhere", git.join("info")).unwrap();
        assert_eq!(find_obstacle(&location), None);
        pipe(&git.join("packed-refs"));
        let found = find_obstacle(&location).map(|found| found.canonicalize().unwrap());
        assert_eq!(
            found,
            Some(git.join("packed-refs").canonicalize().unwrap()),
            "through the worktree's '.git'"
        );
    }
}
