//! Joining chains that were written apart. The joining commit's bytes depend on its parents alone, so that every machine
//! makes the same one; and where two tips hold the same events no join is made, or machines would join each other's
//! joins for ever.

use crate::{
    Result,
    git::{Oid, Repo, objects::Commit},
    store::Chain,
};

/// The tip that holds everything that both tell, malformed and newer entries included.
///
/// `a` is ours; `b` is a peer's. If both tell the same, the one with more commits is taken, of two with equally many
/// the smaller id: that needs no agreement.
///
/// # Errors
/// A commit of either chain is missing, or the join cannot be written.
pub fn join(repo: &Repo, id: &str, a: Oid, b: Oid) -> Result<Oid> {
    if a == b || Chain::holds(repo, a, b)? {
        return Ok(a);
    }
    if Chain::holds(repo, b, a)? {
        return Ok(b);
    }
    let (ours, theirs) = (Chain::read(repo, &[a])?, Chain::read(repo, &[b])?);
    if ours.event_commits() == theirs.event_commits() {
        // The same choice on every machine, and one that agrees with the two rules above: a tip that contains another has
        // more commits. Choosing by the id alone leaves a ring of three with three tips.
        let size = |chain: &Chain| chain.commits.len();
        return Ok(if (size(&ours), b) > (size(&theirs), a) { a } else { b });
    }
    let parents = [a.min(b), a.max(b)];
    repo.write_commit(&joining(repo, id, parents)?)
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
