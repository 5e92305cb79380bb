//! The `orchestra.*` keys of git config: the table from which the documentation is made, and how keys are read.
//!
//! A new key is a line in the table ([`keys`]) and a `config.get(&KEY)` where it is needed.

mod editing;
mod key;
pub mod keys;
mod kind;
mod project;
mod project_flaws;
mod setting;
mod table_key;

use std::path::PathBuf;

pub use self::{
    editing::Edit,
    key::{Choices, Described, Key, NamedKey, NamedRepeatedKey, ProjectUse, RepeatedKey},
    keys::KEYS,
    project::{Decision, Proposal},
    project_flaws::{ProjectFlaw, ProjectFlawKind, project_flaws},
    setting::{Setting, Settings},
    table_key::{TableKey, normalized, short_name, suggestion},
};
use crate::{
    Code, Error, Result,
    git::{Git, Repo, config_entries::ConfigEntry, ref_names},
    model::{Permission, SandboxLevel, nearest::nearest, quote},
    world::Environment,
};

/// The section of orchestra's keys in git config.
const SECTION: &str = "orchestra";

/// Maximum number of branches that are compared with a value.
const MAX_BRANCHES: usize = 10_000;

/// The user's settings for one repository.
pub struct Config<'repo> {
    repo: &'repo Repo,
}

impl<'repo> Config<'repo> {
    /// Returns the settings that git finds from this repository.
    pub const fn of(repo: &'repo Repo) -> Self {
        Self { repo }
    }

    /// The environment of the caller for whom the settings are read.
    pub const fn environment(&self) -> &Environment {
        self.repo.environment()
    }

