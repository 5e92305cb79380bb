//! The command line of `diff`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::diff::Request;
use orchestra_terminal::{complete, pages::Page};

/// Show what an agent changed, uncommitted and new files included
///
/// The comparison is from the commit on which the agent started to its files as they are now, while it runs as well as after its
/// end; new files that nobody added are shown too, ignored ones and likely secrets are not. It is shown by git diff, with your
/// pager and your settings. With a second agent, the work of the two is compared.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-diff", version)]
pub(crate) struct Cli {
    /// The agent; the beginning of a name is enough
    #[arg(value_name = "AGENT", required = true, add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: String,
    /// Another agent, whose work is compared with that of the first
    #[arg(value_name = "OTHER", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) other: Option<String>,
    /// Only these files and folders, as seen from where you are
    #[arg(value_name = "PATH", last = true)]
    pub(crate) paths: Vec<String>,
    /// Only what is committed, or was taken at its end
    #[arg(long)]
    pub(crate) committed: bool,
    /// From the work that was judged last, instead of from where the agent started
    #[arg(long, conflicts_with = "other")]
    pub(crate) since_review: bool,
    /// Show only how many lines of which files
    #[arg(long, conflicts_with = "name_only")]
    pub(crate) stat: bool,
    /// Show only the names of the files
    #[arg(long)]
    pub(crate) name_only: bool,
    /// Let the external program of your git config show it
    #[arg(long)]
    pub(crate) ext_diff: bool,
    /// Print the files as one JSON object
    #[arg(long, conflicts_with_all = ["stat", "name_only", "ext_diff"])]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra diff add-auth", "What it changed so far"),
        ("git orchestra diff add-auth --stat", "Only how much"),
        ("git orchestra diff add-auth --since-review", "What is new since you judged it"),
        ("git orchestra diff add-auth add-auth-2 -- src/auth.rs", "How two agents differ in one file"),
    ],
    sections: &[],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-merge-ranked", "git-diff"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            agent: self.agent.clone(),
            other: self.other.clone(),
            committed: self.committed,
            since_review: self.since_review,
            paths: self.paths.clone(),
        }
    }
}
