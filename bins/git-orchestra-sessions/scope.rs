//! Finds the repository whose sessions are meant.

use orchestra::{Result, git::Repo};
use orchestra_terminal::here;

use super::cli::SessionFilter;

/// Opens the repository of the current directory, if there is one.
pub(crate) fn repository() -> Result<Option<Repo>> {
    here::repository_if_any()
}

/// Opens the repository to which the selected sessions are limited. With --all there need not be one.
pub(crate) fn repository_for(which: &SessionFilter) -> Result<Option<Repo>> {
    if which.all {
        return repository();
    }
    let hint = "--all includes every directory of this machine";
    here::repository().map(Some).map_err(|error| error.hint(hint))
}
