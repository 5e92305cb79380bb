//! A run that another clone has taken: this one starts, lands and publishes nothing more of it.

use crate::{
    Code, Error, Result,
    model::{RunKey, WriterId, run::Fold},
};

/// Checks that this clone drives a run.
///
/// # Errors
/// Another clone does (4).
pub(super) fn require_driving(key: &RunKey, log: &Fold, own: &WriterId) -> Result<()> {
    if log.is_driven_by(own) { Ok(()) } else { Err(error(key, log)) }
}

/// Returns the error for a run that another clone drives.
pub(super) fn error(key: &RunKey, log: &Fold) -> Error {
    let clone = log.driver.as_ref().map_or_else(|| "another clone".to_owned(), |clone| clone.name());
    let what =
        format!("{clone} drives run '{key}': this clone starts, lands and publishes nothing more of it");
    Error::new(Code::RunTaken, what)
        .hint("git orchestra sync exchanges answers and work with that clone")
        .hint(format!("git orchestra run --take {key} drives the run here, if that clone is gone"))
}
