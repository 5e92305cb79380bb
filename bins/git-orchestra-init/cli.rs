//! The command line of `init`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::init::Request;
use orchestra_terminal::{complete, pages::Page};

/// Name this clone and check what its remote accepts (optional)
///
/// Every command works without it. It gives this clone its id as a writer and, on request, lets plain
/// 'git log' show reviews and landings, and checks whether a remote accepts agents. It changes the git
/// configuration of this clone and no tracked file. Running it twice has the same effect as running it
/// once.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-init", version)]
pub(crate) struct Cli {
    /// The remote or URL for --probe, --track and --undo (default: the remote that sync uses)
    #[arg(value_name = "REMOTE", add = ArgValueCandidates::new(complete::remotes))]
    pub(crate) remote: Option<String>,
    /// The label by which other clones show this one, such as laptop
    #[arg(long, value_name = "NAME", conflicts_with = "undo")]
    pub(crate) label: Option<String>,
    /// Let plain 'git log' show reviews, landings and results, a sentence each
    ///
    /// It sets git's notes.displayRef. The same facts for programs are JSON, in the notes below
    /// refs/orchestra/notes/.
    #[arg(long, conflicts_with = "undo")]
    pub(crate) notes: bool,
    /// Check whether the remote accepts agents, by pushing a test ref and deleting it again
    #[arg(long, conflicts_with = "undo")]
    pub(crate) probe: bool,
    /// Let every 'git fetch' also fetch agents from the remote
    #[arg(long, conflicts_with = "undo")]
    pub(crate) track: bool,
    /// Accept the configuration that changed while agents ran, by the fingerprint that was shown with it;
    /// without a fingerprint, ask
    #[arg(
        long,
        value_name = "FINGERPRINT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with_all = ["undo", "probe", "track", "label"]
    )]
    pub(crate) accept: Option<String>,
    /// Show how the files of the project say that it is built and tested, and set that after a question
    ///
    /// It reads the usual manifests, makefiles, workflows and documents of this checkout, and runs nothing
    /// of what it finds. A key that has a value keeps it. DISCOVERY below says more.
    #[arg(long, conflicts_with_all = ["undo", "probe", "track", "label", "notes", "accept", "remote"])]
    pub(crate) discover: bool,
    /// Set what --discover proposes without asking
    #[arg(long, requires = "discover")]
    pub(crate) yes: bool,
    /// Remove the settings that init made
    #[arg(long)]
    pub(crate) undo: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra init --label laptop", "Appear as laptop in other clones"),
        ("git orchestra init --notes", "Show reviews and landings in git log"),
        ("git orchestra init --probe", "Check whether origin accepts agents"),
        ("git orchestra init --discover", "Propose how to build and test, from the project's files"),
        ("git orchestra init --accept", "Show how the configuration changed while agents ran, and accept it"),
        ("git orchestra init --undo", "Remove the settings that init made"),
    ],
    sections: &[
        (
            "ACCEPTED CONFIGURATION",
            &[
                "A program that runs in a worktree can change the configuration of the whole repository. \
                 Therefore every setting that can name a program or decide where data goes (filters, merge \
                 drivers, textconv, pagers, URLs, hooks, .git/info/attributes, orchestra.* and more) is \
                 recorded when agents start and compared when they end. If one of them changed while agents \
                 ran, the commands that could use it show the change, key by key, and ask once: spawn, \
                 resume, merge-ranked, diff, review, undo, cleanup, sync, init --probe, sessions resume and \
                 adopt. Without a terminal they exit with status 3 and show the command to type, with the \
                 fingerprint of the change.",
                "Commands that only read or stop always work: status, logs, worktrees, collect, send, stop, \
                 pause. What you change while no agent runs is accepted without a question. Your own \
                 configuration outside the repository is not watched. A repository of another user is refused \
                 as git refuses it (safe.directory).",
            ],
        ),
        (
            "DISCOVERY",
            &[
                "With --discover, init reads justfile, Makefile, package.json, Cargo.toml, go.mod, tox.ini, \
                 pyproject.toml, Gradle and Maven files, the 'run:' lines of .github/workflows, and the code \
                 blocks of CONTRIBUTING.md and README.md, in this order: of two commands for the same \
                 purpose, the earlier is proposed, and the others are shown as alternatives. Each is shown with \
                 the file and line where it was read. Files of more than 64 KiB, links, and commands that are \
                 more than one simple command are left out.",
                "The commands are text from the repository: look at them before you agree. merge-ranked later \
                 runs what orchestra.build and orchestra.test say. With --json, nobody is asked, and nothing is \
                 set without --yes.",
            ],
        ),
        (
            "TRACKING",
            &["With --track, 'git fetch' fetches the refs of agents into refs/orchestra-local/remotes, \
                 where the next sync finds them. Every fetch then costs about 75 bytes for each ref, and the \
                 new objects. Without --track, only 'git orchestra sync' exchanges agents."],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-sync", "git-orchestra-status", "git-config"],
};

impl Cli {
    pub(crate) fn request(&self, ask: bool) -> Request {
        Request {
            label: self.label.clone(),
            notes: self.notes,
            track: self.track,
            probe: self.probe,
            undo: self.undo,
            remote: self.remote.clone(),
            ask,
        }
    }
}
