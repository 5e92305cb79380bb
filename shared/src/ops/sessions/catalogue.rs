//! All sessions: those that programs keep in the home folder, and those that are kept in the repository.

mod reading;
mod report;
mod resolve;
mod rows;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use super::{
    active_sessions,
    agent_sessions::{self, SessionAgent},
    scope::{Repositories, Scope},
};
use crate::{
    Kind, Result, agents,
    config::{Config, keys::AGENT_PROGRAM},
    context::Context,
    conversation::{
        ConversationFacts, ConversationFile, DayUsage, Discovery, Index, Installed, ReadFailure,
        SessionReader, Subagent,
    },
    error::ErrorContext as _,
    git::Repo,
    parallel,
    store::{
        layout::PrivateDir,
        transcripts::{self, StoredTranscript, SubagentMeta},
    },
    trust::acceptance,
    world::Environment,
};

/// A session, as far as it was read.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The id of the session.
    pub id: String,
    /// The name of its program.
    pub program: String,
    /// The transcript file, if it still exists.
    pub place: Option<ConversationFile>,
    /// What its lines say so far.
    pub facts: ConversationFacts,
    /// Whether every line was read.
    pub is_whole: bool,
    /// When it was last written, in nanoseconds since 1970.
    pub written: i64,
    /// The subagents that it started, once they were read.
    pub inner: Option<Vec<(Subagent, ConversationFacts)>>,
    /// The session that started it, if it is a subagent.
    pub subagent_of: Option<String>,
    repository: Option<PathBuf>,
}

impl SessionRow {
    /// Returns the shares by day and model of the session and of its subagents, each counted once. Only messages of the session itself
    /// are counted.
    pub fn shares(&self) -> impl Iterator<Item = (&String, DayUsage)> {
        let own = self.facts.own_days().map(|(key, share)| (key, *share));
        let silent = |(key, share): (_, &DayUsage)| (key, DayUsage { messages: 0, ..*share });
        own.chain(self.added().flat_map(ConversationFacts::own_days).map(silent))
    }

    /// Returns when its last message was written, in nanoseconds since 1970; if no line says, when its file was written.
    pub fn active(&self) -> i64 {
        self.facts.active(self.written)
    }

    /// Returns the numbers of input and output tokens, including those of subagents.
    pub fn tokens(&self) -> (Option<u64>, Option<u64>) {
        self.added()
            .map(ConversationFacts::tokens)
            .fold(self.facts.tokens(), |sum, more| (add_known(sum.0, more.0), add_known(sum.1, more.1)))
    }

    /// Returns its cost, including that of subagents, in millionths of a US dollar.
    pub fn spent(&self) -> Option<u64> {
        self.added().map(ConversationFacts::spent).fold(self.facts.spent(), add_known)
    }

    /// Returns the subagents whose numbers are not included in those of the session.
    fn added(&self) -> impl Iterator<Item = &ConversationFacts> {
        let inner = self.inner.iter().flatten().filter(|_| !self.facts.sums_include_inner);
        inner.map(|(_, facts)| facts)
    }
}

