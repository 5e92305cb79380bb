//! `doctor`: examines git, the agent programs, this installation, the repository, and the machine, and says how to fix what is wrong.
//!
//! It works in a repository that other commands refuse. A check that cannot run is a finding itself. Without [`Request::fix`], nothing
//! in the repository is written.
//!
//! | file | knows |
//! |---|---|
//! | `finding` | what a finding is, and how long lists are shortened |
//! | `outside` | asking other programs within limits |
//! | `git_checks`, `programs`, `installation`, `shells`, `locks`, `refs`, `agents_state`, `upkeep`, `remotes`, `forges`, `machine`, `sandboxes`, `keys`, `mcp_servers`, `project_file`, `setups`, `notify`, `session_files` | the checks |
//! | `fix` | what `--fix` does |

mod agents_state;
mod finding;
mod fix;
mod forges;
mod git_checks;
mod installation;
mod keys;
mod locks;
mod machine;
mod mcp_servers;
mod notify;
mod outside;
mod prices;
mod programs;
mod project_file;
mod refs;
mod remotes;
mod resources;
mod sandboxes;
mod session_files;
pub mod setups;
mod shells;
mod upkeep;

use std::{collections::BTreeSet, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::finding::FailedCheck;
pub use self::{
    finding::{Finding, Group, Severity},
    fix::{FixOutcome, FixUser, Fixed},
};
use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    model::{quote, text},
};

/// What to examine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// Whether to fix what can be fixed without losing anything.
    pub fix: bool,
    /// Whether to contact the remotes.
    pub online: bool,
    /// The names of all programs of git orchestra; without them, the installed programs are not examined.
    pub programs: Vec<String>,
}

/// Everything that was found.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The common git directory of the repository; `None` outside a repository, or if it cannot be opened.
    pub repository: Option<String>,
    /// The findings, by group. After a fix, they are what is left.
    pub findings: Vec<Finding>,
    /// What was fixed, or could not be.
    pub fixed: Vec<Fixed>,
}

impl Report {
    /// Returns the number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|one| one.severity == severity).count()
    }

    /// Returns whether anything is wrong, or could not be fixed.
    pub fn is_healthy(&self) -> bool {
        let failed = self.fixed.iter().any(|one| one.outcome == FixOutcome::Failed);
        !failed && !self.findings.iter().any(|one| one.severity.is_problem())
    }
}

/// The repository of the caller's folder.
enum Place {
    Repository(Box<Repo>),
    /// There is none.
    Nowhere,
    /// It cannot be opened.
    Unusable(Error),
}

/// Asks man and the installed shells whether they find the pages and the completions: a part of what [`run`] examines.
pub fn pages_and_completions(context: &Context) -> Vec<Finding> {
    shells::check(context)
}

/// Examines everything, and fixes what can be fixed if that was requested. The fixes are done one by one; after an interruption, those
/// before it are done.
///
/// # Errors
/// The user interrupts it (130). Whatever else fails is a finding.
pub fn run(context: &Context, request: &Request, user: &mut dyn FixUser) -> Result<Report> {
    let place = find(context);
    let mut findings = examine(context, &place, request)?;
    let mut fixed = Vec::new();
    if request.fix {
        let remedies: BTreeSet<_> = findings.iter().filter_map(|one| one.remedy.clone()).collect();
        if !remedies.is_empty() {
            fixed = fix::apply(context, place.repo(), remedies, user)?;
            findings = examine(context, &find(context), request)?;
        }
    }
    let repository = place.repo().and_then(|repo| repo.common_dir().ok());
    let repository = repository.map(|path| path.to_string_lossy().into_owned());
    Ok(Report { repository, findings: finding::shortened(findings), fixed })
}

fn find(context: &Context) -> Place {
    match Repo::discover(context.environment()) {
        Ok(repo) => Place::Repository(Box::new(repo)),
        Err(error) if error.code == Code::NotARepository => Place::Nowhere,
        Err(error) => Place::Unusable(error),
    }
}

impl Place {
    fn repo(&self) -> Option<&Repo> {
        match self {
            Self::Repository(repo) => Some(repo),
            Self::Nowhere | Self::Unusable(_) => None,
        }
    }
}

/// The findings so far.
struct Examiner<'a> {
    context: &'a Context,
    findings: Vec<Finding>,
    failed: Vec<FailedCheck>,
}

impl Examiner<'_> {
    /// Runs a check. If it fails, that is a finding, unless the user interrupted it.
    fn check(
        &mut self,
        group: Group,
        name: &'static str,
        run: impl FnOnce() -> Result<Vec<Finding>>,
    ) -> Result<()> {
        self.context.check()?;
        match run() {
            Ok(found) => self.findings.extend(found),
            Err(error) if error.code == Code::Interrupted => return Err(error),
            Err(error) => self.failed.push(FailedCheck { group, name, error }),
        }
        Ok(())
    }
}

