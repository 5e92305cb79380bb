//! Runs the steps of a landing: integrates a branch, checks the result, keeps it or sets it aside, and saves that.

mod ahead;
mod batch;
mod checking;

use std::{borrow::Cow, collections::HashMap};

use self::{ahead::Remembered, batch::BatchEnd};

use super::{
    batches::{Batches, Next},
    branches::{Branch, LandingTarget, Part},
    check,
    context::{LandContext, StepContext},
    dependants,
    options::OnFailure,
    outcome::{CheckFailure, Integration, Repair, Unresolved},
    part,
    plan::LandingPlan,
    repair::{self, RepairBy},
    repairer::RepairError,
    rollback,
    scratch::{LazyScratch, Scratch},
    side_checks::SideChecks,
    state::{CheckCounts, State, Step},
    verify,
};
use crate::{
    Kind, Result,
    context::Event,
    git::{Oid, Repo},
    model::{AgentId, event::Landing, text},
    rank::{RankedBranch, order_after},
    store::operations::Journal,
    worktree::lone_commits::LoneCommits,
};

/// The maximum width of the reason in columns, where a branch is set aside because of an error.
const REASON_WIDTH: usize = 300;
/// The maximum width of the target's name in a reason, in columns.
const NAME_WIDTH: usize = 60;

/// Why the steps ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StopReason {
    /// Every step is done.
    Finished,
    /// A check failed, and the options say to stop then.
    CheckFailed(Box<Step>),
    /// The user interrupted the landing.
    Interrupted,
}

/// The branch of the current step.
struct BranchAttempt<'p> {
    branch: &'p Branch,
    /// The names of the landed branches that conflict with it.
    conflicts_with: Vec<String>,
    /// How many more times its agent may be asked for a repair.
    tries: u32,
}

/// Runs the steps of one landing.
pub struct Runner<'a> {
    repo: &'a Repo,
    plan: &'a LandingPlan,
    /// The state of the landing, saved after every step.
    pub state: State,
    journal: &'a mut Journal,
    around: LandContext<'a>,
    scratch: LazyScratch,
    /// Whether the target itself is known to pass the checks.
    target_passes: bool,
    /// The trees on which a check failed, and its command.
    failed: Vec<(Oid, String)>,
    counts: CheckCounts,
    /// The checks that run beside that of the current step.
    beside: SideChecks,
    /// How branches were integrated for these checks: on which commit, and which one.
    integrated: HashMap<(Oid, usize), Remembered>,
}

impl<'a> Runner<'a> {
    /// Returns a runner that continues from `state`, according to `plan`.
    pub fn new(
        repo: &'a Repo,
        plan: &'a LandingPlan,
        mut state: State,
        journal: &'a mut Journal,
        around: LandContext<'a>,
    ) -> Self {
        state.pairs = plan.pairs;
        let scratch = LazyScratch::of(around.context, &journal.operation.id);
        let beside = SideChecks::of(around.context, &journal.operation.id, verify::side_by_side(repo));
        let counts = state.checks;
        Self {
            repo,
            plan,
            state,
            journal,
            around,
            scratch,
            target_passes: false,
            failed: Vec::new(),
            counts,
            beside,
            integrated: HashMap::new(),
        }
    }

    /// Runs every step that is left.
    ///
    /// # Errors
    /// The target itself fails a check (3), git fails, or the state cannot be saved.
    pub fn run(&mut self) -> Result<StopReason> {
        let stopped = self.run_steps();
        self.beside.end(self.repo);
        self.counts.unused += self.beside.unused();
        if matches!(stopped, Ok(StopReason::Finished)) {
            self.state.ready = true;
        }
        if stopped.is_ok() {
            self.save()?;
        }
        stopped
    }

