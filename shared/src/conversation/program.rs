//! What every program is asked, and what is found.

use std::{
    collections::HashMap,
    fs,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Facts, Installed, Piece, Transcript, reading::Reading};
use crate::{model::text, world};

/// Troubles that are remembered; more are counted.
const MOST_TROUBLES: usize = 200;
/// Longest id of a conversation.
const LONGEST_ID: usize = 100;

/// A coding agent, as far as its conversations go.
pub trait Program: Sync {
    /// The name of its profile.
    fn name(&self) -> &'static str;

    /// The folder below which its transcripts lie, and below which they may be put back.
    fn root(&self) -> Option<PathBuf>;

    /// Where a transcript lies below [`Program::root`]; nothing where it does not.
    fn path_below_root(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(self.root()?).ok().map(Path::to_owned)
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

    /// Everything of a conversation, where what was found is not all of it.
    ///
    /// # Errors
    /// The program that has to be asked is not there, or fails.
    fn whole(&self, _id: &str, path: &Path, _installed: &Installed) -> std::io::Result<Transcript> {
        Ok(Transcript::own(path))
    }

    /// Whether it keeps conversations in files below [`Program::root`]; else they are handed back to it.
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

/// What could not be read, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// One entry of a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// A folder, not a link to one.
    pub is_dir: bool,
    /// Bytes.
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i64,
}

/// What was found, and what stood in the way.
#[derive(Debug, Default)]
pub struct Found {
    /// The conversations.
    pub places: Vec<Place>,
    /// What could not be read.
    pub troubles: Vec<Trouble>,
    /// Where programs are that have to be asked.
    pub installed: Installed,
    /// Whether the next one may be asked; else what is remembered of its answers must do.
    pub may_ask: bool,
    /// Sub-agents that lie beside their conversations, by folder.
    strays: HashMap<PathBuf, Vec<Entry>>,
}

impl Found {
    /// Nothing yet.
    pub fn new(installed: Installed) -> Self {
        Self { installed, ..Self::default() }
    }

    /// The entries of a folder, at most so many. A folder that is not there has none; one that cannot be read is a trouble.
    /// Links are followed to files only, so that no folder leads into itself.
    pub fn list(&mut self, folder: &Path, most: usize) -> Vec<Entry> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.trouble(folder, error.to_string());
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for entry in entries {
            match entry {
                Ok(_) if all.len() >= most => {
                    self.trouble(folder, format!("more than {most} entries; the rest is passed over"));
                    break;
                }
                Ok(entry) => all.extend(self.entry(&entry)),
                Err(error) => self.trouble(folder, error.to_string()),
            }
        }
        all
    }

    fn entry(&mut self, entry: &fs::DirEntry) -> Option<Entry> {
        let name = entry.file_name().into_string().ok()?;
        let path = entry.path();
        let kind = entry.file_type().ok()?;
        if kind.is_dir() {
            return Some(Entry { name, path, is_dir: true, size: 0, written: 0 });
        }
        let there = if kind.is_symlink() { fs::metadata(&path) } else { entry.metadata() };
        match there {
            Ok(there) if there.is_file() => {
                Some(Entry { name, path, is_dir: false, size: there.len(), written: written(&there) })
            }
            Ok(_) => None,
            // Gone between two looks.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !kind.is_symlink() => None,
            Err(error) => {
                self.trouble(&path, error.to_string());
                None
            }
        }
    }

    /// Adds a conversation.
    pub fn add(&mut self, program: &'static str, id: &str, entry: &Entry) {
        let Entry { path, size, written, .. } = entry;
        let (path, id) = (path.clone(), id.to_owned());
        self.places.push(Place { program, id, path, size: *size, written: *written });
    }

    /// Adds a sub-agent that lies in the folder of its conversation.
    pub(super) fn stray(&mut self, folder: &Path, entry: Entry) {
        self.strays.entry(folder.to_owned()).or_default().push(entry);
    }

    /// The sub-agents that lie in a folder of conversations.
    pub(super) fn strays_of(&self, folder: &Path) -> &[Entry] {
        self.strays.get(folder).map_or(&[], Vec::as_slice)
    }

    /// Adds what was found elsewhere.
    pub(super) fn join(&mut self, more: Self) {
        self.places.extend(more.places);
        self.strays.extend(more.strays);
        let room = MOST_TROUBLES.saturating_sub(self.troubles.len());
        self.troubles.extend(more.troubles.into_iter().take(room));
    }

    /// Adds what of a file that was read could not be: lines too long to be held, and lines that are not JSON.
    pub fn unread_lines(&mut self, path: &Path, reading: &Reading) {
        if reading.passed_over > 0 {
            self.trouble(path, format!("a line of {} bytes is passed over", reading.passed_over));
        }
        if reading.unreadable > 0 {
            self.trouble(path, format!("{} cannot be read", text::count(reading.unreadable, "line")));
        }
    }

    /// Adds what could not be read.
    pub fn trouble(&mut self, path: &Path, why: impl Into<String>) {
        if self.troubles.len() < MOST_TROUBLES {
            self.troubles.push(Trouble { path: path.to_owned(), why: why.into() });
        }
    }
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
fn written(there: &fs::Metadata) -> i64 {
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
    fs::File::open(path).ok()?.take(longest + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= longest).then_some(bytes)
}

/// The first bytes of a file, at most so many.
pub(super) fn beginning(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(path) {
        // What was read before an error is a beginning too.
        let _ = file.take(most).read_to_end(&mut bytes);
    }
    bytes
}
