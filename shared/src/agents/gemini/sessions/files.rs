//! The files of the sessions that agents resume. The program looks for a session only in the folder of the project in which it runs;
//! it knows that folder by the path in its file `.project_root`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{MAX_ENTRIES, MAX_LINE, Sessions, id_in};
use crate::{
    Error, Kind, Result,
    agents::SessionFiles,
    conversation::{
        Discovery, SessionReader,
        files::{read_beginning, read_small_file},
        is_id, json,
    },
    error::ErrorContext,
    model::text,
    private_files,
    world::Environment,
};

/// The file with the path of a project.
const PROJECT: &str = ".project_root";
/// The highest number that is added to the name of a project's folder, if others have that name.
const MAX_SAME_NAMES: u32 = 1000;
/// Number of characters of an id in the name of a transcript.
const SHORT_ID: usize = 8;

impl SessionFiles for Sessions {
    fn transcript(&self, environment: &Environment, session: &str) -> Option<PathBuf> {
        let short = session.get(..SHORT_ID).filter(|_| is_id(session))?;
        let ending = format!("-{short}.jsonl");
        let mut found = Discovery::default();
        let projects: Vec<PathBuf> = self
            .roots(environment)
            .iter()
            .flat_map(|root| found.list(root, MAX_ENTRIES))
            .map(|one| one.path)
            .collect();
        let chats = projects.iter().flat_map(|project| found.list(&project.join("chats"), MAX_ENTRIES));
        let named = chats.filter(|entry| !entry.is_dir && entry.name.ends_with(&ending));
        let mut own =
            named.filter(|entry| id_in(&read_beginning(&entry.path, MAX_LINE)).as_deref() == Some(session));
        own.next().map(|entry| entry.path)
    }

    fn restore(
        &self,
        environment: &Environment,
        session: &str,
        folder: &Path,
        transcript: &[u8],
    ) -> Result<()> {
        let cannot = || format!("cannot restore the session {}", text::safe(session));
        let root = self.roots(environment).into_iter().next().filter(|_| is_id(session));
        let root = root.ok_or_else(|| Error::new(Kind::Refused, cannot()))?;
        let started = transcript.split(|byte| *byte == b'\n').next();
        let started = started.and_then(|line| json::first_text(line, b"\"startTime\"")).unwrap_or_default();
        // The program names a transcript after the minute in which the session began.
        let minute = started.get(..16).unwrap_or("1970-01-01T00:00").replace(':', "-");
        let minute: String = minute.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let chats = project_folder(&root, folder).context(Kind::External, cannot)?.join("chats");
        fs::create_dir_all(&chats).context(Kind::External, cannot)?;
        let short = session.get(..SHORT_ID).unwrap_or(session);
        let path = chats.join(format!("session-{minute}-{short}.jsonl"));
        private_files::create_durably(&path, transcript).context(Kind::External, cannot)
    }

    fn follow(&self, environment: &Environment, session: &str, folder: &Path) -> Result<()> {
        let cannot = || format!("cannot move the session {}", text::safe(session));
        let Some(old) = self.transcript(environment, session) else { return Ok(()) };
        let Some(project) = old.ancestors().nth(2) else { return Ok(()) };
        let before = read_small_file(&project.join(PROJECT), MAX_LINE).unwrap_or_default();
        let before = String::from_utf8_lossy(&before).trim().to_owned();
        if before.is_empty() || Path::new(&before) == folder || Path::new(&before).exists() {
            return Ok(());
        }
        let root = project.parent().unwrap_or(project);
        let chats = project_folder(root, folder).context(Kind::External, cannot)?.join("chats");
        fs::create_dir_all(&chats).context(Kind::External, cannot)?;
        let name = old.file_name().unwrap_or_default();
        fs::rename(&old, chats.join(name)).context(Kind::External, cannot)
    }
}

/// Returns the folder of a project, and makes it if there is none.
fn project_folder(root: &Path, folder: &Path) -> std::io::Result<PathBuf> {
    let spelled = folder.to_string_lossy();
    let owner = |project: &Path| {
        let bytes = read_small_file(&project.join(PROJECT), MAX_LINE)?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    let mut found = Discovery::default();
    let known = found.list(root, MAX_ENTRIES).into_iter().map(|entry| entry.path);
    if let Some(project) =
        known.into_iter().find(|project| owner(project).is_some_and(|owner| owner == *spelled))
    {
        return Ok(project);
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    fs::create_dir_all(root)?;
    for number in 0..MAX_SAME_NAMES {
        let name = if number == 0 { name.clone() } else { format!("{name}-{number}") };
        let project = root.join(name);
        match fs::create_dir(&project) {
            Ok(()) => {
                private_files::create_durably(&project.join(PROJECT), spelled.as_bytes())?;
                return Ok(project);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::other("too many projects have the same name"))
}
