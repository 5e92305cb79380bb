//! The command line of `sessions`.

use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use orchestra::{Result, ops::sessions::Request};
use orchestra_terminal::{complete, here, pages::Page, times};

/// Find, read, search, keep and resume coding agents' sessions
///
/// A session is one conversation with a coding agent's program, whether or not git orchestra started it.
/// Without a command, the sessions of this repository and all its worktrees are listed, including worktrees
/// that are gone, newest first. A title is the one that a person gave, else the program's own, else the
/// first prompt. Messages are prompts, commands and answers, not the results of tools. Cost and tokens are
/// what the program itself recorded. Subagents belong to the session that started them: what they used is
/// included in its numbers.
#[derive(Debug, Parser)]
#[command(
    name = "git-orchestra-sessions",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    #[command(flatten)]
    pub(crate) which: SessionFilter,
    /// Show at most this many sessions, the newest; 0 shows all
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    pub(crate) limit: usize,
    /// Print only the ids, each ended by a NUL byte
    #[arg(short = 'z', conflicts_with = "json")]
    pub(crate) nul: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The options that select sessions.
#[derive(Args, Clone, Debug)]
pub(crate) struct SessionFilter {
    /// Include the sessions of every directory on this machine
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Only sessions active since this time: 3d, 90m, 2026-11-21, 2026-11-21T14:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "hours")]
    pub(crate) since: Option<String>,
    /// Only sessions active in the last NUMBER hours
    #[arg(long, value_name = "NUMBER")]
    pub(crate) hours: Option<u32>,
    /// Only sessions of this program, such as claude
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(complete::session_programs))]
    pub(crate) program: Option<String>,
    /// Only sessions that were last on this branch
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) branch: Option<String>,
    /// Only sessions that are running now
    #[arg(long)]
    pub(crate) live: bool,
    /// List the files that cannot be read
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show a session as a conversation, with one line for each tool
    ///
    /// A prompt is marked with >, a use of a tool with →, the lines of an edit with - and +, the result of
    /// a tool with ←, and a failure with ✗. A subagent is shown by its own id. Long output goes through
    /// your pager.
    Show {
        #[command(flatten)]
        one: SessionArg,
        /// Show everything, including thoughts and the full input and output of tools
        #[arg(long)]
        full: bool,
        /// Print the session as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Search prompts and answers, the newest session first
    ///
    /// Subagents are searched as well; the input and output of tools is not. Exits with 1 if nothing is
    /// found.
    Search {
        #[command(flatten)]
        search: Search,
        #[command(flatten)]
        which: SessionFilter,
    },
    /// Print a session as Markdown, or byte for byte
    Export {
        #[command(flatten)]
        one: SessionArg,
        /// Print the bytes that the program wrote, unchanged
        #[arg(long, conflicts_with = "full")]
        jsonl: bool,
        /// Include thoughts and the full input and output of tools
        #[arg(long)]
        full: bool,
    },
    /// Sum up messages, tokens and cost by day, project and model
    ///
    /// Days are in UTC. With --since, only the days from then on are counted, including that day. What
    /// subagents used is counted. What no program recorded is shown as -.
    Stats {
        #[command(flatten)]
        which: SessionFilter,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Resume a session, in its own program and directory
    ///
    /// If the worktree of an agent is gone, it is recreated; a transcript that is gone is restored from the
    /// kept copy. A session that is running elsewhere is refused, unless --fork is given. Without an ID you
    /// pick a session.
    Resume {
        #[command(flatten)]
        how: ResumeArgs,
    },
    /// Turn a session that git orchestra did not start into an agent
    ///
    /// The agent has ended from the beginning: 'git orchestra resume' continues the session under a
    /// supervisor, in a worktree of its own, on a branch that starts where the session's branch is.
    /// Uncommitted files stay where they are.
    Adopt {
        #[command(flatten)]
        one: SessionArg,
        /// Start the agent's branch at this revision instead
        #[arg(long, value_name = "REVISION")]
        base: Option<String>,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Keep sessions in this repository, even if their programs delete them
    ///
    /// They are stored below refs/orchestra-local/transcripts/, which no push sends. The sessions of agents
    /// are kept automatically whenever an attempt ends. show, search, export and resume read the kept copy
    /// if the file is gone.
    Keep {
        #[command(flatten)]
        some: SessionIds,
    },
    /// Delete the kept copies of sessions, not the programs' own files
    ///
    /// This cannot be undone: git deletes the objects at its next garbage collection.
    Forget {
        #[command(flatten)]
        some: SessionIds,
        /// Show what would be deleted, without deleting it
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// The options of a search.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct Search {
    /// The text to find
    #[arg(value_name = "WORDS")]
    pub(crate) words: String,
    /// Ignore the difference between upper and lower case
    #[arg(short, long)]
    pub(crate) ignore_case: bool,
    /// Treat WORDS as a regular expression
    #[arg(short = 'E', long)]
    pub(crate) regex: bool,
    /// Show this many lines before and after each match
    #[arg(short = 'C', long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) context: usize,
    /// Print only the ids of the sessions
    #[arg(short = 'l', long = "ids", conflicts_with = "json")]
    pub(crate) files: bool,
    /// Search at most this many sessions, the newest; 0 searches all
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) limit: usize,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The options of `resume`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ResumeArgs {
    /// The session, or its agent; an unambiguous prefix of the id is enough
    ///
    /// The number of its row in the list that was last shown here names it as well, or words of its title or
    /// first prompt.
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::session_ids))]
    pub(crate) id: Option<String>,
    /// The first message
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Do not open the program on the terminal: send the message, print the answer and exit
    #[arg(short, long, requires = "message")]
    pub(crate) print: bool,
    /// Continue in a new session that begins as a copy of this one
    #[arg(long)]
    pub(crate) fork: bool,
    /// Print the command instead of running it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Further arguments for the program
    #[arg(value_name = "ARGUMENT", last = true)]
    pub(crate) more: Vec<String>,
}

