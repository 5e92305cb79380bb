//! `logs`: the output of an agent, while it runs and afterwards.

pub mod log_reader;

use std::{
    io::{Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Kind, Result,
    agents::{self, Protocol},
    config::Config,
    context::Context,
    error::ErrorContext as _,
    git::{Oid, Repo, careful},
    model::{Agent, AgentId, Phase},
    ops::named::{self, NamedAgent},
    store::{
        Chain, Listing,
        layout::{self, PrivateDir},
        writer,
    },
};

/// The agent whose output to find.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix.
    pub agent: String,
}

/// The output of an agent, by attempts.
#[derive(Clone, Debug)]
pub struct Report {
    /// The agent.
    pub id: AgentId,
    /// The title of the agent.
    pub title: String,
    /// The phase of the agent when it was read.
    pub phase: Phase,
    /// The protocol of its output.
    pub protocol: Protocol,
    /// The attempts with output, oldest first.
    pub attempts: Vec<Attempt>,
}

/// The output of one attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The number of the attempt, from 1.
    pub number: u32,
    source: Source,
    /// The standard error of its program, if its output is structured.
    errors: Option<Source>,
}

#[derive(Clone, Debug)]
enum Source {
    Live(PathBuf),
    Stored(Oid),
}

/// Finds the output of an agent.
///
/// # Errors
/// There is no such agent, or it has no output in this clone (3).
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    context.check()?;
    let found = named::find(repo, &Listing::of_name(repo, &request.agent)?, &request.agent)?;
    let id = found.id().clone();
    let agent = Chain::of_any_agent(repo, &id)?.fold().agent;
    let log = match &found {
        NamedAgent::Current(id) => repo.find_ref(&layout::log_ref(id))?,
        NamedAgent::Archived(archived) => named::log_of_archived(repo, &archived.id),
    };
    let dir = PrivateDir::new(repo.private_dir()?).agent(&id);
    let mut attempts: Vec<Attempt> = Vec::new();
    if let Some(commit) = log {
        let blobs = repo.blobs_of(commit)?;
        for (name, blob) in &blobs {
            attempts.extend(attempt_number(name).map(|number| {
                let errors_name = layout::errors_name(number);
                let errors = blobs.iter().find(|(name, _)| *name == errors_name);
                Attempt {
                    number,
                    source: Source::Stored(*blob),
                    errors: errors.map(|(_, blob)| Source::Stored(*blob)),
                }
            }));
        }
    }
    for attempt in 1..=agent.attempt {
        let path = dir.output(attempt);
        if path.exists() && !attempts.iter().any(|known| known.number == attempt) {
            let errors = Some(dir.errors(attempt)).filter(|path| path.exists()).map(Source::Live);
            attempts.push(Attempt { number: attempt, source: Source::Live(path), errors });
        }
    }
    attempts.sort_by_key(|attempt| attempt.number);
    if attempts.is_empty() && matches!(found, NamedAgent::Archived(_)) {
        return Err(Error::new(
            Code::AgentArchived,
            format!("the output of '{id}' is not kept, because the agent is archived"),
        )
        .hint(format!("git orchestra status {id} shows what is known about it")));
    }
    if attempts.is_empty() && agent.attempt > 0 && agent.phase.is_terminal() {
        return Err(no_output(repo, &id, &agent));
    }
    let protocol = agents::protocol_of(&agent.profile, &Config::of(repo));
    Ok(Report { id, title: agent.title, phase: agent.phase, protocol, attempts })
}

/// The error for an agent without output. Output is never synced, so an agent of another clone has none here. An agent of this
/// clone without output ended before its program started.
fn no_output(repo: &Repo, id: &AgentId, agent: &Agent) -> Error {
    if writer::known_writer(repo).as_deref() != Some(agent.writer.as_str()) {
        return Error::new(Code::OutputMissing, format!("the output of '{id}' is not in this clone"))
            .hint("output is never synced; read it on the machine where the agent ran");
    }
    let phase = agent.phase.as_str();
    let why = agent.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    Error::new(
        Code::OutputMissing,
        format!("'{id}' has no output: it ended before its program started ({phase}{why})"),
    )
    .hint(format!("git orchestra resume {id} starts it again"))
}

fn attempt_number(name: &str) -> Option<u32> {
    name.strip_suffix(".out")?.parse().ok()
}

impl Attempt {
    /// Returns whether the output is still in a file, and may grow.
    pub const fn is_live(&self) -> bool {
        matches!(self.source, Source::Live(_))
    }

    /// Copies the output from byte `from` on into `sink`, and returns the offset of its current end.
    ///
    /// # Errors
    /// The output cannot be read, or `sink` cannot be written.
    pub fn copy(&self, repo: &Repo, from: u64, sink: &mut dyn Write) -> Result<u64> {
        self.source.copy(repo, from, sink)
    }

    /// Copies the standard error, as [`Attempt::copy`].
    ///
    /// # Errors
    /// As [`Attempt::copy`].
    pub fn copy_errors(&self, repo: &Repo, from: u64, sink: &mut dyn Write) -> Result<u64> {
        self.errors.as_ref().map_or(Ok(from), |errors| errors.copy(repo, from, sink))
    }
}

impl Source {
    fn copy(&self, repo: &Repo, from: u64, sink: &mut dyn Write) -> Result<u64> {
        match self {
            Self::Live(path) => {
                let cannot = || format!("cannot read '{}'", path.display());
                let mut file = careful::open_regular_through_links(path).context(Kind::External, cannot)?;
                let end = file.metadata().context(Kind::External, cannot)?.len();
                file.seek(SeekFrom::Start(from)).context(Kind::External, cannot)?;
                let copied = std::io::copy(&mut file.take(end.saturating_sub(from)), sink)
                    .context(Kind::External, cannot)?;
                Ok(from + copied)
            }
            Self::Stored(blob) => {
                let mut skipping = SkipWriter { left: from, passed: 0, sink };
                repo.git("cat-file")?.args(["blob".to_owned(), blob.to_string()]).stream(&mut skipping)?;
                Ok(from + skipping.passed)
            }
        }
    }
}

/// A writer that drops the first `left` bytes and passes on the others.
struct SkipWriter<'a> {
    left: u64,
    passed: u64,
    sink: &'a mut dyn Write,
}

impl Write for SkipWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.left -= skipped as u64;
        self.sink.write_all(&bytes[skipped..])?;
        self.passed += (bytes.len() - skipped) as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.sink.flush()
    }
}
