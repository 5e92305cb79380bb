//! `spawn`: an agent per task, each on its own branch, in its own worktree, under its own supervisor.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    config::Config,
    error::Context,
    git::{Oid, Repo, command},
    lock::Lock,
    model::{AgentId, event::Created, text},
    ops::tasks,
    profile::{self, Launch},
    store::{
        self, NewAgent,
        layout::{self, AgentDir, Private},
    },
    supervise::{guard, mend, queue, spec::Spec, start, tree},
    worktree::{place, shadow::Frozen},
    world,
};

/// How long another command may hold an agent's lock for a look.
const SETTLE: Duration = Duration::from_secs(10);
/// Prefix used where a branch named like ours is in the way.
const OTHER_PREFIX: &str = "orchestra-agents/";

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The tasks, in order.
    pub tasks: Vec<String>,
    /// The agents; each task goes to each. Empty: the configured one.
    pub agents: Vec<String>,
    /// How many of each; 0 counts as 1.
    pub copies: u32,
    /// Where they start from; the user's commit if not given.
    pub base: Option<String>,
    /// What ids begin with, instead of the task's words.
    pub name: Option<String>,
    /// How many run at once.
    pub jobs: Option<u32>,
    /// The longest each may run.
    pub max_time: Option<Duration>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What was started, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The agents of this spawn share it.
    pub run: String,
    /// How many run at once.
    pub jobs: u32,
    /// In the order of the tasks.
    pub agents: Vec<Planned>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// One agent of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// Its id.
    pub id: String,
    /// The task in a few words.
    pub title: String,
    /// How it is run.
    pub profile: String,
    /// Its branch.
    pub branch: String,
    /// The commit it starts from.
    pub base: String,
    /// Where its files are to be.
    pub worktree: String,
    #[serde(skip)]
    task: String,
    #[serde(skip)]
    launch: Option<Launch>,
}

/// Starts the agents. When it returns, each has its first event on the disk and a supervisor that answers.
///
/// # Errors
/// The request is wrong (2), something is missing (3), or nothing can be written. Nothing is half-made then.
pub fn run(repo: &Repo, request: &Request) -> Result<Report> {
    for task in &request.tasks {
        tasks::check(task)?;
    }
    let config = Config::of(repo);
    let base = match &request.base {
        Some(revision) => repo.commit(revision)?,
        None => repo.head()?,
    };
    repo.identity()?;
    tree::check()?;
    command::check_version(&repo.common_dir()?)?;
    let limits = Limits::read(&config, request)?;
    let launches = launches(&config, &request.agents)?;
    let mut warnings = Vec::new();
    let prefix = branch_prefix(repo, &config, &mut warnings)?;
    if request.dry_run {
        return plan(&place::planned(repo)?, request, &launches, base, &prefix, limits.jobs, warnings);
    }
    guard::check_space(&repo.common_dir()?, config.min_free()?)?;
    let folder = place::folder(repo)?;
    guard::check_space(&folder, config.min_free()?)?;
    let report = plan(&folder, request, &launches, base, &prefix, limits.jobs, warnings)?;
    mend::mend(repo)?;
    start(repo, &report, base, &limits)?;
    Ok(report)
}

struct Limits {
    jobs: u32,
    max_time: Duration,
    grace: Duration,
    max_output: u64,
    max_file: u64,
}

impl Limits {
    fn read(config: &Config<'_>, request: &Request) -> Result<Self> {
        Ok(Self {
            jobs: request.jobs.map_or_else(|| config.jobs(), Ok)?,
            max_time: request.max_time.map_or_else(|| config.max_time(), Ok)?,
            grace: config.grace()?,
            max_output: config.max_output()?,
            max_file: config.max_file()?,
        })
    }
}

fn launches(config: &Config<'_>, named: &[String]) -> Result<Vec<(String, Launch)>> {
    let names = if named.is_empty() { vec![config.agent()] } else { named.to_vec() };
    names.into_iter().map(|name| profile::find(&name, config).map(|launch| (name, launch))).collect()
}

/// A branch `orchestra` and branches `orchestra/…` cannot both exist.
fn branch_prefix(repo: &Repo, config: &Config<'_>, warnings: &mut Vec<String>) -> Result<String> {
    let prefix = config.branch_prefix();
    let mut above = String::new();
    for part in prefix.trim_end_matches('/').split('/') {
        above.push_str(part);
        if prefix.contains('/') && repo.find_ref(&layout::branch_ref(&above))?.is_some() {
            let shown = text::safe(&above).into_owned();
            warnings.push(format!(
                "a branch '{shown}' is in the way of '{prefix}…'; the agents' branches begin with '{OTHER_PREFIX}'"
            ));
            return Ok(OTHER_PREFIX.to_owned());
        }
        above.push('/');
    }
    Ok(prefix)
}

