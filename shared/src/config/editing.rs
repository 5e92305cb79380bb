//! Changing a key by `git config`, which keeps everything else in the file as it is.

use super::TableKey;
use crate::{
    Result,
    git::{Repo, config_file::edit_user_config},
    world::Environment,
};

/// A change of a key in one file.
#[derive(Clone, Copy, Debug)]
pub enum Edit<'a> {
    /// Sets the value, and removes all others.
    Set(&'a str),
    /// Adds a value to those that there are.
    Add(&'a str),
    /// Removes all values, under any name that the key had.
    Unset,
    /// Removes one value, under any name that the key had.
    Remove(&'a str),
}

impl Edit<'_> {
    /// Changes a key in the repository's own configuration.
    ///
    /// # Errors
    /// Another program has it locked or keeps changing it (4), or it cannot be written (5).
    pub fn in_repository(self, repo: &Repo, key: &TableKey) -> Result<()> {
        self.run(key, |arguments| repo.edit_config(arguments))
    }

    /// Changes a key in the user's own configuration.
    ///
    /// # Errors
    /// It is locked or cannot be written (5).
    pub fn for_user(self, environment: &Environment, key: &TableKey) -> Result<()> {
        self.run(key, |arguments| edit_user_config(environment, arguments))
    }

    fn run(self, key: &TableKey, edit: impl Fn(&[&str]) -> Result<i32>) -> Result<()> {
        match self {
            Self::Set(value) => edit(&["--replace-all", key.name(), value]).map(|_| ()),
            Self::Add(value) => edit(&["--add", key.name(), value]).map(|_| ()),
            Self::Unset => remove(key, |name| edit(&["--unset-all", name])),
            Self::Remove(value) => remove(key, |name| edit(&["--fixed-value", "--unset-all", name, value])),
        }
    }
}

fn remove(key: &TableKey, edit: impl Fn(&str) -> Result<i32>) -> Result<()> {
    key.names_in_git().iter().try_for_each(|name| edit(name).map(|_| ()))
}
