//! `sessions keep` and `forget`: copies of sessions in the repository, which remain when programs delete their files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use crate::{Code, Error, Result, context::Context, git::Repo, store::transcripts, supervise::conversations};

/// Which sessions to keep.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepRequest {
    /// The sessions or their agents, by id or unique prefix.
    pub sessions: Vec<String>,
}

/// Which sessions to forget.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForgetRequest {
    /// The sessions or their agents, by id or unique prefix.
    pub sessions: Vec<String>,
    /// Whether to only report what would be forgotten.
    pub dry_run: bool,
}

/// The sessions that were kept or forgotten.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The sessions, in the order in which they were named.
    pub sessions: Vec<KeptSession>,
    /// Whether this was a dry run, which changed nothing; only for sessions to forget.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A session that was kept or forgotten.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct KeptSession {
    /// The id of the session.
    pub id: String,
    /// Whether there was something new to keep, or something to forget.
    pub changed: bool,
}

/// Keeps copies of sessions in their current state, with their subagents.
///
/// # Errors
/// A session does not exist (3), or cannot be written. Those named before it are kept.
pub fn keep(repo: &Repo, request: &KeepRequest) -> Result<Report> {
    let one = |typed: &String| {
        let mut catalogue = Catalogue::for_name(&Context::of(repo.environment()), Some(repo), typed)?;
        let row = match catalogue.resolve(typed) {
            Ok(named) => catalogue.read_session(&named)?,
            Err(_) => catalogue.conversation(typed)?,
        };
        let session = catalogue.session(&row);
        let inner = row.place.as_ref().map(|place| catalogue.inner(place)).unwrap_or_default();
        let installed = catalogue.installed().clone();
        catalogue.close();
        // Without a file, the kept copy is all that is left.
        let Some(place) = &row.place else { return Ok(KeptSession { id: row.id, changed: false }) };
        let changed = conversations::store(repo, place, &row.facts, session.agent, &inner, &installed)?;
        Ok(KeptSession { id: row.id, changed })
    };
    Ok(Report { sessions: request.sessions.iter().map(one).collect::<Result<_>>()?, dry_run: false })
}

/// Deletes the kept copies of sessions; the files of their programs remain.
///
/// # Errors
/// A session is not kept (3), or its ref cannot be deleted. Those named before it are forgotten.
pub fn forget(repo: &Repo, request: &ForgetRequest) -> Result<Report> {
    let one = |typed: &String| {
        let id = Catalogue::for_name(&Context::of(repo.environment()), Some(repo), typed)?.resolve(typed)?.id;
        if transcripts::find(repo, &id)?.is_none() {
            return Err(Error::new(Code::SessionUnknown, format!("session '{id}' is not kept"))
                .hint("git orchestra sessions shows which sessions are kept"));
        }
        let changed = request.dry_run || transcripts::delete(repo, &id)?;
        Ok(KeptSession { id, changed })
    };
    let sessions = request.sessions.iter().map(one).collect::<Result<_>>()?;
    Ok(Report { sessions, dry_run: request.dry_run })
}
