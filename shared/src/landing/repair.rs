//! Asks the agent of a branch to resolve a conflict or repair a failed check, and verifies the result.

use super::{
    branches::Branch,
    context::StepContext,
    integrate,
    merge::Merged,
    options::{LandOptions, OnConflict, OnFailure, Strategy},
    outcome::{CheckFailure, Integration, Unresolved},
    repairer::RepairError,
    state::Step,
    unresolved,
};
use crate::{
    Result,
    git::{Oid, Repo, command, objects::Commit},
    model::{AgentId, text},
};

/// How much of the end of a failed check's output is sent to an agent, in bytes.
const MAX_SENT: usize = 8 * 1024;

/// Why an agent is not asked whose work contains changes that do not land: what it would repair is not what it has.
const STARTED_FROM_CHANGES: &str =
    "its agent is not asked, because it started with changes that do not land with its work";

/// Why no agent is asked if only approved work lands.
const UNAPPROVED: &str = "its agent is not asked, because nobody approved what it would write";

/// Who may repair a branch.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum RepairBy<'a> {
    /// Nobody: the options do not ask for a repair, or no attempt is left.
    Nobody,
    /// The options ask for a repair, but no agent can do it. Holds the reason, for people.
    Impossible(&'static str),
    /// The agent of the branch.
    Agent(&'a AgentId),
}

/// Decides who resolves the conflict of a branch.
pub(super) fn who_resolves<'a>(
    options: &LandOptions,
    branch: &'a Branch,
    conflict: &Unresolved,
) -> RepairBy<'a> {
    match (&branch.agent, conflict.marked) {
        _ if options.on_conflict != OnConflict::Agent => RepairBy::Nobody,
        _ if options.approved => RepairBy::Impossible(UNAPPROVED),
        _ if branch.part.is_some() => RepairBy::Impossible(STARTED_FROM_CHANGES),
        (None, _) | (_, None) => RepairBy::Impossible("no agent can be asked"),
        _ if conflict.files.is_empty() => RepairBy::Impossible("git names no file that an agent could edit"),
        (Some((id, _)), Some(_)) => RepairBy::Agent(id),
    }
}

/// Decides who repairs a check that fails with a branch.
pub(super) fn who_repairs<'a>(options: &LandOptions, branch: &'a Branch, tries: u32) -> RepairBy<'a> {
    match &branch.agent {
        _ if options.on_failure != OnFailure::Agent || tries == 0 => RepairBy::Nobody,
        _ if options.approved => RepairBy::Impossible(UNAPPROVED),
        None => RepairBy::Impossible("no agent can be asked"),
        Some(_) if branch.part.is_some() => RepairBy::Impossible(STARTED_FROM_CHANGES),
        Some((id, _)) => RepairBy::Agent(id),
    }
}

/// Asks an agent to resolve the conflict of its branch, up to `tries` times. It may change only the conflicting files.
///
/// # Errors
/// The agent cannot be asked or does not resolve the conflict, or git fails.
pub(super) fn resolve_conflict(
    cx: &mut StepContext<'_>,
    agent: &AgentId,
    branch: &Branch,
    step: &mut Step,
    conflict: &Unresolved,
    tries: &mut u32,
) -> Result<Integration, RepairError> {
    let marked = conflict.marked.ok_or_else(|| RepairError::not_possible("no agent can be asked"))?;
    let marked = commit_marked(cx, branch, marked)?;
    let mut forward = Some(marked);
    let request = conflict_message(cx.into, &conflict.files);
    let mut message = request.clone();
    while *tries > 0 {
        *tries -= 1;
        cx.tell(step, "asking the agent");
        let head = cx.around.repairer.ask(agent, forward.take(), &message)?;
        match find_fault(cx.repo, marked, head, &conflict.files)? {
            None => {
                step.head = head;
                step.settled.push("its agent resolved the conflicts".to_owned());
                let tree = cx.repo.tree_of(head)?;
                return Ok(integrate::commit(cx, branch, step, tree, branch.tip)?);
            }
            Some(wrong) => message = format!("{wrong}\n\n{request}"),
        }
    }
    Err(RepairError::not_possible("its agent did not resolve the conflict"))
}

/// Asks an agent to repair a check that fails with its branch, and integrates the repair.
///
/// # Errors
/// The agent cannot be asked or changes nothing, its repair conflicts, or git fails.
pub(super) fn repair_failure(
    cx: &mut StepContext<'_>,
    agent: &AgentId,
    branch: &Branch,
    step: &mut Step,
    commit: Oid,
    failure: &CheckFailure,
) -> Result<Integration, RepairError> {
    cx.tell(step, "asking the agent");
    // A merge commit contains the agent's branch. A squashed or rebased one does not, so the agent continues on its own branch.
    let forward = (cx.options.strategy == Strategy::Merge).then_some(commit);
    let message = failure_message(cx.into, &failure.sentence(), &failure.output);
    let head = cx.around.repairer.ask(agent, forward, &message)?;
    if cx.repo.tree_of(head)? == cx.repo.tree_of(commit)? {
        return Err(RepairError::not_possible("its agent changed nothing"));
    }
    step.head = head;
    step.settled.push("its agent repaired what failed".to_owned());
    match cx.merge(head)? {
        Merged::Clean(tree) => Ok(integrate::commit(cx, branch, step, tree, head)?),
        Merged::Conflict(conflict) => {
            let place = conflict.place();
            Err(RepairError::not_possible(format!("its agent's repair conflicts{place}")))
        }
    }
}