fn examine(context: &Context, place: &Place, request: &Request) -> Result<Vec<Finding>> {
    let (environment, repo) = (context.environment(), place.repo());
    let mut examiner = Examiner { context, findings: Vec::new(), failed: Vec::new() };
    let checks = &mut examiner;
    checks.check(Group::Git, "git-version", || Ok(git_checks::version(environment)))?;
    if let Some(repo) = repo {
        checks.check(Group::Git, "config", || git_checks::configuration(repo))?;
    }
    checks.check(Group::Programs, "programs", || Ok(programs::installed(context, repo)))?;
    let is_usable = repo.is_some_and(|repo| repo.config_error().is_none());
    if let Some(repo) = repo.filter(|_| is_usable) {
        checks.check(Group::Programs, "profiles", || Ok(programs::profiles(repo)))?;
    }
    if !request.programs.is_empty() {
        checks.check(Group::Installation, "installation", || {
            Ok(installation::programs(context, &request.programs))
        })?;
        checks.check(Group::Installation, "completions", || Ok(shells::check(context)))?;
    }
    match place {
        Place::Repository(repo) => examine_repository(checks, repo, request)?,
        Place::Nowhere => checks.findings.push(of_nowhere(environment.directory())),
        Place::Unusable(error) => checks.findings.push(of_unusable(context, error)),
    }
    checks.check(Group::Machine, "disk", || machine::disks(environment, repo))?;
    checks.check(Group::Machine, "memory", || Ok(resources::memory(repo)))?;
    checks.check(Group::Machine, "pressure", || Ok(resources::pressure(repo)))?;
    checks.check(Group::Machine, "open-files", || Ok(machine::open_files()))?;
    checks.check(Group::Machine, "sandbox", || Ok(sandboxes::check(environment, repo)))?;
    if let Some(repo) = repo {
        checks.check(Group::Machine, "watches", || machine::watches(repo))?;
        checks.check(Group::Machine, "clock", || machine::clock(repo))?;
    }
    // Git cannot list the keys of a configuration that it cannot use.
    if is_usable || matches!(place, Place::Nowhere) {
        checks.check(Group::Keys, "keys", || keys::check(environment))?;
    }
    if let Some(repo) = repo.filter(|_| is_usable) {
        checks.check(Group::Keys, "prices", || prices::check(repo))?;
        checks.check(Group::Keys, "mcp-server", || mcp_servers::check(repo))?;
        checks.check(Group::Keys, "team-file", || project_file::check(repo))?;
        checks.check(Group::Keys, "setup", || setups::check(repo))?;
        checks.check(Group::Keys, "notify", || notify::check(repo))?;
    }
    checks.check(Group::Sessions, "sessions", || session_files::check(context, repo))?;
    let Examiner { mut findings, failed, .. } = examiner;
    findings.extend(finding::of_failed_checks(&failed));
    if repo.is_some_and(|repo| repo.config_error().is_some()) {
        findings = findings.into_iter().map(Finding::after_configuration).collect();
    }
    findings.sort_by_key(|one| one.group);
    Ok(findings)
}

/// Judges a folder that is in no repository, as far as git is concerned.
fn of_nowhere(folder: &Path) -> Finding {
    match folder.ancestors().map(|above| above.join(".git")).find(|path| path.symlink_metadata().is_ok()) {
        None => Finding::ok(Group::Repository, "repository", "not in a repository, so none is checked"),
        Some(path) => {
            let shown = path.to_string_lossy();
            Finding::error(
                Group::Repository,
                "repository",
                format!("'{shown}' is not a repository that git accepts"),
            )
            .about(&shown)
            .because(
                "a repository has HEAD, objects and refs; a worktree has a file that names its repository",
            )
            .fix(quote::command(&[&"ls", &"-la", &path]))
        }
    }
}

/// Judges a repository that cannot be opened.
fn of_unusable(context: &Context, error: &Error) -> Finding {
    let finding = Finding::of_error(Group::Repository, "repository", Severity::Error, error);
    match git_checks::said_by_git(context.environment()) {
        Some(said) if error.code == Code::RepositoryUnreadable => finding.because(said),
        _ => finding,
    }
}

fn examine_repository(checks: &mut Examiner<'_>, repo: &Repo, request: &Request) -> Result<()> {
    let context = checks.context;
    checks.check(Group::Repository, "locks", || locks::check(repo))?;
    checks.check(Group::Repository, "refs", || refs::check(repo))?;
    checks.check(Group::Repository, "agents", || agents_state::check(repo))?;
    checks.check(Group::Repository, "leftovers", || upkeep::leftovers(repo))?;
    checks.check(Group::Repository, "trash", || upkeep::trash(repo))?;
    checks.check(Group::Repository, "files", || upkeep::files(repo))?;
    checks.check(Group::Remotes, "remotes", || remotes::check(context, repo, request.online))?;
    checks.check(Group::Remotes, "forge", || forges::check(context, repo, request.online))
}

/// Describes the number of findings of each severity that is not fine, such as `1 error, 2 notes`.
pub fn counts(report: &Report) -> String {
    let severities = [Severity::Error, Severity::Warning, Severity::Note];
    let counted = severities.map(|severity| (report.count(severity) as u64, severity.as_str()));
    let parts = counted.iter().filter(|(count, _)| *count > 0).map(|(count, word)| text::count(*count, word));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") }
}
