//! `attach`: pauses an agent, so that a person can use its program in a terminal, and lets the agent continue afterwards.
//!
//! The operation has two halves, because the terminal is the caller's: [`prepare`] before the program runs, [`detach`] after it. If the
//! caller dies in between, the agent is paused, its files are in its worktree, and `resume` continues it.

mod command;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::command::AttachedCommand;
use crate::{
    Code, Error, Result,
    agents::{self, Words},
    config::Config,
    context::Context,
    conversation::session_lock::SessionLock,
    git::Repo,
    lock::Lock,
    model::{AgentId, Liveness, Phase, quote},
    ops::{
        agent_object::AgentObject,
        collect, designer, named, pause, resume,
        sessions::resume::{self as session_resume, PreparedSession},
        status,
    },
    store::{
        Listing,
        layout::{AgentDir, PrivateDir},
    },
    supervise::{
        attachment::{self, Attachment},
        processes,
        spec::Spec,
        stored_output,
    },
    trust::{AcceptedRepo, acceptance},
};

/// Why the agent is paused.
const REASON: &str = "paused for a person to attach";
/// The message with which the agent continues.
const WORKED_ON: &str =
    "A person worked on this meanwhile. Look at the state of your worktree, then continue with your task.";

/// The agent to attach to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix.
    pub agent: String,
    /// Whether to only report the command; the agent is not paused.
    #[serde(default)]
    pub dry_run: bool,
}

/// The command that a person runs to attach, and what it works on.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Plan {
    /// The id of the agent.
    pub agent: AgentId,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The folder to run it in.
    pub folder: PathBuf,
    /// Why it is a shell and not the agent's own program, if it is.
    pub shell: Option<String>,
    /// Whether the agent continues afterwards: it had not ended.
    pub continues: bool,
}

impl Plan {
    /// Returns the shell command that does the same.
    pub fn shell_command(&self) -> String {
        let words: Vec<String> = self.argv.iter().map(quote::word).collect();
        format!("{} && {}", quote::command(&[&"cd", &self.folder]), words.join(" "))
    }
}

/// An agent that is ready for a person. While this exists, no other command resumes the agent.
#[derive(Debug)]
pub struct Attached {
    /// What to run.
    pub plan: Plan,
    /// The command; `None` in a dry run.
    pub command: Option<AttachedCommand>,
    hold: Option<Hold>,
}

/// What keeps others from the agent, in the order in which it is released.
#[derive(Debug)]
struct Hold {
    session: Option<SessionLock>,
    attachment: Attachment,
    dir: AgentDir,
    lock: Lock,
}

impl Attached {
    /// Records the program that was started.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn started(&mut self, pid: u32) -> Result<()> {
        self.hold.as_mut().map_or(Ok(()), |hold| hold.attachment.started(pid))
    }
}

