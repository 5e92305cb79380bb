//! `resume`: goes on with agents that ended, were paused, or lost their supervisor: in the same worktree, on the same branch,
//! in the same conversation.

mod plan;
mod taking_over;

use std::{fs, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::plan::{Plan, PlannedResume};
pub use crate::agents::Words;
use crate::{
    Code, Error, Kind, Result,
    agents::{self, Launch, Options},
    config::{
        Config,
        keys::{LABEL, MIN_FREE},
    },
    error::Context,
    git::{Repo, version},
    lock::Lock,
    model::{
        Agent, AgentId, Event, Fact, Liveness, Phase,
        event::{Message, PhaseChange},
        limit::clock_time,
        text,
    },
    ops::{
        failure::{Failure, locked_last},
        repairing, selection, send,
        sessions::active_sessions,
        settings::Settings,
    },
    private_files,
    store::{
        Chain, Listing, Unreadable, append_if,
        layout::{self, AgentDir, PrivateDir},
        unreadable, verdicts, writer,
    },
    supervise::{
        control, guard, liveness, processes, queue, repair,
        spec::{Limits, Spec},
        start, tree,
    },
    surroundings,
    trust::AcceptedRepo,
    worktree::{isolated_git_dir::FrozenConfig, list, open_worktree, place},
};

/// How long another command may hold the agent's lock for a look.
const SETTLE: Duration = Duration::from_secs(1);

/// How long a supervisor that waits for the end of a usage limit may take to go: it saves the work first.
const LET_GO: Duration = Duration::from_secs(120);

/// Which agents to resume, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix.
    pub agents: Vec<String>,
    /// All agents of this clone that are paused or lost their supervisor.
    pub all: bool,
    /// The message to the agents.
    pub message: Option<Words>,
    /// Begin a new conversation with the task.
    pub fresh: bool,
    /// Which agents of other clones may be taken over.
    pub take_over: TakeOver,
    /// What is to be different from before.
    pub settings: Settings,
    /// Agents that wait for the end of a usage limit are started at once.
    pub despite_limit: bool,
    /// Show what would be done.
    pub dry_run: bool,
}

/// Whether agents of other clones may be resumed in this clone.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeOver {
    /// None.
    #[default]
    Never,
    /// Those that ended or are paused.
    AtRest,
    /// All: their machine is gone.
    Always,
}

/// The agents that were resumed, or would be.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// Their ids.
    pub agents: Vec<String>,
    /// Those that would be resumed; of a dry run only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<PlannedResume>,
    /// Those that could not be resumed.
    pub failed: Vec<Failure>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Agents that were not looked at, because they cannot be read.
    pub unreadable: Vec<Unreadable>,
}

impl Report {
    /// What a dry run found.
    #[must_use]
    pub fn into_plan(self) -> Plan {
        Plan { agents: self.planned, failed: self.failed, warnings: self.warnings }
    }
}

/// Starts the supervisors. When it returns, each is in the queue and answers.
///
/// # Errors
/// An agent is not there (3), or there is too little space (3). The only one runs, belongs to another clone, or its program is not
/// here (3); of several, that is a failure in the report, and the others are resumed all the same.
pub fn run(repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    request.settings.check()?;
    if request.message.as_ref().is_some_and(|words| words.text().len() > send::MAX_TEXT) {
        return Err(Error::new(
            Code::MessageInvalid,
            format!("the message is longer than {} bytes", send::MAX_TEXT),
        ));
    }
    repo.identity()?;
    tree::check()?;
    version::check(repo.environment(), &repo.common_dir()?)?;
    let config = Config::of(repo);
    guard::check_space(&repo.common_dir()?, config.get(&MIN_FREE)?)?;
    let warnings =
        if request.dry_run { Vec::new() } else { repairing::repair(repo, repair::Operations::Free)? };
    let (mut ids, unreadable) = choose(repo, request)?;
    locked_last(repo, &mut ids);
    let only = ids.len() == 1;
    let mut report =
        Report { agents: Vec::new(), planned: Vec::new(), failed: Vec::new(), warnings, unreadable };
    for id in ids {
        let done = if request.dry_run {
            plan::plan(repo, &config, &id, request).map(|planned| report.planned.push(planned))
        } else {
            one(repo, &config, &id, request).map(|warning| {
                report.warnings.extend(warning);
                report.agents.push(id.to_string());
            })
        };
        match done {
            Ok(()) => {}
            Err(error) if only => return Err(error),
            Err(error) => report.failed.push(Failure::new(&id, error)),
        }
    }
    Ok(report)
}