/// Adds two numbers, either of which may be unknown.
fn add_known(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

/// Everything that was found, and what is known about it.
pub struct Catalogue {
    /// The context of the operation: cancels the reading, and receives its progress.
    context: Context,
    found: Discovery,
    index: Index,
    index_path: Option<PathBuf>,
    scope: Option<Scope>,
    repositories: Repositories,
    kept: HashMap<String, StoredTranscript>,
    agents: HashMap<String, SessionAgent>,
    running: HashMap<String, i32>,
    /// The files of subagents that were read and are not in the folders of sessions.
    inner_places: Vec<ConversationFile>,
    /// The subagents whose files are in the folders of sessions, by session, once they were needed.
    among_sessions: Option<HashMap<String, Vec<Subagent>>>,
    /// The files of each id that has several.
    copies: HashMap<String, Vec<PathBuf>>,
}

impl Catalogue {
    /// The environment of the caller.
    pub(super) fn environment(&self) -> &Environment {
        self.context.environment()
    }

    /// Finds sessions in order to resolve `typed`, in all folders of this machine.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn for_name(context: &Context, repo: Option<&Repo>, typed: &str) -> Result<Self> {
        let mut catalogue = Self::find_all(context, repo, true, |program| program.owns_id_prefix(typed))?;
        if let Some(repo) = repo
            && !typed.is_empty()
            && catalogue.resolve(typed).is_err()
        {
            for (session, held) in agent_sessions::archived(repo, typed)? {
                catalogue.agents.entry(session).or_insert(held);
            }
        }
        Ok(catalogue)
    }

    /// Finds the sessions of one program, or of all; with `everywhere`, not only those of the repository.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn read(
        context: &Context,
        repo: Option<&Repo>,
        everywhere: bool,
        wanted: Option<&str>,
    ) -> Result<Self> {
        Self::find_all(context, repo, everywhere, |program| wanted.is_none_or(|name| program.name() == name))
    }

    /// As [`Catalogue::read`], but runs no program: only its cached answers are used.
    ///
    /// # Errors
    /// The refs cannot be read.
    pub fn cached(repo: &Repo) -> Result<Self> {
        Self::find_all(&Context::of(repo.environment()), Some(repo), false, |_| false)
    }

    /// Finds the files of all programs, without reading them. `is_asked` selects the programs that may be run. The files of the others
    /// are found as well, because the index forgets files that are not found.
    fn find_all(
        context: &Context,
        repo: Option<&Repo>,
        everywhere: bool,
        is_asked: impl Fn(&dyn SessionReader) -> bool,
    ) -> Result<Self> {
        let programs: Vec<(&'static dyn SessionReader, bool)> =
            agents::session_readers().map(|program| (program, is_asked(program))).collect();
        let mut found = Discovery::new(installed(repo));
        // Files are found while the repository is read.
        let find = move || {
            for (program, may_ask) in programs {
                found.may_ask = may_ask;
                program.find(context.environment(), &mut found);
            }
            found
        };
        let (found, known) = parallel::both(find, || Self::known(context, repo, everywhere));
        let known = known?;
        let found = found.context(Kind::Internal, || "cannot search for sessions".into())?;
        let mut catalogue =
            Self { running: active_sessions::recorded(context.environment(), &found.places), found, ..known };
        catalogue.record_copies();
        Ok(catalogue)
    }

    /// Records which ids have several files. A file that was found twice, through a link, counts once.
    fn record_copies(&mut self) {
        let mut seen = HashSet::with_capacity(self.found.places.len());
        let ids = self.found.places.iter().map(|place| place.id.as_str());
        let twice: HashSet<String> = ids.filter(|id| !seen.insert(*id)).map(str::to_owned).collect();
        if twice.is_empty() {
            return;
        }
        // A regular file is preferred to a link to it.
        self.found.places.sort_by_cached_key(|place| twice.contains(&place.id) && place.path.is_symlink());
        let mut files = HashSet::new();
        self.found.places.retain(|place| {
            !twice.contains(&place.id) || place.path.canonicalize().is_ok_and(|path| files.insert(path))
        });
        for place in self.found.places.iter().filter(|place| twice.contains(&place.id)) {
            self.copies.entry(place.id.clone()).or_default().push(place.path.clone());
        }
        self.copies.retain(|_, paths| paths.len() > 1);
    }

    /// Returns a catalogue with what the repository knows, before any file is found.
    fn known(context: &Context, repo: Option<&Repo>, everywhere: bool) -> Result<Self> {
        let private = repo.map(|repo| repo.private_dir().map(PrivateDir::new)).transpose()?;
        let index_path = private.map(|private| private.conversations());
        let kept = repo.map(transcripts::all).transpose()?.unwrap_or_default();
        Ok(Self {
            context: context.clone(),
            found: Discovery::default(),
            index: index_path.as_deref().map(Index::read).unwrap_or_default(),
            index_path,
            scope: repo.filter(|_| !everywhere).map(Scope::of).transpose()?,
            repositories: Repositories::default(),
            kept: kept.into_iter().map(|kept| (kept.about.id.clone(), kept)).collect(),
            agents: repo.map(agent_sessions::all).transpose()?.unwrap_or_default(),
            running: HashMap::new(),
            inner_places: Vec::new(),
            among_sessions: None,
            copies: HashMap::new(),
        })
    }

    /// Records that a session could not be read.
    pub(super) fn add_failure(&mut self, row: &SessionRow, error: &std::io::Error) {
        let path = row.place.as_ref().map(|place| place.path.clone()).unwrap_or_default();
        self.found.add_failure(&path, error.to_string());
    }

    /// Writes the index, and returns what could not be read.
    pub(super) fn close(self) -> Vec<ReadFailure> {
        if let Some(path) = &self.index_path {
            self.index.write(path, self.found.places.iter().chain(&self.inner_places));
        }
        self.found.troubles
    }

    /// Returns the file of a session.
    pub fn path_of(&self, program: &str, id: &str) -> Option<&Path> {
        let mut places = self.found.places.iter();
        places.find(|place| place.program == program && place.id == id).map(|place| place.path.as_path())
    }

    /// Returns the programs that may be run.
    pub const fn installed(&self) -> &Installed {
        &self.found.installed
    }

    /// Returns the kept copy of a session.
    pub fn kept(&self, id: &str) -> Option<&StoredTranscript> {
        self.kept.get(id)
    }

    /// Returns whether a process uses the session, or its agent is running.
    fn is_live(&self, id: &str) -> bool {
        self.running.contains_key(id) || self.agents.get(id).is_some_and(|held| held.is_live)
    }

    fn pid_of(&self, id: &str) -> Option<i32> {
        self.running.get(id).copied().or_else(|| self.agents.get(id)?.pid)
    }
}

