//! All that the binaries know of a terminal, once.
//!
//! | module | knows |
//! |---|---|
//! | [`run`] | the one way a binary starts and ends |
//! | [`args`] | the flags that every command has |
//! | [`output`] | stdout is the answer, stderr the conversation |
//! | [`paint`], [`table`], [`agents`], [`when`] | how things look |
//! | [`json`] | the envelope of `--json` |
//! | [`watch`] | following agents to their end |
//! | [`prompt`] | asking, on a terminal only |
//! | [`faults`], [`exit`] | errors as sentences and as exit codes |
//! | [`pages`], [`complete`] | man pages and completions, from the commands' own definitions |
//! | [`catalog`] | the commands of the suite |

pub mod agents;
pub mod args;
pub mod catalog;
pub mod complete;
pub mod exit;
pub mod faults;
pub mod json;
pub mod output;
pub mod pages;
pub mod paint;
pub mod prompt;
pub mod run;
pub mod table;
pub mod watch;
pub mod when;

pub use exit::Exit;
pub use output::Terminal;
pub use run::{Program, run};
