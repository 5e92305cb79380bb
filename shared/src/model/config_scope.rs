//! Where a value of the git configuration comes from.

use super::words::words;

words! {
    /// The scope of a value, in the words of `git config --show-scope`, and the file of the project, whose word is that of earlier versions. A later scope takes precedence.
    pub enum ConfigScope {
        /// The file of the project, `.gitorchestra`.
        Project = "team",
        /// The configuration of the machine.
        System = "system",
        /// The configuration of the user.
        Global = "global",
        /// The configuration of the repository.
        Local = "local",
        /// The configuration of one worktree.
        Worktree = "worktree",
        /// The environment of the command.
        Command = "command",
    }
}

impl ConfigScope {
    /// Returns the word for people.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Project => "project",
            other => other.as_str(),
        }
    }
}
