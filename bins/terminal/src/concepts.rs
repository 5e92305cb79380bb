//! The words that a newcomer needs, with what each means: for `git-orchestra(1)` and the long help.

/// Each word with its meaning, in the order in which a user meets them.
pub const CONCEPTS: &[(&str, &str)] = &[
    ("agent", "One task given to one coding agent, in a worktree and on a branch of its own."),
    ("profile", "How an agent's program is started: a known one such as claude, or a command of yours."),
    ("supervisor", "The background process that runs an agent's program, and records what it does."),
    ("attempt", "One launch of the program; 'resume' starts the next one in the same worktree."),
    ("session", "One conversation of an agent's program, with its transcript."),
    ("check", "A command that builds or tests a commit."),
    ("landing", "Merging branches into a target, checking each step; the target moves once, at the end."),
    (
        "operation",
        "What a command changed, such as a landing, a cleanup, a rewind or a pick; 'undo' reverts it.",
    ),
];
