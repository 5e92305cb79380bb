//! Naming a session by words of its title or of its first prompt.

use super::{
    Request,
    catalogue::{Catalogue, SessionRow},
};
use crate::{Code, Error, Result, context::Context, git::Repo, model::text};

/// The longest text that is searched for, in bytes.
const MAX_TYPED: usize = 200;
/// The most candidates that an error lists.
const MAX_CANDIDATES: usize = 8;
/// The width of the title of a candidate, in columns.
const TITLE_WIDTH: usize = 60;

/// A session that was found by its words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionByWords {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
}

/// Finds the only session whose title or first prompt contains all words of a text, in any case: of those of the repository, or without
/// one, of this machine. `None` if there is none.
///
/// # Errors
/// There are several (3): the hints list them. The refs cannot be read.
pub fn by_words(context: &Context, repo: Option<&Repo>, typed: &str) -> Result<Option<SessionByWords>> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() || typed.len() > MAX_TYPED {
        return Ok(None);
    }
    let request = Request { everywhere: repo.is_none(), ..Request::default() };
    let mut catalogue = Catalogue::read(context, repo, request.everywhere, None)?;
    let (rows, _) = catalogue.rows(&request);
    let named: Vec<SessionByWords> = rows
        .iter()
        .filter(|row| matches(&texts(row), &words))
        .map(|row| SessionByWords { id: row.id.clone(), title: title(row) })
        .collect();
    catalogue.close();
    match named.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        several => Err(ambiguous(typed, several)),
    }
}

fn texts(row: &SessionRow) -> Vec<String> {
    let facts = &row.facts;
    let all = [&facts.title, &facts.ai_title, &facts.summary, &facts.first_prompt, &facts.first_command]
        .into_iter();
    all.flatten().map(|text| text.to_lowercase()).collect()
}

/// Returns whether each word is in one of the texts, all in the same one.
fn matches(texts: &[String], words: &[String]) -> bool {
    texts.iter().any(|text| words.iter().all(|word| text.contains(word)))
}

fn title(row: &SessionRow) -> String {
    let facts = &row.facts;
    let shown = facts.title.as_ref().or(facts.ai_title.as_ref()).or(facts.summary.as_ref());
    shown.or(facts.first_prompt.as_ref()).map_or_else(String::new, |title| text::one_line(title, TITLE_WIDTH))
}

fn ambiguous(typed: &str, several: &[SessionByWords]) -> Error {
    let what = format!("'{}' is ambiguous: {} sessions", text::one_line(typed, TITLE_WIDTH), several.len());
    let error = Error::new(Code::SessionAmbiguous, what);
    let named = several.iter().take(MAX_CANDIDATES);
    let error = named.fold(error, |error, one| error.hint(format!("{}  {}", text::safe(&one.id), one.title)));
    match several.len().saturating_sub(MAX_CANDIDATES) {
        0 => error,
        more => error.hint(format!("and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_are_in_one_text() {
        let texts = ["add a rate limit".to_owned(), "limit the api".to_owned()];
        for (typed, expected) in
            [("rate limit", true), ("LIMIT api", true), ("rate api", false), ("rat", true), ("queue", false)]
        {
            let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
            assert_eq!(matches(&texts, &words), expected, "{typed}");
        }
    }
}