/// The agents that are asked for; where all are, those that cannot be read as well.
fn choose(repo: &Repo, request: &Request) -> Result<(Vec<AgentId>, Vec<Unreadable>)> {
    let listing = Listing::read(repo)?;
    if !request.all {
        return Ok((selection::named(repo, &listing, &request.agents)?, Vec::new()));
    }
    let private = PrivateDir::new(repo.private_dir()?);
    let rows = listing.rows.iter().filter(|row| !row.entry.glance.phase.is_terminal());
    let ids = selection::of_this_clone(repo, &listing, rows, |row, agent| {
        let lost = liveness::of(&private, &row.id, agent, listing.writer.as_deref()) == Liveness::Lost;
        // One that waits for the end of a usage limit resumes by itself.
        lost || agent.phase == Phase::Paused && !agent.waits_for_limit()
    });
    Ok((ids, listing.broken))
}

/// All under the agent's lock, which goes on to the supervisor: of many that resume one agent at once, one does. Gives what the
/// user should know.
fn one(repo: &AcceptedRepo, config: &Config<'_>, id: &AgentId, request: &Request) -> Result<Vec<String>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let dir = private.agent(id);
    let limit = stop_waiting_for_limit(repo, id, &dir, request)?;
    let before = repo.find_ref(&layout::agent_ref(id))?;
    let chain = Chain::of_agent(repo, id)?;
    let agent = chain.fold().agent;
    // Its end could not save anything.
    unreadable::named_tip(repo, id, &agent)?;
    let foreign = is_foreign(repo, &agent);
    if foreign {
        taking_over::may(repo, id, &agent, request.take_over)?;
    }
    check_script(repo, config, id, &chain, request)?;
    if foreign {
        taking_over::prepare(repo, id, &agent, request.take_over, &place_for(repo, id)?)?;
    }
    let Some(lock) = Lock::take(&dir.lock(), SETTLE)? else { return Err(runs_already(id)) };
    // Also where somebody removed its lock: an agent never has two supervisors.
    if processes::supervisor_of(&private, id).is_some() {
        return Err(runs_already(id));
    }
    let now = Chain::of_agent(repo, id)?.fold().agent;
    if (now.attempt, now.phase) != (agent.attempt, agent.phase) {
        return Err(Error::new(
            Code::AgentChanged,
            format!("agent '{id}' was resumed, or came to rest, just now"),
        )
        .hint(format!("git orchestra status {id}")));
    }
    let notice = control::reap_lost_agent(repo, id, &private, &dir)?;
    if let Ok(spec) = Spec::read(&dir) {
        // What changed around the attempt that was cut off; the next one has a look of its own.
        surroundings::after(repo, id, &dir, &private.frozen().join(spec.frozen))?;
    }
    let _ = fs::remove_file(dir.surroundings());
    check_alone(repo, &agent, request)?;
    let order = || -> Result<Spec> {
        let spec = new_order(repo, config, id, &agent, &dir, request)?;
        spec.write(&dir)?;
        let task = chain.prompt(repo)?.unwrap_or_default();
        // A program without conversations is told everything by its task.
        let task = match &request.message {
            Some(words) if !spec.launch.has_sessions() => words.text().as_bytes().to_vec(),
            _ => task,
        };
        private_files::write(&dir.prompt(), task)
            .context(Kind::External, || format!("cannot write '{}'", dir.prompt().display()))?;
        queue::draw(&private, std::slice::from_ref(id), spec.jobs)?;
        Ok(spec)
    };
    repo.begin(std::slice::from_ref(id))?;
    let spec = order().inspect_err(|_| give_up(&dir, &agent))?;
    let message = request.message.as_ref().filter(|_| spec.launch.has_sessions());
    let opened = append_if(repo, id, |fold| {
        let now = &fold.agent;
        // A queued agent that never ran keeps its first attempt.
        let attempt = if now.phase == Phase::Queued && !foreign { now.attempt } else { now.attempt + 1 };
        let label = config.get_or_default(&LABEL).filter(|_| foreign);
        let permission = spec.launch.permission.map(|permission| permission.as_str().to_owned());
        let model = request.settings.options.model.clone();
        let step = PhaseChange {
            label,
            permission,
            model,
            ..PhaseChange::to(attempt, Phase::Queued).because(resumed(now))
        };
        let step = (attempt > 0).then_some(Fact::Phase(step));
        let said = message
            .map(|text| Fact::Send(Message { text: Some(text.text().to_owned()), ..Message::default() }));
        Some(step.into_iter().chain(said).collect())
    });
    if let Err(error) = opened {
        queue::leave(&private, id);
        give_up(&dir, &agent);
        return Err(error);
    }
    let warning = match before.filter(|_| foreign).map(|before| taking_over::arbitrate(repo, id, before)) {
        Some(Err(error)) => {
            queue::leave(&private, id);
            dir.remove_unless_it_holds_output();
            return Err(error);
        }
        Some(Ok(warning)) => warning,
        None => None,
    };
    start::supervisors(repo, vec![(id.clone(), lock)])?;
    Ok(notice.into_iter().chain(warning).chain(limit).collect())
}

