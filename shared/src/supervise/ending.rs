//! What the end of an attempt means. Pure.

use crate::{
    Error,
    model::{Phase, event::Finished},
    worktree::take::Taken,
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
    /// Somebody asked.
    Stopped(Option<String>),
    /// We could not go on.
    Broken(String),
}

impl End {
    /// What the program returned, as a shell would say it.
    pub const fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exit(code) => Some(*code),
            Self::Signal(number) => Some(128 + *number),
            Self::TooLong(_) | Self::Stopped(_) | Self::Broken(_) => None,
        }
    }

    /// The phase that it means, and why. An end without error is only good if the work could be taken; exit 0 without
    /// any change is done, and says so.
    pub fn judge(&self, taken: Result<&Taken, &Error>) -> (Phase, Option<String>) {
        let (phase, reason) = match self {
            Self::Exit(0) => (Phase::Done, None),
            Self::Exit(code) => (Phase::Failed, Some(format!("exit code {code}"))),
            Self::Signal(number) => (Phase::Failed, Some(format!("ended by signal {number}"))),
            Self::TooLong(seconds) => (Phase::Timeout, Some(format!("ran longer than {seconds} s"))),
            Self::Stopped(why) => (Phase::Stopped, why.clone()),
            Self::Broken(why) => (Phase::Failed, Some(why.clone())),
        };
        match taken {
            Ok(taken) if phase == Phase::Done && taken.commits == 0 => {
                (phase, Some("nothing changed".to_owned()))
            }
            Ok(taken) => (
                phase,
                join(reason, taken.off_branch.as_deref().map(|why| format!("not on its branch: {why}"))),
            ),
            Err(error) => {
                let lost = format!("its work stays in the worktree: {}", error.one_line());
                let phase = if phase == Phase::Done { Phase::Failed } else { phase };
                (phase, join(reason, Some(lost)))
            }
        }
    }

    /// The event that tells it.
    pub fn fact(&self, attempt: u32, taken: Result<&Taken, &Error>) -> Finished {
        let (phase, reason) = self.judge(taken);
        let work = taken.ok();
        Finished {
            attempt,
            phase,
            reason,
            exit: self.exit_code(),
            head: work.map(|work| work.head.clone()),
            commits: work.map_or(0, |work| work.commits),
            files: work.map_or(0, |work| work.files),
            insertions: work.map_or(0, |work| work.insertions),
            deletions: work.map_or(0, |work| work.deletions),
            left_out: work.map(|work| work.left_out.clone()).unwrap_or_default(),
            left_out_more: work.map_or(0, |work| work.left_out_more),
        }
    }
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

    fn taken(commits: u64, off_branch: Option<&str>) -> Taken {
        Taken {
            head: "0".repeat(40),
            commits,
            files: 0,
            insertions: 0,
            deletions: 0,
            left_out: vec![],
            left_out_more: 0,
            off_branch: off_branch.map(str::to_owned),
        }
    }

    #[test]
    fn every_end_has_its_phase_and_reason() {
        let full = Error::refused("no space");
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
            (End::Stopped(None), Ok(&taken(0, None)), Phase::Stopped, None),
            (
                End::Stopped(None),
                Err(&full),
                Phase::Stopped,
                Some("its work stays in the worktree: no space"),
            ),
            (
                End::Exit(0),
                Ok(&taken(2, Some("a merge is under way"))),
                Phase::Done,
                Some("not on its branch: a merge is under way"),
            ),
        ] {
            assert_eq!(end.judge(work), (phase, reason.map(str::to_owned)), "{end:?}");
        }
        assert_eq!(End::Signal(15).exit_code(), Some(143));
    }
}
