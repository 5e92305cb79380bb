//! What the check of an agent, `--check` or `--until`, said about its work. Pure.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    landing::Check,
    lines::{Group, rows},
    text,
};

/// The name of the check in its [`Check`].
const NAME: &str = "until";

/// The outcome of the check that decides whether an agent is done; see [`super::event::Finished::check`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct WorkCheck {
    /// The tree that was checked: the files of the worktree.
    pub tree: String,
    /// The id of the command, which does not reveal it; the same as of a check of a landing.
    pub id: String,
    /// The command; absent if it holds what must not leave this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Why it failed, such as `exit code 3`; absent if it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How many rounds of work and check there were.
    pub rounds: u32,
    /// How many there may be.
    pub most_rounds: u32,
    /// Whether it failed twice on the same files, so that the agent was not asked again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stuck: bool,
    /// Whether the files of the work are others by now: the outcome is not about them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outdated: bool,
    /// When it passed on the same files, if that was known, so that it did not run again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub known_at: Option<Timestamp>,
    /// Whether it fails on the base as well, so that the work is not the cause.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fails_on_base: bool,
}

impl WorkCheck {
    /// Makes the outcome of a command, without a command that must not leave this machine.
    pub fn of(command: &str, tree: String, failure: Option<String>) -> Self {
        let Check { id, command, .. } = Check::for_event(NAME, command);
        Self { tree, id, command, failure, ..Self::default() }
    }

    /// Describes why the agent is not done: `check still fails after 3 rounds: exit code 1`. `None` if the check passed.
    pub fn sentence(&self) -> Option<String> {
        let why = self.failure.as_deref()?;
        let also = if self.fails_on_base { " (fails on base too)" } else { "" };
        let why = format!("{why}{also}");
        Some(if self.stuck {
            format!("stuck: the check fails again on the same files: {why}")
        } else if self.rounds >= self.most_rounds && self.most_rounds > 1 {
            format!("check still fails after {}: {why}", text::count(self.rounds.into(), "round"))
        } else {
            format!("check failed: {why}")
        })
    }

    /// Returns the outcome with its texts safe to show on one line; `None` if it does not say what was checked.
    pub(super) fn short(&self) -> Option<Self> {
        let failed = |why: &String| text::short_or_none(Some(why)).unwrap_or_else(|| "it failed".to_owned());
        Some(Self {
            tree: text::short_or_none(Some(&self.tree))?,
            id: text::short(&self.id),
            command: text::short_or_none(self.command.as_deref()),
            failure: self.failure.as_ref().map(failed),
            ..self.clone()
        })
    }
}

rows! { WorkCheck:
    "Check-Tree" => tree,
    "Check-Id" => id,
    "Check-Command" => command,
    "Check-Failure" => failure,
    ("Check-Rounds" unless 0) => rounds,
    ("Check-Most-Rounds" unless 0) => most_rounds,
    "Check-Stuck" => stuck,
    "Check-Outdated" => outdated,
    "Check-Known" => known_at,
    "Check-Fails-On-Base" => fails_on_base,
}

impl Group for WorkCheck {
    fn open(key: &str, tree: &str) -> Option<Option<Self>> {
        Some((key == "Check-Tree").then(|| Self { tree: tree.to_owned(), ..Self::default() }))
    }

    fn continues(key: &str) -> bool {
        key.starts_with("Check-") && key != "Check-Tree"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::landing;

    #[test]
    fn the_sentence_says_whether_it_goes_on() {
        let check =
            WorkCheck { most_rounds: 3, ..WorkCheck::of("make", "t".into(), Some("exit code 2".into())) };
        for (rounds, stuck, failure, sentence) in [
            (1, false, true, Some("check failed: exit code 2")),
            (3, false, true, Some("check still fails after 3 rounds: exit code 2")),
            (2, true, true, Some("stuck: the check fails again on the same files: exit code 2")),
            (1, false, false, None),
        ] {
            let failure = check.failure.clone().filter(|_| failure);
            let check = WorkCheck { rounds, stuck, failure, ..check.clone() };
            assert_eq!(check.sentence().as_deref(), sentence);
        }
        let once = WorkCheck { rounds: 1, most_rounds: 1, fails_on_base: true, ..check.clone() };
        assert_eq!(once.sentence().as_deref(), Some("check failed: exit code 2 (fails on base too)"));
        assert_eq!(check.id, landing::check_id("make"));
        assert_eq!(WorkCheck::of("TOKEN=1 make", String::new(), None).command, None);
    }
}
