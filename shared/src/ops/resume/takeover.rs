//! Takes over an agent of another clone: puts its branch, its last snapshot, and its session where this clone looks for them.

use std::{collections::HashSet, path::Path};

use super::TakeOverPolicy;
use crate::{
    Code, Error, Result, agents,
    config::{Config, keys::BRANCH_PREFIX},
    context::Context,
    git::{
        Oid, Repo,
        refs::RefEdit,
        remotes::{PushRule, RefPush, RemoteOptions},
        worktrees::Worktree,
    },
    model::{Agent, AgentId, text},
    store::{layout, sound, transcripts, unreadable},
    sync::{Remote, consent, remote_tips::RemoteTips, secrets},
    worktree::list,
};

/// The largest transcript that is restored, in bytes.
const MAX_TRANSCRIPT_BYTES: u64 = 1 << 30;

/// Prepares everything, so that it resumes like an agent of this clone. Local branches move only forward.
///
/// # Errors
/// It runs elsewhere, as far as is known here, or its work is not in this clone (3).
pub(super) fn prepare(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    how: TakeOverPolicy,
    worktree: &Path,
) -> Result<()> {
    check_allowed(repo, id, agent, how)?;
    let head = unreadable::ref_tip(repo, id, agent)?.filter(|head| repo.has_commit(*head));
    let head = head.ok_or_else(|| missing_work(id, "the commit that holds its work"))?;
    if agent.base.commit().is_none_or(|base| !repo.has_commit(base)) {
        return Err(missing_work(id, "the commit it started from"));
    }
    let kept = adopt_snapshot(repo, id)?;
    let snapshot_base =
        kept.map(|kept| repo.read_commit(kept)).transpose()?.and_then(|kept| kept.parents.first().copied());
    let start = match snapshot_base {
        // The other machine died before it recorded the last commits of the agent.
        Some(snapshot_base) if repo.contains(snapshot_base, head)? => snapshot_base,
        _ => head,
    };
    for work in kept.into_iter().chain([start]) {
        if let Some(unsound) = sound::flaw_of(repo, work)? {
            return Err(Error::new(
                Code::WorkUnusable,
                format!("the work of '{id}' cannot be checked out: {}", unsound.why),
            ));
        }
    }
    set_branch(repo, id, agent, start)?;
    restore_session(repo, id, agent, worktree)
}

/// Checks whether the agent may be taken over.
///
/// # Errors
/// The request does not allow it, or its branch has another name than it would have here (3).
pub(super) fn check_allowed(repo: &Repo, id: &AgentId, agent: &Agent, how: TakeOverPolicy) -> Result<()> {
    let clone = agent.label.as_deref().unwrap_or(&agent.writer);
    let allowed = how == TakeOverPolicy::Always || how == TakeOverPolicy::AtRest && agent.phase.is_at_rest();
    if !allowed {
        let error =
            Error::new(Code::AgentOfAnotherClone, format!("agent '{id}' belongs to another clone, {clone}"));
        if how == TakeOverPolicy::Never {
            return Err(error);
        }
        return Err(error
            .because(format!("it is {} there, as far as is known here", agent.phase.as_str()))
            .hint(format!("git orchestra stop {id}, then git orchestra sync in both clones"))
            .hint(format!("git orchestra resume --take-over {id}, if that machine no longer exists")));
    }
    // A branch name from another clone is not trusted; only the name that this clone would give is checked out.
    let ours = format!("{}{id}", Config::of(repo).get(&BRANCH_PREFIX)?);
    if *agent.branch == *ours {
        return Ok(());
    }
    let theirs = text::safe(&agent.branch);
    if !id.has_made(&agent.branch) {
        return Err(Error::new(
            Code::BranchDiffers,
            format!("'{id}' works on '{theirs}', a branch of the other clone"),
        )
        .hint(format!("git orchestra spawn --base {id} TASK starts an agent from its work")));
    }
    Err(Error::new(
        Code::BranchDiffers,
        format!("the branch of '{id}' is '{theirs}', but would be '{ours}' here"),
    )
    .hint(format!("git config {} sets the prefix of agents' branches", BRANCH_PREFIX.name())))
}

fn missing_work(id: &AgentId, what: &str) -> Error {
    Error::new(Code::WorkMissing, format!("'{id}' cannot be resumed: {what} is not in this clone"))
        .hint("git orchestra sync")
}

/// Makes the newest synced snapshot the snapshot of this clone.
fn adopt_snapshot(repo: &Repo, id: &AgentId) -> Result<Option<Oid>> {
    let Some(kept) = newest_extra(repo, "snapshots", id)? else { return Ok(None) };
    let name = layout::snapshot_ref(id);
    let old = repo.find_ref(&name)?;
    if old != Some(kept) {
        repo.edit_refs(&[RefEdit { name, old, new: kept }], "orchestra: taken over")?;
    }
    Ok(Some(kept))
}

/// Returns what `sync --with` brought from any remote; the newest if there are several.
fn newest_extra(repo: &Repo, kind: &str, id: &AgentId) -> Result<Option<Oid>> {
    let ending = format!("/{kind}/{id}");
    let all = repo.refs_below(layout::EXTRAS)?.into_iter().filter(|(name, _)| name.ends_with(&ending));
    Ok(all.map(|(_, tip)| tip).filter(|tip| repo.has_commit(*tip)).max_by_key(|tip| repo.commit_time(*tip)))
}

