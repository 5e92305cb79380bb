//! Lands the work of the tasks of a run, and decides how each task ended by that.

use std::collections::BTreeMap;

use super::{
    driver::{Driver, Found},
    given_up,
};
use crate::{
    Code, Error, Kind, Result,
    git::Oid,
    landing::{State, only, open_landings},
    model::{
        Agent, AgentId,
        run::{Gate, GateKind, GateOption, TaskOutcome},
        text,
    },
    ops::merge_ranked::{self, BranchOutcome, BranchRow, FailsOnTarget, Incomplete, Mode, OnConflict},
    run::{self, gates},
    store::{self, layout, operations::Journal},
};

/// The longest list of files that is said, in columns.
const FILES_WIDTH: usize = 100;

/// How a task ended by a landing, or before it.
pub(super) struct TaskEnded {
    outcome: TaskOutcome,
    reason: Option<String>,
    /// Why a person is asked about it, if it failed.
    gate: GateKind,
}

impl TaskEnded {
    pub(super) const fn published(reason: String) -> Self {
        Self { outcome: TaskOutcome::Published, reason: Some(reason), gate: GateKind::Failed }
    }

    pub(super) const fn failed(gate: GateKind, reason: Option<String>) -> Self {
        Self { outcome: TaskOutcome::Failed, reason, gate }
    }
}

