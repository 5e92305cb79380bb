//! `designer`: the agent program of a person, in their terminal, with tools that start and direct agents. It is recorded as an agent
//! that has no work of its own; agents that it starts are its children.
//!
//! The operation has two halves, like `attach`, because the terminal is the caller's: [`prepare`] before the program starts,
//! [`Designer::until_end`] while it does. This process holds the agent's lock meanwhile, as a supervisor does: if it dies, the designer is lost.

mod running;
mod session;

use std::{path::PathBuf, process::Command};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::running::Ended;
use self::session::Conversation;
use crate::{
    Code, Error, Result,
    agents::{self, DesignerOptions, Launch, Session},
    config::{
        Config,
        keys::{AGENT, LABEL},
    },
    context::Context,
    git::Repo,
    lock::Lock,
    model::{
        AgentId, Fact, Liveness, Phase, SessionId,
        event::{Created, PhaseChange},
        quote, text,
    },
    ops::{agent_object::AgentObject, caller::Caller, named, spawn, status},
    process,
    store::{
        self, Listing, NewAgent, append,
        layout::{AgentDir, PrivateDir},
    },
    supervise::{
        asking,
        processes::{self, AGENT as AGENT_VARIABLE, NONCE, Processes},
        tree::{self, ProcessId},
    },
    trust::AcceptedRepo,
    worktree::{make, worktrees_dir},
    world,
};

/// How to delegate and report, for the model.
const PROMPT: &str = include_str!("designer/prompt.txt");
/// What the program may do besides reading, through its tools.
const WRITE: &str = "--write=spawn,send,control";
/// The longest of the further arguments of the program, together, in bytes.
const MAX_ARGUMENTS: usize = 64 * 1024;

/// Which program to start as a designer, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The profile; by default, the configured one.
    pub profile: Option<String>,
    /// Whether to continue an earlier designer.
    pub again: bool,
    /// The designer to continue, by id or unique prefix; by default, the newest.
    pub designer: Option<String>,
    /// Whether it gets a worktree and a branch, instead of the checkout.
    pub worktree: bool,
    /// Whether it may change files.
    pub writes: bool,
    /// Further arguments for the program.
    pub arguments: Vec<String>,
    /// Whether to only report what would be started.
    pub dry_run: bool,
}

/// The program to start, and where.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "DesignerPlan")]
pub struct Plan {
    /// The id of the designer.
    pub agent: AgentId,
    /// Its profile.
    pub profile: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The folder to run it in.
    pub folder: PathBuf,
    /// Whether an earlier conversation continues.
    pub continues: bool,
}

/// A designer that is ready to be started. While this exists, it is live.
#[derive(Debug)]
pub struct Designer {
    /// What to run.
    pub plan: Plan,
    running: Option<Running>,
}

/// What a designer that is started holds, in the order in which it is released.
#[derive(Debug)]
struct Running {
    command: Command,
    conversation: Conversation,
    record: Processes,
    dir: AgentDir,
    lock: Lock,
    has_worktree: bool,
    /// The program, as sessions name it.
    program: String,
}

/// Who the designer is: a new agent, or one that continues.
struct Identity {
    id: AgentId,
    profile: String,
    attempt: u32,
    earlier: Option<AgentObject>,
}

