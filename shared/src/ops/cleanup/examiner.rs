//! Decides whether an agent may be removed. Every doubt is a reason to keep it.

use std::{cell::RefCell, path::PathBuf};

use super::{
    Request, merged_on_forge,
    targets::{self, IntegrationTarget},
};
use crate::{
    Code, Error, Kind, Result,
    config::{Config, keys::DISPOSABLE_DIRS},
    error::ErrorContext,
    git::{Oid, Repo, worktrees::Worktree},
    landing::{
        open_landings::{self, OpenLanding},
        reverted::{LandedWork, Reverted},
    },
    model::{Agent, AgentId, BranchName, IdOrText, Liveness, quote, text},
    ops::{agent_checkout::AgentCheckout, agent_object::AgentObject, status},
    removal::{
        checkouts::Checkouts,
        contents,
        inspect::{self, WorktreeCondition},
        integrated::{CandidateWork, Integration, Integrations, Search},
        processes_in::UsedPaths,
    },
    store::{Listing, layout, sound::SoundWork, unreadable},
    worktree::private_home::{MAX_UNASKED, PrivateHome},
};

/// The reason to remove an agent without work.
const NO_WORK: &str = "it has no work";

/// What to remove of an agent, and why it may be removed.
pub(super) struct Removable {
    pub(super) worktree: Option<Worktree>,
    pub(super) derived: Vec<PathBuf>,
    pub(super) why: String,
}

/// Why an agent is kept.
#[derive(Debug, Default)]
pub(super) struct NotRemovable {
    pub(super) why: String,
    pub(super) hints: Vec<String>,
    pub(super) held_by: Option<i32>,
    /// The error code, if something failed.
    pub(super) code: Option<Code>,
}

impl NotRemovable {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), ..Self::default() }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Keeps an agent because of an error.
    pub(super) fn because(mut error: Error) -> Self {
        let hints = std::mem::take(&mut error.hints);
        // A refusal, or an agent that cannot be understood, is a reason to keep the agent and not a failure of the command.
        let code = Some(error.code).filter(|code| !matches!(code.kind(), Kind::Refused | Kind::Internal));
        Self { why: error.one_line(), hints, held_by: None, code }
    }
}

/// Examines agents against one view of the machine and the branches.
pub(super) struct Examiner<'a> {
    repo: &'a Repo,
    request: &'a Request,
    targets: Vec<IntegrationTarget>,
    /// The branches of agents. Work that is only there is not integrated.
    agents: Vec<BranchName>,
    processes: UsedPaths,
    derived: Vec<String>,
    /// The landings that are running now.
    landings: Vec<OpenLanding>,
    checkouts: Checkouts,
    sound: RefCell<SoundWork<'a>>,
    /// How the work of the agents to examine is integrated.
    integrations: RefCell<Integrations>,
    /// The id of this clone.
    writer: Option<&'a str>,
}

impl<'a> Examiner<'a> {
    /// Reads the processes, the branches, the checkouts, and the running landings.
    ///
    /// # Errors
    /// The requested branch does not exist (3).
    pub(super) fn new(repo: &'a Repo, request: &'a Request, listing: &'a Listing) -> Result<Self> {
        let agents =
            listing.rows.iter().filter_map(|row| listing.agent(repo, row).ok()).map(|agent| agent.branch);
        let agents: Vec<BranchName> = agents.collect();
        let mut targets = targets::find(repo, request.into.as_deref())?;
        targets.retain(|target| request.into.is_some() || !agents.iter().any(|own| *own == *target.name));
        let derived = Config::of(repo).get_or_default(&DISPOSABLE_DIRS);
        let writer = listing.writer.as_deref();
        let landings = open_landings::running(repo)?;
        Ok(Self {
            repo,
            request,
            targets,
            agents,
            processes: UsedPaths::now(),
            derived,
            landings,
            checkouts: Checkouts::read(repo)?,
            sound: RefCell::new(SoundWork::read(repo)?),
            integrations: RefCell::default(),
            writer,
        })
    }

