//! Landing step by step: bring a branch in, prove it, keep it or set it aside, and write that down.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    bring::Brought,
    check::{self, Bounds, End, NONCE},
    merge::{self, Merged},
    plan::{Passed, Plan},
    repair::Repairs,
    scratch::Scratch,
    state::{Against, OnFailure, RunCheck, State, Step, Unjudged},
};
use crate::{
    Code, Error, Kind, Result,
    config::Config,
    git::{
        Oid, Repo,
        merging::{self, MergePlace},
    },
    model::{event::Landing, landing::FailedCheck, text},
    rank::{Conflict, Place, order_after},
    store::{
        layout,
        operations::{Journal, Stage},
    },
};

/// Columns of the reason why a branch was set aside over which something broke.
const LONGEST_REASON: usize = 300;
/// Columns of the target's name in a reason.
const NAME: usize = 60;

/// What a landing tells while it works.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// Something begins that may take its time.
    Doing {
        /// Which step.
        rank: usize,
        /// Of how many.
        of: usize,
        /// The branch.
        branch: &'a str,
        /// What is done, in a word.
        what: &'a str,
    },
    /// A step is over.
    Done(&'a Step),
}

/// How a landing goes on with the world around it.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Who repairs what does not land.
    pub repairs: &'a dyn Repairs,
    /// Who is told.
    pub tell: &'a dyn Fn(Progress<'_>),
    /// Set when the user wants to end it.
    pub interrupted: &'a AtomicBool,
    /// Whether the configuration may still be used: agents may run while branches land.
    pub is_accepted: &'a dyn Fn() -> bool,
}

/// Why the steps ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Halt {
    /// There are no more.
    Finished,
    /// The checks failed, and that was to stop it.
    Stopped(Box<Step>),
    /// The user wanted it.
    Interrupted,
}

/// A landing at work.
pub struct Runner<'a> {
    pub(super) repo: &'a Repo,
    pub(super) plan: &'a Plan,
    /// What was done.
    pub state: State,
    pub(super) journal: &'a mut Journal,
    pub(super) around: Around<'a>,
    pub(super) scratch: Option<Scratch>,
    /// The target itself passes the checks.
    sound: bool,
    /// What landed and conflicts with the branch at hand.
    pub(super) against: Vec<String>,
}

/// What the checks say.
enum Proof {
    Passed,
    Failed { why: String, output: Vec<u8> },
    Interrupted,
}

impl<'a> Runner<'a> {
    /// Goes on with `state`, by `plan`.
    pub fn new(
        repo: &'a Repo,
        plan: &'a Plan,
        mut state: State,
        journal: &'a mut Journal,
        around: Around<'a>,
    ) -> Self {
        state.pairs = plan.pairs;
        Self { repo, plan, state, journal, around, scratch: None, sound: false, against: Vec::new() }
    }

    /// Takes every step that is left.
    ///
    /// # Errors
    /// The target itself fails the checks (3), git fails, or nothing can be written.
    pub fn run(&mut self) -> Result<Halt> {
        self.state.save(self.repo, self.journal)?;
        check::end_left_overs(&self.journal.operation.id)?;
        let mut places = self.order();
        while !places.is_empty() {
            let place = places.remove(0);
            if self.around.interrupted.load(Ordering::Relaxed) {
                return Ok(Halt::Interrupted);
            }
            let Some(mut step) = self.land_or_set_aside(&place)? else { return Ok(Halt::Interrupted) };
            self.end_repair(&mut step)?;
            (self.around.tell)(Progress::Done(&step));
            if step.outcome == Some(Landing::Failed) && self.state.orders.on_failure == OnFailure::Stop {
                self.state.stopped_at.retain(|known| known.branch != step.branch);
                self.state.stopped_at.push(step.clone());
                self.state.save(self.repo, self.journal)?;
                return Ok(Halt::Stopped(Box::new(step)));
            }
            let landed = step.outcome == Some(Landing::Merged);
            self.state.stopped_at.retain(|known| known.branch != step.branch);
            self.state.steps.push(step);
            self.state.save(self.repo, self.journal)?;
            if !landed {
                // What conflicted with this one alone is free now.
                places = self.order();
            }
        }
        self.pass_the_rest();
        self.end_interrupted_repair()?;
        self.state.ready = true;
        self.state.save(self.repo, self.journal)?;
        Ok(Halt::Finished)
    }

