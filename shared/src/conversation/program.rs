//! What every program is asked.

use std::{
    fs,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Facts, Found, Installed, Piece, Transcript, open::open};
use crate::world;

/// Longest id of a conversation.
const LONGEST_ID: usize = 100;

/// A coding agent, as far as its conversations go.
pub trait Program: Sync {
    /// The name of its profile.
    fn name(&self) -> &'static str;

    /// The folders below which its transcripts lie; the first one is where they may be put back.
    fn roots(&self) -> Vec<PathBuf>;

    /// The folders that an environment variable names, with that variable; they may not be there.
    fn named_folders(&self) -> Option<(&'static str, Vec<PathBuf>)> {
        None
    }

    /// The variable, and its value, with which the program finds a transcript where it lies; `None` if it does so anyway.
    fn variable_for(&self, _transcript: &Path) -> Option<(&'static str, PathBuf)> {
        None
    }

    /// Where a transcript lies below one of [`Program::roots`]; `None` if it does not.
    fn path_below_root(&self, path: &Path) -> Option<PathBuf> {
        self.roots().iter().find_map(|root| path.strip_prefix(root).ok()).map(Path::to_owned)
    }

    /// Whether what was typed may be the beginning of one of its ids: a program that has to be asked is spared the question.
    fn answers_to(&self, _typed: &str) -> bool {
        true
    }

    /// Finds its conversations, without reading them.
    fn find(&self, found: &mut Found);

    /// The sub-agents of one conversation.
    fn inner(&self, _place: &Place, _found: &mut Found) -> Vec<Inner> {
        Vec::new()
    }

    /// The folder for the files of a conversation's sub-agents.
    fn inner_folder(&self, conversation: &Path, _id: &str) -> PathBuf {
        conversation.with_extension("").join("subagents")
    }

    /// Whether its sub-agents lie among its conversations, and say themselves whose they are ([`Facts::parent`]).
    fn inner_beside(&self) -> bool {
        false
    }

    /// What a sub-agent or a fork itself used and said, where its file repeats what stands in that of its conversation; else nothing.
    /// It is asked only where the file is new or has changed, and for sums over forks.
    ///
    /// # Errors
    /// One of the files cannot be read.
    fn own_part(&self, _inner: &Path, _conversation: &Path) -> std::io::Result<Option<Facts>> {
        Ok(None)
    }

    /// What is known before the first line.
    fn begin(&self, _place: &Place) -> Facts {
        Facts::default()
    }

    /// Adds to what is known what a line says; gives whether the line could be read.
    fn learn(&self, facts: &mut Facts, line: &[u8]) -> bool;

    /// Whether a line may add to what is counted; cheap, and `true` where that is not certain.
    fn counts(&self, line: &[u8]) -> bool;

    /// What a line is known by that a fork has in common with its conversation; see [`Facts::root`].
    fn mark(&self, _line: &[u8]) -> Option<String> {
        None
    }

    /// What a line says.
    fn pieces(&self, line: &[u8]) -> Vec<Piece>;

    /// Whether a message is written again, as a whole, each time something is added to it.
    fn rewrites_messages(&self) -> bool {
        false
    }

    /// Everything of a conversation, where what was found is not all of it.
    ///
    /// # Errors
    /// The program that has to be asked is not there, or fails.
    fn whole(&self, _id: &str, path: &Path, _installed: &Installed) -> std::io::Result<Transcript> {
        Ok(Transcript::own(path))
    }

    /// Whether it keeps conversations in files below [`Program::roots`]; else they are handed back to it.
    fn keeps_files(&self) -> bool {
        true
    }

    /// Hands a conversation back to the program, in the folder in which it was.
    ///
    /// # Errors
    /// It keeps files, is not there, or fails.
    fn take_back(&self, _transcript: &Path, _folder: &Path, _installed: &Installed) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// The conversations that run, as the program itself notes it.
    fn running(&self) -> Vec<Running> {
        Vec::new()
    }

    /// Whether it keeps the file of a conversation open as long as it is in it: then the open file tells, not a note.
    fn holds_its_files(&self) -> bool {
        false
    }

    /// Whether it neither notes nor holds open what it is in: then that is concluded from where its processes stand.
    fn is_silent(&self) -> bool {
        false
    }

    /// Program and arguments that go on with a conversation on the terminal.
    fn resume(&self, id: &str, fork: bool) -> Option<Vec<String>>;

    /// What stands before the first words on its command line.
    fn opening(&self) -> Option<&'static str> {
        None
    }

    /// Program and arguments that say what stands on standard input, and print the answer.
    fn tell(&self, id: &str, fork: bool) -> Option<Vec<String>>;
}

/// Where a conversation lies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The name of its program.
    pub program: &'static str,
    /// The program's own id.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i64,
}

impl Place {
    /// A conversation whose file is known.
    ///
    /// # Errors
    /// It is not there.
    pub fn at(program: &'static str, id: &str, path: &Path) -> std::io::Result<Self> {
        let there = fs::metadata(path)?;
        let (id, path, size) = (id.to_owned(), path.to_owned(), there.len());
        Ok(Self { program, id, path, size, written: written(&there) })
    }
}

/// A conversation that another one started.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inner {
    /// The program's own id.
    pub id: String,
    /// Which kind of sub-agent.
    pub kind: Option<String>,
    /// What it was for, in a few words.
    pub about: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i64,
}

impl Inner {
    /// Where it lies, as a conversation of this program.
    pub fn place(&self, program: &'static str) -> Place {
        let Self { id, path, size, written, .. } = self;
        Place { program, id: id.clone(), path: path.clone(), size: *size, written: *written }
    }
}

/// A conversation that its program says it is in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Running {
    /// The conversation.
    pub id: String,
    /// The process.
    pub pid: i32,
    /// When it started, in clock ticks since boot; without it, it cannot be told from a later one.
    pub start: Option<u64>,
}

/// The folder for what may be deleted at any time.
pub(super) fn cache() -> Option<PathBuf> {
    Some(user_folder("XDG_CACHE_HOME", ".cache")?.join("git-orchestra"))
}

/// A folder of the user's, as the XDG Base Directory Specification names it: by a variable, else below the home folder.
pub(super) fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = world::variable(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(PathBuf::from(world::variable("HOME")?).join(below_home)))
}

/// Nanoseconds since 1970.
pub(super) fn written(there: &fs::Metadata) -> i64 {
    there.mtime().saturating_mul(1_000_000_000).saturating_add(there.mtime_nsec())
}

/// Whether a text can be the id of a conversation: it becomes part of a path and of a ref.
pub fn is_id(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= LONGEST_ID && !text.starts_with('-') && text.bytes().all(word)
}

/// A small file, or nothing.
pub(super) fn note(path: &Path, longest: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path).ok()?.take(longest + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= longest).then_some(bytes)
}

/// The first bytes of a file, at most so many.
pub(super) fn beginning(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = open(path) {
        // What was read before an error is a beginning too.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}