fn plan(
    folder: &Path,
    request: &Request,
    launches: &[(String, Launch)],
    base: Oid,
    prefix: &str,
    jobs: u32,
    warnings: Vec<String>,
) -> Result<Report> {
    let mut agents = Vec::new();
    for task in &request.tasks {
        for (profile, launch) in launches {
            for _ in 0..request.copies.max(1) {
                let id =
                    AgentId::new(request.name.as_deref().unwrap_or(&text::title(task)), world::random()?);
                agents.push(Planned {
                    title: text::title(task),
                    profile: profile.clone(),
                    branch: format!("{prefix}{id}"),
                    base: base.to_string(),
                    worktree: folder.join(id.as_str()).to_string_lossy().into_owned(),
                    id: id.to_string(),
                    task: task.clone(),
                    launch: Some(launch.clone()),
                });
            }
        }
    }
    if agents.is_empty() {
        return Err(Error::usage("no task given").hint("git orchestra spawn \"what to do\""));
    }
    if agents.len() > tasks::MAX_TASKS {
        let count = agents.len();
        return Err(Error::usage(format!(
            "{count} agents at once are too many; at most {} are taken",
            tasks::MAX_TASKS
        )));
    }
    Ok(Report { run: run_id()?, jobs, agents, warnings })
}

/// Begins with the time, so that lists show the agents of one second in the order in which they were spawned.
fn run_id() -> Result<String> {
    Ok(format!("{:011x}{}", world::milliseconds(), world::random_hex::<3>()?))
}

/// First what only this machine knows, under each agent's lock; then the agents themselves, all at once; then their
/// supervisors. Whatever a kill leaves is under an agent's name: `mend` or `stop` finds it.
fn start(repo: &Repo, report: &Report, base: Oid, limits: &Limits) -> Result<()> {
    let private = Private::new(repo.private_dir()?);
    guard::set_aside(&private)?;
    let frozen = Frozen::now(repo)?.keep(&private.frozen(), &repo.common_dir()?)?;
    let mut locks: Vec<(AgentId, AgentDir, Lock)> = Vec::with_capacity(report.agents.len());
    let made = report.agents.iter().try_for_each(|planned| {
        let id = AgentId::parse(&planned.id)?;
        let dir = private.agent(&id);
        // Another command that mends may look at the new folder for an instant.
        let lock = Lock::require(&dir.lock(), SETTLE)?;
        locks.push((id, dir.clone(), lock));
        write_order(planned, &dir, &frozen, limits)
    });
    let ids: Vec<AgentId> = locks.iter().map(|(id, _, _)| id.clone()).collect();
    let made = made.and_then(|()| queue::draw(&private, &ids, limits.jobs));
    let made = made.and_then(|()| store::create(repo, &new_agents(report, base)?));
    if let Err(error) = made {
        for (_, dir, _) in &locks {
            let _ = fs::remove_dir_all(dir.dir());
        }
        return Err(error);
    }
    start::supervisors(repo, locks.into_iter().map(|(id, _, lock)| (id, lock)).collect())
}

fn write_order(planned: &Planned, dir: &AgentDir, frozen: &str, limits: &Limits) -> Result<()> {
    let launch = planned.launch.clone().ok_or_else(|| Error::internal("a plan without a command"))?;
    let spec = Spec {
        launch,
        branch: planned.branch.clone(),
        base: planned.base.clone(),
        title: planned.title.clone(),
        worktree: PathBuf::from(&planned.worktree),
        frozen: frozen.to_owned(),
        jobs: limits.jobs,
        max_time: limits.max_time.as_secs(),
        grace: limits.grace.as_secs(),
        max_output: limits.max_output,
        max_file: limits.max_file,
        since: 1,
    };
    spec.write(dir)?;
    let prompt = dir.prompt();
    fs::write(&prompt, &planned.task)
        .context(Kind::External, || format!("cannot write '{}'", prompt.display()))
}

fn new_agents(report: &Report, base: Oid) -> Result<Vec<NewAgent>> {
    let parent = world::text_variable("ORCHESTRA_AGENT").filter(|id| AgentId::parse(id).is_ok());
    let new = |(place, planned): (u32, &Planned)| {
        let created = Created {
            title: planned.title.clone(),
            profile: planned.profile.clone(),
            model: None,
            run: report.run.clone(),
            place,
            parent: parent.clone(),
            base: planned.base.clone(),
            branch: planned.branch.clone(),
            prompt: None,
        };
        Ok(NewAgent { id: AgentId::parse(&planned.id)?, created, prompt: planned.task.clone(), base })
    };
    (0..).zip(&report.agents).map(new).collect()
}