    /// What is left, in the order of the moment.
    fn order(&self) -> Vec<Place> {
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

    fn pass_the_rest(&mut self) {
        for passed in &self.plan.passed {
            if !self.state.steps.iter().any(|step| step.branch == passed.branch.name) {
                self.state.steps.push(passed.step(self.state.steps.len() + 1));
            }
        }
    }

    /// One branch. What breaks on it sets it aside, and is no reason to land none of the others; what breaks on what landed before
    /// as well is not its fault. `None`: interrupted.
    fn land_or_set_aside(&mut self, place: &Place) -> Result<Option<Step>> {
        let before = self.state.result;
        let error = match self.land(place) {
            Err(error) if matches!(error.kind(), Kind::External | Kind::Internal | Kind::Timeout) => error,
            other => return other,
        };
        if error.kind() == Kind::Timeout {
            // A program that was waited for in vain may still run.
            check::end_left_overs(&self.journal.operation.id)?;
        }
        if self.around.interrupted.load(Ordering::Relaxed) || self.scratch_at(before).is_err() {
            return Err(error);
        }
        self.state.result = before;
        let step = self.plan.step(place, self.state.steps.len() + 1);
        let why = text::one_line(&error.one_line(), LONGEST_REASON);
        Ok(Some(step.ended(Landing::SetAside, format!("not landed: {why}"))))
    }

    /// One branch. `None`: interrupted.
    fn land(&mut self, place: &Place) -> Result<Option<Step>> {
        let branch = self.plan.branches[place.branch].clone();
        let mut step = self.plan.step(place, self.state.steps.len() + 1);
        if !self.plan.candidates[place.branch].may_land() {
            let why = step.reason.clone();
            step.kept_back = true;
            return Ok(Some(step.ended(Landing::SetAside, why)));
        }
        let mut tries = self.state.orders.repairs;
        let name = |(other, _): &(usize, _)| self.plan.branches[*other].name.clone();
        self.against = place.conflicts.iter().map(name).collect();
        self.tell(&step, "merging");
        let mut brought = self.bring(&branch, &mut step)?;
        loop {
            brought = match brought {
                Brought::Nothing => {
                    let into = text::one_line(&self.state.into, NAME);
                    let why = format!("brings nothing new: {into} has all of its changes");
                    return Ok(Some(step.ended(Landing::NothingNew, why)));
                }
                Brought::Conflict { why, tree, files } => {
                    match self.settle_by_agent(&branch, &mut step, tree, &files, &mut tries)? {
                        Ok(brought) => brought,
                        Err(None) => return Ok(Some(step.ended(Landing::SetAside, why))),
                        Err(Some(not)) => {
                            return Ok(Some(step.ended(Landing::SetAside, format!("{why}; {not}"))));
                        }
                    }
                }
                Brought::Commit(commit) => match self.prove(commit, &mut step)? {
                    Proof::Interrupted => return Ok(None),
                    Proof::Passed => {
                        self.state.result = commit;
                        step.commit = Some(commit);
                        return Ok(Some(step.ended(Landing::Merged, String::new())));
                    }
                    Proof::Failed { why, output } => {
                        if !self.check_the_target()? {
                            return Ok(None);
                        }
                        match self.repair_by_agent(&branch, &mut step, commit, &why, &output, &mut tries)? {
                            Ok(brought) => brought,
                            Err(None) => return Ok(Some(step.ended(Landing::Failed, why))),
                            Err(Some(not)) => {
                                return Ok(Some(step.ended(Landing::Failed, format!("{why}; {not}"))));
                            }
                        }
                    }
                },
            };
        }
    }

    pub(super) fn tell(&self, step: &Step, what: &str) {
        let (of, rank) = (self.plan.branches.len(), step.rank);
        (self.around.tell)(Progress::Doing { rank, of, branch: &step.branch, what });
    }

    /// Builds and tests a commit in the scratch worktree.
    fn prove(&mut self, commit: Oid, step: &mut Step) -> Result<Proof> {
        let prefix = format!("{:03}", step.rank);
        for (name, command) in self.state.orders.checks.clone() {
            self.tell(step, &name);
            let (end, output) = self.check(commit, &command)?;
            let file = format!("{prefix}-{name}.log");
            self.journal.put(self.repo, &file, &output)?;
            step.log = Some(self.journal.spec_of(&file));
            match end {
                End::Passed => {}
                End::Interrupted => return Ok(Proof::Interrupted),
                End::Failed(why) => {
                    let why = format!("{name} fails: {why}");
                    step.failed_check = Some(RunCheck { name, command });
                    return Ok(Proof::Failed { why, output });
                }
            }
        }
        step.failed_check = None;
        Ok(Proof::Passed)
    }

    fn check(&mut self, commit: Oid, command: &str) -> Result<(End, Vec<u8>)> {
        self.scratch_at(commit)?;
        let scratch = self.scratch.as_ref().ok_or_else(|| Error::internal("no scratch worktree"))?;
        let ran = check::run(command, scratch.path(), self.bounds())?;
        Ok((ran.end, ran.output))
    }

    fn bounds(&self) -> Bounds<'_> {
        Bounds {
            limit: Duration::from_secs(self.state.orders.check_seconds),
            interrupted: self.around.interrupted,
            nonce: &self.journal.operation.id,
        }
    }

