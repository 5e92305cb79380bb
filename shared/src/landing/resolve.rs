//! Resolves conflicts without judgement: regenerates lock files, and prefers one side where the options say so.

use super::{
    branches::Branch,
    check::Bounds,
    context::StepContext,
    merge::{self, MergeConflict, Merged, PreferredSide},
    options::{LandOptions, OnConflict},
    regenerate::{self, Regenerated},
    state::Step,
};
use crate::{Result, git::Oid, model::text, supervise::publishing};

/// The maximum width of a branch's name in a reason, in columns.
const NAME_WIDTH: usize = 60;

/// The result of resolving a conflict.
pub(super) enum Resolution {
    /// The tree of the merge, without conflicts.
    Tree(Oid),
    /// The files that still conflict, and the reason for people.
    Conflict { why: String, files: Vec<String> },
}

/// Returns the preferred side where both changed the same lines, if the options name one.
pub(super) const fn preferred_side(options: &LandOptions) -> Option<PreferredSide> {
    match options.on_conflict {
        OnConflict::Ours => Some(PreferredSide::Ours),
        OnConflict::Theirs => Some(PreferredSide::Theirs),
        OnConflict::Union => Some(PreferredSide::Union),
        OnConflict::Skip | OnConflict::Agent => None,
    }
}

/// Returns why a branch conflicts: with what, in which files, and which missing tool could have resolved it.
pub(super) fn conflict_reason(cx: &StepContext<'_>, conflict: &MergeConflict) -> String {
    let missing =
        conflict.files.iter().find_map(|file| regenerate::missing_tool(cx.repo.environment(), file));
    let missing = missing
        .map_or_else(String::new, |tool| format!("; {tool}, which could regenerate it, is not on PATH"));
    let with = match cx.conflicts_with {
        [] => text::one_line(cx.into, NAME_WIDTH),
        [one] => text::one_line(one, NAME_WIDTH),
        [one, others @ ..] => format!("{} and {} more", text::one_line(one, NAME_WIDTH), others.len()),
    };
    format!("conflicts with {with}{}{missing}", conflict.place())
}

/// Resolves a conflict in the scratch worktree as far as that needs no judgement. Notes in `step` what was resolved and how.
///
/// # Errors
/// Git fails, or the user interrupts the landing.
pub(super) fn resolve(
    cx: &mut StepContext<'_>,
    branch: &Branch,
    step: &mut Step,
    conflict: &MergeConflict,
) -> Result<Resolution> {
    let (files, side) = (&conflict.files, preferred_side(cx.options));
    let all = conflict_reason(cx, conflict);
    if files.is_empty() && side.is_none() {
        return Ok(Resolution::Conflict { why: all, files: Vec::new() });
    }
    let bounds = cx.bounds(regenerate::LIMIT);
    let scratch = cx.scratch.at(cx.repo, cx.onto)?;
    let recipes = if files.is_empty() { Vec::new() } else { regenerate::recipes(cx.repo, scratch, files)? };
    let has_recipe = |file: &String| recipes.iter().any(|recipe| recipe.path == *file);
    let (generated, others): (Vec<String>, Vec<String>) = files.iter().cloned().partition(has_recipe);
    if side.is_none() && !others.is_empty() {
        return Ok(Resolution::Conflict { why: all, files: others });
    }
    let merged = match side {
        Some(side) if generated.is_empty() || !others.is_empty() => {
            scratch.merge_for(side, cx.onto, branch.to_merge())?
        }
        _ => scratch.merge_with_conflicts(cx.onto, branch.to_merge())?,
    };
    if let Merged::Conflict(conflict) = merged {
        let left: Vec<String> =
            conflict.files.iter().filter(|file| !generated.contains(file)).cloned().collect();
        if !left.is_empty() || conflict.files.is_empty() {
            let why = conflict_reason(cx, &conflict.only_in(&left));
            return Ok(Resolution::Conflict { why, files: left });
        }
    }
    if let Some(side) = side.filter(|_| !others.is_empty()) {
        let names: Vec<&str> = others.iter().map(String::as_str).collect();
        step.settled.push(format!("{} resolved with '{}'", merge::name_files(&names), side.as_str()));
    }
    let environment = publishing::without_logins(bounds.environment, cx.repo, "");
    let bounds = Bounds { environment: &environment, ..bounds };
    for recipe in &recipes {
        match recipe.regenerate(scratch, bounds)? {
            Regenerated::Done(note) => step.settled.push(note),
            Regenerated::Failed(why) => return Ok(Resolution::Conflict { why, files: generated }),
        }
    }
    Ok(Resolution::Tree(scratch.write_tree()?))
}
