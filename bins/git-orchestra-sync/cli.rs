//! The command line of `sync`.

use clap::{Parser, ValueEnum};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::sync::{Direction, Request, SyncExtra};
use orchestra_terminal::{complete, pages::Page};

/// Exchange agents, branches and results with a remote
///
/// Fetches the agents that the remote has, and sends those of this clone, until both have the same. Nothing
/// is overwritten on either side: if two clones changed an agent independently, their events are joined,
/// into the same commit on every machine. What a remote has lost stays in this clone. Nothing that is
/// received starts a program, and nothing is sent before you agreed to its destination.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-sync", version)]
pub(crate) struct Cli {
    /// The remote or URL (default: {orchestra.remote}, the branch's remote, or origin)
    #[arg(value_name = "REMOTE", add = ArgValueCandidates::new(complete::remotes))]
    pub(crate) remote: Option<String>,
    /// Only fetch; send nothing
    #[arg(long, conflicts_with = "push")]
    pub(crate) fetch: bool,
    /// Only send what the remote accepts as it is; fetch nothing
    #[arg(long)]
    pub(crate) push: bool,
    /// Also send data that is sent only on request
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) with: Vec<With>,
    /// Send again what the remote had and has lost
    #[arg(long, conflicts_with = "fetch")]
    pub(crate) restore: bool,
    /// Remove a suspected secret from an event of an agent, a run or a spec, or archived work that
    /// contains one from the archive, as long as no remote has it
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["remote", "fetch", "push", "restore", "dry_run", "yes", "with"])]
    pub(crate) redact: Option<String>,
    /// Agree to share agents with this remote
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Show what would change, without changing it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Sync in the background, without questions or output (started by supervisors, see orchestra.autoSync)
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) auto: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The data that is sent only on request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum With {
    /// Agents' commits, if the remote is not that of the code
    Work,
    /// The last snapshot of each worktree, including untracked files
    Snapshots,
    /// Sessions of coding agents
    Transcripts,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra sync", "Exchange agents with origin"),
        ("git orchestra sync -n", "Show what would change"),
        ("git orchestra sync --fetch ../other-clone", "Fetch the agents of another clone"),
        (
            "git push origin 'refs/orchestra/*:refs/orchestra/*'",
            "Send agents with plain git, if no other clone sends any",
        ),
    ],
    sections: &[
        (
            "WHAT IS EXCHANGED",
            &["The histories of agents (refs/orchestra/agents), the commits that hold their work \
                 (refs/orchestra/heads), notes (refs/orchestra/notes), archived agents \
                 (refs/orchestra/archive), the logs of runs (refs/orchestra/runs) and specs \
                 (refs/orchestra/specs). Output, worktrees and sessions are not sent. The state of each remote at the last sync is kept below \
                 refs/orchestra-local/remotes."],
        ),
        (
            "CONSENT",
            &[
                "Before anything is sent for the first time, sync asks: how many agents, how much data, and \
                 to which URL, after insteadOf and pushurl are applied. Only 'y' or 'yes' on its own line, \
                 typed after the question, agrees; without a terminal, --yes does. The answer is stored in \
                 orchestra.shareWith and also in a file of this clone, so that the configuration alone \
                 cannot grant it. If the URL changes, sync asks again.",
                "An agent's work builds on the commit that it started from. If that commit or its ancestors \
                 are not at the remote yet, sync names them (3 commits of main) and asks once for each URL; \
                 until you agree, the work is not sent, or it is sent once they are pushed.",
            ],
        ),
        (
            "SECRETS",
            &["Before anything is sent, every object that the remote does not have is scanned: messages, \
                 authors and committers of commits, names and contents of files including binary ones, \
                 targets of symbolic links, events, tasks, notes and archived work; as they are, with \
                 escapes decoded, and as UTF-16. An agent is not sent if one of its objects cannot be read, \
                 or contains text that looks like a key, a token or a password, or that is the value of an \
                 environment variable with such a name. The rest is sent, and the exit status is 1. A dry \
                 run reports the same. Compressed files are not opened. What a remote has received cannot be \
                 recalled: revoke the secret."],
        ),
        (
            "TRUST",
            &["Transport, credentials and the hooks of a push are those of git. What is received is \
                 checked before it is accepted, and control sequences in it are made visible when it is \
                 shown. An agent here obeys only stop and pause from another clone; verdicts of other clones \
                 count if orchestra.trustWriter names the clone."],
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
            with: [(With::Snapshots, SyncExtra::Snapshots), (With::Transcripts, SyncExtra::Transcripts)]
                .into_iter()
                .filter_map(|(asked, extra)| self.with.contains(&asked).then_some(extra))
                .collect(),
            agreed: self.yes,
            ask,
        }
    }
}
