//! `web`: what a server for browsers on this machine answers to whom. The program speaks HTTP; this decides.
//!
//! | file | contains |
//! |---|---|
//! | `guard` | whether a request may pass, before anything else looks at it. Pure |
//! | `hosts` | the names by which a browser may reach the server. Pure |
//! | `logins` | links that log in once, and the browsers that are logged in. Pure |
//! | `landings` | the landings that have not ended |
//! | `log_page` | a part of an agent's output |
//! | `team_list` | the teams that are configured |
//! | `visible` | texts as a page may show them. Pure |
//! | `running` | the server that runs, for other commands |
//! | `target` | the path and the parameters of a request. Pure |
//! | `repeats` | a request that came twice is done once. Pure |
//!
//! Any page that a browser shows can send requests to this machine, other users of the machine can connect, and a browser sends a cookie
//! to every port of the machine, among them servers that agents started. So a request needs a host that is ours, an origin that is ours,
//! a cookie that no script can read, and a key that only pages of our origin have.

mod guard;
mod hosts;
mod landings;
mod log_page;
mod logins;
mod repeats;
pub mod running;
mod target;
mod team_list;
mod visible;

pub use self::{
    guard::{Facts, Policy, Refusal, guard},
    hosts::HostName,
    landings::{OpenLanding, landings},
    log_page::{LogPage, PageEntry, PagePosition, PageStart},
    logins::{Login, Logins, Visitor},
    repeats::{Repeat, Repeats},
    target::Target,
    team_list::{ListedTeam, teams},
    visible::make_visible,
};
use crate::{Code, Error, Result, git::Repo};

/// The longest body of a request, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// What the server offers.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Whether changes may be made, and not only looked at.
    pub write: bool,
    /// The names besides those of this machine by which a browser may reach it.
    pub hosts: Vec<HostName>,
}

/// Checks that a person serves: an agent would answer its own questions through the server.
///
/// # Errors
/// The caller is the program of an agent (3).
pub fn check_caller(repo: &Repo) -> Result<()> {
    if repo.is_called_by_agent() {
        return Err(Error::new(Code::NotForAgents, "an agent cannot serve the page")
            .hint("a person starts it in a terminal: git orchestra web"));
    }
    Ok(())
}
