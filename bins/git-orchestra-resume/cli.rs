//! The command line of `resume`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::resume::{Request, TakeOverPolicy, Words};
use orchestra_terminal::{Terminal, complete, pages::Page, settings::RunOptions};

/// Resume agents that are paused, ended or lost
///
/// An agent continues in its own worktree, on its own branch and in its own session. A missing worktree is
/// recreated from the agent's last snapshot. If the supervisor died, the agent's remaining processes are
/// ended first; their files are kept. The options that were given when the agent was spawned apply again,
/// including --jobs and all limits, and the options given now are added to them. The environment is that of
/// this command, and settings of git config that were not given as options are read again.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-resume", version)]
pub(crate) struct Cli {
    /// The agents; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Resume all agents of this clone that are paused or lost, for example after a reboot
    #[arg(short, long, conflicts_with = "agents")]
    pub(crate) all: bool,
    /// The message to send (default: a request to continue where the agent stopped)
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// Take over an agent that appears to run in another clone, whose machine is gone
    #[arg(long, conflicts_with = "all")]
    pub(crate) take_over: bool,
    /// Start over with the task, in a new session
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Continue with another program or role, such as codex: in the same worktree, with a report on the work so far
    ///
    /// It gets the task, the files that were changed, the last messages and the output of a failed check, marked
    /// as a report, and starts a session of its own. Options and limits of the earlier program do not apply to
    /// it; those given now do. A program that may run the report as a script needs -m, and gets only that.
    #[arg(long, value_name = "PROFILE", add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) agent: Option<String>,
    /// Return as soon as all supervisors have started, instead of watching
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Show which agents would be resumed, and how
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten, next_help_heading = "How they run")]
    pub(crate) how: RunOptions,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra resume --all", "Resume everything after a reboot"),
        ("git orchestra resume add-auth -m 'now add the tests'", "Give more work to an agent that has ended"),
        ("git orchestra resume add-auth --allow 'Bash(cargo *)'", "Resume with an additional permission"),
        ("git orchestra resume --fresh add-auth", "Start over, in a new session"),
        ("git orchestra resume add-auth --agent codex", "Let another program continue the work"),
    ],
    sections: &[
        (
            "USAGE LIMITS",
            &["An agent whose service has reached a usage limit is 'paused, limit until 14:05', and \
                 resumes by itself when the limit ends, as long as its supervisor lives (see \
                 git-orchestra-status(1)). If it is named here, it is resumed at once. --all leaves agents \
                 that wait for a limit alone; those whose supervisor died, for example in a reboot, wait for \
                 the limit again."],
        ),
        (
            "PROGRAMS WITHOUT SESSIONS",
            &[
                "sh and your own programs run again in the same worktree; -m is then their task. The usage limits \
                 of your own commands named codex and gemini are recognized by their messages; such an agent \
                 stays paused until it is resumed here.",
            ],
        ),
        (
            "AGENTS OF OTHER CLONES",
            &["An agent that ended or is paused in another clone can be resumed here: its branch is \
                 created at its work, its last snapshot is applied on top, and its session is placed into \
                 the program's own directory, as far as 'git orchestra sync --with snapshots,transcripts', \
                 run in both clones, transferred them. If several clones resume one agent at the same time, \
                 the remote accepts the first; without a remote both are kept and shown as a conflict. \
                 Program, permissions and limits are those of this clone."],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-pause", "git-orchestra-send", "git-orchestra-status"],
};

impl Cli {
    pub(crate) fn request(&self, terminal: &Terminal) -> Request {
        Request {
            agents: self.agents.clone(),
            all: self.all,
            message: self.message.clone().map(Words::Typed),
            fresh: self.fresh,
            profile: self.agent.clone(),
            take_over: if self.take_over { TakeOverPolicy::Always } else { TakeOverPolicy::AtRest },
            settings: self.how.settings(terminal, self.detach),
            despite_limit: !self.all,
            dry_run: self.dry_run,
            about: Vec::new(),
        }
    }
}
