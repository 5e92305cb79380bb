//! What the end of an attempt means. Pure.

use crate::{
    Error,
    model::{Limit, Phase, event::Finished},
    profile::{Tally, Turn, limit::Reached},
    worktree::{take::Taken, unfinished::Unfinished},
};

/// How an attempt came to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum End {
    /// The program returned this.
    Exit(i32),
    /// A signal ended the program.
    Signal(i32),
    /// It took longer than it may, in seconds.
    TooLong(u64),
    /// It gave no sign of life for so many seconds.
    Idle(u64),
    /// It asked for something, and nobody is there to answer.
    Asked(String),
    /// Somebody asked for its end.
    Stopped(Option<String>),
    /// Somebody asked for a pause.
    Paused(Option<String>),
    /// The service behind it gives no more for a while.
    Limited(Limit),
    /// We could not go on.
    Broken(String),
}

/// An attempt at its end.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub end: End,
    /// What it said, where that is understood.
    pub tally: Option<Tally>,
    /// Its last complaint.
    pub last_words: Option<String>,
    /// The usage limit that it spoke of.
    pub limit: Option<Reached>,
    /// How many messages to it were not taken up.
    pub unheard: usize,
    /// It judges another agent's work: what it may not do is no failure of its own.
    pub judges: bool,
}

impl From<End> for Ended {
    fn from(end: End) -> Self {
        Self { end, tally: None, last_words: None, limit: None, unheard: 0, judges: false }
    }
}

/// What an end means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// The phase.
    pub phase: Phase,
    /// Why, for people.
    pub reason: Option<String>,
    /// The same conversation, gone on with in a while, may well come to a better end.
    pub may_pass: bool,
}

impl Verdict {
    fn of(phase: Phase, reason: impl Into<Option<String>>) -> Self {
        Self { phase, reason: reason.into(), may_pass: false }
    }

    fn passing(phase: Phase, reason: String) -> Self {
        Self { phase, reason: Some(reason), may_pass: true }
    }
}

impl End {
    /// What the program returned, as a shell would say it.
    pub const fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exit(code) => Some(*code),
            Self::Signal(number) => Some(128 + *number),
            _ => None,
        }
    }

    /// The program ended by itself.
    pub const fn is_its_own(&self) -> bool {
        self.exit_code().is_some() || matches!(self, Self::Limited(_))
    }

    /// It is a pause after which the supervisor resumes the agent.
    pub const fn resumes(&self) -> bool {
        matches!(self, Self::Limited(limit) if limit.resumes)
    }
}

impl Ended {
    /// What it means, before its work is looked at.
    pub fn verdict(&self) -> Verdict {
        match &self.end {
            End::TooLong(seconds) => Verdict::of(Phase::Timeout, format!("ran longer than {seconds} s")),
            End::Idle(seconds) => {
                Verdict::passing(Phase::Timeout, format!("no sign of life for {seconds} s"))
            }
            End::Asked(what) => Verdict::of(Phase::Failed, format!("asked, and nobody answers: {what}")),
            End::Stopped(why) => Verdict::of(Phase::Stopped, why.clone()),
            End::Paused(why) => Verdict::of(Phase::Paused, why.clone()),
            End::Limited(limit) => Verdict::of(Phase::Paused, limit.sentence()),
            End::Broken(why) => Verdict::of(Phase::Failed, why.clone()),
            End::Exit(code) => match &self.tally {
                Some(tally) => self.said(tally, *code),
                None if *code == 0 => Verdict::of(Phase::Done, None),
                None => Verdict::of(Phase::Failed, format!("exit code {code}")),
            },
            End::Signal(number) => self.signal(*number),
        }
    }

