//! Why a run asks, and what can be answered: one table of all gates and their options.

use crate::model::words::words;

words! {
    /// Why a gate was opened.
    #[derive(Hash)]
    pub enum GateKind: or Other {
        /// The plan is ready, and nothing of it was started.
        Plan = "plan",
        /// The agent of a task ended and is not done.
        Failed = "failed",
        /// The work of a task conflicts with the target, or was excluded from the landing.
        Conflict = "conflict",
        /// A person resolves the conflict of the work of a task, in a worktree of the clone that drives the run.
        Edit = "edit",
        /// The work of a task failed a check.
        CheckFailed = "check-failed",
        /// The agent that reviews the work of a task did not approve it.
        Review = "review",
        /// The work of a task changes other files than its task names.
        Files = "files",
        /// The work of a task started from work whose landing was undone.
        Undone = "undone",
        /// The agents of the run have used up what they may cost.
        Budget = "budget",
        /// The agent of a task reached a usage limit of its service that lasts longer than it waits.
        Limit = "limit",
        /// Something in a checkout of the target keeps a landing from moving it.
        BlockedTarget = "blocked-target",
        /// The work of a task is about to leave this machine as a pull request, or could not be published.
        Publish = "publish",
        /// A reason that is newer than this program.
        Other = "other",
    }
}

words! {
    /// What a person can answer at a gate.
    #[derive(Hash)]
    pub enum GateOption: ignoring case {
        /// Start the tasks, land or publish the work as it is, or raise the budget.
        Accept = "accept",
        /// Resume the agent of the task with the reason, then land its work; or have the work reviewed once more.
        Retry = "retry",
        /// Let the agent of the task resolve the conflict, or give it the remarks of the review.
        Agent = "agent",
        /// Land the work with the conflicting lines of the target.
        Ours = "ours",
        /// Land the work with its own conflicting lines.
        Theirs = "theirs",
        /// Land the work with the conflicting lines of both.
        Union = "union",
        /// Resolve the conflict by hand, in a worktree that is made for it.
        Edit = "edit",
        /// Take in what was resolved by hand.
        Done = "done",
        /// Land the work although what it started from was undone: it brings that back.
        Land = "land",
        /// Wait until the time that the gate names, then resume the agent of the task.
        Wait = "wait",
        /// Leave the task out, and the tasks that need it; or all tasks that have not started.
        Skip = "skip",
        /// End the run.
        Stop = "stop",
    }
}

