//! The command line of `spawn`.

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgAction, Parser, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    ops::{spawn::Request, tasks},
};
use orchestra_terminal::{
    Terminal, catalog, complete, here, output::Input, pages::Page, settings::RunOptions,
};

/// The size limit of a file of tasks, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// How long tasks on standard input may take before the command says that it waits for them.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait for the first task on standard input: another program may write the list.
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// Start one agent per task, each in its own worktree and branch
///
/// Every task is given to a coding agent that works in its own worktree, next to the repository, and on its
/// own branch, under a supervisor that outlives this command and the terminal. When it ends, all its work
/// is committed to its branch. If there are more tasks than agents that may run at once, the rest are
/// queued; none is dropped.
///
/// Without --detach the command watches until all agents have ended, and succeeds if all of them are done.
/// On a terminal, keys answer, pause and stop agents (see KEYS in git-orchestra-status(1)). Ctrl-C ends only
/// the watching; the agents keep running.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-spawn", version)]
pub(crate) struct Cli {
    /// The tasks, one agent for each; without any, they are read from standard input if it is a file or a pipe
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// Tasks that begin with a dash, or that are the name of a command
    #[arg(value_name = "TASK", last = true)]
    pub(crate) after_dashes: Vec<String>,
    /// Read tasks from a file, one per line or as a Markdown list; - is standard input
    ///
    /// In a Markdown list each top-level item is a task, including the indented lines below it; checked
    /// items are skipped.
    #[arg(short, long = "file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// The profile of the agent; several, separated by commas, each get every task
    ///
    /// 'claude' is Claude Code, with your own login and settings; 'agent-teams' is the same with its
    /// experimental teams. 'api' is an agent of ours: it calls the Messages API with the key in
    /// ANTHROPIC_API_KEY and the model in orchestra.agent.api.model, and runs four tools in the worktree. 'sh'
    /// is always available: the task is a shell script. Any program becomes a profile with git config orchestra.agent.NAME.command. A role is
    /// a known program under a name of your own, with its own prompt, model, permissions and limits: see
    /// orchestra.agent.NAME.program in git-orchestra-config(1). Another profile takes over from one that cannot
    /// work if orchestra.agent.NAME.fallback names it. The default is {orchestra.agent}.
    #[arg(long = "agent", value_name = "NAME", value_delimiter = ',', add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) agents: Vec<String>,
    /// Start this many agents for each task, to compare their work
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) copies: u32,
    /// Start from this branch or commit (default: {orchestra.base})
    #[arg(short, long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// Work on this existing branch instead of a new one; for one task and one agent
    ///
    /// The agent starts from the tip of the branch and commits to it. No checkout, your own included, may
    /// have the branch checked out. The branch stays yours: 'git orchestra cleanup' removes the agent and
    /// its worktree, never the branch.
    #[arg(long, value_name = "BRANCH", conflicts_with_all = ["base", "copies"], add = ArgValueCandidates::new(complete::branches))]
    pub(crate) on: Option<String>,
    /// The prefix of the agents' names, instead of telling words of the task; at most 24 letters and digits
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Return as soon as all supervisors have started, instead of watching
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Show what would be started, without starting it
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) json: bool,
    #[command(flatten, next_help_heading = "How they run")]
    pub(crate) how: RunOptions,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        (
            "git orchestra spawn 'implement auth' 'add tests' 'fix performance'",
            "Start three Claude Code agents side by side",
        ),
        (
            "git orchestra spawn --allow 'Bash(cargo *)' --max-turns 40 'make the tests pass'",
            "Let it run cargo without asking, within limits",
        ),
        (
            "git orchestra spawn --agent sh 'cargo test > report.txt' 'sed -i s/a/b/ x.txt'",
            "Run two shell scripts side by side",
        ),
        (
            "git orchestra spawn -f TODO.md -j 4 --detach",
            "Start the items of a list, four at a time, and return at once",
        ),
        ("git orchestra spawn < TODO.md", "Read the tasks from a file or a pipe, as with -f -"),
        ("git orchestra spawn --on my-feature 'add the missing tests'", "Work on a branch that exists"),
        (
            "git orchestra spawn --agent a,b --copies 2 'speed up the parser'",
            "Give one task to two agents, twice each",
        ),
        (
            "git config orchestra.agent.mine.command 'my-agent --task {prompt_file}'",
            "Define a profile for any program",
        ),
        (
            "git config orchestra.agent.tester.program claude; git config orchestra.agent.tester.prompt 'Write tests only.'",
            "Define a role, which --agent tester starts",
        ),
    ],
    sections: &[
        (
            "CLAUDE CODE",
            &[
                "The program 'claude' is started in print mode, with a session id that is chosen and \
                 recorded before. Your login and settings apply; ours are passed as options and never \
                 written into your files. What it leaves uncommitted is committed when it ends, so it needs \
                 no permission for git.",
                "It asks for what its permissions do not cover. Denials are counted in status; an agent that \
                 changed nothing and was denied something has failed. An agent that is idle for too long, or \
                 meets an overloaded service, is retried in the same session after a pause; each launch is \
                 an attempt with its own log.",
            ],
        ),
        (
            "THE AGENT'S ENVIRONMENT",
            &[
                "The agent's program runs in its worktree. Its environment contains ORCHESTRA_AGENT (its \
                 id), ORCHESTRA_BRANCH, ORCHESTRA_BASE, ORCHESTRA_PROMPT_FILE, and ORCHESTRA_ATTEMPT, a mark by \
                 which its processes are found; 'git orchestra help --for-agents' tells what each means. \
                 Nothing in it refers to another repository: git variables that belong to one command or hook are not inherited, and \
                 a value that is a path in the main checkout is replaced by the same path in the worktree. \
                 PATH and other lists stay as they are.",
                "Commits that are made for an agent carry the name and e-mail that were configured when it \
                 was started. They are never signed, whatever git config commit.gpgsign says, because nobody \
                 is there to confirm; the commits that merge-ranked lands are signed.",
                "The task is passed exactly as it was typed. An agent that may run it as a script (sh, and \
                 your own programs unless orchestra.agent.<name>.reads is 'prose') gets no text that you did \
                 not type: no review, no conflict, no output of a test.",
                "When an agent ends, every process that it started is ended too. Uncommitted changes are \
                 committed to its branch. Ignored files, repositories inside the worktree, very large files, \
                 files that look like secrets and unreadable files stay in the worktree; all of them except \
                 the ignored ones are listed.",
                "The repository, or a directory above it, may be renamed while agents run: they keep \
                 working, and git's links between the repository and their worktrees are repaired. If the \
                 repository is deleted, they end at once, and the files of their worktrees stay.",
                "An agent that ends in the middle of a merge, a rebase or the like, or with unresolved \
                 conflicts, has failed: its files are saved as they are, and do not land. An agent whose \
                 work could not be saved has failed as well; 'git orchestra collect' tries again.",
            ],
        ),
        (
            "AGENTS THAT START AGENTS",
            &["An agent's program may run git orchestra itself; the agents that it starts have its id as \
                 'parent'. While it waits for other agents, in spawn, resume, 'status --wait' or 'logs \
                 --follow', it lends its slot to one of them, so that agents waiting for each other never \
                 occupy all slots, and at most --jobs agents work at once. An agent that starts others with \
                 --detach and does not wait in one of these ways keeps its slot."],
        ),
    ],
    configuration: false,
    see_also: &[
        "git-orchestra-status",
        "git-orchestra-logs",
        "git-orchestra-send",
        "git-orchestra-resume",
        "git-orchestra-stop",
    ],
};

