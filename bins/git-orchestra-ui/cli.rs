//! The command line of `ui`.

use clap::Parser;
use orchestra_terminal::pages::Page;

/// Show agents on the whole screen, and direct them by keys
///
/// At the left are the agents, each below the one that started it, and what the chosen one asks for. At the
/// right is what it changed, what it says, or what is known of it, while it happens. Keys start, answer,
/// direct, judge and land agents; '?' lists them. 'q' leaves, and the agents keep running. With --plain
/// everything is said in lines, for a screen reader.
#[derive(Debug, Parser)]
#[command(name = "git-orchestra-ui", version)]
pub(crate) struct Cli {
    /// Show all agents that have ended, not only the newest
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Draw with ASCII characters, as in a locale without UTF-8
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Say what changes line by line, for a screen reader, and take numbers and words instead of keys
    #[arg(long, conflicts_with = "ascii")]
    pub(crate) plain: bool,
}

pub(crate) const PAGE: Page = Page {
    examples: &[
        ("git orchestra ui", "Live with agents: watch, answer, review and land them"),
        ("git orchestra ui --plain", "The same in lines, for a screen reader"),
    ],
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
                "'N' starts an agent for a task: one line, or with Enter alone a text in your editor; Tab picks the profile, with \
                 its program and model. 's' opens the spec \
                 in your editor, and saving it tells the designer. 't' is a shell in the agent's worktree. 'p' pauses, \
                 'r' resumes, 'S' stops after a question, also what the agent started. 'D' shows what cleanup would \
                 remove, and 'y' removes it.",
                "In a diff, 'C' remarks on the line of the cursor, and space marks its file as read, until it changes. 'F' \
                 lists the files, with those that you read, and ']' and '[' go to the next one and the one before. From \
                 140 columns on, Enter shows a diff side by side; '=' changes that. 'v' judges: 'a' \
                 approves, 'c' requests changes, 'x' rejects; remarks go with the verdict. Until then, remarks and marks are kept in \
                 this clone, also when the window is left.",
                "'L' shows the landing plan, 'u' what undo would do, 'Y' what sync would exchange; 'y' does it. 'R' shows \
                 runs and gates, 'I' the inbox, 'H' sessions. ':' takes any command of git orchestra, which gets the \
                 terminal meanwhile. Ctrl-Z pauses the window. Ctrl-C leaves what is asked, and else, \
                 as 'q' does, the window.",
            ],
        ),
        (
            "IN LINES",
            &[
                "With --plain no line is ever drawn again, and the cursor does not move. First all agents are said, each with a \
                 number; then what changes, once: who is new, what ended and how, who asks for what. Each answer to a \
                 question has a number, and no number is used twice: what was typed before a question was said does not \
                 answer it. The number of an agent says what can be done with it. 'list', 'asks', 'new', 'spec', 'land', 'undo' \
                 and 'sync' are words, 'help' says them, and any other line is a command of git orchestra. Lines can come \
                 from a pipe as well.",
            ],
        ),
        (
            "WHAT IS SHOWN",
            &[
                "The pages are what commands print: the title of a page names the command or what it shows. A window \
                 narrower than 80 columns shows agents or the page, not both. The window is drawn when something \
                 changes, and never otherwise. Colours are those of color.orchestra.ROLE (NO_COLOR turns them off); each \
                 meaning also has a mark or a word.",
                "With orchestra.ui.mouse, a click chooses what is under it, and the wheel moves. It never answers \
                 a question.",
            ],
        ),
    ],
    configuration: false,
    see_also: &["git-orchestra-status", "git-orchestra-web", "git-orchestra-designer"],
};
