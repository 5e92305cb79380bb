//! The agents after which another one starts: whether they are done, and the commit with their work.

use crate::{
    Code, Error, Kind, Result,
    config::{Config, keys::MERGE_TIMEOUT},
    git::{
        Oid, Repo,
        merging::{GitConflict, MergePlace},
        objects::Commit,
        refs::RefEdit,
    },
    model::{
        Agent, AgentId, Fact, Phase,
        dependency::{OnFailed, StartedWith},
        event::PhaseChange,
        text,
    },
    store::{self, append_if, layout},
    supervise::spec::Spec,
};

/// The most files with conflicts that are named.
const MAX_NAMED: usize = 3;

/// What is known of an agent for which another one waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DependencyState {
    /// It is waited for.
    Open,
    /// The other one may start with its work, which this commit holds.
    Ready(Oid),
    /// It ended without being done, so that the other one is stopped. Holds the reason, for people.
    Ended(String),
}

/// Reads the state of an agent for which another one waits.
///
/// # Errors
/// There is no such agent, or its events cannot be read.
pub fn state_of(repo: &Repo, id: &AgentId, on_failed: OnFailed) -> Result<DependencyState> {
    let agent = store::any_agent(repo, id)?;
    let head = agent.head_commit().filter(|head| repo.has_commit(*head));
    Ok(decide(id, agent.phase, head, on_failed))
}

/// Decides what an agent in a phase means for one that waits for it. Work that is not here is waited for.
fn decide(id: &AgentId, phase: Phase, head: Option<Oid>, on_failed: OnFailed) -> DependencyState {
    match (phase, head, on_failed) {
        (Phase::Done, Some(head), _) => DependencyState::Ready(head),
        (Phase::Done, None, _) => DependencyState::Open,
        (phase, ..) if !phase.is_terminal() => DependencyState::Open,
        (_, Some(head), OnFailed::Start) => DependencyState::Ready(head),
        (phase, _, OnFailed::Stop) => {
            DependencyState::Ended(format!("it waited for {id}: {}", phase.as_str()))
        }
        _ => DependencyState::Open,
    }
}

/// Finds the commit that an agent starts from, with the work of all agents that it waited for, records it, and returns it. If that
/// was done before and its supervisor died then, returns what is recorded.
///
/// # Errors
/// The work of two of them conflicts (3), or something cannot be read or written.
pub fn begin_with_work(repo: &Repo, id: &AgentId, spec: &Spec) -> Result<Oid> {
    let agent = store::agent(repo, id)?;
    if let Some(base) = agent.work_of_others() {
        return Ok(base);
    }
    let mut works = Vec::with_capacity(spec.after.len());
    for (at, before) in spec.after.iter().enumerate() {
        if let Some(work) = spec.after_work.get(at).copied() {
            works.push((before, work));
            continue;
        }
        let DependencyState::Ready(work) = state_of(repo, before, spec.on_failed)? else {
            return Err(Error::new(Code::WorkMissing, format!("agent '{before}' is not done any more")));
        };
        works.push((before, work));
    }
    let base = merge_all(repo, id, &works)?;
    let name = layout::head_ref(id);
    let old = repo.find_ref(&name)?;
    if old != Some(base) {
        // First, so that the events never name work that is not kept.
        repo.edit_refs(&[RefEdit { name, old, new: base }], "orchestra: work to start with")?;
    }
    let heads: Vec<Oid> = works.iter().map(|(_, work)| *work).collect();
    append_if(repo, id, |fold| Some(vec![Fact::Phase(started_with(&fold.agent, base, &heads))]))?;
    Ok(base)
}

/// Returns the event that an agent, which is still queued, starts from a commit.
fn started_with(agent: &Agent, base: Oid, heads: &[Oid]) -> PhaseChange {
    let heads = heads.iter().map(|head| (*head).into()).collect();
    PhaseChange {
        started_with: Some(StartedWith { base: base.into(), heads }),
        ..PhaseChange::new(agent.attempt.max(1), Phase::Queued)
    }
}

/// Merges the work of several agents, one after the other. Nothing is checked out.
fn merge_all(repo: &Repo, id: &AgentId, works: &[(&AgentId, Oid)]) -> Result<Oid> {
    let Some(((_, first), others)) = works.split_first() else {
        return Err(Error::internal("an agent that waits for no other"));
    };
    let mut all = *first;
    for (done, (name, work)) in (1..).zip(others) {
        if repo.contains(all, *work)? {
            continue;
        }
        if repo.contains(*work, all)? {
            all = *work;
            continue;
        }
        let place = MergePlace::of_commit(repo, all, Config::of(repo).get(&MERGE_TIMEOUT)?)?;
        let merged = place.merge(all, *work)?;
        if let Some(conflict) = merged.conflict {
            let before: Vec<&str> = works[..done].iter().map(|(before, _)| before.as_str()).collect();
            return Err(conflicting(name, &before, &conflict));
        }
        let message = format!("Merge the work of {name}, with which agent {id} starts\n");
        let now = repo.now().as_second();
        all =
            repo.write_commit(&Commit::by(&repo.identity()?, now, merged.tree, vec![all, *work], message))?;
    }
    Ok(all)
}

fn conflicting(name: &AgentId, before: &[&str], conflict: &GitConflict) -> Error {
    let files: Vec<String> =
        conflict.files.iter().take(MAX_NAMED).map(|file| text::one_line(file, 60)).collect();
    let place = if files.is_empty() { String::new() } else { format!(" in {}", files.join(", ")) };
    let before = before.join(" and ");
    Error::new(Kind::Refused, format!("the work of {before} and {name} conflicts{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_done_work_is_started_with_unless_the_user_wants_another() {
        use DependencyState::{Ended, Open, Ready};
        let (id, head) = (AgentId::parse("add-docs-x2b4c").unwrap(), Oid::EMPTY_TREE);
        let ended = || Ended("it waited for add-docs-x2b4c: failed".into());
        for (phase, work, expected) in [
            (Phase::Running, Some(head), [Open, Open, Open]),
            (Phase::Paused, Some(head), [Open, Open, Open]),
            (Phase::Done, Some(head), [Ready(head), Ready(head), Ready(head)]),
            (Phase::Done, None, [Open, Open, Open]),
            (Phase::Failed, Some(head), [Open, Ready(head), ended()]),
            (Phase::Failed, None, [Open, Open, ended()]),
        ] {
            let found =
                [OnFailed::Wait, OnFailed::Start, OnFailed::Stop].map(|how| decide(&id, phase, work, how));
            assert_eq!(found, expected, "{phase:?}");
        }
    }

    #[test]
    fn a_conflict_names_both_agents_and_the_files() {
        let id = AgentId::parse("add-docs-x2b4c").unwrap();
        for (files, expected) in [
            (0, "the work of add-auth-k3m9q and add-docs-x2b4c conflicts"),
            (2, "the work of add-auth-k3m9q and add-docs-x2b4c conflicts in f0, f1"),
            (5, "the work of add-auth-k3m9q and add-docs-x2b4c conflicts in f0, f1, f2"),
        ] {
            let files = (0..files).map(|n| format!("f{n}")).collect();
            let conflict = GitConflict { files, ..GitConflict::default() };
            assert_eq!(conflicting(&id, &["add-auth-k3m9q"], &conflict).message, expected);
        }
    }
}
