//! Which files git ignores, by rules that we read ourselves: git would open whatever is in the place of a `.gitignore`.

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

/// Maximum size of a file of rules, in bytes.
const MAX_RULES_BYTES: u64 = 4 << 20;

/// The rules that apply in the current folder of a walk.
pub struct IgnoreRules {
    search: Search,
    case: Case,
}

impl IgnoreRules {
    /// Reads the rules that apply everywhere: the user's own, and those in `info/exclude` of `repo`, an isolated git directory.
    pub fn of(repo: &Repo) -> Self {
        let mut rules = Self::empty(repo);
        let user_rules =
            repo.config_path("core.excludesFile").or_else(|| user_file(repo.environment(), "ignore"));
        let repository_rules = repo.gix.git_dir().join("info/exclude");
        for path in user_rules.into_iter().chain([repository_rules]) {
            rules.add_file(&path);
        }
        rules
    }

    /// Returns rules that consist of these lines only, by the settings of `repo`.
    pub fn of_lines(repo: &Repo, lines: &[u8]) -> Self {
        let mut rules = Self::empty(repo);
        rules.enter(Path::new(""), lines);
        rules
    }

    fn empty(repo: &Repo) -> Self {
        let config = repo.gix.config_snapshot();
        let case =
            if config.boolean("core.ignoreCase").unwrap_or(false) { Case::Fold } else { Case::Sensitive };
        Self { search: Search::default(), case }
    }

    fn add_file(&mut self, path: &Path) {
        let bytes = careful::open_regular_through_links(path)
            .and_then(|file| careful::read_up_to(file, MAX_RULES_BYTES))
            .ok()
            .flatten();
        let _ = self.search.add_patterns_buffer(&bytes.unwrap_or_default(), path, None, Ignore::default());
    }

    /// Adds the rules of a folder's `.gitignore`; `folder` is relative to the worktree. They apply until [`IgnoreRules::leave`].
    pub fn enter(&mut self, folder: &Path, rules: &[u8]) {
        let source = folder.join(".gitignore");
        let _ = self.search.add_patterns_buffer(rules, source, Some(Path::new("")), Ignore::default());
    }

    /// Removes the rules that were added last.
    pub fn leave(&mut self) {
        self.search.patterns.pop();
    }

    /// Returns whether a path is ignored. The caller has not entered an ignored folder.
    pub fn ignores(&self, path: &[u8], is_folder: bool) -> bool {
        let path: &BStr = path.as_bstr();
        self.search
            .pattern_matching_relative_path(path, Some(is_folder), self.case)
            .is_some_and(|found| !found.pattern.is_negative())
    }
}

/// Returns the path of a file in the caller's git configuration folder.
pub fn user_file(environment: &Environment, name: &str) -> Option<PathBuf> {
    let folder = environment.variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(environment.home()?.join(".config")))?;
    Some(folder.join("git").join(name))
}