    /// The usage limit that ended it: it was reached, nothing was answered after that, and the program gave up, or waits.
    pub fn limit_reached(&self) -> Option<&Reached> {
        let gave_up = match (&self.end, self.tally.as_ref().map(|tally| tally.last.as_ref())) {
            (End::Exit(_), Some(Some(turn))) => !turn.ok && turn.how != "blocking_limit",
            (End::Exit(code), _) => *code != 0,
            (End::Idle(_), _) => true,
            _ => false,
        };
        self.limit.as_ref().filter(|limit| gave_up && !limit.warning)
    }

    /// Killed by the system, or crashed: that may pass. Told to end by a person: it may not.
    fn signal(&self, number: i32) -> Verdict {
        let reason = format!("ended by signal {number}");
        let told = matches!(number, 1 | 2 | 15);
        if self.tally.as_ref().is_some_and(|tally| tally.begun) && !told {
            Verdict::passing(Phase::Failed, reason)
        } else {
            Verdict::of(Phase::Failed, reason)
        }
    }

    /// A program whose speech we understand tells more than its exit code, which is 0 for much that is not done.
    fn said(&self, tally: &Tally, code: i32) -> Verdict {
        match &tally.last {
            Some(turn) if turn.ok && code == 0 => Verdict::of(Phase::Done, None),
            Some(turn) if !turn.ok => unfinished(tally, turn),
            Some(_) => Verdict::of(Phase::Failed, self.with_last_words(format!("exit code {code}"))),
            None if matches!(code, 129 | 130 | 143) => {
                Verdict::of(Phase::Failed, format!("ended by signal {}", code - 128))
            }
            None if code == 0 => Verdict::of(Phase::Failed, "interrupted before it was done".to_owned()),
            None if tally.begun => Verdict::passing(
                Phase::Failed,
                self.with_last_words(format!("crashed with exit code {code}")),
            ),
            None => Verdict::of(Phase::Failed, self.with_last_words(format!("exit code {code}"))),
        }
    }

    fn with_last_words(&self, reason: String) -> String {
        match &self.last_words {
            Some(words) => format!("{reason}: {words}"),
            None => reason,
        }
    }

    /// The phase that it means with the work that was taken, and why. An end without error is only good if the work could be
    /// taken and is finished; without any change it is done and says so, unless the change was denied.
    pub fn judge(&self, taken: Result<&Taken, &Error>) -> (Phase, Option<String>) {
        let Verdict { phase, reason, .. } = self.verdict();
        let no_success = if phase == Phase::Done { Phase::Failed } else { phase };
        let unsaved = match taken {
            Ok(taken) => taken.unsaved.clone(),
            Err(error) => Some(error.one_line()),
        };
        if let Some(why) = unsaved {
            return (no_success, join(reason, Some(format!("its work stays in the worktree: {why}"))));
        }
        let Ok(taken) = taken else { return (no_success, reason) };
        if let Some(unfinished) = &taken.unfinished {
            return (no_success, join(reason, Some(unfinished.sentence())));
        }
        let denied =
            self.tally.as_ref().filter(|_| !self.judges).and_then(|tally| tally.first_denied.as_ref());
        if phase == Phase::Done && taken.work.commits == 0 {
            return match denied {
                Some(what) => (Phase::Failed, Some(format!("denied: {what}"))),
                None => (phase, Some("nothing changed".to_owned())),
            };
        }
        let off = taken.off_branch.as_deref().map(|why| format!("not on its branch: {why}"));
        let unrecorded = taken.unrecorded.as_deref();
        let unrecorded = unrecorded.map(|why| format!("what changed around it is not recorded: {why}"));
        (phase, join(join(join(reason, off), taken.remark.clone()), unrecorded))
    }

    /// The event that tells it, with the work.
    pub fn fact(&self, attempt: u32, taken: Result<&Taken, &Error>) -> Finished {
        let (phase, reason) = self.judge(taken);
        let finished = Finished { reason, ..self.bare_fact(attempt, phase) };
        match taken {
            Err(error) => Finished { unsaved: Some(error.one_line()), ..finished },
            Ok(work) => Finished {
                head: Some(work.head.clone()),
                work: work.work.clone(),
                unfinished: work.unfinished.as_ref().map(Unfinished::sentence),
                unsaved: work.unsaved.clone(),
                ..finished
            },
        }
    }

