//! The command line of `designer`.

use clap::Parser;
use clap_complete::engine::ArgValueCandidates;
use orchestra::ops::designer::Request;
use orchestra_terminal::{complete, pages::Page};

/// Discuss what to build with your agent program, and let it delegate the work
///
/// Your own agent program starts in this terminal, in the folder where you are, with tools that start agents,
/// wait for them, read their messages and changes, and answer them ('git orchestra mcp'). The agents that it
/// starts are its children. Nothing is written into your checkout, and the tools that edit files are taken from
/// the program unless --write gives them back; your own settings apply otherwise.
///
/// The designer is listed by 'git orchestra status' like an agent without work. When its program exits, its
/// agents keep running; --continue continues the conversation.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-designer", version)]
pub(crate) struct Cli {
    /// The profile: claude, codex, gemini, opencode, or a role that runs one of them [default: {orchestra.agent}]
    #[arg(long, value_name = "PROFILE", add = ArgValueCandidates::new(complete::profiles))]
    pub(crate) agent: Option<String>,
    /// Continue the newest designer, or the one that is named
    #[arg(
        short = 'c',
        long = "continue",
        value_name = "DESIGNER",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        add = ArgValueCandidates::new(complete::agents)
    )]
    pub(crate) again: Option<String>,
    /// Work in a new worktree, on a branch of its own, instead of this folder
    #[arg(long, conflicts_with = "again")]
    pub(crate) worktree: bool,
    /// Let the program edit files
    #[arg(short, long)]
    pub(crate) write: bool,
    /// Show the command instead of running it; nothing is recorded
    #[arg(short, long)]
    pub(crate) print: bool,
    /// With --print, print the result as one JSON object
    #[arg(long, requires = "print")]
    pub(crate) json: bool,
    /// Further arguments for the program
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<String>,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra designer", "Discuss and delegate with the configured program"),
        ("git orchestra designer --agent codex", "Use Codex"),
        ("git orchestra designer --continue", "Continue the newest conversation"),
        ("git orchestra designer -- --model opus", "Pass an option to the program"),
        (
            "git orchestra spec edit",
            "Write down, in another terminal, what is to be built; the designer hears of it",
        ),
    ],
    sections: &[
        (
            "THE PROGRAM",
            &[
                "Claude Code, Codex, Gemini CLI and opencode can be designers. The server with the tools is passed by \
                 an option or a variable, and none of your files is changed. Claude Code, Codex and opencode also get \
                 instructions on how to delegate and report; Gemini CLI reads those of the server, and gets a home folder of \
                 links to your own, with one extension more, by the variable GEMINI_CLI_HOME. In Codex, which \
                 has no list of tools, commands run in a sandbox that only reads. Shell commands are asked for as \
                 your own settings say. Codex is started with --no-daemon: its server in the background would \
                 outlive the designer.",
                "Claude Code and Gemini CLI hear a message at once when they work, and otherwise with the next line \
                 that you type: hooks, which are passed like the server, run 'git orchestra inbox hear'. Your own \
                 hooks run as well. Codex and opencode hear it when the model looks, with inbox_list or agents_wait.",
                "The designer starts agents with the permissions that are configured, as you would. It cannot land \
                 work, review it, or answer questions about permissions and money: its shell counts as an \
                 agent's.",
            ],
        ),
        (
            "INTERRUPTIONS",
            &[
                "Ctrl-C belongs to the program. 'git orchestra stop' and 'pause' end it. If this command is killed, \
                 the designer is shown as lost, and its program runs on until you exit it; a closed terminal ends both. \
                 In every case --continue continues what the program has kept.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-mcp", "git-orchestra-spec", "git-orchestra-inbox", "git-orchestra-attach"],
};

impl Cli {
    pub(crate) fn request(&self) -> Request {
        Request {
            profile: self.agent.clone(),
            again: self.again.is_some(),
            designer: self.again.clone().filter(|typed| !typed.is_empty()),
            worktree: self.worktree,
            writes: self.write,
            arguments: self.arguments.clone(),
            dry_run: self.print,
        }
    }
}
