//! The command line of `status`.

use std::time::Duration;

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    model::moment,
    ops::{agent_format::AgentFormat, status::Request},
    world::Timestamp,
};
use orchestra_terminal::{complete, here, pages::Page, settings};

/// Show the current state of every agent
///
/// The state is derived from locks, processes, refs and worktrees at the moment of the call: an agent whose
/// supervisor died is 'lost', never 'running', and its remaining processes are listed. Agents of other
/// clones are 'remote'. One that waits for room on the machine, or is held until there is some, says so, and
/// the memory of each is shown if any uses much (memory_bytes in --json). Running agents whose work would conflict
/// are named, with the files and functions (overlaps in --json). An agent that another one started is below
/// that one (parent in --json). This command starts no agent, deletes nothing and
/// moves no ref.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-status", version)]
pub(crate) struct Cli {
    /// Show only these agents; a unique prefix of the name or a word in it is enough, and tag:NAME names all with a tag
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) agents: Vec<String>,
    /// Show all agents that have ended, not only the newest
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Show archived agents instead
    #[arg(long, conflicts_with_all = ["agents", "all", "watch", "wait"])]
    pub(crate) archived: bool,
    /// Show only what changed since TIME, such as 8h, 22:30 or 2026-11-26: the agents with newer events, and what happened
    #[arg(long, value_name = "TIME", conflicts_with_all = ["archived", "watch", "wait"], value_parser = moment)]
    pub(crate) since: Option<Timestamp>,
    /// Keep showing the state: on a terminal a window that takes keys, else one line per change; Ctrl-C ends
    /// it
    #[arg(short, long)]
    pub(crate) watch: bool,
    /// Wait until no agent runs any more, and succeed if all are done; with a TIME such as 90s or 5m, wait
    /// at most that long
    ///
    /// After TIME the state is shown and the exit status is 124; the agents keep running. If an agent runs
    /// this command without names, it waits for the agents that it started, and lends its slot to one of
    /// them meanwhile (see git-orchestra-spawn(1)).
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        value_parser = limit
    )]
    pub(crate) wait: Option<Limit>,
    /// Print each agent in this format, such as '%(id) %(phase)', with the field names of --json
    ///
    /// %% is a percent sign, and % with two hexadecimal digits is that character: %09 is a tab. A field
    /// without a value is empty; control characters in a value are made visible.
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["json", "watch"], value_parser = format)]
    pub(crate) format: Option<AgentFormat>,
    /// End each agent with a NUL byte instead of a line break
    #[arg(short = 'z', requires = "format")]
    pub(crate) nul: bool,
    /// Print the result as one JSON object; with --watch, one per line for each change
    #[arg(long)]
    pub(crate) json: bool,
}

/// The time limit of `--wait`; `None` waits without a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) Option<Duration>);

fn moment(text: &str) -> Result<Timestamp, String> {
    let here = here::environment();
    moment::parse(text, here.now(), &here.time_zone())
        .ok_or_else(|| "expected a time ago such as 8h, a time such as 22:30, or a day".to_owned())
}

fn format(text: &str) -> Result<AgentFormat, String> {
    AgentFormat::parse(text).map_err(|error| {
        let hints: Vec<String> = error.hints.iter().map(|hint| format!("; {hint}")).collect();
        format!("{}{}", error.message, hints.concat())
    })
}

