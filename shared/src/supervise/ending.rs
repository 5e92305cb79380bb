//! Decides what the end of an attempt means: the phase, the reason, and whether to retry.

use crate::{
    Error,
    agents::{FailureKind, StreamSummary, Turn, TurnFailure, limit::ReportedLimit},
    model::{Limit, Phase, event::Finished},
    worktree::{capture::CapturedWork, unfinished::Unfinished},
};

/// How an attempt ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AttemptEnd {
    /// The program exited with this code.
    Exit(i32),
    /// The program was ended by this signal.
    Signal(i32),
    /// The agent reached its time limit, in seconds.
    TimedOut(u64),
    /// The agent was idle for this many seconds.
    Idle(u64),
    /// The program asked this question, and the options say to fail then.
    NeedsAnswer(String),
    /// A stop was requested, with this reason.
    Stopped(Option<String>),
    /// A pause was requested, with this reason.
    Paused(Option<String>),
    /// The service reported a usage limit.
    Limited(Limit),
    /// The supervisor could not continue, for this reason.
    Failed(String),
}

/// An attempt that has ended.
#[derive(Debug)]
pub struct EndedAttempt {
    /// How it ended.
    pub end: AttemptEnd,
    /// The summary of its output, if that is structured.
    pub summary: Option<StreamSummary>,
    /// The last line of its standard error.
    pub last_words: Option<String>,
    /// The usage limit that its output mentions.
    pub limit: Option<ReportedLimit>,
    /// The number of messages that it did not accept.
    pub unheard: usize,
    /// Whether it reviews another agent's work: then denied permissions are not a failure.
    pub is_reviewer: bool,
}

impl From<AttemptEnd> for EndedAttempt {
    fn from(end: AttemptEnd) -> Self {
        Self { end, summary: None, last_words: None, limit: None, unheard: 0, is_reviewer: false }
    }
}

/// What an end means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Conclusion {
    /// The phase that it leads to.
    pub phase: Phase,
    /// The reason, for people.
    pub reason: Option<String>,
    /// Whether resuming the same session later may succeed.
    pub is_transient: bool,
}

impl Conclusion {
    fn of(phase: Phase, reason: impl Into<Option<String>>) -> Self {
        Self { phase, reason: reason.into(), is_transient: false }
    }

    fn transient(phase: Phase, reason: String) -> Self {
        Self { phase, reason: Some(reason), is_transient: true }
    }
}

impl AttemptEnd {
    /// Returns the exit code as a shell reports it, 128 + n for signal n.
    pub const fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exit(code) => Some(*code),
            Self::Signal(number) => Some(128 + *number),
            _ => None,
        }
    }

    /// Returns whether the program ended by itself.
    pub const fn is_by_program(&self) -> bool {
        self.exit_code().is_some() || matches!(self, Self::Limited(_))
    }

    /// Returns whether the supervisor resumes the agent after this end, when a usage limit is over.
    pub const fn resumes(&self) -> bool {
        matches!(self, Self::Limited(limit) if limit.resumes)
    }
}

impl EndedAttempt {
    /// Returns what the end means, without regard to the work.
    pub fn conclusion(&self) -> Conclusion {
        match &self.end {
            AttemptEnd::TimedOut(seconds) => {
                Conclusion::of(Phase::Timeout, format!("ran longer than {seconds} s"))
            }
            AttemptEnd::Idle(seconds) => {
                Conclusion::transient(Phase::Timeout, format!("idle for {seconds} s"))
            }
            AttemptEnd::NeedsAnswer(what) => {
                Conclusion::of(Phase::Failed, format!("asked, but nobody can answer: {what}"))
            }
            AttemptEnd::Stopped(why) => Conclusion::of(Phase::Stopped, why.clone()),
            AttemptEnd::Paused(why) => Conclusion::of(Phase::Paused, why.clone()),
            AttemptEnd::Limited(limit) => Conclusion::of(Phase::Paused, limit.sentence()),
            AttemptEnd::Failed(why) => Conclusion::of(Phase::Failed, why.clone()),
            AttemptEnd::Exit(code) => match &self.summary {
                Some(summary) => self.exited(summary, *code),
                None if *code == 0 => Conclusion::of(Phase::Done, None),
                None => Conclusion::of(Phase::Failed, format!("exit code {code}")),
            },
            AttemptEnd::Signal(number) => self.signal(*number),
        }
    }

