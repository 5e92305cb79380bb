//! The command line of `sessions`.

use clap::{Args, Parser, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use orchestra::{Error, Result, config, model::text, ops::sessions::Request, world};
use orchestra_terminal::{
    args::{Common, HasCommon},
    complete,
    pages::Page,
};

/// Find, read, search, keep and resume the conversations of coding agents
///
/// Without a command, the conversations of this repository and all its worktrees are listed, newest first, those of worktrees
/// that are gone included, whether or not git orchestra started them. Titles are those given to them, else what was asked last;
/// messages are prompts and answers, not what tools gave; cost and tokens are what the program itself recorded. Sub-agents belong
/// to the conversation that started them.
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
    #[command(flatten)]
    pub(crate) common: Common,
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
    /// > is what was asked, → a tool that was used, ← what that gave, ✗ what failed. A long one is shown in your pager.
    Show {
        #[command(flatten)]
        one: One,
        /// Everything: thoughts, what tools were used on, and all that they gave
        #[arg(long)]
        full: bool,
        /// Print it as one JSON object
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// One conversation.
#[derive(Args, Clone, Debug)]
pub(crate) struct One {
    /// The conversation, or its agent; the beginning is enough
    #[arg(value_name = "ID", add = ArgValueCandidates::new(complete::conversations))]
    pub(crate) id: String,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra sessions", "Those of this repository, newest first"),
        ("git orchestra sessions --all --hours 24", "Everything on this machine since yesterday"),
        ("git orchestra sessions show 3f2a", "Read one"),
    ],
    sections: &[(
        "WHERE THEY ARE",
        &[
            "Claude Code: ~/.claude/projects, or below CLAUDE_CONFIG_DIR. Nothing is written there by looking. What was read is \
           remembered in a file below the git directory, which may be deleted at any time.",
        ],
    )],
    configuration: false,
    see_also: &["git-orchestra-logs", "git-orchestra-resume", "git-orchestra-status"],
};

impl HasCommon for Cli {
    fn common(&self) -> Common {
        match &self.verb {
            None => self.common,
            Some(Verb::Show { common, .. }) => *common,
        }
    }
}

impl Which {
    pub(crate) fn request(&self, limit: usize) -> Result<Request> {
        let hours = self.hours.map(|hours| world::now().as_second() - i64::from(hours) * 3600);
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
    if let Some(ago) = config::duration(typed).filter(|_| !typed.trim().ends_with('Z')) {
        return Ok(world::now().as_second() - i64::try_from(ago.as_secs()).unwrap_or(i64::MAX));
    }
    let midnight = || world::seconds(&format!("{}T00:00:00Z", typed.trim()));
    world::seconds(typed.trim()).or_else(midnight).ok_or_else(|| {
        Error::usage(format!("'{}' is no time", text::safe(typed)))
            .hint("--since 3d, --since 90m, --since 2026-11-21, --since 2026-11-21T14:00:00Z")
    })
}
