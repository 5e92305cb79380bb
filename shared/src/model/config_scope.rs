//! Where a value of the git configuration comes from.

use super::words::words;

words! {
    /// The scope of a value, in the words of `git config --show-scope`, and the file of the team. A later scope takes precedence.
    pub enum ConfigScope {
        /// The file of the team, `.gitorchestra`.
        Team = "team",
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
