//! What `sessions` shows.

use orchestra::{Result, git::Repo, world};
use orchestra_terminal::{Exit, Terminal};

use crate::{
    cli::{Cli, Verb},
    list, show,
};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    match &cli.verb {
        None => list::run(cli, terminal),
        Some(Verb::Show { one, full, json, .. }) => show::run(terminal, &one.id, *full, *json),
    }
}

/// The repository here; none where there is none, which only some questions need.
pub(crate) fn repo() -> Option<Repo> {
    Repo::discover(&world::directory()).ok()
}
