//! Submodules of a new worktree, made from those of the user's checkout on this disk: nothing is asked on the network.

mod separate;

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::include::Skipped;
use crate::{
    Result,
    git::{Git, Oid, Repo, command, index, worktrees::Worktree},
};

/// How many submodules in each other are made.
const MAX_DEPTH: usize = 10;
/// The most submodules of one repository.
const MAX_SUBMODULES: usize = 500;
/// The most files of a submodule that are compared.
const MAX_FILES: usize = 500_000;
/// The folder of submodules in a git directory.
const MODULES: &str = "modules";

/// A submodule that was made in a worktree.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MadeSubmodule {
    /// Its name, which is its path below `modules` in the registration of the worktree.
    pub name: String,
    /// Its path in the worktree.
    pub path: String,
    /// What stands for its files and its repository as they were made; `None`: there are too many to compare.
    state: Option<String>,
    /// Whether its repository shares no file with another one and names no password, so that an agent in a sandbox can be given it.
    #[serde(default)]
    pub is_separate: bool,
}

impl MadeSubmodule {
    /// Returns whether nobody changed a file of it or its repository, so that it holds no work.
    pub fn is_unchanged(&self, worktree: &Worktree) -> bool {
        let git_dir = worktree.git_dir.join(MODULES).join(&self.name);
        self.state.is_some() && self.state == state_of(&worktree.path.join(&self.path), &git_dir)
    }

    /// Returns the git directory that an agent in a sandbox may write; `None` if it is not separate, or something else is in its place.
    pub fn separate_git_dir(&self, worktree: &Worktree) -> Option<PathBuf> {
        let modules = worktree.git_dir.canonicalize().ok()?.join(MODULES);
        let git_dir = modules.join(&self.name);
        (self.is_separate && is_plain(&self.name) && is_real(&git_dir)).then_some(git_dir)
    }

    /// Separates its repository from every other one, unless it is. No process of the agent may be running. If that fails, an agent in a
    /// sandbox cannot be given it.
    pub fn separate(&mut self, worktree: &Worktree) {
        let git_dir = worktree.git_dir.join(MODULES).join(&self.name);
        if self.is_separate {
            return;
        }
        let was_unchanged = self.is_unchanged(worktree);
        self.is_separate = is_plain(&self.name) && separate::separate(&git_dir).is_ok();
        if was_unchanged {
            self.state = state_of(&worktree.path.join(&self.path), &git_dir);
        }
    }
}

/// Returns whether a path is a folder, without any link on the way.
pub fn is_real(folder: &Path) -> bool {
    folder.is_dir() && folder.canonicalize().is_ok_and(|real| real == folder)
}

/// Where a repository with submodules is: in the user's checkout, and in the new worktree.
struct Place {
    /// Its folder and its git directory in the user's checkout.
    from: (PathBuf, PathBuf),
    /// The same in the worktree.
    to: (PathBuf, PathBuf),
    depth: usize,
}

/// A submodule, as a repository records it.
struct Submodule {
    name: String,
    path: PathBuf,
    commit: Oid,
}

/// Makes the submodules of a worktree that are checked out in the user's checkout, nested ones included. One that cannot be made is
/// noted; those that exist stay. With `borrow` false, they have all objects that those of the checkout borrow from elsewhere.
///
/// # Errors
/// The user's checkout cannot be found.
pub fn make(repo: &Repo, worktree: &Worktree, borrow: bool) -> Result<(Vec<MadeSubmodule>, Vec<Skipped>)> {
    let (mut made, mut skipped) = (Vec::new(), Vec::new());
    let Some(checkout) = repo.main_checkout()? else { return Ok((made, skipped)) };
    let (from, to) = ((checkout, repo.common_dir()?), (worktree.path.clone(), worktree.git_dir.clone()));
    let mut tops = Vec::new();
    let mut pending = vec![Place { from, to, depth: 0 }];
    while let Some(place) = pending.pop() {
        for submodule in submodules_of(repo, &place) {
            let inner = Place {
                from: (place.from.0.join(&submodule.path), place.from.1.join(MODULES).join(&submodule.name)),
                to: (place.to.0.join(&submodule.path), place.to.1.join(MODULES).join(&submodule.name)),
                depth: place.depth + 1,
            };
            let is_wanted = fs::symlink_metadata(inner.from.0.join(".git")).is_ok() && inner.from.1.is_dir();
            if !is_wanted || inner.to.1.exists() || !is_empty(&inner.to.0) {
                continue;
            }
            if let Err(why) = make_one(repo, &submodule, &inner, borrow) {
                let shown = inner.to.0.strip_prefix(&worktree.path).unwrap_or(&submodule.path);
                skipped.push(Skipped::new(shown.as_os_str().as_bytes(), &why));
                continue;
            }
            if place.depth == 0 {
                tops.push((submodule.name.clone(), submodule.path.clone()));
            }
            if inner.depth < MAX_DEPTH {
                pending.push(inner);
            }
        }
    }
    // The state includes what is nested.
    for (name, path) in tops {
        let state = state_of(&worktree.path.join(&path), &worktree.git_dir.join(MODULES).join(&name));
        made.push(MadeSubmodule {
            name,
            path: path.to_string_lossy().into_owned(),
            state,
            is_separate: false,
        });
    }
    Ok((made, skipped))
}

