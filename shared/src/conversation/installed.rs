//! Where programs are that have to be asked.

use std::{collections::HashMap, path::PathBuf};

use crate::{process, world::Environment};

/// What the user named; everything else is looked for on PATH.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    named: HashMap<&'static str, String>,
}

impl Installed {
    /// Looks up where the user says that each of the `programs` lies.
    pub fn of(programs: impl Iterator<Item = &'static str>, named: impl Fn(&str) -> Option<String>) -> Self {
        Self { named: programs.filter_map(|name| Some((name, named(name)?))).collect() }
    }

    /// The program of that name, if it can be run.
    pub fn path(&self, environment: &Environment, name: &str) -> Option<PathBuf> {
        process::on_path(environment, self.named.get(name).map_or(name, String::as_str))
    }
}
