//! Which files a program needs in the home folder, if the agent has a private one.

use std::path::PathBuf;

use crate::world::Environment;

/// A folder of a program in the home folder. In a private home folder it is empty but for what is named here.
#[derive(Clone, Copy, Debug)]
pub struct HomeFolder {
    /// The variable that names the folder, if the program has one.
    pub variable: Option<&'static str>,
    /// What is appended to the value of the variable.
    pub below_variable: &'static str,
    /// Where it is below the home folder otherwise; empty for single files in the home folder itself.
    pub below_home: &'static str,
    /// Entries that the program only reads: settings, which could name programs, and what the user wrote for it.
    pub read: &'static [&'static str],
    /// Entries that are copied for each launch: the program writes them, but nobody needs that later.
    pub copied: &'static [&'static str],
    /// Entries that the program writes for later: sessions and its login. A folder ends in `/`.
    pub written: &'static [&'static str],
}

impl HomeFolder {
    /// Makes a folder below the home folder in which nothing is needed.
    pub(super) const fn below(below_home: &'static str) -> Self {
        Self { variable: None, below_variable: "", below_home, read: &[], copied: &[], written: &[] }
    }

    /// Returns its path; `None` without a home folder.
    pub fn path(&self, environment: &Environment) -> Option<PathBuf> {
        let named = self.variable.and_then(|name| environment.variable(name)).map(PathBuf::from);
        match named.filter(|path| path.is_absolute()) {
            Some(path) => Some(path.join(self.below_variable)),
            None => Some(environment.home()?.join(self.below_home)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_variable_names_the_folder_if_its_value_is_absolute() {
        let folder = HomeFolder { variable: Some("X_HOME"), below_variable: "x", ..HomeFolder::below(".x") };
        for (value, path) in [(None, "/home/kim/.x"), (Some("/x"), "/x/x"), (Some("x"), "/home/kim/.x")] {
            let variables = [Some(("HOME", "/home/kim")), value.map(|value| ("X_HOME", value))];
            let variables = variables.into_iter().flatten().map(|(name, value)| (name.into(), value.into()));
            let environment = Environment::new(variables, Path::new("/"));
            assert_eq!(folder.path(&environment), Some(PathBuf::from(path)), "{value:?}");
        }
    }
}
