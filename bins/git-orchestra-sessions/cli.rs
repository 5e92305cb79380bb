//! The command line of `sessions`.

use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    Error, Result,
    model::{duration, text},
    ops::sessions::Request,
    world,
};
use orchestra_terminal::{complete, here, pages::Page};

/// Find, read, search, keep and resume the conversations of coding agents
///
/// Without a command, the conversations of this repository and all its worktrees are listed, newest first, those of worktrees
/// that are gone included, whether or not git orchestra started them. A title is the one that a person gave, else the program's own,
/// else what was asked; messages are prompts, commands and answers, not what tools gave; cost and tokens are what the program
/// itself recorded. Sub-agents belong to the conversation that started them: what they used is part of its numbers.
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
    pub(crate) which: Which,
    /// At most so many, the newest; 0: all
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    pub(crate) limit: usize,
    /// Print ids alone, each ended by a NUL byte
    #[arg(short = 'z', conflicts_with = "json")]
    pub(crate) nul: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which conversations.
#[derive(Args, Clone, Debug)]
pub(crate) struct Which {
    /// Those of every folder of this machine
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Active since then: 3d, 90m, 2026-11-21, 2026-11-21T14:00:00Z
    #[arg(long, value_name = "TIME", conflicts_with = "hours")]
    pub(crate) since: Option<String>,
    /// Active in the last so many hours
    #[arg(long, value_name = "NUMBER")]
    pub(crate) hours: Option<u32>,
    /// Of one program, such as claude
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(complete::conversing))]
    pub(crate) program: Option<String>,
    /// Last on this branch
    #[arg(long, value_name = "BRANCH", add = ArgValueCandidates::new(complete::branches))]
    pub(crate) branch: Option<String>,
    /// Those that run now
    #[arg(long)]
    pub(crate) live: bool,
    /// Name what cannot be read
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// What to do with a conversation.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Read one, as a conversation; tools in a line each
    ///
    /// Marked with > is what was asked, → a tool that was used, - and + what an edit changes, ← what a tool gave, ✗ what failed. A
    /// sub-agent is shown by its own id. A long one is shown in your pager.
    Show {
        #[command(flatten)]
        one: One,
        /// Everything: thoughts, what tools were used on, and all that they gave
        #[arg(long)]
        full: bool,
        /// Print it as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Find words in prompts and answers, the newest conversation first
    ///
    /// Sub-agents are searched as well. What tools were given and gave is not. Exits with 1 where nothing is found.
    Search {
        #[command(flatten)]
        search: Search,
        #[command(flatten)]
        which: Which,
    },
    /// Print one as Markdown, or byte for byte
    Export {
        #[command(flatten)]
        one: One,
        /// Every byte, as its program wrote it
        #[arg(long, conflicts_with = "full")]
        jsonl: bool,
        /// Thoughts, what tools were used on, and all that they gave as well
        #[arg(long)]
        full: bool,
    },
    /// Sum up messages, tokens and cost by day, project and model
    ///
    /// Days are those of UTC. With --since only the days since then count, that day included. What sub-agents used is counted. What
    /// no program recorded is shown as -.
    Stats {
        #[command(flatten)]
        which: Which,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Go on with one, in its own program and folder
    ///
    /// An agent's worktree that is gone is made again; a transcript that is gone is put back from what is kept. One that goes on
    /// elsewhere is refused, but for --fork. Without an ID you pick one.
    Resume {
        #[command(flatten)]
        how: GoOn,
    },
    /// Make an agent of one that git orchestra did not start
    ///
    /// The agent is at rest: 'git orchestra resume' goes on with the conversation under a supervisor, in a worktree of its own, on a
    /// branch that starts where the conversation's branch is. Files that are not committed stay where they are.
    Adopt {
        #[command(flatten)]
        one: One,
        /// Where the agent's branch starts instead
        #[arg(long, value_name = "REVISION")]
        base: Option<String>,
        /// Print the result as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Keep some in this repository, whatever their programs delete
    ///
    /// They stand below refs/orchestra-local/transcripts/, which no push sends. Those of agents are kept at each end by
    /// themselves. show, search, export and resume read them when the file is gone.
    Keep {
        #[command(flatten)]
        some: Several,
    },
    /// Forget what is kept of some; what their programs keep stays
    ///
    /// Nothing brings it back: the objects go when git next collects its garbage.
    Forget {
        #[command(flatten)]
        some: Several,
        /// Only say what would be forgotten
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// What to search for.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub(crate) struct Search {
    /// The words
    #[arg(value_name = "WORDS")]
    pub(crate) words: String,
    /// Upper and lower case are the same
    #[arg(short, long)]
    pub(crate) ignore_case: bool,
    /// The words are a regular expression
    #[arg(short = 'E', long)]
    pub(crate) regex: bool,
    /// Lines shown before and after
    #[arg(short = 'C', long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) context: usize,
    /// Print the ids of the conversations alone
    #[arg(short = 'l', long = "ids", conflicts_with = "json")]
    pub(crate) files: bool,
    /// In so many conversations at most, the newest; 0: all
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) limit: usize,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to go on.
#[derive(Args, Clone, Debug)]
pub(crate) struct GoOn {
    /// The conversation, or its agent; the beginning is enough
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::conversations))]
    pub(crate) id: Option<String>,
    /// What is said first
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Not on the terminal: say what -m says, print the answer, end
    #[arg(short, long, requires = "message")]
    pub(crate) print: bool,
    /// In a new conversation that begins as this one
    #[arg(long)]
    pub(crate) fork: bool,
    /// Print the command instead of running it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// More arguments for the program
    #[arg(value_name = "ARGUMENT", last = true)]
    pub(crate) more: Vec<String>,
}

