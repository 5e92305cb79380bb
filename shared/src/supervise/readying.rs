//! What a helper does once the worktree is there: it copies the files that the user wants in it, makes the agent's folder for
//! temporary files, and records which folder the worktree is.

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Repo, worktrees::Worktree},
    model::{AgentId, SandboxLevel},
    store::layout::{AgentDir, PrivateDir},
    supervise::{preparation::Preparation, spec::Spec, temporary},
    worktree::{
        include::{self, Readiness, Skipped, Wanted},
        isolated_git_dir::FrozenConfig,
        list,
        root::WorktreeRoot,
        submodules,
    },
};

/// Why an agent in a sandbox has only the files of a submodule.
const NO_GIT: &str = "its repository cannot be separated from that of your checkout, so in a sandbox git does not \
                      work in it; what changes there is left out of the work";
/// The most submodules of which that is said.
const MAX_NAMED: usize = 20;

/// Makes a worktree ready, as far as that has not been done, and writes what was found into the spec.
///
/// # Errors
/// There is more to copy than the user allows, the disk is full, or something cannot be read or written.
pub(super) fn make_ready(
    repo: &Repo,
    id: &AgentId,
    dir: &AgentDir,
    spec: &Spec,
    root: &WorktreeRoot,
) -> Result<()> {
    let folder = root.identity().context(Kind::External, || "cannot read the worktree's folder".into())?;
    let temporary = temporary::make(repo.environment(), id);
    let frozen = copy_files(repo, id, spec, root)?;
    let new = Spec {
        folder: Some(folder),
        frozen: frozen.unwrap_or_else(|| spec.frozen.clone()),
        preparation: Preparation { temporary, ..spec.preparation.clone() },
        ..spec.clone()
    };
    if new == *spec { Ok(()) } else { new.write(dir) }
}

/// Makes the submodules and copies the files, unless that was done. Returns the name of the settings for capturing the work, which leave the copies out.
fn copy_files(repo: &Repo, id: &AgentId, spec: &Spec, root: &WorktreeRoot) -> Result<Option<String>> {
    let Some(worktree) = list::worktree_of_agent(repo, id, &spec.branch)? else { return Ok(None) };
    let mut ready = Readiness::of(&worktree);
    if spec.preparation.submodules {
        make_submodules(repo, &worktree, &mut ready, spec.sandbox != SandboxLevel::None)?;
    }
    if !ready.is_copied && !spec.preparation.copies_nothing {
        let wanted = Wanted {
            patterns: &spec.preparation.include,
            most: spec.preparation.max_include,
            disposable: &spec.preparation.disposable,
        };
        let included = include::copy_wanted(repo, root, &wanted)?;
        if !included.copies.is_empty() || !included.skipped.is_empty() {
            ready.skipped.extend(included.skipped);
            ready = Readiness { is_copied: true, copies: included.copies, ..ready };
            ready.write(&worktree)?;
        }
    }
    let lines = include::exclude_lines(&ready.copies);
    if lines.is_empty() {
        return Ok(None);
    }
    let (common, folder) = (repo.common_dir()?, PrivateDir::new(repo.private_dir()?).frozen());
    // Settings that somebody changed since are not used.
    let known = FrozenConfig::load(&FrozenConfig::kept(&folder, &spec.frozen, &common)?)?;
    Ok(Some(known.with_more_ignored(&lines).keep(&folder, &common)?))
}

/// Makes the submodules, unless they are there. In a sandbox, their repositories share nothing with those of the user's checkout: the
/// agent writes all of their files.
fn make_submodules(
    repo: &Repo,
    worktree: &Worktree,
    ready: &mut Readiness,
    is_in_sandbox: bool,
) -> Result<()> {
    let before = ready.clone();
    let (made, mut skipped) = submodules::make(repo, worktree, !is_in_sandbox)?;
    let has_made = !made.is_empty() || !skipped.is_empty();
    ready.submodules.extend(made);
    if is_in_sandbox {
        ready.submodules.iter_mut().for_each(|one| one.separate(worktree));
        let others = ready.submodules.iter().filter(|one| !one.is_separate).take(MAX_NAMED);
        skipped.extend(others.map(|one| Skipped::new(format!("{}/.git", one.path).as_bytes(), NO_GIT)));
    }
    if has_made {
        ready.skipped = skipped;
    }
    if *ready == before { Ok(()) } else { ready.write(worktree) }
}
