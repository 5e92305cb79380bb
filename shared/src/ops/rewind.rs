//! `rewind`: takes an agent back to a point of its life: the files of its worktree, its branch, and its conversation.

mod onto;
mod reversal;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use self::{
    onto::{NewGround, PreparedMove, prepare_move},
    reversal::{lock_agent_of, record_undo},
};
pub use crate::store::points::PointKind;
use crate::{
    Code, Error, Result, agents,
    context::Context,
    git::{
        Oid, Repo,
        objects::Commit,
        worktrees::{Worktree, WorktreeHead},
    },
    landing::finish::{self, BranchMove, TargetMove},
    lock::Lock,
    model::{
        Agent, AgentId, CommitId, Fact, IdOrText, Liveness, Phase, SessionId, dependency::StartedWith,
        event::Collected,
    },
    ops::{
        agent_checkout::{AgentCheckout, missing_worktree},
        caller::Caller,
        collect, move_modes, named, status,
    },
    store::{
        self, append,
        layout::{self, AgentDir, PrivateDir},
        operations::{self, Change, Journal, OperationBody, Stage},
        points::{self, Point},
    },
    supervise::{attachment, points as agent_points, spec::Spec},
    trust::AcceptedRepo,
    worktree::{capture, unfinished::Unfinished},
    world::Timestamp,
};

/// The file of an operation with how the agent was before and after.
const STATES: &str = "rewind.json";

/// The agent to rewind, and the point.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The agent, by id or unique prefix.
    pub agent: String,
    /// The number of the point; without one, the points are only listed.
    #[serde(default)]
    pub to: Option<u32>,
}

/// The points of an agent, and what was done.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "RewindReport")]
pub struct Report {
    /// The id of the agent.
    pub agent: AgentId,
    /// Its points, oldest first.
    pub points: Vec<ListedPoint>,
    /// What was done, if a point was named.
    pub rewound: Option<Rewound>,
}

/// A point to which an agent can be rewound.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ListedPoint {
    /// Its number.
    pub number: u32,
    /// When it was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// What it was made for.
    pub kind: PointKind,
    /// The number of files that differ from the point before; from the base, for the first that is listed.
    pub files_changed: Option<u64>,
    /// What the agent had said last, or was doing, on one line.
    pub about: Option<String>,
}

/// What a rewind did.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Rewound {
    /// The number of the point.
    pub to: u32,
    /// The id of the operation, by which `undo` reverts it.
    pub operation: String,
    /// The commit that holds its work now.
    pub head: CommitId,
    /// The session that it continues; `None`: the next attempt begins a new one.
    pub session: Option<SessionId>,
    /// Whether it was in a session before.
    pub had_session: bool,
    /// The program of the agent.
    pub profile: String,
}

/// How an agent was before a rewind, and after it.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct States {
    agent: AgentId,
    before: State,
    after: State,
}

/// What a rewind changes of an agent, beside its work.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct State {
    phase: Phase,
    reason: Option<String>,
    session: Option<SessionId>,
    /// The work of others that it is on top of, if that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_with: Option<StartedWith>,
}

/// Lists the points of an agent, and returns it to one if the request names one. The state before is saved as a point, and in the
/// journal. If the command is killed, `undo` restores the agent, and another rewind finishes it; until then, the agent's record of its
/// work may be older than its branch.
///
/// # Errors
/// There is no such agent or point, the agent runs or belongs to another clone, or its worktree is missing, on another branch or
/// cannot be changed (3).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let id = named::find_id(repo, &request.agent)?;
    let rewound = request.to.map(|to| rewind(context, repo, &id, to)).transpose()?;
    Ok(Report { points: list(repo, &id)?, rewound, agent: id })
}

fn list(repo: &Repo, id: &AgentId) -> Result<Vec<ListedPoint>> {
    let mut before = store::any_agent(repo, id)?.base.commit().and_then(|base| repo.tree_of(base).ok());
    let mut listed = Vec::new();
    for point in points::read(repo, id)? {
        let files = repo.paths_between(before, Some(point.tree)).ok().map(|paths| paths.len() as u64);
        before = Some(point.tree);
        let Point { number, at, kind, about, .. } = point;
        listed.push(ListedPoint { number, at, kind, files_changed: files, about });
    }
    Ok(listed)
}

