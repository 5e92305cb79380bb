//! The command line of `spawn`.

use std::{io::Read, path::PathBuf};

use clap::{ArgAction, Parser, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    Code, Error, Kind, Result,
    error::Context,
    ops::{spawn::Request, tasks},
};
use orchestra_terminal::{Terminal, catalog, complete, pages::Page, settings::HowToRun};

/// Largest file of tasks, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// Start an agent per task, each in its own worktree and branch
///
/// Every task is given to a coding agent that works in a worktree and on a branch of its own, beside the repository, under
/// a supervisor that outlives this command and the terminal. At its end all its work is committed to its branch. More
/// tasks than may run at once wait for their turn; none is dropped.
///
/// Without --detach the command watches until all agents have ended, and is successful if all are done. Ctrl-C ends the
/// watching only: the agents run on.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-spawn", version)]
pub(crate) struct Cli {
    /// The tasks, one agent each
    #[arg(value_name = "TASK")]
    pub(crate) tasks: Vec<String>,
    /// Tasks that begin with a dash, or are one word that is the name of a command
    #[arg(value_name = "TASK", last = true)]
    pub(crate) after_dashes: Vec<String>,
    /// Read tasks from a file, one a line or as a Markdown list; - is standard input
    ///
    /// In a Markdown list each item at the margin is a task, with the indented lines below it; ticked items are passed over.
    #[arg(short, long = "file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// The agent; several, separated by commas, each get every task
    ///
    /// 'claude' is Claude Code, with your own login and settings; 'sh' is always there: the task is a shell script. Any program
    /// becomes an agent by git config orchestra.agent.NAME.command. The default is {orchestra.agent}.
    #[arg(long = "agent", value_name = "NAME", value_delimiter = ',', add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) agents: Vec<String>,
    /// Start each task this many times, to compare
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) copies: u32,
    /// Start from this branch or commit instead of the one you are on
    #[arg(short, long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// What the agents' names begin with, instead of the task's words
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Return as soon as all supervisors answer, instead of watching
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Only show what would be started
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Print the result as one JSON object
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) json: bool,
    #[command(flatten, next_help_heading = "How they run")]
    pub(crate) how: HowToRun,
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
            "Start the items of a list, four at a time, and return",
        ),
        (
            "git orchestra spawn --agent a,b --copies 2 'speed up the parser'",
            "Give one task to two agents, twice each",
        ),
        (
            "git config orchestra.agent.mine.command 'my-agent --task {prompt_file}'",
            "Make an agent of any program",
        ),
    ],
    sections: &[
        (
            "CLAUDE CODE",
            &[
                "The program 'claude' is started in its print mode, with a conversation chosen and written down before. Your login \
                 and settings hold; ours go by flag and are never written into a file of yours. What it leaves uncommitted is \
                 committed at its end, so it needs no permission for git.",
                "It asks for what its permission does not cover. What was denied is counted in status; an agent that changed \
                 nothing and was denied something has failed. An agent that gives no sign of life, or meets an overloaded \
                 service, goes on with the same conversation after a while; each launch is an attempt with a log of its own.",
            ],
        ),
        (
            "WHAT AN AGENT GETS",
            &[
                "The agent's program runs in its worktree. In its environment are ORCHESTRA_AGENT (its id), ORCHESTRA_BRANCH, \
                 ORCHESTRA_BASE and ORCHESTRA_PROMPT_FILE; nothing in it names another repository: variables of git that \
                 belong to one command or hook are not inherited, and a value that is a path in the main checkout names the \
                 same place in the worktree. PATH and other lists stay as they are.",
                "Commits that are made for it bear the name and e-mail that were configured when it was started. They are not \
                 signed, whatever git config commit.gpgsign says: nobody is there to agree; what merge-ranked lands is.",
                "The task is handed over as it was typed. An agent that may run it as a script (sh, and your own unless \
                 orchestra.agent.<name>.reads is 'prose') gets nothing that you did not type: no review, no conflict, no \
                 output of a test.",
                "When it ends, everything that it started ends too. What it left uncommitted is committed to its branch; \
                 ignored files, repositories inside the worktree, very large files, files that look like secrets and \
                 whatever cannot be read stay in the worktree and are named, the ignored ones excepted.",
                "The repository, or a folder above it, may be renamed while agents run: they work on, and git's links between the \
                 repository and their worktrees are repaired. Where the repository is deleted, they end at once, and the files \
                 of their worktrees stay.",
                "An agent that ends in the middle of a merge, a rebase or the like, or with unresolved conflicts, has failed: its \
                 files are kept as they are, and do not land. So has one whose work could not be saved; 'git orchestra collect' \
                 tries again.",
            ],
        ),
        (
            "AGENTS THAT START AGENTS",
            &[
                "An agent's program may run git orchestra itself; what it starts bears its id as 'parent'. While it waits for \
                 other agents, in spawn, in resume, in 'status --wait' or in 'logs --follow', it does no work, and one of those \
                 it waits for may run in its place: agents that wait for each other's ends never hold all the places. So at most \
                 as many agents work at once as --jobs says. One that starts agents with --detach and does not wait in one of \
                 these ways keeps its place.",
            ],
        ),
    ],
    configuration: true,
    see_also: &[
        "git-orchestra-status",
        "git-orchestra-logs",
        "git-orchestra-send",
        "git-orchestra-resume",
        "git-orchestra-stop",
    ],
};

impl Cli {
    /// What is asked for.
    pub(crate) fn request(&self, terminal: &Terminal) -> Result<Request> {
        self.check_single_word()?;
        let mut all = self.tasks.clone();
        all.extend(self.after_dashes.iter().cloned());
        if let Some(file) = &self.file {
            all.extend(tasks::parse(&read(file)?));
        }
        Ok(Request {
            reviews: None,
            tasks: all,
            agents: self.agents.clone(),
            copies: self.copies,
            base: self.base.clone(),
            name: self.name.clone(),
            settings: self.how.settings(terminal, self.detach),
            dry_run: self.dry_run,
        })
    }
}

impl Cli {
    /// `git orchestra spawn help` asks for help, and every agent costs money.
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
            .hint(format!("git orchestra spawn -- {word} starts an agent with that task")))
    }
}

fn read(file: &std::path::Path) -> Result<String> {
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
        return Err(Error::new(Code::TaskInvalid, format!("{shown} is too long for a list of tasks")));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Error::new(Code::TaskInvalid, format!("{shown} is UTF-16 text, not UTF-8"))
            .hint("save it as UTF-8, or: iconv -f UTF-16 -t UTF-8 FILE | git orchestra spawn -f -"));
    }
    let text =
        String::from_utf8(bytes).context(Code::TaskInvalid, || format!("{shown} is not UTF-8 text"))?;
    if tasks::parse(&text).is_empty() {
        return Err(Error::new(Code::TaskInvalid, format!("there is no task in {shown}"))
            .hint("write one task a line, or a Markdown list"));
    }
    Ok(text)
}
