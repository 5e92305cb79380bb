//! Joins event chains that two clones wrote independently. The bytes of a join depend only on its parents, so that every machine
//! makes the same one. Two tips that hold the same events are not joined: otherwise machines would join each other's joins forever.

use crate::{
    Result,
    git::{Oid, Repo, objects::Commit},
    model::subject::{Subject, SubjectId},
    store::chain::Chain,
};

/// Returns a tip that holds all events of both, malformed and newer ones included.
///
/// `a` is this clone's tip, `b` a peer's. If both hold the same events, the tip with more commits is returned, or of two with
/// equally many the smaller id, so that all machines choose the same one.
///
/// # Errors
/// A commit of either chain is missing, or the join cannot be written.
pub fn join<I: SubjectId>(repo: &Repo, id: &I, a: Oid, b: Oid) -> Result<Oid> {
    if a == b || Chain::<I::Subject>::holds(repo, a, b)? {
        return Ok(a);
    }
    if Chain::<I::Subject>::holds(repo, b, a)? {
        return Ok(b);
    }
    let read = |tip| Chain::<I::Subject>::read(repo, &[tip]);
    let (ours, theirs) = (read(a)?, read(b)?);
    if ours.event_commits() == theirs.event_commits() {
        // This choice agrees with the two rules above, because a tip that contains another has more commits. If the id alone
        // decided, three clones that sync in a ring could keep three tips.
        let size = |chain: &Chain<I::Subject>| chain.commits.len();
        return Ok(if (size(&ours), b) > (size(&theirs), a) { a } else { b });
    }
    let parents = [a.min(b), a.max(b)];
    repo.write_commit(&join_commit(repo, id, parents)?)
}

/// Makes a join with the later date of its parents and the identity of the parent with the smaller id.
fn join_commit<I: SubjectId>(repo: &Repo, id: &I, parents: [Oid; 2]) -> Result<Commit> {
    let (first, second) = (repo.read_commit(parents[0])?, repo.read_commit(parents[1])?);
    Ok(Commit {
        tree: Oid::EMPTY_TREE,
        parents: parents.to_vec(),
        name: first.name,
        email: first.email,
        seconds: first.seconds.max(second.seconds),
        message: format!("{} {id}: joined\n\nOrchestra-Join: 1\nOrchestra-Format: 1\n", I::Subject::NAME),
    })
}
