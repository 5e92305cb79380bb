//! `git orchestra web`: agents in a browser of this machine.
//!
//! | file | knows |
//! |---|---|
//! | `view` | the terminal: the link, and when to end |
//! | `connections` | connections and their limits |
//! | `server` | what all connections share |
//! | `answering` | from a request to its answer, past the guard |
//! | `replies` | answers, with the headers that each has |
//! | `assets` | the page |
//! | `api`, `route`, `call`, `parameters` | the calls |
//! | `reads`, `writes`, `work`, `landing`, `runs`, `conversation` | what each call does |
//! | `seeds`, `seed_teams`, `seed_runs`, `seed_names` | calls of the dashboards of other programs, so that scripts for them work |
//! | `socket` | their WebSockets |
//! | `background`, `kept_calls` | calls that take long, and their answers |
//! | `openapi` | the description of the calls |
//! | `stream`, `hub`, `frames` | changes, sent to every browser that listens |

mod answering;
mod api;
mod assets;
mod background;
mod call;
mod cli;
mod connections;
mod conversation;
mod frames;
mod hub;
mod kept_calls;
mod landing;
mod openapi;
mod parameters;
mod reads;
mod replies;
mod route;
mod runs;
mod seed_names;
mod seed_runs;
mod seed_teams;
mod seeds;
mod server;
mod socket;
mod stream;
mod view;
mod work;
mod writes;

use orchestra::Result;
use orchestra_terminal::{Exit, Program, Terminal, pages::Page};

pub(crate) use cli::Cli;

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, terminal: &Terminal) -> Result<Exit> {
        view::run(self, terminal)
    }
}
