//! Handing a conflict, or a failed check, to the agent whose branch it is; and looking at what it made of it.

use super::{
    before::BeforeRepair,
    branches::Branch,
    bring::Brought,
    merge::Strategy,
    state::{OnConflict, OnFailure, Step},
    steps::Runner,
    unresolved,
};
use crate::{
    Result,
    git::{Git, Oid, Repo, command, objects::Commit},
    model::{AgentId, event::Landing, text},
    world,
};

/// Of the output of a failed check, an agent is told so much, in bytes.
const TOLD: usize = 8 * 1024;

/// Who asks agents.
pub trait Repairs {
    /// Brings the branch and the worktree of an agent at rest forward to a commit (`None`: it stays where it is), tells the
    /// agent something, and waits for its end. Gives its new head, or why it could not be asked.
    ///
    /// # Errors
    /// Something broke, or the user wants to end it all.
    fn ask(
        &self,
        agent: &AgentId,
        forward_to: Option<Oid>,
        message: &str,
    ) -> Result<std::result::Result<Oid, String>>;

    /// What an agent at rest has now.
    ///
    /// # Errors
    /// It cannot be read.
    fn before(&self, agent: &AgentId) -> Result<BeforeRepair>;

    /// Brings an agent back to what it had, after a repair that failed; `why` is told of it then. Gives why that was not
    /// possible, if it was not.
    ///
    /// # Errors
    /// Something cannot be read or written.
    fn roll_back(&self, before: &BeforeRepair, why: &str) -> Result<std::result::Result<(), String>>;
}

/// A branch brought in after all, or why not; `None`: nobody was to be asked.
type Tried = std::result::Result<Brought, Option<String>>;

impl Runner<'_> {
    /// Lets the agent settle its conflict, in the conflicting files alone.
    pub(super) fn settle_by_agent(
        &mut self,
        branch: &Branch,
        step: &mut Step,
        tree: Option<Oid>,
        files: &[String],
        tries: &mut u32,
    ) -> Result<Tried> {
        if self.state.orders.on_conflict != OnConflict::Agent {
            return Ok(Err(None));
        }
        let (Some((id, _)), Some(tree)) = (&branch.agent, tree) else {
            return Ok(Err(Some("there is no agent to ask".to_owned())));
        };
        if files.is_empty() {
            return Ok(Err(Some("git names no file that an agent could edit".to_owned())));
        }
        self.remember(id)?;
        let marked = self.marked(branch, tree)?;
        let mut forward = Some(marked);
        let mut message = conflict_message(&self.state.into, files);
        while *tries > 0 {
            *tries -= 1;
            self.tell(step, "asking the agent");
            let head = match self.around.repairs.ask(id, forward.take(), &message)? {
                Ok(head) => head,
                Err(why) => return Ok(Err(Some(why))),
            };
            match complaint(self.repo, marked, head, files)? {
                None => {
                    step.head = head;
                    step.settled.push("its agent settled the conflicts".to_owned());
                    return Ok(Ok(self.commit(branch, step, self.repo.tree_of(head)?, branch.tip)?));
                }
                Some(wrong) => message = format!("{wrong}\n\n{message}"),
            }
        }
        Ok(Err(Some("its agent did not resolve the conflict".to_owned())))
    }

    /// Writes down what the agent has, before anything of it is touched for a repair.
    fn remember(&mut self, id: &AgentId) -> Result<()> {
        if self.state.before_repair.as_ref().is_none_or(|before| before.agent != *id) {
            self.state.before_repair = Some(self.around.repairs.before(id)?);
            self.state.save(self.repo, self.journal)?;
        }
        Ok(())
    }

    /// Ends the repair of a branch: of one that did not land, the agent gets back what it had.
    pub(super) fn end_repair(&mut self, step: &mut Step) -> Result<()> {
        let is_of_the_step = |before: &mut BeforeRepair| step.agent.as_ref() == Some(&before.agent);
        let Some(before) = self.state.before_repair.take_if(is_of_the_step) else { return Ok(()) };
        if step.outcome != Some(Landing::Merged) {
            let what =
                if step.outcome == Some(Landing::Failed) { "repair failed" } else { "conflict not resolved" };
            let why = step.why.as_deref().map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"));
            if let Err(not) = self.around.repairs.roll_back(&before, &why)? {
                step.why = Some([step.why.take().unwrap_or_default(), not].join("; "));
            }
            step.head = before.head.unwrap_or(step.head);
        }
        Ok(())
    }

    /// Rolls back a repair of a landing that was interrupted, whose branch is not tried again.
    pub(super) fn end_interrupted_repair(&mut self) -> Result<()> {
        let Some(before) = self.state.before_repair.take() else { return Ok(()) };
        // Where it is not possible, the marks that are left keep the branch from landing.
        let _ = self.around.repairs.roll_back(&before, "conflict not resolved")?;
        Ok(())
    }

    /// The merge with its conflicts marked, on top of the agent's branch: that is what it works on.
    fn marked(&self, branch: &Branch, tree: Oid) -> Result<Oid> {
        let message = unresolved::message(&self.state.into);
        let parents = vec![branch.tip, self.state.result];
        let now = world::now().as_second();
        self.repo.write_commit(&Commit::by(&self.identity(branch)?, now, tree, parents, message))
    }

    /// Lets the agent repair what fails with its branch.
    pub(super) fn repair_by_agent(
        &mut self,
        branch: &Branch,
        step: &mut Step,
        commit: Oid,
        why: &str,
        output: &[u8],
        tries: &mut u32,
    ) -> Result<Tried> {
        if self.state.orders.on_failure != OnFailure::Agent || *tries == 0 {
            return Ok(Err(None));
        }
        let Some((id, _)) = &branch.agent else {
            return Ok(Err(Some("there is no agent to ask".to_owned())));
        };
        *tries -= 1;
        self.remember(id)?;
        self.tell(step, "asking the agent");
        // The merge contains its branch, unless it was made into one commit: then the agent works on its branch as it is.
        let forward = (self.state.orders.strategy == Strategy::Merge).then_some(commit);
        let head =
            match self.around.repairs.ask(id, forward, &failure_message(&self.state.into, why, output))? {
                Ok(head) => head,
                Err(why) => return Ok(Err(Some(why))),
            };
        if self.repo.tree_of(head)? == self.repo.tree_of(commit)? {
            return Ok(Err(Some("its agent changed nothing".to_owned())));
        }
        step.head = head;
        step.settled.push("its agent repaired what failed".to_owned());
        match self.merge(head)? {
            super::merge::Merged::Clean(tree) => Ok(Ok(self.commit(branch, step, tree, head)?)),
            super::merge::Merged::Conflict(conflict) => {
                Ok(Err(Some(format!("its agent's repair conflicts{}", conflict.place()))))
            }
        }
    }
}

