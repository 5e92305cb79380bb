//! `spawn`: an agent per task, each on its own branch, in its own worktree, under its own supervisor.
//!
//! Every operation is asked so: a request in, a report out, which serializes to what `--json` prints.
//!
//! ```
//! use orchestra::{
//!     git::Repo,
//!     ops::spawn::{self, Request},
//!     trust::AcceptedRepo,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # for line in ["init -q", "config user.name a", "config user.email a@x", "commit -q --allow-empty -m one"] {
//! #     std::process::Command::new("git").args(line.split(' ')).current_dir(&folder).status()?;
//! # }
//! // What may run a program wants a repository whose configuration is accepted.
//! let repo = AcceptedRepo::of(Repo::discover(folder.path())?)?;
//! let request = Request {
//!     tasks: vec!["Add a login page".to_owned()],
//!     agents: vec!["sh".to_owned()],
//!     dry_run: true,
//!     ..Request::default()
//! };
//! let report = spawn::run(&repo, &request)?;
//! assert_eq!(report.agents[0].title, "Add a login page");
//! assert!(report.agents[0].branch.starts_with("orchestra/add-a-login-page-"));
//! # Ok(())
//! # }
//! ```

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
    git::{Oid, Repo, repo::Identity, version},
    lock::Lock,
    model::{AgentId, Permission, event::Created, id, text},
    ops::{mending, named, settings::Settings, tasks},
    private_files,
    profile::{self, Launch},
    store::{
        self, NewAgent,
        layout::{self, AgentDir, Private},
    },
    supervise::{
        guard, lending, mend, queue,
        spec::{Limits, Spec},
        start, tree,
    },
    surroundings::{self, Snapshot},
    trust::AcceptedRepo,
    worktree::{place, shadow::Frozen},
    world,
};

/// How long another command may hold an agent's lock for a look.
const SETTLE: Duration = Duration::from_secs(10);

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
    /// The agent whose work they judge.
    pub reviews: Option<AgentId>,
    /// How they shall run.
    pub settings: Settings,
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
    /// What it may do, where the program knows such modes.
    pub permission: Option<Permission>,
    /// Its branch.
    pub branch: String,
    /// The commit it starts from.
    pub base: String,
    /// Where its files are to be.
    pub worktree: String,
    #[serde(skip)]
    task: String,
    #[serde(skip)]
    ready: Ready,
}

/// Starts the agents. When it returns, each has its first event on the disk and a supervisor that answers.
///
/// # Errors
/// The request is wrong (2), something is missing (3), or nothing can be written. Nothing is half-made then.
pub fn run(repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    for task in &request.tasks {
        tasks::check(task)?;
    }
    let config = Config::of(repo);
    if let Some(name) = request.name.as_ref().filter(|name| !id::is_telling(name)) {
        let shown = text::safe(name);
        return Err(Error::usage(format!("--name '{shown}' has no letter and no digit to make a name of")));
    }
    let base = match &request.base {
        Some(revision) => named::commit(repo, revision)?,
        None => repo.head()?,
    };
    repo.identity()?;
    tree::check()?;
    version::check(&repo.common_dir()?)?;
    request.settings.check()?;
    let jobs = request.settings.jobs(&config, None)?;
    let launches = launches(&config, request)?;
    let mut warnings = Vec::new();
    if let Some(base) = request.base.as_ref().filter(|base| repo.hides_a_tag(base)) {
        let shown = text::safe(base);
        warnings
            .push(format!("'{shown}' is a branch and a tag: the branch is meant, 'tags/{shown}' is the tag"));
    }
    let prefix = branch_prefix(repo, &config, &mut warnings)?;
    guard::check_space(&repo.common_dir()?, config.min_free()?)?;
    if request.dry_run {
        return plan(&place::foreseen(repo)?, request, &launches, base, &prefix, jobs, warnings);
    }
    repo.fetch_promised_files(base)?;
    let folder = place::folder(repo)?;
    guard::check_space(&folder, config.min_free()?)?;
    let mut report = plan(&folder, request, &launches, base, &prefix, jobs, warnings)?;
    report.warnings.extend(mending::mend(repo, mend::Operations::Free)?);
    start(repo, &report, base, request)?;
    Ok(report)
}

/// A kind of agent, ready to be started.
#[derive(Clone, Debug)]
struct Ready {
    profile: String,
    launch: Launch,
    limits: Limits,
}

fn launches(config: &Config<'_>, request: &Request) -> Result<Vec<Ready>> {
    let names = if request.agents.is_empty() { vec![config.agent()] } else { request.agents.clone() };
    let ready = |profile: String| {
        let launch = profile::find(&profile, config, &request.settings.options)?;
        if request.reviews.is_some() {
            // The task of a reviewer holds what the agent under review and its test wrote.
            profile::check_prose(&profile, config, "a review")?;
        }
        let limits = request.settings.limits(config, &launch, None)?;
        Ok(Ready { profile, launch, limits })
    };
    names.into_iter().map(ready).collect()
}

/// A branch `orchestra` and branches `orchestra/…` cannot both exist.
pub(super) fn branch_prefix(repo: &Repo, config: &Config<'_>, warnings: &mut Vec<String>) -> Result<String> {
    let prefix = config.branch_prefix()?;
    let mut above = String::new();
    for part in prefix.trim_end_matches('/').split('/') {
        above.push_str(part);
        if prefix.contains('/') && repo.find_ref(&layout::branch_ref(&above))?.is_some() {
            let shown = text::safe(&above).into_owned();
            warnings.push(format!(
                "a branch '{shown}' is in the way of '{prefix}…'; the agents' branches begin with '{}'",
                layout::OTHER_PREFIX
            ));
            return Ok(layout::OTHER_PREFIX.to_owned());
        }
        above.push('/');
    }
    Ok(prefix)
}

