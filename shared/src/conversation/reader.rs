//! The trait that reads the sessions of one agent program.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    ConversationFacts, ConversationFile, Discovery, Installed, RunningSession, Subagent, Transcript,
    TranscriptItem,
};
use crate::world::Environment;

/// Reads the sessions of one agent program: knows where its transcripts are, and what their lines mean.
pub trait SessionReader: Sync {
    /// Returns the name of the program, which is also the name of its profile.
    fn name(&self) -> &'static str;

    /// Returns the folders below which its transcripts are. Stored transcripts are restored to the first one.
    fn roots(&self, environment: &Environment) -> Vec<PathBuf>;

    /// Returns the folders that an environment variable names, with that variable. The folders may be missing.
    fn named_folders(&self, _environment: &Environment) -> Option<(&'static str, Vec<PathBuf>)> {
        None
    }

    /// Returns the environment variable, and its value, with which the program finds a transcript; `None` if it needs none.
    fn variable_for(
        &self,
        _environment: &Environment,
        _transcript: &Path,
    ) -> Option<(&'static str, PathBuf)> {
        None
    }

    /// Returns the path of a transcript below one of [`SessionReader::roots`]; `None` if it is not below one.
    fn path_below_root(&self, environment: &Environment, path: &Path) -> Option<PathBuf> {
        self.roots(environment).iter().find_map(|root| path.strip_prefix(root).ok()).map(Path::to_owned)
    }

    /// Returns whether one of its ids may begin with `typed`. This avoids running a program without need.
    fn owns_id_prefix(&self, _typed: &str) -> bool {
        true
    }

    /// Finds its sessions, without reading them.
    fn find(&self, environment: &Environment, found: &mut Discovery);

    /// Returns after how many days without a message the program deletes a transcript; `None` if it deletes none, or that is not
    /// known.
    fn kept_days(&self, _environment: &Environment) -> Option<u32> {
        None
    }

    /// Returns where the transcripts of its subagents are.
    fn subagent_files(&self) -> SubagentFiles {
        SubagentFiles::Nested
    }

    /// Returns the subagents of one session, if they are [`SubagentFiles::Nested`].
    fn subagents(
        &self,
        _environment: &Environment,
        _place: &ConversationFile,
        _found: &mut Discovery,
    ) -> Vec<Subagent> {
        Vec::new()
    }

    /// Returns the folder to which the transcripts of a session's subagents are restored.
    fn subagent_folder(&self, session: &Path, _id: &str) -> PathBuf {
        session.with_extension("").join("subagents")
    }

    /// Returns the facts of a subagent or fork without what its session already has, if its transcript repeats lines of the session;
    /// otherwise `None`. Called only if the file is new or has changed, and for totals over forks.
    ///
    /// # Errors
    /// One of the files cannot be read.
    fn own_part(&self, _subagent: &Path, _session: &Path) -> io::Result<Option<ConversationFacts>> {
        Ok(None)
    }

    /// Returns the facts that are known before the first line.
    fn begin(&self, _place: &ConversationFile) -> ConversationFacts {
        ConversationFacts::default()
    }

    /// Adds a line to the facts; returns whether the line could be read.
    fn apply_line(&self, facts: &mut ConversationFacts, line: &[u8]) -> bool;

    /// Returns whether a line may add to counts or usage. The check is cheap, and returns `true` in doubt.
    fn is_counted(&self, line: &[u8]) -> bool;

    /// Returns what identifies a line that a fork has in common with its session; see [`ConversationFacts::root`].
    fn mark(&self, _line: &[u8]) -> Option<String> {
        None
    }

    /// Returns the items of a line, for display and for search.
    fn parse_line(&self, line: &[u8]) -> Vec<TranscriptItem>;

    /// Returns the prompts and answers of a line, for search. Those in whose JSON `may_match` finds nothing may be left out.
    fn parse_words(&self, line: &[u8], may_match: &dyn Fn(&[u8]) -> bool) -> Vec<TranscriptItem> {
        let _ = may_match;
        let mut items = self.parse_line(line);
        items.retain(|item| item.words().is_some());
        items
    }

    /// Returns whether the program writes a whole message again each time something is added to it.
    fn rewrites_messages(&self) -> bool {
        false
    }

    /// Returns the complete transcript of a session, if the file that was found is not complete.
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

    /// Returns where the program stores its sessions, which determines how a stored transcript is restored.
    fn storage(&self) -> Storage<'_> {
        Storage::Files
    }

    /// Returns how running sessions of the program are detected.
    fn activity(&self) -> Activity;

    /// Returns the command that resumes a session on the terminal, or forks it; `None` if the program cannot.
    fn resume_argv(&self, id: &str, fork: bool) -> Option<Vec<String>>;

    /// Returns the option that precedes the first prompt of [`SessionReader::resume_argv`], if one is needed.
    fn prompt_flag(&self) -> Option<&'static str> {
        None
    }

    /// Returns the option that precedes the model in [`SessionReader::resume_argv`]; `None` if the program always uses that of the
    /// session, or its own.
    fn model_flag(&self) -> Option<&'static str> {
        None
    }

    /// Returns the command that resumes a session, reads one prompt from standard input, and prints the answer; `None` if the
    /// program cannot.
    fn print_mode_argv(&self, id: &str, fork: bool) -> Option<Vec<String>>;
}

/// Where a program stores its sessions.
#[derive(Clone, Copy)]
pub enum Storage<'a> {
    /// In files below [`SessionReader::roots`]: a stored transcript is restored as a file.
    Files,
    /// In a store that only the program itself writes: the program imports a stored transcript.
    Program(&'a dyn SessionImport),
}

/// A program that can import sessions into its own store.
pub trait SessionImport: Sync {
    /// Runs the program in the session's working directory to import a transcript.
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

/// Where the transcripts of subagents are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SubagentFiles {
    /// Below their session, or in its folder: [`SessionReader::subagents`] finds them.
    Nested,
    /// Among the sessions: their own lines name their session ([`ConversationFacts::parent`]).
    AmongSessions,
}

/// How running sessions of a program are detected.
#[derive(Clone, Copy, Debug)]
pub enum Activity {
    /// The program writes files about its running sessions, which this function reads.
    StatusFiles(fn(&Environment) -> Vec<RunningSession>),
    /// The program keeps the transcript of a running session open.
    OpenFile,
    /// There is no record: running sessions are inferred from the working directories of the program's processes.
    Inferred,
}