    /// Returns the usage limit that ended the attempt: the last turn failed, or the program failed or idled, after the limit was
    /// reached.
    pub fn limit_reached(&self) -> Option<&ReportedLimit> {
        let last_turn = self.summary.as_ref().and_then(|summary| summary.last_turn.as_ref());
        let gave_up = match (&self.end, last_turn) {
            (AttemptEnd::Exit(_), Some(turn)) => {
                let is_context = |kind| matches!(kind, FailureKind::ContextFull { .. });
                turn.failure.as_ref().is_some_and(|failure| !is_context(failure.kind))
            }
            (AttemptEnd::Exit(code), _) => *code != 0,
            (AttemptEnd::Idle(_), _) => true,
            _ => false,
        };
        self.limit.as_ref().filter(|limit| gave_up && !limit.warning)
    }

    /// Returns why another profile may take over: the program ended by itself without a tool, because of a usage limit, of a failure
    /// that would come again, or before its session began. A program without structured output may have done anything.
    pub fn reason_to_fall_back(&self) -> Option<String> {
        let summary = self.summary.as_ref().filter(|summary| !summary.called_tool)?;
        let is_refused = match &self.end {
            AttemptEnd::Limited(_) => true,
            AttemptEnd::Exit(code) => match &summary.last_turn {
                Some(Turn { failure: Some(failure), .. }) => {
                    matches!(failure.kind, FailureKind::NotLoggedIn { .. } | FailureKind::Permanent)
                }
                Some(_) => false,
                None => !summary.begun && !matches!(*code, 0 | 129 | 130 | 143),
            },
            _ => false,
        };
        self.conclusion().reason.filter(|_| is_refused)
    }

    /// Returns what a signal means. A crash or a kill by the system is transient; an end requested by a person is not.
    fn signal(&self, number: i32) -> Conclusion {
        let reason = format!("ended by signal {number}");
        let told = matches!(number, 1 | 2 | 15);
        if self.summary.as_ref().is_some_and(|summary| summary.begun) && !told {
            Conclusion::transient(Phase::Failed, reason)
        } else {
            Conclusion::of(Phase::Failed, reason)
        }
    }

    /// Returns what an exit with structured output means. The exit code alone is not enough: it may be 0 for unfinished work.
    fn exited(&self, summary: &StreamSummary, code: i32) -> Conclusion {
        match summary.last_turn.as_ref().map(|turn| (turn, &turn.failure)) {
            Some((turn, Some(failure))) => failed(turn, failure),
            Some(_) if code == 0 => Conclusion::of(Phase::Done, None),
            Some(_) => Conclusion::of(Phase::Failed, self.with_last_words(format!("exit code {code}"))),
            None if matches!(code, 129 | 130 | 143) => {
                Conclusion::of(Phase::Failed, format!("ended by signal {}", code - 128))
            }
            None if code == 0 => Conclusion::of(Phase::Failed, "interrupted before it was done".to_owned()),
            None if summary.begun => Conclusion::transient(
                Phase::Failed,
                self.with_last_words(format!("crashed with exit code {code}")),
            ),
            None => Conclusion::of(Phase::Failed, self.with_last_words(format!("exit code {code}"))),
        }
    }

    fn with_last_words(&self, reason: String) -> String {
        match &self.last_words {
            Some(words) => format!("{reason}: {words}"),
            None => reason,
        }
    }

