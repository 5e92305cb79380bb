//! The commands of the suite with their summaries, in the order in which a user meets them. A test compares
//! the summaries with
//! what each command's own help says.

/// A command of the suite.
#[derive(Clone, Copy, Debug)]
pub struct CommandEntry {
    /// The name without its prefix: `spawn` for `git-orchestra-spawn`.
    pub name: &'static str,
    /// The first line of its help.
    pub summary: &'static str,
    /// Whether it has no program of its own: the dispatcher implements it.
    pub built_in: bool,
}

const fn binary(name: &'static str, summary: &'static str) -> CommandEntry {
    CommandEntry { name, summary, built_in: false }
}

const fn built_in(name: &'static str, summary: &'static str) -> CommandEntry {
    CommandEntry { name, summary, built_in: true }
}

/// The commands that a user types, in the order of the help.
pub const COMMANDS: &[CommandEntry] = &[
    binary("init", "Name this clone and check what its remote accepts (optional)"),
    binary("spawn", "Start one agent per task, each in its own worktree and branch"),
    binary("status", "Show the current state of every agent"),
    binary("logs", "Show an agent's output, live or after it has ended"),
    binary("stop", "Stop agents and everything they started, saving their work"),
    binary("send", "Send a message to a running agent, or answer its request"),
    binary("pause", "Pause agents, saving their work"),
    binary("resume", "Resume agents that are paused, ended or lost"),
    binary("worktrees", "List the agents' worktrees, or print the path of one"),
    binary("sessions", "Find, read, search, keep and resume coding agents' sessions"),
    binary("collect", "Save the work of agents as it is now, and summarize it"),
    binary("diff", "Show what an agent changed, including uncommitted and new files"),
    binary("review", "Review an agent's work: approve, reject, or request changes"),
    binary("merge-ranked", "Land many branches, least conflicting first, testing each step"),
    binary("cleanup", "Remove agents whose work has landed, keeping every byte for undo"),
    binary("sync", "Exchange agents, branches and results with a remote"),
    binary("undo", "Undo a landing or a cleanup"),
    binary("config", "Show and change the settings of git orchestra"),
    built_in("demo", "Run four agents in a scratch repository, to see how it works"),
    built_in("setup", "Install man pages and shell completions"),
    built_in("completions", "Print the completion script of a shell"),
    built_in("man", "Print a man page"),
    built_in("schema", "Print the JSON Schema of an answer or a request"),
    built_in("help", "Show help for a command"),
];

/// Internal commands, which no person types.
pub const INTERNAL: &[CommandEntry] =
    &[binary("supervise", "Supervise one agent (internal, started by spawn)")];

/// Returns the commands that have a program.
pub fn binaries() -> impl Iterator<Item = &'static CommandEntry> {
    COMMANDS.iter().filter(|entry| !entry.built_in)
}

/// Returns the summary of a command, or an empty text for an unknown name.
pub fn summary(name: &str) -> &'static str {
    COMMANDS.iter().chain(INTERNAL).find(|entry| entry.name == name).map_or("", |entry| entry.summary)
}
