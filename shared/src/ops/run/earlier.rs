//! Compares a new run with the earlier ones that are known here, also of other clones: the same plan, typed twice, would start every task
//! twice.

use std::{collections::BTreeSet, fs};

use super::{
    agents,
    logged::LoggedRun,
    started::{self, StartedRun},
};
use crate::{
    Code, Error, Result,
    context::Context,
    git::Repo,
    lock::Lock,
    model::{
        RunKey, WriterId,
        published::PullRequestState,
        run::{Fold, Run, TaskOutcome},
    },
    ops::{agent_object::LandedNow, decide, spawn, status},
    plan::{Plan, TaskId},
    store::{chain::Chain, writer},
};

/// The most earlier runs that are compared, the newest.
const MOST_RUNS: usize = 40;
/// The most tasks that an error names.
const MOST_NAMED: usize = 10;

/// An earlier run with tasks of the new one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Earlier {
    /// It has not ended.
    Open(RunKey, Vec<TaskId>),
    /// It has not ended, and the clone of this name drives it.
    Elsewhere(RunKey, String, Vec<TaskId>),
    /// It has ended, and these tasks landed in it.
    Landed(RunKey, Vec<TaskId>),
    /// It has ended, and the work of these tasks became pull requests that were not closed.
    Published(RunKey, Vec<TaskId>),
}

impl Earlier {
    /// Returns what is said of it.
    pub(super) fn sentence(&self) -> String {
        let named = |tasks: &[TaskId]| {
            let shown: Vec<String> = tasks.iter().take(MOST_NAMED).map(|id| format!("'{id}'")).collect();
            let more = tasks.len().saturating_sub(MOST_NAMED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let word = if tasks.len() == 1 { "task" } else { "tasks" };
            format!("{word} {}{more}", shown.join(", "))
        };
        match self {
            Self::Open(key, tasks) => {
                format!("run '{key}' has not ended, and carries out {} already", named(tasks))
            }
            Self::Elsewhere(key, clone, tasks) => {
                format!("{clone} drives run '{key}', which carries out {} already", named(tasks))
            }
            Self::Landed(key, tasks) => format!("{} landed already, in run '{key}'", named(tasks)),
            Self::Published(key, tasks) => {
                format!("{} became pull requests already, in run '{key}'", named(tasks))
            }
        }
    }

    /// Returns the error for a run that would do it again.
    pub(super) fn error(&self) -> Error {
        let error = Error::new(Code::RunRepeated, self.sentence());
        match self {
            Self::Open(key, _) => error
                .hint_command(&[&"git", &"orchestra", &"run", &"--continue", &key.as_str()])
                .hint(format!("git orchestra run --abort {key} ends it; --again starts its tasks once more")),
            Self::Elsewhere(key, ..) => error
                .hint("git orchestra sync receives what it did")
                .hint(format!("git orchestra run --take {key} drives the run here, if that clone is gone"))
                .hint("--again carries the tasks out here as well"),
            Self::Landed(..) | Self::Published(..) => {
                error.hint("tick them in the plan: - [x]; or --again carries them out once more")
            }
        }
    }
}

/// Begins a run. Of two processes that begin one with the same tasks at the same time, the second is refused unless `again` is set.
///
/// # Errors
/// An earlier run has the same tasks (3), another process begins a run all the time (4), or the run cannot be written.
pub(super) fn begin(context: &Context, repo: &Repo, new: &StartedRun, again: bool) -> Result<RunKey> {
    let path = started::begin_lock_file(repo)?;
    let lock = Lock::require(&path, context.at_most(context.limits().journal_lock))?;
    let earlier = if again { None } else { find(repo, new)? };
    let begun = earlier.map_or_else(|| new.begin(repo), |earlier| Err(earlier.error()));
    // Who waits for the lock sees that its file is gone, and makes another.
    let _ = fs::remove_file(&path);
    drop(lock);
    begun
}

/// What is compared of an earlier run.
struct EarlierRun {
    into: String,
    /// Its tasks, in the order of the plan.
    tasks: Vec<TaskId>,
    texts: Vec<(TaskId, String)>,
}

impl EarlierRun {
    /// Reads a run from its file, if it was begun or taken here; else from its log.
    fn read(repo: &Repo, key: &RunKey, chain: &Chain<Run>) -> Result<Self> {
        if StartedRun::is_here(repo, key)? {
            let run = StartedRun::read(repo, key)?;
            let texts = texts(&run.plan()?, &run.tasks);
            return Ok(Self { into: run.into, tasks: run.tasks, texts });
        }
        let run = LoggedRun::read(repo, key, chain)?;
        let texts = texts(&run.plan()?, &run.tasks);
        Ok(Self { into: run.options.into, tasks: run.tasks, texts })
    }
}

/// Finds the newest earlier run into the same branch that has not ended and has a task of the new one; or else the newest in which such a
/// task landed. A task is the same if its text is.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn find(repo: &Repo, new: &StartedRun) -> Result<Option<Earlier>> {
    let wanted = texts(&new.plan()?, &new.tasks);
    let own = writer::known_writer(repo);
    let mut landed = None;
    for key in decide::keys(repo)?.into_iter().rev().take(MOST_RUNS) {
        // A run that cannot be read does not keep another from beginning.
        let Ok(chain) = Chain::<Run>::of(repo, &key) else { continue };
        let Ok(earlier) = EarlierRun::read(repo, &key, &chain) else { continue };
        if earlier.into != new.into {
            continue;
        }
        let same = same_tasks(&wanted, &earlier.texts);
        if same.is_empty() {
            continue;
        }
        let log = chain.fold();
        let ids = |all: &[(TaskId, TaskId)]| all.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        if !log.run.phase.is_end() {
            return Ok(Some(open(key, &log, own.as_ref(), ids(&same))));
        }
        if landed.is_none() {
            let taken_back = taken_back(repo, &key, &earlier.tasks)?;
            let with = |outcome: TaskOutcome| {
                let is_there = |(_, old): &&(TaskId, TaskId)| {
                    let end = log.tasks.iter().find(|end| end.task == old.as_str());
                    end.is_some_and(|end| end.outcome() == outcome) && !taken_back.contains(old)
                };
                same.iter().filter(is_there).map(|(id, _)| id.clone()).collect::<Vec<_>>()
            };
            let (there, published) = (with(TaskOutcome::Landed), with(TaskOutcome::Published));
            landed = match (there.is_empty(), published.is_empty()) {
                (false, _) => Some(Earlier::Landed(key, there)),
                (true, false) => Some(Earlier::Published(key, published)),
                (true, true) => None,
            };
        }
    }
    Ok(landed)
}

