//! `spawn`: starts an agent for each task, on its own branch, in its own worktree, and under its own supervisor.
//!
//! Every operation is called in this way: with a request, for a report, which serializes to what `--json` prints.
//!
//! ```
//! use orchestra::{
//!     context::Context,
//!     git::Repo,
//!     ops::spawn::{self, Request},
//!     trust::AcceptedRepo,
//!     world::Environment,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # for line in ["init -q", "config user.name a", "config user.email a@x", "commit -q --allow-empty -m one"] {
//! #     std::process::Command::new("git").args(line.split(' ')).current_dir(&folder).status()?;
//! # }
//! // What may run a program wants a repository whose configuration is accepted.
//! let context = Context::of(&Environment::of_this_process().at(folder.path()));
//! let repo = Repo::discover(context.environment())?;
//! let repo = AcceptedRepo::of(repo)?;
//! let request = Request {
//!     tasks: vec!["Add a login page".to_owned()],
//!     agents: vec!["sh".to_owned()],
//!     dry_run: true,
//!     ..Request::default()
//! };
//! let report = spawn::run(&context, &repo, &request)?;
//! assert_eq!(report.agents[0].title, "Add a login page");
//! assert!(report.agents[0].branch.starts_with("orchestra/add-login-page-"));
//! # Ok(())
//! # }
//! ```

mod after;
mod base_branch;
mod caps;
mod changes;
mod duplicates;
mod existing_branch;
mod ready_profile;
mod start;

use std::{borrow::Cow, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(in crate::ops) use self::duplicates::normalized;
use self::ready_profile::{ReadyProfile, launches};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{BRANCH_PREFIX, MIN_FREE},
    },
    context::Context,
    git::{Oid, Repo, version},
    model::{AgentId, BranchName, CommitId, Permission, RunId, Tag, dependency::OnFailed, secret, tag, text},
    ops::{caller::Caller, issue_tasks, repairing, settings::Settings, tasks},
    store::layout,
    supervise::{guard, ports, tree},
    trust::AcceptedRepo,
    worktree::worktrees_dir,
    world,
};

/// What to start, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The tasks, in order.
    pub tasks: Vec<String>,
    /// The number of an issue on the forge of the remote, which is a task as well.
    pub issue: Option<u64>,
    /// The kinds of agents, such as `claude`; each task goes to each of them. If empty, the configured one.
    pub agents: Vec<String>,
    /// The team whose roles work on each task one after another, instead of one kind of agent.
    pub team: Option<String>,
    /// The number of agents of each kind for each task; 0 counts as 1.
    pub copies: u32,
    /// The revision from which the agents start; by default, the current commit.
    pub base: Option<String>,
    /// The agents with whose work the new ones start, as soon as all of them are done.
    pub after: Vec<String>,
    /// What they do when one of those ends without being done; by default they wait until it is resumed.
    pub on_failed: Option<OnFailed>,
    /// The existing branch that the only agent works on, instead of a new one.
    pub on: Option<String>,
    /// The beginning of the agents' ids; by default, telling words of the task.
    pub name: Option<String>,
    /// The tags of the agents.
    pub tags: Vec<Tag>,
    /// The agent whose work the new agents review.
    pub reviews: Option<AgentId>,
    /// The pull request that the new agents test or review, in a few words; what they leave behind does not land.
    #[serde(skip)]
    pub of_pull_request: Option<String>,
    /// How the agents run.
    pub settings: Settings,
    /// Whether the agents start from the current commit and the uncommitted changes of the checkout, which are not part of their
    /// work.
    pub with_changes: bool,
    /// Whether to fetch the branch of the base from its remote first.
    pub fetch: bool,
    /// Whether to start agents although others work on the same tasks.
    pub again: bool,
    /// Whether to only report what would be started.
    pub dry_run: bool,
}

impl Request {
    /// Returns whether the new agents only judge work, and do none.
    const fn is_for_review(&self) -> bool {
        self.reviews.is_some() || self.of_pull_request.is_some()
    }
}

/// The agents that were started, or would be started.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The id of the run, which these agents share.
    pub run: RunId,
    /// The number of agents that run at once.
    pub jobs: u32,
    /// The agents, in the order of the tasks.
    pub agents: Vec<PlannedAgent>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// The uncommitted changes from which the agents start, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<BaseChanges>,
    /// Whether this was a dry run, which changed nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// The uncommitted changes of a checkout from which agents start.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct BaseChanges {
    /// The commit that the changes are on top of.
    pub on: CommitId,
    /// The branch that is checked out there, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<BranchName>,
    /// The number of changed files.
    pub files: u64,
    /// The commit that holds the changes; a dry run makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<CommitId>,
}

/// An agent to start.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PlannedSpawn")]
pub struct PlannedAgent {
    /// The id of the agent.
    pub id: AgentId,
    /// The first line of the task, shortened.
    pub title: String,
    /// The kind of agent, such as `claude`.
    pub profile: String,
    /// The role, if the agent has one: a profile of the user that runs the program `profile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The team, if its roles work on the task one after another; `role` is the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The permission mode, if the program has such modes.
    pub permission: Option<Permission>,
    /// The branch of the agent.
    pub branch: BranchName,
    /// The commit from which it starts; if it starts after other agents, one with their work takes its place.
    pub base: CommitId,
    /// The agents that it waits for, and with whose work it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<AgentId>,
    /// The folder of its worktree.
    pub worktree: String,
}

