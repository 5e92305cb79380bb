//! The command line of `doctor`.

use clap::Parser;
use orchestra::ops::doctor::Request;
use orchestra_terminal::pages::Page;

/// Find problems of this machine and repository, and how to fix them
///
/// Each finding has a reason, and a fix: the command to type next. What is fine takes one line for each
/// group. Outside a repository, everything else is checked. In a repository that other commands refuse,
/// doctor says why.
///
/// Without --fix, nothing in the repository is written. Agent programs, man and shells are only asked what
/// they are and what they find: no agent is started, no secret is printed, and no other machine is
/// contacted, except remotes with --online.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-doctor", version)]
pub(crate) struct Cli {
    /// Fix what can be fixed without losing anything
    #[arg(long)]
    pub(crate) fix: bool,
    /// Do not ask before a fix that is worth seeing first
    #[arg(short, long, requires = "fix")]
    pub(crate) yes: bool,
    /// Also contact the remotes
    #[arg(long)]
    pub(crate) online: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra doctor", "Check everything"),
        ("git orchestra doctor --fix", "Fix what is safe to fix, and check again"),
        (
            "git orchestra doctor --json | jq '.findings[] | select(.severity == \"error\")'",
            "List only the errors",
        ),
    ],
    sections: &[
        (
            "CHECKS",
            &[
                "git: its version, whether the configuration can be used, and whether you accepted what changed \
                 while agents ran.",
                "programs: the agent programs that are installed, their versions, and whether you are logged in. \
                 This is asked with 'claude auth status', 'codex login status' and 'opencode auth list', at a \
                 proxy that does not exist, so that nothing leaves this machine. Gemini CLI and aider \
                 have no such command.",
                "installation: whether all programs of git orchestra are of one version, and whether man, bash, \
                 zsh and fish find the pages and completions. zsh and fish read your own startup files for that.",
                "repository: stale locks, damaged refs, agents that are lost or unreadable, worktrees and branches \
                 without agents, malformed events, and what killed commands left.",
                "remotes: changed URLs, whether you agreed to share agents, on which forge they are, and where your token for it is; \
                 with --online also what it may do, which one or two requests tell. machine: free disk space, limits on \
                 open files and watched folders, the clock. keys: unknown keys and invalid values, also in .gitorchestra, and whether you approved that. sessions: those \
                 that are unreadable, very large, of folders that are gone, or about to be deleted by their program.",
            ],
        ),
        (
            "WHAT --FIX DOES",
            &[
                "It finishes or reverts what killed commands of git orchestra left, with their locks; deletes damaged \
                 caches; and packs refs of git orchestra. It asks before it moves damaged refs of git orchestra to \
                 files in .git/orchestra/damaged, and before it installs man pages and completions as 'git \
                 orchestra setup' does. Moved refs are an operation: 'git orchestra undo OPERATION' returns them. \
                 Locks, refs and files of git and of other programs are only reported.",
            ],
        ),
        (
            "EXIT STATUS OF A CHECK",
            &[
                "The exit status is 0 if there are no errors and no warnings; notes are allowed. It is 1 otherwise, \
                 after --fix if any are left.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-setup", "git-orchestra-status", "git-orchestra-undo", "git-fsck"],
};

impl Cli {
    pub(crate) fn request(&self, programs: Vec<String>) -> Request {
        Request { fix: self.fix, online: self.online, programs }
    }
}
