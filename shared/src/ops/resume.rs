//! `resume`: continues agents that ended, were paused, or lost their supervisor, in the same worktree, on the same branch, and in
//! the same session.

mod caps;
pub(in crate::ops) mod given;
mod hand_over;
mod left_folders;
mod looks;
mod new_spec;
mod options;
mod plan;
pub(in crate::ops) mod takeover;
mod undelivered;
mod waiting;

use std::{borrow::Cow, fs};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::plan::{Plan, PlannedResume};
use self::{
    hand_over::NewProfile,
    looks::{Seen, Since},
    new_spec::{new_spec, worktree_path},
};
pub use crate::agents::Words;
use crate::{
    Code, Error, Kind, Result, agents,
    config::{
        Config,
        keys::{LABEL, MIN_FREE},
    },
    context::Context,
    error::ErrorContext as _,
    git::{Repo, version},
    model::{
        Agent, AgentId, Event, Fact, Liveness, Phase,
        event::{Message, PhaseChange},
    },
    ops::{
        caller::Caller,
        designer,
        failure::{Failure, locked_last},
        repairing, selection, send,
        sessions::active_sessions,
        settings::Settings,
    },
    private_files,
    store::{
        self, Chain, Listing, Unreadable, append_if,
        layout::{self, AgentDir, PrivateDir},
        list::ListRow,
        unreadable, verdicts, writer,
    },
    supervise::{
        attachment, control,
        guard::{self, ShownShortage},
        liveness, processes, queue, repair,
        spec::Spec,
        start, stored_output, tree,
    },
    surroundings,
    trust::AcceptedRepo,
};

/// How often an agent is looked at that was paused again meanwhile.
const MOST_LOOKS: usize = 3;

/// Which agents to resume, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix.
    pub agents: Vec<String>,
    /// Whether to resume all agents of this clone that are paused or lost their supervisor.
    pub all: bool,
    /// The message to the agents.
    pub message: Option<Words>,
    /// Whether to begin a new session with the task.
    pub fresh: bool,
    /// The profile that continues the agents' work, if another one than before: it gets the task and a report on the work so far.
    pub profile: Option<String>,
    /// Which agents of other clones may be taken over.
    pub take_over: TakeOverPolicy,
    /// Settings that differ from those of the last attempt.
    pub settings: Settings,
    /// Whether to start agents at once although a usage limit has not ended.
    pub despite_limit: bool,
    /// Whether to only report what would be done.
    pub dry_run: bool,
    /// What of its pull request the message is about, by keys: one that an agent was given is not given again.
    #[serde(skip)]
    pub about: Vec<String>,
}

/// Whether agents of other clones may be resumed in this clone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeOverPolicy {
    /// No agent of another clone.
    #[default]
    Never,
    /// Agents that ended or are paused.
    AtRest,
    /// All agents, because their machine no longer exists.
    Always,
}

/// The agents that were resumed, or would be resumed.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The ids of the agents that were resumed.
    pub agents: Vec<String>,
    /// The agents that would be resumed; only in a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<PlannedResume>,
    /// The agents that could not be resumed.
    pub failed: Vec<Failure>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Agents that were skipped because they cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl Report {
    /// Returns the report of a dry run.
    #[must_use]
    pub fn into_plan(self) -> Plan {
        Plan { agents: self.planned, failed: self.failed, warnings: self.warnings, dry_run: true }
    }
}

/// Starts the supervisors. When it returns, each is in the queue and accepts commands.
///
/// # Errors
/// An agent is not there (3), or there is too little space (3). The only one runs, belongs to another clone, or its program is not
/// here (3); of several, that is a failure in the report, and the others are still resumed.
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    match Caller::of(repo).limit(repo, &request.settings, false)? {
        Cow::Borrowed(_) => run_by(context, repo, request),
        Cow::Owned(settings) => run_by(context, repo, &Request { settings, ..request.clone() }),
    }
}

