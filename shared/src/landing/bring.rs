//! Bringing one branch in: a commit on top of what landed, not proven yet.

use super::{
    branches::Branch,
    merge::{self, Committer, MergeConflict, Merged, Side, Strategy},
    message::message,
    regenerate::{self, Recipe},
    scratch::Scratch,
    state::{OnConflict, Step},
    steps::Runner,
};
use crate::{
    Result,
    git::{Oid, objects::Commit, repo::Identity},
    model::text,
    store::layout::Private,
    supervise::spec::Spec,
    world,
};

/// Columns of a branch's name in a reason.
const NAME: usize = 60;

/// What came of it.
pub(super) enum Brought {
    /// This commit, if it proves good.
    Commit(Oid),
    /// The target has all of it.
    Nothing,
    /// It conflicts. `tree` holds the files with marks, where git made it.
    Conflict { why: String, tree: Option<Oid>, files: Vec<String> },
}

impl Runner<'_> {
    pub(super) fn bring(&mut self, branch: &Branch, step: &mut Step) -> Result<Brought> {
        if self.state.orders.strategy == Strategy::Rebase {
            return self.bring_by_rebase(branch, step);
        }
        let ours = self.state.result;
        match merge::merge(&self.merge_place()?, ours, branch.tip)? {
            Merged::Clean(tree) => self.commit(branch, step, tree, branch.tip),
            Merged::Conflict(conflict) => match self.settle(branch, step, &conflict)? {
                Ok(settled) => self.commit(branch, step, settled, branch.tip),
                Err((why, files)) => Ok(Brought::Conflict { why, tree: conflict.tree, files }),
            },
        }
    }

    /// The commit that lands a tree; `head` is what it merges.
    pub(super) fn commit(&mut self, branch: &Branch, step: &Step, tree: Oid, head: Oid) -> Result<Brought> {
        let before = self.state.result;
        if self.repo.tree_of(before)? == tree {
            return Ok(Brought::Nothing);
        }
        let strategy = match self.state.orders.strategy {
            Strategy::Merge => Strategy::Merge,
            Strategy::Squash | Strategy::Rebase => Strategy::Squash,
        };
        let parents = if strategy == Strategy::Merge { vec![before, head] } else { vec![before] };
        let text = message(branch, strategy, &step.settled);
        let now = world::now().as_second();
        let commit = Commit::by(&self.identity(branch)?, now, tree, parents, text);
        Ok(Brought::Commit(self.write_landing_commit(&commit)?))
    }

    /// Who commits for a branch: for that of an agent, the user as they were when it was started.
    pub(super) fn identity(&self, branch: &Branch) -> Result<Identity> {
        let Some((id, _)) = &branch.agent else { return self.repo.identity() };
        let dir = Private::new(self.repo.private_dir()?).agent(id);
        let known = Spec::last(self.repo, id, &dir).and_then(|spec| spec.identity);
        known.map_or_else(|| self.repo.identity(), Ok)
    }

    fn bring_by_rebase(&mut self, branch: &Branch, step: &mut Step) -> Result<Brought> {
        let (onto, side) = (self.state.result, self.side());
        let base = self.repo.merge_base(onto, branch.tip)?;
        let identity = self.identity(branch)?;
        let sign = self.signs_rebased()?;
        let scratch = self.scratch_at(onto)?;
        let by = Committer { identity: &identity, sign };
        let first = scratch.rebase(None, onto, base, branch.tip, by)?;
        let done = match (first, side) {
            (Err(_), Some(side)) => {
                let done = scratch.rebase(Some(side), onto, base, branch.tip, by)?;
                if done.is_ok() {
                    step.settled.push(format!("conflicts were settled by '{}'", side.as_str()));
                }
                done
            }
            (first, _) => first,
        };
        match done {
            Ok(head) if head == onto => Ok(Brought::Nothing),
            Ok(head) => Ok(Brought::Commit(head)),
            Err(files) => {
                let tree = match self.merge(branch.tip)? {
                    Merged::Conflict(conflict) => conflict.tree,
                    Merged::Clean(_) => None,
                };
                let conflict = MergeConflict::of_files(files);
                Ok(Brought::Conflict { why: self.conflicts_in(&conflict), tree, files: conflict.files })
            }
        }
    }

    /// With what, in which files, and what is missing to settle it.
    fn conflicts_in(&self, conflict: &MergeConflict) -> String {
        let missing = conflict.files.iter().find_map(|file| regenerate::missing(file));
        let missing = missing
            .map_or_else(String::new, |tool| format!("; {tool}, which could make it anew, is not on PATH"));
        let with = match self.against.as_slice() {
            [] => text::one_line(&self.state.into, NAME),
            [one] => text::one_line(one, NAME),
            [one, others @ ..] => format!("{} and {} more", text::one_line(one, NAME), others.len()),
        };
        format!("conflicts with {with}{}{missing}", conflict.place())
    }

    const fn side(&self) -> Option<Side> {
        match self.state.orders.on_conflict {
            OnConflict::Ours => Some(Side::Ours),
            OnConflict::Theirs => Some(Side::Theirs),
            OnConflict::Union => Some(Side::Union),
            OnConflict::Skip | OnConflict::Agent => None,
        }
    }

    /// Settles what can be settled without anybody's judgement: lock files are made anew, and where the user said so, one side
    /// holds. Gives the tree, or why not and which files are left.
    fn settle(
        &mut self,
        branch: &Branch,
        step: &mut Step,
        conflict: &MergeConflict,
    ) -> Result<std::result::Result<Oid, (String, Vec<String>)>> {
        let files = &conflict.files;
        let (repo, ours, side) = (self.repo, self.state.result, self.side());
        let (interrupted, nonce) = (self.around.interrupted, self.journal.operation.id.clone());
        let all = self.conflicts_in(conflict);
        if files.is_empty() && side.is_none() {
            return Ok(Err((all, Vec::new())));
        }
        let scratch = self.scratch_at(ours)?;
        let recipes = if files.is_empty() { Vec::new() } else { regenerate::recipes(repo, scratch, files)? };
        let is_made = |file: &String| recipes.iter().any(|recipe| recipe.path == *file);
        let (made, others): (Vec<String>, Vec<String>) = files.iter().cloned().partition(is_made);
        if side.is_none() && !others.is_empty() {
            return Ok(Err((all, others)));
        }
        let merged = match side {
            Some(side) if made.is_empty() || !others.is_empty() => {
                scratch.merge_for(side, ours, branch.tip)?
            }
            _ => scratch.merge_with_conflicts(ours, branch.tip)?,
        };
        match merged {
            Merged::Clean(_) => {}
            Merged::Conflict(conflict) => {
                let left: Vec<String> =
                    conflict.files.iter().filter(|file| !made.contains(file)).cloned().collect();
                if !left.is_empty() || conflict.files.is_empty() {
                    return Ok(Err((self.conflicts_in(&conflict.only_in(&left)), left)));
                }
            }
        }
        if let Some(side) = side.filter(|_| !others.is_empty()) {
            step.settled.push(format!(
                "{} settled by '{}'",
                merge::in_files(&others.iter().map(String::as_str).collect::<Vec<_>>()),
                side.as_str()
            ));
        }
        for recipe in &recipes {
            match remake(scratch, recipe, interrupted, &nonce)? {
                Ok(note) => step.settled.push(note),
                Err(why) => return Ok(Err((why, made))),
            }
        }
        Ok(Ok(scratch.write_tree()?))
    }
}

/// Takes what landed before, and makes the file anew on top of that.
fn remake(
    scratch: &Scratch,
    recipe: &Recipe,
    interrupted: &std::sync::atomic::AtomicBool,
    nonce: &str,
) -> Result<std::result::Result<String, String>> {
    let taken = scratch.git("checkout")?.args(["HEAD", "--"]).arg(&recipe.path).output()?;
    if !taken.status.success() {
        return Ok(Err(format!(
            "{} conflicts, and is not in what landed before",
            text::one_line(&recipe.path, 200)
        )));
    }
    recipe.follow(scratch, interrupted, nonce)
}

impl Side {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Union => "union",
        }
    }
}