/// Moves the branch to the work. A branch that is checked out is not moved.
fn set_branch(repo: &Repo, id: &AgentId, agent: &Agent, start: Oid) -> Result<()> {
    let name = layout::branch_ref(&agent.branch);
    let old = repo.find_ref(&name)?;
    if let Some(old) = old {
        if repo.contains(old, start)? {
            return Ok(());
        }
        if !repo.contains(start, old)? {
            let branch = text::safe(&agent.branch);
            let what = format!(
                "branch {branch} already exists here, with commits that the agent's work does not have"
            );
            return Err(Error::new(Code::BranchDiffers, what).hint_command(&[
                &"git",
                &"branch",
                &"-m",
                &"--",
                &agent.branch,
                &"ANOTHER-NAME",
            ]));
        }
        // Any checkout counts, not only the agent's worktree.
        let checkout = repo.checkouts_of(&name)?.into_iter().next().map(|checkout| checkout.path);
        let worktree = list::worktree_of_agent(repo, id, &agent.branch)?.filter(Worktree::exists);
        let worktree = worktree.map(|worktree| worktree.path);
        if let Some(folder) = checkout.or(worktree) {
            let place = folder.display().to_string();
            return Err(Error::new(
                Code::BranchCheckedOut,
                format!("'{place}' has the branch of '{id}' checked out, at an older commit than its work"),
            )
            .hint_command(&[&"git", &"-C", &folder, &"merge", &"--ff-only", &start.to_string()]));
        }
    }
    Ok(repo.edit_refs(&[RefEdit { name, old, new: start }], "orchestra: taken over")?)
}

/// Restores the session into the folder in which its program looks for it.
fn restore_session(repo: &Repo, id: &AgentId, agent: &Agent, worktree: &Path) -> Result<()> {
    let Some(session) = &agent.session else { return Ok(()) };
    let Some(files) = agents::session_files(&agent.profile) else { return Ok(()) };
    if files.transcript(repo.environment(), session).is_some() {
        return Ok(());
    }
    let Some(kept) = newest_extra(repo, "transcripts", id)? else { return Ok(()) };
    let Some(kept) = transcripts::read(repo, kept)?.filter(|kept| *kept.about.id == **session) else {
        return Ok(());
    };
    let blob = transcripts::transcript(repo, &kept)?;
    if repo.blob_size(blob).is_none_or(|size| size > MAX_TRANSCRIPT_BYTES) {
        return Ok(());
    }
    files.restore(repo.environment(), session, worktree, &repo.read_blob(blob)?)
}

/// Claims the agent at the remotes that have it: each accepts only the first clone that resumes the agent. Returns a warning for
/// the user if no remote could decide.
///
/// # Errors
/// Another clone was faster (4); then nothing has changed in this one.
pub(super) fn claim_at_remotes(
    context: &Context,
    repo: &Repo,
    id: &AgentId,
    before: Oid,
) -> Result<Option<String>> {
    let claim = Claim {
        name: layout::agent_ref(id),
        shown: format!("'{id}'"),
        both: "if another clone resumes it too, the work of both is kept".to_owned(),
        again: "git orchestra sync, then git orchestra status".to_owned(),
    };
    claim_log(context, repo, &claim, before)
}

/// What a clone claims at the remotes, and how that is said.
pub(in crate::ops) struct Claim {
    /// The name of the ref of its log.
    pub(in crate::ops) name: String,
    /// What it is called in a sentence.
    pub(in crate::ops) shown: String,
    /// What happens if another clone does the same.
    pub(in crate::ops) both: String,
    /// What to type if another clone was faster.
    pub(in crate::ops) again: String,
}

/// Claims the subject of a log, whose newest event says so, at the remotes that have it: each accepts only the first clone. `before` is
/// the tip of the log before that event. Returns a warning for the user if no remote could decide.
///
/// # Errors
/// Another clone was faster (4); then the log is as it was before.
pub(in crate::ops) fn claim_log(
    context: &Context,
    repo: &Repo,
    claim: &Claim,
    before: Oid,
) -> Result<Option<String>> {
    let Claim { name, shown, both, again } = claim;
    let Some(now) = repo.find_ref(name)? else { return Ok(None) };
    let below = name.strip_prefix(layout::SHARED).unwrap_or(name);
    let mut warning = Some(format!("no remote has {shown}, as far as is known here: {both}"));
    for remote in repo.remotes() {
        let remote = Remote::choose(repo, Some(&remote), Path::new("/"))?;
        if repo.find_ref(&format!("{}{below}", layout::tracking(&remote.name)))?.is_none() {
            continue;
        }
        if !remote.urls(repo).is_ok_and(|urls| consent::find(repo, &urls).is_some()) {
            let address = text::safe(&remote.address);
            warning = Some(format!(
                "{address} has {shown} and does not learn that it runs here, because nothing was sent there from this clone \
                 yet ('git orchestra sync' asks): {both}"
            ));
            continue;
        }
        let push = [RefPush { name: name.clone(), new: Some(now), rule: PushRule::FastForwardOnly }];
        let checked = RemoteTips::ask(context, repo, &remote, RemoteOptions::default()).and_then(|known| {
            secrets::check(repo, &push, &known, &HashSet::new()).map(|checked| checked.held.is_empty())
        });
        if checked.as_ref().is_ok_and(|clean| !clean) {
            continue;
        }
        let pushed =
            checked.and_then(|_| repo.push(context, &remote.address, &push, RemoteOptions::default()));
        match pushed {
            Ok(rejected) if rejected.is_empty() => warning = None,
            Ok(_) => {
                repo.edit_refs(
                    &[RefEdit { name: name.clone(), old: Some(now), new: before }],
                    "orchestra: not taken over",
                )?;
                let address = text::safe(&remote.address);
                return Err(Error::new(
                    Code::RemoteChanged,
                    format!("'{address}' has newer events of {shown}: another clone may have been faster"),
                )
                .hint(again));
            }
            Err(error) => {
                let why = error.one_line();
                warning = Some(format!("{why}; {both}"));
            }
        }
    }
    Ok(warning)
}
