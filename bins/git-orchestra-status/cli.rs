//! The command line of `status`.

use std::time::Duration;

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::status::Request;
use orchestra_terminal::{complete, pages::Page, settings};

/// Show every agent's true state
///
/// What is shown is derived at the moment of asking from locks, processes, refs and worktrees: an agent whose supervisor
/// died is 'lost', never 'running', and the processes that outlived it are named. Agents of other clones are 'remote'.
/// This command starts nothing, deletes nothing and moves no ref.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-status", version)]
pub(crate) struct Cli {
    /// Only these agents; the beginning of a name is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agents: Vec<String>,
    /// Show all ended agents, not only the newest
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Show archived agents instead
    #[arg(long, conflicts_with_all = ["agents", "all", "watch", "wait"])]
    pub(crate) archived: bool,
    /// Go on showing: drawn anew on a terminal, a line a change elsewhere; Ctrl-C ends it
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Return when no agent runs any more, successful if all are done; with a TIME such as 90s or 5m, at the latest then
    ///
    /// When the time is over, the state is shown and the exit code is 124; the agents keep running. An agent that runs this
    /// command without names waits for the agents that it started; while it waits, one of those it waits for runs in its place
    /// (see git-orchestra-spawn(1)).
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = limit
    )]
    pub(crate) wait: Option<Limit>,
    /// Print the result as one JSON object
    #[arg(long, conflicts_with = "watch")]
    pub(crate) json: bool,
}

/// How long `--wait` waits at the most; `None`: as long as it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

fn limit(text: &str) -> Result<Limit, String> {
    if text.is_empty() { Ok(Limit(None)) } else { settings::time(text).map(|limit| Limit(Some(limit))) }
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra status", "Show what runs and what ended lately"),
        ("git orchestra status --watch", "Follow it"),
        ("git orchestra status --wait add-tests && echo good", "Wait for one agent"),
        ("git orchestra status --wait=10m", "Wait ten minutes at the most"),
        (
            "git orchestra status --json | jq '.agents[] | select(.liveness == \"lost\") | .id'",
            "Find agents whose supervisor died",
        ),
    ],
    sections: &[
        (
            "COLUMNS",
            &[
                "PHASE is queued, starting, running, waiting or paused, and at the end done, failed, timeout or stopped; \
             'lost' behind it says that its supervisor died, 'remote' that it belongs to another clone, 'bypass' that it may do \
             everything without asking.",
                "AGE counts from the start, or from the spawn while it waits, to now or to the end. COMMITS and CHANGES are \
             what its branch has over its base; CHANGES are counted when it ends. DIRTY is the number of files with \
             uncommitted changes while it runs. COST and DENIED are what its program says that it cost, in US dollars, and how \
             often it was refused something; they are shown where any agent has them. NOW is what it does, what it waits for, \
             or why it ended.",
            ],
        ),
        (
            "USAGE LIMITS",
            &[
                "Where the service behind a coding agent gives no more for a while, the agent is not failed but paused: 'limit \
             until 14:05'. Its work is saved, its conversation and worktree are kept, its slot is given back, and none of its \
             retries is used. Its supervisor waits for the end of the limit and half a minute to one and a half more; then one \
             agent goes first, and when it is answered the others follow, five seconds apart. Queued agents of the same program \
             and login wait meanwhile, and let others go first. Where the service does not say when the limit ends, they wait 15, \
             30, then 60 minutes.",
                "An agent that would have to wait longer than orchestra.limitWait stays paused until you resume it, and so does one \
             whose program has no conversation to resume. 'pause' ends the waiting, 'stop' ends the agent, 'send' is heard \
             when it resumes, and 'resume' with its name resumes it at once. If its supervisor dies, it is 'paused, lost'. A limit \
             that is near is a warning and changes nothing. In JSON all this is 'limit', with 'kind', 'until', 'warning', \
             'used_percent' and 'resumes'. Limits are told apart from overloaded services, requests that come too fast and \
             conversations that are too long. What is known of them lies in .git/orchestra/limits and never travels; deleting it \
             says that the limits are over.",
            ],
        ),
        (
            "WORK THAT DID NOT LAND",
            &[
                "As long as the work is what it was then, NOW says 'did not land' with the check that failed, or 'set aside' with \
                 the reason; the look at one agent says for which branch, and with which command. In JSON these are \
                 failed_check and set_aside.",
            ],
        ),
        (
            "OUTSIDE THE WORKTREES",
            &[
                "Before an agent's program starts and after its end, the configuration, the hooks, the refs that are not git \
             orchestra's, your checkouts and the changed files of the main one are looked at. What differs is shown for that \
             agent, in JSON as 'surroundings'. Who did it is not known, the agent, another one that ran meanwhile, or you.",
                "A note is what the reflogs of your checkouts tell of (your commits, switches, merges, fetches) and what does no \
             harm, such as a new branch. All else is a warning: it is shown until the work has landed, and keeps 'git \
             orchestra review --automerge' from landing it. Files are looked at within a time limit; where there is too much, \
             that is said. The record is private, in refs/orchestra-local/surroundings, and never travels.",
            ],
        ),
    ],
    configuration: false,
    see_also: &[
        "git-orchestra-spawn",
        "git-orchestra-logs",
        "git-orchestra-send",
        "git-orchestra-resume",
        "git-orchestra-stop",
    ],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request { agents: self.agents.clone(), all: self.all, dirt: true, ..Request::default() }
    }
}