/// An agent before it is started: what is reported about it, and how it will run.
struct Assignment {
    id: AgentId,
    planned: PlannedAgent,
    task: String,
    ready: ReadyProfile,
}

/// The branches that agents work on.
enum AgentBranch {
    /// A new one for each, named after it.
    New { prefix: String },
    /// One that is there, for the only agent.
    Existing(BranchName),
}

impl AgentBranch {
    fn of(&self, id: &AgentId) -> BranchName {
        match self {
            Self::New { prefix } => format!("{prefix}{id}").into(),
            Self::Existing(name) => name.clone(),
        }
    }
}

/// Starts the agents. When it returns, each has its first event on the disk and a supervisor that accepts commands.
///
/// # Errors
/// The request is invalid (2), something is missing (3), or the events cannot be written: no agent is created then. The user
/// interrupts it (130): either no agents or all of them were created, and `status` shows which are running.
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let with_issue = request.issue.map(|number| with_issue(context, repo, request, number)).transpose()?;
    let request = with_issue.as_ref().unwrap_or(request);
    let caller = Caller::of(repo);
    match caller.limit(repo, &request.settings, request.is_for_review())? {
        Cow::Borrowed(_) => run_by(context, repo, request, &caller),
        Cow::Owned(settings) => run_by(context, repo, &Request { settings, ..request.clone() }, &caller),
    }
}

/// Adds the task to resolve an issue, if agents read their tasks as text.
fn with_issue(context: &Context, repo: &AcceptedRepo, request: &Request, number: u64) -> Result<Request> {
    // Before the forge is asked; the task is checked as all are.
    launches(&Config::of(repo), request)?;
    let mut request = request.clone();
    request.tasks.push(issue_tasks::read(context, repo, number)?);
    Ok(request)
}

/// As [`run`], for a caller whose limits are in the settings already.
fn run_by(context: &Context, repo: &AcceptedRepo, request: &Request, caller: &Caller) -> Result<Report> {
    if request.tasks.is_empty() {
        return Err(Error::new(Code::TaskInvalid, "no task given")
            .hint("git orchestra spawn \"what to do\"")
            .hint("git orchestra spawn -f FILE reads a list of tasks, -f - standard input"));
    }
    for task in &request.tasks {
        tasks::check(task)?;
    }
    let config = Config::of(repo);
    if let Some(name) = &request.name {
        // Before anything is made; only the random part is not known yet.
        AgentId::of_name(name, Default::default())?;
    }
    let upstream = base_branch::Upstream::of(repo, &config, request)?.filter(|_| request.on.is_none());
    let mut warnings = Vec::new();
    if let Some(upstream) = upstream.as_ref().filter(|_| request.fetch) {
        warnings.extend(upstream.fetch(context, repo)?);
    }
    changes::refuse_other_base(request)?;
    let after = after::find(repo, request)?;
    let existing = existing_branch::find(repo, request)?;
    let (base, revision) = match &existing {
        Some(branch) => (branch.tip, None),
        None if request.with_changes => (repo.head()?, None),
        None => base_branch::commit(repo, &config, request)?,
    };
    tag::check_count(&request.tags)?;
    repo.identity()?;
    tree::check()?;
    version::require_supported_version(repo.environment(), &repo.common_dir()?)?;
    request.settings.check()?;
    let jobs = request.settings.jobs(&config, None)?;
    let sandbox = request.settings.sandbox(&config, None)?;
    let launches = launches(&config, request)?;
    warnings.extend(launches.iter().filter_map(|ready| ready.warning.clone()));
    warnings.extend(caps::warnings(&config, request, &launches)?);
    let without_ports = |why| format!("ORCHESTRA_PORT is empty for these agents: {why}");
    warnings.extend(ports::why_none(repo.environment()).map(without_ports));
    warnings.extend(upstream.and_then(|upstream| upstream.warning(repo, base)));
    let prose = launches.iter().any(|ready| ready.reads_prose);
    if prose && !request.again && !request.is_for_review() {
        warnings.extend(duplicates::check(repo, request, &launches)?);
    }
    if let Some(base) = revision.as_ref().filter(|base| repo.hides_a_tag(base)) {
        let shown = text::safe(base);
        warnings
            .push(format!("'{shown}' is a branch and a tag: the branch is used, 'tags/{shown}' is the tag"));
    }
    let branches = match existing {
        Some(branch) => AgentBranch::Existing(branch.name),
        None => AgentBranch::New { prefix: branch_prefix(repo, &config, &mut warnings)? },
    };
    guard::check_space(&repo.common_dir()?, config.get(&MIN_FREE)?)?;
    let changes = changes::of(repo, &config, base, request, &mut warnings)?;
    let base = changes.as_ref().filter(|_| request.with_changes).and_then(|one| one.snapshot).unwrap_or(base);
    let secrets = world::SecretVariables::of(repo.environment()).values();
    let count = request.tasks.len() * launches.len() * request.copies.max(1) as usize;
    caller.check_number(repo, &config, count)?;
    if request.dry_run {
        let folder = worktrees_dir::expected_dir(repo)?;
        let assignments = plan(&folder, request, &launches, base, &after, &branches, &secrets)?;
        return Ok(Report { dry_run: true, changes, ..report(repo, &assignments, jobs, warnings)? });
    }
    repo.fetch_promised_files(context, base)?;
    let folder = worktrees_dir::make_worktrees_dir(repo)?;
    guard::check_space(&folder, config.get(&MIN_FREE)?)?;
    let assignments = plan(&folder, request, &launches, base, &after, &branches, &secrets)?;
    let mut report = Report { changes, ..report(repo, &assignments, jobs, warnings)? };
    report.warnings.extend(repairing::repair_before_spawn(context, repo)?);
    start::start(context, repo, &report, &assignments, (base, sandbox), request, caller)?;
    Ok(report)
}

