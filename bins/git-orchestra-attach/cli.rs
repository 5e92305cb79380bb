//! The command line of `attach`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::attach::Request;
use orchestra_terminal::{complete, pages::Page};

/// Take over an agent in this terminal, and give it back
///
/// The agent is paused, and its program's own session continues in this terminal, in the agent's worktree.
/// When the program exits, the work is saved, and the agent continues in the same session. An agent that had
/// ended before stays as it is. aider continues its conversation in the same way. For a program that cannot
/// resume in a terminal, your shell is started in the worktree.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-attach", version)]
pub(crate) struct Cli {
    /// The agent; a unique prefix of the name or a word in it is enough
    #[arg(value_name = "AGENT", add = ArgValueCandidates::new(complete::agents))]
    pub(crate) agent: Option<String>,
    /// Leave the agent paused afterwards
    #[arg(long)]
    pub(crate) no_resume: bool,
    /// Show the command instead of running it; the agent is not paused
    #[arg(short, long)]
    pub(crate) print: bool,
    /// With --print, print the result as one JSON object
    #[arg(long, requires = "print")]
    pub(crate) json: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        (
            "git orchestra attach add-auth",
            "Continue the agent's session by hand, then let the agent continue",
        ),
        ("git orchestra attach add-auth --no-resume", "Leave it paused afterwards"),
        ("git orchestra attach add-auth --print", "Show the command that is run"),
    ],
    sections: &[
        (
            "THE PROGRAM",
            &[
                "Claude Code, Codex, Gemini CLI, opencode and Qwen Code resume the session with the model of the \
                 agent, if one was configured for it, and with the variables of its profile \
                 (orchestra.agent.<name>.env). Its permissions are your own settings here: you are there to \
                 answer. Some of them ask first whether you trust the folder. Codex is started with \
                 --no-daemon: its server in the background would work on after you left, and keep the session \
                 from the agent. 'git orchestra man spawn' says what each program can do.",
            ],
        ),
        (
            "INTERRUPTIONS",
            &[
                "Until the program exits, the agent is 'paused' and shown as attached, and no other command resumes \
             it. If the terminal is closed or this command is killed, the agent stays paused with its files in \
             its worktree, and 'git orchestra resume' continues it once the program has ended.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-pause", "git-orchestra-resume", "git-orchestra-sessions"],
};

impl Cli {
    pub(crate) fn request(&self, agent: String) -> Request {
        Request { agent, dry_run: self.print }
    }
}