impl Cli {
    /// Returns the request that was typed, with the tasks of the file read.
    pub(crate) fn request(&self, terminal: &Terminal) -> Result<Request> {
        self.check_single_word()?;
        let mut all = self.tasks.clone();
        all.extend(self.after_dashes.iter().cloned());
        match &self.file {
            Some(file) => all.extend(tasks::parse(&read(file)?)),
            None if all.is_empty() && has_piped_tasks(terminal)? => {
                all.extend(tasks::parse(&read(Path::new("-"))?));
            }
            None => {}
        }
        Ok(Request {
            reviews: None,
            tasks: all,
            agents: self.agents.clone(),
            copies: self.copies,
            base: self.base.clone(),
            on: self.on.clone(),
            name: self.name.clone(),
            settings: self.how.settings(terminal, self.detach),
            dry_run: self.dry_run,
        })
    }
}

impl Cli {
    /// Refuses a single task that is the name of a command: who types `git orchestra spawn help` wants
    /// help, and every agent costs money.
    fn check_single_word(&self) -> Result<()> {
        let ([word], [], None) = (self.tasks.as_slice(), self.after_dashes.as_slice(), &self.file) else {
            return Ok(());
        };
        let word = word.trim();
        if !catalog::COMMANDS.iter().any(|command| command.name == word) {
            return Ok(());
        }
        let meant = if word == "help" { "help spawn" } else { word };
        Err(Error::new(Code::TaskInvalid, format!("'{word}' is the name of a command, not a task"))
            .hint(format!("git orchestra {meant}"))
            .hint(format!("git orchestra spawn -- {word} starts an agent with this task")))
    }
}

/// Whether tasks come from standard input without being asked for, as in `git orchestra spawn < tasks.md`. Says so if nothing comes.
///
/// The pipe that an agent's program inherits stays open while the agent runs, so that an agent must ask: `-f -`.
fn has_piped_tasks(terminal: &Terminal) -> Result<bool> {
    match terminal.input() {
        Input::File => Ok(true),
        Input::Pipe if !here::environment().is_agent() => {
            if !terminal.wait_for_input(PATIENCE) {
                terminal.eprintln("reading tasks from standard input; Ctrl-C ends it");
                if !terminal.wait_for_input(MAX_WAIT) {
                    return Err(Error::new(Code::Timeout, "no task came on standard input"));
                }
            }
            Ok(true)
        }
        Input::Pipe | Input::Other => Ok(false),
    }
}

fn read(file: &Path) -> Result<String> {
    let shown =
        if file.as_os_str() == "-" { "standard input".to_owned() } else { format!("'{}'", file.display()) };
    let cannot = || format!("cannot read tasks from {shown}");
    let mut source: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).context(Kind::Refused, cannot)?)
    };
    let mut bytes = Vec::new();
    source.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).context(Kind::Refused, cannot)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::new(
            Code::TaskInvalid,
            format!("{shown} is larger than 16 MiB, the limit for tasks"),
        ));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Error::new(Code::TaskInvalid, format!("{shown} is UTF-16 text, not UTF-8"))
            .hint("save it as UTF-8, or: iconv -f UTF-16 -t UTF-8 FILE | git orchestra spawn -f -"));
    }
    let text =
        String::from_utf8(bytes).context(Code::TaskInvalid, || format!("{shown} is not UTF-8 text"))?;
    if tasks::parse(&text).is_empty() {
        return Err(Error::new(Code::TaskInvalid, format!("{shown} contains no task"))
            .hint("write one task per line, or a Markdown list"));
    }
    Ok(text)
}
