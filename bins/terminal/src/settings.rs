//! The options of every command that starts agents.

use std::{path::PathBuf, time::Duration};

use clap::{
    Args, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use orchestra::{
    model::{OnPrompt, Permission, SandboxLevel, duration},
    ops::settings::{self, Options, Settings},
};

use clap_complete::ArgValueCandidates;

use crate::{Terminal, complete, here};

/// The options that say how agents run.
#[derive(Args, Clone, Debug, Default)]
pub struct RunOptions {
    /// Run at most this many agents at once; the others are queued (default: {orchestra.jobs})
    ///
    /// It must not exceed {orchestra.maxJobs}.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub jobs: Option<u32>,
    /// Time limit of an agent, such as 90s, 5m or 1h30m (default: {orchestra.maxTime})
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub max_time: Option<Duration>,
    /// End an agent that is idle for this long; 0 never does (default: {orchestra.idleTimeout})
    ///
    /// An agent is idle while it prints nothing, writes no line to its session file and changes nothing in
    /// its worktree. Programs that print nothing while they work (sh, your own) are watched only if this
    /// option is given.
    #[arg(long, value_name = "TIME", value_parser = idle)]
    pub idle_timeout: Option<Duration>,
    /// How many times to retry after a transient failure (default: {orchestra.retries})
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retries: Option<u32>,
    /// Wait before the first retry; it doubles each time (default: {orchestra.retryDelay})
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub retry_delay: Option<Duration>,
    /// What an agent may do without asking: plan, default, dontAsk, acceptEdits or bypassPermissions
    /// (default: {orchestra.permission})
    ///
    /// plan: changes nothing. default: asks for every change. dontAsk: does only what --allow names.
    /// acceptEdits: changes files in its worktree. bypassPermissions: does everything; status shows this.
    #[arg(long, value_name = "MODE", value_parser = permission(), hide_possible_values = true)]
    pub permission: Option<Permission>,
    /// What to do when an agent asks for more: deny, ask or fail
    ///
    /// deny: deny the request; the agent continues without. ask: wait for 'git orchestra send AGENT
    /// --allow' or --deny. fail: end the agent. The default is {orchestra.onPrompt}, else ask if this
    /// command watches on a terminal, else deny.
    #[arg(long, value_name = "WHAT", value_parser = on_prompt(), hide_possible_values = true)]
    pub on_prompt: Option<OnPrompt>,
    /// A tool that an agent may use without asking, such as 'Bash(git *)'; may be given several times
    ///
    /// The tools of {orchestra.allow} are allowed as well, except those that --deny names.
    #[arg(long, value_name = "TOOL", allow_hyphen_values = false)]
    pub allow: Vec<String>,
    /// A tool that an agent must not use; may be given several times
    ///
    /// The tools of {orchestra.deny} are denied as well, except those that --allow names.
    #[arg(long, value_name = "TOOL")]
    pub deny: Vec<String>,
    /// A directory that an agent may use besides its worktree; may be given several times
    ///
    /// It may use those of {orchestra.addDir} as well.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub add_dir: Vec<PathBuf>,
    /// The model that the agent's program uses
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Text that is added to the system prompt of the agent's program
    #[arg(long, value_name = "TEXT")]
    pub append_system_prompt: Option<String>,
    /// The largest number of turns with the model
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_turns: Option<u32>,
    /// The largest cost in US dollars, such as 2.50; the turn in progress may exceed it
    ///
    /// The agent's program itself stops at it, and the agent has failed. To be asked instead, use --max-cost.
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub budget: Option<u64>,
    /// An MCP server that an agent gets, by its name in git config; may be given several times
    ///
    /// 'git config orchestra.mcp.NAME.command PROGRAM' makes a server of that name, with its arguments in
    /// orchestra.mcp.NAME.arg and the names of the variables that it needs in orchestra.mcp.NAME.env; one that is
    /// reached by HTTP has orchestra.mcp.NAME.url instead. The servers of {orchestra.mcp} and
    /// orchestra.agent.PROFILE.mcp are given as well. Its tools are asked for like others: '--allow mcp__NAME'
    /// allows all of them to Claude Code. A program that cannot have MCP servers is not started with one.
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(complete::mcp_servers))]
    pub mcp: Vec<String>,
    /// The agent has failed unless this shell command succeeds in its worktree when it ends
    ///
    /// It runs once, when the agent's turn ends, for at most {orchestra.checkTime}, with the environment and
    /// the limits of the agent, and waits for a slot of the machine first (see 'git orchestra slot'). If it
    /// fails, it runs on the commit from which the agent started as well, so that the reason can say 'fails
    /// on base too'. {orchestra.check} is the check of new agents without --check and --until, and an empty
    /// COMMAND means none. To let the agent try again instead, use --until.
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString, conflicts_with_all = ["until", "rounds"])]
    pub check: Option<String>,
    /// The cap on an agent's cost in US dollars, such as 2.50: at it, the agent is paused and asks (default:
    /// {orchestra.maxCost})
    ///
    /// git orchestra warns at 80 %. At 100 % it pauses the agent when no tool call is in progress: 'git orchestra
    /// send AGENT --allow' raises the cap by the same amount, --deny ends the agent. The cost is what the program
    /// reports while it runs, and else that of its tokens, if their model has a price (orchestra.price.MODEL).
    /// {orchestra.maxRunCost} and {orchestra.maxDayCost} are caps on all agents of the run, and of this clone on
    /// one day. A profile may have other caps: orchestra.agent.NAME.maxCost and maxTokens.
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub max_cost: Option<u64>,
    /// The cap on the tokens that an agent reads and writes, such as 500k (default: {orchestra.maxTokens})
    ///
    /// It works as --max-cost does. Cached tokens count as well.
    #[arg(long, value_name = "N", value_parser = tokens)]
    pub max_tokens: Option<u64>,
    /// The agent is done only when this shell command succeeds in its worktree
    ///
    /// It runs when the agent's turn ends, for at most {orchestra.checkTime}. While it fails, the agent's
    /// session is resumed with the end of its output, and it runs again after that. It has the environment and
    /// the limits of the agent. An agent whose check fails twice on the same files is stuck, and is not asked
    /// again. A program that would run the output as a script just runs again.
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub until: Option<String>,
    /// How many rounds of work and check there may be with --until (default: 5)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: Option<u32>,
    /// Run this shell command in the new worktree before the agent's program starts, such as 'npm ci'
    ///
    /// The default is {orchestra.setup}. It may take {orchestra.setupTime}, and runs with the environment of the
    /// agent: ORCHESTRA_ROOT is your checkout. If it fails, the agent is not started; 'git orchestra logs AGENT
    /// --setup' shows what it printed, and 'resume' runs it again. Where it has succeeded, it does not run again.
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandString)]
    pub setup: Option<String>,
    /// Run no setup, although {orchestra.setup} is set
    #[arg(long, conflicts_with = "setup")]
    pub no_setup: bool,
    /// Run the check even if it is known to pass for the agent's files
    #[arg(long)]
    pub recheck: bool,
    /// The sandbox of an agent: none, files or net (default: {orchestra.sandbox})
    ///
    /// none: its separate worktree prevents accidents, but is not a boundary. files: its program, its check and
    /// its commands write only there, in a private home folder, and in a folder for temporary files; the rest
    /// can only be read, and keys such as ~/.ssh are hidden. It commits into a private git directory, from which
    /// its commits are fetched when it ends. The folders of --add-dir can be written as well.
    ///
    /// net: as files, and it reaches only the hosts of its program and those of {orchestra.sandboxHost}, through a
    /// proxy that HTTPS_PROXY and its like name; what does not use that proxy, such as ssh, reaches nothing. Servers
    /// that it starts are seen by it alone.
    ///
    /// Both are made by bubblewrap ('bwrap'). Where it is missing or cannot run, files is enforced by landlock, rules of
    /// the kernel (Linux 6.2), and net is refused; {orchestra.sandboxEngine} chooses one, and 'git orchestra status'
    /// says which holds an agent. By landlock, an agent reads and writes no more files, but its home folder, /tmp and
    /// its git directory are elsewhere: HOME, TMPDIR and GIT_DIR name them. The 'git' that it finds first leaves
    /// GIT_DIR out in submodules and other repositories; for a program that starts another git, 'env -u GIT_DIR'
    /// does. Folders in which something is hidden, such as /, cannot be listed. It sees the processes of the machine
    /// with their arguments, and can neither signal (Linux 6.12) nor examine them. It can open no socket that is a
    /// file, no new terminal and no shared memory. It could change the modes and times of your files, but not what is
    /// in them, and replace .git in its worktree until its attempt ends: use 'git orchestra diff' before that.
    #[arg(long, value_name = "LEVEL", value_parser = sandbox(), hide_possible_values = true)]
    pub sandbox: Option<SandboxLevel>,
}