    fn run_steps(&mut self) -> Result<StopReason> {
        self.save()?;
        check::end_processes_of(&self.journal.operation.id)?;
        let options = &self.state.options;
        let mut batches = Batches::new(!options.batch || options.checks.is_empty());
        let mut places = self.order();
        while !places.is_empty() {
            if self.is_interrupted() {
                return Ok(StopReason::Interrupted);
            }
            self.look_ahead(&batches);
            if let Next::Together(size) = batches.next(places.len()) {
                let end = match self.land_together(size) {
                    Err(error) if error.kind() == Kind::Interrupted => return Ok(StopReason::Interrupted),
                    other => other?,
                };
                match end {
                    BatchEnd::Passed(merged) => batches.ended_together(merged, true),
                    BatchEnd::Failed(merged) => batches.ended_together(merged, false),
                    BatchEnd::NotChecked => batches.stop(),
                    BatchEnd::Empty => {}
                }
                if end != BatchEnd::Empty {
                    places = self.order();
                    continue;
                }
            }
            let place = places.remove(0);
            let mut step = match self.land_or_set_aside(&place) {
                Err(error) if error.kind() == Kind::Interrupted => return Ok(StopReason::Interrupted),
                other => other?,
            };
            rollback::end_repair(self.around.repairer, &mut self.state, &mut step)?;
            self.report(&step);
            self.state.stopped_at.retain(|known| known.branch != step.branch);
            if step.outcome == Some(Landing::Failed) && self.state.options.on_failure == OnFailure::Stop {
                self.state.stopped_at.push(step.clone());
                self.save()?;
                return Ok(StopReason::CheckFailed(Box::new(step)));
            }
            let landed = step.outcome == Some(Landing::Merged);
            if landed || step.outcome == Some(Landing::Failed) {
                batches.ended_alone(landed);
            }
            self.state.steps.push(step);
            self.save()?;
            if !landed {
                // Branches that conflicted only with this one may land now.
                places = self.order();
            }
        }
        self.add_skipped();
        rollback::end_interrupted_repair(self.around.repairer, &mut self.state)?;
        Ok(StopReason::Finished)
    }

