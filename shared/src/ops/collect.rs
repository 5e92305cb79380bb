//! `collect`: saves the current work of agents, and summarizes the agents.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use crate::store::layout::SHARED as SHARED_REFS;
use crate::{
    Code, Error, Kind, Result, agents,
    config::{Config, keys::DISPOSABLE_DIRS},
    context::{Context, Event},
    git::{Repo, command, worktrees::WorktreePlace},
    lock::Lock,
    model::{
        Agent, AgentId, Fact, IdOrText, Liveness, Team, canonical,
        event::{self, LeftOut},
        fold,
    },
    ops::{
        agent_checkout::{AgentCheckout, missing_worktree},
        agent_object::AgentObject,
        repairing, role_changes, selection, status,
    },
    removal::contents,
    store::{
        self, AgentLog, Listing, Unreadable, append_if,
        layout::{self, PrivateDir},
        notes, unreadable, writer,
    },
    supervise::{
        ending,
        helper::{self, HelperTask},
        repair,
    },
    sync::log_notes,
    worktree::{
        capture::{self, CapturePlace, CapturedWork},
        private_git_dir::PrivateGitDir,
        unchanged,
        unfinished::Unfinished,
    },
};

/// The most ignored files that are named.
const MAX_IGNORED: usize = 20;

/// The agents whose work to save, and whether to write a bundle.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id or unique prefix; if empty, all of this clone.
    pub agents: Vec<String>,
    /// The bundle file to write the agents to, for `git fetch`.
    pub bundle: Option<PathBuf>,
}

/// The agents, and what was saved of each.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The agents, in the order of their ids.
    pub agents: Vec<CollectedAgent>,
    /// The bundle file that was written.
    pub bundle: Option<PathBuf>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Agents that were skipped because they cannot be read, and work that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// The code of the first error, if something could not be saved; it decides the exit code.
    #[serde(skip)]
    pub failed: Option<Code>,
}

/// What `collect` saved for an agent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectOutcome {
    /// It has not ended; a snapshot of its worktree is in `refs/orchestra-local/snapshots/<id>`.
    Snapshot,
    /// Changes since its end were captured into its head.
    Taken,
    /// There was nothing to save: its head is up to date.
    Nothing,
    /// Its worktree is missing; its head has what was saved before.
    WorktreeGone,
    /// It belongs to another clone, or its supervisor died; `resume` and `stop` save its work.
    NotOurs,
    /// The contents of its worktree could not be saved.
    Failed,
}

/// An agent, and what was saved for it.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct CollectedAgent {
    /// What was saved.
    pub saved: CollectOutcome,
    /// Why its work could not be saved.
    pub failure: Option<String>,
    /// The error code, if its work could not be saved.
    pub code: Option<Code>,
    /// Files that were not captured and are in its worktree only.
    pub not_taken: Vec<LeftOut>,
    /// Ignored files and folders that are in its worktree only, without those that can be made again.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// The number of further ones.
    #[serde(default)]
    pub ignored_more: u64,
    /// The command to resume its session by hand, in its worktree.
    pub by_hand: Option<String>,
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentObject,
}

/// Saves the work of agents, and summarizes each agent.
///
/// # Errors
/// There is no such agent (3), or the bundle cannot be written. The user interrupts it (130): what was saved by then stays saved.
/// A failure to save the work of one agent is in its summary instead.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    let (ids, mut unreadable) = choose(repo, request)?;
    // Agents whose creation was interrupted have no work; they are removed first.
    let mut warnings = repairing::repair(context, repo, repair::OperationsLock::NotHeld)?;
    let mut agents = Vec::with_capacity(ids.len());
    let mut failed = None;
    let of = ids.len();
    for (done, id) in (1..).zip(&ids) {
        context.check()?;
        let (saved, failure) = match save(context, repo, id) {
            Ok(saved) => (saved, None),
            Err(error) if error.kind() == Kind::Interrupted => return Err(error),
            Err(error) => {
                failed = failed.or(Some(error.code));
                (CollectOutcome::Failed, Some(error))
            }
        };
        context.emit(&Event::WorkSaved { agent: id.clone(), done, of });
        let work = store::agent(repo, id).and_then(|agent| unreadable::work_of(repo, id, &agent));
        unreadable.extend(work.ok().flatten());
        match summary(repo, id, saved, failure) {
            Ok(summary) => agents.push(summary),
            Err(error) => warnings.push(format!("'{id}' cannot be read: {}", error.one_line())),
        }
    }
    if let Err(error) = write_notes(repo, &agents) {
        warnings.push(format!("no notes were written: {}", error.one_line()));
    }
    if let Some(file) = &request.bundle {
        bundle(repo, &ids, file)?;
    }
    Ok(Report { agents, bundle: request.bundle.clone(), warnings, unreadable, failed })
}

