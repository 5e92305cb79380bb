//! Everything that the binaries know about a terminal.
//!
//! | module | knows |
//! |---|---|
//! | [`mod@run`] | how a binary starts and ends |
//! | [`args`], [`settings`] | the options of every command, and those of commands that start agents |
//! | [`output`] | stdout for answers, stderr for messages |
//! | [`style`], [`table`], [`agents`], [`humanize`] | colours, tables, and the formats of agents, times and sizes |
//! | [`stop_view`] | the report of stop and pause |
//! | [`interrupt`] | Ctrl-C, for commands that must tidy up before they end |
//! | [`json`] | the answers of `--json` |
//! | [`markdown`] | foreign Markdown inside a document of ours |
//! | [`watch`], [`follow`] | following agents until they end |
//! | [`accepted`] | asking about a configuration that changed while agents ran |
//! | [`prompt`] | questions to the user, on a terminal only |
//! | [`errors`], [`exit`] | how errors become messages, JSON and exit statuses |
//! | [`mod@trace`] | the lines that `ORCHESTRA_TRACE` asks for |
//! | [`pages`], [`complete`] | man pages and completions, from the commands' definitions |
//! | [`catalog`] | the commands of the suite |

pub mod accepted;
pub mod agents;
pub mod args;
pub mod catalog;
pub mod complete;
pub mod errors;
pub mod exit;
pub mod follow;
pub mod here;
pub mod humanize;
pub mod interrupt;
pub mod json;
mod key_help;
pub mod markdown;
pub mod output;
pub mod pager;
pub mod pages;
pub mod prompt;
pub mod run;
pub mod settings;
pub mod stop_view;
pub mod style;
pub mod table;
pub mod trace;
pub mod watch;

pub use exit::Exit;
pub use output::Terminal;
pub use run::{Program, run};