    /// Returns the repository's private folder, in which programs find the files that are made for them.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn private_dir(&self) -> Result<PathBuf> {
        self.repo.private_dir()
    }

    /// Returns the value of a key, or its default if it is not set or empty.
    ///
    /// # Errors
    /// The value is not of the key's type.
    pub fn get<T>(&self, key: &Key<T>) -> Result<T> {
        Ok(self.get_if_set(key)?.unwrap_or_else(|| key.default()))
    }

    /// Returns the value of a key if it is set and not empty.
    ///
    /// # Errors
    /// The value is not of the key's type.
    pub fn get_if_set<T>(&self, key: &Key<T>) -> Result<Option<T>> {
        let parsed =
            |(name, value): (&str, String)| key.parse(name, &value).map_err(|error| self.placed(name, error));
        if let Some(own) = self.raw(key) {
            return parsed(own).map(Some);
        }
        if self.has_own(key.names()) {
            // An empty value leaves out what the project's file says.
            return Ok(None);
        }
        let values = self.project_values(key.names(), key.project())?;
        let value = values.into_iter().rev().find(|value| !value.is_empty());
        let of_project =
            |value: String| key.parse(key.name(), &value).map_err(|error| error.hint(project::PLACE));
        value.map(of_project).transpose()
    }

    /// Returns the value of a key, or its default if it is not set, empty, or invalid. For commands that must not fail because of a
    /// setting, such as `status` and `stop`, and for keys for which every value is valid.
    pub fn get_or_default<T>(&self, key: &Key<T>) -> T {
        self.get(key).unwrap_or_else(|_| key.default())
    }

    /// Returns all values of a key that may be given several times, in the order of git config.
    pub fn all(&self, key: &RepeatedKey) -> Vec<String> {
        key.names().flat_map(|name| self.repo.config_all(name)).collect()
    }

    /// Returns the sandbox of agents: the stricter one of the user's and of the project's.
    ///
    /// # Errors
    /// A value is no sandbox (3).
    pub fn sandbox(&self) -> Result<SandboxLevel> {
        let key = &keys::SANDBOX;
        let values = self.project_values(key.names(), key.project())?;
        let project = values.into_iter().rev().find(|value| !value.is_empty());
        let of_project =
            |value: String| key.parse(key.name(), &value).map_err(|error| error.hint(project::PLACE));
        let own = self.get(key)?;
        Ok(own.max(project.map(of_project).transpose()?.unwrap_or_default()))
    }

    /// Like [`Config::all`], for a key whose values have a type.
    ///
    /// # Errors
    /// A value is not of the key's type (3).
    pub fn valid(&self, key: &RepeatedKey) -> Result<Vec<String>> {
        let values = self.all(key);
        if values.is_empty() {
            let values = self.project_values(key.names(), key.project())?;
            return values
                .iter()
                .map(|value| key.parse(value).map_err(|error| error.hint(project::PLACE)))
                .collect();
        }
        values
            .iter()
            .map(|value| key.parse(value).map_err(|error| self.placed_value(key, value, error)))
            .collect()
    }

    /// Returns the folders that a key names, with `~` expanded; other relative ones are in the repository's own folder.
    ///
    /// # Errors
    /// One of them does not exist (3): programs ignore a missing folder without a word.
    pub fn folders(&self, key: &RepeatedKey) -> Result<Vec<PathBuf>> {
        let values = self.valid(key)?;
        if values.is_empty() {
            return Ok(Vec::new());
        }
        let own = self.repo.main_checkout()?.map_or_else(|| self.repo.common_dir(), Ok)?;
        let folder = |value: &String| {
            let home = value.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
            let folder = match (home, self.environment().home()) {
                (Some(below), Some(home)) => home.join(below.trim_start_matches('/')),
                _ => own.join(value),
            };
            if folder.is_dir() {
                return Ok(folder);
            }
            Err(self.placed_value(key, value, key.refused(value, "which is not a folder")))
        };
        values.iter().map(folder).collect()
    }

    /// Makes an error about the value of a key, which says where it is set. `why` completes the sentence; `better` is a value that
    /// would be accepted.
    pub fn refused<T>(&self, key: &Key<T>, why: &str, better: Option<&str>) -> Error {
        match self.raw(key) {
            Some((name, value)) => self.placed(name, key.refused_for(name, &value, why, better)),
            None => key.refused_for(key.name(), &self.text(key), why, better).hint(project::PLACE),
        }
    }

    /// Returns the error of a key that names no branch, or none that can be used, with the branch that was probably meant.
    pub fn refused_branch<T>(&self, key: &Key<T>, why: &str) -> Error {
        let value = self.text(key);
        let branches = self.repo.refs_below(ref_names::BRANCHES).unwrap_or_default();
        let names = branches.iter().filter_map(|(name, _)| name.strip_prefix(ref_names::BRANCHES));
        let near = nearest(&value, names.take(MAX_BRANCHES).map(str::to_owned).collect());
        self.refused(key, why, near.as_deref())
    }

    /// Returns the value of a key that applies, as text; empty if there is none.
    fn text<T>(&self, key: &Key<T>) -> String {
        let of_project = || self.project_values(key.names(), key.project()).unwrap_or_default().pop();
        self.raw(key).map(|(_, value)| value).or_else(of_project).unwrap_or_default()
    }

    /// Adds to an error where the value of a key is set.
    fn placed(&self, name: &str, error: Error) -> Error {
        let name = normalized(name);
        self.placed_by(error, |entry| entry.name == name)
    }

    /// Like [`Config::placed`], for one value of a key that may be given several times.
    fn placed_value(&self, key: &RepeatedKey, value: &str, error: Error) -> Error {
        let names: Vec<String> = key.names().map(normalized).collect();
        self.placed_by(error, |entry| names.contains(&entry.name) && entry.value == value)
    }

    fn placed_by(&self, error: Error, is_it: impl Fn(&ConfigEntry) -> bool) -> Error {
        let entry = self.repo.config_entries(SECTION).into_iter().rev().find(is_it);
        match entry.and_then(|entry| entry.file) {
            Some(file) => error.hint(format!("it is set in {}", quote::word(&file))),
            None => error,
        }
    }

    /// Sets a key in the repository's own config, and replaces its values there.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn set<T>(&self, key: &Key<T>, value: &str) -> Result<()> {
        self.repo.edit_config(&["--replace-all", key.name(), value]).map(|_| ())
    }

    /// Adds a value to a key that may be given several times, in the repository's own config.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn add(&self, key: &RepeatedKey, value: &str) -> Result<()> {
        self.repo.edit_config(&["--add", key.name(), value]).map(|_| ())
    }

    /// Removes a key, and its old name, from the repository's own config. Returns whether it was there.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn unset<T>(&self, key: &Key<T>) -> Result<bool> {
        let mut found = false;
        for name in key.names() {
            found |= self.repo.edit_config(&["--unset-all", name])? == 0;
        }
        Ok(found)
    }

    /// Returns the names for which the user set a key, sorted.
    pub fn names<T>(&self, key: &NamedKey<Option<T>>) -> Vec<String> {
        if let Some(before) = key.before_last_name() {
            // The name is the last part, which git has in lower case.
            let entries = self.repo.config_entries(SECTION).into_iter();
            let mut names: Vec<String> =
                entries.filter_map(|entry| entry.name.strip_prefix(before).map(str::to_owned)).collect();
            names.retain(|name| self.get_or_default(&key.of(name)).is_some());
            names.sort_unstable();
            names.dedup();
            return names;
        }
        let mut subsections = self.repo.config_sections(SECTION);
        subsections.extend(self.project_sections());
        let names = subsections.iter().filter_map(|subsection| key.name_in(subsection));
        let is_set = |name: &&str| self.get_or_default(&key.of(name)).is_some();
        let mut names: Vec<String> = names.filter(is_set).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the names for which a key that may be given several times is set, sorted.
    pub fn repeated_names(&self, key: &NamedRepeatedKey) -> Vec<String> {
        let mut subsections = self.repo.config_sections(SECTION);
        subsections.extend(self.project_sections());
        let names = subsections.iter().filter_map(|subsection| key.name_in(subsection));
        let is_set = |name: &&str| self.valid(&key.of(name)).is_ok_and(|values| !values.is_empty());
        let mut names: Vec<String> = names.filter(is_set).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns what a coding agent may do without asking.
    ///
    /// # Errors
    /// The value is invalid, or allows everything, which must be typed each time.
    pub fn permission(&self) -> Result<Permission> {
        self.permanent_permission(&keys::PERMISSION)
    }

    /// Returns what a reviewing agent may do without asking.
    ///
    /// # Errors
    /// As [`Config::permission`].
    pub fn review_permission(&self) -> Result<Permission> {
        self.permanent_permission(&keys::REVIEW_PERMISSION)
    }

    /// Returns what agents of a profile may do without asking, if that is configured for the profile.
    ///
    /// # Errors
    /// As [`Config::permission`].
    pub fn profile_permission(&self, profile: &str) -> Result<Option<Permission>> {
        self.permanent_permission(&keys::AGENT_PERMISSION.of(profile))
    }

    /// Returns the name of the key that [`Config::profile_permission`] reads.
    pub fn profile_permission_key(profile: &str) -> String {
        keys::AGENT_PERMISSION.of(profile).name().to_owned()
    }

    fn permanent_permission<T>(&self, key: &Key<T>) -> Result<T> {
        let allows_everything = |value: &str| Permission::parse(value) == Some(Permission::BypassPermissions);
        match self.raw(key) {
            Some((name, value)) if allows_everything(&value) => {
                let error =
                    Error::refused(format!("git config '{name}' must not allow everything permanently"))
                        .hint(key.hint(Permission::AcceptEdits.as_str()))
                        .hint("type --permission bypassPermissions for the agents that should have it");
                Err(self.placed(name, error))
            }
            _ => self.get(key),
        }
    }

    /// Returns the folder for worktrees if the user chose one, with `~` expanded.
    ///
    /// # Errors
    /// The value is not a path, such as one in the home of a user who does not exist.
    pub fn worktrees(&self) -> Result<Option<PathBuf>> {
        let path = self.repo.path_setting(keys::WORKTREES.name());
        path.map_err(|why| self.bad_worktrees("not a path").because(why))
    }

    /// Makes an error about the folder for worktrees. `why` completes the sentence.
    pub fn bad_worktrees(&self, why: &str) -> Error {
        let key = &keys::WORKTREES;
        let value = self.raw(key).map(|(_, value)| value).unwrap_or_default();
        let shown = crate::model::text::safe(&value).into_owned();
        Error::new(Code::ConfigInvalid, format!("git config '{}' is '{shown}', {why}", key.name()))
            .hint(key.hint("../another-folder"))
    }

    /// Returns a hint on how to choose another folder for worktrees.
    pub fn worktrees_hint() -> String {
        keys::WORKTREES.hint("/a/folder/that/can/be/written")
    }

    /// Returns whether git's configuration has a key, under any of its names.
    fn has_own<'name>(&self, mut names: impl Iterator<Item = &'name str>) -> bool {
        names.any(|name| self.repo.config(name).is_some())
    }

    /// Returns the value as text with the name that has it. The old name counts only if the new one is not set.
    fn raw<'key, T>(&self, key: &'key Key<T>) -> Option<(&'key str, String)> {
        let mut values = key.names().filter_map(|name| Some((name, self.repo.config(name)?)));
        values.find(|(_, value)| !value.is_empty())
    }
}