    /// The scratch worktree at a commit; it is made when it is first needed.
    pub(super) fn scratch_at(&mut self, commit: Oid) -> Result<&Scratch> {
        match &self.scratch {
            Some(scratch) => scratch.reset(commit)?,
            None => self.scratch = Some(Scratch::make(self.repo, commit)?),
        }
        self.scratch.as_ref().ok_or_else(|| Error::internal("no scratch worktree"))
    }

    /// Where to merge on top of what landed so far. Attributes are those of the target, as a checkout of it has them; once something
    /// has landed that changes some, those that it brought.
    pub(super) fn merge_place(&self) -> Result<MergePlace> {
        let (base, result) = (self.state.base, self.state.result);
        let limit = Config::of(self.repo).merge_timeout()?;
        let place = if result != base && merging::changes_attributes(self.repo, base, result)? {
            MergePlace::of_commit(self.repo, result, limit)
        } else {
            MergePlace::of_branch(self.repo, &layout::branch_ref(&self.state.into), base, limit)
        };
        Ok(place?.marked(NONCE, &self.journal.operation.id))
    }

    /// Merges a commit on top of what landed so far.
    pub(super) fn merge(&self, theirs: Oid) -> Result<Merged> {
        merge::merge(&self.merge_place()?, self.state.result, theirs)
    }

    /// When the first thing fails, the target may be to blame. `false`: interrupted.
    fn check_the_target(&mut self) -> Result<bool> {
        if self.sound || self.state.count(Landing::Merged) > 0 {
            return Ok(true);
        }
        for (name, command) in self.state.orders.checks.clone() {
            let (end, output) = self.check(self.state.base, &command)?;
            if end == End::Interrupted {
                return Ok(false);
            }
            if let End::Failed(why) = end {
                return Err(self.unsound(&name, &why, &output)?);
            }
        }
        self.sound = true;
        Ok(true)
    }

    /// Nothing can be proven on top of what fails by itself.
    fn unsound(&mut self, name: &str, why: &str, output: &[u8]) -> Result<Error> {
        let file = format!("000-{name}.log");
        self.journal.put(self.repo, &file, output)?;
        self.journal.operation.stage = Stage::Aborted;
        self.state.save(self.repo, self.journal)?;
        let into = text::safe(&self.state.into);
        Ok(Error::new(
            Code::CheckFailsOnTarget,
            format!("{name} fails on {into} itself, before anything is merged: {why}"),
        )
        .hint_command(&[&"git", &"show", &self.journal.spec_of(&file)]))
    }

