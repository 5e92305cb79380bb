//! Where programs are that have to be asked.

use std::{collections::HashMap, path::PathBuf};

use crate::process;

/// What the user named; everything else is looked for on PATH.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    named: HashMap<&'static str, String>,
    is_nothing: bool,
}

impl Installed {
    /// Of what `named` gives for the name of each program.
    pub fn of(named: impl Fn(&str) -> Option<String>) -> Self {
        let programs = super::PROGRAMS.iter().map(|program| program.name());
        Self { named: programs.filter_map(|name| Some((name, named(name)?))).collect(), is_nothing: false }
    }

    /// For whoever has no time to ask: what is known must do.
    pub fn nothing() -> Self {
        Self { is_nothing: true, ..Self::default() }
    }

    /// The program of that name, if it can be run.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        if self.is_nothing {
            return None;
        }
        process::on_path(self.named.get(name).map_or(name, String::as_str))
    }
}