    /// The event that tells it, where another attempt goes on with the work.
    pub fn fact_between(&self, attempt: u32) -> Finished {
        let verdict = self.verdict();
        Finished { reason: verdict.reason, ..self.bare_fact(attempt, verdict.phase) }
    }

    fn bare_fact(&self, attempt: u32, phase: Phase) -> Finished {
        let usage = self.tally.as_ref().map(|tally| tally.usage.clone());
        Finished {
            usage,
            unheard: self.unheard as u64,
            limit: match &self.end {
                End::Limited(limit) => Some(limit.clone()),
                _ => self.limit.as_ref().filter(|limit| limit.warning).map(Reached::noted),
            },
            exit: self.end.exit_code(),
            ..Finished::empty(attempt, phase)
        }
    }
}

/// A turn that did not end as it should: its name for people, and whether it may pass.
fn unfinished(tally: &Tally, turn: &Turn) -> Verdict {
    match turn.how.as_str() {
        "error_max_turns" | "max_turns" => {
            Verdict::of(Phase::Failed, "used up its turns (--max-turns)".to_owned())
        }
        "error_max_budget_usd" | "budget_exhausted" => {
            Verdict::of(Phase::Failed, "spent its budget (--budget)".to_owned())
        }
        "aborted_streaming" | "aborted_tools" => {
            Verdict::of(Phase::Failed, "interrupted before it was done".to_owned())
        }
        how => {
            let kind = tally.trouble.as_ref().map_or("", |trouble| trouble.kind.as_str());
            let sentence = first_line(&turn.text).unwrap_or(how);
            let refused = matches!(kind, "authentication_failed" | "billing_error" | "invalid_request");
            match turn.status {
                _ if kind == "authentication_failed" || turn.status == Some(401) => Verdict::of(
                    Phase::Failed,
                    format!("not logged in: {sentence} (run 'claude' once to log in)"),
                ),
                Some(408 | 409 | 429 | 500..) => Verdict::passing(Phase::Failed, sentence.to_owned()),
                Some(_) => Verdict::of(Phase::Failed, sentence.to_owned()),
                None if how == "api_error" && !refused => {
                    Verdict::passing(Phase::Failed, sentence.to_owned())
                }
                None => Verdict::of(Phase::Failed, sentence.to_owned()),
            }
        }
    }
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
    use crate::{
        model::{Oid, WorkStat},
        profile::Trouble,
    };

    fn taken(commits: u64, off_branch: Option<&str>) -> Taken {
        let work = WorkStat { commits, ..WorkStat::default() };
        Taken { work, off_branch: off_branch.map(str::to_owned), ..Taken::nothing(Oid::NULL.into()) }
    }

    fn unfinished(conflicts: &[&str]) -> Taken {
        let conflicts = conflicts.iter().map(|file| (*file).to_owned()).collect();
        let unfinished = Some(Unfinished { operation: Some("merge".to_owned()), conflicts });
        Taken { unfinished, ..taken(1, Some("a merge is under way")) }
    }

    #[test]
    fn every_end_has_its_phase_and_reason() {
        let full = Error::refused("no space");
        let gone = Taken { remark: Some("its worktree is gone".to_owned()), ..taken(1, None) };
        let unsaved = Some("the worktree is a symbolic link".to_owned());
        let unsaved = Taken { unsaved, ..taken(1, Some("the worktree is a symbolic link")) };
        for (end, work, phase, reason) in [
            (End::Exit(0), Ok(&taken(1, None)), Phase::Done, None),
            (End::Exit(0), Ok(&taken(0, None)), Phase::Done, Some("nothing changed")),
            (End::Exit(0), Err(&full), Phase::Failed, Some("its work stays in the worktree: no space")),
            (End::Exit(3), Ok(&taken(0, None)), Phase::Failed, Some("exit code 3")),
            (
                End::Exit(3),
                Err(&full),
                Phase::Failed,
                Some("exit code 3; its work stays in the worktree: no space"),
            ),
            (End::Signal(9), Ok(&taken(1, None)), Phase::Failed, Some("ended by signal 9")),
            (End::TooLong(5), Ok(&taken(1, None)), Phase::Timeout, Some("ran longer than 5 s")),
            (End::Idle(5), Ok(&taken(1, None)), Phase::Timeout, Some("no sign of life for 5 s")),
            (End::Stopped(None), Ok(&taken(0, None)), Phase::Stopped, None),
            (End::Paused(Some("lunch".into())), Ok(&taken(0, None)), Phase::Paused, Some("lunch")),
            (
                End::Stopped(None),
                Err(&full),
                Phase::Stopped,
                Some("its work stays in the worktree: no space"),
            ),
            (
                End::Exit(0),
                Ok(&taken(2, Some("the branch moved"))),
                Phase::Done,
                Some("not on its branch: the branch moved"),
            ),
            (End::Exit(0), Ok(&gone), Phase::Done, Some("its worktree is gone")),
            (
                End::Exit(0),
                Ok(&unfinished(&["c.txt"])),
                Phase::Failed,
                Some("a merge is unfinished: conflicts in c.txt"),
            ),
            (End::Stopped(None), Ok(&unfinished(&[])), Phase::Stopped, Some("a merge is unfinished")),
            (
                End::Exit(0),
                Ok(&unsaved),
                Phase::Failed,
                Some("its work stays in the worktree: the worktree is a symbolic link"),
            ),
        ] {
            let ended = Ended::from(end.clone());
            assert_eq!(ended.judge(work), (phase, reason.map(str::to_owned)), "{end:?}");
        }
        assert_eq!(End::Signal(15).exit_code(), Some(143));
    }

    fn turn(ok: bool, how: &str, status: Option<u16>) -> Option<Turn> {
        Some(Turn { ok, how: how.into(), status, text: "words".into(), ..Turn::default() })
    }

    #[test]
    fn what_a_conversation_came_to() {
        /// End, begun, last turn, trouble, then phase, reason, may pass.
        type Row = (End, bool, Option<Turn>, &'static str, Phase, &'static str, bool);
        let table: &[Row] = &[
            (End::Exit(0), true, turn(true, "success", None), "", Phase::Done, "", false),
            (End::Exit(1), true, turn(true, "success", None), "", Phase::Failed, "exit code 1: last", false),
            (End::Exit(0), true, None, "", Phase::Failed, "interrupted before it was done", false),
            (End::Exit(1), true, None, "", Phase::Failed, "crashed with exit code 1: last", true),
            (End::Exit(1), false, None, "", Phase::Failed, "exit code 1: last", false),
            (End::Exit(143), true, None, "", Phase::Failed, "ended by signal 15", false),
            (End::Signal(9), true, None, "", Phase::Failed, "ended by signal 9", true),
            (End::Signal(15), true, None, "", Phase::Failed, "ended by signal 15", false),
            (End::Idle(300), true, None, "", Phase::Timeout, "no sign of life for 300 s", true),
            (End::TooLong(9), true, None, "", Phase::Timeout, "ran longer than 9 s", false),
            (
                End::Exit(1),
                true,
                turn(false, "max_turns", None),
                "",
                Phase::Failed,
                "used up its turns (--max-turns)",
                false,
            ),
            (
                End::Exit(1),
                true,
                turn(false, "budget_exhausted", None),
                "",
                Phase::Failed,
                "spent its budget (--budget)",
                false,
            ),
            (
                End::Exit(0),
                true,
                turn(false, "aborted_tools", None),
                "",
                Phase::Failed,
                "interrupted before it was done",
                false,
            ),
            (End::Exit(1), true, turn(false, "api_error", Some(529)), "", Phase::Failed, "words", true),
            (End::Exit(1), true, turn(false, "api_error", Some(429)), "", Phase::Failed, "words", true),
            (End::Exit(1), true, turn(false, "api_error", Some(400)), "", Phase::Failed, "words", false),
            (
                End::Exit(1),
                true,
                turn(false, "api_error", Some(401)),
                "",
                Phase::Failed,
                "not logged in: words (run 'claude' once to log in)",
                false,
            ),
            (
                End::Exit(1),
                true,
                turn(false, "api_error", None),
                "authentication_failed",
                Phase::Failed,
                "not logged in: words (run 'claude' once to log in)",
                false,
            ),
            (End::Exit(1), true, turn(false, "api_error", None), "unknown", Phase::Failed, "words", true),
            (
                End::Exit(1),
                false,
                turn(false, "error_during_execution", None),
                "",
                Phase::Failed,
                "words",
                false,
            ),
        ];
        for (end, begun, last, trouble, phase, reason, may_pass) in table {
            let trouble = Some(Trouble { kind: (*trouble).to_owned(), text: String::new() });
            let mut tally = Tally::default();
            (tally.begun, tally.last, tally.trouble) = (*begun, last.clone(), trouble);
            let ended =
                Ended { tally: Some(tally), last_words: Some("last".to_owned()), ..Ended::from(end.clone()) };
            let expected = Verdict {
                phase: *phase,
                reason: Some((*reason).to_owned()).filter(|reason| !reason.is_empty()),
                may_pass: *may_pass,
            };
            assert_eq!(ended.verdict(), expected, "{end:?} {last:?}");
        }
    }

    #[test]
    fn a_limit_is_one_that_ended_the_attempt() {
        let reached = |warning| Reached { warning, ..Reached::unknown() };
        let failed = |how: &str| turn(false, how, Some(429));
        for (end, last, warning, expected) in [
            (End::Exit(1), failed("api_error"), false, true),
            // The conversation is too long: a limit of another kind.
            (End::Exit(1), failed("blocking_limit"), false, false),
            (End::Exit(0), turn(true, "success", None), true, false),
            (End::Exit(1), failed("api_error"), true, false),
            (End::Exit(1), None, false, true),
            (End::Exit(0), None, false, false),
            (End::Idle(300), None, false, true),
            (End::Stopped(None), None, false, false),
            (End::TooLong(9), None, false, false),
        ] {
            let mut tally = Tally::default();
            tally.last = last;
            let limit = Some(reached(warning));
            let ended = Ended { tally: Some(tally), limit, ..Ended::from(end) };
            assert_eq!(ended.limit_reached().is_some(), expected, "{ended:?}");
        }
        let limit = Limit { resumes: true, ..Limit::of(crate::model::LimitKind::FiveHour) };
        let ended = Ended::from(End::Limited(limit.clone()));
        assert!(ended.end.resumes() && ended.end.is_its_own());
        let fact = ended.fact(3, Ok(&taken(1, None)));
        assert_eq!((fact.phase, fact.limit, fact.work.commits), (Phase::Paused, Some(limit), 1));
        assert_eq!(fact.reason.as_deref(), Some("5-hour limit reached"));
    }

    #[test]
    fn a_change_that_was_denied_is_a_failure_and_one_that_came_about_is_not() {
        let mut tally = Tally::default();
        tally.last = turn(true, "success", None);
        tally.first_denied = Some("Bash touch x".into());
        let ended = Ended { tally: Some(tally), ..Ended::from(End::Exit(0)) };
        assert_eq!(ended.judge(Ok(&taken(0, None))), (Phase::Failed, Some("denied: Bash touch x".into())));
        assert_eq!(ended.judge(Ok(&taken(1, None))), (Phase::Done, None));
        let judge = Ended { judges: true, ..ended };
        assert_eq!(judge.judge(Ok(&taken(0, None))), (Phase::Done, Some("nothing changed".into())));
    }
}