    /// Takes the scratch worktree away.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn tidy(&mut self) -> Result<()> {
        match self.scratch.take() {
            Some(scratch) => scratch.remove(self.repo),
            None => Scratch::remove_left_over(self.repo),
        }
    }
}

/// Takes away what a landing left that was cut off.
///
/// # Errors
/// Something of it still runs and cannot be ended, or the scratch worktree cannot be removed.
pub fn clear(repo: &Repo, operation: &str) -> Result<()> {
    check::end_left_overs(operation)?;
    Scratch::remove_left_over(repo)
}

impl Plan {
    /// A branch of the order, as it is planned.
    pub fn step(&self, place: &Place, rank: usize) -> Step {
        let branch = &self.branches[place.branch];
        let against = |name: &str, conflict: Conflict| Against {
            branch: name.to_owned(),
            files: conflict.files,
            hunks: conflict.hunks,
            kinds: conflict.kinds.names().into_iter().map(str::to_owned).collect(),
        };
        let name = |other: usize| self.branches.get(other).map_or(&self.target.branch, |branch| &branch.name);
        let target = self.matrix.with_target(place.branch).map(|conflict| (self.matrix.size(), conflict));
        let (mut conflicts, mut unjudged) = (Vec::new(), Vec::new());
        for (other, conflict) in target.into_iter().chain(self.matrix.against(place.branch)) {
            match self.matrix.why_unjudged(place.branch, other) {
                Some(why) => unjudged.push(Unjudged { branch: name(other).clone(), why: why.to_owned() }),
                None => conflicts.push(against(name(other), conflict)),
            }
        }
        let candidate = &self.candidates[place.branch];
        let failed_before = branch.failed.as_ref().map(FailedCheck::sentence);
        let reason = match &failed_before {
            Some(failed) if *failed != place.reason => format!("{}; {failed}", place.reason),
            _ => place.reason.clone(),
        };
        Step {
            rank,
            branch: branch.name.clone(),
            agent: branch.agent.as_ref().map(|(id, _)| id.to_string()),
            head: branch.tip,
            conflicts_with: conflicts.iter().map(|conflict| conflict.branch.clone()).collect(),
            conflicts,
            unjudged,
            files: candidate.files,
            lines: candidate.lines,
            reason,
            outcome: None,
            why: None,
            failed_check: None,
            failed_before,
            kept_back: false,
            commit: None,
            log: None,
            settled: Vec::new(),
        }
    }

    /// The whole order as steps that are still to be taken, and what there is nothing to do for.
    pub fn steps(&self) -> Vec<Step> {
        let places = self.order.places.iter().zip(1..).map(|(place, rank)| self.step(place, rank));
        let passed = self.passed.iter().zip(self.order.places.len() + 1..);
        places.chain(passed.map(|(passed, rank)| passed.step(rank))).collect()
    }
}

impl Passed {
    fn step(&self, rank: usize) -> Step {
        Step {
            rank,
            branch: self.branch.name.clone(),
            agent: self.branch.agent.as_ref().map(|(id, _)| id.to_string()),
            head: self.branch.tip,
            conflicts_with: Vec::new(),
            conflicts: Vec::new(),
            unjudged: Vec::new(),
            files: 0,
            lines: 0,
            reason: "nothing to land".to_owned(),
            outcome: Some(self.outcome),
            why: Some(self.why.clone()),
            failed_check: None,
            failed_before: None,
            kept_back: false,
            commit: None,
            log: None,
            settled: Vec::new(),
        }
    }
}

impl Step {
    fn ended(mut self, outcome: Landing, why: String) -> Self {
        self.outcome = Some(outcome);
        let settled = self.settled.join("; ");
        self.why = [why, settled].into_iter().find(|text| !text.is_empty());
        self
    }
}