impl RunOptions {
    /// Converts the options into the settings of the library. `detached`: nobody watches.
    pub fn settings(&self, terminal: &Terminal, detached: bool) -> Settings {
        let folder = here::environment().directory();
        Settings {
            options: Options {
                permission: self.permission,
                at_most: None,
                on_prompt: self.on_prompt,
                watched: !detached && terminal.stderr_size().is_some(),
                allow: self.allow.clone(),
                deny: self.deny.clone(),
                add_dirs: self.add_dir.iter().map(|dir| folder.join(dir)).collect(),
                model: self.model.clone(),
                append_system_prompt: self.append_system_prompt.clone(),
                max_turns: self.max_turns,
                budget_micros: self.budget,
                mcp: self.mcp.clone(),
                restricted: false,
            },
            jobs: self.jobs,
            max_time: self.max_time,
            idle_timeout: self.idle_timeout,
            retries: self.retries,
            retry_delay: self.retry_delay,
            max_cost_micros: self.max_cost,
            max_tokens: self.max_tokens,
            until: self.until.clone(),
            rounds: self.rounds,
            setup: self.setup.clone(),
            no_setup: self.no_setup,
            check: self.check.clone(),
            recheck: self.recheck,
            sandbox: self.sandbox,
            foreign_files: false,
            at_most: None,
        }
    }
}