/// A person wants an agent to go on that waits for the end of a usage limit: its supervisor makes room. Gives what the user should
/// know.
fn stop_waiting_for_limit(
    repo: &Repo,
    id: &AgentId,
    dir: &AgentDir,
    request: &Request,
) -> Result<Option<String>> {
    let agent = Chain::of_agent(repo, id)?.fold().agent;
    let ours = writer::known_writer(repo).as_deref() == Some(agent.writer.as_str());
    let Some(limit) = agent.limit.clone().filter(|_| ours && agent.phase == Phase::Paused) else {
        return Ok(None);
    };
    if agent.waits_for_limit() && Lock::is_held(&dir.lock()) {
        control::ask(repo, id, control::StopMode::Pause, Some("resumed before the limit is over"))?;
        Lock::require(&dir.lock(), LET_GO)?;
    }
    let now = repo.now();
    let over = limit.until.is_none_or(|until| until <= now);
    Ok(limit.until.filter(|_| request.despite_limit && !over).map(|until| {
        let until = clock_time(until, now, &repo.environment().time_zone());
        format!("'{id}' is resumed although its {} holds until {until}", limit.name())
    }))
}

fn is_foreign(repo: &Repo, agent: &Agent) -> bool {
    writer::known_writer(repo).as_deref() != Some(agent.writer.as_str())
}

fn runs_already(id: &AgentId) -> Error {
    Error::new(Code::AgentRunning, format!("agent '{id}' runs already"))
        .hint(format!("git orchestra send {id} '…' says something to it"))
}

/// An agent that may run what it is told gets only what the user typed in this clone, or in one that is trusted.
fn check_script(
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    chain: &Chain,
    request: &Request,
) -> Result<()> {
    let profile = &chain.fold().agent.profile;
    match &request.message {
        Some(Words::Typed(_)) => Ok(()),
        Some(Words::Composed(_)) => agents::check_prose(profile, config, "what others wrote"),
        None => {
            let created = |event: &&Event| matches!(event.fact, Some(Fact::Created(_)));
            let ours = chain.events.iter().filter(created).all(|made| verdicts::counts(repo, &made.writer));
            if ours {
                return Ok(());
            }
            agents::check_prose(profile, config, "a task of another clone").map_err(|error| {
                error
                    .hint_command(&[&"git", &"orchestra", &"status", &id.as_str()])
                    .hint(format!("git orchestra resume {id} -m 'what it should run'"))
            })
        }
    }
}

