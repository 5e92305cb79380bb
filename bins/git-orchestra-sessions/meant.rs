//! Names of sessions as people type them: ids, the numbers of the rows of a list, and words of a title.

use orchestra::{Code, Result, git::Repo, model::text, ops::sessions::words};
use orchestra_terminal::{Terminal, context, names};

/// The most digits that are only the number of a row. More may be the beginning of an id as well.
const MAX_ROW_DIGITS: usize = 2;

/// Runs `operation` on the session that was typed. A number is that of a row of the list that was last shown. What names no session is
/// searched for in the titles and first prompts, and the one that was found is named.
///
/// # Errors
/// Those of the operation, the list has no such row or is too old, or several sessions have these words (3).
pub(crate) fn with_session<T>(
    terminal: &Terminal,
    repo: Option<&Repo>,
    typed: &str,
    operation: impl Fn(&str) -> Result<T>,
) -> Result<T> {
    let row = repo.map_or(Ok(None), |repo| row(repo, typed))?;
    let unknown = match operation(row.as_deref().unwrap_or(typed)) {
        Err(error) if row.is_none() && !is_like_id(typed) && error.code == Code::SessionUnknown => error,
        result => return result,
    };
    let Some(found) = words::by_words(&context::reading(terminal), repo, typed)? else { return Err(unknown) };
    terminal.eprintln(&format!("meaning {}: {}", text::safe(&found.id), found.title));
    operation(&found.id)
}

/// Returns whether a text is the beginning of an id and of no title, so that no program is asked for its sessions.
fn is_like_id(typed: &str) -> bool {
    let is_of_id = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    typed.starts_with("ses_")
        || typed.bytes().all(is_of_id) && typed.bytes().any(|byte| byte.is_ascii_digit())
}

/// Replaces the numbers of rows by the names in them.
///
/// # Errors
/// The list has no such row, is too old, or is on another terminal.
pub(crate) fn numbered(repo: &Repo, typed: &[String]) -> Result<Vec<String>> {
    let name = |typed: &String| Ok(row(repo, typed)?.unwrap_or_else(|| typed.clone()));
    typed.iter().map(name).collect()
}

fn row(repo: &Repo, typed: &str) -> Result<Option<String>> {
    match names::session_row(repo, typed) {
        Err(_) if typed.len() > MAX_ROW_DIGITS => Ok(None),
        row => row,
    }
}