/// Lists the submodules whose commit is in the index of a place, and whose name `.gitmodules` has.
fn submodules_of(repo: &Repo, place: &Place) -> Vec<Submodule> {
    let links = index::gitlinks(&place.to.1.join("index")).unwrap_or_default();
    let file = place.to.0.join(".gitmodules");
    if links.is_empty() || !fs::symlink_metadata(&file).is_ok_and(|found| found.is_file()) {
        return Vec::new();
    }
    let git = Git::new(repo.environment(), &place.to.0, "config").args(["-z", "--file"]).arg(&file);
    let Ok(listed) = git.args(["--get-regexp", r"^submodule\..*\.path$"]).run() else { return Vec::new() };
    let named = listed.split(|byte| *byte == 0).filter_map(|entry| {
        let (key, path) = std::str::from_utf8(entry).ok()?.split_once('\n')?;
        let name = key.strip_prefix("submodule.")?.strip_suffix(".path")?;
        Some((name.to_owned(), path.to_owned()))
    });
    named
        .filter(|(name, path)| is_plain(name) && is_plain(path))
        .filter_map(|(name, path)| {
            let commit = links.iter().find(|(link, _)| link.as_slice() == path.as_bytes())?.1;
            Some(Submodule { name, path: path.into(), commit })
        })
        .take(MAX_SUBMODULES)
        .collect()
}

/// Returns whether a path stays below its folder, and is no option of a program.
pub(super) fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('-')
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(name) if !name.eq_ignore_ascii_case(".git")))
}

fn is_empty(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir())
        && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

/// Makes one submodule from that of the user's checkout; the objects are shared by hard links. Says why it cannot.
fn make_one(repo: &Repo, submodule: &Submodule, place: &Place, borrow: bool) -> Result<(), String> {
    let commit = submodule.commit.to_string();
    let git =
        |folder: &Path, verb: &str| Git::new(repo.environment(), folder, verb).limit(command::LONG_LIMIT);
    let has_commit = git(&place.from.1, "cat-file").args(["-e", &format!("{commit}^{{commit}}")]).run();
    if has_commit.is_err() {
        return Err("your checkout does not have its commit; 'git submodule update' gets it".to_owned());
    }
    let make = || -> Result<()> {
        if let Some(above) = place.to.1.parent() {
            fs::create_dir_all(above).map_err(|error| crate::Error::internal(error.to_string()))?;
        }
        let clone = git(&place.from.1, "clone").args(["--quiet", "--local", "--no-checkout"]);
        clone
            .args((!borrow).then_some("--dissociate"))
            .arg("--separate-git-dir")
            .arg(&place.to.1)
            .arg("--")
            .arg(&place.from.1)
            .arg(&place.to.0)
            .run()?;
        let url = git(&place.from.1, "config").args(["--local", "remote.origin.url"]).line();
        if let Ok(url) = url {
            git(&place.to.0, "config").args(["--local", "remote.origin.url", url.as_str()]).run()?;
        }
        git(&place.to.0, "checkout").args(["--quiet", "--detach", commit.as_str()]).run().map(drop)
    };
    make().map_err(|error| {
        let _ = fs::remove_dir_all(&place.to.1);
        let _ = fs::remove_dir_all(&place.to.0);
        let _ = fs::create_dir(&place.to.0);
        format!("it cannot be made: {}", error.one_line())
    })
}

/// Returns what stands for all files of a submodule and of its repository: their names, sizes, modes, and times.
fn state_of(folder: &Path, git_dir: &Path) -> Option<String> {
    let mut digest = Sha256::new();
    let mut count = 0;
    for top in [folder, git_dir] {
        let mut pending = vec![top.to_owned()];
        while let Some(folder) = pending.pop() {
            let mut entries: Vec<_> = fs::read_dir(&folder).ok()?.flatten().collect();
            entries.sort_unstable_by_key(fs::DirEntry::file_name);
            count += entries.len();
            if count > MAX_FILES {
                return None;
            }
            for entry in entries {
                let (path, found) = (entry.path(), entry.metadata().ok()?);
                if found.is_dir() {
                    pending.push(path);
                    continue;
                }
                // Git refreshes it whenever it looks; what is staged is an object, too.
                if top == git_dir && entry.file_name() == OsStr::new("index") {
                    continue;
                }
                let below = path.strip_prefix(top).unwrap_or(&path);
                digest.update(below.as_os_str().as_bytes());
                digest.update(format!(
                    "\0{:o} {} {}.{}\n",
                    found.mode(),
                    found.len(),
                    found.mtime(),
                    found.mtime_nsec()
                ));
            }
        }
    }
    Some(faster_hex::hex_string(&digest.finalize()[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for (path, plain) in [
            ("lib", true),
            ("third party/lib", true),
            ("", false),
            ("..", false),
            ("a/../../b", false),
            ("/etc", false),
            ("-x", false),
            ("a/.git/b", false),
            (".GIT", false),
        ] {
            assert_eq!(is_plain(path), plain, "{path}");
        }
    }
}