/// Records the designer, and prepares the command of its program.
///
/// # Errors
/// An agent called it, or the designer is already running (3). The program cannot be a designer (2) or is not installed, or the conversation
/// is no longer there (3).
pub fn prepare(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Designer> {
    context.check()?;
    if repo.is_called_by_agent() {
        return Err(Error::new(Code::NotForAgents, "an agent cannot start a designer")
            .hint("git orchestra designer, in a shell of your own"));
    }
    check_arguments(request)?;
    let identity = identity(context, repo, request)?;
    let server = process::own_program().to_string_lossy().into_owned();
    let arguments = ["mcp", WRITE].map(str::to_owned).into();
    let here = repo.environment().directory().to_owned();
    let options = DesignerOptions::new(server, arguments, here, PROMPT.to_owned(), request.writes);
    let launch = agents::designer_launch(&identity.profile, &Config::of(repo), &options)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let dir = private.agent(&identity.id);
    let launch = launch.in_folder(dir.dir());
    let conversation = session::conversation(repo, &identity, &launch, request.dry_run)?;
    let folder = folder(repo, request, &identity, &conversation)?;
    let plan = plan(&identity, request, &launch, &conversation, folder);
    if request.dry_run {
        return Ok(Designer { plan, running: None });
    }
    let running = begin(context, repo, request, &identity, &launch, conversation, &plan, &dir)?;
    Ok(Designer { plan, running: Some(running) })
}

fn check_arguments(request: &Request) -> Result<()> {
    let length: usize = request.arguments.iter().map(String::len).sum();
    if length > MAX_ARGUMENTS {
        return Err(Error::new(
            Code::LimitExceeded,
            format!("the arguments have {length} bytes; the limit is {MAX_ARGUMENTS}"),
        ));
    }
    if request.again && request.worktree {
        return Err(Error::usage("a designer continues where it was: --worktree is for a new one"));
    }
    Ok(())
}

/// Determines who the designer is. One that continues is not running.
fn identity(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Identity> {
    if !request.again {
        let profile = request.profile.clone().map_or_else(|| Config::of(repo).get(&AGENT), Ok)?;
        let id = AgentId::of_name("designer", world::random()?)?;
        return Ok(Identity { id, profile, attempt: 1, earlier: None });
    }
    let earlier = earlier(context, repo, request)?;
    let profile = earlier.role.clone().unwrap_or_else(|| earlier.profile.clone());
    if request.profile.as_ref().is_some_and(|asked| *asked != profile) {
        return Err(Error::refused(format!(
            "'{}' is a conversation of '{}', which no other program continues",
            earlier.id,
            text::safe(&profile)
        ))
        .hint("git orchestra designer --agent NAME begins a new one"));
    }
    Ok(Identity { id: earlier.id.clone(), profile, attempt: earlier.attempt + 1, earlier: Some(earlier) })
}

/// Finds the designer to continue.
fn earlier(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<AgentObject> {
    let found = match &request.designer {
        Some(typed) => {
            let id = named::find_current(repo, &Listing::of_name(repo, typed)?, typed)?;
            status::read_agent(repo, &id)?
        }
        None => {
            let all = status::Request { all: true, ..status::Request::default() };
            let all = status::run(context, repo, &all)?.agents.into_iter();
            let own = all.filter(|one| one.designer && one.liveness != Liveness::Remote);
            own.max_by_key(|one| (one.told_at, one.id.clone())).ok_or_else(|| {
                Error::new(Code::AgentUnknown, "there is no earlier designer in this clone")
                    .hint("git orchestra designer begins a new one")
            })?
        }
    };
    let id = &found.id;
    if !found.designer {
        return Err(Error::refused(format!("agent '{id}' is not a designer"))
            .hint(format!("git orchestra attach {id} continues its session in this terminal")));
    }
    match found.liveness {
        Liveness::Live => Err(Error::new(Code::AgentRunning, format!("designer '{id}' is already running"))
            .hint(format!("exit its program first, or git orchestra stop {id}"))),
        Liveness::Lost if !found.orphans.is_empty() => {
            let pids: Vec<String> = found.orphans.iter().map(ToString::to_string).collect();
            let what = format!("the program of '{id}' still runs: process {}", pids.join(", "));
            Err(Error::new(Code::AgentRunning, what)
                .hint(format!("exit it in its terminal, or git orchestra stop {id}")))
        }
        Liveness::Remote => {
            let clone = found.label.as_deref().unwrap_or(&found.writer);
            let what = format!("'{id}' belongs to another clone, {clone}, which has its conversation");
            Err(Error::new(Code::AgentOfAnotherClone, what))
        }
        Liveness::Lost | Liveness::Ended => Ok(found),
    }
}

/// Returns the folder that the program runs in: the caller's, a worktree, or where the conversation was.
fn folder(repo: &Repo, request: &Request, who: &Identity, conversation: &Conversation) -> Result<PathBuf> {
    if let Some(folder) = conversation.folder() {
        return Ok(folder);
    }
    let earlier = who.earlier.as_ref().and_then(|earlier| earlier.worktree.clone());
    match earlier {
        Some(worktree) => Ok(PathBuf::from(worktree)),
        None if request.worktree => Ok(worktrees_dir::expected_dir(repo)?.join(who.id.as_str())),
        None => Ok(repo.environment().directory().to_owned()),
    }
}

fn plan(
    who: &Identity,
    request: &Request,
    launch: &Launch,
    conversation: &Conversation,
    folder: PathBuf,
) -> Plan {
    let session = match conversation {
        Conversation::New(Some(session)) => Session::New(session),
        Conversation::New(None) => Session::Unnamed,
        Conversation::Known { session, .. } => Session::Known(session),
    };
    let mut argv = launch.argv_for(std::path::Path::new(""), session);
    argv.extend(request.arguments.iter().cloned());
    let continues = matches!(conversation, Conversation::Known { .. });
    Plan { agent: who.id.clone(), profile: who.profile.clone(), argv, folder, continues }
}

impl Plan {
    /// Returns the command as a line for a shell, without the texts that it passes on.
    pub fn shell_command(&self) -> String {
        let words: Vec<String> = self.argv.iter().map(quote::word).collect();
        format!("{} && {}", quote::command(&[&"cd", &self.folder]), words.join(" "))
    }
}

/// Returns the designer whose program calls. The name alone proves nothing: the caller must have the value that its program was given.
pub(super) fn of_caller(repo: &Repo) -> Option<AgentId> {
    let caller = Caller::of(repo);
    caller.agent().filter(|id| store::agent(repo, id).is_ok_and(|agent| agent.designer)).cloned()
}

/// Returns the error for what only runs in a terminal of a person.
pub(super) fn only_in_terminal(id: &AgentId) -> Error {
    Error::refused(format!("'{id}' is a designer, which runs in the terminal of a person"))
        .hint(format!("git orchestra designer --continue={id}"))
}

/// Records the designer and takes its lock.
#[expect(clippy::too_many_arguments, reason = "everything that was decided before the first change")]
fn begin(
    context: &Context,
    repo: &AcceptedRepo,
    request: &Request,
    who: &Identity,
    launch: &Launch,
    conversation: Conversation,
    plan: &Plan,
    dir: &AgentDir,
) -> Result<Running> {
    let id = &who.id;
    running::catch_wake()?;
    repo.record_baseline()?;
    let lock = Lock::require(&dir.lock(), context.at_most(context.limits().agent_lock))?;
    let nonce = world::random_hex::<16>()?;
    let record = Processes {
        boot: tree::boot_id(),
        nonce: nonce.clone(),
        attempt: who.attempt,
        supervisor: ProcessId::me(),
        program: None,
        known: Vec::new(),
    };
    let undo = |_: &Error| dir.remove_unless_it_holds_output();
    record.write(&lock).inspect_err(undo)?;
    launch.put_files(dir.dir()).inspect_err(undo)?;
    repo.begin(std::slice::from_ref(id)).inspect_err(undo)?;
    if who.earlier.is_none() {
        create(context, repo, request, who).inspect_err(undo)?;
    }
    let started = PhaseChange {
        session: conversation.session().map(SessionId::from),
        mark: Some(processes::mark(&nonce)),
        ..PhaseChange::new(who.attempt, Phase::Starting)
    };
    let running = Fact::Phase(PhaseChange::new(who.attempt, Phase::Running));
    let program = append(repo, id, &[Fact::Phase(started), running])?.profile;
    let command = command(repo, who, launch, &conversation, plan, &nonce)?;
    let has_worktree = request.worktree || who.earlier.as_ref().is_some_and(|one| one.worktree.is_some());
    Ok(Running { command, conversation, record, dir: dir.clone(), lock, has_worktree, program })
}

/// Creates the agent, and its worktree if it has one.
fn create(context: &Context, repo: &AcceptedRepo, request: &Request, who: &Identity) -> Result<()> {
    let config = Config::of(repo);
    let program = agents::program_of(&who.profile, &config);
    let base = repo.head()?;
    let branch = format!("{}{}", spawn::branch_prefix(repo, &config, &mut Vec::new())?, who.id);
    let created = Created {
        title: format!("Designer ({})", who.profile),
        role: Some(who.profile.clone()).filter(|profile| *profile != program),
        profile: program,
        run: spawn::run_id(repo)?,
        designer: true,
        base: base.into(),
        branch: branch.as_str().into(),
        label: config.get_or_default(&LABEL),
        ..Created::default()
    };
    let new = NewAgent { id: who.id.clone(), created, prompt: String::new(), base };
    store::create(repo, &[new])?;
    if request.worktree {
        let folder = worktrees_dir::make_worktrees_dir(repo)?.join(who.id.as_str());
        repo.fetch_promised_files(context, base)?;
        let checkout = Repo::open_for_checkout(repo.environment(), &repo.common_dir()?)?;
        make::make_worktree(&checkout, &branch, base, &folder)?;
    }
    Ok(())
}

fn command(
    repo: &Repo,
    who: &Identity,
    launch: &Launch,
    conversation: &Conversation,
    plan: &Plan,
    nonce: &str,
) -> Result<Command> {
    let (program, arguments) = plan.argv.split_first().ok_or_else(|| Error::internal("an empty command"))?;
    let mut command = process::command(repo.environment(), program);
    let (unset, set) = conversation.variables();
    for name in launch.unset.iter().chain(unset) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .current_dir(&plan.folder)
        .envs(set.map(|(name, value)| (name, value)))
        .envs(launch.variables(&who.id))
        .env(AGENT_VARIABLE, who.id.as_str())
        .env(asking::VARIABLE, asking::command())
        .env(NONCE, nonce);
    Ok(command)
}