/// Pauses the agent if it has not ended, waits until its program has, and holds its locks.
///
/// # Errors
/// An agent called it, or it belongs to another clone or is attached already (3); it does not end in time (124); the user interrupts
/// the wait (130): the agent was asked to pause.
pub fn prepare(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Attached> {
    if repo.is_called_by_agent() {
        return Err(Error::new(Code::NotForAgents, "an agent cannot attach to another one")
            .hint("git orchestra attach AGENT, in a shell of your own"));
    }
    let id = named::find_current(repo, &Listing::of_name(repo, &request.agent)?, &request.agent)?;
    let before = status::read_agent(repo, &id)?;
    check(&before)?;
    let waits = before.phase.is_at_rest() && before.liveness == Liveness::Live;
    let continues = !before.phase.is_at_rest() || waits;
    if request.dry_run {
        let dir = PrivateDir::new(repo.private_dir()?).agent(&id);
        let plan = command::plan(repo, &before, &conversation(repo, &before, &dir, true)?, continues)?;
        return Ok(Attached { plan, command: None, hold: None });
    }
    if continues {
        let paused = pause::Request {
            agents: vec![id.to_string()],
            reason: Some(REASON.to_owned()),
            ..pause::Request::default()
        };
        pause::run(context, repo, &paused)?;
    }
    let private = PrivateDir::new(repo.private_dir()?);
    let dir = private.agent(&id);
    let lock = Lock::take(&dir.lock(), context.at_most(context.limits().agent_lock))?;
    let lock = lock.filter(|_| processes::supervisor_of(&private, &id).is_none());
    let lock = lock.ok_or_else(|| in_use(repo, &id))?;
    let now = status::read_agent(repo, &id)?;
    if !now.phase.is_at_rest() || now.attached_pid.is_some() {
        return Err(in_use(repo, &id));
    }
    let (conversation, plan, command) =
        planned(repo, &now, &dir, continues).inspect_err(|_| dir.remove_unless_it_holds_output())?;
    // What changes in the configuration while the program runs is shown before it is used, as with any attempt.
    repo.begin(std::slice::from_ref(&id))?;
    let attachment = Attachment::begin(&private, &id, command.mark())?;
    let session = match conversation {
        Conversation::Session(session) => session.lock,
        Conversation::Program(_) | Conversation::None(_) => None,
    };
    Ok(Attached { plan, command: Some(command), hold: Some(Hold { session, attachment, dir, lock }) })
}

/// Saves the work, and releases the agent. Returns its state.
///
/// # Errors
/// The work cannot be saved; it stays in the worktree.
pub fn detach(context: &Context, repo: &Repo, attached: Attached) -> Result<AgentObject> {
    let id = attached.plan.agent;
    if let Some(Hold { session, attachment, dir, lock }) = attached.hold {
        drop(session);
        acceptance::agent_ended(repo.environment(), &repo.common_dir()?, &id)?;
        // A conversation in the agent's own folder is stored before that is removed; until it is, the folder stays.
        if dir.holds_conversation() {
            stored_output::store_output(repo, &id, &dir)?;
        }
        dir.remove_unless_it_holds_output();
        drop(attachment);
        drop(lock);
    }
    collect::capture_again(context, repo, &id)?;
    status::read_agent(repo, &id)
}

/// Returns the request that lets the agent continue, and says that a person worked on it. A program that may run its task as a script
/// gets no message.
///
/// # Errors
/// The agent cannot be read.
pub fn resume_request(repo: &Repo, id: &AgentId) -> Result<resume::Request> {
    let agent = status::read_agent(repo, id)?;
    let reads = agents::check_prose(&agent.profile, &Config::of(repo), "a message").is_ok();
    let message = reads.then(|| Words::Composed(WORKED_ON.to_owned()));
    Ok(resume::Request { agents: vec![id.to_string()], message, ..resume::Request::default() })
}

fn check(agent: &AgentObject) -> Result<()> {
    let id = &agent.id;
    if agent.designer {
        return Err(designer::only_in_terminal(id));
    }
    if let Some(pid) = agent.attached_pid {
        return Err(attachment::refusal(id, pid));
    }
    if agent.liveness == Liveness::Remote || agent.worktree.is_none() && agent.phase == Phase::Queued {
        let clone = agent.label.as_deref().unwrap_or(&agent.writer);
        return Err(match agent.liveness {
            Liveness::Remote => Error::new(
                Code::AgentOfAnotherClone,
                format!("agent '{id}' belongs to another clone, {clone}"),
            )
            .hint(format!("git orchestra resume --take-over {id}, if that machine no longer exists")),
            _ => Error::new(Code::WorktreeMissing, format!("agent '{id}' is queued and has no worktree yet"))
                .hint(format!("git orchestra status --watch {id}")),
        });
    }
    Ok(())
}

fn in_use(repo: &Repo, id: &AgentId) -> Error {
    let attached = status::read_agent(repo, id).ok().and_then(|agent| agent.attached_pid);
    attached.map_or_else(|| resume::already_running(id), |pid| attachment::refusal(id, pid))
}

/// What continues in the person's terminal.
#[derive(Debug)]
enum Conversation {
    /// A session that can be listed.
    Session(PreparedSession),
    /// What only the program itself knows, with its command.
    Program(Vec<String>),
    /// Nothing, for this reason: a shell takes its place.
    None(String),
}

/// Prepares the agent's conversation, and the command that continues it.
fn planned(
    repo: &AcceptedRepo,
    agent: &AgentObject,
    dir: &AgentDir,
    continues: bool,
) -> Result<(Conversation, Plan, AttachedCommand)> {
    let conversation = conversation(repo, agent, dir, false)?;
    let plan = command::plan(repo, agent, &conversation, continues)?;
    let command = AttachedCommand::new(repo, agent, &plan, &conversation)?;
    Ok((conversation, plan, command))
}

/// Prepares the agent's conversation.
fn conversation(
    repo: &AcceptedRepo,
    agent: &AgentObject,
    dir: &AgentDir,
    dry_run: bool,
) -> Result<Conversation> {
    let launch = Spec::last(repo, &agent.id, dir).map(|spec| spec.launch);
    let session = agent.session.as_deref();
    let own = launch.as_ref().and_then(|launch| {
        let launch = launch.clone().in_folder(dir.dir());
        agents::interactive_argv(&agent.profile, &Config::of(repo), &launch, session)
    });
    if let Some(argv) = own.filter(|_| agent.attempt > 0) {
        if !dry_run {
            stored_output::restore_conversation(repo, &agent.id, dir)?;
        }
        return Ok(Conversation::Program(argv));
    }
    let Some(session) = session else {
        return Ok(Conversation::None(format!("'{}' has no session that can be resumed", agent.profile)));
    };
    let reader = agents::session_reader(&agent.profile);
    let model = reader.and_then(|reader| reader.model_flag()).zip(launch.and_then(|launch| launch.model));
    // In a dry run the agent may use the session itself.
    let request = session_resume::Request {
        session: session.to_owned(),
        dry_run,
        fork: false,
        more: model.map(|(flag, model)| vec![flag.to_owned(), model]).unwrap_or_default(),
        ..session_resume::Request::default()
    };
    match session_resume::prepare_for(repo.environment(), Some(repo), &request, dry_run) {
        Ok(prepared) => Ok(Conversation::Session(prepared)),
        Err(error)
            if matches!(
                error.code,
                Code::SessionUnknown | Code::SessionUnsupported | Code::TranscriptMissing
            ) =>
        {
            Ok(Conversation::None(error.message))
        }
        Err(error) => Err(error),
    }
}
