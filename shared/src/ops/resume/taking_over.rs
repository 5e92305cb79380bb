//! Going on with an agent of another clone: its branch, what its last snapshot held, and its conversation are put where this
//! clone looks for them.

use std::path::Path;

use super::TakeOver;
use crate::{
    Code, Error, Result, agents,
    config::{Config, keys::BRANCH_PREFIX},
    git::{
        Oid, Repo,
        refs::RefEdit,
        remotes::{Push, PushRule, RemoteOptions},
    },
    model::{Agent, AgentId, text},
    store::{layout, sound, transcripts, unreadable},
    sync::{RefSnapshot, Remote, consent, remote_tips::RemoteTips, secrets},
    worktree::list,
};

/// Largest conversation that is put back.
const LARGEST: u64 = 1 << 30;

/// Puts everything in place, so that it goes on as an agent of this clone would. Changes nothing of what is there.
///
/// # Errors
/// It runs elsewhere, as far as is known here, or what it stands on is not here (3).
pub(super) fn prepare(
    repo: &Repo,
    id: &AgentId,
    agent: &Agent,
    how: TakeOver,
    worktree: &Path,
) -> Result<()> {
    may(repo, id, agent, how)?;
    let head = unreadable::named_tip(repo, id, agent)?.filter(|head| repo.has_commit(*head));
    let head = head.ok_or_else(|| not_here(id, "the commit that holds its work"))?;
    if agent.base.commit().is_none_or(|base| !repo.has_commit(base)) {
        return Err(not_here(id, "the commit it started from"));
    }
    let kept = bring_snapshot(repo, id)?;
    let stood =
        kept.map(|kept| repo.read_commit(kept)).transpose()?.and_then(|kept| kept.parents.first().copied());
    let start = match stood {
        // Its machine died before it said what it had committed.
        Some(stood) if repo.contains(stood, head)? => stood,
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
    stand_on(repo, id, agent, start)?;
    bring_conversation(repo, id, agent, worktree)
}

/// Whether it may be taken over at all.
///
/// # Errors
/// The request does not allow it, or its branch is not called as ours are (3).
pub(super) fn may(repo: &Repo, id: &AgentId, agent: &Agent, how: TakeOver) -> Result<()> {
    let clone = agent.label.as_deref().unwrap_or(&agent.writer);
    let allowed = how == TakeOver::Always || how == TakeOver::AtRest && agent.phase.is_at_rest();
    if !allowed {
        let error =
            Error::new(Code::AgentOfAnotherClone, format!("agent '{id}' belongs to another clone, {clone}"));
        if how == TakeOver::Never {
            return Err(error);
        }
        return Err(error
            .because(format!("it is {} there, as far as is known here", agent.phase.as_str()))
            .hint(format!("git orchestra stop {id}, and a sync at both ends"))
            .hint(format!("git orchestra resume --take-over {id}, if that machine is gone")));
    }
    // A branch named by strangers is not checked out, unless it is the one that we would have given.
    let ours = format!("{}{id}", Config::of(repo).get(&BRANCH_PREFIX)?);
    if *agent.branch == *ours {
        return Ok(());
    }
    let theirs = text::safe(&agent.branch);
    Err(Error::new(
        Code::BranchDiffers,
        format!("the branch of '{id}' is called '{theirs}', here it would be '{ours}'"),
    )
    .hint(format!("git config {} sets what branches of agents begin with", BRANCH_PREFIX.name())))
}

fn not_here(id: &AgentId, what: &str) -> Error {
    Error::new(Code::WorkMissing, format!("{what} is not here: '{id}' cannot go on"))
        .hint("git orchestra sync")
}

/// The newest snapshot that travelled here, as if it had been taken here.
fn bring_snapshot(repo: &Repo, id: &AgentId) -> Result<Option<Oid>> {
    let Some(kept) = travelled(repo, "snapshots", id)? else { return Ok(None) };
    let name = layout::snapshot_ref(id);
    let old = repo.find_ref(&name)?;
    if old != Some(kept) {
        repo.edit_refs(&[RefEdit { name, old, new: kept }], "orchestra: taken over")?;
    }
    Ok(Some(kept))
}

/// What came with `sync --with`, from whichever remote; of several the newest.
fn travelled(repo: &Repo, kind: &str, id: &AgentId) -> Result<Option<Oid>> {
    let ending = format!("/{kind}/{id}");
    let all = repo.refs_below(layout::EXTRAS)?.into_iter().filter(|(name, _)| name.ends_with(&ending));
    Ok(all.map(|(_, tip)| tip).filter(|tip| repo.has_commit(*tip)).max_by_key(|tip| repo.commit_time(*tip)))
}

/// The branch, at the work. One that is checked out here is not moved under its files.
fn stand_on(repo: &Repo, id: &AgentId, agent: &Agent, start: Oid) -> Result<()> {
    let name = layout::branch_ref(&agent.branch);
    let old = repo.find_ref(&name)?;
    if let Some(old) = old {
        if repo.contains(old, start)? {
            return Ok(());
        }
        if !repo.contains(start, old)? {
            let branch = text::safe(&agent.branch);
            let what = format!("branch {branch} is here already, with commits that the agent's work has not");
            return Err(Error::new(Code::BranchDiffers, what).hint_command(&[
                &"git",
                &"branch",
                &"-m",
                &"--",
                &agent.branch,
                &"ANOTHER-NAME",
            ]));
        }
        // Also where it is not the agent's worktree that is on it.
        let checkout = repo.checkouts_of(&name)?.into_iter().next().map(|checkout| checkout.path);
        let worktree = list::of_agent(repo, id, &agent.branch)?.map(|worktree| worktree.path);
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

/// The conversation, in the folder in which its program looks for it.
fn bring_conversation(repo: &Repo, id: &AgentId, agent: &Agent, worktree: &Path) -> Result<()> {
    let Some(session) = &agent.session else { return Ok(()) };
    let Some(files) = agents::session_files(&agent.profile) else { return Ok(()) };
    if files.transcript(repo.environment(), session).is_some() {
        return Ok(());
    }
    let Some(kept) = travelled(repo, "transcripts", id)? else { return Ok(()) };
    let Some(kept) = transcripts::read(repo, kept)?.filter(|kept| *kept.about.id == **session) else {
        return Ok(());
    };
    let blob = transcripts::transcript(repo, &kept)?;
    if repo.blob_size(blob).is_none_or(|size| size > LARGEST) {
        return Ok(());
    }
    files.restore(repo.environment(), session, worktree, &repo.read_blob(blob)?)
}

/// Of several clones that go on with one agent, a remote decides: it takes the first that says so, and no other. Gives what the
/// user should know.
///
/// # Errors
/// Another clone was quicker (4); then it is as if nobody had tried here.
pub(super) fn arbitrate(repo: &Repo, id: &AgentId, before: Oid) -> Result<Option<String>> {
    let name = layout::agent_ref(id);
    let Some(now) = repo.find_ref(&name)? else { return Ok(None) };
    let both = "if another clone resumes it too, the work of both is kept";
    let mut alone = Some(format!("no remote has '{id}', as far as is known here: {both}"));
    for remote in repo.remotes() {
        let remote = Remote::choose(repo, Some(&remote), Path::new("/"))?;
        let theirs = RefSnapshot::read(repo, &layout::tracking(&remote.name))?;
        if !theirs.agents.contains_key(id) {
            continue;
        }
        if !remote.urls(repo).is_ok_and(|urls| consent::given(repo, &urls).is_some()) {
            let address = text::safe(&remote.address);
            alone = Some(format!(
                "{address} has '{id}' and is not told that it runs here, because nothing was sent there from this clone \
                 yet ('git orchestra sync' asks): {both}"
            ));
            continue;
        }
        let push = [Push { name: name.clone(), new: Some(now), rule: PushRule::FastForwardOnly }];
        let checked = RemoteTips::ask(repo, &remote, RemoteOptions::default())
            .and_then(|known| secrets::check(repo, &push, &known).map(|checked| checked.held.is_empty()));
        if checked.as_ref().is_ok_and(|clean| !clean) {
            continue;
        }
        let pushed =
            checked.and_then(|_| repo.push(&remote.address, &push, RemoteOptions::default(), &mut |_| {}));
        match pushed {
            Ok(rejected) if rejected.is_empty() => alone = None,
            Ok(_) => {
                repo.edit_refs(
                    &[RefEdit { name, old: Some(now), new: before }],
                    "orchestra: not taken over",
                )?;
                let address = text::safe(&remote.address);
                return Err(Error::new(
                    Code::RemoteChanged,
                    format!("'{address}' has news of '{id}': another clone goes on with it, perhaps"),
                )
                .hint("git orchestra sync, then git orchestra status"));
            }
            Err(error) => {
                let why = error.one_line();
                alone = Some(format!("{why}; if another clone goes on with '{id}' too, both are kept"));
            }
        }
    }
    Ok(alone)
}
