//! The command line of `init`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::{ops::init::Request, world};
use orchestra_terminal::{complete, pages::Page};

/// Name this clone and look what its remote takes (never needed)
///
/// Every command works without it. It gives this clone its id as a writer, lets plain 'git log' show the notes on agents' work,
/// and, where asked, finds out whether a remote takes agents. It changes git's config of this clone and no tracked file; twice is
/// the same as once.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-init", version)]
pub(crate) struct Cli {
    /// A remote or a URL, for --probe and --track (default: the one that sync takes)
    #[arg(value_name = "REMOTE", add = ArgValueCandidates::new(complete::remotes))]
    pub(crate) remote: Option<String>,
    /// What other clones call this one, such as laptop
    #[arg(long, value_name = "NAME", conflicts_with = "undo")]
    pub(crate) label: Option<String>,
    /// Send the remote a ref of ours, and take it away again
    #[arg(long, conflicts_with = "undo")]
    pub(crate) probe: bool,
    /// Let every git fetch bring what the remote has of agents
    #[arg(long, conflicts_with = "undo")]
    pub(crate) track: bool,
    /// Take back what init set
    #[arg(long)]
    pub(crate) undo: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra init --label laptop", "Be called laptop in other clones"),
        ("git orchestra init --probe", "See whether origin takes agents"),
        ("git orchestra init --undo", "Be as before"),
    ],
    sections: &[(
        "TRACKING",
        &[
            "With --track, 'git fetch' brings the refs of agents into refs/orchestra-local/remotes, where the next sync finds them. It \
           costs a line of the remote's answer for each ref (75 bytes) and their new objects, at every fetch. Without it, \
           only 'git orchestra sync' speaks of agents.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-sync", "git-orchestra-status", "git-config"],
};

impl Cli {
    pub(crate) fn request(&self, ask: bool) -> Request {
        Request {
            label: self.label.clone(),
            probe: self.probe,
            track: self.track,
            undo: self.undo,
            remote: self.remote.clone(),
            here: world::directory(),
            ask,
        }
    }
}
