//! Stores agents' conversations in the repository, before their programs delete them.

use std::{collections::HashSet, fs, path::Path};

use crate::{
    Error, Kind, Result, agents,
    conversation::{
        ConversationFacts, ConversationFile, Discovery, Installed, SessionReader, Subagent, Transcript,
        reading,
    },
    error::ErrorContext,
    git::Repo,
    model::AgentId,
    store::{
        self,
        transcripts::{self, SubagentMeta, TranscriptMeta, TranscriptSource},
    },
};

/// Stores the current conversation of an agent, if its program has one in a known format.
///
/// # Errors
/// The conversation cannot be read or stored.
pub fn store_of_agent(repo: &Repo, id: &AgentId) -> Result<()> {
    let agent = store::agent(repo, id)?;
    let Some(session) = agent.session else { return Ok(()) };
    let files = agents::session_files(&agent.profile);
    let Some(path) = files.and_then(|files| files.transcript(repo.environment(), &session)) else {
        return Ok(());
    };
    let Some(reader) = agents::session_reader(&agent.profile) else { return Ok(()) };
    let cannot = || format!("cannot read '{}'", path.display());
    let place = ConversationFile::at(reader.name(), &session, &path).context(Kind::External, cannot)?;
    let (_, facts) = reading::read_all(reader, &place, None).context(Kind::External, cannot)?;
    let inner = reader.subagents(repo.environment(), &place, &mut Discovery::default());
    store(repo, &place, &facts, Some(id.to_string()), &inner, &Installed::default()).map(|_| ())
}

/// Stores a conversation with its subagents. Returns whether there was anything new to store.
///
/// # Errors
/// The file is not where its program stores conversations (3), or cannot be read or stored.
pub fn store(
    repo: &Repo,
    place: &ConversationFile,
    facts: &ConversationFacts,
    agent: Option<String>,
    inner: &[Subagent],
    installed: &Installed,
) -> Result<bool> {
    let reader = agents::session_reader(place.program);
    let path = reader.and_then(|reader| reader.path_below_root(repo.environment(), &place.path));
    let path = path.map(|path| path.to_string_lossy().into_owned());
    let path = path.ok_or_else(|| {
        Error::refused(format!("'{}' is not where its program stores conversations", place.path.display()))
    })?;
    let whole = |id: &str, path: &Path| {
        let whole = reader.map_or_else(
            || Ok(Transcript::own(path)),
            |reader| reader.whole(repo.environment(), id, path, installed),
        );
        whole.context(Kind::External, || format!("cannot read all of '{id}'"))
    };
    let transcript = whole(&place.id, &place.path)?;
    let size = fs::metadata(transcript.path()).map_or(place.size, |there| there.len());
    let facts =
        serde_json::to_value(facts).context(Kind::Internal, || "cannot encode its metadata".into())?;
    let inner: Vec<(&Subagent, Transcript)> =
        inner.iter().map(|one| Ok((one, whole(&one.id, &one.path)?))).collect::<Result<_>>()?;
    let notes =
        inner.iter().map(|(one, _)| one.path.with_extension("meta.json")).filter(|note| note.is_file());
    let files = inner.iter().map(|(one, whole)| source(&one.path, whole.path()));
    let mut files: Vec<TranscriptSource> = files.chain(notes.map(|note| source(&note, &note))).collect();
    make_names_unique(&mut files);
    let known = inner.iter().zip(&files);
    let about = TranscriptMeta {
        v: 1,
        program: place.program.to_owned(),
        id: place.id.clone(),
        path,
        size,
        written: place.written,
        agent,
        facts,
        inner: known.filter_map(|((one, _), file)| subagent_meta(reader?, one, file, place)).collect(),
    };
    transcripts::store(repo, &about, &source(&place.path, transcript.path()), &files)
}

/// Returns the metadata of a subagent, if its file can be read.
fn subagent_meta(
    reader: &dyn SessionReader,
    one: &Subagent,
    file: &TranscriptSource,
    conversation: &ConversationFile,
) -> Option<SubagentMeta> {
    let (facts, _) = reading::own_part(reader, &one.place(conversation.program), &conversation.path).ok()?;
    let facts = serde_json::to_value(facts).ok()?;
    let (id, kind, about) = (one.id.clone(), one.kind.clone(), one.about.clone());
    Some(SubagentMeta { id, facts, file: Some(file.name.clone()), kind, about, size: file.size })
}

/// Makes the names of files unique: subagents of two workflows may share a name, so later ones also get that of their folder.
fn make_names_unique(files: &mut [TranscriptSource]) {
    let mut names = HashSet::new();
    for file in files {
        if !names.insert(file.name.clone()) {
            let folder = file.path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            let rest = file.name.strip_prefix("agent-").unwrap_or(&file.name);
            file.name = format!("agent-{folder}-{rest}");
            names.insert(file.name.clone());
        }
    }
}

/// Returns a file to store, under the name of its original path.
fn source(place: &Path, path: &Path) -> TranscriptSource {
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let size = fs::metadata(path).map_or(0, |there| there.len());
    TranscriptSource { name, path: path.to_owned(), size }
}
