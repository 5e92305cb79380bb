//! The command line of `ui`.

use clap::Parser;
use orchestra_terminal::pages::Page;

/// Show agents on the whole screen, and direct them by keys
///
/// At the left are the agents, each below the one that started it, and what the chosen one asks for. At the
/// right is what it changed, what it says, or what is known of it, while it happens. Keys start, answer,
/// direct, judge and land agents; '?' lists them. 'q' leaves, and the agents keep running.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-ui", version)]
pub(crate) struct Cli {
    /// Show all agents that have ended, not only the newest
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Draw with plain characters, as in a locale without UTF-8
    #[arg(long)]
    pub(crate) plain: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[("git orchestra ui", "Live with agents: watch, answer, review and land them")],
    sections: &[
        (
            "KEYS",
            &[
                "Arrows (or j and k) choose an agent; right, Tab and Enter go to the page at the right, left and Esc \
                 back. 'w' chooses the next agent that needs you, 'W' the one before. '/' shows only agents with a \
                 text, or those that wait (/waiting).",
                "'d' shows the diff, 'e' the diff since the last review, 'l' the log, 'c' the conversation, 'f' the \
                 facts, 'm' one line for each agent. '|' shows all of the page in your pager.",
                "'a' allows what the agent asks for, if all of it is in sight; otherwise all of it is shown first, and \
                 'a' at its end allows it. 'A' allows it from now on, after a question. 'x' denies it with a reason. 'i' \
                 says something to the agent.",
                "'N' starts an agent for a task: one line, or with Enter alone a text in your editor. 's' opens the spec \
                 in your editor, and saving it tells the designer. 't' is a shell in the agent's worktree. 'p' pauses, \
                 'r' resumes, 'S' stops after a question, also what the agent started. 'D' shows what cleanup would \
                 remove, and 'y' removes it.",
                "In a diff, 'C' remarks on the line of the cursor, and space marks its file as read, until it changes. 'F' \
                 lists the files, with those that you read, and ']' and '[' go to the next one and the one before. From \
                 140 columns on, Enter shows a diff side by side; '=' changes that. 'v' judges: 'a' \
                 approves, 'c' requests changes, 'x' rejects; remarks go with the verdict.",
                "'L' shows the landing plan, 'u' what undo would do, 'Y' what sync would exchange; 'y' does it. 'R' shows \
                 runs and gates, 'I' the inbox, 'H' sessions. ':' takes any command of git orchestra, which gets the \
                 terminal meanwhile. Ctrl-Z pauses the window. 'q' and Ctrl-C leave it.",
            ],
        ),
        (
            "WHAT IS SHOWN",
            &[
                "The pages are what commands print: the title of a page names the command or what it shows. A window \
                 narrower than 80 columns shows agents or the page, not both. The window is drawn when something \
                 changes, and never otherwise. Colours are those of the terminal (NO_COLOR turns them off); each meaning \
                 also has a mark or a word.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-web", "git-orchestra-designer"],
};
