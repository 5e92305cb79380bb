//! What a person started: the plan and the options of a run, in a private file of this clone.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::taken;
use crate::{
    Code, Error, Kind, Result,
    config::{Config, keys::LABEL},
    error::ErrorContext as _,
    git::{Repo, careful},
    model::{
        RunKey,
        run::{Fact, Run, drive::RunOptions, fact::Created},
        secret, text,
    },
    ops::{run_list::file, spawn},
    plan::{self, Plan, TaskId, read::Choice},
    private_files,
    store::{
        self,
        layout::{self, PrivateDir},
    },
    world::SecretVariables,
};

/// The most runs of which files are looked at.
const MAX_RUNS: usize = 10_000;

/// The plan and the options of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct StartedRun {
    /// The plan, as a Markdown list.
    pub(super) plan: String,
    /// The purpose of the run, in a few words.
    pub(super) title: String,
    /// The target branch.
    pub(super) into: String,
    /// The test command, if one was named.
    pub(super) check: Option<String>,
    /// The profile of the agents, if one was named.
    pub(super) agent: Option<String>,
    /// How many agents run at once, if that was named.
    pub(super) jobs: Option<u32>,
    /// Whether a task starts only after the one before it has ended.
    pub(super) sequential: bool,
    /// Whether a person is asked about the plan before anything is started. Earlier versions never asked.
    #[serde(default)]
    pub(super) confirm: bool,
    /// Whether no person is asked about tasks that fail. Earlier versions never asked.
    #[serde(default = "yes")]
    pub(super) yolo: bool,
    /// Whether work does not land that changes other files than its task names. Earlier versions did not look.
    #[serde(default)]
    pub(super) strict: bool,
    /// Whether the work of each task is published as a pull request. Earlier versions landed all work.
    #[serde(default)]
    pub(super) publish: bool,
    /// The path in the repository of the list in which tasks are ticked that land. Earlier versions ticked none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) list: Option<String>,
    /// The profile of the agents that review all work before it lands, if any do.
    #[serde(default)]
    pub(super) review: Option<String>,
    /// The ids of the tasks to carry out.
    pub(super) tasks: Vec<TaskId>,
}

const fn yes() -> bool {
    true
}

impl StartedRun {
    /// Writes the file, then the log of the run: a run that can be found can also be continued.
    pub(super) fn begin(&self, repo: &Repo) -> Result<RunKey> {
        let id = spawn::run_id(repo)?;
        let key = RunKey::of(&id).ok_or_else(|| Error::internal(format!("'{id}' is no id of a run")))?;
        let folder = folder(repo)?;
        let cannot = || format!("cannot write to '{}'", folder.display());
        private_files::create_dir(&folder).context(Kind::Refused, cannot)?;
        let content = serde_json::to_vec(self).map_err(|error| Error::internal("a run").because(error))?;
        private_files::create_durably(&file(repo, &key)?, content).context(Kind::Refused, cannot)?;
        // The log is for everybody; what the agents get is in the private file.
        let plan = secret::redact_words(&self.plan, &SecretVariables::of(repo.environment()).values());
        let created = Created {
            title: self.title.clone(),
            label: Config::of(repo).get_or_default(&LABEL),
            plan: Some(plan),
            options: Some(self.options()),
            ..Created::default()
        };
        store::begin(repo, &key, Fact::Created(created))?;
        Ok(key)
    }

    /// Returns what another clone needs to take the run over. The check and the profile are commands of this machine: they stay here.
    fn options(&self) -> RunOptions {
        RunOptions {
            into: self.into.clone(),
            tasks: self.tasks.iter().map(ToString::to_string).collect(),
            sequential: self.sequential,
            confirm: self.confirm,
            yolo: self.yolo,
            strict: self.strict,
            publish: self.publish,
            reviewed: self.review.is_some(),
            list: self.list.clone(),
        }
    }

