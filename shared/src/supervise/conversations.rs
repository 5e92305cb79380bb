//! Agents' conversations are kept in the repository, before their programs delete them.

use crate::{
    Error, Kind, Result,
    conversation::{self, Facts, Found, Inner, Place, claude, reading},
    error::Context,
    git::Repo,
    model::AgentId,
    store::{
        Chain,
        transcripts::{self, About, Source},
    },
};

/// Keeps the conversation of an agent as it is now, if its program has one that we can read.
///
/// # Errors
/// It cannot be read, or nothing can be written.
pub fn keep_of_agent(repo: &Repo, id: &AgentId) -> Result<()> {
    let agent = Chain::of_agent(repo, id)?.fold().agent;
    let Some(session) = agent.session else { return Ok(()) };
    let Some(path) = claude::transcript(&session) else { return Ok(()) };
    let cannot = || format!("cannot read '{}'", path.display());
    let place = Place::at(claude::NAME, &session, &path).context(Kind::External, cannot)?;
    let Some(program) = conversation::program(place.program) else { return Ok(()) };
    let (_, facts) = reading::whole(program, &place, None).context(Kind::External, cannot)?;
    let inner = program.inner(&place, &mut Found::default());
    keep(repo, &place, &facts, Some(id.to_string()), &inner).map(|_| ())
}

/// Keeps a conversation with what it started; `true`: there was something new to keep.
///
/// # Errors
/// It lies where its program keeps no conversations (3), cannot be read, or nothing can be written.
pub fn keep(
    repo: &Repo,
    place: &Place,
    facts: &Facts,
    agent: Option<String>,
    inner: &[Inner],
) -> Result<bool> {
    let root = conversation::program(place.program).and_then(|program| program.root());
    let path = root.and_then(|root| Some(place.path.strip_prefix(root).ok()?.to_string_lossy().into_owned()));
    let path = path.ok_or_else(|| {
        Error::refused(format!("'{}' does not lie where its program keeps such", place.path.display()))
    })?;
    let facts =
        serde_json::to_value(facts).context(Kind::Internal, || "cannot write what is known".into())?;
    let about = About {
        v: 1,
        program: place.program.to_owned(),
        id: place.id.clone(),
        path,
        size: place.size,
        written: place.written,
        agent,
        facts,
    };
    let source = |path: &std::path::Path, size| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Source { name: name.unwrap_or_default(), path: path.to_owned(), size }
    };
    let notes = inner.iter().map(|inner| inner.path.with_extension("meta.json"));
    let notes = notes.filter(|note| note.is_file()).map(|note| source(&note, 0));
    let inner: Vec<Source> = inner.iter().map(|inner| source(&inner.path, inner.size)).chain(notes).collect();
    transcripts::keep(repo, &about, &source(&place.path, place.size), &inner)
}
