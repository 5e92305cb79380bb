//! Joining chains that were written apart. The joining commit's bytes depend on its parents alone, so that every machine
//! makes the same one; and where two tips hold the same events no join is made, or machines would join each other's
//! joins for ever.

use crate::{
    Result,
    git::{Oid, Repo, objects::Commit},
    model::subject::{Subject, SubjectId},
    store::chain::Chain,
};

/// The tip that holds everything that both tell, malformed and newer entries included.
///
/// `a` is ours; `b` is a peer's. If both tell the same, the one with more commits is taken, of two with equally many
/// the smaller id: that needs no agreement.
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
        // The same choice on every machine, and one that agrees with the two rules above: a tip that contains another has
        // more commits. Choosing by the id alone leaves a ring of three with three tips.
        let size = |chain: &Chain<I::Subject>| chain.commits.len();
        return Ok(if (size(&ours), b) > (size(&theirs), a) { a } else { b });
    }
    let parents = [a.min(b), a.max(b)];
    repo.write_commit(&joining(repo, id, parents)?)
}

/// Date and identity come from the parents: the later date, the identity of the smaller id.
fn joining<I: SubjectId>(repo: &Repo, id: &I, parents: [Oid; 2]) -> Result<Commit> {
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
