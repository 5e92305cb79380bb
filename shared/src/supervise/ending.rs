//! Decides what the end of an attempt means: the phase, the reason, and whether to retry.

mod cause;

pub use self::cause::{Cause, Measured};
use crate::{
    Error,
    agents::{FailureKind, StreamSummary, Turn, TurnFailure, limit::ReportedLimit},
    model::{Cap, Limit, Phase, WorkCheck, event::Finished},
    worktree::{capture::CapturedWork, unfinished::Unfinished},
};

/// What stands before the reason why files could not be saved.
const STAYS: &str = "its work stays in the worktree: ";

/// How an attempt ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AttemptEnd {
    /// The program exited with this code.
    Exit(i32),
    /// The program was ended by this signal.
    Signal(i32),
    /// The program ended its last turn, but stayed after its input was closed.
    Stayed,
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
    /// A cap on money or tokens was reached.
    Capped(Cap),
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
    /// What its exit code says, if it ended before its turn did.
    pub exit_failure: Option<FailureKind>,
    /// The usage limit that its output mentions.
    pub limit: Option<ReportedLimit>,
    /// The number of messages that it did not accept.
    pub unheard: usize,
    /// Whether it reviews another agent's work: then denied permissions are not a failure.
    pub is_reviewer: bool,
    /// The outcome of the check that decides whether the agent is done, if it ran.
    pub check: Option<WorkCheck>,
    /// What the machine was short of when the program failed.
    pub cause: Option<Cause>,
    /// The hosts that its sandbox refused.
    pub refused_hosts: Vec<String>,
    /// What people should know about it besides, however it ended.
    pub remark: Option<String>,
    /// What a reviewing role of a team said, in place of its last words.
    pub summary_of_review: Option<String>,
}

impl From<AttemptEnd> for EndedAttempt {
    fn from(end: AttemptEnd) -> Self {
        Self {
            end,
            summary: None,
            last_words: None,
            exit_failure: None,
            limit: None,
            unheard: 0,
            is_reviewer: false,
            check: None,
            cause: None,
            refused_hosts: Vec::new(),
            remark: None,
            summary_of_review: None,
        }
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
        self.exit_code().is_some() || matches!(self, Self::Limited(_) | Self::Stayed)
    }

    /// Returns whether the supervisor resumes the agent after this end, when a usage limit is over.
    pub const fn resumes(&self) -> bool {
        matches!(self, Self::Limited(limit) if limit.resumes)
    }

    /// Returns whether the supervisor waits after this end: for the end of a usage limit, or for an answer about a cap.
    pub const fn waits(&self) -> bool {
        self.resumes() || matches!(self, Self::Capped(_))
    }
}

impl EndedAttempt {
    /// Returns what the end means, without regard to the work. An agent whose check failed is not done.
    pub fn conclusion(&self) -> Conclusion {
        let conclusion = self.with_cause(self.conclusion_of_end());
        let failed = self.check.as_ref().and_then(WorkCheck::sentence);
        match failed.filter(|_| conclusion.phase == Phase::Done) {
            Some(sentence) => Conclusion::of(Phase::Failed, sentence),
            None => conclusion,
        }
    }

    /// Names what the machine was short of, in place of what only follows from it. A conversation that has begun is continued once there
    /// is room; a program without one would repeat what it did.
    fn with_cause(&self, conclusion: Conclusion) -> Conclusion {
        let Some(cause) = self.cause.filter(|_| conclusion.phase == Phase::Failed) else { return conclusion };
        let reason = match &conclusion.reason {
            Some(reason) => format!("{}: {reason}", cause.as_str()),
            None => cause.as_str().to_owned(),
        };
        let has_begun = self.summary.as_ref().is_some_and(|summary| summary.begun);
        Conclusion { reason: Some(reason), is_transient: conclusion.is_transient || has_begun, ..conclusion }
    }

    fn conclusion_of_end(&self) -> Conclusion {
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
            AttemptEnd::Capped(cap) => Conclusion::of(Phase::Paused, cap.sentence()),
            AttemptEnd::Failed(why) => Conclusion::of(Phase::Failed, why.clone()),
            AttemptEnd::Stayed => match &self.summary {
                Some(summary) => self.exited(summary, 0),
                None => Conclusion::of(Phase::Done, None),
            },
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
            (AttemptEnd::Exit(_) | AttemptEnd::Stayed, Some(turn)) => {
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
            None if let Some(kind) = self.exit_failure => {
                let text = self.last_words.clone().unwrap_or_else(|| format!("exit code {code}"));
                failed(&Turn { text, ..Turn::default() }, &TurnFailure { word: String::new(), kind })
            }
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
        let reason = join(reason, self.remark.clone());
        let no_success = if phase == Phase::Done { Phase::Failed } else { phase };
        let stays = |why: &str| format!("{STAYS}{why}");
        let unsaved = match captured {
            Ok(captured) if captured.is_gone => captured.unsaved.clone(),
            Ok(captured) => captured.unsaved.as_deref().map(stays),
            Err(error) => Some(stays(&error.one_line())),
        };
        if unsaved.is_some() {
            return (no_success, join(reason, unsaved));
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
                None => (phase, join(reason, Some("nothing changed".to_owned()))),
            };
        }
        let off = captured.off_branch.as_deref().map(|why| format!("not on its branch: {why}"));
        let unrecorded = captured.unrecorded.as_deref();
        let unrecorded =
            unrecorded.map(|why| format!("changes outside its worktree are not recorded: {why}"));
        (phase, join(join(join(reason, off), captured.remark.clone()), unrecorded))
    }

    /// Returns a sentence on the hosts that its sandbox refused, if it did: they may be why something failed.
    fn refusals(&self) -> Option<String> {
        let (first, rest) = self.refused_hosts.split_first()?;
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        Some(format!("its sandbox refused {first}{more} (orchestra.sandboxHost)"))
    }

    /// Returns the event that records the end, with the work.
    pub fn fact(&self, attempt: u32, captured: Result<&CapturedWork, &Error>) -> Finished {
        let (phase, reason) = self.judge(captured);
        // Programs ask for hosts of their makers as well; that matters only if something failed.
        let refusals = self.refusals().filter(|_| phase != Phase::Done);
        let reason = join(reason, refusals);
        let finished = Finished { reason, ..self.base_fact(attempt, phase) };
        match captured {
            Err(error) => Finished { unsaved: Some(error.one_line()), ..finished },
            Ok(work) => Finished {
                head: Some(work.head.clone()),
                work: work.work.clone(),
                unfinished: work.unfinished.as_ref().map(Unfinished::sentence),
                unsaved: work.unsaved.clone(),
                last_words: self.summary_of_review.clone().or_else(|| work.last_words.clone()),
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
            cap: match &self.end {
                AttemptEnd::Capped(cap) => Some(cap.clone()),
                _ => None,
            },
            exit: self.end.exit_code(),
            check: self.check.clone(),
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

/// Returns the reason for an end whose files could be saved only later, given what it was said to be then.
pub fn reason_once_saved(reason: &str) -> String {
    let before = reason.split_once(STAYS).map_or(reason, |(before, _)| before).trim_end_matches("; ");
    let before = Some(before.to_owned()).filter(|before| !before.is_empty());
    join(before, Some("its work was saved after its end".to_owned())).unwrap_or_default()
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
mod tests;