fn rewind(context: &Context, repo: &AcceptedRepo, id: &AgentId, to: u32) -> Result<Rewound> {
    Caller::of(repo).check_directs(repo, std::slice::from_ref(id))?;
    repo.identity()?;
    require_rest(repo, id)?;
    // Another rewind may have been killed while it moved the files.
    finish::recover(repo)?;
    // What was changed since its end is saved first.
    collect::capture_again(context, repo, id)?;
    let lock = lock_agent(context, repo, id)?;
    let agent = store::agent(repo, id)?;
    let known = points::read(repo, id)?;
    let point = known.iter().find(|point| point.number == to).ok_or_else(|| {
        Error::new(Code::PointUnknown, format!("agent '{id}' has no point {to}"))
            .hint(format!("git orchestra rewind {id} lists its points"))
    })?;
    let Some(checkout) = AgentCheckout::of(repo, id, &agent)? else {
        return Err(missing_worktree(repo, id, &agent.branch)?);
    };
    let old = work_on_branch(repo, id, &agent, &checkout.worktree)?;
    let spec = Spec::last(repo, id, &lock.dir);
    if let Some(spec) = &spec {
        let about = Some(format!("before it was rewound to point {to}"));
        agent_points::add(repo, id, spec, PointKind::Rewind, (repo.tree_of(old)?, old), about)?;
    }
    let new = commit_of(repo, id, point)?;
    let session = match (&point.session, point.transcript_bytes) {
        (Some(session), Some(length)) => {
            let files = agents::session_files(&agent.profile);
            let environment = spec.as_ref().map_or_else(
                || repo.environment().clone(),
                |spec| spec.program_environment(repo.environment(), id),
            );
            let folder = checkout.worktree.path;
            files.map_or(Ok(None), |files| files.cut(&environment, session, &folder, length))?
        }
        _ => None,
    };
    let states = States {
        agent: id.clone(),
        before: State {
            phase: agent.phase,
            reason: agent.reason.clone(),
            session: agent.session.clone(),
            started_with: None,
        },
        after: State {
            phase: Phase::Paused,
            reason: Some(format!("rewound to point {to}")),
            session: session.clone(),
            started_with: None,
        },
    };
    context.check()?;
    let change = Change { branch: agent.branch.to_string(), old, new };
    let operation =
        carry_out(context, repo, &states, &change, &format!("{id} to point {to}"), "orchestra rewind")?;
    record(repo, id, &states.after)?;
    let had_session = agent.session.is_some();
    Ok(Rewound { to, operation, head: new, session, had_session, profile: agent.profile })
}

/// Refuses an agent that has not ended, or that another clone owns.
fn require_rest(repo: &Repo, id: &AgentId) -> Result<()> {
    match status::read_agent(repo, id)?.liveness {
        Liveness::Ended => Ok(()),
        Liveness::Live => Err(Error::new(Code::AgentRunning, format!("agent '{id}' has not ended"))
            .hint(format!("git orchestra pause {id}"))),
        Liveness::Lost => Err(Error::new(Code::AgentRunning, format!("the supervisor of '{id}' died"))
            .hint(format!("git orchestra stop {id} saves its work"))),
        Liveness::Remote => {
            Err(Error::new(Code::AgentOfAnotherClone, format!("'{id}' belongs to another clone")))
        }
    }
}

/// The lock of an agent that has ended. Its private folder, which exists for the lock alone, is removed with it.
pub(super) struct AgentLock {
    dir: AgentDir,
    _lock: Lock,
}

impl Drop for AgentLock {
    fn drop(&mut self) {
        self.dir.remove_unless_it_holds_output();
    }
}

/// Takes the lock of an agent, so that it is not resumed meanwhile.
fn lock_agent(context: &Context, repo: &Repo, id: &AgentId) -> Result<AgentLock> {
    let private = PrivateDir::new(repo.private_dir()?);
    let dir = private.agent(id);
    if let Some(pid) = attachment::process_of(&private, id) {
        return Err(attachment::refusal(id, pid));
    }
    let lock = Lock::take(&dir.lock(), context.at_most(context.limits().agent_lock))?.ok_or_else(|| {
        Error::new(Code::AgentRunning, format!("agent '{id}' is running"))
            .hint(format!("git orchestra pause {id}"))
    })?;
    Ok(AgentLock { dir, _lock: lock })
}