/// As [`run`], for a caller whose limits are in the settings already.
fn run_by(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    request.settings.check()?;
    if request.message.as_ref().is_some_and(|words| words.text().trim().is_empty()) {
        return Err(Error::new(Code::MessageInvalid, "the message is empty")
            .hint("git orchestra resume AGENT -m 'what to do next'")
            .hint("git orchestra resume AGENT"));
    }
    if request.message.as_ref().is_some_and(|words| words.text().len() > send::MAX_TEXT) {
        return Err(Error::new(
            Code::MessageInvalid,
            format!("the message is longer than {} bytes", send::MAX_TEXT),
        ));
    }
    repo.identity()?;
    tree::check()?;
    version::require_supported_version(repo.environment(), &repo.common_dir()?)?;
    let config = Config::of(repo);
    guard::check_space(&repo.common_dir()?, config.get(&MIN_FREE)?)?;
    let warnings = if request.dry_run {
        Vec::new()
    } else {
        repairing::repair(context, repo, repair::OperationsLock::NotHeld)?
    };
    let (mut ids, unreadable) = choose(repo, request)?;
    if !matches!(request.message, Some(Words::Composed(_))) {
        Caller::of(repo).check_directs(repo, &ids)?;
    }
    locked_last(repo, &mut ids);
    let only = ids.len() == 1;
    let mut report =
        Report { agents: Vec::new(), planned: Vec::new(), failed: Vec::new(), warnings, unreadable };
    for id in ids {
        context.check()?;
        let done = if request.dry_run {
            refuse_designer(repo, &id)
                .and_then(|()| plan::plan(repo, &config, &id, request))
                .map(|planned| report.planned.push(planned))
        } else {
            resume_one(context, repo, &config, &id, request).map(|warning| {
                report.warnings.extend(warning);
                report.agents.push(id.to_string());
            })
        };
        match done {
            Ok(()) => {}
            Err(error) if only || error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => report.failed.push(Failure::new(&id, error)),
        }
    }
    Ok(report)
}

/// Returns the requested agents, and, if all are requested, those that cannot be read.
fn choose(repo: &Repo, request: &Request) -> Result<(Vec<AgentId>, Vec<Unreadable>)> {
    let listing = Listing::of_names(repo, &request.agents)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let can_go_on = |row: &ListRow, agent: &Agent| {
        let lost = liveness::of(&private, &row.id, agent, listing.writer.as_deref()) == Liveness::Lost;
        // An agent that waits for the end of a usage limit resumes by itself.
        !agent.designer && (lost || agent.phase == Phase::Paused && !agent.waits_at_rest())
    };
    if !request.all {
        let ids = selection::named_or_tagged(repo, &listing, &request.agents, can_go_on)?;
        return Ok((ids, Vec::new()));
    }
    let rows = listing.rows.iter().filter(|row| !row.entry.header.phase.is_terminal());
    let ids = selection::of_this_clone(repo, &listing, rows, can_go_on);
    Ok((ids, listing.broken))
}

/// Resumes one agent. Its supervisor may pause it while this waits for its lock: then the agent is looked at again, instead of leaving it
/// paused.
fn resume_one(
    context: &Context,
    repo: &AcceptedRepo,
    config: &Config<'_>,
    id: &AgentId,
    request: &Request,
) -> Result<Vec<String>> {
    refuse_designer(repo, id)?;
    for _ in 0..MOST_LOOKS {
        if let Some(warnings) = resume_as_seen(context, repo, config, id, request)? {
            return Ok(warnings);
        }
    }
    Err(looks::refusal(id, &store::agent(repo, id)?))
}

fn refuse_designer(repo: &Repo, id: &AgentId) -> Result<()> {
    if store::agent(repo, id)?.designer { Err(designer::only_in_terminal(id)) } else { Ok(()) }
}

