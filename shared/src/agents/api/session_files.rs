//! Where the transcripts of sessions are: in the user's folder for the state of programs, since a session may outlive its worktree and
//! its repository, as those of every other agent program do.

use std::path::{Path, PathBuf};

use super::{Settings, transcript::Transcript};
use crate::{
    Code, Error, Kind, Result,
    agents::SessionFiles,
    conversation::{folders::user_folder, is_id},
    error::ErrorContext,
    model::text,
    private_files,
    world::Environment,
};

/// Access to the files of sessions.
pub(super) struct Files;

impl SessionFiles for Files {
    fn transcript(&self, environment: &Environment, session: &str) -> Option<PathBuf> {
        path(environment, session).filter(|path| path.is_file())
    }

    fn restore(
        &self,
        environment: &Environment,
        session: &str,
        _folder: &Path,
        transcript: &[u8],
    ) -> Result<()> {
        let cannot = || format!("cannot restore the session {}", text::safe(session));
        let path = path(environment, session).ok_or_else(|| Error::new(Kind::Refused, cannot()))?;
        if let Some(folder) = path.parent() {
            private_files::create_dir(folder).context(Kind::External, cannot)?;
        }
        private_files::create_durably(&path, transcript).context(Kind::External, cannot)
    }

    /// Files are found by the id of their session alone.
    fn follow(&self, _environment: &Environment, _session: &str, _folder: &Path) -> Result<()> {
        Ok(())
    }
}

/// Returns the folder of all transcripts.
pub(super) fn folder(environment: &Environment) -> Option<PathBuf> {
    Some(user_folder(environment, "XDG_STATE_HOME", ".local/state")?.join("git-orchestra/sessions"))
}

fn path(environment: &Environment, session: &str) -> Option<PathBuf> {
    Some(folder(environment)?.join(format!("{session}.jsonl"))).filter(|_| is_id(session))
}

/// Opens the transcript of a session, a new one or one that is resumed.
///
/// # Errors
/// The id is none, or the file cannot be read or written.
pub(super) fn open(environment: &Environment, settings: &Settings) -> Result<Transcript> {
    let session = &settings.session;
    let unknown = || Error::new(Code::SessionUnknown, format!("no session {}", text::safe(session)));
    let path = path(environment, session).ok_or_else(unknown)?;
    let cannot = || format!("cannot open the session '{}'", path.display());
    let now = environment.now();
    let opened = if settings.resumes {
        Transcript::resume(&path, now)
    } else {
        let folder = environment.directory().to_string_lossy();
        Transcript::create(&path, session, &folder, &settings.model, now)
    };
    opened.context(Code::FileInaccessible, cannot)
}