/// Returns the commit with all work of an agent, which its branch must point to.
fn work_on_branch(repo: &Repo, id: &AgentId, agent: &Agent, worktree: &Worktree) -> Result<Oid> {
    let branch = layout::branch_ref(&agent.branch);
    let tip = repo.find_ref(&branch)?;
    if worktree.head() != WorktreeHead::Branch(branch) {
        return Err(Error::new(Code::BranchDiffers, format!("the worktree of '{id}' is not on its branch"))
            .hint_command(&[&"git", &"-C", &worktree.path, &"switch", &agent.branch]));
    }
    match (tip, repo.find_ref(&layout::head_ref(id))?) {
        (Some(tip), Some(head)) if tip == head && agent.unfinished.is_none() => Ok(tip),
        _ => Err(Error::new(Code::BranchDiffers, format!("not all work of '{id}' is on its branch"))
            .hint(format!("git orchestra status {id} says what is unfinished"))),
    }
}

/// Returns the commit with the files of a point: the one that was checked out, or a new one on top of it.
fn commit_of(repo: &Repo, id: &AgentId, point: &Point) -> Result<Oid> {
    if repo.tree_of(point.head)? == point.tree {
        return Ok(point.head);
    }
    let message = format!(
        "Rewind to point {}\n\nLeft uncommitted by agent {id} at that time.\n\nOrchestra-Agent: {id}\n",
        point.number
    );
    let (identity, at) = (repo.identity()?, repo.now().as_second());
    repo.write_commit(&Commit::by(&identity, at, point.tree, vec![point.head], message))
}

/// Moves the branch and the files of the worktree, and records it in the journal. Returns the id of the operation.
fn carry_out(
    context: &Context,
    repo: &Repo,
    states: &States,
    change: &Change,
    summary: &str,
    why: &str,
) -> Result<String> {
    let mut journal = {
        let _journal = operations::lock_within(repo, context.at_most(context.limits().journal_lock))?;
        let mut journal = Journal::new(repo, OperationBody::Rewind(vec![change.clone()]))?;
        journal.operation.summary = summary.to_owned();
        let bytes = serde_json::to_vec(states).map_err(|error| Error::internal(error.to_string()))?;
        journal.put(repo, STATES, &bytes)?;
        move_modes::keep(repo, &mut journal, std::slice::from_ref(change))?;
        journal.write(repo, &[])?;
        journal
    };
    let wanted = BranchMove { branch: &change.branch, old: change.old, new: change.new, why };
    let moved = match finish::move_branch(repo, wanted) {
        Ok(TargetMove::Moved | TargetMove::Unchanged) => Ok(()),
        Ok(TargetMove::Elsewhere(_)) => {
            Err(Error::new(Code::BranchMoved, format!("branch {} moved meanwhile", change.branch)))
        }
        Ok(TargetMove::Blocked(blocked)) => {
            Err(blocked.hints.into_iter().fold(Error::new(Code::CheckoutBlocked, blocked.why), Error::hint))
        }
        Err(error) => Err(error),
    };
    journal.operation.stage = if moved.is_ok() { Stage::Done } else { Stage::Aborted };
    journal.write(repo, &[])?;
    moved.map(|()| journal.operation.id)
}

/// Records the work and the state of an agent after its branch was moved. The caller holds its lock.
fn record(repo: &Repo, id: &AgentId, state: &State) -> Result<()> {
    let agent = store::agent(repo, id)?;
    let checkout = AgentCheckout::of(repo, id, &agent)?;
    let ground = state.started_with.as_ref().map_or(&agent.base, |started| &started.base);
    let base = ground.commit();
    let (Some(checkout), Some(base)) = (checkout, base) else {
        return Err(missing_worktree(repo, id, &agent.branch)?);
    };
    let identified = repo.with_identity(checkout.identity.as_ref());
    let task = checkout.task(id, &agent, base);
    // The files are those of the branch, except what was never captured: a point may lack the file that made git ignore it.
    let captured = capture::capture_branch(&identified, &task, &checkout.isolated, "")?;
    let head: IdOrText<CommitId> = captured.head.clone();
    let fact = Fact::Collected(Collected {
        attempt: agent.attempt,
        head,
        work: captured.work,
        unfinished: captured.unfinished.as_ref().map(Unfinished::sentence),
        phase: Some(state.phase),
        reason: state.reason.clone(),
        session: Some(state.session.clone().unwrap_or_else(|| SessionId::from(""))),
        started_with: state.started_with.clone(),
    });
    append(repo, id, &[fact]).map(drop)
}