/// Resumes one agent under its lock, which the supervisor inherits: of several concurrent commands, only one resumes the agent.
/// Returns warnings for the user; `None` if the agent was paused meanwhile, so that it has to be looked at again.
fn resume_as_seen(
    context: &Context,
    repo: &AcceptedRepo,
    config: &Config<'_>,
    id: &AgentId,
    request: &Request,
) -> Result<Option<Vec<String>>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let dir = private.agent(id);
    caps::check(repo, config, id, &store::agent(repo, id)?, &dir, request)?;
    let limit = waiting::stop_waiting(context, repo, id, &dir, request)?;
    let before = repo.find_ref(&layout::agent_ref(id))?;
    let chain = Chain::of_agent(repo, id)?;
    let agent = chain.fold().agent;
    // Otherwise the work of the next attempt could not be saved at its end.
    unreadable::ref_tip(repo, id, &agent)?;
    let foreign = is_foreign(repo, &agent);
    if foreign {
        takeover::check_allowed(repo, id, &agent, request.take_over)?;
    }
    refuse_foreign_script(repo, config, id, &chain, request)?;
    let new_profile = NewProfile::of(request, config);
    if let Some(profile) = &new_profile {
        hand_over::check_agent(id, &agent)?;
        profile.check(config, id, request)?;
    }
    if foreign {
        takeover::prepare(repo, id, &agent, request.take_over, &worktree_path(repo, id)?)?;
    }
    let lock = looks::take_lock(context, repo, &private, id)?;
    if let Some(pid) = attachment::process_of(&private, id) {
        return Err(attachment::refusal(id, pid));
    }
    let Some(lock) = lock else {
        return Err(
            ShownShortage::read(&dir).map_or_else(|| already_running(id), |shown| held_back(id, &shown))
        );
    };
    // An agent never has two supervisors, even if somebody removed its lock.
    if processes::supervisor_of(&private, id).is_some() {
        return Err(already_running(id));
    }
    let now = store::agent(repo, id)?;
    match Seen::of(&agent).since(&now) {
        Since::Same => {}
        Since::PausedItself => return Ok(None),
        Since::Other => return Err(looks::refusal(id, &now)),
    }
    given::refuse_again(repo, id, &request.about)?;
    let notice = control::reap_lost_agent(repo, id, &private, &dir)?;
    if let Ok(spec) = Spec::read(&dir) {
        // Records what changed around the interrupted attempt, before the next one records its own surroundings.
        surroundings::record_changes(repo, id, &spec.branch, &dir, &private.frozen().join(spec.frozen))?;
    }
    let _ = fs::remove_file(dir.surroundings());
    refuse_session_in_use(repo, &agent, request)?;
    let make_spec = || -> Result<Spec> {
        let mut spec = new_spec(context, repo, config, id, &agent, &dir, request)?;
        if !foreign {
            spec.since = undelivered::delivered_up_to(&chain.events, &agent);
        }
        spec.write(&dir)?;
        if !request.fresh {
            stored_output::restore_conversation(repo, id, &dir)?;
        }
        let task = chain.prompt(repo)?.unwrap_or_default();
        // A program without sessions gets the message as its task.
        let task = match &request.message {
            Some(words) if !spec.launch.has_sessions() => words.text().as_bytes().to_vec(),
            _ => task,
        };
        let task = match &new_profile {
            Some(profile) => {
                profile.opening(context, repo, id, &agent, &String::from_utf8_lossy(&task)).into_bytes()
            }
            None => task,
        };
        private_files::replace(&dir.prompt(), task)
            .context(Kind::External, || format!("cannot write '{}'", dir.prompt().display()))?;
        queue::draw(&private, std::slice::from_ref(id), spec.jobs)?;
        Ok(spec)
    };
    repo.begin(std::slice::from_ref(id))?;
    let spec = make_spec().inspect_err(|_| remove_private_dir(&dir, &agent))?;
    if let Err(error) = record_attempt(repo, config, id, &spec, request, foreign) {
        queue::leave(&private, id);
        remove_private_dir(&dir, &agent);
        return Err(error);
    }
    let warning = match before
        .filter(|_| foreign)
        .map(|before| takeover::claim_at_remotes(context, repo, id, before))
    {
        Some(Err(error)) => {
            queue::leave(&private, id);
            dir.remove_unless_it_holds_output();
            return Err(error);
        }
        Some(Ok(warning)) => warning,
        None => None,
    };
    start::start_supervisors(context, repo, vec![(id.clone(), lock)])?;
    Ok(Some(notice.into_iter().chain(warning).chain(limit).collect()))
}

