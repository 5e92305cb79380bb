//! What the review of a task's work needs next, in a run in which an agent reviews all work before it lands. Pure.
//!
//! Everything is derived from the agent, its verdicts and its reviewers. A reviewer belongs to one attempt of the agent and one head of
//! its work, and a verdict to one base and one head, so that a run that was killed anywhere neither skips a review nor repeats one.

use super::TaskState;
use crate::model::{text, verdict::Verdict};

/// What is to be done for a review.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReviewStep {
    /// Run the check on the work, and start a reviewer.
    Begin,
    /// Resume the reviewer, which was lost.
    Resume,
    /// Read the reviewer's answer, and record its verdict.
    Read,
    /// Resume the agent with the remarks.
    Revise,
}

/// What the reviewer of the work is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReviewerState {
    /// It works, or will without help.
    Working,
    /// It has no process any more, and can be resumed without a person.
    Lost,
    /// It ended and is not done, or needs a person: the reason.
    NotDone(String),
    /// It is done, and its verdict is recorded or not.
    Done {
        /// Whether it is recorded.
        is_recorded: bool,
    },
}

/// What is known of the review of the work of an agent that is done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KnownReview {
    /// Whether there is anything to review.
    pub has_work: bool,
    /// Whether a person accepted this work at a gate without an approval.
    pub is_accepted: bool,
    /// Whether a person asked at a gate that the same work be reviewed once more.
    pub is_repeated: bool,
    /// The verdict that holds for this base and head, by a reviewer or by a person.
    pub verdict: Option<Verdict>,
    /// The remarks of the last verdict, for people.
    pub remarks: String,
    /// The newest reviewer of this attempt and head.
    pub reviewer: Option<ReviewerState>,
    /// Whether the agent was resumed after a review of this head, and left its work as it was.
    pub was_resumed: bool,
    /// How often the work was sent back to the agent since a person last decided about it.
    pub sent_back: u32,
    /// How often it may be.
    pub most_rounds: u32,
}

/// Returns the state of the task.
pub fn state(known: &KnownReview) -> TaskState {
    if known.is_accepted || !known.has_work || known.verdict == Some(Verdict::Approve) {
        return TaskState::Ready;
    }
    let remarks = || text::one_line(&known.remarks, MAX_REMARKS);
    let said = |what: &str| {
        let remarks = remarks();
        if remarks.is_empty() { what.to_owned() } else { format!("{what}: {remarks}") }
    };
    match &known.reviewer {
        Some(ReviewerState::Working) => return TaskState::Working,
        Some(ReviewerState::Lost) => return TaskState::Review(ReviewStep::Resume),
        Some(ReviewerState::NotDone(why)) => {
            return TaskState::NotApproved(format!("its reviewer is {why}"));
        }
        Some(ReviewerState::Done { is_recorded: false }) => return TaskState::Review(ReviewStep::Read),
        None if known.verdict.is_none() || known.is_repeated => return TaskState::Review(ReviewStep::Begin),
        None | Some(ReviewerState::Done { is_recorded: true }) => {}
    }
    TaskState::NotApproved(match known.verdict {
        Some(Verdict::Changes) if known.was_resumed => said("its agent changed nothing after the review"),
        Some(Verdict::Changes) if known.sent_back < known.most_rounds => {
            return TaskState::Review(ReviewStep::Revise);
        }
        Some(Verdict::Changes) => {
            let rounds = text::count(known.most_rounds.into(), "round");
            said(&format!("its reviewer still asks for changes after {rounds}"))
        }
        Some(Verdict::Reject) => said("rejected in review"),
        _ => "the verdict of its reviewer does not hold for its work".to_owned(),
    })
}

/// The most columns of remarks in a reason.
const MAX_REMARKS: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_lands_only_after_an_approval_and_is_sent_back_a_few_times() {
        use ReviewStep::{Begin, Read, Resume, Revise};
        use ReviewerState::{Done, Lost, NotDone, Working};
        use Verdict::{Approve, Changes, Reject};
        let (judged, unread) = (Done { is_recorded: true }, Done { is_recorded: false });
        let known = |reviewer: &Option<ReviewerState>, verdict| KnownReview {
            has_work: true,
            remarks: "use less".into(),
            reviewer: reviewer.clone(),
            most_rounds: 2,
            verdict,
            ..KnownReview::default()
        };
        let review = TaskState::Review;
        let not = |why: &str| TaskState::NotApproved(why.to_owned());
        for (reviewer, verdict, expected) in [
            (None, None, review(Begin)),
            (Some(Working), None, TaskState::Working),
            (Some(Working), Some(Reject), TaskState::Working),
            (Some(Lost), None, review(Resume)),
            (Some(NotDone("failed: no".into())), None, not("its reviewer is failed: no")),
            (Some(unread.clone()), None, review(Read)),
            (Some(unread), Some(Changes), review(Read)),
            (Some(judged.clone()), Some(Approve), TaskState::Ready),
            (None, Some(Approve), TaskState::Ready),
            (Some(judged.clone()), Some(Changes), review(Revise)),
            (None, Some(Changes), review(Revise)),
            (Some(judged.clone()), Some(Reject), not("rejected in review: use less")),
            (None, Some(Reject), not("rejected in review: use less")),
            (Some(judged.clone()), None, not("the verdict of its reviewer does not hold for its work")),
        ] {
            assert_eq!(state(&known(&reviewer, verdict)), expected, "{reviewer:?} {verdict:?}");
        }
        let changes = known(&Some(judged), Some(Changes));
        let used_up = KnownReview { sent_back: 2, ..changes.clone() };
        let why = "its reviewer still asks for changes after 2 rounds: use less";
        assert_eq!(state(&used_up), not(why));
        let idle = KnownReview { was_resumed: true, remarks: String::new(), ..changes.clone() };
        assert_eq!(state(&idle), not("its agent changed nothing after the review"));
        let repeated = KnownReview { reviewer: None, is_repeated: true, ..used_up.clone() };
        assert_eq!(state(&repeated), review(Begin));
        assert_eq!(state(&KnownReview { is_accepted: true, ..used_up }), TaskState::Ready);
        assert_eq!(state(&KnownReview { has_work: false, ..changes }), TaskState::Ready);
    }
}
