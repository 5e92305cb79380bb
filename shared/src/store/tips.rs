//! Reads the state of agents from the newest commits of their chains.

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, objects::CommitReader},
    model::{
        Agent, Fact, WriterId,
        trailers::{self, AgentHeader},
    },
    parallel,
    store::{Chain, commit},
};

/// Fewer tips than this for each thread are read sooner than threads are started.
const MIN_FOR_A_THREAD: usize = 200;

/// The state of an agent after its newest commit.
pub(super) struct FoundTip {
    /// Its phase and time.
    pub(super) header: AgentHeader,
    /// The state, as trailers.
    pub(super) text: String,
    /// The number of commits that were read for it.
    pub(super) commits: usize,
}

/// Reads tips, of which this clone trusts those that `vouching` wrote.
pub(super) struct TipReader<'repo> {
    pub(super) repo: &'repo Repo,
    pub(super) vouching: WriterId,
}

impl TipReader<'_> {
    /// Reads tips in the given order, on several cores if they are many. An agent that cannot be read does not prevent the
    /// others from being read: the reason takes its place.
    ///
    /// # Errors
    /// The repository cannot be opened again for another thread.
    pub(super) fn read_all<T: Sync>(&self, tips: &[(T, Oid)]) -> Result<Vec<Result<FoundTip, String>>> {
        let most = tips.len() / MIN_FOR_A_THREAD;
        let threads = if most < 2 { 1 } else { parallel::cores().min(most) };
        if threads < 2 {
            let mut reader = self.repo.commit_reader();
            return Ok(tips.iter().map(|(_, tip)| self.read_or_say(&mut reader, *tip)).collect());
        }
        let (shared, vouching) = (self.repo.shared(), &self.vouching);
        let chunks: Vec<&[(T, Oid)]> = tips.chunks(tips.len().div_ceil(threads)).collect();
        let read = parallel::map(&chunks, |chunk| {
            let repo = shared.for_this_thread();
            let tips = TipReader { repo: &repo, vouching: vouching.clone() };
            let mut reader = repo.commit_reader();
            chunk.iter().map(|(_, tip)| tips.read_or_say(&mut reader, *tip)).collect::<Vec<_>>()
        });
        Ok(read.into_iter().flatten().collect())
    }

    fn read_or_say(&self, reader: &mut CommitReader<'_>, tip: Oid) -> Result<FoundTip, String> {
        self.read(reader, tip).map_err(|error| error.one_line())
    }

    /// Reads an agent from its trailers if this clone vouches for them, else by folding its events.
    ///
    /// # Errors
    /// The commit is missing, or holds no events of an agent.
    pub(super) fn read(&self, reader: &mut CommitReader<'_>, tip: Oid) -> Result<FoundTip> {
        let message = reader.message(tip);
        if let Some(text) = message.and_then(trailers::paragraph)
            && trailers::is_trusted::<Agent>(text, &self.vouching)
            && let Some(header) = trailers::read_header(text)
        {
            return Ok(FoundTip { header, text: text.to_owned(), commits: 1 });
        }
        // The history of a commit that holds code may have any length, and is not walked.
        let parsed = message.map(commit::parse::<Fact>);
        if parsed.is_some_and(|parsed| parsed.is_foreign()) {
            return Err(not_an_event_chain());
        }
        let chain = Chain::read(self.repo, &[tip])?;
        let fold = chain.fold();
        if !fold.created && fold.newer == 0 && !chain.newer {
            return Err(not_an_event_chain());
        }
        let agent = fold.agent;
        let header = AgentHeader { phase: agent.phase, queued_at: agent.queued_at.as_second() };
        let text = trailers::write(&agent, &self.vouching);
        Ok(FoundTip { header, text, commits: chain.commits.len() })
    }
}

fn not_an_event_chain() -> Error {
    Error::new(Code::StateDamaged, "its ref does not hold the events of an agent")
}