/// Commits the merge with conflict markers on top of the agent's branch. The agent works on this commit.
fn commit_marked(cx: &StepContext<'_>, branch: &Branch, tree: Oid) -> Result<Oid> {
    let message = unresolved::message(cx.into);
    let (now, parents) = (cx.repo.now().as_second(), vec![branch.tip, cx.onto]);
    let identity = integrate::identity(cx.repo, branch)?;
    cx.repo.write_commit(&Commit::by(&identity, now, tree, parents, message))
}

/// Returns what is wrong with a resolution, as a message to the agent: markers are left, or other files were changed.
fn find_fault(repo: &Repo, marked: Oid, head: Oid, files: &[String]) -> Result<Option<String>> {
    let place = repo.common_dir()?;
    let said = repo
        .git_in(&place, "diff-tree")
        .args(["-r", "-z", "--name-only", "--no-renames", &marked.to_string(), &head.to_string()])
        .limit(command::LONG_LIMIT)
        .run()?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let other = said.split('\0').find(|name| !name.is_empty() && !files.iter().any(|file| file == name));
    if let Some(name) = other {
        return Ok(Some(format!(
            "You changed {}, which does not conflict. Undo that.",
            text::one_line(name, 200)
        )));
    }
    for file in files {
        let content = repo.read_blob_of(head, file)?.unwrap_or_default();
        if unresolved::count_markers(&content) > 0 {
            let file = text::one_line(file, 200);
            return Ok(Some(format!("{file} still contains conflict markers.")));
        }
    }
    Ok(None)
}

fn conflict_message(into: &str, files: &[String]) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("- {}", text::one_line(file, 200))).collect();
    format!(
        "Your work was merged with what landed in {} meanwhile, and these files conflict:\n{}\n\nThey contain both versions, between \
         lines that begin with <<<<<<<, ======= and >>>>>>>. Edit them so that both changes are kept and no such line is left. \
         Change no other file.",
        text::one_line(into, 100),
        names.join("\n")
    )
}

fn failure_message(into: &str, why: &str, output: &[u8]) -> String {
    let tail = &output[output.len().saturating_sub(MAX_SENT)..];
    format!(
        "Your work was merged with what landed in {} meanwhile, and then the {why}. Repair it. The end of the output:\n\n{}",
        text::one_line(into, 100),
        text::rendered_output(&String::from_utf8_lossy(tail))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Agent;

    fn branch(agent: bool) -> Branch {
        let agent = agent.then(|| (AgentId::parse("add-auth-k3m9q").unwrap(), Agent::default()));
        Branch {
            name: "b".into(),
            tip: Oid::EMPTY_TREE,
            agent,
            problem: None,
            snapshot: None,
            part: None,
            failed: None,
        }
    }

    #[test]
    fn messages_name_files_and_shorten_output() {
        let message = conflict_message("main", &["a b.rs".into(), "c".into()]);
        assert!(message.contains("\n- a b.rs\n- c\n") && message.contains("landed in main"));
        let output = [vec![b'x'; 3 * MAX_SENT], b"the end".to_vec()].concat();
        let message = failure_message("main", "test fails: exit code 1", &output);
        assert!(message.len() < MAX_SENT + 400 && message.ends_with("the end"));
    }

    #[test]
    fn agents_are_asked_only_if_the_options_say_so_and_they_can_help() {
        let (of_agent, plain) = (branch(true), branch(false));
        let id = &of_agent.agent.as_ref().unwrap().0;
        let options =
            |on_conflict, on_failure| LandOptions { on_conflict, on_failure, ..LandOptions::default() };
        let conflict = |marked, files: &[&str]| Unresolved {
            why: String::new(),
            marked,
            files: files.iter().map(ToString::to_string).collect(),
        };
        let (ask, tree) = (options(OnConflict::Agent, OnFailure::Agent), Some(Oid::EMPTY_TREE));
        let nobody = RepairBy::Impossible("no agent can be asked");
        let no_file = RepairBy::Impossible("git names no file that an agent could edit");
        let skip = options(OnConflict::Ours, OnFailure::Stop);
        assert_eq!(who_resolves(&skip, &of_agent, &conflict(tree, &["a"])), RepairBy::Nobody);
        assert_eq!(who_resolves(&ask, &of_agent, &conflict(tree, &["a"])), RepairBy::Agent(id));
        assert_eq!(who_resolves(&ask, &of_agent, &conflict(None, &["a"])), nobody);
        assert_eq!(who_resolves(&ask, &plain, &conflict(tree, &["a"])), nobody);
        assert_eq!(who_resolves(&ask, &of_agent, &conflict(tree, &[])), no_file);
        assert_eq!(who_repairs(&skip, &of_agent, 1), RepairBy::Nobody);
        assert_eq!(who_repairs(&ask, &of_agent, 0), RepairBy::Nobody);
        assert_eq!(who_repairs(&ask, &plain, 1), nobody);
        assert_eq!(who_repairs(&ask, &of_agent, 1), RepairBy::Agent(id));
        let approved = LandOptions { approved: true, ..ask };
        let unapproved = RepairBy::Impossible(UNAPPROVED);
        assert_eq!(who_resolves(&approved, &of_agent, &conflict(tree, &["a"])), unapproved);
        assert_eq!(who_repairs(&approved, &of_agent, 1), unapproved);
    }
}
