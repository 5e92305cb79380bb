//! Reads one session: from its file if that still exists, otherwise from the kept copy.

use std::{
    fs::File,
    io::{Seek, SeekFrom},
    path::Path,
};

use super::{
    Session,
    catalogue::{Catalogue, SessionRow},
};
use crate::{
    Code, Error, Kind, Result, agents, context,
    conversation::{
        ReadFailure, SessionReader, TranscriptItem,
        lines::{self, RawLine},
        open,
    },
    error::ErrorContext,
    git::{Oid, Repo},
    store::transcripts,
    world::Environment,
};

/// An open session.
pub struct OpenSession {
    /// The session.
    pub session: Session,
    program: &'static dyn SessionReader,
    file: File,
    /// Whether it is the file of a subagent, which wrote everything in it.
    is_subagent: bool,
    /// What could not be read of the session and its subagents.
    pub troubles: Vec<ReadFailure>,
}

/// Opens the session or subagent that `typed` names, in any folder of this machine.
///
/// # Errors
/// None or several match, or it cannot be read (3).
pub fn open(environment: &Environment, repo: Option<&Repo>, typed: &str) -> Result<OpenSession> {
    let mut catalogue = Catalogue::for_name(&context::Context::of(environment), repo, typed)?;
    let row = match catalogue.resolve(typed).and_then(|named| catalogue.read_session(&named)) {
        Ok(row) => row,
        Err(error) => catalogue.resolve_subagent(typed)?.ok_or(error)?,
    };
    let session = catalogue.session(&row);
    let file = open_transcript(repo, &catalogue, &row)?;
    let mut troubles = catalogue.close();
    let inner = session.subagents.iter().filter_map(|inner| inner.path.as_deref());
    let files: Vec<&Path> = session.path.as_deref().into_iter().chain(inner).collect();
    troubles.retain(|trouble| files.contains(&trouble.path.as_path()));
    let is_subagent = row.subagent_of.is_some();
    Ok(OpenSession { session, program: program(&row.program)?, file, is_subagent, troubles })
}

fn program(name: &str) -> Result<&'static dyn SessionReader> {
    agents::session_reader(name)
        .ok_or_else(|| Error::new(Code::SessionUnsupported, format!("sessions of '{name}' cannot be read")))
}

/// Opens the file of a session, or a temporary file with the kept copy.
pub(super) fn open_transcript(repo: Option<&Repo>, catalogue: &Catalogue, row: &SessionRow) -> Result<File> {
    if let Some(place) = &row.place {
        let whole = program(&row.program)?.whole(
            catalogue.environment(),
            &place.id,
            &place.path,
            catalogue.installed(),
        );
        return whole
            .and_then(|whole| open::open(whole.path()))
            .context(Kind::Refused, || format!("cannot read '{}'", place.path.display()));
    }
    let gone =
        || Error::new(Code::TranscriptMissing, format!("the transcript of '{}' no longer exists", row.id));
    let conversation = row.subagent_of.as_ref().filter(|_| catalogue.kept(&row.id).is_none());
    let kept = catalogue.kept(conversation.unwrap_or(&row.id));
    let (repo, kept) = repo.zip(kept).ok_or_else(gone)?;
    match conversation {
        Some(_) => open_kept(repo, transcripts::subagent_transcript(repo, kept, &row.id)?, &row.id),
        None => open_kept(repo, transcripts::transcript(repo, kept)?, &row.id),
    }
}

/// Returns a temporary file with the kept copy of a session or subagent.
pub(super) fn open_kept(repo: &Repo, transcript: Oid, id: &str) -> Result<File> {
    let cannot = || format!("cannot read the kept copy of '{id}'");
    let mut file = tempfile::tempfile().context(Kind::External, cannot)?;
    repo.copy_blob(transcript, &mut file)?;
    file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
    Ok(file)
}

impl OpenSession {
    /// Passes every item to `each`, as long as that returns true. Returns the number of lines that were too long to be read.
    ///
    /// # Errors
    /// The transcript cannot be read.
    pub fn each_item(&mut self, mut each: impl FnMut(TranscriptItem) -> bool) -> Result<u64> {
        let (mut too_long, mut last, mut message) = (0, None, Vec::new());
        let cannot = || format!("cannot read '{}'", self.session.id);
        self.file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
        let each_line = |line: RawLine<'_>| {
            too_long += u64::from(matches!(line, RawLine::TooLong(_)));
            let mut pieces = line.bytes().map(|bytes| self.program.parse_line(bytes)).unwrap_or_default();
            if self.program.rewrites_messages() && !pieces.is_empty() {
                let before = std::mem::replace(&mut message, pieces.clone());
                pieces.retain(|piece| !before.contains(piece));
            }
            pieces.into_iter().all(|piece| {
                let by_subagent = piece.by_subagent && !self.is_subagent;
                let piece = piece.by_subagent(by_subagent);
                // A message that is written again, followed by new content, is passed on once.
                let again = piece.words().is_some() && last.as_ref() == Some(&piece);
                if piece.words().is_some() {
                    last = Some(piece.clone());
                }
                again || each(piece)
            })
        };
        lines::read(&self.file, each_line).context(Kind::External, cannot)?;
        Ok(too_long)
    }

    /// Copies the transcript, byte for byte.
    ///
    /// # Errors
    /// It cannot be read, or `sink` cannot be written.
    pub fn copy(&mut self, sink: &mut dyn std::io::Write) -> Result<()> {
        let cannot = || format!("cannot copy '{}'", self.session.id);
        self.file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
        std::io::copy(&mut self.file, sink).context(Kind::External, cannot).map(|_| ())
    }
}