    /// Returns the phase and reason, given the captured work. An end without error counts as done only if the work could be
    /// captured and is finished. Without any change it is done with a remark, but failed if a permission was denied.
    pub fn judge(&self, captured: Result<&CapturedWork, &Error>) -> (Phase, Option<String>) {
        let Conclusion { phase, reason, .. } = self.conclusion();
        let no_success = if phase == Phase::Done { Phase::Failed } else { phase };
        let unsaved = match captured {
            Ok(captured) => captured.unsaved.clone(),
            Err(error) => Some(error.one_line()),
        };
        if let Some(why) = unsaved {
            return (no_success, join(reason, Some(format!("its work stays in the worktree: {why}"))));
        }
        let Ok(captured) = captured else { return (no_success, reason) };
        if let Some(unfinished) = &captured.unfinished {
            return (no_success, join(reason, Some(unfinished.sentence())));
        }
        let denied = self
            .summary
            .as_ref()
            .filter(|_| !self.is_reviewer)
            .and_then(|summary| summary.first_denied.as_ref());
        if phase == Phase::Done && captured.work.commits == 0 {
            return match denied {
                Some(what) => (Phase::Failed, Some(format!("denied: {what}"))),
                None => (phase, Some("nothing changed".to_owned())),
            };
        }
        let off = captured.off_branch.as_deref().map(|why| format!("not on its branch: {why}"));
        let unrecorded = captured.unrecorded.as_deref();
        let unrecorded =
            unrecorded.map(|why| format!("changes outside its worktree are not recorded: {why}"));
        (phase, join(join(join(reason, off), captured.remark.clone()), unrecorded))
    }

    /// Returns the event that records the end, with the work.
    pub fn fact(&self, attempt: u32, captured: Result<&CapturedWork, &Error>) -> Finished {
        let (phase, reason) = self.judge(captured);
        let finished = Finished { reason, ..self.base_fact(attempt, phase) };
        match captured {
            Err(error) => Finished { unsaved: Some(error.one_line()), ..finished },
            Ok(work) => Finished {
                head: Some(work.head.clone()),
                work: work.work.clone(),
                unfinished: work.unfinished.as_ref().map(Unfinished::sentence),
                unsaved: work.unsaved.clone(),
                last_words: work.last_words.clone(),
                ..finished
            },
        }
    }

    /// Returns the event that records the end if another attempt follows.
    pub fn fact_before_retry(&self, attempt: u32) -> Finished {
        let Conclusion { phase, reason, .. } = self.conclusion();
        Finished { reason, ..self.base_fact(attempt, phase) }
    }

    fn base_fact(&self, attempt: u32, phase: Phase) -> Finished {
        let usage = self.summary.as_ref().map(|summary| summary.usage.clone());
        Finished {
            usage,
            unheard: self.unheard as u64,
            limit: match &self.end {
                AttemptEnd::Limited(limit) => Some(limit.clone()),
                _ => self.limit.as_ref().filter(|limit| limit.warning).map(ReportedLimit::for_event),
            },
            exit: self.end.exit_code(),
            ..Finished::empty(attempt, phase)
        }
    }
}