/// Returns the requested agents, and, if none is named, those that cannot be read.
fn choose(repo: &Repo, request: &Request) -> Result<(Vec<AgentId>, Vec<Unreadable>)> {
    let listing = Listing::of_names(repo, &request.agents)?;
    if request.agents.is_empty() {
        let (mut ids, mut unreadable) = (Vec::new(), listing.broken.clone());
        for row in &listing.rows {
            match listing.agent(repo, row) {
                Ok(agent) if listing.writer.as_deref() == Some(agent.writer.as_str()) => {
                    ids.push(row.id.clone());
                }
                Ok(_) => {}
                Err(error) => unreadable.push(Unreadable::agent(repo, &row.id, error.one_line())),
            }
        }
        return Ok((ids, unreadable));
    }
    Ok((selection::named(repo, &listing, &request.agents)?, Vec::new()))
}

fn save(context: &Context, repo: &Repo, id: &AgentId) -> Result<CollectOutcome> {
    match status::read_agent(repo, id)?.liveness {
        Liveness::Live => {
            helper::run_task(repo.environment(), &repo.common_dir()?, id, HelperTask::Snapshot)?;
            Ok(CollectOutcome::Snapshot)
        }
        Liveness::Ended => capture_again(context, repo, id),
        Liveness::Lost | Liveness::Remote => Ok(CollectOutcome::NotOurs),
    }
}

/// Captures what changed in the worktree since the agent ended, or what could not be captured at its end.
pub(super) fn capture_again(context: &Context, repo: &Repo, id: &AgentId) -> Result<CollectOutcome> {
    let dir = PrivateDir::new(repo.private_dir()?).agent(id);
    let Some(_lock) = Lock::take(&dir.lock(), context.at_most(context.limits().agent_lock))? else {
        return Ok(CollectOutcome::Nothing);
    };
    let captured = capture_under_lock(repo, id);
    dir.remove_unless_it_holds_output();
    captured
}

fn capture_under_lock(repo: &Repo, id: &AgentId) -> Result<CollectOutcome> {
    let agent = store::agent(repo, id)?;
    if !agent.phase.is_at_rest() {
        return Ok(CollectOutcome::Nothing);
    }
    // A head ref that cannot be resolved cannot be moved. Any other damage is repaired by capturing the work again.
    if repo.find_ref(&layout::head_ref(id)).is_err()
        && let Some(broken) = unreadable::work_of(repo, id, &agent)?
    {
        return Err(broken.error());
    }
    let Some(checkout) = AgentCheckout::of(repo, id, &agent)? else {
        return match &agent.unsaved {
            Some(why) => {
                Err(missing_worktree(repo, id, &agent.branch)?.because(format!("at its end: {why}")))
            }
            None => Ok(CollectOutcome::WorktreeGone),
        };
    };
    let base =
        agent.base.commit().ok_or_else(|| Error::internal(format!("'{}' is not a commit", agent.base)))?;
    let task = checkout.task(id, &agent, base);
    let known = agent.head_commit().filter(|_| agent.unsaved.is_none() && agent.unfinished.is_none());
    let git = PrivateGitDir::of(&repo.common_dir()?, id);
    let side = git.import(repo, &agent.branch, &checkout.worktree.path)?;
    let place = CapturePlace { agent_side: side.as_ref(), ..checkout.place(&checkout.isolated) };
    if side.is_none() && known.is_some_and(|head| unchanged::has_only(repo, &task, &place, head)) {
        return Ok(CollectOutcome::Nothing);
    }
    let repo = &repo.with_identity(checkout.identity.as_ref());
    let mut captured = capture::capture_work(repo, &task, &place)?;
    // At the end they could not be taken back.
    let reader = agent.team.as_ref().and_then(Team::reader).filter(|_| agent.unsaved.is_some());
    if let Some((_, begun)) = reader.filter(|(_, begun)| captured.head.commit() != Some(*begun)) {
        role_changes::take_back(repo, id)?;
        let side = git.import(repo, &agent.branch, &checkout.worktree.path)?;
        let place = CapturePlace { agent_side: side.as_ref(), ..checkout.place(&checkout.isolated) };
        captured = capture::capture_work(repo, &task, &place)?;
        if captured.head.commit() != Some(begun) {
            return Err(Error::new(Code::WorkUnusable, "its files changed meanwhile"));
        }
    }
    let unfinished = captured.unfinished.as_ref().map(Unfinished::sentence);
    let is_known = agent.head.as_ref() == Some(&captured.head) && agent.unfinished == unfinished;
    if is_known && agent.unsaved.is_none() {
        return Ok(CollectOutcome::Nothing);
    }
    let by = writer::writer(repo)?;
    append_if(repo, id, |fold| {
        let fact = Fact::Collected(collected_event(&fold.agent, &captured));
        let is_news = fold.agent.phase.is_at_rest() && fold::is_worth_recording(&fold.agent, &fact, &by);
        is_news.then(|| vec![fact])
    })?;
    Ok(CollectOutcome::Taken)
}

