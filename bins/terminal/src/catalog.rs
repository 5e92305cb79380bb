//! The commands of the suite with their summaries, in the order in which a user meets them. A test compares
//! the summaries with
//! what each command's own help says.

/// What a user wants to do, under which the commands are listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Group {
    /// Start agents and direct them.
    Run,
    /// See what they do and did.
    Look,
    /// Bring their work into a branch.
    Land,
    /// Exchange agents with other clones.
    Share,
    /// Get to know and maintain the suite.
    SetUp,
}

impl Group {
    /// All groups, in the order of the help.
    pub const ALL: [Self; 5] = [Self::Run, Self::Look, Self::Land, Self::Share, Self::SetUp];

    /// The heading of its commands.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Run => "Run",
            Self::Look => "Look",
            Self::Land => "Land",
            Self::Share => "Share",
            Self::SetUp => "Set up",
        }
    }

    /// Returns its commands, in the order of the help.
    pub fn commands(self) -> impl Iterator<Item = &'static CommandEntry> {
        COMMANDS.iter().filter(move |entry| entry.group == self)
    }
}

/// A command of the suite.
#[derive(Clone, Copy, Debug)]
pub struct CommandEntry {
    /// Under which it is listed.
    pub group: Group,
    /// The name without its prefix: `spawn` for `git-orchestra-spawn`.
    pub name: &'static str,
    /// The first line of its help.
    pub summary: &'static str,
    /// Whether it has no program of its own: the dispatcher implements it.
    pub built_in: bool,
}

const fn binary(group: Group, name: &'static str, summary: &'static str) -> CommandEntry {
    CommandEntry { group, name, summary, built_in: false }
}

const fn built_in(name: &'static str, summary: &'static str) -> CommandEntry {
    CommandEntry { group: Group::SetUp, name, summary, built_in: true }
}

/// The commands that a user types, in the order of the help.
pub const COMMANDS: &[CommandEntry] = &[
    binary(Group::Run, "spawn", "Start one agent per task, each in its own worktree and branch"),
    binary(Group::Run, "plan", "Read a list of tasks, find what is wrong in it, and write it as a plan"),
    binary(Group::Run, "run", "Carry a plan out: start its tasks in order, and land what passes the check"),
    binary(Group::Run, "decide", "Show what waits for a person, and answer at the gates of runs"),
    binary(Group::Run, "send", "Send a message to a running agent, or answer its request"),
    binary(
        Group::Run,
        "designer",
        "Discuss what to build with your agent program, and let it delegate the work",
    ),
    binary(Group::Run, "spec", "Write down what is to be built, for agents and people"),
    binary(
        Group::Run,
        "mcp",
        "Let your own agent program watch, start and direct agents, by the Model Context Protocol",
    ),
    binary(Group::Run, "pause", "Pause agents, saving their work"),
    binary(Group::Run, "resume", "Resume agents that are paused, ended or lost"),
    binary(Group::Run, "attach", "Take over an agent in this terminal, and give it back"),
    binary(Group::Run, "rewind", "Take an agent back to an earlier point: files and conversation"),
    binary(Group::Run, "stop", "Stop agents and everything they started, saving their work"),
    binary(Group::Run, "tag", "Add tags to agents, or remove some"),
    binary(Group::Run, "slot", "Run a heavy command when this machine has a slot for it"),
    binary(Group::Look, "status", "Show the current state of every agent"),
    binary(Group::Look, "ui", "Show agents on the whole screen, and direct them by keys"),
    binary(Group::Look, "web", "Show agents in a browser of this machine"),
    binary(Group::Look, "logs", "Show an agent's output, live or after it has ended"),
    binary(Group::Look, "inbox", "Show what agents say and ask, and reply"),
    binary(Group::Look, "diff", "Show what an agent changed, including uncommitted and new files"),
    binary(Group::Look, "blame", "Show which agent wrote each line of a file, for which task"),
    binary(Group::Look, "collect", "Save the work of agents as it is now, and summarize it"),
    binary(Group::Look, "worktrees", "List the agents' worktrees, or print the path of one"),
    binary(Group::Look, "sessions", "Find, read, search, keep and resume coding agents' sessions"),
    binary(Group::Land, "compare", "Compare the work of several agents on one task, and pick one"),
    binary(Group::Land, "try", "Try an agent's work in your own checkout, and go back"),
    binary(Group::Land, "review", "Review an agent's work: approve, reject, or request changes"),
    binary(Group::Land, "merge-ranked", "Land many branches, fewest conflicts first, testing each step"),
    binary(Group::Land, "undo", "Undo a landing, a cleanup, a rewind or a pick"),
    binary(Group::Land, "cleanup", "Remove agents whose work has landed, keeping every byte for undo"),
    binary(Group::Share, "sync", "Exchange agents, branches and results with a remote"),
    binary(Group::Share, "pr", "Publish the work of agents as pull requests"),
    binary(Group::Share, "init", "Name this clone and check what its remote accepts (optional)"),
    built_in("demo", "Run four agents in a scratch repository, to see how it works"),
    built_in("setup", "Install man pages and shell completions"),
    binary(Group::SetUp, "config", "Show and change the settings of git orchestra"),
    binary(Group::SetUp, "doctor", "Find problems of this machine and repository, and how to fix them"),
    built_in("completions", "Print the completion script of a shell"),
    built_in("man", "Show a man page"),
    built_in("schema", "Print the JSON Schema of an answer or a request"),
    built_in("help", "Show help for a command"),
];

/// Internal commands, which no person types.
pub const INTERNAL: &[CommandEntry] = &[
    binary(Group::Run, "supervise", "Supervise one agent (internal, started by spawn)"),
    binary(Group::Run, "agent-api", "Run the agent of the profile api (internal, started by supervisors)"),
];

/// Returns the commands that have a program.
pub fn binaries() -> impl Iterator<Item = &'static CommandEntry> {
    COMMANDS.iter().filter(|entry| !entry.built_in)
}

/// Returns the summary of a command, or an empty text for an unknown name.
pub fn summary(name: &str) -> &'static str {
    COMMANDS.iter().chain(INTERNAL).find(|entry| entry.name == name).map_or("", |entry| entry.summary)
}