    /// Removes the scratch worktree of the landing.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_scratch(&mut self) -> Result<()> {
        self.scratch.remove(self.repo)
    }

    fn save(&mut self) -> Result<()> {
        self.state.checks = self.counts;
        self.state.save(self.repo, self.journal)
    }

    /// Tells the observer that a step has ended.
    fn report(&self, step: &Step) {
        self.around.context.emit(&Event::LandingStepEnded {
            rank: step.rank,
            of: self.plan.branches.len(),
            branch: step.branch.clone(),
            outcome: step.outcome,
            why: step.why.clone(),
        });
    }

    fn is_interrupted(&self) -> bool {
        self.around.context.cancel.is_cancelled()
    }

    /// Returns the branches that are left, ordered by what has landed so far.
    fn order(&self) -> Vec<RankedBranch> {
        let (mut landed, mut out) = (Vec::new(), Vec::new());
        for (at, branch) in self.plan.branches.iter().enumerate() {
            match self.state.steps.iter().find(|step| step.branch == branch.name) {
                Some(step) if step.outcome == Some(Landing::Merged) => landed.push(at),
                Some(_) => out.push(at),
                None => {}
            }
        }
        order_after(&self.plan.candidates, &self.plan.matrix, &landed, &out).places
    }

    fn add_skipped(&mut self) {
        for skipped in &self.plan.skipped {
            if !self.state.steps.iter().any(|step| step.branch == skipped.branch.name) {
                self.state.steps.push(skipped.step(self.state.steps.len() + 1));
            }
        }
    }

    /// Lands one branch. An error sets it aside, so that the others still land, unless the error occurs without the branch as well.
    fn land_or_set_aside(&mut self, place: &RankedBranch) -> Result<Step> {
        let before = self.state.result;
        let error = match self.land(place) {
            Err(error) if matches!(error.kind(), Kind::External | Kind::Internal | Kind::Timeout) => error,
            other => return other,
        };
        if error.kind() == Kind::Timeout {
            // A program that exceeded its time limit may still be running.
            check::end_leftover_processes(&self.journal.operation.id)?;
        }
        if self.is_interrupted() || self.scratch.at(self.repo, before).is_err() {
            return Err(error);
        }
        self.state.result = before;
        let step = self.plan.step(place, self.state.steps.len() + 1);
        let why = text::one_line(&error.one_line(), REASON_WIDTH);
        Ok(step.ended(Landing::SetAside, format!("not landed: {why}")))
    }

    fn land(&mut self, place: &RankedBranch) -> Result<Step> {
        let plan = self.plan;
        let mut step = plan.step(place, self.state.steps.len() + 1);
        if !plan.candidates[place.branch].may_land() {
            return Ok(kept_back(step));
        }
        let branch = match self.as_it_lands(place)? {
            Ok(branch) => branch,
            Err(why) => return Ok(step.ended(Landing::SetAside, why)),
        };
        let branch = branch.as_ref();
        let conflicts_with = self.conflicts_with(place);
        let mut attempt = BranchAttempt { branch, conflicts_with, tries: self.state.options.repairs };
        self.step_context(&attempt.conflicts_with).tell(&step, "merging");
        let mut integration = self.integrate(place, branch, &attempt.conflicts_with, &mut step)?;
        loop {
            let (outcome, why, repair) = match integration {
                Integration::NothingNew => return Ok(nothing_new(step, &self.state.into)),
                Integration::Conflict(conflict) => {
                    let repair = self.resolve_by_agent(&mut attempt, &mut step, &conflict)?;
                    (Landing::SetAside, conflict.why, repair)
                }
                Integration::Commit(commit) => match self.check(commit, &mut step)? {
                    None => {
                        self.state.result = commit;
                        step.commit = Some(commit);
                        return Ok(step.ended(Landing::Merged, String::new()));
                    }
                    Some(failure) => {
                        self.check_target()?;
                        let repair = self.repair_by_agent(&mut attempt, &mut step, commit, &failure)?;
                        (Landing::Failed, failure.sentence(), repair)
                    }
                },
            };
            integration = match repair {
                Repair::Integrated(Integration::Commit(commit)) => {
                    // The branch was looked at before; the repair was not.
                    let onto = self.state.result;
                    if let Some(lone) = LoneCommits::of(self.repo)?.named_by(self.repo, onto, commit)?.first()
                    {
                        return Ok(step.ended(Landing::SetAside, lone.sentence()));
                    }
                    Integration::Commit(commit)
                }
                Repair::Integrated(integration) => integration,
                Repair::NotAsked => return Ok(step.ended(outcome, why)),
                Repair::Unsuccessful(not) => return Ok(step.ended(outcome, format!("{why}; {not}"))),
            };
        }
    }

    /// Returns a branch with what lands of it, on top of what has landed so far, or why it cannot land now.
    fn as_it_lands(&self, place: &RankedBranch) -> Result<Result<Cow<'a, Branch>, String>> {
        let branch = &self.plan.branches[place.branch];
        if branch.part != Some(Part::Later) {
            return Ok(Ok(Cow::Borrowed(branch)));
        }
        for other in &self.plan.candidates[place.branch].after {
            let name = &self.plan.branches[*other].name;
            let step = self.state.steps.iter().find(|step| step.branch == *name);
            let is_in =
                matches!(step.and_then(|step| step.outcome), Some(Landing::Merged | Landing::NothingNew));
            if !is_in {
                return Ok(Err(dependants::set_aside_with(name)));
            }
        }
        let onto = LandingTarget { branch: self.state.into.clone(), tip: self.state.result };
        let branch = part::decided(self.repo, &onto, branch)?;
        Ok(match &branch.part {
            Some(Part::Conflicts(why)) => Err(why.clone()),
            _ => Ok(Cow::Owned(branch)),
        })
    }

    /// Returns the names of the branches that conflict with the one at a place.
    fn conflicts_with(&self, place: &RankedBranch) -> Vec<String> {
        place.conflicts.iter().map(|(other, _)| self.plan.branches[*other].name.clone()).collect()
    }

    /// Returns what the current step may use.
    fn step_context<'s>(&'s mut self, conflicts_with: &'s [String]) -> StepContext<'s> {
        let State { options, into, base, result, unsigned, .. } = &mut self.state;
        StepContext {
            repo: self.repo,
            options,
            into,
            base: *base,
            onto: *result,
            operation: &self.journal.operation.id,
            branches: self.plan.branches.len(),
            conflicts_with,
            around: self.around,
            scratch: &mut self.scratch,
            unsigned,
        }
    }

    fn resolve_by_agent(
        &mut self,
        attempt: &mut BranchAttempt<'_>,
        step: &mut Step,
        conflict: &Unresolved,
    ) -> Result<Repair> {
        let branch = attempt.branch;
        let agent = match repair::who_resolves(&self.state.options, branch, conflict) {
            RepairBy::Nobody => return Ok(Repair::NotAsked),
            RepairBy::Impossible(why) => return Ok(Repair::Unsuccessful(why.to_owned())),
            RepairBy::Agent(agent) => agent,
        };
        self.save_agent_state(agent)?;
        let mut cx = self.step_context(&attempt.conflicts_with);
        repaired(repair::resolve_conflict(&mut cx, agent, branch, step, conflict, &mut attempt.tries))
    }

    fn repair_by_agent(
        &mut self,
        attempt: &mut BranchAttempt<'_>,
        step: &mut Step,
        commit: Oid,
        failure: &CheckFailure,
    ) -> Result<Repair> {
        let branch = attempt.branch;
        let agent = match repair::who_repairs(&self.state.options, branch, attempt.tries) {
            RepairBy::Nobody => return Ok(Repair::NotAsked),
            RepairBy::Impossible(why) => return Ok(Repair::Unsuccessful(why.to_owned())),
            RepairBy::Agent(agent) => agent,
        };
        attempt.tries -= 1;
        self.save_agent_state(agent)?;
        let mut cx = self.step_context(&attempt.conflicts_with);
        repaired(repair::repair_failure(&mut cx, agent, branch, step, commit, failure))
    }

    /// Saves the state of an agent before a repair changes anything.
    fn save_agent_state(&mut self, id: &AgentId) -> Result<()> {
        if self.state.before_repair.as_ref().is_none_or(|before| before.agent != *id) {
            self.state.before_repair = Some(self.around.repairer.before(id)?);
            self.save()?;
        }
        Ok(())
    }
}

