//! The command line of `config`.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::config::{ImportRequest, Request, SetRequest, UnsetRequest};
use orchestra_terminal::{complete, pages::Page};

/// Show and change the settings of git orchestra
///
/// Settings are keys of git's configuration, such as orchestra.jobs, in the files that git reads: of the
/// repository, of the user, and of the machine. Unlike git config, this command knows the keys. It refuses
/// unknown names and values that would not work, and shows which values apply, where they come from, and
/// the defaults. The prefix 'orchestra.' may be left out.
///
/// Without a command, the keys that are set are listed.
#[derive(Debug, Parser)]
#[command(
    name = "git-orchestra-config",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    #[command(flatten)]
    pub(crate) list: List,
}

/// The options of the list.
#[derive(Args, Clone, Debug)]
pub(crate) struct List {
    /// Include the keys whose default applies
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Show the file in which each value is
    #[arg(long)]
    pub(crate) show_origin: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the keys that are set, with their values and origins
    ///
    /// ORIGIN is the scope of git's configuration: local (this repository), global (all of your
    /// repositories), system, worktree, command (the environment), project (the file .gitorchestra), or default. Names that git orchestra
    /// does not know, and values that it cannot use, are reported as warnings.
    List(List),
    /// Print the value of a key, or its default
    ///
    /// A key that may be given several times is printed with one value per line. Exits with 1 if the key
    /// is not set and has no default. What looks like a secret is replaced; git config prints it.
    Get {
        /// The key
        #[arg(value_name = "KEY", add = ArgValueCandidates::new(complete::config_keys))]
        key: String,
        /// Print the result as one JSON object, with origin, default and purpose
        #[arg(long)]
        json: bool,
    },
    /// Set a key, replacing the values that it has
    ///
    /// An empty value is the same as the default.
    Set {
        /// The key
        #[arg(value_name = "KEY", add = ArgValueCandidates::new(complete::config_keys))]
        key: String,
        /// The value
        #[arg(value_name = "VALUE", allow_hyphen_values = true, add = ArgValueCandidates::new(complete::config_values))]
        value: String,
        /// Add the value to those that the key has; for keys that may be given several times
        #[arg(long)]
        add: bool,
        /// Set it for all of your repositories
        #[arg(long)]
        global: bool,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Approve what the file .gitorchestra proposes
    ///
    /// The file is shown in full, and must be approved on a terminal, or by its hash. The approval is for
    /// exactly this content: after a change, the file has to be approved again.
    Approve {
        /// Approve the file with this SHA-256, without a question
        #[arg(long, value_name = "SHA256")]
        hash: Option<String>,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Decline what the file .gitorchestra proposes
    ///
    /// What it proposes does not hold, and no command asks about exactly this content again. An approval of it
    /// ends. To change your mind, use 'git orchestra config approve'.
    Decline {
        /// Decline the file with this SHA-256, and no other
        #[arg(long, value_name = "SHA256")]
        hash: Option<String>,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take over the settings of another orchestrator
    ///
    /// Reads .claude-orchestrator.yaml, the config.json of claude-orchestra, or the orchestra.yml of
    /// agent-orchestra, and shows which keys it would set, and which of its fields have no counterpart.
    /// Nothing is set before you agree. Only a part of YAML is read; the rest is refused with its line.
    Import {
        /// The file (default: the one in this repository)
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// Set the keys without a question
        #[arg(short, long)]
        yes: bool,
        /// Print the result as one JSON object, without a question; nothing is set without --yes
        #[arg(long)]
        json: bool,
    },
    /// Remove a key, so that its default applies
    ///
    /// Exits with 1 if it is not set there.
    Unset {
        /// The key
        #[arg(value_name = "KEY", add = ArgValueCandidates::new(complete::config_set_keys))]
        key: String,
        /// Remove only this value of a key that may be given several times
        #[arg(value_name = "VALUE", allow_hyphen_values = true, add = ArgValueCandidates::new(complete::config_values))]
        value: Option<String>,
        /// Remove it from the configuration of all your repositories
        #[arg(long)]
        global: bool,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra config list --all", "List every key, with its value or its default"),
        ("git orchestra config set maxTime 2h", "Let agents run for two hours in this repository"),
        ("git orchestra config set --global agent claude", "Choose a profile for all of your repositories"),
        ("git orchestra config set --add trustWriter 5t2k9x", "Add one value to a key that may have several"),
        ("git orchestra config get jobs", "Print the value that applies"),
        ("git orchestra config unset maxTime", "Return to the default"),
        ("git orchestra config import", "Take over the settings of another orchestrator, after a question"),
        ("git orchestra config approve", "See and approve what your project committed in .gitorchestra"),
        ("git orchestra config decline", "Never be asked about this content of .gitorchestra again"),
    ],
    sections: &[
        (
            "PRECEDENCE",
            &[
                "An option on the command line takes precedence over every key. Of several files, git's order \
                 decides: the repository's takes precedence over yours, and yours over the machine's. If \
                 another file takes precedence over what was set, a warning names it. A key that may be given \
                 several times has the values of all files.",
            ],
        ),
        (
            "NOTICES",
            &[
                "Each command of orchestra.notify is run by /bin/sh in the background, in the repository's main \
                 folder, with your environment, outside of any sandbox, and for at most 30 s. What it prints is \
                 dropped; if it fails, a line in .git/orchestra/diary says so, and nothing else happens. The \
                 word 'desktop' in place of a command shows a notice with notify-send or osascript.",
                "ORCHESTRA_NOTICE is 'waits', 'paused', 'done', 'failed' or 'timeout' for an agent, 'run-gate', \
                 'run-done', 'run-partial' or 'run-failed' for a run, and 'landed' or 'not-landed' for a landing. \
                 ORCHESTRA_AGENT is the agent, if it is about one, and ORCHESTRA_REASON one line of at most 200 \
                 characters, which may be empty. Standard input is a JSON object with 'notice' and, for an agent, all that \
                 'status --json' says of it; else it is the report of the run or the landing, or the 'run' and its 'gate'. The texts may come from \
                 agents: quote them, as in: git config orchestra.notify 'ntfy publish agents \
                 \"$ORCHESTRA_AGENT $ORCHESTRA_NOTICE\"'",
                "There is one notice of each event, and at most one every second for each agent. Of what \
                 you asked for yourself, such as a stop, there is none. An agent keeps the commands with which it \
                 was started or resumed, so that it cannot change them; those of a project's file never count.",
            ],
        ),
        (
            "THE SETTINGS OF A PROJECT",
            &[
                "A project can commit settings in a file .gitorchestra at the top of its repository, in the \
                 syntax of git's configuration. It counts as it is in the commit that is checked out in the \
                 main checkout; files of worktrees and branches of agents have no effect, nor has what is \
                 not committed. Your own configuration takes precedence, for every key that it has; an \
                 empty value in it leaves out what the file says.",
                "Below, 'the project sets it' marks the keys that hold at once: they only narrow or measure. \
                 'the project proposes it' marks those that can run something or allow something. They hold \
                 after you approved exactly this content: spawn, resume, review and merge-ranked show the \
                 whole file on a terminal and ask; elsewhere, what needs such a key is refused, and the \
                 command to type is shown. If you answer 'no', or use 'git orchestra config decline', nobody \
                 asks again until the file changes; what needs such a key is still refused, unless you set \
                 the key yourself. Other keys in the file have no effect, and the list says so.",
            ],
        ),
        (
            "MCP SERVERS",
            &[
                "An MCP server gives an agent tools. It is made by its keys, and given by its name: with --mcp of \
                 spawn, with {orchestra.mcp} to all agents whose program can have one, or with \
                 orchestra.agent.PROFILE.mcp. Claude Code gets exactly these servers, Codex, Gemini CLI and \
                 opencode get them besides those of their own settings; other programs are not started with one \
                 that is named for them. The list is passed as an option, a variable, or a private file outside \
                 of the worktree. In a sandbox the server runs in it, with its agent.",
                "Secrets are never in these keys: env and header hold names of variables of your environment, and \
                 spawn and resume are refused where one is not set.",
                "The tools of a server are asked for like others. '--allow mcp__NAME' allows all of them to Claude \
                 Code, '--allow mcp__NAME__TOOL' one; Codex asks for each call, which 'git orchestra send AGENT \
                 --allow' answers.",
                "Examples follow, as their makers described them in 2026; look at what you install. Linear, and \
                 Atlassian with https://mcp.atlassian.com/v1/mcp: 'git config orchestra.mcp.linear.url \
                 https://mcp.linear.app/mcp' and 'git config orchestra.mcp.linear.header \
                 Authorization=LINEAR_AUTHORIZATION', with LINEAR_AUTHORIZATION='Bearer …' in your environment.",
                "Postgres: 'git config orchestra.mcp.postgres.command uvx', 'git config orchestra.mcp.postgres.arg \
                 postgres-mcp' and 'git config orchestra.mcp.postgres.env DATABASE_URI'. Chrome: 'git config \
                 orchestra.mcp.chrome.command npx', 'git config orchestra.mcp.chrome.arg -y' and 'git config --add \
                 orchestra.mcp.chrome.arg chrome-devtools-mcp@latest'.",
            ],
        ),
        (
            "TRUST",
            &[
                "An agent cannot use set and unset. A key that you set in a repository in which agents run is \
                 accepted with that; changes by other means are shown before they are used, see \
                 git-orchestra-init(1). Files are written by git config, with its locks.",
            ],
        ),
    ],
    configuration: true,
    see_also: &["git-orchestra-init", "git-config"],
};

impl List {
    pub(crate) fn request(&self) -> Request {
        Request { key: None, all: self.all }
    }
}

impl Verb {
    pub(crate) fn set_request(key: &str, value: &str, add: bool, global: bool) -> SetRequest {
        SetRequest { key: key.to_owned(), value: value.to_owned(), add, global }
    }

    pub(crate) fn import_request(file: Option<&Path>) -> ImportRequest {
        ImportRequest { file: file.map(Path::to_owned) }
    }

    pub(crate) fn unset_request(key: &str, value: Option<&String>, global: bool) -> UnsetRequest {
        UnsetRequest { key: key.to_owned(), value: value.cloned(), global }
    }
}
