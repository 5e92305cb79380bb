//! `resume`: goes on with agents that ended, were paused, or lost their supervisor: in the same worktree, on the same branch,
//! in the same conversation.

mod taking_over;

use std::{fs, path::PathBuf, time::Duration};

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    config::Config,
    error::Context,
    git::{Repo, command},
    lock::Lock,
    model::{
        Agent, AgentId, Fact, Liveness, Phase,
        event::{Message, Step},
        id,
    },
    ops::{send, sessions::living, settings::Settings},
    profile,
    store::{
        Chain, Listing, append_if,
        layout::{self, AgentDir, Private},
        writer,
    },
    supervise::{control, guard, liveness, mend, queue, spec::Spec, start, tree},
    worktree::{door, list, place, shadow::Frozen},
};

/// How long another command may hold the agent's lock for a look.
const SETTLE: Duration = Duration::from_secs(1);

/// Which agents, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// By id or unique prefix.
    pub agents: Vec<String>,
    /// All of this clone that are paused, or lost their supervisor.
    pub all: bool,
    /// What they are told.
    pub message: Option<String>,
    /// In a new conversation, from the task on.
    pub fresh: bool,
    /// Agents of other clones may be taken over.
    pub take_over: TakeOver,
    /// What is to be different from before.
    pub settings: Settings,
}

/// Whether agents of other clones may be gone on with here.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TakeOver {
    /// They are left alone.
    #[default]
    Never,
    /// Where they rest.
    AtRest,
    /// Whatever is known of them: their machine is gone.
    Always,
}

/// What was resumed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Their ids.
    pub agents: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Starts the supervisors. When it returns, each is in the queue and answers.
///
/// # Errors
/// An agent is not there, runs, or belongs to another clone (3); its program is not here (3); nothing can be written.
/// The first that cannot be resumed ends the command; those before it run.
pub fn run(repo: &Repo, request: &Request) -> Result<Report> {
    request.settings.check()?;
    if request.message.as_ref().is_some_and(|text| text.len() > send::MAX_TEXT) {
        return Err(Error::usage(format!("the message is longer than {} bytes", send::MAX_TEXT)));
    }
    repo.identity()?;
    tree::check()?;
    command::check_version(&repo.common_dir()?)?;
    let config = Config::of(repo);
    guard::check_space(&repo.common_dir()?, config.min_free()?)?;
    mend::mend(repo)?;
    let ids = choose(repo, request)?;
    let (mut agents, mut warnings) = (Vec::with_capacity(ids.len()), Vec::new());
    for id in ids {
        warnings.extend(one(repo, &config, &id, request)?);
        agents.push(id.to_string());
    }
    Ok(Report { agents, warnings })
}

