//! `logs`: the output of an agent, while it runs and afterwards.

pub mod log_reader;
mod source;
pub mod times;

use std::{io::Write, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{log_reader::LogEntry, source::Source};
pub use crate::agents::Protocol;
use crate::{
    Code, Error, Result, agents,
    config::Config,
    context::Context,
    git::Repo,
    model::{Agent, AgentId, Phase, hand_over},
    ops::named::{self, NamedAgent},
    store::{
        self, Listing,
        layout::{self, PrivateDir},
        writer,
    },
    supervise::{
        sent_messages::{self, SentMessage},
        spec::Spec,
    },
    world::Timestamp,
};

/// The agent whose output to find.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix.
    pub agent: String,
    /// The number of the only attempt to find, from 1.
    #[serde(default)]
    pub attempt: Option<u32>,
}

/// One entry of the output, as a line of a stream. Its text is the program's own: it may contain control characters.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct StreamedEntry {
    /// The id of the agent.
    pub agent: AgentId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// When it was read from the program, to about a second; `null` if an older version recorded the output without times.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
    /// What was said or done, and by whom.
    pub entry: LogEntry,
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
    /// The protocol of the output of the first of its attempts.
    pub protocol: Protocol,
    /// The folder in which the agent worked last, if that is known.
    pub folder: Option<PathBuf>,
    /// The attempts with output, oldest first.
    pub attempts: Vec<Attempt>,
}

/// The output of one attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The number of the attempt, from 1.
    pub number: u32,
    /// The protocol of its output.
    pub protocol: Protocol,
    /// The role of its team that worked in it, if the agent has a team.
    pub role: Option<String>,
    source: Source,
    /// The standard error of its program, if its output is structured.
    errors: Option<Source>,
    /// The times at which the output was read, if they were noted.
    times: Option<Source>,
    /// The messages that the program was given, if its output does not repeat them.
    sent: Option<Source>,
}

/// A place in the output of an agent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Position {
    /// The number of the attempt; 0 is before the first.
    pub attempt: u32,
    /// The offset in the output of the attempt, in bytes.
    pub bytes: u64,
}

/// Finds the output of an agent.
///
/// # Errors
/// There is no such agent, or it has no output in this clone (3).
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    context.check()?;
    let found = named::find(repo, &Listing::of_name(repo, &request.agent)?, &request.agent)?;
    let id = found.id().clone();
    let agent = store::any_agent(repo, &id)?;
    let log = match &found {
        NamedAgent::Current(id) => repo.find_ref(&layout::log_ref(id))?,
        NamedAgent::Archived(archived) => named::log_of_archived(repo, &archived.id),
    };
    let config = Config::of(repo);
    let profile = |number| hand_over::profile_of_attempt(&agent.handed_over, &agent.profile, number);
    let protocol = |number| agents::protocol_of(profile(number), &config);
    let role = |number| agent.team.as_ref().and_then(|team| team.role_of_attempt(number)).map(str::to_owned);
    let dir = PrivateDir::new(repo.private_dir()?).agent(&id);
    let mut attempts: Vec<Attempt> = Vec::new();
    if let Some(commit) = log {
        let blobs = repo.blobs_of(commit)?;
        for (name, blob) in &blobs {
            attempts.extend(attempt_number(name).map(|number| {
                let stored = |wanted: String| {
                    let found = blobs.iter().find(|(name, _)| *name == wanted);
                    found.map(|(_, blob)| Source::Stored(*blob))
                };
                Attempt {
                    number,
                    protocol: protocol(number),
                    role: role(number),
                    source: Source::Stored(*blob),
                    errors: stored(layout::errors_name(number)),
                    times: stored(layout::times_name(number)),
                    sent: stored(layout::sent_name(number)),
                }
            }));
        }
    }
    for attempt in 1..=agent.attempt {
        let path = dir.output(attempt);
        if path.exists() && !attempts.iter().any(|known| known.number == attempt) {
            let live = |path: PathBuf| Some(path).filter(|path| path.exists()).map(Source::Live);
            attempts.push(Attempt {
                number: attempt,
                protocol: protocol(attempt),
                role: role(attempt),
                source: Source::Live(path),
                errors: live(dir.errors(attempt)),
                times: live(dir.times(attempt)),
                sent: live(dir.sent(attempt)),
            });
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
    if let Some(number) = request.attempt {
        let last = agent.attempt;
        attempts.retain(|attempt| attempt.number == number);
        if attempts.is_empty() {
            let numbers = if last == 0 { "none yet".to_owned() } else { format!("1 to {last}") };
            return Err(Error::new(Code::OutputMissing, format!("'{id}' has no output of attempt {number}"))
                .hint(format!("its attempts: {numbers}; git orchestra logs {id}")));
        }
    }
    let protocol = protocol(attempts.first().map_or(agent.attempt, |first| first.number));
    let folder = Spec::last(repo, &id, &dir).map(|spec| spec.worktree);
    Ok(Report { id, title: agent.title, phase: agent.phase, protocol, folder, attempts })
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

impl Report {
    /// Returns where the last `lines` lines of the output begin; they may be of several attempts. A file is read from its end.
    ///
    /// # Errors
    /// The output cannot be read.
    pub fn last_lines(&self, repo: &Repo, lines: u64) -> Result<Position> {
        let (mut wanted, mut position) = (lines, Position::default());
        for attempt in self.attempts.iter().rev() {
            let last = attempt.source.last_lines(repo, wanted)?;
            position = Position { attempt: attempt.number, bytes: last.from };
            wanted -= last.count.min(wanted);
            if wanted == 0 {
                break;
            }
        }
        Ok(position)
    }
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

    /// Writes the whole output to the standard output of this process, which is also what `stdout` writes to, and returns the offset
    /// of its current end. Git itself writes output that is long and stored in git, so that it is not copied.
    ///
    /// # Errors
    /// The output cannot be read, or nobody reads the standard output.
    pub fn copy_to_stdout(&self, repo: &Repo, stdout: &mut dyn Write) -> Result<u64> {
        match self.source.written_by_git(repo)? {
            Some(end) => Ok(end),
            None => self.source.copy(repo, 0, stdout),
        }
    }

    /// Returns the messages that the program was given, in order, as far as its output does not repeat them.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn sent(&self, repo: &Repo) -> Result<Vec<SentMessage>> {
        let mut notes = Vec::new();
        if let Some(sent) = &self.sent {
            sent.copy(repo, 0, &mut notes)?;
        }
        Ok(sent_messages::parse(&notes))
    }

    /// Copies the standard error, as [`Attempt::copy`].
    ///
    /// # Errors
    /// As [`Attempt::copy`].
    pub fn copy_errors(&self, repo: &Repo, from: u64, sink: &mut dyn Write) -> Result<u64> {
        self.errors.as_ref().map_or(Ok(from), |errors| errors.copy(repo, from, sink))
    }
}