fn open(key: RunKey, log: &Fold, own: Option<&WriterId>, tasks: Vec<TaskId>) -> Earlier {
    match &log.driver {
        Some(driver) if own != Some(&driver.writer) => Earlier::Elsewhere(key, driver.name(), tasks),
        _ => Earlier::Open(key, tasks),
    }
}

/// Returns the tasks of a run whose landing was undone, or whose work is no longer in the branch: it was reset, or the landing reverted.
fn taken_back(repo: &Repo, key: &RunKey, tasks: &[TaskId]) -> Result<BTreeSet<TaskId>> {
    let mut taken_back = BTreeSet::new();
    for (place, (id, agent)) in agents::of_run(repo, key, tasks.len())?.tasks {
        let is_there = || -> Result<bool> {
            let now = status::read_agent(repo, &id)?.landed_now;
            Ok(matches!(now, None | Some(LandedNow::There | LandedNow::PartlyReverted)))
        };
        let is_published = agent
            .published
            .as_ref()
            .map(|one| one.state)
            .is_some_and(|state| state != PullRequestState::Closed);
        if !is_published && (agent.landed_head.is_none() || !is_there()?) {
            // The places of the tags are those of the rows: in the order of the plan.
            taken_back.extend(tasks.get(place).cloned());
        }
    }
    Ok(taken_back)
}

/// Returns tasks of a plan, each with its text as it is compared.
fn texts(plan: &Plan, tasks: &[TaskId]) -> Vec<(TaskId, String)> {
    let chosen = plan.tasks.iter().filter(|task| tasks.contains(&task.id));
    chosen.map(|task| (task.id.clone(), spawn::normalized(&task.text()))).collect()
}

/// Returns the new tasks that an earlier run has as well, each with its id there.
fn same_tasks(new: &[(TaskId, String)], old: &[(TaskId, String)]) -> Vec<(TaskId, TaskId)> {
    let in_old = |text: &str| old.iter().find(|(_, other)| other == text).map(|(id, _)| id.clone());
    new.iter().filter_map(|(id, text)| Some((id.clone(), in_old(text)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<TaskId> {
        names.iter().map(|name| TaskId::parse(name).unwrap()).collect()
    }

    #[test]
    fn tasks_are_compared_by_their_texts() {
        let tasks = |all: &[(&str, &str)]| -> Vec<(TaskId, String)> {
            all.iter().map(|(id, text)| (TaskId::parse(id).unwrap(), (*text).to_owned())).collect()
        };
        let new = tasks(&[("a", "add auth"), ("b", "use it"), ("c", "write docs")]);
        let old = tasks(&[("x", "use it"), ("c", "write tests")]);
        assert_eq!(same_tasks(&new, &old), [(ids(&["b"])[0].clone(), ids(&["x"])[0].clone())]);
        assert!(same_tasks(&new, &[]).is_empty());
    }

    #[test]
    fn what_is_said_names_the_run_and_the_tasks() {
        let key = RunKey::parse("7k3abc").unwrap();
        let open = Earlier::Open(key.clone(), ids(&["a", "b"])).error();
        assert_eq!(open.message, "run '7k3abc' has not ended, and carries out tasks 'a', 'b' already");
        assert_eq!(open.hints[0], "git orchestra run --continue 7k3abc");
        let many: Vec<String> = (0..12).map(|number| format!("t{number}")).collect();
        let many = Earlier::Landed(key, ids(&many.iter().map(String::as_str).collect::<Vec<_>>()));
        assert!(many.sentence().ends_with("'t9' and 2 more landed already, in run '7k3abc'"));
    }
}
