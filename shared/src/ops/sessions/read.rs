//! Reading one conversation: its file where that is still there, else what is kept of it.

use std::{
    fs::File,
    io::{Seek, SeekFrom},
};

use super::{
    Session,
    catalogue::{Catalogue, Row},
};
use crate::{
    Error, Kind, Result,
    conversation::{
        self, Piece, Program,
        lines::{self, Line},
    },
    error::Context,
    git::Repo,
    store::transcripts,
};

/// One conversation, open.
pub struct Open {
    /// What is known of it.
    pub session: Session,
    program: &'static dyn Program,
    file: File,
    /// It is the file of a sub-agent, and all in it is said by that.
    is_inner: bool,
}

/// Opens the conversation or the sub-agent that `typed` means, wherever it was.
///
/// # Errors
/// None or several match, or it cannot be read (3).
pub fn open(repo: Option<&Repo>, typed: &str) -> Result<Open> {
    let mut catalogue = Catalogue::of_typed(repo, typed)?;
    let (row, is_inner) = match catalogue.resolve(typed).and_then(|id| catalogue.one(&id)) {
        Ok(row) => (row, false),
        Err(error) => (catalogue.sub_agent(typed)?.ok_or(error)?, true),
    };
    let session = catalogue.session(&row);
    let file = file_of(repo, &catalogue, &row)?;
    catalogue.close();
    Ok(Open { session, program: program(&row.program)?, file, is_inner })
}

fn program(name: &str) -> Result<&'static dyn Program> {
    conversation::program(name)
        .ok_or_else(|| Error::refused(format!("conversations of '{name}' cannot be read")))
}

/// The file, or one with what is kept.
pub(super) fn file_of(repo: Option<&Repo>, catalogue: &Catalogue, row: &Row) -> Result<File> {
    if let Some(place) = &row.place {
        let whole = program(&row.program)?.whole(&place.id, &place.path, catalogue.installed());
        return whole
            .and_then(|whole| File::open(whole.path()))
            .context(Kind::Refused, || format!("cannot read '{}'", place.path.display()));
    }
    let gone = || Error::refused(format!("the transcript of '{}' is gone", row.id));
    let (repo, kept) = repo.zip(catalogue.kept(&row.id)).ok_or_else(gone)?;
    let cannot = || format!("cannot read what is kept of '{}'", row.id);
    let mut file = tempfile::tempfile().context(Kind::External, cannot)?;
    repo.copy_blob(transcripts::transcript(repo, kept)?, &mut file)?;
    file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
    Ok(file)
}

impl Open {
    /// Hands on everything that is said, as long as `each` wants more; gives how many lines were too long to be read.
    ///
    /// # Errors
    /// It cannot be read on.
    pub fn pieces(&mut self, mut each: impl FnMut(Piece) -> bool) -> Result<u64> {
        let (mut too_long, mut last) = (0, None);
        let cannot = || format!("cannot read on in '{}'", self.session.id);
        self.file.seek(SeekFrom::Start(0)).context(Kind::External, cannot)?;
        let each_line = |line: Line<'_>| {
            too_long += u64::from(matches!(line, Line::TooLong(_)));
            let pieces = line.bytes().map(|bytes| self.program.pieces(bytes)).unwrap_or_default();
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