/// Returns the configured programs, otherwise those on PATH. Reading never runs a program of a configuration that was not accepted.
fn installed(repo: Option<&Repo>) -> Installed {
    let programs = || agents::session_readers().map(SessionReader::name);
    let named =
        |repo| Installed::of(programs(), |name| Config::of(repo).get_or_default(&AGENT_PROGRAM.of(name)));
    repo.filter(|repo| acceptance::is_accepted(repo)).map_or_else(Installed::default, named)
}

/// Returns the row of a session of which only the kept copy is left.
fn kept_row(kept: &StoredTranscript) -> Option<SessionRow> {
    let about = &kept.about;
    let facts: ConversationFacts = serde_json::from_value(about.facts.clone()).ok()?;
    let (id, program, written) = (about.id.clone(), about.program.clone(), about.written);
    let inner = about.inner.iter().filter_map(kept_subagent);
    let inner = Some(inner.collect());
    let (place, subagent_of, repository) = (None, subagent_of(&about.id, &facts), None);
    Some(SessionRow { id, program, place, facts, is_whole: true, written, inner, subagent_of, repository })
}

/// Returns a subagent of which only the kept copy is left. It has no file.
fn kept_subagent(one: &SubagentMeta) -> Option<(Subagent, ConversationFacts)> {
    let facts: ConversationFacts = serde_json::from_value(one.facts.clone()).ok()?;
    let about = one.about.clone().or_else(|| facts.first_typed().cloned());
    let (id, kind, size) = (one.id.clone(), one.kind.clone(), one.size);
    Some((Subagent { id, kind, about, size, ..Subagent::default() }, facts))
}

/// Returns the session that started this one, by its own lines.
fn subagent_of(id: &str, facts: &ConversationFacts) -> Option<String> {
    let named = facts.parent.clone().or_else(|| facts.id.clone().filter(|named| named != id));
    named.filter(|_| facts.inner)
}
