//! The traits of an agent program. Code that knows the options, the output, the words, or the files of one program is in that
//! program's folder, behind these traits.

use std::path::{Path, PathBuf};

use super::{
    HomeFolder, HookForm, Launch, Options, Protocol, TaskHandling, designer_options::LaunchDesigner,
    examination::Examination, limit::ReportedLimit, options,
};
use crate::{
    Result,
    config::Config,
    conversation::SessionReader,
    model::{Permission, SessionId},
    world::Environment,
};

/// One agent program.
///
/// Its two roles are independent: a program may be started as an agent, have sessions that can be read, or both.
pub trait AgentProgram: Sync {
    /// Returns the name of its profile, as in config keys, events, and reports.
    fn name(&self) -> &str;

    /// Returns how it is started as an agent; `None` if only its sessions can be read.
    fn launcher(&self) -> Option<&dyn Launcher>;

    /// Returns how its sessions are read; `None` if it has none that can be read.
    fn session_reader(&self) -> Option<&'static dyn SessionReader>;

    /// Returns the environment variables that determine which account of its service it uses. A usage limit applies to an account.
    fn account_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the variables that it sets for the processes that it starts. A program that sees them assumes to run inside a session.
    fn session_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns its folders in the home folder, for agents that have a private one.
    fn home_folders(&self) -> &'static [HomeFolder] {
        &[]
    }

    /// Returns the hosts of its service and of its login, for agents that reach only some.
    fn hosts(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns how it is examined without starting an agent; `None` if there is nothing to examine.
    fn examination(&self) -> Option<&'static Examination> {
        None
    }

    /// Returns the usage limit in a line of plain output, by this program's own words.
    fn usage_limit_in(&self, _line: &str) -> Option<ReportedLimit> {
        None
    }
}

/// Starts a program as an agent, and resumes its session.
pub trait Launcher: Sync {
    /// Returns whether the program is installed on this machine.
    fn is_installed(&self, config: &Config<'_>) -> bool;

    /// Returns how the program treats its task and messages.
    ///
    /// # Errors
    /// The value in the user's configuration is invalid.
    fn reads(&self, config: &Config<'_>) -> Result<TaskHandling>;

    /// Returns the protocol of its standard streams.
    fn protocol(&self) -> Protocol;

    /// Returns the options that it supports, named as on the command line; by default all.
    fn supported(&self) -> &'static [&'static str] {
        options::ALL
    }

    /// Returns the command and environment that start it with these options, in a new session or in one that is resumed.
    ///
    /// # Errors
    /// It is not installed or a value in git config is invalid (3); it does not support an option (2).
    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch>;

    /// Returns access to the files of the sessions that its launches resume; `None` if they resume none.
    fn session_files(&self) -> Option<&'static dyn SessionFiles> {
        None
    }

    /// Returns the command with which a person continues the conversation of an agent in a terminal, for a program whose sessions cannot
    /// be listed; `None` if there is none. The agent was started by `launch`, whose placeholder for its private folder holds here too.
    fn interactive_argv(&self, _launch: &Launch, _session: Option<&str>) -> Option<Vec<String>> {
        None
    }

    /// Returns how the program is started as a designer, in the terminal of a person and with tools of git orchestra; `None` if it
    /// cannot be one.
    fn designer(&self) -> Option<LaunchDesigner> {
        None
    }

    /// Returns how the hooks of a designer are written, with which it hears messages; `None` if it has none.
    fn hooks(&self) -> Option<&'static HookForm> {
        None
    }

    /// Returns whether an agent that reviews work can look at the history by itself. Otherwise the changes are put into its task.
    fn reads_history(&self) -> bool {
        self.supported().contains(&options::ALLOW_TOOL)
    }

    /// Returns what a reviewing agent may do without asking, for what is configured: a program without that mode has another one that
    /// allows no more.
    fn review_permission(&self, configured: Permission) -> Permission {
        configured
    }

    /// Returns the command with which a person resumes a session without git orchestra.
    fn manual_resume_command(&self, _session: &str) -> Option<String> {
        None
    }
}

/// Access to the files of sessions that resuming an agent needs.
pub trait SessionFiles: Sync {
    /// Returns the transcript of a session; `None` if the session was never created.
    fn transcript(&self, environment: &Environment, session: &str) -> Option<PathBuf>;

    /// Writes a transcript from another machine to where the program looks for it when it runs in `folder`.
    ///
    /// # Errors
    /// The id is not one of a session, or the file cannot be written.
    fn restore(
        &self,
        environment: &Environment,
        session: &str,
        folder: &Path,
        transcript: &[u8],
    ) -> Result<()>;

    /// Writes the beginning of a session's transcript, of `length` bytes, as another session for `folder`. Returns the id of that
    /// session; `None` if the program's sessions cannot be cut, or nothing of this one would be left.
    ///
    /// # Errors
    /// The transcript cannot be read or written.
    fn cut(
        &self,
        _environment: &Environment,
        _session: &str,
        _folder: &Path,
        _length: u64,
    ) -> Result<Option<SessionId>> {
        Ok(None)
    }

    /// Moves a session after its worktree was renamed to `folder`.
    ///
    /// # Errors
    /// The session cannot be read or written.
    fn follow(&self, environment: &Environment, session: &str, folder: &Path) -> Result<()>;
}