fn collected_event(agent: &Agent, captured: &CapturedWork) -> event::Collected {
    // The reason for the end said that nothing was saved.
    let is_saved_now = agent.unsaved.is_some() && agent.phase.is_terminal();
    let once_saved = agent.reason.as_deref().filter(|_| is_saved_now).map(ending::reason_once_saved);
    event::Collected {
        attempt: agent.attempt,
        head: captured.head.clone(),
        work: captured.work.clone(),
        unfinished: captured.unfinished.as_ref().map(Unfinished::sentence),
        phase: once_saved.as_ref().map(|_| agent.phase),
        reason: once_saved,
        session: None,
        started_with: None,
    }
}

fn summary(
    repo: &Repo,
    id: &AgentId,
    saved: CollectOutcome,
    failure: Option<Error>,
) -> Result<CollectedAgent> {
    let mut agent = status::read_agent(repo, id)?;
    let worktree = crate::worktree::list::worktree_of_agent(repo, id, &agent.branch)?;
    let worktree = worktree.filter(|found| found.place != WorktreePlace::Foreign);
    agent.worktree = worktree.map(|found| found.path.to_string_lossy().into_owned());
    let not_taken = AgentLog::of(repo, id)?.fold.left_out;
    let by_hand =
        agent.session.as_deref().and_then(|session| agents::manual_resume_command(&agent.profile, session));
    let (code, failure) = failure.map(|error| (error.code, error.one_line())).unzip();
    // A list that cannot be made must not hide the rest.
    let mut ignored = ignored(repo, id, &agent).unwrap_or_default();
    let ignored_more = ignored.len().saturating_sub(MAX_IGNORED) as u64;
    ignored.truncate(MAX_IGNORED);
    Ok(CollectedAgent { saved, failure, code, not_taken, ignored, ignored_more, by_hand, agent })
}

/// Returns the ignored files that an agent that has ended left in its worktree only.
fn ignored(repo: &Repo, id: &AgentId, object: &AgentObject) -> Result<Vec<String>> {
    let (agent, tip) = (store::agent(repo, id)?, object.head.as_ref().and_then(IdOrText::commit));
    let ended = tip.filter(|_| object.liveness == Liveness::Ended);
    let Some((tip, checkout)) = ended.zip(AgentCheckout::of(repo, id, &agent)?) else {
        return Ok(Vec::new());
    };
    let derived = Config::of(repo).get_or_default(&DISPOSABLE_DIRS);
    let found = contents::find_ignored(repo, &checkout.place(&checkout.isolated), tip, &derived)?;
    Ok(found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect())
}

/// Writes a note with the result on the head of every ended agent that has commits.
fn write_notes(repo: &Repo, agents: &[CollectedAgent]) -> Result<()> {
    let mut all = Vec::new();
    for summary in agents.iter().filter(|summary| summary.agent.liveness == Liveness::Ended) {
        let agent = &summary.agent;
        let head = agent.head.as_ref().and_then(IdOrText::commit).filter(|_| agent.commits.unwrap_or(0) > 0);
        let note = json!({
            "v": 1, "t": "result", "agent": agent.id, "task": agent.title, "phase": agent.phase.as_str(),
            "reason": agent.reason, "attempt": agent.attempt, "commits": agent.commits,
            "files": agent.files_changed, "cost_micros": agent.cost_micros(), "session": agent.session,
        });
        if let (Some(head), Some(line)) = (head, canonical::write(&note)) {
            all.push((head, format!("{line}\n")));
        }
    }
    notes::write(repo, layout::RESULTS, "results", &all)?;
    log_notes::refresh(repo)
}

/// Writes the events and the work of agents, without the history before their bases.
fn bundle(repo: &Repo, ids: &[AgentId], file: &std::path::Path) -> Result<()> {
    let mut arguments: Vec<String> = Vec::new();
    for id in ids {
        for name in [layout::agent_ref(id), layout::head_ref(id)] {
            if repo.find_ref(&name)?.is_some() {
                arguments.push(name);
            }
        }
        if let Ok(agent) = store::agent(repo, id) {
            arguments.extend(agent.base.commit().map(|base| format!("^{base}")));
        }
    }
    if arguments.is_empty() {
        return Err(Error::refused("no agent to write into a bundle"));
    }
    let git = repo.git("bundle")?.args(["create", "--quiet"]).arg(file).args(arguments);
    git.limit(command::LONG_LIMIT).run().map(|_| ()).map_err(|error| {
        Error::new(Code::GitFailed, format!("cannot write the bundle '{}'", file.display()))
            .because(error.one_line())
    })
}
