//! The commands of the suite: names and summaries, in the order in which they are used. A test holds them to what the
//! commands say of themselves.

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct CommandEntry {
    /// `spawn` for `git-orchestra-spawn`.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Part of the dispatcher, not a binary of its own.
    pub built_in: bool,
}

const fn binary(name: &'static str, summary: &'static str) -> CommandEntry {
    CommandEntry { name, summary, built_in: false }
}

const fn built_in(name: &'static str, summary: &'static str) -> CommandEntry {
    CommandEntry { name, summary, built_in: true }
}

/// What a user sees.
pub const COMMANDS: &[CommandEntry] = &[
    binary("init", "Name this clone and look what its remote takes (never needed)"),
    binary("spawn", "Start an agent per task, each in its own worktree and branch"),
    binary("status", "Show every agent's true state"),
    binary("logs", "Show what an agent printed, live and after its end"),
    binary("stop", "End agents with everything they started, their work saved"),
    binary("send", "Say something to a running agent, or answer what it asks"),
    binary("pause", "End agents' programs for a while, their work saved"),
    binary("resume", "Go on with agents that came to rest: paused, ended, or lost with their supervisor"),
    binary("worktrees", "List the agents' worktrees, or print where one is"),
    binary("sessions", "Find, read, search, keep and resume the conversations of coding agents"),
    binary("collect", "Save agents' work as it is now, and sum up what became of them"),
    binary("diff", "Show what an agent changed, uncommitted and new files included"),
    binary("review", "Judge an agent's work: approve it, reject it, or ask for changes"),
    binary("merge-ranked", "Land many branches, the least conflicting first, each step tested"),
    binary("cleanup", "Take away agents whose work is elsewhere, every byte kept for undo"),
    binary("sync", "Let agents, branches and results travel between clones"),
    binary("undo", "Take back what a command changed"),
    built_in("demo", "Try it: four agents in a scratch repository"),
    built_in("setup", "Install man pages and shell completions"),
    built_in("completions", "Print the completion script for a shell"),
    built_in("man", "Print a man page"),
    built_in("schema", "Print the JSON Schema of an answer or a request"),
    built_in("help", "Show the help of a command"),
];

/// Binaries that people do not call.
pub const INNER: &[CommandEntry] = &[binary("supervise", "Supervise one agent (started by spawn)")];

/// The binaries that people call.
pub fn binaries() -> impl Iterator<Item = &'static CommandEntry> {
    COMMANDS.iter().filter(|entry| !entry.built_in)
}

/// The summary of a command.
pub fn summary(name: &str) -> &'static str {
    COMMANDS.iter().chain(INNER).find(|entry| entry.name == name).map_or("", |entry| entry.summary)
}
