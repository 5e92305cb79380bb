//! What is asked of the reader of a program's sessions.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    ConversationFacts, ConversationFile, Discovery, Installed, RunningSession, Subagent, Transcript,
    TranscriptItem,
};
use crate::world::Environment;

/// Reads the sessions of one agent program: where its transcripts lie, and what a line of them means.
pub trait SessionReader: Sync {
    /// The name of the program, which is that of its profile.
    fn name(&self) -> &'static str;

    /// The folders below which its transcripts lie; the first one is where kept ones are restored.
    fn roots(&self, environment: &Environment) -> Vec<PathBuf>;

    /// The folders that an environment variable names, with that variable; they may be missing.
    fn named_folders(&self, _environment: &Environment) -> Option<(&'static str, Vec<PathBuf>)> {
        None
    }

    /// The variable, and its value, with which the program finds a transcript where it lies; `None` if it does so anyway.
    fn variable_for(
        &self,
        _environment: &Environment,
        _transcript: &Path,
    ) -> Option<(&'static str, PathBuf)> {
        None
    }

    /// Where a transcript lies below one of [`SessionReader::roots`]; `None` if it does not.
    fn path_below_root(&self, environment: &Environment, path: &Path) -> Option<PathBuf> {
        self.roots(environment).iter().find_map(|root| path.strip_prefix(root).ok()).map(Path::to_owned)
    }

    /// Whether `typed` may be the beginning of one of its ids: a program that has to be asked is spared the question.
    fn owns_id_prefix(&self, _typed: &str) -> bool {
        true
    }

    /// Finds its sessions, without reading them.
    fn find(&self, environment: &Environment, found: &mut Discovery);

    /// Where its sub-agents lie.
    fn subagent_files(&self) -> SubagentFiles {
        SubagentFiles::Nested
    }

    /// The sub-agents of one session, where they are [`SubagentFiles::Nested`].
    fn subagents(
        &self,
        _environment: &Environment,
        _place: &ConversationFile,
        _found: &mut Discovery,
    ) -> Vec<Subagent> {
        Vec::new()
    }

    /// The folder into which the files of a session's sub-agents are restored.
    fn subagent_folder(&self, session: &Path, _id: &str) -> PathBuf {
        session.with_extension("").join("subagents")
    }

    /// What a sub-agent or a fork itself used and said, where its file repeats what stands in that of its session; else nothing.
    /// It is asked only where the file is new or has changed, and for sums over forks.
    ///
    /// # Errors
    /// One of the files cannot be read.
    fn own_part(&self, _subagent: &Path, _session: &Path) -> io::Result<Option<ConversationFacts>> {
        Ok(None)
    }

    /// What is known before the first line.
    fn begin(&self, _place: &ConversationFile) -> ConversationFacts {
        ConversationFacts::default()
    }

    /// Adds what a line says to what is known; returns whether the line could be read.
    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool;

    /// Whether a line may add to what is counted; cheap, and `true` where that is not certain.
    fn is_counted(&self, line: &[u8]) -> bool;

    /// What identifies a line that a fork has in common with its session; see [`ConversationFacts::root`].
    fn mark(&self, _line: &[u8]) -> Option<String> {
        None
    }

    /// What a line says, for people and for a search.
    fn parse_line(&self, line: &[u8]) -> Vec<TranscriptItem>;

    /// Whether a message is written again, as a whole, each time something is added to it.
    fn rewrites_messages(&self) -> bool {
        false
    }

    /// Everything of a session, where what was found is not all of it.
    ///
    /// # Errors
    /// The program that has to be asked is missing, or fails.
    fn whole(
        &self,
        _environment: &Environment,
        _id: &str,
        path: &Path,
        _installed: &Installed,
    ) -> io::Result<Transcript> {
        Ok(Transcript::own(path))
    }

    /// Where the program keeps its sessions, and so how a kept one is restored.
    fn storage(&self) -> Storage<'_> {
        Storage::Files
    }

    /// How it is known which sessions the program is in right now.
    fn activity(&self) -> Activity;

    /// The command that resumes a session on the terminal, or forks it; `None` where the program cannot.
    fn resume_argv(&self, id: &str, fork: bool) -> Option<Vec<String>>;

    /// The option before the first prompt of [`SessionReader::resume_argv`], if it needs one.
    fn prompt_flag(&self) -> Option<&'static str> {
        None
    }

    /// The command that resumes a session, takes one prompt on standard input and prints the answer; `None` where the program
    /// cannot.
    fn print_mode_argv(&self, id: &str, fork: bool) -> Option<Vec<String>>;
}

/// Where a program keeps its sessions.
#[derive(Clone, Copy)]
pub enum Storage<'a> {
    /// In files below [`SessionReader::roots`]: a kept transcript is written back to its place.
    Files,
    /// In a store that only the program itself writes: it has to take a kept transcript back.
    Program(&'a dyn SessionImport),
}

/// A program that takes sessions back into its own store.
pub trait SessionImport: Sync {
    /// Hands a session back to the program, run in the folder in which the session was.
    ///
    /// # Errors
    /// The program is missing, or fails.
    fn import(
        &self,
        environment: &Environment,
        transcript: &Path,
        folder: &Path,
        installed: &Installed,
    ) -> io::Result<()>;
}

/// Where the files of sub-agents lie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubagentFiles {
    /// Below their session, or in its folder: [`SessionReader::subagents`] finds them.
    Nested,
    /// Among the sessions: their own lines say whose they are ([`ConversationFacts::parent`]).
    AmongSessions,
}

/// How it is known which sessions a program is in.
#[derive(Clone, Copy, Debug)]
pub enum Activity {
    /// The program writes notes about it, which this function reads.
    Notes(fn(&Environment) -> Vec<RunningSession>),
    /// It keeps the file of a session open as long as it is in it.
    OpenFile,
    /// Nothing tells: it is inferred from the folders in which its processes run.
    Inferred,
}
