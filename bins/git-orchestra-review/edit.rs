//! Lets the user write comments into the diff, in their editor.

use std::io::Write;

use orchestra::{
    Kind, Result,
    error::ErrorContext,
    model::verdict::Comment,
    ops::{
        configuration::AcceptedRepo,
        diff,
        review::comments::{parse, template},
    },
};
use orchestra_terminal::editor;

/// Opens the diff of an agent's work in the editor, with the comments that were kept, and returns those that are in it then, and those whose
/// lines it does not show.
pub(crate) fn comments(repo: &AcceptedRepo, agent: &str, kept: &[Comment]) -> Result<Vec<Comment>> {
    let cannot = || "cannot write a temporary file".to_owned();
    let request = diff::Request { agent: agent.to_owned(), committed: true, ..diff::Request::default() };
    let (text, unshown) = template(&diff::compare(repo, &request)?.text()?, kept);
    let file = tempfile::Builder::new().prefix("review-").suffix(".diff").tempfile();
    let mut file = file.context(Kind::External, cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).context(Kind::External, cannot)?;
    editor::edit(file.path(), "no verdict recorded")?;
    let edited = std::fs::read(file.path()).context(Kind::External, cannot)?;
    Ok(parse(&String::from_utf8_lossy(&edited)).into_iter().chain(unshown.into_iter().cloned()).collect())
}
