//! The command line of `init`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::init::Request;
use orchestra_terminal::{complete, pages::Page};

/// Name this clone and look what its remote takes (never needed)
///
/// Every command works without it. It gives this clone its id as a writer, lets plain 'git log' show the notes on agents' work,
/// and, where asked, finds out whether a remote takes agents. It changes git's config of this clone and no tracked file; twice is
/// the same as once.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-init", version)]
pub(crate) struct Cli {
    /// A remote or a URL, for --probe, --track and --undo (default: the one that sync takes)
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
    /// Use the configuration that changed while agents ran, by the fingerprint with which it was shown; without
    /// one, be asked
    #[arg(
        long,
        value_name = "FINGERPRINT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with_all = ["undo", "probe", "track", "label"]
    )]
    pub(crate) accept: Option<String>,
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
        ("git orchestra init --accept", "See what agents changed in the configuration, and use it"),
        ("git orchestra init --undo", "Be as before"),
    ],
    sections: &[
        (
            "ACCEPTED CONFIGURATION",
            &[
                "A program that runs in a worktree can write the configuration of the whole repository. So what can name a program \
               or decide where things go (filters, merge drivers, textconv, pagers, URLs, hooks, .git/info/attributes, \
               orchestra.* and more) is remembered when agents start and looked at when they end. If any of it changed while \
               agents ran, the commands that could use it show the change, key by key, and ask once: spawn, resume, \
               merge-ranked, diff, review, undo, cleanup, sync, init --probe, sessions resume and adopt. Without a terminal \
               they end with 3 and name the command to type, with the fingerprint of what was shown.",
                "Reading and stopping always work: status, logs, worktrees, collect, send, stop, pause. What you change yourself \
               while no agent runs is yours, and nobody asks. Your own configuration outside the repository is not watched.",
            ],
        ),
        (
            "TRACKING",
            &[
                "With --track, 'git fetch' brings the refs of agents into refs/orchestra-local/remotes, where the next sync finds them. It \
           costs a line of the remote's answer for each ref (75 bytes) and their new objects, at every fetch. Without it, \
           only 'git orchestra sync' speaks of agents.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-sync", "git-orchestra-status", "git-config"],
};

impl Cli {
    pub(crate) fn request(&self, ask: bool) -> Request {
        Request {
            label: self.label.clone(),
            track: self.track,
            probe: self.probe,
            undo: self.undo,
            remote: self.remote.clone(),
            ask,
        }
    }
}
