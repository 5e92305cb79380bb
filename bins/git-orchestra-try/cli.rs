//! The command line of `try`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::r#try::Request;
use orchestra_terminal::{complete, pages::Page};

/// Try an agent's work in your own checkout, and go back
///
/// Merges the work of an agent that has ended with the branch that is checked out, and switches your checkout to
/// the result, so that you can build and run it where everything is set up. No branch moves: HEAD is detached at a
/// commit that says where to return. 'git orchestra try --back' returns to the branch. Both are refused while files
/// that git knows have changes, or if a file that is not in git is in the way: nothing of yours is overwritten or
/// put aside.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-try", version)]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough
    ///
    /// While the work of another agent is tried, it is left, and this one is merged with the same branch.
    #[arg(value_name = "AGENT", required_unless_present = "back", conflicts_with = "back", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// Return to the branch on which you were
    #[arg(long)]
    pub(crate) back: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra try add-auth", "Look at the work in your checkout"),
        ("git orchestra try --back", "Return to your branch"),
    ],
    sections: &[(
        "WHAT YOU DO MEANWHILE",
        &[
            "New files stay in the checkout when you return. Changes to other files must be committed or undone first. \
             Commits that you make while HEAD is detached are kept by 'git switch -c NAME'.",
            "Submodules go along if their commit is here and nobody works in them: they stood where the branch says, and have \
             no changes. The others stay, and the command that moves them is shown.",
            "If the branch moves meanwhile, by a landing for example, you return to where it is then.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-diff", "git-orchestra-review", "git-orchestra-merge-ranked"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { agent: self.agent.clone(), back: self.back }
    }
}