/// Returns what the failure of a turn means for the agent.
fn failed(turn: &Turn, failure: &TurnFailure) -> Conclusion {
    let sentence = first_line(&turn.text).unwrap_or(&failure.word).to_owned();
    let reason = match failure.kind {
        FailureKind::Transient | FailureKind::ContextFull { is_transient: true } => {
            return Conclusion::transient(Phase::Failed, sentence);
        }
        FailureKind::OutOfTurns => "used up its turns (--max-turns)".to_owned(),
        FailureKind::OutOfBudget => "spent its budget (--budget)".to_owned(),
        FailureKind::Interrupted => "interrupted before it was done".to_owned(),
        FailureKind::NotLoggedIn { login } => format!("not logged in: {sentence} ({login})"),
        FailureKind::ContextFull { is_transient: false } | FailureKind::Permanent => sentence,
    };
    Conclusion::of(Phase::Failed, reason)
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

fn join(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first}; {second}")),
        (first, second) => first.or(second),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Oid, WorkStat};

    fn captured(commits: u64, off_branch: Option<&str>) -> CapturedWork {
        let work = WorkStat { commits, ..WorkStat::default() };
        CapturedWork {
            work,
            off_branch: off_branch.map(str::to_owned),
            ..CapturedWork::nothing(Oid::NULL.into())
        }
    }

    fn unfinished(conflicts: &[&str]) -> CapturedWork {
        let conflicts = conflicts.iter().map(|file| (*file).to_owned()).collect();
        let unfinished = Some(Unfinished { operation: Some("merge".to_owned()), conflicts });
        CapturedWork { unfinished, ..captured(1, Some("a merge is under way")) }
    }

    #[test]
    fn every_end_has_its_phase_and_reason() {
        let full = Error::refused("no space");
        let gone = CapturedWork { remark: Some("its worktree is gone".to_owned()), ..captured(1, None) };
        let unsaved = Some("the worktree is a symbolic link".to_owned());
        let unsaved = CapturedWork { unsaved, ..captured(1, Some("the worktree is a symbolic link")) };
        for (end, work, phase, reason) in [
            (AttemptEnd::Exit(0), Ok(&captured(1, None)), Phase::Done, None),
            (AttemptEnd::Exit(0), Ok(&captured(0, None)), Phase::Done, Some("nothing changed")),
            (
                AttemptEnd::Exit(0),
                Err(&full),
                Phase::Failed,
                Some("its work stays in the worktree: no space"),
            ),
            (AttemptEnd::Exit(3), Ok(&captured(0, None)), Phase::Failed, Some("exit code 3")),
            (
                AttemptEnd::Exit(3),
                Err(&full),
                Phase::Failed,
                Some("exit code 3; its work stays in the worktree: no space"),
            ),
            (AttemptEnd::Signal(9), Ok(&captured(1, None)), Phase::Failed, Some("ended by signal 9")),
            (AttemptEnd::TimedOut(5), Ok(&captured(1, None)), Phase::Timeout, Some("ran longer than 5 s")),
            (AttemptEnd::Idle(5), Ok(&captured(1, None)), Phase::Timeout, Some("idle for 5 s")),
            (AttemptEnd::Stopped(None), Ok(&captured(0, None)), Phase::Stopped, None),
            (AttemptEnd::Paused(Some("lunch".into())), Ok(&captured(0, None)), Phase::Paused, Some("lunch")),
            (
                AttemptEnd::Stopped(None),
                Err(&full),
                Phase::Stopped,
                Some("its work stays in the worktree: no space"),
            ),
            (
                AttemptEnd::Exit(0),
                Ok(&captured(2, Some("the branch moved"))),
                Phase::Done,
                Some("not on its branch: the branch moved"),
            ),
            (AttemptEnd::Exit(0), Ok(&gone), Phase::Done, Some("its worktree is gone")),
            (
                AttemptEnd::Exit(0),
                Ok(&unfinished(&["c.txt"])),
                Phase::Failed,
                Some("a merge is unfinished: conflicts in c.txt"),
            ),
            (AttemptEnd::Stopped(None), Ok(&unfinished(&[])), Phase::Stopped, Some("a merge is unfinished")),
            (
                AttemptEnd::Exit(0),
                Ok(&unsaved),
                Phase::Failed,
                Some("its work stays in the worktree: the worktree is a symbolic link"),
            ),
        ] {
            let ended = EndedAttempt::from(end.clone());
            assert_eq!(ended.judge(work), (phase, reason.map(str::to_owned)), "{end:?}");
        }
        assert_eq!(AttemptEnd::Signal(15).exit_code(), Some(143));
    }

    fn turn(failure: Option<FailureKind>) -> Option<Turn> {
        let failure = failure.map(|kind| TurnFailure { word: "word".into(), kind });
        Some(Turn { failure, text: "words".into(), ..Turn::default() })
    }

    #[test]
    fn ends_with_structured_output() {
        /// End, begun, last turn, then phase, reason, transient.
        type Row = (AttemptEnd, bool, Option<Turn>, Phase, &'static str, bool);
        let failed = |kind| turn(Some(kind));
        let login = FailureKind::NotLoggedIn { login: "log in" };
        let context_full = FailureKind::ContextFull { is_transient: false };
        let out_of_turns = "used up its turns (--max-turns)";
        let interrupted = "interrupted before it was done";
        let table: &[Row] = &[
            (AttemptEnd::Exit(0), true, turn(None), Phase::Done, "", false),
            (AttemptEnd::Exit(1), true, turn(None), Phase::Failed, "exit code 1: last", false),
            (AttemptEnd::Exit(0), true, None, Phase::Failed, interrupted, false),
            (AttemptEnd::Exit(1), true, None, Phase::Failed, "crashed with exit code 1: last", true),
            (AttemptEnd::Exit(1), false, None, Phase::Failed, "exit code 1: last", false),
            (AttemptEnd::Exit(143), true, None, Phase::Failed, "ended by signal 15", false),
            (AttemptEnd::Signal(9), true, None, Phase::Failed, "ended by signal 9", true),
            (AttemptEnd::Signal(15), true, None, Phase::Failed, "ended by signal 15", false),
            (AttemptEnd::Idle(300), true, None, Phase::Timeout, "idle for 300 s", true),
            (AttemptEnd::TimedOut(9), true, None, Phase::Timeout, "ran longer than 9 s", false),
            (AttemptEnd::Exit(1), true, failed(FailureKind::OutOfTurns), Phase::Failed, out_of_turns, false),
            (
                AttemptEnd::Exit(1),
                true,
                failed(FailureKind::OutOfBudget),
                Phase::Failed,
                "spent its budget (--budget)",
                false,
            ),
            (AttemptEnd::Exit(0), true, failed(FailureKind::Interrupted), Phase::Failed, interrupted, false),
            (AttemptEnd::Exit(1), true, failed(FailureKind::Transient), Phase::Failed, "words", true),
            (AttemptEnd::Exit(1), true, failed(login), Phase::Failed, "not logged in: words (log in)", false),
            (AttemptEnd::Exit(1), true, failed(context_full), Phase::Failed, "words", false),
            (AttemptEnd::Exit(1), false, failed(FailureKind::Permanent), Phase::Failed, "words", false),
        ];
        for (end, begun, last_turn, phase, reason, is_transient) in table {
            let mut summary = StreamSummary::default();
            (summary.begun, summary.last_turn) = (*begun, last_turn.clone());
            let last_words = Some("last".to_owned());
            let ended =
                EndedAttempt { summary: Some(summary), last_words, ..EndedAttempt::from(end.clone()) };
            let expected = Conclusion {
                phase: *phase,
                reason: Some((*reason).to_owned()).filter(|reason| !reason.is_empty()),
                is_transient: *is_transient,
            };
            assert_eq!(ended.conclusion(), expected, "{end:?} {last_turn:?}");
        }
    }

    #[test]
    fn only_limits_that_ended_the_attempt_count() {
        let reached = |warning| ReportedLimit { warning, ..ReportedLimit::unknown() };
        let failed = |kind| turn(Some(kind));
        for (end, last, warning, expected) in [
            (AttemptEnd::Exit(1), failed(FailureKind::Transient), false, true),
            // The context is full, which is not a usage limit.
            (AttemptEnd::Exit(1), failed(FailureKind::ContextFull { is_transient: true }), false, false),
            (AttemptEnd::Exit(0), turn(None), true, false),
            (AttemptEnd::Exit(1), failed(FailureKind::Transient), true, false),
            (AttemptEnd::Exit(1), None, false, true),
            (AttemptEnd::Exit(0), None, false, false),
            (AttemptEnd::Idle(300), None, false, true),
            (AttemptEnd::Stopped(None), None, false, false),
            (AttemptEnd::TimedOut(9), None, false, false),
        ] {
            let mut summary = StreamSummary::default();
            summary.last_turn = last;
            let limit = Some(reached(warning));
            let ended = EndedAttempt { summary: Some(summary), limit, ..EndedAttempt::from(end) };
            assert_eq!(ended.limit_reached().is_some(), expected, "{ended:?}");
        }
        let limit = Limit { resumes: true, ..Limit::of(crate::model::LimitKind::FiveHour) };
        let ended = EndedAttempt::from(AttemptEnd::Limited(limit.clone()));
        assert!(ended.end.resumes() && ended.end.is_by_program());
        let fact = ended.fact(3, Ok(&captured(1, None)));
        assert_eq!((fact.phase, fact.limit, fact.work.commits), (Phase::Paused, Some(limit), 1));
        assert_eq!(fact.reason.as_deref(), Some("5-hour limit reached"));
    }

    #[test]
    fn denied_permissions_fail_only_without_changes() {
        let mut summary = StreamSummary::default();
        summary.last_turn = turn(None);
        summary.first_denied = Some("Bash touch x".into());
        let ended = EndedAttempt { summary: Some(summary), ..EndedAttempt::from(AttemptEnd::Exit(0)) };
        assert_eq!(ended.judge(Ok(&captured(0, None))), (Phase::Failed, Some("denied: Bash touch x".into())));
        assert_eq!(ended.judge(Ok(&captured(1, None))), (Phase::Done, None));
        let reviewer = EndedAttempt { is_reviewer: true, ..ended };
        assert_eq!(reviewer.judge(Ok(&captured(0, None))), (Phase::Done, Some("nothing changed".into())));
    }
}