    /// Looks for the work of many agents in the branches, all at once. What is not found here, [`Examiner::look`] finds alone.
    ///
    /// # Errors
    /// The history cannot be read.
    pub(super) fn look_for_work<'b>(
        &self,
        agents: impl Iterator<Item = (&'b AgentObject, &'b Agent)>,
    ) -> Result<()> {
        let mut searches = Vec::new();
        self.repo.with_ancestry(|ancestry| {
            let user = self.repo.head().ok();
            for (object, agent) in agents {
                let is_kept = self.not_ended(&object.id, agent, object, false).is_some()
                    || self.ended_too_recently(agent).is_some();
                let Some(base) = agent.base.commit().filter(|_| !is_kept) else { continue };
                // An error is found again when the agent is examined.
                let Ok(Ok(tips)) = self.tips(&object.id, agent) else { continue };
                let Ok(targets) = self.targets_of(&object.id, agent) else { continue };
                for tip in tips {
                    if self.sound.borrow_mut().flaw_by(ancestry, tip, user).is_none() {
                        let work = candidate(agent, base, tip);
                        searches.extend(targets.iter().map(|target| Search { work, target: target.tip }));
                    }
                }
            }
            Ok(())
        })?;
        self.sound.borrow().remember();
        self.integrations.replace(Integrations::of(self.repo, &searches));
        Ok(())
    }

    /// Decides whether an agent may be removed.
    pub(super) fn look(
        &self,
        id: &AgentId,
        agent: &Agent,
        object: &AgentObject,
        discard: bool,
    ) -> Result<Result<Removable, NotRemovable>> {
        let kept = self.not_ended(id, agent, object, discard).or_else(|| self.used_by_landing(id, agent));
        let kept = kept.or_else(|| self.ended_too_recently(agent));
        let kept = kept.or_else(|| self.needed_by_run(agent).filter(|_| !discard));
        if let Some(kept) = kept.or_else(|| self.continues(id, agent).filter(|_| !discard)) {
            return Ok(Err(kept));
        }
        let worktree = match inspect::worktree_condition(self.repo, &self.checkouts, id, &agent.branch)? {
            WorktreeCondition::Doubtful(why) => return Ok(Err(NotRemovable::new(why))),
            WorktreeCondition::Worktree(worktree) => Some(worktree),
            WorktreeCondition::Missing => None,
        };
        // It may have been moved: the agent says where it should be.
        if let Some(why) = agent.unsaved.as_deref().filter(|_| worktree.is_none() && !discard) {
            let hint = format!("git orchestra cleanup --discard {id} removes it nevertheless");
            return Ok(Err(NotRemovable::new(text::one_line(why, 200)).hint(hint)));
        }
        if let Some(inside) = worktree.as_ref().and_then(|worktree| self.processes.first_in(&worktree.path)) {
            return Ok(Err(NotRemovable {
                held_by: Some(inside.pid),
                ..NotRemovable::new(inside.sentence())
            }));
        }
        if let Some(worktree) = &worktree
            && let Some(from) = inspect::moved_from(self.repo, id, worktree)?
        {
            let back = quote::command(&[&"git", &"worktree", &"move", &worktree.path, &from]);
            return Ok(Err(NotRemovable::new(format!(
                "its worktree was moved to '{}'",
                worktree.path.display()
            ))
            .hint(format!("{back} moves it back"))));
        }
        if let Some(why) = inspect::checked_out_elsewhere(&self.checkouts, worktree.as_ref(), &agent.branch) {
            return Ok(Err(NotRemovable::new(why)));
        }
        if let Some(worktree) = worktree.as_ref().filter(|_| !discard)
            && let Some(why) = inspect::unexpected_state(self.repo, worktree, &agent.branch)?
        {
            return Ok(Err(NotRemovable::new(why).hint(quote::command(&[&"cd", &worktree.path]))));
        }
        let elsewhere = if discard { Ok("discarded".to_owned()) } else { self.is_integrated(id, agent)? };
        let why = match elsewhere {
            Ok(why) => why,
            Err(kept) => return Ok(Err(kept)),
        };
        let beyond = self.beyond(id, agent, worktree.clone())?;
        if let Some(why) = beyond.sentence().filter(|_| !self.request.force && !discard) {
            return Ok(Err(NotRemovable::new(why).hint(format!("git orchestra cleanup --force {id}"))));
        }
        if let Some(why) = self.large_home(id)?.filter(|_| !self.request.force && !discard) {
            return Ok(Err(NotRemovable::new(why).hint(format!("git orchestra cleanup --force {id}"))));
        }
        Ok(Ok(Removable { worktree, derived: beyond.derived, why }))
    }

    fn not_ended(
        &self,
        id: &AgentId,
        agent: &Agent,
        object: &AgentObject,
        discard: bool,
    ) -> Option<NotRemovable> {
        let phase = agent.phase.as_str();
        if self.writer != Some(agent.writer.as_str()) {
            return Some(NotRemovable::new("it belongs to another clone"));
        }
        let kept = match object.liveness {
            Liveness::Remote => NotRemovable::new("it belongs to another clone"),
            Liveness::Live => NotRemovable {
                held_by: object.supervisor_pid,
                ..NotRemovable::new(format!("it has not ended: {phase}"))
            }
            .hint(format!("git orchestra stop {id}")),
            Liveness::Lost => {
                NotRemovable::new(format!("it has not ended: {phase}, but its supervisor died"))
                    .hint(format!("git orchestra stop {id}"))
            }
            Liveness::Ended if !agent.phase.is_terminal() && !discard => {
                NotRemovable::new(format!("it has not ended: {phase}"))
                    .hint(format!("git orchestra resume {id}"))
                    .hint(format!("git orchestra stop {id}"))
            }
            Liveness::Ended => return None,
        };
        Some(kept)
    }

    /// The conversation of a designer continues with its agent. It is removed if it is named, or an age is.
    fn continues(&self, id: &AgentId, agent: &Agent) -> Option<NotRemovable> {
        let is_asked_for = !self.request.agents.is_empty() || self.request.older_than.is_some();
        (agent.designer && agent.session.is_some() && !is_asked_for).then(|| {
            NotRemovable::new("its conversation can continue")
                .hint(format!("git orchestra designer --continue={id}"))
                .hint(format!("git orchestra cleanup {id}"))
        })
    }

    /// A run that has not recorded that the work of a task landed would start the task again.
    fn needed_by_run(&self, agent: &Agent) -> Option<NotRemovable> {
        let run = status::run_that_needs_agent(self.repo, &agent.tags)?;
        Some(
            NotRemovable::new("its run has not recorded yet how the task ended")
                .hint(format!("git orchestra run --continue {run}")),
        )
    }

    /// A running landing may ask the agent for a repair, and records in its events whether its work landed.
    fn used_by_landing(&self, id: &AgentId, agent: &Agent) -> Option<NotRemovable> {
        let landing = self.landings.iter().find(|landing| landing.uses(id, &agent.branch))?;
        let into = text::one_line(landing.into.as_deref().unwrap_or_default(), 100);
        Some(
            NotRemovable::new(format!("a landing into {into} is using it"))
                .hint("wait until that landing ends"),
        )
    }

    fn ended_too_recently(&self, agent: &Agent) -> Option<NotRemovable> {
        let least = i64::try_from(self.request.older_than?.as_secs()).ok()?;
        let ended = agent.ended_at.unwrap_or(agent.queued_at).as_second();
        (self.repo.now().as_second() - ended < least).then(|| NotRemovable::new("it ended too recently"))
    }

    /// Returns in which branch all its work is, its own branch as well as its captured work; or why it is kept.
    pub(super) fn is_integrated(&self, id: &AgentId, agent: &Agent) -> Result<Result<String, NotRemovable>> {
        let base = agent
            .base
            .commit()
            .ok_or_else(|| Error::internal(format!("'{id}' has no base: '{}'", agent.base)))?;
        let tips = match self.tips(id, agent)? {
            Ok(tips) => tips,
            Err(kept) => return Ok(Err(kept)),
        };
        let mut why = String::new();
        for tip in tips {
            if let Some(unsound) = self.sound.borrow_mut().flaw(tip, self.repo.head().ok()) {
                return Ok(Err(
                    NotRemovable::new(unsound.why).hint(format!("git orchestra cleanup --discard {id}"))
                ));
            }
            match self.find(id, agent, candidate(agent, base, tip))? {
                // If only the head has work, the branch has none; the finding about the head is the one to report.
                Ok(found) if why.is_empty() || why == NO_WORK => why = found,
                Ok(_) => {}
                Err((why, way_back)) => {
                    let lands = way_back.unwrap_or_else(|| format!("git orchestra merge-ranked {id}"));
                    let discards = format!("git orchestra cleanup --discard {id}");
                    return Ok(Err(NotRemovable::new(why).hint(lands).hint(discards)));
                }
            }
        }
        Ok(Ok(why))
    }

    /// Returns the commits that hold the agent's work, or why it is kept.
    fn tips(&self, id: &AgentId, agent: &Agent) -> Result<Result<Vec<Oid>, NotRemovable>> {
        if let Some(broken) = unreadable::work_of(self.repo, id, agent)? {
            let kept = NotRemovable::new(broken.sentence());
            return Ok(Err(broken.remedy.into_iter().fold(kept, NotRemovable::hint)));
        }
        let mut tips = Vec::new();
        for name in [layout::head_ref(id), layout::branch_ref(&agent.branch)] {
            tips.extend(self.repo.find_ref(&name)?.filter(|tip| !tips.contains(tip)));
        }
        // The head that its events name counts as well, whatever happened to the refs.
        if let Some(recorded_head) = agent.head_commit().filter(|recorded_head| !tips.contains(recorded_head))
        {
            if !self.repo.has_commit(recorded_head) {
                return Ok(Err(NotRemovable::new(format!(
                    "its work, {}, is not in this repository",
                    recorded_head.short()
                ))));
            }
            tips.push(recorded_head);
        }
        Ok(Ok(tips))
    }

    /// Returns the branches to search for the work of an agent.
    fn targets_of(&self, id: &AgentId, agent: &Agent) -> Result<Vec<IntegrationTarget>> {
        let mut targets = self.targets.clone();
        let landed = agent.landed_in.as_deref().filter(|name| !self.agents.iter().any(|own| *own == **name));
        if let Some(landed) = landed.filter(|_| self.request.into.is_none()) {
            targets.extend(
                targets::local_branch(self.repo, landed)?.filter(|target| !self.targets.contains(target)),
            );
        }
        // Only a branch that stays can keep the agent's own work, and only if the user says so.
        let stays = self.request.into.is_some() && !id.has_made(&agent.branch);
        targets.retain(|target| stays || agent.branch != *target.name);
        Ok(targets)
    }

    /// Returns in which branch a piece of work is, or why it is in none and what brings it back if it was reverted.
    fn find(
        &self,
        id: &AgentId,
        agent: &Agent,
        work: CandidateWork,
    ) -> Result<Result<String, (String, Option<String>)>> {
        let mut first = None;
        for target in self.targets_of(id, agent)? {
            let search = Search { work, target: target.tip };
            let finding = self.integrations.borrow_mut().take(self.repo, search)?;
            if finding.is_integrated() {
                return Ok(Ok(sentence(finding, &target.name)));
            }
            first.get_or_insert_with(|| {
                let CandidateWork { base, tip, landed_as, .. } = work;
                let reverted = matches!(finding, Integration::Reverted(_))
                    .then(|| Reverted::find(self.repo, LandedWork { base, tip, landed_as }, target.tip));
                match reverted.flatten() {
                    Some(found) => (format!("it {}", found.sentence(&target.name)), Some(found.way_back())),
                    None => (sentence(finding, &target.name), None),
                }
            });
        }
        // A revert that is seen here is newer than what the forge said.
        let is_reverted = first.as_ref().is_some_and(|(_, way_back)| way_back.is_some());
        let published = agent.published.as_ref().map(|one| &*one.into);
        let is_asked = self.request.into.as_deref().is_none_or(|into| published == Some(into));
        if is_asked
            && !is_reverted
            && let Some(why) = merged_on_forge::sentence(self.repo, id, agent, self.writer, work.tip)?
        {
            return Ok(Ok(why));
        }
        let nowhere = || ("no branch to search for its work (name one with --into BRANCH)".to_owned(), None);
        Ok(Err(first.unwrap_or_else(nowhere)))
    }

    /// Returns why an agent is kept whose private home folder is too large to be stored without being asked.
    fn large_home(&self, id: &AgentId) -> Result<Option<String>> {
        let bytes = PrivateHome::of(&self.repo.common_dir()?, id).bytes()?;
        Ok((bytes > MAX_UNASKED).then(|| {
            format!(
                "the private home folder of its sandbox has files that exist only there: {bytes} bytes, more than the {MAX_UNASKED} \
                 that are stored without --force"
            )
        }))
    }

    /// Returns what an agent's worktree has in addition to its captured work.
    fn beyond(
        &self,
        id: &AgentId,
        agent: &Agent,
        worktree: Option<Worktree>,
    ) -> Result<contents::ExtraContents> {
        let Some(worktree) = worktree else { return Ok(contents::ExtraContents::default()) };
        let checkout = AgentCheckout::open(self.repo, id, worktree)?;
        let objects = checkout.folder.path().join("objects");
        std::fs::create_dir(&objects).context(Kind::External, || "cannot make a temporary folder".into())?;
        let base = agent.base.commit().unwrap_or(Oid::EMPTY_TREE);
        let task = checkout.task(id, agent, base);
        let isolated = checkout.isolated.clone().with_objects_in(objects);
        contents::find_extra_contents(self.repo, &task, &checkout.place(&isolated), &self.derived)
    }
}

