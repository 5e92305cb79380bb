//! The command line of `sync`.

use clap::{Parser, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::sync::{Direction, Extra, Request};
use orchestra_terminal::{complete, pages::Page};

/// Let agents, branches and results travel between clones
///
/// Takes in what the remote has of agents, and sends what this clone has, until both have the same. Nothing is overwritten at
/// either end: where two clones went on apart, their events are joined, on every machine to the same commit. What a
/// remote lost stays here. Nothing that comes starts a program, and nothing is sent before you agreed to where it goes.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-sync", version)]
pub(crate) struct Cli {
    /// A remote or a URL (default: {orchestra.remote}, the branch's remote, or origin)
    #[arg(value_name = "REMOTE", add = ArgValueCandidates::new(complete::remotes))]
    pub(crate) remote: Option<String>,
    /// Only take in; send nothing
    #[arg(long, conflicts_with = "push")]
    pub(crate) fetch: bool,
    /// Only send what the remote takes as it is; take nothing in
    #[arg(long)]
    pub(crate) push: bool,
    /// Send what only travels when it is asked for
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) with: Vec<With>,
    /// Send again what the remote had and lost
    #[arg(long, conflicts_with = "fetch")]
    pub(crate) restore: bool,
    /// Take what looks like a secret out of an event, or leave archived work with one out of the archive, while no remote has it
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["remote", "fetch", "push", "restore", "dry_run", "yes", "with"])]
    pub(crate) redact: Option<String>,
    /// Agree to share agents with this remote
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would change
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Sync unasked, without a question and without a word (started by supervisors, see orchestra.autoSync)
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) auto: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What does not travel by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum With {
    /// Agents' commits, where the remote is not that of the code
    Work,
    /// Worktrees as they were at the last look, untracked files included
    Snapshots,
    /// Conversations with coding agents
    Transcripts,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra sync", "Have the same agents here and at origin"),
        ("git orchestra sync -n", "See what would change"),
        ("git orchestra sync --fetch ../other-clone", "Take in what another clone has"),
        (
            "git push origin 'refs/orchestra/*:refs/orchestra/*'",
            "Plain git does it too, where nobody else wrote",
        ),
    ],
    sections: &[
        (
            "WHAT TRAVELS",
            &[
                "The lives of agents (refs/orchestra/agents), the commits that hold their work (refs/orchestra/heads), notes \
             (refs/orchestra/notes) and agents that were put away (refs/orchestra/archive). Output, worktrees and \
             conversations stay at home. What a remote had at the last look is kept below refs/orchestra-local/remotes.",
            ],
        ),
        (
            "CONSENT",
            &[
                "Before anything leaves for the first time, sync asks: how many agents, how large, and to which URL, after insteadOf and \
             pushurl. Only 'y' or 'yes', typed after the question on a line of its own, agrees; where nobody can be asked, --yes does. The \
             answer is kept in orchestra.shareWith and, so that no config alone can give it, in a file of this clone; a URL \
             that changes is asked about again.",
                "An agent's work builds on the commit that it started from. Where that one, or others below it, are not at the remote yet, \
             they are named (3 commits of main), and agreed to once for each URL; until then the work stays here, or goes once \
             they are pushed.",
            ],
        ),
        (
            "SECRETS",
            &[
                "Before anything is sent, every object that the remote does not have is read: messages, authors and committers of \
             commits, names and content of files, binary ones too, targets of links, events, tasks, notes and archived work; as they are, \
             with escapes decoded, and as UTF-16. A text that looks like a key, a token or a password, or is the value of a \
             variable of the environment that is named like one, keeps its agent at home, and so does what cannot be read. The rest \
             goes, and the exit code is 1. A dry run says the same. Compressed files are not opened. What a remote has cannot be called back: revoke it.",
            ],
        ),
        (
            "TRUST",
            &[
                "Transport, credentials and the hooks of a push are git's own. What comes is checked before it is taken in, and \
             shown with what a terminal would obey made visible. Of what another clone asks, an agent here obeys stop and \
             pause alone; verdicts of others count where orchestra.trustWriter names their clone.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-collect", "git-fetch", "git-push"],
};

impl Cli {
    pub(crate) fn request(&self, ask: bool) -> Request {
        let way = match (self.fetch, self.push) {
            (true, _) => Direction::Fetch,
            (_, true) => Direction::Push,
            _ => Direction::Both,
        };
        Request {
            remote: self.remote.clone(),
            way,
            dry_run: self.dry_run,
            restore: self.restore,
            work: self.with.contains(&With::Work),
            with: [(With::Snapshots, Extra::Snapshots), (With::Transcripts, Extra::Transcripts)]
                .into_iter()
                .filter_map(|(asked, extra)| self.with.contains(&asked).then_some(extra))
                .collect(),
            agreed: self.yes,
            ask,
        }
    }
}
