//! How the texts of others are put into the task of an agent: each line after a mark, so that none passes for an instruction. Pure.

use crate::{forge::PullRequest, model::text};

/// The longest text of a pull request that is repeated to an agent, in characters.
const MAX_TEXT: usize = 8 * 1024;

/// Returns a text with each line after `| `.
pub(super) fn quoted(said: &str) -> String {
    said.lines().map(|line| format!("| {line}\n")).collect()
}

/// Returns the title and the text of a pull request, as its author wrote them.
pub(super) fn said_by_author(pull_request: &PullRequest) -> String {
    let said: String = text::safe_block(&pull_request.body).chars().take(MAX_TEXT).collect();
    quoted(&format!("{}\n\n{said}", text::safe(&pull_request.title)))
}
