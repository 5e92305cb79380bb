//! Calls the view of each subcommand.

use orchestra::Result;
use orchestra_terminal::{Exit, Terminal};

use super::{
    cli::{Cli, Verb},
    export, keep, list, resume, search, show, stats,
};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    match &cli.verb {
        None => list::run(cli, terminal),
        Some(Verb::Show { one, full, json, .. }) => show::run(terminal, &one.id, *full, *json),
        Some(Verb::Search { search, which, .. }) => search::run(terminal, search, which),
        Some(Verb::Stats { which, json, .. }) => stats::run(terminal, which, *json),
        Some(Verb::Resume { how, .. }) => resume::run(terminal, how),
        Some(Verb::Adopt { one, base, json, .. }) => keep::adopt(terminal, &one.id, base.as_ref(), *json),
        Some(Verb::Keep { some, .. }) => keep::keep(terminal, some),
        Some(Verb::Forget { some, dry_run, .. }) => keep::forget(terminal, some, *dry_run),
        Some(Verb::Export { one, jsonl, full, .. }) => export::run(terminal, &one.id, *jsonl, *full),
    }
}
