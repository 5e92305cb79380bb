//! The conversation of a designer: a new one, or one that is found again by its session.

use std::path::{Path, PathBuf};

use super::Identity;
use crate::{
    Code, Error, Result,
    agents::{self, Launch},
    context::Context,
    git::Repo,
    ops::sessions::{
        self, Session,
        resume::{self as session_resume, PreparedSession},
    },
    trust::AcceptedRepo,
    world::{self, Timestamp},
};

/// The most sessions that are looked at to find the one that a program began.
const MAX_SESSIONS: usize = 100;

/// What the program begins with.
#[derive(Debug)]
pub(super) enum Conversation {
    /// A new session, with the id that was chosen for it; the program chooses it otherwise.
    New(Option<String>),
    /// A session that continues.
    Known {
        /// Its id.
        session: String,
        /// Where it is, and what keeps others from it.
        prepared: Box<PreparedSession>,
    },
}

impl Conversation {
    /// Returns the id of the session, if it is known.
    pub(super) fn session(&self) -> Option<&str> {
        match self {
            Self::New(session) => session.as_deref(),
            Self::Known { session, .. } => Some(session),
        }
    }

    /// Returns the folder in which it continues.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::New(_) => None,
            Self::Known { prepared, .. } => Some(prepared.plan.folder.clone()),
        }
    }

    /// Returns the variables that the program must not have, and the one that it needs to find the session.
    pub(super) fn variables(&self) -> (&[String], impl Iterator<Item = &(String, PathBuf)>) {
        let plan = match self {
            Self::New(_) => None,
            Self::Known { prepared, .. } => Some(&prepared.plan),
        };
        (plan.map_or(&[], |plan| &plan.unset), plan.and_then(|plan| plan.set.as_ref()).into_iter())
    }
}

/// Determines with what conversation the program begins.
pub(super) fn conversation(
    repo: &AcceptedRepo,
    who: &Identity,
    launch: &Launch,
    dry_run: bool,
) -> Result<Conversation> {
    let Some(earlier) = &who.earlier else {
        return Ok(Conversation::New(match launch.reports_session {
            true => None,
            false => Some(world::uuid()?),
        }));
    };
    // The session of one that was killed was not recorded if the program chose its id.
    let found = match &earlier.session {
        Some(session) => Some(session.to_string()),
        None => earlier.started_at.and_then(|at| begun_since(repo, &earlier.profile, at.as_second())),
    };
    let session = found.ok_or_else(|| {
        Error::new(Code::SessionUnknown, format!("no conversation of designer '{}' was found", earlier.id))
            .hint("git orchestra designer begins a new one")
            .hint("git orchestra sessions lists conversations")
    })?;
    let request =
        session_resume::Request { session: session.clone(), dry_run, ..session_resume::Request::default() };
    let prepared = session_resume::prepare_for(repo.environment(), Some(repo), &request, dry_run);
    let prepared = prepared.map_err(|error| match error.code {
        Code::SessionUnknown | Code::TranscriptMissing => error
            .because(format!(
                "designer '{}' has no message yet, or its program removed the conversation",
                earlier.id
            ))
            .hint("git orchestra designer begins a new one"),
        _ => error,
    })?;
    Ok(Conversation::Known { session, prepared: Box::new(prepared) })
}

/// Returns the newest session of a program that began in the caller's folder since a time, in seconds since 1970.
pub(super) fn begun_since(repo: &Repo, program: &str, since: i64) -> Option<String> {
    let reader = agents::session_reader(program)?;
    let request = sessions::Request {
        everywhere: true,
        since: Some(since),
        program: Some(reader.name().to_owned()),
        limit: MAX_SESSIONS,
        ..sessions::Request::default()
    };
    let report = sessions::run(&Context::of(repo.environment()), Some(repo), &request).ok()?;
    let folder = repo.environment().directory().canonicalize().ok()?;
    let is_it = |one: &Session| {
        let begun = one.started_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
        let there =
            one.cwd.as_ref().is_some_and(|cwd| Path::new(cwd).canonicalize().is_ok_and(|cwd| cwd == folder));
        there
            && one.agent.is_none()
            && one.subagent_of.is_none()
            && begun.is_none_or(|begun| begun.as_second() >= since)
    };
    report.sessions.into_iter().find(is_it).map(|one| one.id)
}
