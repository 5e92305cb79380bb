//! Everything that the commands know about a terminal.
//!
//! | module | knows |
//! |---|---|
//! | [`mod@run`] | the one way a command starts and ends |
//! | [`args`], [`settings`] | the flags that every command has, and those that start agents |
//! | [`output`] | stdout is the answer, stderr the conversation |
//! | [`look`], [`style`], [`table`], [`agents`], [`humanize`] | how things look |
//! | [`landings`] | where work landed, and where it is now |
//! | [`stop_view`] | what stop and pause show |
//! | [`request_view`] | what a waiting agent asks for |
//! | [`context`], [`interrupt`] | the context of operations: Ctrl-C cancels them, and their progress is shown |
//! | [`status_line`] | the line that shows the current activity |
//! | [`json`] | the envelope of `--json` |
//! | [`markdown`] | what others wrote as Markdown, inside a page of ours |
//! | [`full_screen`], [`key`], [`printing`] | a program on the whole screen: its keys, other programs on its terminal, and what our commands print into it |
//! | [`watch`], [`follow`], [`change_stream`] | following agents to their end: for people, and for programs |
//! | `alternate` | the second screen of the terminal |
//! | `keyboard` | single keys |
//! | [`typed_lines`] | lines that are typed while something else is waited for |
//! | [`accepted`] | asking about a configuration that changed while agents ran |
//! | [`names`] | the names of agents that people type |
//! | [`prompt`] | questions to the user, on a terminal only |
//! | [`errors`], [`exit`] | how errors become messages, JSON and exit statuses |
//! | [`mod@trace`] | the lines that `ORCHESTRA_TRACE` asks for |
//! | [`pages`], [`complete`] | man pages and completions, from the commands' definitions |
//! | [`guides`] | man pages that belong to no command, from Markdown |
//! | [`catalog`] | the commands of the suite |
//! | [`agent_variables`] | the variables that an agent's program sees |

pub mod accepted;
pub mod agent_variables;
pub mod agents;
mod alternate;
pub mod args;
pub mod caps;
pub mod catalog;
pub mod change_stream;
pub mod check_output;
pub mod chosen;
pub mod complete;
pub mod concepts;
pub mod context;
pub mod editor;
pub mod errors;
pub mod exit;
pub mod follow;
pub mod full_screen;
pub mod guides;
pub mod harmless;
pub mod here;
pub mod humanize;
pub mod interrupt;
pub mod json;
pub mod key;
mod key_help;
pub mod keyboard;
pub mod landings;
pub mod limits;
pub mod look;
pub mod markdown;
pub mod names;
pub mod outcome;
pub mod output;
pub mod pager;
pub mod pages;
mod picker;
pub mod printing;
pub mod prompt;
pub mod pull_requests;
pub mod request_view;
pub mod run;
pub mod settings;
pub mod status_line;
pub mod stop_view;
pub mod style;
pub mod table;
pub mod text_file;
pub mod times;
pub mod trace;
pub mod typed_lines;
pub mod watch;

pub use exit::Exit;
pub use output::Terminal;
pub use run::{CommandLine, Program};