/// The sessions that `keep` and `forget` are given.
#[derive(Args, Clone, Debug)]
pub(crate) struct SessionIds {
    /// The sessions, or their agents; an unambiguous prefix of the id or the number of a row is enough
    #[arg(value_name = "ID", required = true, add = ArgValueCandidates::new(complete::session_ids))]
    pub(crate) ids: Vec<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The session that a subcommand is given.
#[derive(Args, Clone, Debug)]
pub(crate) struct SessionArg {
    /// The session, its agent or its file; an unambiguous prefix of the id is enough
    ///
    /// The number of its row in the list that was last shown here names it as well, or words of its title or
    /// first prompt.
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::session_ids))]
    pub(crate) id: String,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra sessions", "List the sessions of this repository, newest first"),
        ("git orchestra sessions --all --hours 24", "List all sessions on this machine of the last 24 hours"),
        ("git orchestra sessions show 3f2a", "Show a session"),
        ("git orchestra sessions show 'rate limit'", "Show the session that has these words in its title"),
        ("git orchestra sessions search -i 'rate limit'", "Find the sessions that mention something"),
        ("git orchestra sessions export 3f2a > session.md", "Save a session as Markdown"),
        ("git orchestra sessions resume 3f2a", "Resume a session where it stopped"),
        ("git orchestra sessions resume 2", "Resume the session in the second row of the last list"),
        ("git orchestra sessions resume 3f2a --print -m 'and the tests?'", "Ask one question in a session"),
        ("git orchestra sessions keep 3f2a", "Keep a session for good"),
        ("git orchestra sessions adopt 3f2a", "Turn a session that you started by hand into an agent"),
        ("git orchestra sessions stats --all --since 7d", "Show the cost of the last week"),
    ],
    sections: &[
        (
            "FILES",
            &[
                "Claude Code: ~/.claude/projects and ~/.config/claude/projects, or below CLAUDE_CONFIG_DIR, \
                 which may name several directories separated by commas. Codex: ~/.codex/sessions and \
                 ~/.codex/archived_sessions, or below CODEX_HOME; compressed files (.jsonl.zst) are not \
                 read, but listed by --verbose. Gemini CLI: ~/.gemini/tmp. Codex is supported since its \
                 version of September 2025, Gemini CLI since January 2026; a session that Gemini CLI keeps \
                 as one object is copied to ~/.cache/git-orchestra/gemini, readable only by its owner. \
                 Reading sessions writes nothing into the programs' directories. An index of what was read \
                 is kept in a file below the git directory. The index and the copies may be deleted at any \
                 time.",
                "opencode keeps sessions in a database, which is read through opencode itself ('opencode \
                 db', export, import); this takes about a second, and a list does it only if the database \
                 has changed. Sessions are copied to ~/.cache/git-orchestra/opencode, readable only by its \
                 owner; the copies may be deleted at any time. If opencode is not on PATH: git config \
                 orchestra.agent.opencode.program PATH.",
                "A subagent whose session is gone is listed in its place. If files in several directories \
                 have the same id, name one by its path instead of the id.",
            ],
        ),
        (
            "WHICH SESSIONS ARE RUNNING",
            &["Claude Code records the session of each of its processes; Codex holds its file open; 'git \
                 orchestra sessions resume' holds a lock as long as the program runs. Gemini CLI and \
                 opencode record nothing. Each of their processes is assigned the session that its command \
                 line names, else the newest session that began in its directory since the process started, \
                 else the newest that was written there since then."],
        ),
        (
            "COUNTS",
            &["Messages are prompts, commands and answers, not the results of tools or what the program \
                 wrote in your name. Tokens and costs are what programs recorded, or '-' if they recorded \
                 none; they include those of subagents, messages do not. A fork includes the session that it \
                 was forked from in its own numbers; 'sessions stats' counts the shared part once. Times are \
                 those of the entries, not of the file."],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-logs", "git-orchestra-resume", "git-orchestra-status"],
};

impl SessionFilter {
    pub(crate) fn request(&self, limit: usize) -> Result<Request> {
        let hours = self.hours.map(|hours| here::environment().now().as_second() - i64::from(hours) * 3600);
        let since = self.since.as_deref().map(times::parse).transpose()?;
        Ok(Request {
            everywhere: self.all,
            since: since.or(hours),
            program: self.program.clone(),
            branch: self.branch.clone(),
            live: self.live,
            limit,
        })
    }
}
