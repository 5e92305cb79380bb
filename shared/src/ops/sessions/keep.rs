//! `sessions keep` and `forget`: what is kept in the repository outlives what programs delete.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use crate::{Code, Error, Result, git::Repo, store::transcripts, supervise::conversations};

/// Which conversations to keep.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// The conversations or their agents, by id or unique prefix.
    pub sessions: Vec<String>,
}

/// Which conversations to forget.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Forget {
    /// The conversations or their agents, by id or unique prefix.
    pub sessions: Vec<String>,
    /// Report what would be forgotten, and forget nothing.
    pub dry_run: bool,
}

/// The conversations that were kept or forgotten.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The conversations, in the order in which they were named.
    pub sessions: Vec<Done>,
}

/// One conversation.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Done {
    /// Its program's own id.
    pub id: String,
    /// There was something new to keep, or something to forget.
    pub changed: bool,
}

/// Keeps conversations as they are now, with what they started.
///
/// # Errors
/// One is not there (3), or nothing can be written. Those before it are kept.
pub fn keep(repo: &Repo, request: &Keep) -> Result<Report> {
    let one = |typed: &String| {
        let mut catalogue = Catalogue::of_typed(repo.environment(), Some(repo), typed)?;
        let row = match catalogue.resolve(typed) {
            Ok(named) => catalogue.one(&named)?,
            Err(_) => catalogue.conversation(typed)?,
        };
        let session = catalogue.session(&row);
        let inner = row.place.as_ref().map(|place| catalogue.inner(place)).unwrap_or_default();
        let installed = catalogue.installed().clone();
        catalogue.close();
        // Where the file is gone, what is kept is all there is.
        let Some(place) = &row.place else { return Ok(Done { id: row.id, changed: false }) };
        let changed = conversations::keep(repo, place, &row.facts, session.agent, &inner, &installed)?;
        Ok(Done { id: row.id, changed })
    };
    Ok(Report { sessions: request.sessions.iter().map(one).collect::<Result<_>>()? })
}

/// Forgets what is kept of conversations; what their programs keep stays. In a dry run it is only said.
///
/// # Errors
/// One is not kept (3), or its ref cannot be deleted. Those before it are forgotten.
pub fn forget(repo: &Repo, request: &Forget) -> Result<Report> {
    let one = |typed: &String| {
        let id = Catalogue::of_typed(repo.environment(), Some(repo), typed)?.resolve(typed)?.id;
        if transcripts::find(repo, &id)?.is_none() {
            return Err(Error::new(Code::SessionUnknown, format!("conversation '{id}' is not kept"))
                .hint("git orchestra sessions shows which are"));
        }
        let changed = request.dry_run || transcripts::forget(repo, &id)?;
        Ok(Done { id, changed })
    };
    Ok(Report { sessions: request.sessions.iter().map(one).collect::<Result<_>>()? })
}