fn permission() -> impl TypedValueParser<Value = Permission> {
    PossibleValuesParser::new(Permission::ALL.map(Permission::as_str))
        .try_map(|word| Permission::parse(&word).ok_or("no such permission"))
}

fn on_prompt() -> impl TypedValueParser<Value = OnPrompt> {
    PossibleValuesParser::new(OnPrompt::ALL.map(OnPrompt::as_str))
        .try_map(|word| OnPrompt::parse(&word).ok_or("no such reaction"))
}

fn sandbox() -> impl TypedValueParser<Value = SandboxLevel> {
    PossibleValuesParser::new(SandboxLevel::ALL.map(SandboxLevel::as_str))
        .try_map(|word| SandboxLevel::parse(&word).ok_or("no such sandbox"))
}

/// Parses a duration, for options of clap.
///
/// # Errors
/// The text is not a duration.
pub fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "expected a duration such as 90s, 5m or 1h30m".to_owned())
}

fn idle(text: &str) -> Result<Duration, String> {
    settings::idle_time(text).ok_or_else(|| "expected a duration such as 90s or 5m, or 0".to_owned())
}

fn tokens(text: &str) -> Result<u64, String> {
    settings::tokens(text).ok_or_else(|| "expected a number such as 500000, 500k or 2m".to_owned())
}

fn budget(text: &str) -> Result<u64, String> {
    settings::budget(text).ok_or_else(|| "expected an amount such as 5 or 2.50".to_owned())
}