fn choose(repo: &Repo, request: &Request) -> Result<Vec<AgentId>> {
    let listing = Listing::read(repo)?;
    let mut ids: Vec<AgentId> = Vec::new();
    if request.all {
        let private = Private::new(repo.private_dir()?);
        for row in listing.rows.iter().filter(|row| !row.entry.glance.phase.is_terminal()) {
            let Ok(agent) = listing.agent(repo, row) else { continue };
            let lost = liveness::of(&private, &row.id, &agent, listing.writer.as_deref()) == Liveness::Lost;
            let ours = listing.writer.as_deref() == Some(agent.writer.as_str());
            if ours && (lost || agent.phase == Phase::Paused) {
                ids.push(row.id.clone());
            }
        }
        return Ok(ids);
    }
    for typed in &request.agents {
        let id = id::resolve(typed, listing.ids())?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// All under the agent's lock, which goes on to the supervisor: of many that resume one agent at once, one does. Gives what the
/// user should know.
fn one(repo: &Repo, config: &Config<'_>, id: &AgentId, request: &Request) -> Result<Option<String>> {
    let private = Private::new(repo.private_dir()?);
    let dir = private.agent(id);
    let before = repo.find_ref(&layout::agent_ref(id))?;
    let chain = Chain::of_agent(repo, id)?;
    let agent = chain.fold().agent;
    let foreign = writer::known_writer(repo).as_deref() != Some(agent.writer.as_str());
    if foreign {
        taking_over::prepare(repo, id, &agent, request.take_over, &place_for(repo, id)?)?;
    }
    let runs = || {
        Error::refused(format!("agent '{id}' runs already"))
            .hint(format!("git orchestra send {id} '…' says something to it"))
    };
    let Some(lock) = Lock::take(&dir.lock(), SETTLE)? else { return Err(runs()) };
    let now = Chain::of_agent(repo, id)?.fold().agent;
    if (now.attempt, now.phase) != (agent.attempt, agent.phase) {
        return Err(Error::new(
            Kind::Conflict,
            format!("agent '{id}' was resumed, or came to rest, just now"),
        )
        .hint(format!("git orchestra status {id}")));
    }
    control::clear_the_dead(repo, id, &private, &dir)?;
    check_alone(&agent, request)?;
    let order = || -> Result<Spec> {
        let spec = new_order(repo, config, id, &agent, &dir, request)?;
        spec.write(&dir)?;
        let task = chain.prompt(repo)?.unwrap_or_default();
        // A program without conversations is told everything by its task.
        let task = match &request.message {
            Some(message) if !spec.launch.converses() => message.clone().into_bytes(),
            _ => task,
        };
        fs::write(dir.prompt(), task)
            .context(Kind::External, || format!("cannot write '{}'", dir.prompt().display()))?;
        queue::draw(&private, std::slice::from_ref(id), spec.jobs)?;
        Ok(spec)
    };
    let spec = order().inspect_err(|_| give_up(&dir, &agent))?;
    let message = request.message.as_ref().filter(|_| spec.launch.converses());
    let opened = append_if(repo, id, |fold| {
        let now = &fold.agent;
        // A queued agent that never ran keeps its first attempt.
        let attempt = if now.phase == Phase::Queued && !foreign { now.attempt } else { now.attempt + 1 };
        let label = config.label().filter(|_| foreign);
        let step = Step { label, ..Step::to(attempt, Phase::Queued).because(resumed(now)) };
        let step = (attempt > 0).then_some(Fact::Phase(step));
        let said = message.map(|text| Fact::Send(Message { text: Some(text.clone()), ..Message::default() }));
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
            let _ = fs::remove_dir_all(dir.dir());
            return Err(error);
        }
        Some(Ok(warning)) => warning,
        None => None,
    };
    start::supervisors(repo, vec![(id.clone(), lock)])?;
    Ok(warning)
}

/// Two programs in one conversation would write over each other.
fn check_alone(agent: &Agent, request: &Request) -> Result<()> {
    let session = agent.session.as_deref().filter(|_| !request.fresh);
    match session.and_then(|session| Some((session, living::user_of(session)?))) {
        Some((session, pid)) => {
            Err(Error::refused(format!("its conversation '{session}' goes on in process {pid}"))
                .hint("end it there first; --fresh begins a new one"))
        }
        None => Ok(()),
    }
}

/// An agent at rest has no folder; one that is lost keeps its own.
fn give_up(dir: &AgentDir, agent: &Agent) {
    if agent.phase.is_at_rest() {
        let _ = fs::remove_dir_all(dir.dir());
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

fn new_order(
    repo: &Repo,
    config: &Config<'_>,
    id: &AgentId,
    agent: &Agent,
    dir: &AgentDir,
    request: &Request,
) -> Result<Spec> {
    let foreign = writer::known_writer(repo).as_deref() != Some(agent.writer.as_str());
    let before = Spec::last(repo, id, dir);
    let said = before.as_ref().map(|spec| spec.options.clone()).unwrap_or_default();
    let options = said.with(request.settings.options.clone());
    let launch = profile::find(&agent.profile, config, &options)?;
    let limits = request.settings.limits(config, &launch, before.as_ref().map(|spec| &spec.limits))?;
    let private = Private::new(repo.private_dir()?);
    guard::set_aside(&private)?;
    let made = before.as_ref().map(Spec::made).unwrap_or_default();
    let worktree = match list::of_agent(repo, id, &agent.branch)?.filter(|found| found.is_there()) {
        // A program of ours is not started in a folder that somebody put in its place.
        Some(worktree) => door::enter(repo, &worktree, made)?.path().to_owned(),
        None => place_for(repo, id)?,
    };
    Ok(Spec {
        options,
        launch,
        branch: agent.branch.clone(),
        base: agent.base.clone(),
        title: agent.title.clone(),
        worktree,
        folder: before.as_ref().and_then(|spec| spec.folder),
        frozen: Frozen::now(repo)?.keep(&private.frozen(), &repo.common_dir()?)?,
        jobs: request.settings.jobs(config)?,
        limits,
        since: agent.lamport,
        resumed: agent.attempt > 0 || foreign,
        fresh: request.fresh,
        judges: agent.reviews.is_some(),
    })
}

fn place_for(repo: &Repo, id: &AgentId) -> Result<PathBuf> {
    Ok(place::folder(repo)?.join(id.as_str()))
}
