//! The lists from which the plans of runs were read, in which a landing ticks their tasks. What a person started is read from a private
//! file of this clone, never from what others wrote.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{
    Error, Kind, Result,
    error::ErrorContext as _,
    git::{Repo, careful},
    landing::{branches::Branch, tick::Tick},
    model::{RunKey, text},
    plan::{
        TaskId,
        read::{Choice, Format, has_boxes, read},
    },
    store::layout::{self, PrivateDir},
};

/// What is known of the list of a run. The file has more.
#[derive(Deserialize)]
struct ListedRun {
    /// The plan, as a Markdown list.
    plan: String,
    /// The target branch.
    into: String,
    /// The path of the list in the repository, if its tasks are ticked.
    #[serde(default)]
    list: Option<String>,
    /// The ids of the tasks.
    tasks: Vec<TaskId>,
}

/// Returns the tasks to tick when the work of these branches lands in `into`. A run that cannot be read ticks none.
pub(super) fn ticks<'a>(repo: &Repo, into: &str, branches: impl Iterator<Item = &'a Branch>) -> Vec<Tick> {
    let mut runs: BTreeMap<String, Option<ListedRun>> = BTreeMap::new();
    let mut ticks = Vec::new();
    for (id, agent) in branches.filter_map(|branch| branch.agent.as_ref()) {
        for tag in &agent.tags {
            let Some((key, place)) = tag.as_str().strip_prefix("run/").and_then(|tag| tag.split_once('/'))
            else {
                continue;
            };
            let run = runs.entry(key.to_owned()).or_insert_with(|| listed(repo, key));
            let Some(run) = run.as_ref().filter(|run| run.into == into) else { continue };
            let place = place.parse::<usize>().ok().and_then(|place| place.checked_sub(1));
            let (Some(list), Some(task)) = (&run.list, place.and_then(|place| run.tasks.get(place))) else {
                continue;
            };
            let plan = read(&run.plan, &Choice::default()).map(|(_, plan)| plan).unwrap_or_default();
            let title = plan.tasks.into_iter().find(|one| one.id == *task).map(|task| task.title);
            let of = |title| Tick { agent: id.clone(), list: list.clone(), task: task.clone(), title };
            ticks.extend(title.map(of));
        }
    }
    ticks
}

fn listed(repo: &Repo, key: &str) -> Option<ListedRun> {
    let key = RunKey::parse(key).ok()?;
    let content = careful::read(file(repo, &key).ok()?).ok()?;
    serde_json::from_slice::<ListedRun>(&content).ok().filter(|run| run.list.is_some())
}

/// Returns the private file with what a person started.
pub(super) fn file(repo: &Repo, key: &RunKey) -> Result<std::path::PathBuf> {
    Ok(layout::runs_dir(&PrivateDir::new(repo.private_dir()?)).join(format!("{key}.json")))
}

/// Returns the path in the repository of the file that a plan was read from, if its tasks can be ticked.
///
/// # Errors
/// The file has no boxes, is not in this worktree, or is not committed in the target (3); the message says which.
pub(super) fn tickable(repo: &Repo, into: &str, file: Option<&Path>, format: Format) -> Result<String> {
    let cannot = |why: String| Error::refused(why);
    if !has_boxes(format) {
        return Err(cannot(format!("no task can be ticked: a plan in the format {format} has no boxes")));
    }
    let file = file.ok_or_else(|| cannot("no task can be ticked: the plan was read from no file".into()))?;
    let shown = text::safe(&file.display().to_string()).into_owned();
    let outside = || cannot(format!("no task can be ticked: '{shown}' is not in this worktree"));
    let top = repo.work_dir().ok_or_else(outside)?;
    let real = |path: &Path| path.canonicalize().context(Kind::Refused, || format!("cannot find '{shown}'"));
    let (top, real) = (real(&top)?, real(file)?);
    let path = real.strip_prefix(&top).ok().and_then(Path::to_str).ok_or_else(outside)?;
    let tip = repo.find_ref(&layout::branch_ref(into))?;
    let is_there = tip.map(|tip| repo.file_of(repo.tree_of(tip)?, path)).transpose()?.flatten().is_some();
    if is_there {
        return Ok(path.to_owned());
    }
    let into = text::safe(into);
    let error = cannot(format!("no task can be ticked: '{shown}' is not committed in {into}"));
    Err(error.hint_command(&[&"git", &"add", &file]).hint("then commit it, and type the command again"))
}
