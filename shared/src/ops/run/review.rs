//! Has the work of a run's tasks reviewed by agents before it lands.
//!
//! A reviewer is an agent like the others: it takes its turn in the same queue, has the tag of the run, and its own tag says which
//! attempt of which task it reviews. Its verdict is an event of the agent whose work it is. If the process is killed at any point,
//! both say what is still to be done.

use super::{
    TaskRow,
    agents::{self, Reviewer, ToReview},
    driver::{Driver, Found},
    given_up,
    land::TaskEnded,
};
use crate::{
    Error, Kind, Result,
    agents::Words,
    config::{
        Config,
        keys::{BUILD, REVIEW_ROUNDS, REVIEW_TEST, TEST},
    },
    model::{
        Agent, AgentId, Liveness, Phase,
        run::{Fold, GateKind, GateOption},
        verdict::{Review, Verdict},
    },
    ops::{
        agent_object::AgentObject,
        review::{
            self,
            by_agent::{self, ByAgentRequest},
        },
        settings::Settings,
        spawn,
    },
    run::{
        self, TaskState,
        gates::{self, GatedWork},
        review::{KnownReview, ReviewStep, ReviewerState},
    },
    store::{
        AgentLog,
        verdicts::{self, VerdictMatch},
    },
};

impl Driver<'_> {
    /// Returns whether somebody rejected the work of a task as it is now, and no person has accepted it at a gate since.
    pub(super) fn is_rejected(
        &self,
        row: &TaskRow,
        (id, agent): &(AgentId, Agent),
        work: &GatedWork,
        log: &Fold,
    ) -> Result<bool> {
        let Some(head) = agent.head_commit() else { return Ok(false) };
        let said = verdicts::effective_for(self.repo, id, agent, head)?;
        let is_rejected = said.is_some_and(|(verdict, holds)| {
            verdict.verdict == Verdict::Reject && holds != VerdictMatch::Stale
        });
        let accept = GateOption::Accept;
        Ok(is_rejected && gates::answered(log, row.id.as_str(), work, GateKind::Review, accept).is_none())
    }

    /// Returns the state of a task whose agent is done, as its review says, and sets what the row says of that.
    ///
    /// # Errors
    /// The agent or its verdicts cannot be read.
    pub(super) fn review_state(&self, row: &mut TaskRow, to: &ToReview<'_>) -> Result<TaskState> {
        let answered = |option| gates::answered(to.log, row.id.as_str(), to.work, GateKind::Review, option);
        let repeated = answered(GateOption::Retry);
        let head = to.agent.head_commit();
        let of_head: Vec<&Reviewer> =
            to.reviewers.iter().filter(|one| head.is_some() && one.agent.base.commit() == head).collect();
        let is_current =
            |one: &&&Reviewer| one.attempt == to.agent.attempt && one.gate == repeated.unwrap_or(0);
        let current = of_head.iter().find(is_current);
        let verdict = match head {
            Some(head) => verdicts::effective_for(self.repo, to.id, to.agent, head)?,
            None => None,
        };
        let verdict =
            verdict.filter(|(_, holds)| *holds != VerdictMatch::Stale).map(|(said, _)| said.verdict);
        let reviews = AgentLog::of(self.repo, to.id)?.fold.reviews;
        let last = reviews.last().map(|given| &given.review);
        let is_by = |review: &Review, reviewer: &Reviewer| {
            review.reviewer.as_ref().is_some_and(|by| by.as_str() == reviewer.id.as_str())
        };
        let is_recorded = |reviewer: &Reviewer| {
            let on_head = to.agent.head.as_ref().and_then(|head| reviews.on(head)).unwrap_or_default();
            on_head.iter().any(|given| is_by(&given.review, reviewer))
        };
        // A person who decided about an earlier attempt allows as many rounds again.
        let decided = to.log.gates.iter().filter(|gate| {
            gate.opened.task.as_deref() == Some(row.id.as_str()) && gate.kind() == GateKind::Review
        });
        let since = decided.filter_map(|gate| gate.opened.attempt).max().unwrap_or(0);
        let mut earlier: Vec<u32> = to.reviewers.iter().map(|one| one.attempt).collect();
        earlier.retain(|attempt| *attempt > since && *attempt < to.agent.attempt);
        earlier.sort_unstable();
        earlier.dedup();
        let attempts_of_head = of_head.iter().map(|one| one.attempt).max();
        row.reviewer = current.or(of_head.last()).map(|one| one.id.clone());
        row.verdict = verdict;
        Ok(run::review::state(&KnownReview {
            has_work: to.agent.work.commits > 0,
            is_accepted: answered(GateOption::Accept).is_some(),
            is_repeated: repeated.is_some(),
            verdict,
            remarks: last.map(remarks).unwrap_or_default(),
            reviewer: current.map(|one| self.reviewer_state(one, to.objects, is_recorded(one))),
            was_resumed: attempts_of_head.is_some_and(|attempt| to.agent.attempt > attempt),
            sent_back: u32::try_from(earlier.len()).unwrap_or(u32::MAX),
            most_rounds: Config::of(self.repo).get(&REVIEW_ROUNDS)?,
        }))
    }

    fn reviewer_state(&self, one: &Reviewer, objects: &[AgentObject], is_recorded: bool) -> ReviewerState {
        let Some(object) = objects.iter().find(|object| object.id == one.id) else {
            return ReviewerState::NotDone("not readable".to_owned());
        };
        let reason = object.reason.as_deref().unwrap_or_default();
        let told = |word: &str| if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") };
        match (object.liveness, object.phase) {
            (Liveness::Live, Phase::Waiting) => ReviewerState::NotDone(told("waiting")),
            (Liveness::Live, Phase::Paused) if object.cap.is_some() => ReviewerState::NotDone(told("paused")),
            (Liveness::Live, _) => ReviewerState::Working,
            (Liveness::Lost, _) if self.may_resume(&one.id) => ReviewerState::Lost,
            (Liveness::Lost, _) => ReviewerState::NotDone(told("lost")),
            (Liveness::Remote, _) => ReviewerState::NotDone("in another clone".to_owned()),
            (Liveness::Ended, Phase::Done) => ReviewerState::Done { is_recorded },
            (Liveness::Ended, phase) => ReviewerState::NotDone(told(phase.as_str())),
        }
    }

    /// Does what the review of the work of a task needs. What prevents a review is asked at a gate, as what it finds is.
    ///
    /// # Errors
    /// The user interrupts it, or the state cannot be read or written.
    pub(super) fn review(&mut self, found: &Found, place: usize, step: ReviewStep) -> Result<()> {
        let Some(id) = found.rows[place].agent.clone() else { return Ok(()) };
        let done = match step {
            ReviewStep::Begin => self.begin_review(found, place, &id),
            ReviewStep::Resume => {
                let reviewer = found.rows[place].reviewer.clone();
                self.resume_lost(reviewer.iter()).map(|()| None)
            }
            ReviewStep::Read => self.read_review(found, place, &id),
            ReviewStep::Revise => self.revise(&id),
        };
        match done {
            Ok(None) => Ok(()),
            Ok(Some(ended)) => self.ended(found, place, ended),
            Err(error) if error.kind() == Kind::Interrupted => Err(self.interrupted()),
            Err(error) => {
                self.ended(found, place, TaskEnded::failed(GateKind::Review, Some(error.one_line())))
            }
        }
    }

    fn begin_review(&mut self, found: &Found, place: usize, id: &AgentId) -> Result<Option<TaskEnded>> {
        let by = self.reviews()?;
        let prepared =
            given_up::unless_given_up(self, |context| by_agent::prepare(context, self.repo, id, &by))?;
        if let Some(why) = prepared.failure() {
            let says = format!("the test fails on its branch: {why}");
            return Ok(Some(TaskEnded::failed(GateKind::CheckFailed, Some(says))));
        }
        let (row, work) = (&found.rows[place], &found.works[place]);
        let gate = gates::answered(&found.log, row.id.as_str(), work, GateKind::Review, GateOption::Retry)
            .unwrap_or(0);
        let tag = agents::reviewer_tag(&self.key, place, work.attempt.unwrap_or(0), gate)?;
        let like = spawn::Request {
            tags: vec![run::tag(&self.key).parse()?, tag],
            settings: Settings { jobs: self.started.jobs, ..Settings::default() },
            again: true,
            ..spawn::Request::default()
        };
        let reviewer = by_agent::begin(self.context, self.repo, id, &by, &prepared, like)?;
        (self.show)(&TaskRow { reviewer: Some(reviewer), verdict: None, ..row.clone() });
        Ok(None)
    }

    fn read_review(&mut self, found: &Found, place: usize, id: &AgentId) -> Result<Option<TaskEnded>> {
        let row = &found.rows[place];
        let Some(reviewer) = &row.reviewer else { return Ok(None) };
        let by = self.reviews()?;
        let report = given_up::unless_given_up(self, |context| {
            // The test is known to pass, unless its result is too old.
            let prepared = by_agent::prepare(context, self.repo, id, &by)?;
            by_agent::finish(context, self.repo, id, &by, reviewer, prepared)
        })?;
        self.warnings.extend(report.warnings);
        (self.show)(&TaskRow { verdict: report.given, ..row.clone() });
        Ok(None)
    }

    fn revise(&mut self, id: &AgentId) -> Result<Option<TaskEnded>> {
        let message = self.remarks_for(id)?;
        self.resume_with(id, Some(Words::Composed(message)), false).map(|()| None)
    }

    /// Returns the remarks of the last verdict on the work of an agent, as a message to it.
    pub(super) fn remarks_for(&self, id: &AgentId) -> Result<String> {
        let reviews = AgentLog::of(self.repo, id)?.fold.reviews;
        let last = reviews.last().map(|given| review::message(&given.review));
        last.ok_or_else(|| Error::internal(format!("there is no verdict on '{id}'")))
    }

    /// Returns how work is reviewed in this run.
    fn reviews(&self) -> Result<ByAgentRequest> {
        let config = Config::of(self.repo);
        let test = match &self.started.check {
            // A run needs only one of the commands.
            None if config.get(&REVIEW_TEST)?.is_none() && config.get(&TEST)?.is_none() => {
                config.get(&BUILD)?
            }
            check => check.clone(),
        };
        Ok(reviews_by(self.started.review.as_deref().unwrap_or_default(), test))
    }
}

/// Returns how work is reviewed by agents of a profile.
pub(super) fn reviews_by(profile: &str, test: Option<String>) -> ByAgentRequest {
    ByAgentRequest { profile: profile.to_owned(), test, ..ByAgentRequest::default() }
}

/// Returns what a verdict says, in one text.
fn remarks(review: &Review) -> String {
    let comment = |one: &crate::model::verdict::Comment| format!("{}:{}: {}", one.file, one.line, one.text);
    let said = review.text.clone().into_iter().chain(review.comments.iter().map(comment));
    said.collect::<Vec<_>>().join("; ")
}
