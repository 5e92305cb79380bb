//! The command line of `spawn`.

mod cells;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    ArgAction, Parser, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::engine::ArgValueCandidates;
use orchestra::{
    Code, Error, Result,
    model::{Tag, dependency::OnFailed},
    ops::{spawn::Request, tasks},
};
use orchestra_terminal::{
    Terminal, catalog, complete, here, output::Input, pages::Page, settings::RunOptions, text_file,
};

use self::cells::CELLS;

/// How long tasks on standard input may take before the command says that it waits for them.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait for the first task on standard input: another program may write the list.
const MAX_WAIT: Duration = Duration::from_secs(60 * 60);

/// Start one agent per task, each in its own worktree and branch
///
/// Every task is given to a coding agent that works in its own worktree, next to the repository, and on its
/// own branch, under a supervisor that outlives this command and the terminal. When it ends, all its work
/// is committed to its branch. If there are more tasks than agents that may run at once, the rest are
/// queued; none is dropped. While the machine is short of disk space or memory, or everything on it waits
/// for them, no agent starts, and running ones may be held: stopped, and continued by themselves once there
/// is room (see orchestra.minFree, orchestra.minMemory and orchestra.maxPressure in git-orchestra-config(1)).
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
    /// Resolve this issue of the forge of the remote; its text is quoted for the agent as data from outside
    #[arg(long, value_name = "NUMBER")]
    pub(crate) issue: Option<u64>,
    /// The profile of the agent; several, separated by commas, each get every task
    ///
    /// 'claude' is Claude Code, and 'agent-teams' the same with its experimental teams; 'codex', 'gemini',
    /// 'opencode' and 'aider' are those programs, each with your own login and settings. 'api' is an agent of
    /// ours: it calls the Messages API with the key in ANTHROPIC_API_KEY and the model in
    /// orchestra.agent.api.model, and runs four tools in the worktree. 'sh' is always available: the task is a
    /// shell script. Programs that speak the Agent Client Protocol are started by their names, if they are
    /// installed: auggie, cline, copilot, cursor, droid, goose, grok, junie, kilo, kimi, kiro, qoder, qwen,
    /// vibe. Any other becomes a profile with git config orchestra.agent.NAME.acp, and any program at all with
    /// git config orchestra.agent.NAME.command. A role is a known program under a name of your own, with its
    /// own prompt, model, permissions and limits: see orchestra.agent.NAME.program in git-orchestra-config(1).
    /// Another profile takes over from one that cannot work if orchestra.agent.NAME.fallback names it. The
    /// default is {orchestra.agent}.
    #[arg(long = "agent", value_name = "NAME", value_delimiter = ',', add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) agents: Vec<String>,
    /// Let the roles of a team work one after another on each task; see TEAMS in 'git orchestra man spawn'
    ///
    /// The roles are profiles, in the order of orchestra.team.NAME.role. One agent, one branch and one worktree
    /// have them all: each role is a conversation with its own program, prompt, model and limits, and gets the
    /// task and what the roles before it said. A role with orchestra.agent.ROLE.writes=false is started as a
    /// reviewing agent is. After a role that writes, it reviews: if it asks for changes, the last role that
    /// writes works on them, at most orchestra.team.NAME.rounds times.
    #[arg(long, value_name = "NAME", conflicts_with = "agents", add = ArgValueCandidates::new(complete::teams))]
    pub(crate) team: Option<String>,
    /// Start this many agents for each task, to compare their work
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) copies: u32,
    /// Start from this branch or commit (default: {orchestra.base})
    #[arg(short, long, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// Start from the current commit and your uncommitted changes, which stay yours
    ///
    /// The agents find your modified, staged and new files in their worktrees, as if they were committed there.
    /// Your checkout, its index and its stash are not touched. What lands, is reviewed and is compared is only
    /// what an agent did: your changes land when you commit them. Ignored files, very large files and files that look
    /// like secrets are left out, and listed. Land such work with 'git orchestra merge-ranked': 'git merge' of the
    /// branch would commit your changes as well.
    #[arg(long, conflicts_with_all = ["base", "on"])]
    pub(crate) with_changes: bool,
    /// Start with the work of these agents, as soon as all of them are done; several, separated by commas
    ///
    /// Until then the new agents are queued, and take no slot. Of one agent they start from its last commit, of
    /// several from a merge of their work; if that conflicts, they fail. If one of the agents fails or is
    /// stopped, they wait until it is resumed and done, unless --on-failed says otherwise. A part of an id is
    /// enough, and tag:NAME names all agents with a tag. 'git orchestra merge-ranked' lands an agent behind
    /// those with whose work it started, and not without them.
    #[arg(long, value_name = "AGENT", value_delimiter = ',', conflicts_with_all = ["base", "with_changes", "on"], add = ArgValueCandidates::new(complete::agents_and_tags))]
    pub(crate) after: Vec<String>,
    /// What to do when an agent of --after fails or is stopped: wait, start or stop
    ///
    /// wait: wait until it is resumed and done, which is the default. start: start with the work that it has. stop:
    /// do not start; a later 'git orchestra resume' waits again.
    #[arg(long, value_name = "WHAT", requires = "after", value_parser = on_failed(), hide_possible_values = true)]
    pub(crate) on_failed: Option<OnFailed>,
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
    /// Give the agents a tag, by which 'tag:NAME' names them in other commands; may be given several times
    #[arg(long = "tag", value_name = "NAME", add = ArgValueCandidates::new(complete::tag_names))]
    pub(crate) tags: Vec<Tag>,
    /// Fetch the branch of the base from its remote first, for at most a minute
    #[arg(long, conflicts_with = "on")]
    pub(crate) fetch: bool,
    /// Start an agent although another one that has not ended has the same task
    #[arg(long)]
    pub(crate) again: bool,
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
            "git orchestra spawn --until 'cargo test' --rounds 3 'make the tests pass'",
            "Done only when the tests pass; until then it gets their output back",
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
        (
            "git orchestra spawn --tag night -f TODO.md -d; git orchestra merge-ranked tag:night",
            "Name agents by a tag, and land the work of those that are done",
        ),
        (
            "git orchestra spawn --with-changes 'write tests for what I just changed'",
            "Start from your checkout as it is, without committing anything",
        ),
        (
            "git orchestra spawn --team feature-dev 'add rate limiting'",
            "Let an architect, a coder and a reviewer work on it one after another, as configured",
        ),
        (
            "git orchestra spawn --after auth 'write the documentation of the new login'",
            "Start with the work of another agent, as soon as that is done",
        ),
        ("git orchestra spawn --on my-feature 'add the missing tests'", "Work on a branch that exists"),
        (
            "git orchestra spawn --agent claude,codex,opencode 'add rate limiting'",
            "Give one task to three programs, to compare their work",
        ),
        (
            "git config orchestra.agent.mine.command 'my-agent --task {prompt_file}'",
            "Define a profile for any program",
        ),
        (
            "git config orchestra.agent.mine.acp 'my-agent --acp'",
            "Define a profile for a program that speaks the Agent Client Protocol",
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
            "CODEX",
            &[
                "The program 'codex' is started as a server on its standard streams. It chooses the id of \
                 its session, which is recorded at once. plan and dontAsk run in its sandbox read-only \
                 without questions; default is read-only, acceptEdits is workspace-write, and what the \
                 sandbox forbids is asked for; bypassPermissions is danger-full-access. In workspace-write it \
                 cannot commit, so its work is committed when it ends.",
                "It has no permission rules, and no limits on turns or cost, that could be passed: --allow, \
                 --deny, --max-turns and --budget are refused. It reports tokens, not cost. If CODEX_HOME is \
                 below the folder of temporary files, every command in its sandbox fails.",
            ],
        ),
        (
            "OPENCODE",
            &[
                "The program 'opencode' is started with 'opencode run'. It cannot ask: what is not permitted \
                 is denied, and --on-prompt fail ends it at the first question. --allow and --deny take its \
                 tools and patterns, such as 'bash(make *)'. A message that is sent while it works is its \
                 next prompt, when its turn has ended. Tools of MCP servers follow your own settings.",
                "It retries an overloaded service without saying so; only the idle timeout ends that. The \
                 tokens and the cost of its subagents are not in its output. Use it once before you start \
                 several: processes that make its database at the same time disturb each other.",
            ],
        ),
        (
            "GEMINI CLI",
            &[
                "The program 'gemini' reads its task from standard input, in a session whose id is chosen and \
                 recorded before; a message that you send is what it is started with again when its turn has \
                 ended. It never asks: it offers its model only what the permission mode allows (default and \
                 dontAsk: default; acceptEdits: auto_edit; plan: plan; bypassPermissions: yolo), and a tool \
                 that is denied or not offered is counted. --allow and --deny are rules of its policy engine; \
                 they take its own tools, or those of Claude Code: Bash(git *), Edit, WebFetch. That you asked \
                 for the agent makes it trust the worktree. With --mcp it gets a home folder of links to your own, with one \
                 extension more, by the variable GEMINI_CLI_HOME. It does not support --on-prompt, --max-turns, \
                 --budget, and --append-system-prompt, and reports tokens but no cost.",
            ],
        ),
        (
            "AIDER",
            &["The program 'aider' gets its task in a file, and commits its edits itself. It has no ids of \
                 sessions: its conversation is kept in a file of the agent's own, which 'resume' gives back to \
                 it. It edits without asking (--permission acceptEdits) or only answers (plan); it never runs \
                 a command that its model wrote, fetches no pages, opens no browser, and leaves .gitignore \
                 alone. Its cache .aider.tags.cache.v4 stays in the worktree and is not part of the work. \
                 Models, keys, and everything else are those of your own .aider.conf.yml and environment."],
        ),
        ("WHAT EACH PROGRAM CAN DO", CELLS),
        (
            "YOUR OWN PROGRAMS",
            &["A profile of any program is a shell command in orchestra.agent.<name>.command. If \
                 orchestra.agent.<name>.resume is set as well, 'resume' and a message that comes while the \
                 program runs continue its session: {session} in both commands is the id that git orchestra \
                 chose, or the one on the line of output that orchestra.agent.<name>.session matches. \
                 orchestra.agent.<name>.conversation is the file in which the program keeps it: one that is \
                 gone is not continued. While the last line of its output matches orchestra.agent.<name>.waiting, \
                 the agent is waiting, and 'git orchestra send' answers with a line, if \
                 orchestra.agent.<name>.stdin is held and orchestra.agent.<name>.reads is prose."],
        ),
        (
            "TEAMS",
            &[
                "A team is a list of roles, and a role is a profile, such as 'claude' or one of your own. Each \
                 'git config --add orchestra.team.TEAM.role NAME' adds a role; orchestra.agent.NAME.program, \
                 prompt, model and permission say how it works, and orchestra.agent.NAME.writes whether it may change \
                 files. An architect and a reviewer usually do not write.",
                "'git orchestra spawn --team feature-dev TASK' starts one agent. Its roles work one after another in its \
                 worktree; each attempt has the role in 'git orchestra status' and 'git orchestra logs'. A role that \
                 fails, is stopped or reaches a limit ends the agent as any other, and 'git orchestra resume' continues \
                 with that role, in its conversation. The verdict of a role that reviews is recorded as one of \
                 'git orchestra review'. If it still asks for changes after the last round, or rejects the work, the agent \
                 has failed; 'git orchestra resume' gives the work back to the last role that writes.",
                "--check and --until are about the last role that writes, and --max-time is the time of each role. Typed \
                 options hold for the roles that write; the model is that of each role. What a role changed that does not \
                 write is never part of the work, however it ends; the reason of the agent names the commit in which it \
                 is kept. What you change in the worktree while the agent is paused or has ended is yours, and stays.",
                "The keys orchestra.agent.NAME.maxCost and maxTokens are caps on what the role uses for each agent, and \
                 orchestra.agent.NAME.fallback takes over from a role that was refused before it did anything. 'git \
                 orchestra status AGENT' and 'git orchestra review AGENT' say what each role used. 'git orchestra config \
                 import' reads the teams of agent-orchestra.",
            ],
        ),
        (
            "A WORKTREE THAT IS READY",
            &[
                "A new worktree gets files of your checkout that git ignores, such as .env: those that match a \
                 pattern in the file .worktreeinclude at the top of your checkout, or in orchestra.include, both in \
                 the syntax of .gitignore. Files that git tracks, or does not ignore at the commit from which the \
                 agent starts, are never copied. Links stay links, modes and times stay, and the content is shared where the disk \
                 can do that. Folders of orchestra.disposableDirs are copied only if a pattern names the folder. \
                 The copies are not part of the agent's work, even if the agent changes .gitignore, and 'cleanup' \
                 keeps a worktree for the sake of a copy only if it was changed. 'git orchestra status AGENT' shows \
                 what was copied, and what was not.",
                "Then the setup runs, --setup or orchestra.setup, with the agent's environment. 'git orchestra \
                 doctor' proposes one if .cursor/worktrees.json, .codex/environments/environment.toml or \
                 conductor.json has one. 'git orchestra cleanup' runs orchestra.teardown before it removes a \
                 worktree.",
                "Submodules that are checked out in your checkout are made from it, nested ones included, without \
                 the network (orchestra.submodules). An agent can commit in them, and pushes what it commits there: \
                 a commit that only its worktree has does not land. In a sandbox they share no file with yours, so \
                 each takes its space on the disk, and their addresses name no login. With orchestra.lfs=pointers, files of Git LFS are not \
                 downloaded.",
            ],
        ),
        (
            "AGENTS THAT AGENTS START",
            &[
                "An agent's program may start agents itself, by this command or by the tools of 'git orchestra mcp'; 'status' \
                 shows them below it. They may do no more than it: a configured permission is lowered to its own, \
                 what it may not do they may not do either, and what is typed beyond that is refused, as is a program that \
                 knows no permissions, such as sh, unless the agent may do everything. An agent that may not do everything \
                 directs only agents that it started. orchestra.maxDepth and orchestra.maxChildren bound them; \
                 orchestra.childrenAtEnd says whether they end with it, and 'git orchestra stop --children' ends both.",
            ],
        ),
        (
            "THE AGENT'S ENVIRONMENT",
            &[
                "The agent's program runs in its worktree. Its environment contains ORCHESTRA_AGENT (its \
                 id), ORCHESTRA_BRANCH, ORCHESTRA_BASE, ORCHESTRA_ROOT (your checkout), \
                 ORCHESTRA_INBOX (how a script asks for messages), ORCHESTRA_PORT (the first of ten ports of its own), ORCHESTRA_PROMPT_FILE, and ORCHESTRA_ATTEMPT, a mark by \
                 which its processes are found; 'git orchestra help --for-agents' tells what each means. \
                 Nothing in it refers to another repository: git variables that belong to one command or hook are not inherited, and \
                 a value that is a path in the main checkout is replaced by the same path in the worktree. \
                 PATH and other lists stay as they are.",
                "So that agents do not disturb each other, TMPDIR is a folder of the agent's own, which 'cleanup' \
                 removes; COMPOSE_PROJECT_NAME is its id, if its worktree has a file of Compose; CARGO_BUILD_JOBS is \
                 its share of the processors while several agents run, unless you set it; and variables that \
                 name one fixed folder for the results of builds, such as CARGO_TARGET_DIR, are not inherited. \
                 orchestra.agent.<name>.env sets them nevertheless. The setup, the teardown, --until and 'git orchestra attach' \
                 have the same environment.",
                "It gets no variable with a login of a forge, such as GH_TOKEN or GITLAB_TOKEN, except those by which its program logs in \
                 to its own service, and those of orchestra.keepLogin; nor do checks of its work. Git refuses to push for it, unless \
                 orchestra.mayPush is set. Without a sandbox an agent that tries can still do what you can: ask 'gh auth token', \
                 git's credential helpers or your SSH agent, read the files in which they keep logins, and read your variables from \
                 the process of its supervisor. --sandbox files hides all of those.",
                "All worktrees of a repository share one list of stashes: 'git stash pop' of one agent may take what \
                 another one stashed. Tell your agents to commit instead.",
                "Commits that are made for an agent carry the name and e-mail that were configured when it \
                 was started. They are never signed, whatever git config commit.gpgsign says, because nobody \
                 is there to confirm; the commits that merge-ranked lands are signed.",
                "The task is passed exactly as it was typed. An agent that may run it as a script (sh, and \
                 your own programs unless orchestra.agent.<name>.reads is 'prose') gets no text that you did \
                 not type: no review, no conflict, no output of a test.",
                "When an agent ends, every process that it started is ended too. Uncommitted changes are \
                 committed to its branch. Ignored files, repositories inside the worktree, very large files, \
                 files that look like secrets and unreadable files stay in the worktree, and are listed; the \
                 ignored ones by 'git orchestra collect'.",
                "The repository, or a directory above it, may be renamed while agents run: they keep \
                 working, and git's links between the repository and their worktrees are repaired. If the \
                 repository is deleted, they end at once, and the files of their worktrees stay.",
                "An agent that ends in the middle of a merge, a rebase or the like, or with unresolved \
                 conflicts, has failed: its files are saved as they are, and do not land. An agent whose \
                 work could not be saved has failed as well; 'git orchestra collect' tries again.",
            ],
        ),
        (
            "THE BASE AND OTHER AGENTS",
            &[
                "If the branch from which the agents start is behind the same branch of its remote, as it was \
                 fetched last, a warning says by how many commits; --fetch asks the remote first. A fetch that \
                 fails is a warning.",
                "A task with the text of an agent that has not ended is refused (task-taken), since most likely the \
                 same command ran twice; on a terminal you are asked. --again starts it nevertheless, and \
                 --copies starts several agents on purpose. If an agent whose work has not landed had the same \
                 text, or names the same issue (#12, or the address of its page), a warning says so. Agents \
                 of other clones count as they were received last. Tasks that are run as scripts are not compared.",
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
            None if all.is_empty() && self.issue.is_none() && has_piped_tasks(terminal)? => {
                all.extend(tasks::parse(&read(Path::new("-"))?));
            }
            None => {}
        }
        Ok(Request {
            reviews: None,
            of_pull_request: None,
            tasks: all,
            issue: self.issue,
            agents: self.agents.clone(),
            team: self.team.clone(),
            copies: self.copies,
            base: self.base.clone(),
            after: self.after.clone(),
            on_failed: self.on_failed,
            on: self.on.clone(),
            name: self.name.clone(),
            tags: self.tags.clone(),
            with_changes: self.with_changes,
            fetch: self.fetch,
            again: self.again,
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

fn on_failed() -> impl TypedValueParser<Value = OnFailed> {
    PossibleValuesParser::new(OnFailed::ALL.map(OnFailed::as_str))
        .try_map(|word| OnFailed::parse(&word).ok_or("no such reaction"))
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
    let text = text_file::read(file, "tasks", Code::TaskInvalid)?;
    if tasks::parse(&text).is_empty() {
        let shown = text_file::shown(file);
        return Err(Error::new(Code::TaskInvalid, format!("{shown} contains no task"))
            .hint("write one task per line, or a Markdown list"));
    }
    Ok(text)
}
