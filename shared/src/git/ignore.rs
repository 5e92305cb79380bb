//! Which files git ignores, from rules that we read ourselves: git would open whatever lies in a `.gitignore`'s place.

use std::path::{Path, PathBuf};

use gix::{
    bstr::{BStr, ByteSlice},
    glob::pattern::Case,
    ignore::{Search, search::Ignore},
};

use crate::{
    git::{Repo, careful},
    world::Environment,
};

/// Largest file of rules that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// The rules that hold in one folder of a worktree.
pub struct IgnoreRules {
    search: Search,
    case: Case,
}

impl IgnoreRules {
    /// The rules that hold everywhere: the user's own, and those of the repository, as `repo` (a shadow) has them.
    pub fn of(repo: &Repo) -> Self {
        let config = repo.gix.config_snapshot();
        let case =
            if config.boolean("core.ignoreCase").unwrap_or(false) { Case::Fold } else { Case::Sensitive };
        let mut rules = Self { search: Search::default(), case };
        let of_the_user =
            repo.config_path("core.excludesFile").or_else(|| user_file(repo.environment(), "ignore"));
        let of_the_repository = repo.gix.git_dir().join("info/exclude");
        for path in of_the_user.into_iter().chain([of_the_repository]) {
            rules.add_file(&path);
        }
        rules
    }

    fn add_file(&mut self, path: &Path) {
        let bytes = careful::open_regular_through_links(path)
            .and_then(|file| careful::read_up_to(file, LARGEST))
            .ok()
            .flatten();
        let _ = self.search.add_patterns_buffer(&bytes.unwrap_or_default(), path, None, Ignore::default());
    }

    /// Adds the rules of a folder's own file; `folder` is relative to the worktree. They hold until [`IgnoreRules::leave`].
    pub fn enter(&mut self, folder: &Path, rules: &[u8]) {
        let source = folder.join(".gitignore");
        let _ = self.search.add_patterns_buffer(rules, source, Some(Path::new("")), Ignore::default());
    }

    /// Takes the rules away that were added last.
    pub fn leave(&mut self) {
        self.search.patterns.pop();
    }

    /// Whether a path is ignored. Whoever asks has not gone into a folder that is.
    pub fn ignores(&self, path: &[u8], is_folder: bool) -> bool {
        let path: &BStr = path.as_bstr();
        self.search
            .pattern_matching_relative_path(path, Some(is_folder), self.case)
            .is_some_and(|found| !found.pattern.is_negative())
    }
}

/// A file of the caller's own git configuration folder.
pub fn user_file(environment: &Environment, name: &str) -> Option<PathBuf> {
    let folder = environment.variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(environment.home()?.join(".config")))?;
    Some(folder.join("git").join(name))
}