fn plan(
    folder: &Path,
    request: &Request,
    launches: &[Ready],
    base: Oid,
    prefix: &str,
    jobs: u32,
    warnings: Vec<String>,
) -> Result<Report> {
    let mut agents = Vec::new();
    for task in &request.tasks {
        for ready in launches {
            for _ in 0..request.copies.max(1) {
                let id =
                    AgentId::new(request.name.as_deref().unwrap_or(&text::title(task)), world::random()?);
                agents.push(Planned {
                    title: text::title(task),
                    profile: ready.profile.clone(),
                    permission: ready.launch.permission,
                    branch: format!("{prefix}{id}"),
                    base: base.to_string(),
                    worktree: folder.join(id.as_str()).to_string_lossy().into_owned(),
                    id: id.to_string(),
                    task: task.clone(),
                    ready: ready.clone(),
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
pub(super) fn run_id() -> Result<String> {
    Ok(format!("{:011x}{}", world::milliseconds(), world::random_hex::<3>()?))
}

/// First what only this machine knows, under each agent's lock; then the agents themselves, all at once; then their
/// supervisors. Whatever a kill leaves is under an agent's name: `mend` or `stop` finds it.
fn start(repo: &AcceptedRepo, report: &Report, base: Oid, request: &Request) -> Result<()> {
    let private = Private::new(repo.private_dir()?);
    guard::set_aside(&private)?;
    repo.remember()?;
    let identity = repo.identity()?;
    let frozen = Frozen::now(repo)?.keep(&private.frozen(), &repo.common_dir()?)?;
    let mut locks: Vec<(AgentId, AgentDir, Lock)> = Vec::with_capacity(report.agents.len());
    let made = report.agents.iter().try_for_each(|planned| {
        let id = AgentId::parse(&planned.id)?;
        let dir = private.agent(&id);
        // Another command that mends may look at the new folder for an instant.
        let lock = Lock::require(&dir.lock(), SETTLE)?;
        locks.push((id, dir.clone(), lock));
        write_order(planned, &dir, &identity, &frozen, report.jobs, request)
    });
    let ids: Vec<AgentId> = locks.iter().map(|(id, _, _)| id.clone()).collect();
    let made = made.and_then(|()| queue::draw(&private, &ids, report.jobs));
    let made = made.and_then(|()| repo.begin(&ids));
    let made = made.and_then(|()| {
        create_and_look(repo, &private, &frozen, &locks, &new_agents(repo, report, base, request)?)
    });
    if let Err(error) = made {
        for (_, dir, _) in &locks {
            let _ = fs::remove_dir_all(dir.dir());
        }
        return Err(error);
    }
    start::supervisors(repo, locks.into_iter().map(|(id, _, lock)| (id, lock)).collect())
}

/// Writes the agents' first events; meanwhile looks, once for all of them, at what surrounds them. Where that fails, each agent's
/// own helper tries again before its program starts.
fn create_and_look(
    repo: &Repo,
    private: &Private,
    frozen: &str,
    locks: &[(AgentId, AgentDir, Lock)],
    agents: &[NewAgent],
) -> Result<()> {
    let (common, frozen) = (repo.common_dir()?, private.frozen().join(frozen));
    std::thread::scope(|scope| {
        let look = scope.spawn(|| Snapshot::take(&common, &frozen, None, surroundings::BUDGET_BEFORE));
        store::create(repo, agents)?;
        if let Ok(Ok(snapshot)) = look.join() {
            let _ = surroundings::write(&snapshot, locks.iter().map(|(_, dir, _)| dir));
        }
        Ok(())
    })
}

fn write_order(
    planned: &Planned,
    dir: &AgentDir,
    identity: &Identity,
    frozen: &str,
    jobs: u32,
    request: &Request,
) -> Result<()> {
    let spec = Spec {
        options: request.settings.options.clone(),
        launch: planned.ready.launch.clone(),
        branch: planned.branch.clone(),
        base: planned.base.clone(),
        title: planned.title.clone(),
        worktree: PathBuf::from(&planned.worktree),
        identity: Some(identity.clone()),
        folder: None,
        frozen: frozen.to_owned(),
        jobs,
        limits: planned.ready.limits,
        since: 1,
        resumed: false,
        fresh: false,
        judges: request.reviews.is_some(),
        profile: planned.profile.clone(),
        despite_limit: false,
    };
    spec.write(dir)?;
    let prompt = dir.prompt();
    private_files::write(&prompt, &planned.task)
        .context(Kind::External, || format!("cannot write '{}'", prompt.display()))
}

fn new_agents(repo: &Repo, report: &Report, base: Oid, request: &Request) -> Result<Vec<NewAgent>> {
    let (options, reviews) = (&request.settings.options, request.reviews.as_ref());
    let parent = lending::caller().map(|id| id.to_string());
    let label = Config::of(repo).label();
    let new = |(place, planned): (u32, &Planned)| {
        let created = Created {
            title: planned.title.clone(),
            profile: planned.profile.clone(),
            model: options.model.clone(),
            permission: planned.permission.map(|permission| permission.as_str().to_owned()),
            run: report.run.clone(),
            place,
            parent: parent.clone(),
            reviews: reviews.map(ToString::to_string),
            base: planned.base.clone(),
            branch: planned.branch.clone(),
            label: label.clone(),
            prompt: None,
        };
        Ok(NewAgent { id: AgentId::parse(&planned.id)?, created, prompt: planned.task.clone(), base })
    };
    (0..).zip(&report.agents).map(new).collect()
}
