//! The command line of the dispatcher.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use orchestra_terminal::{complete, pages::Page};

/// Run coding agents side by side in git worktrees, with all state in git refs
///
/// 'git orchestra spawn' starts an agent per task, each in its own worktree and branch, supervised. Everything that is known
/// of them, and all their work, lives in refs under refs/orchestra: no database, no daemon, no account, nothing in your
/// checkout.
///
/// Every other program git-orchestra-NAME on PATH is a command as well.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra", version, arg_required_else_help = false, subcommand_value_name = "COMMAND")]
pub(crate) struct Cli {
    /// List all commands, one a line, and those of others on PATH
    #[arg(long)]
    pub(crate) list: bool,
    #[command(subcommand)]
    pub(crate) command: Option<BuiltIn>,
}

/// What the dispatcher does itself.
#[derive(Debug, Subcommand)]
pub(crate) enum BuiltIn {
    /// Try it: four agents in a scratch repository
    ///
    /// Makes a repository in a folder of its own, starts four agents (small shell scripts), follows them to their end, and
    /// shows where everything is kept in git. Nothing else is touched; the folder is removed at the end.
    Demo(Demo),
    /// Install man pages and shell completions
    ///
    /// They go where man and the shells look for them: beside the programs if that can be written, else below the user's
    /// data folder. No file of yours is changed.
    Setup(Setup),
    /// Print the completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a man page
    Man {
        /// The command; without it, the page of git orchestra itself
        command: Option<String>,
    },
    /// Print the JSON Schema of an answer or a request
    ///
    /// Answers are what commands print with --json; their kind is in the field kind. Requests are what operations take from other
    /// programs. Schemas are of draft 2020-12. Without a name, all are listed with a sentence each.
    Schema(Schema),
    /// Show the help of a command
    Help {
        /// The command; without it, all of them
        command: Option<String>,
    },
}

/// The flags of `demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Demo {
    /// Keep the repository, to look around in it
    #[arg(long)]
    pub(crate) keep: bool,
    /// Make the repository here instead of in a temporary folder; implies --keep
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

/// The flags of `setup`.
#[derive(clap::Args, Debug)]
pub(crate) struct Setup {
    /// Only say what would be written
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Remove what setup wrote
    #[arg(long)]
    pub(crate) uninstall: bool,
    /// Install below DIR/share instead
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) prefix: Option<PathBuf>,
}

/// The flags of `schema`.
#[derive(clap::Args, Debug)]
pub(crate) struct Schema {
    /// The kind of the answer, such as status; with --request, the operation
    #[arg(value_name = "KIND", add = ArgValueCandidates::new(complete::kinds))]
    pub(crate) kind: Option<String>,
    /// Requests instead of answers
    #[arg(long)]
    pub(crate) request: bool,
    /// Print one JSON object with the schemas; without KIND, of all answers and requests
    #[arg(long)]
    pub(crate) json: bool,
}

/// The shells that complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Shell {
    /// For bash and its completion for git
    Bash,
    /// For zsh's own completion for git
    Zsh,
    /// For zsh with the completion script of the git project
    ZshGit,
    /// For fish
    Fish,
    /// For fish before 3.6.1, and for 'git -C DIR orchestra' in any
    FishConf,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra demo", "See the main job done, on a bare machine"),
        ("git orchestra spawn \"implement auth\" \"add tests\"", "Start two agents"),
        ("git orchestra status --watch", "Follow them"),
        ("git orchestra setup", "Install the manual pages and completions"),
    ],
    sections: &[
        (
            "STATE",
            &[
                "refs/orchestra/agents/ID is the life of an agent: a chain of commits, each with its facts as JSON lines and the \
                 state after them as trailers. 'git log refs/orchestra/agents/ID' reads it.",
                "refs/orchestra/heads/ID is its work. refs/orchestra-local/ holds what never leaves this machine: output and \
                 snapshots. Files below .git/orchestra/ are locks, caches and the like; when nothing runs, deleting them \
                 loses nothing but speed.",
                "To keep these refs out of 'git log --all': git log --exclude='refs/orchestra*' --all",
            ],
        ),
        (
            "JSON",
            &[
                "Every command that reports has --json: one object on standard output, {\"version\":1,\"kind\":…}, which is only ever \
                 extended. A command that fails before it has anything to report prints an object as well, beside the words on standard \
                 error: kind is error; code says what went wrong, see ERRORS; exit is the exit code, and error a word for it: usage, \
                 refused, conflict, external, internal, timeout, not_a_repository or interrupted; message, causes and hints are what \
                 is said on standard error.",
                "'git orchestra schema' lists the kinds, and 'git orchestra schema KIND' prints the JSON Schema of one.",
            ],
        ),
        (
            "ENVIRONMENT",
            &[
                "ORCHESTRA_TRACE says which programs ran: 1 writes to standard error, an absolute path appends to that file, which is made \
                 for its owner alone and may not be a link. Each line has the time, the program of the suite and its process id, and \
                 one event. A program line has the command as it was typed or started, how long it took in milliseconds, how it \
                 ended, and its folder; a lock line has a lock that was waited for; a command line has the begin or the end of a \
                 command of the suite, with its exit code and the code of its error. With a path, supervisors in the background \
                 write into the same file; agents and other programs do not get the variable.",
                "What looks like a key, a token or a password, the users and passwords of URLs, environment variables, standard input, and \
                 arguments of more than 100 bytes that are no path and no URL are left out. Settings that every git gets are as well. \
                 Read a trace before you publish it all the same: short tasks, branch names and paths are in it.",
            ],
        ),
        (
            "FURTHER COMMANDS",
            &[
                "A program git-orchestra-NAME on PATH is run by 'git orchestra NAME', with its arguments unchanged. It \
               answers completions if 'git config --global --add orchestra.completionProvider NAME' says that it does.",
            ],
        ),
    ],
    configuration: true,
    see_also: &[
        "git-orchestra-spawn",
        "git-orchestra-status",
        "git-orchestra-logs",
        "git-orchestra-stop",
        "git-orchestra-worktrees",
    ],
};