/// What is wrong with a settled conflict: marks that are left, or files that were none of its business.
fn complaint(repo: &Repo, marked: Oid, head: Oid, files: &[String]) -> Result<Option<String>> {
    let place = repo.common_dir()?;
    let said = Git::new(&place, "diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &marked.to_string(), &head.to_string()])
        .limit(command::LONG)
        .run()?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let foreign = said.split('\0').find(|name| !name.is_empty() && !files.iter().any(|file| file == name));
    if let Some(name) = foreign {
        return Ok(Some(format!(
            "You changed {}, which does not conflict. Undo that.",
            text::one_line(name, 200)
        )));
    }
    for file in files {
        let content = repo.read_blob_of(head, file)?.unwrap_or_default();
        if unresolved::marks(&content) > 0 {
            let file = text::one_line(file, 200);
            return Ok(Some(format!("Conflict marks are left in {file}.")));
        }
    }
    Ok(None)
}

fn conflict_message(into: &str, files: &[String]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("- {}", text::one_line(file, 200))).collect();
    format!(
        "Your work was merged with what landed in {} meanwhile, and these files conflict:\n{}\n\nThey hold both versions, between \
         lines that begin with <<<<<<<, ======= and >>>>>>>. Edit them so that both changes are kept and no such line is left. \
         Change no other file.",
        text::one_line(into, 100),
        names.join("\n")
    )
}

fn failure_message(into: &str, why: &str, output: &[u8]) -> String {
    let tail = &output[output.len().saturating_sub(TOLD)..];
    format!(
        "Your work was merged with what landed in {} meanwhile, and then the {why}. Repair it. The end of the output:\n\n{}",
        text::one_line(into, 100),
        text::plain(&String::from_utf8_lossy(tail))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_is_told() {
        let message = conflict_message("main", &["a b.rs".into(), "c".into()]);
        assert!(message.contains("\n- a b.rs\n- c\n") && message.contains("landed in main"));
        let output = [vec![b'x'; 3 * TOLD], b"the end".to_vec()].concat();
        let message = failure_message("main", "test fails: exit code 1", &output);
        assert!(message.len() < TOLD + 400 && message.ends_with("the end"));
    }
}
