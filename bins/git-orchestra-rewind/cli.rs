//! The command line of `rewind`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::rewind::Request;
use orchestra_terminal::{complete, pages::Page};

/// Take an agent back to an earlier point: files and conversation
///
/// Without a number it lists the points: the start, the end of each attempt, and, while the agent worked, each
/// minute and each new turn in which its files had changed. With a number, the agent's branch and worktree
/// become what they were at that point, and the agent is paused: 'git orchestra resume' continues from there.
/// The agent must have ended or be paused.
///
/// How it was before is a point as well, and 'git orchestra undo' restores it.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-rewind", version)]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// The number of the point (default: list the points)
    #[arg(value_name = "N")]
    pub(crate) to: Option<u32>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra rewind add-tests", "List the points of an agent"),
        ("git orchestra rewind add-tests 3", "Take it back to the third point"),
        (
            "git orchestra rewind add-tests 3; git orchestra resume add-tests -m 'Use the parser instead.'",
            "Let it go another way from there",
        ),
        ("git orchestra undo", "Restore how it was before the rewind"),
    ],
    sections: &[(
        "THE CONVERSATION",
        &[
            "Of Claude Code, the transcript is copied up to the point, as a new session; the old session stays as it \
             is, and 'undo' returns to it. The sessions of other programs cannot be cut: the next attempt begins a \
             new one. 'git orchestra resume AGENT --agent PROFILE' then gives it the task with a report on the work \
             so far.",
            "At most 100 points of an agent are kept, in this clone only (refs/orchestra-local/points): the first, and \
             the newest ones. Files that are never captured, such as ignored ones, stay as they are.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-resume", "git-orchestra-undo", "git-orchestra-diff"],
};

impl Cli {
    pub(crate) fn request(&self, agent: String) -> Request {
        Request { agent, to: self.to }
    }
}
