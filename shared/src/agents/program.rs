//! What git orchestra asks of an agent program. Whatever knows the options, the stream, the words or the files of one program
//! lies in that program's folder, behind these traits.

use std::path::{Path, PathBuf};

use super::{Launch, Options, Protocol, Reads, limit::Reached};
use crate::{Result, config::Config, conversation::SessionReader, world::Environment};

/// One agent program.
///
/// Its two roles are independent: a program may be started as an agent, have sessions that can be read, or both.
pub trait AgentProgram: Sync {
    /// The name of its profile, as it stands in config keys, events and reports.
    fn name(&self) -> &str;

    /// How it is started as an agent; `None` where only its sessions are read.
    fn launcher(&self) -> Option<&dyn Launcher>;

    /// How its sessions are read; `None` where it has none.
    fn session_reader(&self) -> Option<&'static dyn SessionReader>;

    /// The variables of the environment that tell with which account it speaks to its service: a usage limit is one of an account.
    fn account_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// The variables that it sets for whatever it starts. Another one that sees them believes that it runs inside the first.
    fn session_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// The usage limit of which a line of plain output speaks, in this program's own words.
    fn usage_limit_in(&self, _line: &str) -> Option<Reached> {
        None
    }
}

/// Starts a program as an agent, and resumes its session.
pub trait Launcher: Sync {
    /// Whether the program is on this machine.
    fn is_installed(&self, config: &Config<'_>) -> bool;

    /// What the program makes of its task and of messages.
    ///
    /// # Errors
    /// The user's configuration says neither one nor the other.
    fn reads(&self, config: &Config<'_>) -> Result<Reads>;

    /// The language of its standard streams.
    fn protocol(&self) -> Protocol;

    /// The command and environment that start it with these options, in a new session or in one that is resumed.
    ///
    /// # Errors
    /// It is not on this machine or a value in git config is wrong (3); it does not know an option (2).
    fn launch(&self, config: &Config<'_>, options: &Options) -> Result<Launch>;

    /// The files of the sessions that its launches resume; `None` where they resume none.
    fn session_files(&self) -> Option<&'static dyn SessionFiles> {
        None
    }

    /// The command with which a person takes a session over from git orchestra.
    fn manual_resume_command(&self, _session: &str) -> Option<String> {
        None
    }
}

/// The files of sessions, as far as resuming an agent needs them.
pub trait SessionFiles: Sync {
    /// The transcript of a session; `None` where that session never came to be.
    fn transcript(&self, environment: &Environment, session: &str) -> Option<PathBuf>;

    /// Writes a transcript that came from another machine where the program looks for it when it runs in `folder`.
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

    /// Moves a session along with its worktree, which was renamed to `folder`.
    ///
    /// # Errors
    /// The session cannot be read or written.
    fn follow(&self, environment: &Environment, session: &str, folder: &Path) -> Result<()>;
}
