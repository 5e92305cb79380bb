//! The conversation of an agent: choosing the one to resume or to start, locking it, and what it used so far.

use std::path::PathBuf;

use super::Supervisor;
use crate::{
    Code, Error, Result,
    agents::{self, Session, SessionFiles, StreamSummary},
    conversation::session_lock,
    model::{
        Event, Fact, Phase, SessionId,
        event::{PhaseChange, Usage},
    },
    world::{self, Environment},
};

impl Supervisor {
    /// Chooses the conversation to resume or start. One whose file does not exist cannot be resumed; a program whose files are unknown
    /// looks for them itself.
    pub(super) fn choose_session(&mut self, known: Option<SessionId>) -> Result<()> {
        let files = self.session_files();
        let there =
            known.filter(|session| !self.knows_conversations() || self.conversation(session).is_some());
        self.session = match there {
            _ if !self.spec.launch.has_sessions() => None,
            Some(session) => Some((session, true)),
            None if self.spec.launch.reports_session => None,
            None => Some((world::uuid()?.into(), false)),
        };
        self.lock_session()?;
        if let (Some(files), Some((session, true))) = (files, &self.session) {
            // If the worktree was renamed, the program looks for its files elsewhere. If they cannot be moved, it reports that.
            let _ = files.follow(&self.program_environment(), session, &self.spec.worktree);
        }
        Ok(())
    }

    /// Records the id of a session that the program has chosen, so that it can be resumed.
    pub(super) fn record_session(&mut self, reported: &SessionId) -> Result<()> {
        if self.session.as_ref().is_some_and(|(session, _)| session == reported) {
            return Ok(());
        }
        let step = PhaseChange::new(self.record.attempt, Phase::Running);
        self.append_facts(&[Fact::Phase(PhaseChange { session: Some(reported.clone()), ..step })])?;
        self.session = Some((reported.clone(), true));
        // The program uses it already: another lock does not change that.
        let _ = self.lock_session();
        Ok(())
    }

    /// Returns whether the files of the program's conversations are known.
    fn knows_conversations(&self) -> bool {
        self.spec.launch.conversation.is_some() || self.session_files().is_some()
    }

    /// Returns the file of a conversation, if it is known and exists.
    pub(super) fn conversation(&self, session: &SessionId) -> Option<PathBuf> {
        let Some(pattern) = &self.spec.launch.conversation else {
            return self.session_files()?.transcript(&self.program_environment(), session);
        };
        let worktree = self.spec.worktree.to_string_lossy();
        let path = pattern.replace("{worktree}", &worktree).replace("{session}", session);
        let path = match path.strip_prefix("~/") {
            Some(below) => self.environment.home()?.join(below),
            None => path.into(),
        };
        path.exists().then_some(path)
    }

    /// Remembers what a session used before this supervisor, for programs that count from their start.
    pub(super) fn remember_usage(&mut self, session: Option<&SessionId>, events: &[Event]) {
        if let Some(session) = session {
            self.used = Usage::of_session(session, events.iter().filter_map(|event| event.fact.as_ref()));
        }
    }

    /// Returns the summary of an attempt of which nothing was read. A resumed session has used something before.
    pub(super) fn new_summary(&self) -> StreamSummary {
        let resumed = self.session.as_ref().filter(|(_, known)| *known).map(|(session, _)| session);
        let before = Some(&self.used).filter(|used| used.session.as_ref() == resumed);
        let counts = self.spec.launch.protocol.counts_from_start();
        before.filter(|_| counts).map_or_else(StreamSummary::default, StreamSummary::after)
    }

    /// Returns the environment of the program: its own variables may name another account, or another folder of sessions.
    pub(super) fn program_environment(&self) -> Environment {
        self.spec.program_environment(&self.environment, &self.id)
    }

    /// Returns access to the session files of the program, if it has any.
    pub(super) fn session_files(&self) -> Option<&'static dyn SessionFiles> {
        agents::session_files(&self.spec.profile)
    }

    /// Locks the session. A lock that is held already is not opened again, because closing the second file would release it.
    fn lock_session(&mut self) -> Result<()> {
        let wanted = self.session.as_ref().map(|(session, _)| session);
        if self.held_session.as_ref().map(|(held, _)| held) == wanted {
            return Ok(());
        }
        self.held_session = None;
        let Some(session) = wanted.cloned() else { return Ok(()) };
        match session_lock::acquire(&self.environment, &session) {
            Ok(Some(held_session)) => self.held_session = Some((session, held_session)),
            Ok(None) => {
                return Err(Error::new(
                    Code::SessionInUse,
                    format!("session '{session}' is in use by another program"),
                ));
            }
            // Without a writable home folder there is no lock, and only the program's own checks remain.
            Err(_) => {}
        }
        Ok(())
    }

    pub(super) fn session(&self) -> Session<'_> {
        match &self.session {
            Some((session, true)) => Session::Known(session),
            Some((session, false)) => Session::New(session),
            None if self.spec.launch.has_sessions() => Session::Unnamed,
            None => Session::None,
        }
    }
}
