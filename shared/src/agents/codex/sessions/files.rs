//! Access to the files of sessions that resuming an agent needs.

use std::{fs, path::Path, path::PathBuf};

use super::{DEPTH, MAX_ENTRIES, Sessions, home, id_of};
use crate::{
    Error, Kind, Result, agents::SessionFiles, conversation::is_id, error::ErrorContext, model::text,
    private_files, world::Environment,
};

/// The day in whose folder restored sessions are: the program finds a session in the folder of any day.
const RESTORED: [&str; 3] = ["2025", "01", "01"];

impl SessionFiles for Sessions {
    fn transcript(&self, environment: &Environment, session: &str) -> Option<PathBuf> {
        // The id comes from an event, and must not lead to another folder.
        let root = home(environment).filter(|_| is_id(session))?.join("sessions");
        newest_first(&root, DEPTH, session)
    }

    fn restore(
        &self,
        environment: &Environment,
        session: &str,
        _folder: &Path,
        transcript: &[u8],
    ) -> Result<()> {
        let cannot = || format!("cannot restore the session {}", text::safe(session));
        let home = home(environment).filter(|_| is_id(session));
        let home = home.ok_or_else(|| Error::new(Kind::Refused, cannot()))?;
        let folder = RESTORED.iter().fold(home.join("sessions"), |folder, part| folder.join(part));
        fs::create_dir_all(&folder).context(Kind::External, cannot)?;
        let path = folder.join(format!("rollout-{}T00-00-00-{session}.jsonl", RESTORED.join("-")));
        private_files::create_durably(&path, transcript).context(Kind::External, cannot)
    }

    /// Does nothing: the program finds a session by its id, and its server receives the folder.
    fn follow(&self, _environment: &Environment, _session: &str, _folder: &Path) -> Result<()> {
        Ok(())
    }
}

/// Finds the transcript of a session below a folder, in the newest folders first.
fn newest_first(folder: &Path, depth: usize, session: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten().take(MAX_ENTRIES);
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    entries.sort_unstable();
    entries.into_iter().rev().find_map(|path| {
        let is_it = || id_of(path.file_name()?.to_str()?).filter(|id| *id == session);
        if depth > 0 {
            newest_first(&path, depth - 1, session)
        } else {
            is_it().is_some().then(|| path.clone()).filter(|path| path.is_file())
        }
    })
}