impl Driver<'_> {
    pub(super) fn land(&mut self, found: &Found, places: &[usize], option: Option<GateOption>) -> Result<()> {
        let (ready, outside) = self.landable(found, places)?;
        let accepted = |place: usize, kind| self.has_accepted(found, place, kind);
        // What a person accepted without an approval lands by itself: all else must be approved.
        let unapproved = ready.iter().copied().find(|place| accepted(*place, GateKind::Review));
        let places = unapproved.map_or(ready, |place| vec![place]);
        if places.is_empty() {
            return Ok(());
        }
        let agents: Vec<AgentId> =
            places.iter().filter_map(|place| found.rows[*place].agent.clone()).collect();
        let request = merge_ranked::Request {
            mode: self.landing_mode(found)?,
            branches: agents.iter().map(ToString::to_string).collect(),
            on_conflict: on_conflict(option),
            approved: self.started.review.is_some() && unapproved.is_none(),
            despite_verdict: unapproved.is_some(),
            with_base: option == Some(GateOption::Land),
            repairs: if option == Some(GateOption::Agent) { 2 } else { 0 },
            ..self.landing()
        };
        let report =
            given_up::unless_given_up(self, |context| merge_ranked::run(context, self.repo, &request))?;
        self.warnings.extend(report.warnings.iter().cloned());
        match report.why_incomplete() {
            None => {}
            Some(Incomplete::Interrupted) => return Err(self.interrupted()),
            Some(why) if !self.started.yolo => {
                return self.open_gate(found, None, GateKind::BlockedTarget, why.reason().to_owned());
            }
            Some(why) => {
                let error = Error::new(Code::CheckoutBlocked, format!("{}; the landing waits", why.reason()));
                let hints = if let Incomplete::Blocked { hints, .. } = why { hints.as_slice() } else { &[] };
                return Err(hints.iter().cloned().fold(error, Error::hint));
            }
        }
        let mut recorded = false;
        let mut on_target = None;
        for step in &report.order {
            let place = places.iter().find(|place| found.rows[**place].agent == step.agent);
            let Some(place) = place.filter(|_| step.agent.is_some()) else { continue };
            let ended = match step.outcome {
                BranchOutcome::UpToDate | BranchOutcome::NothingNew => {
                    if on_target.is_none() {
                        on_target = Some(self.check_target(&request)?);
                    }
                    Some(self.ended_without_landing(step, on_target.as_ref().and_then(Option::as_ref))?)
                }
                _ => ended(step),
            };
            let Some(mut ended) = ended else { continue };
            if ended.outcome == TaskOutcome::Landed && ended.reason.is_none() {
                ended.reason = outside.get(place).cloned();
            }
            self.ended(found, *place, ended)?;
            recorded = true;
        }
        // Otherwise the same landing would be tried without end.
        if recorded || request.mode == Mode::Continue {
            Ok(())
        } else {
            Err(Error::new(Code::TargetBusy, "the landing ended and decided about no task"))
        }
    }

    /// Returns whether a person accepted the work of a task as it is now, at a gate of this kind.
    pub(super) fn has_accepted(&self, found: &Found, place: usize, kind: GateKind) -> bool {
        let (id, work) = (found.rows[place].id.as_str(), &found.works[place]);
        gates::answered(&found.log, id, work, kind, GateOption::Accept).is_some()
    }

    /// Returns those of the tasks whose work may land or be published, and what the work of each changes besides the files that its task
    /// names. Of the others it is recorded why not, or a person is asked.
    pub(super) fn landable(
        &self,
        found: &Found,
        places: &[usize],
    ) -> Result<(Vec<usize>, BTreeMap<usize, String>)> {
        let outside = self.outside(found, places)?;
        let accepted = |place: usize, kind| self.has_accepted(found, place, kind);
        let mut ready = Vec::new();
        for place in places.iter().copied() {
            let strays = outside.get(&place).filter(|_| self.started.strict);
            let unreviewed =
                if accepted(place, GateKind::Review) { None } else { self.unreviewed(found, place)? };
            if let Some(why) = strays.filter(|_| !accepted(place, GateKind::Files)) {
                self.ended(found, place, TaskEnded::failed(GateKind::Files, Some(why.clone())))?;
            } else if let Some(why) = unreviewed {
                self.ended(found, place, TaskEnded::failed(GateKind::Review, Some(why)))?;
            } else {
                ready.push(place);
            }
        }
        Ok((ready, outside))
    }

    /// Records how a task ended, or asks a person.
    pub(super) fn ended(&self, found: &Found, place: usize, ended: TaskEnded) -> Result<()> {
        let TaskEnded { outcome, mut reason, gate } = ended;
        let row = found.rows[place].id.as_str();
        let is_edited = |one: &Gate| one.kind() == GateKind::Edit && one.opened.task.as_deref() == Some(row);
        if gate == GateKind::Conflict
            && found.log.gates.iter().any(|one| is_edited(one) && one.counted(GateOption::Done))
        {
            reason = reason.map(|why| format!("{why}; what was resolved by hand is in its branch"));
        }
        if outcome == TaskOutcome::Failed && !self.started.yolo {
            self.open_gate(found, Some(place), gate, reason.unwrap_or_default())
        } else {
            self.record(&found.rows[place], outcome, reason)
        }
    }

    /// Returns why the work of a task is not what was reviewed, in a run in which all work is.
    fn unreviewed(&self, found: &Found, place: usize) -> Result<Option<String>> {
        let Some(id) = found.rows[place].agent.as_ref().filter(|_| self.started.review.is_some()) else {
            return Ok(None);
        };
        let agent = store::agent(self.repo, id)?;
        let tip = self.repo.find_ref(&layout::branch_ref(&agent.branch))?;
        // Newer commits on its branch land as well.
        let is_newer = tip.is_some() && tip != agent.head_commit();
        Ok(is_newer.then(|| {
            format!("its branch has commits that were not reviewed; git orchestra collect {id} adds them to its work")
        }))
    }

    /// Returns what the work of each task changes besides the files that its task names, in words.
    fn outside(&self, found: &Found, places: &[usize]) -> Result<BTreeMap<usize, String>> {
        let mut outside = BTreeMap::new();
        for place in places {
            let row = &found.rows[*place];
            let task = self.plan.tasks.iter().find(|task| task.id == row.id && !task.files.is_empty());
            let (Some(task), Some(id)) = (task, &row.agent) else { continue };
            let agent = store::agent(self.repo, id)?;
            let (Some(base), Some(head)) = (agent.base.commit(), agent.head_commit()) else { continue };
            // Newer commits on its branch land as well.
            let head = self.repo.find_ref(&layout::branch_ref(&agent.branch))?.unwrap_or(head);
            // What a person or an agent merged from the target, to resolve a conflict, is not a change of the work.
            let target = self.repo.find_ref(&layout::branch_ref(&self.started.into))?;
            let merged = match target {
                Some(target) => self.repo.merge_bases(target, head)?.into_iter().next(),
                None => None,
            };
            let is_newer = |merged: &Oid| self.repo.contains(*merged, base).unwrap_or(false);
            let base = merged.filter(is_newer).unwrap_or(base);
            let names = text::one_line(&task.files.join(", "), FILES_WIDTH);
            let said = match only::changed_outside(self.repo, base, head, &task.files) {
                Ok(files) => {
                    only::sentence(&files).map(|changes| format!("{changes}, not named by 'files: {names}'"))
                }
                Err(error) if error.kind() == Kind::Usage => {
                    Some(format!("'files: {names}' cannot be compared: {}", error.one_line()))
                }
                Err(error) => return Err(error),
            };
            outside.extend(said.map(|said| (*place, said)));
        }
        Ok(outside)
    }

    /// Returns the request that all landings of the run have in common.
    pub(super) fn landing(&self) -> merge_ranked::Request {
        merge_ranked::Request {
            into: Some(self.started.into.clone()),
            test: self.started.check.clone(),
            ..merge_ranked::Request::default()
        }
    }

    /// Returns whether to begin a landing, or to continue the one of this run that a killed process left, of whichever of its agents: those
    /// may have landed already. One without checks is left to the person who began it: a run lands nothing untested.
    fn landing_mode(&self, found: &Found) -> Result<Mode> {
        let Some(open) = open_landings::find(self.repo, &self.started.into)? else { return Ok(Mode::New) };
        let ours = found.rows.iter().filter_map(|row| row.agent.as_ref()).any(|id| open.uses(id, ""));
        let state = State::load(self.repo, &Journal::open(self.repo, &open.operation.id)?)?;
        let is_checked = !state.options.checks.is_empty();
        Ok(if ours && is_checked { Mode::Continue } else { Mode::New })
    }

    /// Runs the check on the target, because no landing ran it for work that is in the target already. Returns why it fails.
    pub(super) fn check_target(&self, request: &merge_ranked::Request) -> Result<Option<FailsOnTarget>> {
        let failing = merge_ranked::failing_on_target(self.context, self.repo, request);
        failing.map_err(|error| if error.kind() == Kind::Interrupted { self.interrupted() } else { error })
    }

    /// Returns how a task ended whose branch has nothing to land: what needs it may start only from files that pass the check.
    fn ended_without_landing(&self, step: &BranchRow, failing: Option<&FailsOnTarget>) -> Result<TaskEnded> {
        let agent = step.agent.as_ref().map(|id| store::agent(self.repo, id)).transpose()?;
        let base = agent.as_ref().and_then(|agent| agent.base.commit());
        // Somebody landed it by hand, or it is the commit that the agent started from.
        let has_work = step.outcome == BranchOutcome::UpToDate && base.is_none_or(|base| step.head != base);
        self.ended_without_work(agent, has_work, failing)
    }

    /// Returns how a task ended whose agent has no work of its own to land, or only such as is in the target already.
    pub(super) fn ended_without_work(
        &self,
        agent: Option<Agent>,
        has_work: bool,
        failing: Option<&FailsOnTarget>,
    ) -> Result<TaskEnded> {
        let left_out = agent.as_ref().map_or(0, |agent| agent.work.left_out_count());
        let unsaved = agent.and_then(|agent| agent.unsaved);
        if !has_work && (left_out > 0 || unsaved.is_some()) {
            let why =
                unsaved.unwrap_or_else(|| format!("{} left out of its work", text::count(left_out, "file")));
            return Ok(TaskEnded::failed(GateKind::Failed, Some(format!("nothing to land: {why}"))));
        }
        let what = if has_work { run::ALREADY } else { "changed nothing" };
        let into = &self.started.into;
        let (outcome, reason) = match failing {
            Some(fails) => (TaskOutcome::Failed, format!("{what}, and {}", fails.sentence(into))),
            None if has_work => (TaskOutcome::Landed, what.to_owned()),
            None => (TaskOutcome::Unchanged, format!("{what}; {into} passes the check")),
        };
        Ok(TaskEnded { outcome, reason: Some(reason), gate: GateKind::CheckFailed })
    }
}

/// Returns how the task of a branch ended by a landing, if the landing decided that.
fn ended(step: &BranchRow) -> Option<TaskEnded> {
    let failed =
        |gate| Some(TaskEnded::failed(gate, Some(step.why.clone().unwrap_or_else(|| step.reason.clone()))));
    match step.outcome {
        BranchOutcome::Merged => {
            Some(TaskEnded { outcome: TaskOutcome::Landed, reason: None, gate: GateKind::Failed })
        }
        BranchOutcome::SetAside => failed(GateKind::Conflict),
        BranchOutcome::Failed => failed(GateKind::CheckFailed),
        BranchOutcome::TakenBack | BranchOutcome::Blocked => failed(GateKind::Failed),
        _ => None,
    }
}

/// Returns how a landing resolves conflicts after an answer.
const fn on_conflict(option: Option<GateOption>) -> OnConflict {
    match option {
        Some(GateOption::Agent) => OnConflict::Agent,
        Some(GateOption::Ours) => OnConflict::Ours,
        Some(GateOption::Theirs) => OnConflict::Theirs,
        Some(GateOption::Union) => OnConflict::Union,
        _ => OnConflict::Skip,
    }
}