/// Returns the work at a tip, for a search.
fn candidate(agent: &Agent, base: Oid, tip: Oid) -> CandidateWork {
    let landed = agent.landed_head.as_ref().is_some_and(|head| *head == tip);
    let landed_as = agent.landed_as.as_ref().and_then(IdOrText::commit).filter(|_| landed);
    // What it started with of others is theirs.
    let snapshot = agent.work_of_others().or_else(|| agent.snapshot.as_ref().and_then(IdOrText::commit));
    CandidateWork { base, tip, snapshot, landed_as }
}

fn sentence(finding: Integration, branch: &str) -> String {
    let branch = text::one_line(branch, 100);
    match finding {
        Integration::Nothing => NO_WORK.to_owned(),
        Integration::Merged => format!("merged into {branch}"),
        Integration::Landed => format!("landed in {branch}"),
        Integration::Squashed => format!("in {branch}, squashed into one commit"),
        Integration::Picked => format!("in {branch}, commit by commit"),
        Integration::SameContent => format!("{branch} has the same content"),
        Integration::Reverted(1) => format!("it was in {branch}, but 1 file was reverted since"),
        Integration::Reverted(files) => {
            format!("it was in {branch}, but {files} files were reverted since")
        }
        Integration::Partly { there, of } => {
            format!("only {there} of its {of} commits are in {branch}")
        }
        Integration::Missing => format!("its work is not in {branch}"),
    }
}