    /// Writes the file of a run that another clone began.
    pub(super) fn adopt(&self, repo: &Repo, key: &RunKey) -> Result<()> {
        let folder = folder(repo)?;
        let cannot = || format!("cannot write to '{}'", folder.display());
        private_files::create_dir(&folder).context(Kind::Refused, cannot)?;
        self.replace(repo, key)
    }

    /// Returns whether the run was begun in this clone, or taken by it before.
    pub(super) fn is_here(repo: &Repo, key: &RunKey) -> Result<bool> {
        Ok(file(repo, key)?.exists())
    }

    /// Reads the file of a run.
    pub(super) fn read(repo: &Repo, key: &RunKey) -> Result<Self> {
        let content = match careful::read(file(repo, key)?) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(unknown(repo, key)),
            Err(error) => return Err(error).context(Kind::Refused, || format!("cannot read run '{key}'")),
        };
        serde_json::from_slice(&content).map_err(|error| {
            Error::new(Code::StateDamaged, format!("cannot read run '{key}'")).because(error)
        })
    }

    /// Replaces the file of a run, whose lock the caller holds.
    pub(super) fn replace(&self, repo: &Repo, key: &RunKey) -> Result<()> {
        let content = serde_json::to_vec(self).map_err(|error| Error::internal("a run").because(error))?;
        private_files::replace_durably(&file(repo, key)?, content)
            .context(Kind::Refused, || format!("cannot write the options of run '{key}'"))
    }

    /// Returns the plan with its tasks.
    pub(super) fn plan(&self) -> Result<Plan> {
        Ok(plan::read::read(&self.plan, &Choice::default())?.1)
    }
}

/// Returns the private folder of all runs.
fn folder(repo: &Repo) -> Result<PathBuf> {
    Ok(layout::runs_dir(&PrivateDir::new(repo.private_dir()?)))
}

/// Returns the file whose lock the process that drives a run holds.
pub(super) fn lock_file(repo: &Repo, key: &RunKey) -> Result<PathBuf> {
    Ok(folder(repo)?.join(format!("{key}.lock")))
}

/// Returns the runs that were begun in this clone, oldest first.
pub(super) fn keys(repo: &Repo) -> Result<Vec<RunKey>> {
    let files = fs::read_dir(folder(repo)?).into_iter().flatten().flatten().take(MAX_RUNS);
    let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
    let mut keys: Vec<RunKey> =
        files.filter_map(name).filter_map(|name| RunKey::parse(name.strip_suffix(".json")?).ok()).collect();
    // Ids begin with the time.
    keys.sort_unstable();
    Ok(keys)
}

/// Returns the file whose lock a process holds that begins a run.
pub(super) fn begin_lock_file(repo: &Repo) -> Result<PathBuf> {
    Ok(folder(repo)?.join("begin.lock"))
}

/// Returns the run that was named, or the newest one of this clone that has not ended.
pub(super) fn find(repo: &Repo, typed: &str) -> Result<RunKey> {
    if !typed.is_empty() {
        let key = RunKey::parse(typed)?;
        return StartedRun::read(repo, &key).map(|_| key);
    }
    let is_open = |key: &RunKey| {
        store::chain::Chain::<Run>::of(repo, key).is_ok_and(|chain| !chain.fold().run.phase.is_end())
    };
    keys(repo)?.into_iter().rev().find(is_open).ok_or_else(|| {
        Error::new(Code::RunUnknown, "no run of this clone is unfinished")
            .hint("git orchestra run PLAN begins one")
    })
}

fn unknown(repo: &Repo, key: &RunKey) -> Error {
    let log = store::chain::Chain::<Run>::of(repo, key).map(|chain| chain.fold());
    if let Some(log) = log.ok().filter(|log| log.driver.is_some() && !log.run.phase.is_end()) {
        return taken::error(key, &log);
    }
    Error::new(Code::RunUnknown, format!("no run '{}' was started in this clone", text::safe(key)))
        .hint("a run continues where it was started; git orchestra run PLAN begins another")
}
