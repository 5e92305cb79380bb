//! Reading one conversation: its file where that is still there, else what is kept of it.

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
    Code, Error, Kind, Result, agents,
    conversation::{
        ReadFailure, SessionReader, TranscriptItem,
        lines::{self, RawLine},
        open,
    },
    error::Context,
    git::{Oid, Repo},
    store::transcripts,
    world::Environment,
};

/// One conversation, open.
pub struct Open {
    /// What is known of it.
    pub session: Session,
    program: &'static dyn SessionReader,
    file: File,
    /// It is the file of a sub-agent, and all in it is said by that.
    is_inner: bool,
    /// What could not be read of it and of what it started.
    pub troubles: Vec<ReadFailure>,
}

/// Opens the conversation or the sub-agent that `typed` means, wherever it was.
///
/// # Errors
/// None or several match, or it cannot be read (3).
pub fn open(environment: &Environment, repo: Option<&Repo>, typed: &str) -> Result<Open> {
    let mut catalogue = Catalogue::of_typed(environment, repo, typed)?;
    let row = match catalogue.resolve(typed).and_then(|named| catalogue.one(&named)) {
        Ok(row) => row,
        Err(error) => catalogue.sub_agent(typed)?.ok_or(error)?,
    };
    let session = catalogue.session(&row);
    let file = file_of(repo, &catalogue, &row)?;
    let mut troubles = catalogue.close();
    let inner = session.subagents.iter().filter_map(|inner| inner.path.as_deref());
    let files: Vec<&Path> = session.path.as_deref().into_iter().chain(inner).collect();
    troubles.retain(|trouble| files.contains(&trouble.path.as_path()));
    let is_inner = row.subagent_of.is_some();
    Ok(Open { session, program: program(&row.program)?, file, is_inner, troubles })
}

fn program(name: &str) -> Result<&'static dyn SessionReader> {
    agents::session_reader(name).ok_or_else(|| {
        Error::new(Code::SessionUnsupported, format!("conversations of '{name}' cannot be read"))
    })
}

/// The file, or one with what is kept.
pub(super) fn file_of(repo: Option<&Repo>, catalogue: &Catalogue, row: &SessionRow) -> Result<File> {
    if let Some(place) = &row.place {
        let whole = program(&row.program)?.whole(
            &catalogue.environment,
            &place.id,
            &place.path,
            catalogue.installed(),
        );
        return whole
            .and_then(|whole| open::open(whole.path()))
            .context(Kind::Refused, || format!("cannot read '{}'", place.path.display()));
    }
    let gone = || Error::new(Code::TranscriptMissing, format!("the transcript of '{}' is gone", row.id));
    let conversation = row.subagent_of.as_ref().filter(|_| catalogue.kept(&row.id).is_none());
    let kept = catalogue.kept(conversation.unwrap_or(&row.id));
    let (repo, kept) = repo.zip(kept).ok_or_else(gone)?;
    match conversation {
        Some(_) => kept_file(repo, transcripts::transcript_of_inner(repo, kept, &row.id)?, &row.id),
        None => kept_file(repo, transcripts::transcript(repo, kept)?, &row.id),
    }
}

/// A file with what is kept of a conversation, or of a sub-agent.
pub(super) fn kept_file(repo: &Repo, transcript: Oid, id: &str) -> Result<File> {
    let cannot = || format!("cannot read what is kept of '{id}'");
    let mut file = tempfile::tempfile().context(Kind::External, cannot)?;
    repo.copy_blob(transcript, &mut file)?;
    file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
    Ok(file)
}

impl Open {
    /// Hands on everything that is said, as long as `each` wants more; gives how many lines were too long to be read.
    ///
    /// # Errors
    /// It cannot be read on.
    pub fn pieces(&mut self, mut each: impl FnMut(TranscriptItem) -> bool) -> Result<u64> {
        let (mut too_long, mut last, mut message) = (0, None, Vec::new());
        let cannot = || format!("cannot read on in '{}'", self.session.id);
        self.file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
        let each_line = |line: RawLine<'_>| {
            too_long += u64::from(matches!(line, RawLine::TooLong(_)));
            let mut pieces = line.bytes().map(|bytes| self.program.parse_line(bytes)).unwrap_or_default();
            if self.program.rewrites_messages() && !pieces.is_empty() {
                let before = std::mem::replace(&mut message, pieces.clone());
                pieces.retain(|piece| !before.contains(piece));
            }
            pieces.into_iter().all(|piece| {
                let by_subagent = piece.by_subagent && !self.is_inner;
                let piece = piece.by_subagent(by_subagent);
                // What is written again, with more behind it, is said once.
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
    /// It cannot be read, or `sink` does not take it.
    pub fn copy(&mut self, sink: &mut dyn std::io::Write) -> Result<()> {
        let cannot = || format!("cannot copy '{}'", self.session.id);
        self.file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
        std::io::copy(&mut self.file, sink).context(Kind::External, cannot).map(|_| ())
    }
}