/// Returns whether any of the agents may ask for permissions, or is refused what is not allowed. Agents that cannot be started are none.
pub(super) fn may_ask(config: &Config<'_>, request: &Request) -> bool {
    let permissions =
        launches(config, request).unwrap_or_default().into_iter().map(|ready| ready.launch.permission);
    permissions.flatten().any(|mode| !matches!(mode, Permission::BypassPermissions | Permission::Plan))
}

/// Returns the prefix of agents' branches. Git cannot have a branch `orchestra` and branches `orchestra/…`; if the first exists, the
/// prefix is another one, with a warning.
pub(super) fn branch_prefix(repo: &Repo, config: &Config<'_>, warnings: &mut Vec<String>) -> Result<String> {
    let prefix = config.get(&BRANCH_PREFIX)?;
    let mut ancestor = String::new();
    for part in prefix.trim_end_matches('/').split('/') {
        ancestor.push_str(part);
        if prefix.contains('/') && repo.find_ref(&layout::branch_ref(&ancestor))?.is_some() {
            let shown = text::safe(&ancestor).into_owned();
            warnings.push(format!(
                "branch '{shown}' prevents branches '{prefix}…'; the agents' branches begin with '{}' instead",
                layout::OTHER_PREFIX
            ));
            return Ok(layout::OTHER_PREFIX.to_owned());
        }
        ancestor.push('/');
    }
    Ok(prefix)
}

fn plan(
    folder: &Path,
    request: &Request,
    launches: &[ReadyProfile],
    base: Oid,
    after: &[AgentId],
    branches: &AgentBranch,
    secrets: &[String],
) -> Result<Vec<Assignment>> {
    let mut assignments = Vec::new();
    for task in &request.tasks {
        let title = secret::title(task, secrets);
        for ready in launches {
            for _ in 0..request.copies.max(1) {
                let random = world::random()?;
                let id = match &request.name {
                    Some(name) => AgentId::of_name(name, random)?,
                    None => AgentId::new(&title, random),
                };
                let planned = PlannedAgent {
                    title: title.clone(),
                    profile: ready.program.clone(),
                    role: ready.role.clone(),
                    team: ready.team.as_ref().map(|(team, _)| team.name.clone()),
                    permission: ready.launch.permission,
                    branch: branches.of(&id),
                    base,
                    after: after.to_vec(),
                    worktree: folder.join(id.as_str()).to_string_lossy().into_owned(),
                    id: id.clone(),
                };
                let task = with_prompt(ready.prompt.as_deref(), task)?;
                assignments.push(Assignment { id, planned, task, ready: ready.clone() });
            }
        }
    }
    if assignments.len() > tasks::MAX_TASKS {
        let count = assignments.len();
        return Err(Error::new(
            Code::LimitExceeded,
            format!("{count} agents are too many; the limit is {}", tasks::MAX_TASKS),
        ));
    }
    Ok(assignments)
}

/// Returns a task with what is configured to be put before it.
fn with_prompt(prompt: Option<&str>, task: &str) -> Result<String> {
    let Some(prompt) = prompt else { return Ok(task.to_owned()) };
    let whole = format!("{}\n\n{task}", prompt.trim_end());
    tasks::check(&whole).map(|()| whole)
}

fn report(repo: &Repo, assignments: &[Assignment], jobs: u32, warnings: Vec<String>) -> Result<Report> {
    let agents = assignments.iter().map(|assignment| assignment.planned.clone()).collect();
    Ok(Report { run: run_id(repo)?, jobs, agents, warnings, changes: None, dry_run: false })
}

/// Returns a new id of a run. It begins with the time in milliseconds, so that runs sort in the order in which they were started.
pub(super) fn run_id(repo: &Repo) -> Result<RunId> {
    Ok(RunId::from(format!(
        "{:011x}{}",
        repo.environment().clock().milliseconds(),
        world::random_hex::<3>()?
    )))
}