/// All options of all gates, in the order in which they are shown, each with what it does.
const OPTIONS: &[(GateKind, GateOption, &str)] = {
    use GateKind as Kind;
    use GateOption::{Accept, Agent, Done, Edit, Land, Ours, Retry, Skip, Stop, Theirs, Union, Wait};
    const RETRY: &str = "resume the agent with the reason, and land again";
    const SKIP: &str = "leave the task out, and what needs it";
    const STOP: &str = "end the run";
    &[
        (Kind::Plan, Accept, "start the tasks"),
        (Kind::Plan, Stop, STOP),
        (Kind::Failed, Retry, RETRY),
        (Kind::Failed, Skip, SKIP),
        (Kind::Failed, Stop, STOP),
        (Kind::Conflict, Retry, RETRY),
        (Kind::Conflict, Agent, "let the agent resolve the conflict"),
        (Kind::Conflict, Ours, "land with the conflicting lines of the target"),
        (Kind::Conflict, Theirs, "land with the conflicting lines of the work"),
        (Kind::Conflict, Union, "land with the conflicting lines of both, the target's first"),
        (Kind::Conflict, Edit, "resolve it yourself, in a worktree that is made for it"),
        (Kind::Conflict, Skip, SKIP),
        (Kind::Conflict, Stop, STOP),
        (Kind::Edit, Done, "take in what is resolved in the worktree, and land it"),
        (Kind::Edit, Skip, SKIP),
        (Kind::Edit, Stop, STOP),
        (Kind::CheckFailed, Retry, RETRY),
        (Kind::CheckFailed, Skip, SKIP),
        (Kind::CheckFailed, Stop, STOP),
        (Kind::Review, Accept, "land the work as it is, without an approval"),
        (Kind::Review, Agent, "give the remarks to the agent, and review its work again"),
        (Kind::Review, Retry, "have the same work reviewed once more"),
        (Kind::Review, Skip, SKIP),
        (Kind::Review, Stop, STOP),
        (Kind::Files, Accept, "land it nevertheless"),
        (Kind::Files, Retry, RETRY),
        (Kind::Files, Skip, SKIP),
        (Kind::Files, Stop, STOP),
        (Kind::Undone, Skip, SKIP),
        (Kind::Undone, Land, "land it, and bring back what was undone"),
        (Kind::Undone, Stop, STOP),
        (Kind::Budget, Accept, "raise the budget as it says, and start the rest"),
        (Kind::Budget, Skip, "leave out the tasks that have not started"),
        (Kind::Budget, Stop, STOP),
        (Kind::Limit, Wait, "wait until then, and resume the agent"),
        (Kind::Limit, Retry, "resume the agent now"),
        (Kind::Limit, Skip, SKIP),
        (Kind::Limit, Stop, STOP),
        (Kind::BlockedTarget, Retry, "land again, now that nothing is in the way"),
        (Kind::BlockedTarget, Stop, STOP),
        (Kind::Publish, Accept, "push the work, and open a pull request"),
        (Kind::Publish, Retry, "resume the agent with the reason, and publish its new work"),
        (Kind::Publish, Skip, SKIP),
        (Kind::Publish, Stop, STOP),
        (Kind::Other, Retry, RETRY),
        (Kind::Other, Skip, SKIP),
        (Kind::Other, Stop, STOP),
    ]
};

impl GateOption {
    /// Returns whether it is about a worktree of the clone that drives the run.
    pub const fn is_by_hand(self) -> bool {
        matches!(self, Self::Edit | Self::Done)
    }

    /// Returns whether it is a way to resolve a conflict at a landing.
    pub const fn resolves(self) -> bool {
        matches!(self, Self::Agent | Self::Ours | Self::Theirs | Self::Union)
    }
}

impl GateKind {
    /// Returns the option that is taken if nobody answers in time.
    pub const fn default_option(self) -> GateOption {
        match self {
            Self::Plan | Self::BlockedTarget => GateOption::Stop,
            _ => GateOption::Skip,
        }
    }

    /// Returns the options of a gate of this kind with what each does, in the order in which they are shown.
    pub fn options(self) -> impl Iterator<Item = (GateOption, &'static str)> {
        OPTIONS.iter().filter(move |row| row.0 == self).map(|row| (row.1, row.2))
    }

    /// Returns what an option of a gate of this kind does, in a few words.
    pub fn meaning(self, option: GateOption) -> Option<&'static str> {
        self.options().find(|(one, _)| *one == option).map(|(_, meaning)| meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_can_end_and_every_option_belongs_to_one() {
        for kind in GateKind::ALL {
            let options: Vec<GateOption> = kind.options().map(|(option, _)| option).collect();
            assert!(
                options.contains(&GateOption::Stop) && options.contains(&kind.default_option()),
                "{kind}"
            );
            assert!(options.len() <= 20, "{kind}");
        }
        for option in GateOption::ALL {
            assert!(OPTIONS.iter().any(|row| row.1 == option), "{option}");
        }
        let meaning = |kind: GateKind, option| kind.meaning(option).unwrap_or("-");
        assert_eq!(meaning(GateKind::Plan, GateOption::Accept), "start the tasks");
        assert_eq!(meaning(GateKind::Files, GateOption::Accept), "land it nevertheless");
        assert_eq!(meaning(GateKind::Plan, GateOption::Retry), "-");
    }
}
