//! `git orchestra ui`: agents on the whole screen of a terminal.
//!
//! | file | knows |
//! |---|---|
//! | `view` | the loop: news and keys in, frames and calls out |
//! | `row`, `page`, `diff`, `prompt`, `state` | what is shown. Pure |
//! | `command_key` | what each key means |
//! | `update`, `moving`, `answering`, `files`, `drafts`, `picking`, `mouse` | how news and keys change what is shown, and what they ask for. Pure |
//! | `layout`, `draw`, `panes`, `diff_panes`, `bars`, `paint` | frames. Pure |
//! | `sgr` | the colours in what commands print |
//! | `plain`, `plain_view` | agents as lines, and the loop of that |
//! | `screen` | writing the difference between two frames |
//! | `watcher`, `loader`, `actions` | threads: what changes, what commands print, what a key asked for |

mod actions;
mod answering;
mod bars;
mod cli;
mod command_key;
mod diff;
mod diff_panes;
mod drafts;
mod draw;
mod files;
mod layout;
mod loader;
mod mouse;
mod moving;
mod page;
mod paint;
mod panes;
mod picking;
mod plain;
#[cfg(test)]
mod plain_tests;
mod plain_view;
mod prompt;
#[cfg(test)]
mod random_tests;
mod row;
mod screen;
mod sgr;
mod state;
#[cfg(test)]
mod tests;
mod update;
mod view;
mod watcher;

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, pages::Page};

pub(crate) use cli::Cli;

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, terminal: &Terminal) -> Result<Exit> {
        view::run(self, terminal)
    }
}