/// Two programs in one conversation would write over each other.
fn check_alone(repo: &Repo, agent: &Agent, request: &Request) -> Result<()> {
    let session = agent.session.as_deref().filter(|_| !request.fresh);
    match session.and_then(|session| Some((session, active_sessions::user_of(repo.environment(), session)?)))
    {
        Some((session, pid)) => Err(Error::new(
            Code::SessionInUse,
            format!("its conversation '{session}' goes on in process {pid}"),
        )
        .hint("end it there first; --fresh begins a new one")),
        None => Ok(()),
    }
}

/// An agent at rest has no folder; one that is lost keeps its own.
fn give_up(dir: &AgentDir, agent: &Agent) {
    if agent.phase.is_at_rest() {
        dir.remove_unless_it_holds_output();
    }
}

/// Why the agent came to rest, for its program to know.
fn resumed(agent: &Agent) -> String {
    let was = agent.phase.as_str();
    match &agent.reason {
        Some(reason) if agent.phase.is_at_rest() => format!("{was}: {reason}"),
        _ => format!("it was {was}"),
    }
}

/// How an agent is run: as when it ran last, with what is typed now.
struct HowToRun {
    options: Options,
    launch: Launch,
    limits: Limits,
    jobs: u32,
}

fn how(config: &Config<'_>, agent: &Agent, before: Option<&Spec>, request: &Request) -> Result<HowToRun> {
    let said = before.map(|spec| spec.options.clone()).unwrap_or_default();
    let options = said.with(request.settings.options.clone());
    let launch = agents::launch(&agent.profile, config, &options)?;
    let limits = request.settings.limits(config, &launch, before.map(|spec| &spec.limits))?;
    let jobs = request.settings.jobs(config, before.map(|spec| spec.jobs))?;
    Ok(HowToRun { options, launch, limits, jobs })
}

/// What the commit of its leftovers is called: what it was told last, as far as the user typed that.
fn title(agent: &Agent, before: Option<&Spec>, launch: &Launch, request: &Request) -> String {
    match (&request.message, before) {
        (Some(Words::Typed(said)), _) => text::title(said),
        // A program without conversations does its first task again.
        (None, Some(before)) if launch.has_sessions() && !request.fresh => before.title.clone(),
        _ => agent.title.clone(),
    }
}

fn new_order(
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    agent: &Agent,
    dir: &AgentDir,
    request: &Request,
) -> Result<Spec> {
    let foreign = is_foreign(repo, agent);
    let before = Spec::last(repo, id, dir);
    let known = before.as_ref().and_then(|spec| spec.identity.clone());
    let HowToRun { options, launch, limits, jobs } = how(config, agent, before.as_ref(), request)?;
    let title = title(agent, before.as_ref(), &launch, request);
    let private = PrivateDir::new(repo.private_dir()?);
    guard::reserve_space(&private)?;
    let made = before.as_ref().map(Spec::made).unwrap_or_default();
    let worktree = match list::of_agent(repo, id, &agent.branch)?.filter(|found| found.is_there()) {
        // A program of ours is not started in a folder that somebody put in its place.
        Some(worktree) => open_worktree::enter(repo, &worktree, made)?.path().to_owned(),
        None => {
            let head = repo.find_ref(&layout::head_ref(id))?.or_else(|| agent.base.commit());
            head.map_or(Ok(()), |head| repo.fetch_promised_files(head))?;
            place_for(repo, id)?
        }
    };
    let unknown = || Error::internal(format!("'{}' is no commit", agent.base));
    let base = agent.base.commit().ok_or_else(unknown)?;
    Ok(Spec {
        options,
        launch,
        branch: agent.branch.clone(),
        base,
        title,
        worktree,
        identity: Some(known.map_or_else(|| repo.identity(), Ok)?),
        folder: before.as_ref().and_then(|spec| spec.folder),
        frozen: FrozenConfig::now(repo)?.keep(&private.frozen(), &repo.common_dir()?)?,
        jobs,
        limits,
        since: agent.lamport,
        resumed: agent.attempt > 0 || foreign,
        fresh: request.fresh,
        judges: agent.reviews.is_some(),
        profile: agent.profile.clone(),
        despite_limit: request.despite_limit,
    })
}

fn place_for(repo: &Repo, id: &AgentId) -> Result<PathBuf> {
    Ok(place::folder(repo)?.join(id.as_str()))
}
