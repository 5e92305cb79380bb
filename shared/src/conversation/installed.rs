//! The paths of agent programs.

use std::{collections::HashMap, path::PathBuf};

use crate::{process, world::Environment};

/// The programs that the user configured; all others are looked up on PATH.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    named: HashMap<&'static str, String>,
}

impl Installed {
    /// Looks up the configured path of each of the `programs` with `named`.
    pub fn of(programs: impl Iterator<Item = &'static str>, named: impl Fn(&str) -> Option<String>) -> Self {
        Self { named: programs.filter_map(|name| Some((name, named(name)?))).collect() }
    }

    /// Returns the path of the program of that name, if it can be run.
    pub fn path(&self, environment: &Environment, name: &str) -> Option<PathBuf> {
        process::on_path(environment, self.named.get(name).map_or(name, String::as_str))
    }
}
