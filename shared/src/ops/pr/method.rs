//! How pull requests are merged on their forge, if nobody says it.

use crate::{
    Result,
    config::{Config, keys::PR_MERGE_METHOD},
    forge::MergeMethod,
    git::Repo,
};

/// Returns the method that was typed, else the configured one.
///
/// # Errors
/// The configured one is no method.
pub(in crate::ops) fn chosen(repo: &Repo, typed: Option<MergeMethod>) -> Result<MergeMethod> {
    match typed {
        Some(method) => Ok(method),
        None => Ok(MergeMethod::parse(&Config::of(repo).get(&PR_MERGE_METHOD)?).unwrap_or_default()),
    }
}