/// Several conversations.
#[derive(Args, Clone, Debug)]
pub(crate) struct Several {
    /// The conversations, or their agents; the beginning is enough
    #[arg(value_name = "ID", required = true, add = ArgValueCandidates::new(complete::conversations))]
    pub(crate) ids: Vec<String>,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// One conversation.
#[derive(Args, Clone, Debug)]
pub(crate) struct One {
    /// The conversation, its agent or its file; of an id the beginning is enough
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::conversations))]
    pub(crate) id: String,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra sessions", "Those of this repository, newest first"),
        ("git orchestra sessions --all --hours 24", "Everything on this machine since yesterday"),
        ("git orchestra sessions show 3f2a", "Read one"),
        ("git orchestra sessions search -i 'rate limit'", "Find where something was talked about"),
        ("git orchestra sessions export 3f2a > talk.md", "Take one along"),
        ("git orchestra sessions resume 3f2a", "Go on with one, where it was"),
        ("git orchestra sessions resume 3f2a --print -m 'and the tests?'", "Ask it something"),
        ("git orchestra sessions keep 3f2a", "Keep one for good"),
        ("git orchestra sessions adopt 3f2a", "Make an agent of one that you began by hand"),
        ("git orchestra sessions stats --all --since 7d", "See what a week cost"),
    ],
    sections: &[
        (
            "WHERE THEY ARE",
            &[
                "Claude Code: ~/.claude/projects and ~/.config/claude/projects, or below CLAUDE_CONFIG_DIR, which may name several folders with \
           commas between them. Codex: ~/.codex/sessions and ~/.codex/archived_sessions, or below CODEX_HOME; what it compressed (.jsonl.zst) \
           is named by --verbose and not read. Gemini CLI: ~/.gemini/tmp. \
           Codex is read since its version of September 2025, Gemini CLI since January 2026; files of the latter that are one object \
           are copied to ~/.cache/git-orchestra/gemini, for their user alone. Looking writes nothing where programs keep their files. What was read is \
           remembered in a file below the git directory. It and the copies may be deleted at any time.",
                "opencode keeps conversations in a database and is asked itself ('opencode db', export, import), which takes it a second; a \
           list asks only when the database has changed. What was said is copied to ~/.cache/git-orchestra/opencode, for its user \
           alone; that may be deleted at any time. Where opencode is not on PATH: git config orchestra.agent.opencode.program PATH.",
                "A sub-agent whose conversation is gone is listed in its place. Where files of several folders have the same id, each can be \
           named by its path instead of the id.",
            ],
        ),
        (
            "WHICH GO ON",
            &[
                "Claude Code notes what it is in; Codex holds its file open; whoever goes on by 'git orchestra sessions resume' holds a lock as \
           long as the program runs. Gemini CLI and opencode say nothing: each of their processes is taken to be in the conversation that its \
           command line names, else in the newest that began in its folder since it did, else in the newest that was written there since.",
            ],
        ),
        (
            "WHAT IS COUNTED",
            &[
                "Messages are prompts, commands and answers, not what tools gave nor what the program wrote in your name. Tokens and costs are \
           what programs recorded, and '-' where they recorded none; they include those of sub-agents, messages do not. A fork has all \
           of its conversation in its own numbers; 'sessions stats' counts that once. Times are those of the lines, not of the file.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-logs", "git-orchestra-resume", "git-orchestra-status"],
};

impl Which {
    pub(crate) fn request(&self, limit: usize) -> Result<Request> {
        let hours = self.hours.map(|hours| here::environment().now().as_second() - i64::from(hours) * 3600);
        let since = self.since.as_deref().map(moment).transpose()?;
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

/// A time, or how long ago.
fn moment(typed: &str) -> Result<i64> {
    if let Some(ago) = duration::parse(typed).filter(|_| !typed.trim().ends_with('Z')) {
        return Ok(here::environment().now().as_second() - i64::try_from(ago.as_secs()).unwrap_or(i64::MAX));
    }
    let midnight = || world::seconds(&format!("{}T00:00:00Z", typed.trim()));
    world::seconds(typed.trim()).or_else(midnight).ok_or_else(|| {
        Error::usage(format!("'{}' is no time", text::safe(typed)))
            .hint("--since 3d, --since 90m, --since 2026-11-21, --since 2026-11-21T14:00:00Z")
    })
}
