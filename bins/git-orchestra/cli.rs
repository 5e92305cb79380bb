//! The command line of the dispatcher.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use orchestra_terminal::{complete, pages::Page};

/// Run coding agents side by side in git worktrees, with all state in git refs
///
/// 'git orchestra spawn' starts one supervised agent per task, each in its own worktree and on its own
/// branch. All state and all work of agents is in refs under refs/orchestra: there is no database, no
/// daemon, no account, and nothing in your checkout.
///
/// Every program git-orchestra-NAME on PATH is available as a command too.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra", version, arg_required_else_help = false, subcommand_value_name = "COMMAND")]
#[command(disable_help_flag = true, propagate_version = true)]
pub(crate) struct Cli {
    /// List the commands by purpose
    #[arg(short = 'h')]
    pub(crate) overview: bool,
    /// Show the man page if it is installed, else the commands, concepts and examples
    #[arg(long)]
    pub(crate) help: bool,
    /// List all commands, one per line, including those of other programs on PATH
    #[arg(long)]
    pub(crate) list: bool,
    #[command(subcommand)]
    pub(crate) command: Option<BuiltIn>,
}

/// The commands that the dispatcher implements itself.
#[derive(Debug, Subcommand)]
pub(crate) enum BuiltIn {
    /// Run four agents in a scratch repository, to see how it works
    ///
    /// Creates a repository in a directory of its own, starts four agents (small shell scripts), follows
    /// them until they end, and shows where everything is stored in git. Nothing else is touched; the
    /// directory is removed at the end.
    Demo(Demo),
    /// Install man pages and shell completions
    ///
    /// The files go where man and the shells look for them: the pages next to the programs if that
    /// directory is writable, the completions into the user's data directory, or into the system's if the
    /// programs are in its prefix. No file of yours is changed: one in the way is named, and nothing is
    /// installed. What setup wrote is listed in share/git-orchestra/installed; a page that you edited
    /// since is neither replaced nor removed.
    Setup(Setup),
    /// Print the completion script of a shell
    ///
    /// The script asks git orchestra for commands, options and agents, so it never becomes outdated. 'git
    /// orchestra setup' installs the scripts of all shells.
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Show a man page
    ///
    /// On a terminal man(1) formats it, or the pager shows it as text; elsewhere its source is printed.
    Man {
        /// The command, 'tutorial' or 'storage'; without it, the page of git orchestra itself
        command: Option<String>,
    },
    /// Print the JSON Schema of an answer or a request
    ///
    /// An answer is what a command prints with --json; its field kind names the schema. A request is what
    /// an operation takes from other programs. Schemas follow draft 2020-12. Without a name, all kinds are
    /// listed with a sentence each.
    Schema(Schema),
    /// Show help for a command
    ///
    /// On a terminal this is the man page, if man(1) finds it; elsewhere the options and examples as text.
    /// Without a command, all commands are listed by purpose.
    Help {
        /// The command, or 'tutorial'; without it, all commands
        command: Option<String>,
        /// Explain the suite to a coding agent that runs it, as Markdown
        #[arg(long, conflicts_with = "command")]
        for_agents: bool,
    },
}

/// The options of `demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Demo {
    /// Keep the repository when the demo ends
    #[arg(long)]
    pub(crate) keep: bool,
    /// Create the repository in DIR instead of a temporary directory; implies --keep
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}

/// The options of `setup`.
#[derive(clap::Args, Debug)]
pub(crate) struct Setup {
    /// Show what would be written or removed, without doing it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Remove the files that setup installed
    #[arg(long)]
    pub(crate) uninstall: bool,
    /// Install below DIR/share instead
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) prefix: Option<PathBuf>,
}

/// The options of `schema`.
#[derive(clap::Args, Debug)]
pub(crate) struct Schema {
    /// The kind of the answer, such as status; with --request, the operation
    #[arg(value_name = "KIND", add = ArgValueCandidates::new(complete::answer_kinds))]
    pub(crate) kind: Option<String>,
    /// Show requests instead of answers
    #[arg(long)]
    pub(crate) request: bool,
    /// Print the schemas as one JSON object; without KIND, those of all answers and requests
    #[arg(long)]
    pub(crate) json: bool,
}

