//! Resolves the name of a session or subagent that somebody typed.

use std::{cmp::Reverse, collections::BTreeSet, path::PathBuf};

use super::{Catalogue, SessionRow, kept_row, kept_subagent};
use crate::{
    Code, Error, Kind, Result, agents,
    conversation::{
        ConversationFile, Subagent,
        reading::{self, ReadDepth},
    },
    error::ErrorContext,
    model::{quote, text},
};

/// The shortest prefix of an id that is resolved to a subagent, in characters.
const MIN_PREFIX_LENGTH: usize = 2;
/// The most candidates that an error lists.
const MAX_CANDIDATES: usize = 8;

/// A session that somebody named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedSession {
    /// The id of the session.
    pub id: String,
    /// The file, if it was named by its path; an id may have several files.
    file: Option<PathBuf>,
}

impl Catalogue {
    /// Resolves the id of a session or of its agent, a unique prefix of either, or the path of a transcript file.
    ///
    /// # Errors
    /// No session matches, or several match (3); the error lists the candidates.
    pub fn resolve(&self, typed: &str) -> Result<NamedSession> {
        if typed.contains('/') {
            return self.resolve_path(typed);
        }
        let places = self.found.places.iter().map(|place| place.id.as_str());
        let known: BTreeSet<&str> = places.chain(self.kept.keys().map(String::as_str)).collect();
        let agents = self.agents.iter().filter(|(session, _)| known.contains(session.as_str()));
        let names = agents.map(|(session, held)| (held.agent.as_str(), session.as_str()));
        let names: Vec<(&str, &str)> = known.iter().map(|id| (*id, *id)).chain(names).collect();
        let named = |id: &str| NamedSession { id: id.to_owned(), file: None };
        if let Some((_, id)) = names.iter().find(|(name, _)| *name == typed) {
            return Ok(named(id));
        }
        let begins = |(name, _): &&(&str, &str)| !typed.is_empty() && name.starts_with(typed);
        match names.iter().filter(begins).collect::<Vec<_>>().as_slice() {
            [(_, id)] => Ok(named(id)),
            [] => Err(unknown_session(&format!("'{}'", text::safe(typed)))),
            several => Err(ambiguous(typed, several.iter().map(|(name, _)| *name), "session")),
        }
    }

    /// Finds the session with a transcript file at this path.
    fn resolve_path(&self, typed: &str) -> Result<NamedSession> {
        let path = self.environment().directory().join(typed);
        let whole = path.canonicalize().ok();
        let may_be = |place: &&ConversationFile| place.path.file_name() == path.file_name();
        let is_it = |place: &&ConversationFile| place.path == path || place.path.canonicalize().ok() == whole;
        let place = self.found.places.iter().filter(may_be).find(is_it);
        let file =
            |place: &ConversationFile| NamedSession { id: place.id.clone(), file: Some(place.path.clone()) };
        place.map(file).ok_or_else(|| unknown_session(&format!("in file '{}'", text::safe(typed))))
    }

    /// Reads a session completely: from its file, from the most recently active one if there are several, otherwise from the kept copy.
    ///
    /// # Errors
    /// There is nothing to read, or it cannot be read (3).
    pub fn read_session(&mut self, named: &NamedSession) -> Result<SessionRow> {
        let is_it = |place: &&ConversationFile| {
            place.id == named.id && named.file.as_ref().is_none_or(|file| *file == place.path)
        };
        let mut places: Vec<ConversationFile> = self.found.places.iter().filter(is_it).cloned().collect();
        self.infer_active();
        self.skim(&places.iter().collect::<Vec<_>>(), ReadDepth::Ends);
        self.find_orphans(|place| place.id == named.id);
        places.iter().for_each(|place| self.report_unread(place));
        let files: Vec<PathBuf> = places.iter().map(|place| place.path.clone()).collect();
        places.retain(|place| self.is_in_scope(place));
        let active =
            |place: &ConversationFile| self.index.find(place).map_or(place.written, |known| known.active());
        places.sort_by_cached_key(|place| Reverse(active(place)));
        if let Some(row) = places.first().and_then(|place| self.row(place)) {
            let mut rows = [row];
            self.read_whole(&mut rows);
            let [row] = rows;
            return Ok(row);
        }
        let kept = self.kept.get(&named.id).and_then(kept_row);
        kept.ok_or_else(|| {
            let nothing = format!("session '{}' has nothing to read", named.id);
            let trouble = self.found.troubles.iter().find(|trouble| files.contains(&trouble.path));
            trouble.into_iter().fold(Error::new(Code::TranscriptMissing, nothing), |error, trouble| {
                error.because(trouble.why.as_str())
            })
        })
    }

