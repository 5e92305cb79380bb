//! Removes the results of builds from the worktrees of agents that need them no more, by the rule of the user
//! (`orchestra.removeBuilds`). It runs in the background, after a landing or the end of an agent.

use std::{path::Path, time::Duration};

use crate::{
    Result,
    config::{
        Config,
        keys::{DISPOSABLE_DIRS, REMOVE_BUILDS, RemoveBuilds},
    },
    context::Context,
    git::{Oid, Repo, worktrees::Worktree},
    lock::Lock,
    model::{Agent, AgentId},
    ops::agent_checkout::AgentCheckout,
    removal::{contents, processes_in::UsedPaths},
    store::{Listing, layout::PrivateDir},
    worktree::{include::Readiness, list, removed_folders},
    world,
};

/// How long to wait for the lock of an agent: its supervisor may be about to end.
const AGENT_LOCK: Duration = Duration::from_secs(20);
/// How long to wait for another process that deletes.
const TRASH_LOCK: Duration = Duration::from_secs(10 * 60);
/// How the folders in the trash are named.
const PREFIX: &str = "builds-";

/// Removes the disposable folders that git ignores from the worktrees of agents of this clone that have ended, as far as the rule says so.
/// An agent that is in use, or whose worktree cannot be read, is left alone.
///
/// # Errors
/// The configuration has an invalid value, or the repository cannot be read.
pub fn remove_builds(context: &Context, repo: &Repo) -> Result<()> {
    let config = Config::of(repo);
    let rule = config.get(&REMOVE_BUILDS)?;
    let names = config.get(&DISPOSABLE_DIRS)?;
    if rule == RemoveBuilds::Never || names.is_empty() {
        return Ok(());
    }
    let _ = rustix::process::nice(19);
    let private = PrivateDir::new(repo.private_dir()?);
    let Some(_deleting) = Lock::take(&private.trash_lock(), TRASH_LOCK)? else { return Ok(()) };
    let listing = Listing::read(repo)?;
    for row in &listing.rows {
        context.check()?;
        let Ok(agent) = listing.agent(repo, row) else { continue };
        if listing.writer.as_deref() != Some(agent.writer.as_str()) || !applies(rule, &agent) {
            continue;
        }
        // What cannot be removed now is removed by cleanup.
        let _ = of_agent(repo, &private, &row.id, &names);
    }
    Ok(())
}

/// Returns whether the rule says that the builds of an agent go.
fn applies(rule: RemoveBuilds, agent: &Agent) -> bool {
    match rule {
        RemoveBuilds::Never => false,
        RemoveBuilds::Landed => {
            agent.phase.is_terminal() && agent.landed_in.is_some() && agent.landed_head == agent.head
        }
        RemoveBuilds::Ended => agent.phase.is_terminal(),
    }
}

fn of_agent(repo: &Repo, private: &PrivateDir, id: &AgentId, names: &[String]) -> Result<()> {
    let Some(lock) = Lock::take(&private.agent(id).lock(), AGENT_LOCK)? else { return Ok(()) };
    let agent = crate::store::agent(repo, id)?;
    let Some(worktree) = list::worktree_of_agent(repo, id, &agent.branch)?.filter(Worktree::exists) else {
        private.agent(id).remove_unless_it_holds_output();
        return Ok(());
    };
    let trash = removed_folders::trash_dir(&worktree.path);
    let trash =
        trash.map(|trash| -> Result<_> { Ok(trash.join(format!("{PREFIX}{}", world::random_hex::<6>()?))) });
    if agent.phase.is_terminal()
        && UsedPaths::now().first_in(&worktree.path).is_none()
        && let Some(trash) = trash.transpose()?
    {
        move_builds(repo, id, &agent, &worktree, names, &trash)?;
        private.agent(id).remove_unless_it_holds_output();
        drop(lock);
        removed_folders::delete_folder(&trash);
        let _ = trash.parent().map(std::fs::remove_dir);
    } else {
        private.agent(id).remove_unless_it_holds_output();
    }
    Ok(())
}

/// Moves the folders out of the worktree: deleting them takes long.
fn move_builds(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    worktree: &Worktree,
    names: &[String],
    trash: &Path,
) -> Result<()> {
    let checkout = AgentCheckout::open(repo, id, worktree.clone())?;
    let objects = checkout.folder.path().join("objects");
    std::fs::create_dir(&objects).map_err(|error| crate::Error::internal(error.to_string()))?;
    let base = agent.base.commit().unwrap_or(Oid::EMPTY_TREE);
    let isolated = checkout.isolated.clone().with_objects_in(objects);
    let task = checkout.task(id, agent, base);
    let extra = contents::find_extra_contents(repo, &task, &checkout.place(&isolated), names)?;
    let folders = extra.derived.iter().filter(|path| worktree.path.join(path).is_dir());
    for (number, folder) in folders.enumerate() {
        removed_folders::move_folder(&worktree.path.join(folder), &trash.join(number.to_string()))?;
    }
    // The setup may have made some of them.
    Readiness::forget(worktree)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Phase;

    #[test]
    fn the_rule_decides_by_phase_and_landing() {
        let head = |text: &str| Oid::parse(text).map(crate::model::IdOrText::from);
        let agent = |phase, landed: Option<&str>| Agent {
            phase,
            head: head(&"1".repeat(40)),
            landed_head: landed.and_then(head),
            landed_in: landed.map(|_| "main".into()),
            ..Agent::default()
        };
        let (one, other) = ("1".repeat(40), "2".repeat(40));
        for (phase, landed, by_landing, by_end) in [
            (Phase::Done, Some(one.as_str()), true, true),
            (Phase::Done, Some(other.as_str()), false, true),
            (Phase::Failed, None, false, true),
            (Phase::Paused, Some(one.as_str()), false, false),
            (Phase::Running, None, false, false),
        ] {
            let agent = agent(phase, landed);
            assert_eq!(applies(RemoveBuilds::Landed, &agent), by_landing, "{phase:?} {landed:?}");
            assert_eq!(applies(RemoveBuilds::Ended, &agent), by_end, "{phase:?} {landed:?}");
            assert!(!applies(RemoveBuilds::Never, &agent));
        }
    }
}
