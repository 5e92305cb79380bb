//! Ticks the tasks of a run in the list that its plan was read from, as a part of what lands: a check sees the ticked list, the tick goes
//! where the work goes, and reverting the landing takes both back.

use super::{
    branches::Branch,
    context::StepContext,
    signing,
    state::{State, Step},
    tick::Tick,
};
use crate::{
    Result,
    git::{Oid, Repo, objects::Commit, repo::Identity},
    model::{event::Landing, text},
    plan::{
        MAX_FILE,
        read::{self, Untickable},
    },
    store::layout,
};

/// Returns a tree with the task of a branch ticked, and notes in `step` that it is. Where the task cannot be ticked, the tree stays.
///
/// # Errors
/// The list cannot be read or written.
pub(super) fn ticked(cx: &StepContext<'_>, branch: &Branch, step: &mut Step, tree: Oid) -> Result<Oid> {
    let agent = branch.agent.as_ref().map(|(id, _)| id);
    let Some(tick) = agent.and_then(|id| Tick::of(&cx.options.ticks, id)) else { return Ok(tree) };
    let Ok(content) = ticked_list(cx.repo, tick, tree)? else { return Ok(tree) };
    if why_in_the_way(cx.repo, cx.into, tick)?.is_some() {
        return Ok(tree);
    }
    let blob = cx.repo.write_blob(content.as_bytes())?;
    let note = tick.note();
    if !step.settled.contains(&note) {
        step.settled.push(note);
    }
    cx.repo.with_file(tree, &tick.list, blob)
}

/// Returns a commit on top of rebased ones that ticks the task of a branch, or the newest of those if there is nothing to tick.
///
/// # Errors
/// The commit cannot be written, or as [`ticked`].
pub(super) fn on_top(
    cx: &mut StepContext<'_>,
    branch: &Branch,
    step: &mut Step,
    head: Oid,
    by: &Identity,
) -> Result<Oid> {
    let before = cx.repo.tree_of(head)?;
    let tree = ticked(cx, branch, step, before)?;
    let agent = branch.agent.as_ref().map(|(id, _)| id);
    let Some(tick) = agent.and_then(|id| Tick::of(&cx.options.ticks, id)).filter(|_| tree != before) else {
        return Ok(head);
    };
    let message =
        format!("Tick task '{}' in {}\n\nOrchestra-Agent: {}\n", tick.task, tick.list(), tick.agent);
    let now = cx.repo.now().as_second();
    let commit = Commit::by(by, now, tree, vec![head], message);
    signing::write_commit(cx, &commit)
}

/// Returns a warning for each task that landed and is not ticked.
///
/// # Errors
/// A list cannot be read.
pub fn warnings(repo: &Repo, state: &State) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for step in state.steps.iter().filter(|step| step.outcome == Some(Landing::Merged)) {
        let tick = step.agent.as_ref().and_then(|id| Tick::of(&state.options.ticks, id));
        let Some(tick) = tick.filter(|tick| !step.settled.contains(&tick.note())) else { continue };
        let why = match ticked_list(repo, tick, repo.tree_of(state.result)?)? {
            Err(Untickable::Ticked) => continue,
            Err(why) => why.as_str().to_owned(),
            Ok(_) => why_in_the_way(repo, &state.into, tick)?
                .unwrap_or_else(|| "the file was changed while the work landed".to_owned()),
        };
        warnings.push(tick.not_ticked(&why));
    }
    Ok(warnings)
}

/// Returns the list of a tree with the task ticked.
fn ticked_list(repo: &Repo, tick: &Tick, tree: Oid) -> Result<Result<String, Untickable>> {
    let Some(id) = repo.file_of(tree, &tick.list)? else { return Ok(Err(Untickable::NoPlan)) };
    if repo.blob_size(id).is_none_or(|size| size > MAX_FILE) {
        return Ok(Err(Untickable::NoPlan));
    }
    Ok(String::from_utf8(repo.read_blob(id)?)
        .map_err(|_| Untickable::NoPlan)
        .and_then(|file| read::tick(&file, &tick.task, &tick.title)))
}

/// Returns why the list is not ticked: where the target is checked out, somebody changes the list. A tick would block the landing.
fn why_in_the_way(repo: &Repo, into: &str, tick: &Tick) -> Result<Option<String>> {
    for checkout in repo.checkouts_of(&layout::branch_ref(into))? {
        let git =
            checkout.git(repo.environment(), "diff").args(["--quiet", "--no-ext-diff", "--no-textconv"]);
        let git = git.args(["HEAD", "--"]).arg(format!(":(top,literal){}", tick.list));
        if !git.output()?.status.success() {
            let place = text::safe(&checkout.path.display().to_string()).into_owned();
            return Ok(Some(format!("the file has changes in '{place}' that are not committed")));
        }
    }
    Ok(None)
}
