//! Joining chains that were written apart. The joining commit's bytes depend on its parents alone, so that every machine
//! makes the same one; and where two tips hold the same events no join is made, or machines would join each other's
//! joins for ever.

use std::collections::BTreeSet;

use crate::{
    Result,
    git::{Oid, Repo, objects::Commit},
    model::event::EventId,
    store::{Chain, commit},
};

/// The tip that holds all events of both.
///
/// `a` is ours; `b` is a peer's. If both hold the same events, the one with more commits is taken, of two with equally many
/// the smaller id: that needs no agreement.
///
/// # Errors
/// A commit of either chain is missing, or the join cannot be written.
pub fn join(repo: &Repo, id: &str, a: Oid, b: Oid) -> Result<Oid> {
    if a == b {
        return Ok(a);
    }
    let (ours, theirs) = (Chain::read(repo, &[a])?, Chain::read(repo, &[b])?);
    if ours.commits.contains(&b) {
        return Ok(a);
    }
    if theirs.commits.contains(&a) {
        return Ok(b);
    }
    if told(repo, &ours)? == told(repo, &theirs)? {
        // The same choice on every machine, and one that agrees with the two rules above: a tip that contains another has
        // more commits. Choosing by the id alone leaves a ring of three with three tips.
        let size = |chain: &Chain| chain.commits.len();
        return Ok(if (size(&ours), b) > (size(&theirs), a) { a } else { b });
    }
    let parents = [a.min(b), a.max(b)];
    repo.write_commit(&joining(repo, id, parents)?)
}

/// The commits of a chain that hold events.
fn told(repo: &Repo, chain: &Chain) -> Result<BTreeSet<Oid>> {
    let mut told = BTreeSet::new();
    for id in &chain.commits {
        if !events_of(repo, *id)?.is_empty() {
            told.insert(*id);
        }
    }
    Ok(told)
}

fn events_of(repo: &Repo, id: Oid) -> Result<Vec<EventId>> {
    Ok(commit::event_ids(&repo.read_commit(id)?.message))
}

/// Date and identity come from the parents: the later date, the identity of the smaller id.
fn joining(repo: &Repo, id: &str, parents: [Oid; 2]) -> Result<Commit> {
    let (first, second) = (repo.read_commit(parents[0])?, repo.read_commit(parents[1])?);
    Ok(Commit {
        tree: Oid::EMPTY_TREE,
        parents: parents.to_vec(),
        name: first.name,
        email: first.email,
        seconds: first.seconds.max(second.seconds),
        message: format!("agent {id}: joined\n\nOrchestra-Join: 1\nOrchestra-Format: 1\n"),
    })
}
