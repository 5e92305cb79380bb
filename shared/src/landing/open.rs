//! The landing that is not finished: under way in this moment, or waiting for `--continue`.

use crate::{
    Error, Result,
    git::Repo,
    store::operations::{self, Operation, OperationBody, Stage},
};

/// The landing that is not finished.
///
/// # Errors
/// The operations cannot be read.
pub fn find(repo: &Repo) -> Result<Option<Operation>> {
    let is_open = |one: &Operation| one.stage == Stage::Open && matches!(one.body, OperationBody::Landing(_));
    Ok(operations::all(repo)?.into_iter().find(is_open))
}

/// Says that no landing is under way.
pub fn none() -> Error {
    Error::refused("no landing is under way").hint("git orchestra merge-ranked --dry-run")
}