fn limit(text: &str) -> Result<Limit, String> {
    if text.is_empty() { Ok(Limit(None)) } else { settings::time(text).map(|limit| Limit(Some(limit))) }
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra status", "Show the agents that run or ended recently"),
        ("git orchestra status --watch", "Keep showing the state, and answer agents with keys"),
        ("git orchestra status --wait add-tests && echo good", "Wait for one agent"),
        ("git orchestra status --wait=10m", "Wait at most ten minutes"),
        ("git orchestra status --since 22:30", "Show what happened during the night"),
        ("git orchestra status tag:web", "Show the agents with a tag"),
        (
            "git orchestra status --all --format '%(id)%09%(phase)%09%(cost_usd)'",
            "Print some fields of all agents",
        ),
        ("git orchestra status --watch --json | my-program", "Tell a program about every change"),
        (
            "git orchestra status --json | jq '.agents[] | select(.liveness == \"lost\") | .id'",
            "Find agents whose supervisor died",
        ),
    ],
    sections: &[
        (
            "WATCHING BY PROGRAMS",
            &["With --watch --json every line is one JSON object of kind 'change' (git orchestra schema \
                 change). 'change' says what changed; 'agents' holds the new state of the agent that it is \
                 about, and of all agents in the first line. The stream ends with Ctrl-C, when nobody reads \
                 it any more, and with --wait when no agent runs any more. If it ends with an error, the \
                 last line is an object of kind 'error'. Output of agents is not in it; 'git orchestra logs \
                 --follow --json' has it."],
        ),
        (
            "KEYS",
            &[
                "In the window of --watch, and of commands that start agents, the arrow keys (or j and k) choose \
                 an agent. 'a' shows all that it asks for, and only then 'y' allows it: not before its end was \
                 shown, and not if the agent asks something else meanwhile. In a window that is too low for \
                 it, space and the arrow keys show the rest. 'A' instead of 'y' shows what would be allowed \
                 for good, as 'send --allow --always' does, and then 'y' allows that. 'x' denies it with a reason. \
                 'l' shows its log and 'd' its diff in the pager, 'r' reviews its work, 'p' pauses it, 's' \
                 stops it after a question. '?' shows the keys, and 'q' ends the window; the agents keep \
                 running.",
                "The keys do what the commands send, pause and stop do. Ctrl-C and Ctrl-Z work as elsewhere. \
                 Without a terminal there are no keys.",
            ],
        ),
        (
            "COLUMNS",
            &[
                "PHASE is queued, starting, running, waiting or paused, and at the end done, failed, timeout \
                 or stopped. It is followed by 'lost' if the supervisor died, by 'remote' if the agent \
                 belongs to another clone, and by 'bypass' if the agent may do everything without asking.",
                "TIME is how long all attempts of the agent ran together, the one in progress included, \
                 without the time between them. ENDED is how long ago the last one ended. COMMITS and CHANGES are \
                 what the branch adds to its base; CHANGES are counted when the \
                 agent ends. DIRTY is the number of files with uncommitted changes while it runs, with \
                 its age if there was no time to count them again; '?' means that they were not counted yet. \
                 COST is the cost in US dollars that the program reported, and DENIED the number of denied \
                 requests; they are shown if any agent has them. NOW is what the agent does or what it \
                 waits for; of an agent that has ended, why, unless it is done, and its last words: what it \
                 said last, or the last line that a plain command printed.",
                "On a terminal that is too narrow for all columns, some are hidden (DIRTY first, then COMMITS, \
                 CHANGES, DENIED, TIME, ENDED and COST), long names lose their middle, and a last line says how many \
                 columns are hidden. Columns without any value are left out. A pipe gets everything.",
                "With --watch, agents that wait come first, and what the first of them asks is shown below the \
                 table, on as many lines as it needs. The table is redrawn in one place, and stays when watching ends.",
            ],
        ),
        (
            "CAPS ON MONEY AND TOKENS",
            &[
                "An agent has the caps orchestra.maxCost and orchestra.maxTokens, or --max-cost and --max-tokens; \
                 orchestra.maxRunCost and orchestra.maxRunTokens on all agents of a run; orchestra.maxDayCost and \
                 orchestra.maxDayTokens on all agents of this clone since midnight. They apply as they were when \
                 the agent was started. At 80 % of a cap there is a warning. At 100 % a running agent is paused, \
                 as soon as no tool call is in progress, and asks whether the cap may be raised by the same amount: \
                 'git orchestra send AGENT --allow' raises it once, --deny ends the agent. 'send --all' raises no \
                 cap. While a cap of the run or of the day is reached, queued agents do not start; an answer to one \
                 of them, or to a paused one, raises it for all.",
                "What an agent uses is what its program reports while it runs. Claude Code reports tokens with each \
                 answer and costs at the end of a turn; it is also told to stop by itself when the money is used \
                 up. If orchestra.price.<name> has the model, the cost is known before that, and also for programs that \
                 report tokens only. The sums over other agents are made at most every 5 seconds, so a cap may be \
                 exceeded by what was used meanwhile. --budget is another thing: the agent's program itself \
                 enforces it, and an agent that reaches it has failed.",
            ],
        ),
        (
            "USAGE LIMITS",
            &[
                "If the service behind a coding agent reports a usage limit, the agent does not fail but is \
                 paused: 'limit until 14:05'. Its work is saved, its session and worktree are kept, its slot \
                 is freed, and no retry is used. Its supervisor waits until the limit ends, plus 30 to 90 \
                 seconds; then one agent resumes first, and when it gets an answer the others follow, five \
                 seconds apart. Queued agents of the same program and login wait meanwhile, and let other \
                 agents go first. If the service does not say when the limit ends, they wait 15, 30, then 60 \
                 minutes.",
                "An agent that would have to wait longer than orchestra.limitWait stays paused until you \
                 resume it, and so does one whose program cannot resume a session. 'pause' ends the waiting, \
                 'stop' ends the agent, a message from 'send' is read when the agent resumes, and 'resume' \
                 with its name resumes it at once. If its supervisor dies, it is 'paused, lost'. A limit \
                 that is near is shown as a warning and changes nothing. In JSON these are in 'limit', with \
                 'kind', 'until', 'warning', 'used_percent' and 'resumes'. Usage limits are distinguished \
                 from overloaded services, rate limits on requests and sessions that are too long. Known \
                 limits are recorded in .git/orchestra/limits and never sent anywhere; deleting that \
                 directory makes git orchestra assume that the limits are over.",
            ],
        ),
        (
            "WORK THAT DID NOT LAND",
            &["As long as the work has not changed since, NOW shows 'did not land' with the check that \
                 failed, or 'set aside' with the reason; 'git orchestra status AGENT' adds the target branch \
                 and the command. In JSON these are failed_check and set_aside."],
        ),
        (
            "OUTSIDE THE WORKTREES",
            &[
                "Before an agent's program starts and after it ends, git orchestra records the \
                 configuration, the hooks, the refs that are not its own, your checkouts and the changed \
                 files of the main checkout. A difference is shown for that agent, in JSON as \
                 'surroundings'. It is not known who made the change: the agent, another agent that ran at \
                 the same time, or you.",
                "A note is a change that the reflogs of your checkouts explain (your commits, switches, \
                 merges, fetches) or that is harmless, such as a new branch. Everything else is a warning: \
                 it is shown until the work has landed, and prevents 'git orchestra review --automerge' from \
                 landing it. Files are compared within a time limit; if there are too many, the output says \
                 so. The record is private, in refs/orchestra-local/surroundings, and never sent.",
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
        let Self { agents, all, since, .. } = self;
        Request {
            agents: agents.clone(),
            all: *all,
            since: *since,
            dirt: true,
            overlaps: true,
            ..Request::default()
        }
    }
}