/// Returns the values of a key in the user's and the system's configuration, without those of a repository. For completions, which
/// run at a key press, when the user cannot be asked.
pub fn user_values(environment: &Environment, key: &RepeatedKey) -> Vec<String> {
    let of_the_user =
        |(scope, value): (String, String)| matches!(scope.as_str(), "global" | "system").then_some(value);
    values_here(environment, key.names()).into_iter().filter_map(of_the_user).collect()
}

/// Returns the value of a key, or its default, for a command that works without a repository.
///
/// # Errors
/// The value is not of the key's type.
pub fn user_value<T>(environment: &Environment, key: &Key<T>) -> Result<T> {
    let last = values_here(environment, key.names()).pop().filter(|(_, value)| !value.is_empty());
    last.map_or_else(|| Ok(key.default()), |(_, value)| key.parse(key.name(), &value))
}

/// Returns the values that git finds for keys from the caller's folder, each with its scope.
fn values_here<'a>(environment: &Environment, names: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    let names: Vec<String> = names.map(|name| name.replace('.', r"\.").to_lowercase()).collect();
    let pattern = format!("^({})$", names.join("|"));
    let asked = Git::new(environment, environment.directory(), "config")
        .args(["--show-scope", "--get-regexp", &pattern])
        .line();
    let entry = |line: &str| {
        let (scope, entry) = line.split_once('\t')?;
        Some((scope.to_owned(), entry.split_once(' ')?.1.to_owned()))
    };
    asked.unwrap_or_default().lines().filter_map(entry).collect()
}