/// Adds the event that begins the next attempt, and the message that the program gets in its session.
fn record_attempt(
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    spec: &Spec,
    request: &Request,
    foreign: bool,
) -> Result<()> {
    let message = request.message.as_ref().filter(|_| spec.launch.has_sessions());
    append_if(repo, id, |fold| {
        let now = &fold.agent;
        // A queued agent that never ran keeps its first attempt.
        let attempt = if now.phase == Phase::Queued && !foreign { now.attempt } else { now.attempt + 1 };
        let label = config.get_or_default(&LABEL).filter(|_| foreign);
        let permission = spec.launch.permission.map(|permission| permission.as_str().to_owned());
        let is_new = request.profile.is_some() || spec.team.is_some() && spec.profile != now.profile;
        let new = Some(spec).filter(|_| is_new);
        // Only an event of an attempt can say which profile runs it.
        let attempt = attempt.max(u32::from(new.is_some()));
        let model = request.settings.options.model.clone();
        let model = model.or_else(|| new.and_then(|spec| spec.launch.model.clone()));
        let step = PhaseChange {
            label,
            permission,
            model,
            profile: new.map(|spec| spec.profile.clone()),
            role: new.and_then(|spec| spec.role.clone()),
            ..PhaseChange::new(attempt, Phase::Queued).because(resume_reason(now))
        };
        let step = (attempt > 0).then_some(Fact::Phase(step));
        let text = message.map(|text| text.text().to_owned());
        let about = request.about.clone();
        let said = (text.is_some() || !about.is_empty())
            .then(|| Fact::Send(Message { text, about, ..Message::default() }));
        Some(step.into_iter().chain(said).collect())
    })
    .map(drop)
}

fn is_foreign(repo: &Repo, agent: &Agent) -> bool {
    writer::known_writer(repo).as_deref() != Some(agent.writer.as_str())
}

pub(super) fn already_running(id: &AgentId) -> Error {
    Error::new(Code::AgentRunning, format!("agent '{id}' is already running"))
        .hint(format!("git orchestra send {id} '…' sends it a message"))
}

/// The agent needs no command to continue, but may be let continue earlier.
fn held_back(id: &AgentId, shown: &ShownShortage) -> Error {
    let what = format!("agent '{id}' {}; it continues by itself", shown.clause());
    Error::new(Code::AgentRunning, what).hint(shown.shortage.resource.hint())
}

/// Refuses to pass text of others to a program that may run it as a script. Such a program gets only what the user typed in this
/// clone or in a trusted one.
fn refuse_foreign_script(
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    chain: &Chain,
    request: &Request,
) -> Result<()> {
    let before = chain.fold().agent.profile;
    let profile = request.profile.as_ref().unwrap_or(&before);
    match &request.message {
        Some(Words::Typed(_)) => Ok(()),
        Some(Words::Composed(_)) => agents::check_prose(profile, config, "what others wrote"),
        None => {
            let created = |event: &&Event| matches!(event.fact, Some(Fact::Created(_)));
            let ours =
                chain.events.iter().filter(created).all(|made| verdicts::is_trusted(repo, &made.writer));
            if ours {
                return Ok(());
            }
            agents::check_prose(profile, config, "a task of another clone").map_err(|error| {
                error
                    .hint_command(&[&"git", &"orchestra", &"status", &id.as_str()])
                    .hint(format!("git orchestra resume {id} -m 'COMMANDS TO RUN'"))
            })
        }
    }
}

/// Refuses a session that another process uses: two programs in one session would overwrite each other.
fn refuse_session_in_use(repo: &Repo, agent: &Agent, request: &Request) -> Result<()> {
    let session = agent.session.as_deref().filter(|_| !request.fresh && request.profile.is_none());
    match session
        .and_then(|session| Some((session, active_sessions::process_of(repo.environment(), session)?)))
    {
        Some((session, pid)) => {
            Err(Error::new(Code::SessionInUse, format!("its session '{session}' is in use by process {pid}"))
                .hint("exit that process first; --fresh begins a new session"))
        }
        None => Ok(()),
    }
}

/// Removes the private folder of an agent at rest again; a lost agent keeps its own.
fn remove_private_dir(dir: &AgentDir, agent: &Agent) {
    if agent.phase.is_at_rest() {
        dir.remove_unless_it_holds_output();
    }
}

/// Returns the state before the resume, which becomes the reason of the new phase.
fn resume_reason(agent: &Agent) -> String {
    let was = agent.phase.as_str();
    match &agent.reason {
        Some(reason) if agent.phase.is_at_rest() => format!("{was}: {reason}"),
        _ => format!("it was {was}"),
    }
}
