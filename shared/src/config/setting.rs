//! What applies of everything that is configured: for each key of the table the values that count, and which names the table does
//! not have.

use std::collections::BTreeSet;

use super::{Config, KEYS, SECTION, key::NAME_PLACEHOLDER, project::ProjectValues, table_key::TableKey};
use crate::{
    Result,
    git::{
        Repo,
        config_entries::{ConfigEntry, outside_a_repository},
    },
    model::ConfigScope,
    world::Environment,
};

/// A key, with the values that apply.
#[derive(Clone)]
pub struct Setting {
    /// The key.
    pub key: TableKey,
    /// The value, or all values of a key that may be given several times; empty if the default applies.
    pub values: Vec<ConfigEntry>,
}

/// Everything in the section of our keys. Without a value, nothing is set.
#[derive(Default)]
pub struct Settings {
    entries: Vec<ConfigEntry>,
    project: ProjectValues,
    project_problem: Option<String>,
}

impl Settings {
    /// Reads the settings of a repository, or those outside of any.
    ///
    /// # Errors
    /// The user's configuration cannot be read (3).
    pub fn read(repo: Option<&Repo>, environment: &Environment) -> Result<Self> {
        let entries = match repo {
            Some(repo) => repo.config_entries(SECTION),
            None => outside_a_repository(environment, SECTION)?,
        };
        let project =
            repo.map_or_else(|| Ok(ProjectValues::default()), |repo| Config::of(repo).project_by_effect());
        let (project, project_problem) = match project {
            Ok(project) => (project, None),
            Err(error) => (ProjectValues::default(), Some(error.one_line())),
        };
        Ok(Self { entries, project, project_problem })
    }

    /// Returns the setting of one key.
    pub fn of(&self, key: &TableKey) -> Setting {
        let names = key.names_in_git();
        let own = self.entries.iter().any(|entry| names.contains(&entry.name));
        let entries = if own { &self.entries } else { &self.project.applied };
        let named = |name: &String| -> Vec<ConfigEntry> {
            entries.iter().filter(|entry| entry.name == *name).cloned().collect()
        };
        let values = if key.key().is_repeated() {
            names.iter().flat_map(named).collect()
        } else {
            let lasts = names.iter().filter_map(|name| named(name).pop());
            // An empty value counts as not set.
            lasts.filter(|entry| !entry.value.is_empty()).take(1).collect()
        };
        Setting { key: key.clone(), values }
    }

    /// Returns the setting of every key: first those with a fixed name, in the order of the table, then those in whose name the
    /// user chose a part, sorted by that.
    pub fn all(&self) -> Vec<Setting> {
        let fixed = KEYS.iter().filter(|key| !key.name().contains(NAME_PLACEHOLDER));
        let fixed = fixed.filter_map(|key| TableKey::find(key.name()));
        let named: BTreeSet<&str> =
            self.entries.iter().chain(&self.project.applied).map(|entry| entry.name.as_str()).collect();
        let named = named.into_iter().filter_map(TableKey::find);
        let named = named.filter(|key| key.key().name().contains(NAME_PLACEHOLDER));
        fixed.chain(named).map(|key| self.of(&key)).collect()
    }

    /// Checks all values of keys with a fixed name. The others are of profiles, of which a command uses few.
    ///
    /// # Errors
    /// A value is not of its key's type (2).
    pub fn check(&self) -> Result<()> {
        for setting in self.all().iter().filter(|one| !one.key.key().name().contains(NAME_PLACEHOLDER)) {
            for entry in setting.values.iter().filter(|entry| !entry.value.is_empty()) {
                let set = format!("git config {} VALUE sets it, --unset-all removes it", entry.name);
                setting.key.check(&entry.value).map_err(|error| error.hint(set))?;
            }
        }
        Ok(())
    }

    /// Returns the values whose names the table does not have.
    pub fn unknown(&self) -> impl Iterator<Item = &ConfigEntry> {
        let unknown = self.entries.iter().filter(|entry| TableKey::find(&entry.name).is_none());
        unknown.chain(&self.project.unknown)
    }

    /// Returns the keys in the project's file that have no effect, because only the user may set them.
    pub fn forbidden(&self) -> Vec<String> {
        names_of(&self.project.forbidden)
    }

    /// Returns the keys that the project's file proposes and that wait for a person's approval.
    pub fn proposed(&self) -> Vec<String> {
        names_of(&self.project.proposed)
    }

    /// Returns whether a person declined what the project's file proposes.
    pub fn is_declined(&self) -> bool {
        self.project.is_declined
    }

    /// Returns why the project's file cannot be used, if so.
    pub fn project_problem(&self) -> Option<&str> {
        self.project_problem.as_deref()
    }

    /// Returns the values of a key that are in the user's or in the repository's own configuration, under any of its names.
    pub fn in_scope(&self, key: &TableKey, scope: ConfigScope) -> Vec<String> {
        let names = key.names_in_git();
        let here = self.entries.iter().filter(|entry| entry.scope == scope && names.contains(&entry.name));
        here.map(|entry| entry.value.clone()).collect()
    }
}

/// Returns the names of the keys that have these values, each once.
fn names_of(entries: &[ConfigEntry]) -> Vec<String> {
    let mut names = Vec::new();
    for key in entries.iter().filter_map(|entry| TableKey::find(&entry.name)) {
        if !names.iter().any(|name| name == key.name()) {
            names.push(key.name().to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(entries: &[(&str, &str)]) -> Settings {
        let entry = |(name, value): &(&str, &str)| ConfigEntry {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            scope: ConfigScope::Local,
            file: None,
        };
        Settings {
            entries: entries.iter().map(entry).collect(),
            project: ProjectValues::default(),
            project_problem: None,
        }
    }

    fn values(settings: &Settings, key: &str) -> Vec<String> {
        let setting = settings.of(&TableKey::find(key).unwrap());
        setting.values.into_iter().map(|entry| entry.value).collect()
    }

    #[test]
    fn the_values_that_apply_are_those_that_commands_read() {
        let all = settings(&[
            ("orchestra.jobs", "2"),
            ("orchestra.jobs", "5"),
            ("orchestra.maxtime", "5m"),
            ("orchestra.maxtime", ""),
            ("orchestra.derived", "out"),
            ("orchestra.sharewith", "a"),
            ("orchestra.sharewith", "b"),
            ("orchestra.agent.mine.command", "cat"),
            ("orchestra.nosuch", "x"),
        ]);
        assert_eq!(values(&all, "jobs"), ["5"]);
        assert_eq!(values(&all, "maxTime"), [""; 0]);
        assert_eq!(values(&all, "disposableDirs"), ["out"]);
        assert_eq!(values(&all, "shareWith"), ["a", "b"]);
        assert_eq!(values(&all, "agent.mine.command"), ["cat"]);
        assert_eq!(all.unknown().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["orchestra.nosuch"]);
        let listed: Vec<String> = all.all().iter().map(|one| one.key.name().to_owned()).collect();
        assert_eq!(listed.first().map(String::as_str), Some("orchestra.agent"));
        assert_eq!(listed.last().map(String::as_str), Some("orchestra.agent.mine.command"));
    }
}