/// Returns whether a key names no command, leads nowhere and limits no agent, so that nobody has to accept a change of it. `name` is in lower case and without the section.
pub fn only_measures(name: &str) -> bool {
    let is_it = |full: &str| full.split_once('.').is_some_and(|(_, key)| key.eq_ignore_ascii_case(name));
    KEYS.iter()
        .any(|key| key.only_measures().is_some() && (is_it(key.name()) || key.old_name().is_some_and(is_it)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_default_is_read_as_itself() {
        for key in KEYS {
            let default = key.default_text();
            if !default.is_empty() && !default.contains('<') {
                assert_eq!(key.rewritten(&default).as_deref(), Some(default.as_str()), "{}", key.name());
            }
        }
    }

    #[test]
    fn names_are_unique_and_descriptions_are_sentences() {
        let mut seen = BTreeSet::new();
        for key in KEYS {
            let (name, what) = (key.name(), key.what());
            assert!(name.starts_with("orchestra."), "{name}");
            assert!(seen.insert(name.to_lowercase()), "{name} is in the table twice");
            assert!(key.old_name().is_none_or(|old| seen.insert(old.to_lowercase())), "{name}");
            assert!(!what.is_empty() && !what.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_key_that_is_declared_is_in_the_table() {
        let table = include_str!("keys/mod.rs");
        let files = [
            include_str!("keys/agents.rs"),
            include_str!("keys/caps.rs"),
            include_str!("keys/children.rs"),
            include_str!("keys/forges.rs"),
            include_str!("keys/landing.rs"),
            include_str!("keys/limits.rs"),
            include_str!("keys/profiles.rs"),
            include_str!("keys/sharing.rs"),
            include_str!("keys/teams.rs"),
            include_str!("keys/ui.rs"),
            include_str!("keys/mcp.rs"),
            include_str!("keys/worktrees.rs"),
        ];
        let declared = files.iter().flat_map(|file| file.lines()).filter_map(|line| {
            let line =
                line.strip_prefix("pub static ").or(line.strip_prefix("pub(in crate::config) static "));
            Some(line?.split_once(':')?.0)
        });
        let declared: Vec<&str> = declared.collect();
        assert_eq!(declared.len(), KEYS.len());
        for name in declared {
            assert!(table.contains(&format!("    &{name},\n")), "{name} is not in the table");
        }
    }

    #[test]
    fn named_keys_contain_a_name() {
        assert_eq!(keys::AGENT_COMMAND.of("mine").name(), "orchestra.agent.mine.command");
        assert_eq!(keys::AGENT_COMMAND.name_in("agent.mine"), Some("mine"));
        assert_eq!(keys::AGENT_COMMAND.name_in("review"), None);
        assert_eq!(keys::PRICE.before_last_name(), Some("orchestra.price."));
        assert_eq!(keys::AGENT_COMMAND.before_last_name(), None);
    }

    #[test]
    fn a_wrong_value_is_shown_with_the_expected_type() {
        let error = keys::JOBS.parse("orchestra.jobs", "x\u{1b}").unwrap_err();
        assert_eq!(error.message, "git config 'orchestra.jobs' is 'x\\e', not a number from 1 to 1000");
        assert_eq!(error.hints, ["git config orchestra.jobs 3"]);
    }

    #[test]
    fn every_key_that_nobody_accepts_has_a_reason_and_limits_no_agent() {
        for key in KEYS.iter().filter(|key| key.only_measures().is_some()) {
            let (name, why) = (key.name(), key.only_measures().unwrap_or_default());
            let is_of_project = key.project() == ProjectUse::Sets;
            assert_eq!(
                why.contains("the project may set it"),
                is_of_project && why.starts_with("the"),
                "{name}"
            );
            let looks_like_limit = name.contains(".max") || name.contains(".min");
            assert!(!why.is_empty() && (is_of_project || !looks_like_limit), "{name} is a limit: {why}");
        }
    }

    #[test]
    fn some_keys_only_measure() {
        assert!(only_measures("maxtime") && only_measures("label"));
        for limit in [
            "maxJobs",
            "slots",
            "checkJobs",
            "grace",
            "maxOutput",
            "maxFile",
            "minFree",
            "minMemory",
            "maxPressure",
            "checkAge",
            "maxInclude",
            "maxDepth",
            "maxChildren",
            "maxMessagesPerHour",
            "childrenAtEnd",
        ] {
            assert!(!only_measures(limit), "{limit}");
        }
        assert!(!only_measures("test") && !only_measures("undoexpire") && !only_measures("limitwait"));
        assert!(!only_measures("yetunknown"));
    }
}