    /// As [`Catalogue::read_session`], for a session that a person can resume.
    ///
    /// # Errors
    /// As [`Catalogue::resolve`] and [`Catalogue::read_session`], or it is a subagent (3).
    pub fn conversation(&mut self, typed: &str) -> Result<SessionRow> {
        let row = match self.resolve(typed) {
            Ok(named) => self.read_session(&named)?,
            Err(error) => self.resolve_subagent(typed)?.ok_or(error)?,
        };
        let Some(conversation) = &row.subagent_of else { return Ok(row) };
        let show = quote::command(&[&"git", &"orchestra", &"sessions", &"show", &row.id]);
        Err(Error::new(
            Code::SessionOfAgent,
            format!("'{}' is a subagent of session '{conversation}'", row.id),
        )
        .hint(format!("{show} shows it")))
    }

    /// Resolves the id of a subagent, or a unique prefix, and returns the subagent as a session. Searches the files first, then the
    /// kept copies.
    ///
    /// # Errors
    /// Several match (3); the error lists them. Or its file cannot be read (3).
    pub fn resolve_subagent(&mut self, typed: &str) -> Result<Option<SessionRow>> {
        if typed.len() < MIN_PREFIX_LENGTH {
            return Ok(None);
        }
        let places = self.found.places.clone();
        let of_one = |place: &ConversationFile| -> Vec<(ConversationFile, Subagent)> {
            self.inner(place).into_iter().map(|inner| (place.clone(), inner)).collect()
        };
        let all: Vec<(ConversationFile, Subagent)> = places.iter().flat_map(of_one).collect();
        match unique_match(typed, all, |(_, inner)| &inner.id)? {
            Some((conversation, inner)) => Self::row_of_subagent(&conversation, &inner).map(Some),
            None => self.resolve_kept_subagent(typed),
        }
    }

    fn row_of_subagent(conversation: &ConversationFile, inner: &Subagent) -> Result<SessionRow> {
        let program = agents::session_reader(conversation.program)
            .ok_or_else(|| Error::internal(format!("no program '{}'", conversation.program)))?;
        let place = inner.place(program.name());
        let (mut facts, _) = reading::own_part(program, &place, &conversation.path)
            .context(Kind::Refused, || format!("cannot read '{}'", place.path.display()))?;
        facts.title = facts.title.take().or_else(|| facts.first_typed().or(inner.about.as_ref()).cloned());
        Ok(SessionRow {
            id: inner.id.clone(),
            program: program.name().to_owned(),
            place: Some(place),
            facts,
            is_whole: true,
            written: inner.written,
            inner: Some(Vec::new()),
            subagent_of: Some(conversation.id.clone()),
            repository: None,
        })
    }

    fn resolve_kept_subagent(&self, typed: &str) -> Result<Option<SessionRow>> {
        let all = self.kept.values().flat_map(|kept| {
            kept.about.inner.iter().filter_map(move |one| Some((kept, kept_subagent(one)?)))
        });
        let all: Vec<_> = all.collect();
        let Some((kept, (inner, mut facts))) = unique_match(typed, all, |(_, (inner, _))| &inner.id)? else {
            return Ok(None);
        };
        facts.title = facts.title.take().or(inner.about);
        Ok(Some(SessionRow {
            id: inner.id,
            program: kept.about.program.clone(),
            place: None,
            facts,
            is_whole: true,
            written: kept.about.written,
            inner: Some(Vec::new()),
            subagent_of: Some(kept.about.id.clone()),
            repository: None,
        }))
    }
}

/// Returns the item whose id is `typed`, otherwise the only one whose id begins with it.
fn unique_match<T>(typed: &str, all: Vec<T>, id: impl Fn(&T) -> &str) -> Result<Option<T>> {
    let mut found: Vec<T> =
        all.into_iter().filter(|one| !typed.is_empty() && id(one).starts_with(typed)).collect();
    if let Some(exact) = found.iter().position(|one| id(one) == typed) {
        return Ok(Some(found.swap_remove(exact)));
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(ambiguous(typed, found.iter().map(&id), "subagent")),
    }
}

fn ambiguous<'a>(typed: &str, names: impl ExactSizeIterator<Item = &'a str>, what: &str) -> Error {
    let count = names.len();
    let some: Vec<&str> = names.take(MAX_CANDIDATES).collect();
    let more = count - some.len();
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    Error::new(Code::SessionAmbiguous, format!("'{}' is ambiguous: {count} {what}s", text::safe(typed)))
        .hint(format!("could be: {}{tail}", some.join(", ")))
}

fn unknown_session(what: &str) -> Error {
    Error::new(Code::SessionUnknown, format!("no session {what}"))
        .hint("git orchestra sessions --all lists the sessions of this machine")
}
