//! The command line of `diff`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::diff::Request;
use orchestra_terminal::{complete, pages::Page};

/// Show what an agent changed, including uncommitted and new files
///
/// Compares the commit on which the agent started with its files as they are now, whether the agent runs or
/// has ended. New files are shown even if they were never added; ignored files and files that look like
/// secrets are not. The diff is printed by git diff, with your pager and your settings. With a second
/// agent, the work of the two is compared.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-diff", version)]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough
    ///
    /// Without one, a terminal lets you pick it.
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// Another agent, to compare with the first
    #[arg(value_name = "OTHER", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) other: Option<String>,
    /// Limit the diff to these files and directories, relative to the current directory
    #[arg(value_name = "PATH", last = true)]
    pub(crate) paths: Vec<String>,
    /// Show only what is committed or was saved when the agent ended
    #[arg(long)]
    pub(crate) committed: bool,
    /// Compare with the work that was reviewed last, instead of the commit on which the agent started
    #[arg(long, conflicts_with = "other")]
    pub(crate) since_review: bool,
    /// Show only the number of changed lines of each file
    #[arg(long, conflicts_with = "name_only")]
    pub(crate) stat: bool,
    /// Show only the names of the files
    #[arg(long)]
    pub(crate) name_only: bool,
    /// Use the external diff program of your git configuration
    #[arg(long)]
    pub(crate) ext_diff: bool,
    /// Print the changed files as one JSON object
    #[arg(long, conflicts_with_all = ["stat", "name_only", "ext_diff"])]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra diff add-auth", "Show what the agent has changed so far"),
        ("git orchestra diff add-auth --stat", "Show only how much changed"),
        ("git orchestra diff add-auth --since-review", "Show what is new since the last review"),
        ("git orchestra diff add-auth add-auth-2 -- src/auth.rs", "Compare one file of two agents"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-merge-ranked", "git-diff"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            agent: self.agent.clone().unwrap_or_default(),
            other: self.other.clone(),
            committed: self.committed,
            since_review: self.since_review,
            paths: self.paths.clone(),
        }
    }
}
