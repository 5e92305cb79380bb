//! Rules for files. A rule allows something below a path, and no rule takes anything away: so where something in a folder is hidden, its
//! other entries get a rule each. Such a folder cannot be listed, and what is made in it later cannot be read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Bound,
    path::{Path, PathBuf},
};

use super::super::mounts::Mount;
use crate::{Code, Error, Result};

/// The most rules of one sandbox.
const MAX_RULES: usize = 20_000;
/// The most entries of a folder that get a rule each.
const MAX_ENTRIES: usize = 5000;
/// Folders of the machine that are hidden unless a mount shows something in them, as every sandbox by bubblewrap has its own.
const HIDDEN: [&str; 2] = ["/dev", "/run"];

/// The files and folders that an agent can read and write. Everything else is refused.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PathRules {
    /// Those that it can only read, and run.
    pub read: Vec<PathBuf>,
    /// Those that it can also write.
    pub write: Vec<PathBuf>,
}

/// What an agent may do with a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Access {
    Hidden,
    Read,
    Write,
}

impl PathRules {
    /// Makes the rules by which an agent reads and writes the same as with these mounts. What they show at another path than its own is
    /// not part of it.
    ///
    /// # Errors
    /// There are too many files.
    pub(super) fn of(mounts: &[Mount]) -> Result<Self> {
        let mut walk = Walk::new(&covers(mounts));
        walk.enter(Path::new("/"));
        if walk.read.len() + walk.write.len() > MAX_RULES {
            let message = format!("a sandbox by landlock would need more than {MAX_RULES} rules for files");
            return Err(Error::new(Code::SandboxUnavailable, message)
                .hint("git config orchestra.sandboxEngine bubblewrap"));
        }
        Ok(Self { read: walk.read.into_iter().collect(), write: walk.write.into_iter().collect() })
    }
}

/// Returns what is said of paths without links; later ones count.
fn covers(mounts: &[Mount]) -> Vec<(PathBuf, Access)> {
    let of_machine = [("/", Access::Read)].into_iter().chain(HIDDEN.map(|path| (path, Access::Hidden)));
    let of_machine = of_machine.map(|(path, access)| (PathBuf::from(path), access));
    let of_mount = |mount: &Mount| {
        let (path, access) = match mount {
            Mount::Read(from, to) if from == to => (to, Access::Read),
            Mount::Write(from, to) if from == to => (to, Access::Write),
            Mount::Write(_, to) => (to, Access::Hidden),
            Mount::Empty(path) | Mount::Nothing(path) => (path, Access::Hidden),
            Mount::Read(..) | Mount::Sealed(_) => return None,
        };
        Some((path.canonicalize().ok()?, access))
    };
    of_machine.chain(mounts.iter().filter_map(of_mount)).collect()
}

struct Walk {
    /// What may be done with each of the paths of which something is said.
    covers: BTreeMap<PathBuf, Access>,
    read: BTreeSet<PathBuf>,
    write: BTreeSet<PathBuf>,
}

impl Walk {
    fn new(said: &[(PathBuf, Access)]) -> Self {
        let access = |path: &Path| {
            let last = said.iter().rev().find(|(cover, _)| path.starts_with(cover));
            last.map_or(Access::Hidden, |(_, access)| *access)
        };
        let covers = said.iter().map(|(path, _)| (path.clone(), access(path))).collect();
        Self { covers, read: BTreeSet::new(), write: BTreeSet::new() }
    }

    /// Returns what may be done with a path.
    fn access(&self, path: &Path) -> Access {
        path.ancestors().find_map(|above| self.covers.get(above)).copied().unwrap_or(Access::Hidden)
    }

    /// Adds the rules of a path and of everything below it.
    fn enter(&mut self, path: &Path) {
        if self.read.len() + self.write.len() > MAX_RULES {
            return;
        }
        let access = self.access(path);
        let from = (Bound::Excluded(path), Bound::Unbounded);
        let below = self.covers.range::<Path, _>(from).take_while(|(cover, _)| cover.starts_with(path));
        let other: Vec<(PathBuf, Access)> = below
            .filter(|(_, of_cover)| **of_cover != access)
            .map(|(cover, of_cover)| (cover.clone(), *of_cover))
            .collect();
        if access != Access::Hidden && other.iter().any(|(_, of_cover)| *of_cover == Access::Hidden) {
            return entries(path).iter().for_each(|entry| self.enter(entry));
        }
        match access {
            Access::Read => drop(self.read.insert(path.to_owned())),
            Access::Write => drop(self.write.insert(path.to_owned())),
            Access::Hidden => {}
        }
        for (path, _) in other {
            self.enter(&path);
        }
    }
}

/// Returns the files and folders in a folder. A link has no rule: what it leads to has its own.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_ENTRIES);
    let is_shown = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_file());
    entries.filter(is_shown).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_neighbours_of_what_is_hidden_are_named_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for below in
            ["kim/.ssh", "kim/.config/gh", "kim/.config/vim", "kim/src/.git/objects", "kim/src/lib", "own"]
        {
            fs::create_dir_all(root.join(below)).unwrap();
        }
        fs::write(root.join("kim/src/file"), "x").unwrap();
        std::os::unix::fs::symlink(root.join("kim/.ssh"), root.join("kim/src/keys")).unwrap();
        let at = |below: &str| root.join(below);
        let mounts = [
            Mount::Empty(root.clone()),
            Mount::Write(at("own"), at("kim")),
            Mount::read(at("kim/.config")),
            Mount::Empty(at("kim/.config/gh")),
            Mount::read(at("kim/src")),
            Mount::write(at("kim/src/lib")),
            Mount::Empty(at("kim/src/.git")),
            Mount::read(at("kim/src/.git/objects")),
            Mount::read(at("kim/missing")),
        ];
        let rules = PathRules::of(&mounts).unwrap();
        let here = |paths: &[PathBuf]| {
            let below = paths.iter().filter_map(|path| path.strip_prefix(&root).ok());
            below.map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(here(&rules.read), ["kim/.config/vim", "kim/src/.git/objects", "kim/src/file"]);
        assert_eq!(here(&rules.write), ["kim/src/lib"]);
        assert!(rules.read.contains(&"/usr".into()) && !rules.read.contains(&"/".into()));
        let hidden = |path: &str| rules.read.iter().any(|rule| Path::new(path).starts_with(rule));
        assert!(!hidden("/dev/null") && !hidden("/run/x"));
    }

    #[test]
    fn a_folder_that_is_written_stays_one_rule_with_what_is_only_read_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("git/objects/info")).unwrap();
        let mounts = [
            Mount::write(root.join("git")),
            Mount::read(root.join("git/objects/info")),
            Mount::Read(root.join("git"), root.join("git/x")),
        ];
        let rules = PathRules::of(&mounts).unwrap();
        assert_eq!(rules.write, [root.join("git")]);
    }
}