/// The shells for which there is a completion script.
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
        ("git orchestra demo", "Run the main workflow in a scratch repository"),
        ("git orchestra spawn \"implement auth\" \"add tests\"", "Start two agents"),
        ("git orchestra status --watch", "Watch them"),
        ("git orchestra setup", "Install man pages and completions"),
    ],
    sections: &[
        (
            "ORDER OF WORK",
            &["'spawn' starts agents, 'status' shows them, 'review' records what you think of their work, \
             'merge-ranked' lands it, and 'cleanup' removes the agents whose work has landed. 'undo' reverts \
             a landing, a cleanup, a rewind or a pick."],
        ),
        (
            "NAMES OF AGENTS",
            &[
                "An agent's id is two or three words of its task and five random characters, such as \
                 add-tests-q0q88. Wherever an agent is named, a unique prefix of the id, a word in it, or the \
                 number in the first column of the table that this terminal showed last is enough. If \
                 several match and only one of them has not ended, it is meant.",
                "Where a command takes several agents, tag:NAME means all that were started with 'spawn --tag \
                 NAME', as far as the command applies to them: 'stop' those that have not ended, 'merge-ranked' \
                 those that are done.",
            ],
        ),
        (
            "STATE",
            &[
                "refs/orchestra/agents/ID is the history of an agent: a chain of commits, each with its \
                 events as JSON lines and the state after them as trailers. 'git log \
                 refs/orchestra/agents/ID' shows it.",
                "refs/orchestra/heads/ID is its work. refs/orchestra-local/ holds what never leaves this \
                 machine, such as output and snapshots. Files below .git/orchestra/ are locks, caches and \
                 the like; deleting them while nothing runs loses nothing and costs only time.",
                "To keep these refs out of 'git log --all': git log --exclude='refs/orchestra*' --all",
            ],
        ),
        (
            "JSON",
            &[
                "Every command that reports something has --json: it prints one object to standard output, \
                 {\"version\":1,\"kind\":…}, to which only new fields are ever added. A command that fails \
                 before it can report prints an object too, besides the message on standard error: kind is \
                 error; code identifies the error, see ERRORS; exit is the exit status, and error a word for \
                 it: usage, refused, conflict, external, internal, timeout, not_a_repository or interrupted; \
                 message, causes and hints repeat the text on standard error.",
                "Two answers are streams of objects, one on each line: 'status --watch --json' (kind change) and \
                 'logs --json' (kind log). An error that ends a stream is its last line. Every answer of a \
                 dry run has \"dry_run\": true.",
                "A command that works on all agents, and finds none, succeeds with an empty list. A command \
                 that moves a branch or reverts something (merge-ranked, undo), and finds nothing to move or to revert, is \
                 refused with 3 and a code that begins with nothing-to-, so that a script does not continue as if \
                 it had been done.",
                "'git orchestra schema' lists the kinds, and 'git orchestra schema KIND' prints the JSON Schema of one.",
            ],
        ),
        (
            "OUTPUT",
            &[
                "The keys of git's own commands apply. advice.orchestra set to false turns off all lines that \
                 begin with 'hint:'; in JSON, hints stay. color.orchestra, or else color.ui, set to false or \
                 never turns off colours on terminals; NO_COLOR does as well, and --color overrides both. Pipes \
                 get colours only with --color=always. color.orchestra.ROLE chooses the colour of a role in git's own \
                 words, such as 'bold brightblue', for all commands and for the window of ui; the roles are heading, \
                 good, bad, warning, active, hint and faint. core.pager and GIT_PAGER choose the pager, and \
                 pager.orchestra set to false turns it off.",
                "Every key of the configuration can be given for one command: 'git -c advice.orchestra=false \
                 orchestra status'. What an agent's program, or a command that it starts, was given in this \
                 way does not count, nor do agents inherit it.",
            ],
        ),
        (
            "ENVIRONMENT",
            &[
                "ORCHESTRA_TRACE traces which programs ran: 1 writes to standard error, an absolute path \
                 appends to that file, which is created readable only by its owner and must not be a \
                 symbolic link. Each line has the time, the program of the suite with its process id, and \
                 one event. A program line has a command that was started, its duration in milliseconds, its \
                 result and its directory; a lock line has a lock that had to be waited for; a command line \
                 has the start or the end of a command of the suite, with its exit status and error code. \
                 With a path, supervisors in the background write into the same file; agents and other \
                 programs do not inherit the variable.",
                "Tasks, messages, scripts of a shell and text that looks like a key, a token or a password are \
                 left out, and so are users and \
                 passwords in URLs, environment variables, standard input, and arguments of more than 100 \
                 bytes that are neither a path nor a URL, as well as options that every git call gets. \
                 Still, read a trace before you publish it: it contains names of branches, and paths.",
            ],
        ),
        (
            "CONFIGURATION",
            &["Settings are keys of git config, such as orchestra.jobs, for one repository or for all of a \
                 user. git-orchestra-config(1) describes every key; 'git orchestra config list --all' shows \
                 their values."],
        ),
        (
            "OTHER COMMANDS",
            &["A program git-orchestra-NAME on PATH is run by 'git orchestra NAME', with its arguments \
                 unchanged. It is asked for completions only if 'git config --global --add \
                 orchestra.completionProvider NAME' declares that it answers."],
        ),
    ],
    configuration: false,
    see_also: &[
        "git-orchestra-spawn",
        "git-orchestra-status",
        "git-orchestra-review",
        "git-orchestra-merge-ranked",
        "git-orchestra-cleanup",
        "git-orchestra-config",
    ],
};
