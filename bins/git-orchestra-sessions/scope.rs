//! In which repository conversations are looked for.

use orchestra::{Result, git::Repo};
use orchestra_terminal::here;

use crate::cli::Which;

/// The repository here; none where there is none, which only some questions need.
pub(crate) fn repository() -> Result<Option<Repo>> {
    here::repository_if_any()
}

/// As [`repository`], where it limits what is looked at.
pub(crate) fn repository_for(which: &Which) -> Result<Option<Repo>> {
    if which.all {
        return repository();
    }
    let hint = "--all looks at every folder of this machine";
    here::repository().map(Some).map_err(|error| error.hint(hint))
}