/// Ends the step of a branch that may not land.
fn kept_back(mut step: Step) -> Step {
    let why = step.reason.clone();
    step.kept_back = true;
    step.ended(Landing::SetAside, why)
}

/// Ends the step of a branch whose changes the target has.
fn nothing_new(step: Step, into: &str) -> Step {
    let into = text::one_line(into, NAME_WIDTH);
    step.ended(Landing::NothingNew, format!("brings nothing new: {into} has all of its changes"))
}

fn repaired(result: Result<Integration, RepairError>) -> Result<Repair> {
    match result {
        Ok(integration) => Ok(Repair::Integrated(integration)),
        Err(RepairError::NotPossible(why)) => Ok(Repair::Unsuccessful(why)),
        Err(RepairError::Failed(error)) => Err(error),
    }
}

/// Ends the processes and removes the scratch worktrees that an interrupted landing left.
///
/// # Errors
/// A process cannot be ended, or a scratch worktree cannot be removed.
pub fn remove_leftovers(repo: &Repo, operation: &str) -> Result<()> {
    check::end_processes_of(operation)?;
    remove_scratch_of(repo, operation)
}

/// Removes the scratch worktree of a landing, even if a killed process of the same landing left it.
///
/// # Errors
/// The scratch worktree cannot be removed.
pub fn remove_scratch_of(repo: &Repo, operation: &str) -> Result<()> {
    Scratch::remove_left_by(repo, operation)
}
