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
    let not_saved = "its worktree is gone: what it had not committed is not saved";
    let (gone, gone_too) = (captured(1, None).without_worktree(), captured(0, None).without_worktree());
    let unsaved = Some("the worktree is a symbolic link".to_owned());
    let unsaved = CapturedWork { unsaved, ..captured(1, Some("the worktree is a symbolic link")) };
    for (end, work, phase, reason) in [
        (AttemptEnd::Exit(0), Ok(&captured(1, None)), Phase::Done, None),
        (AttemptEnd::Exit(0), Ok(&captured(0, None)), Phase::Done, Some("nothing changed")),
        (AttemptEnd::Exit(0), Err(&full), Phase::Failed, Some("its work stays in the worktree: no space")),
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
        (AttemptEnd::Exit(0), Ok(&gone), Phase::Failed, Some(not_saved)),
        (AttemptEnd::Exit(0), Ok(&gone_too), Phase::Failed, Some(not_saved)),
        (AttemptEnd::Stopped(None), Ok(&gone_too), Phase::Stopped, Some(not_saved)),
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
        (AttemptEnd::Stayed, true, turn(None), Phase::Done, "", false),
        (AttemptEnd::Stayed, true, failed(FailureKind::Permanent), Phase::Failed, "words", false),
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
        let ended = EndedAttempt { summary: Some(summary), last_words, ..EndedAttempt::from(end.clone()) };
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

#[test]
fn the_reason_no_longer_says_that_files_are_not_saved() {
    for (reason, later) in [
        ("its work stays in the worktree: no space", "its work was saved after its end"),
        (
            "exit code 3; its work stays in the worktree: no space",
            "exit code 3; its work was saved after its end",
        ),
        ("its supervisor died", "its supervisor died; its work was saved after its end"),
    ] {
        assert_eq!(reason_once_saved(reason), later);
    }
}
