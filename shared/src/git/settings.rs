//! Reading the repository's own configuration from its files: `config`, every `config.worktree`, those of its submodules, and
//! included files. They are read one by one, with limits and without git: it works if git rejects the configuration, and nothing
//! runs.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use gix::{bstr::BString, config::file::Metadata};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

/// Maximum size of a configuration file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Maximum depth of includes; git's own limit.
const MAX_DEPTH: u32 = 10;
/// Maximum number of files that are read, so that mutual includes end.
const MOST_FILES: usize = 10_000;

/// One value in one file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setting {
    /// The file: `None` for the repository's `config`, else its path, relative to the common git directory if it is in it.
    pub file: Option<String>,
    /// `diff` in `diff.word.textconv`, in lower case.
    pub section: String,
    /// `word` in `diff.word.textconv`.
    pub subsection: Option<String>,
    /// `textconv` in `diff.word.textconv`, in lower case.
    pub name: String,
    /// The value; `true` if the file has only the name.
    pub value: String,
}

/// The content of the files.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// All values, in the order of each file.
    pub values: Vec<Setting>,
    /// Files that cannot be read or parsed, named as in [`Setting::file`], with a reason that changes with the content.
    pub unreadable: Vec<(String, String)>,
}

impl Settings {
    /// Reads the configuration files of the repository at `common_dir`. In the paths that they include, `~` is `home`.
    pub fn of(common_dir: &Path, home: Option<&Path>) -> Self {
        let mut reader = Reader { common_dir, home, found: Self::default(), seen: HashSet::new() };
        reader.read(&common_dir.join("config"), None, 0);
        if reader.found.last("extensions", "worktreeconfig").is_some() {
            let folders = fs::read_dir(common_dir.join("worktrees")).into_iter().flatten().flatten();
            let mut folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
            folders.sort_unstable();
            for folder in std::iter::once(common_dir.to_owned()).chain(folders) {
                let file = folder.join("config.worktree");
                let label = reader.label(&file);
                reader.read(&file, Some(&label), 0);
            }
        }
        for module in submodule_git_dirs(common_dir) {
            let file = module.join("config");
            let label = reader.label(&file);
            reader.read(&file, Some(&label), 0);
        }
        reader.found
    }

    /// Returns the effective value of a key without a subsection in the repository's `config` itself.
    pub fn last(&self, section: &str, name: &str) -> Option<&str> {
        let of_key = |one: &&Setting| {
            one.file.is_none() && one.subsection.is_none() && one.section == section && one.name == name
        };
        self.values.iter().rev().find(of_key).map(|one| one.value.as_str())
    }
}

struct Reader<'a> {
    common_dir: &'a Path,
    home: Option<&'a Path>,
    found: Settings,
    seen: HashSet<PathBuf>,
}

impl Reader<'_> {
    fn label(&self, file: &Path) -> String {
        file.strip_prefix(self.common_dir).unwrap_or(file).to_string_lossy().into_owned()
    }

    fn read(&mut self, file: &Path, label: Option<&str>, depth: u32) {
        if self.seen.contains(file) {
            return;
        }
        let name = label.unwrap_or("config").to_owned();
        let bytes = match read_regular(file, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.found.unreadable.push((name, error.to_string())),
        };
        if self.seen.len() >= MOST_FILES {
            return self.found.unreadable.push((name, "too many configuration files".to_owned()));
        }
        self.seen.insert(file.to_owned());
        let meta = Metadata::from(gix::config::Source::Local);
        let Ok(parsed) = gix::config::File::from_bytes_no_includes(&bytes, meta, Default::default()) else {
            let why = format!("cannot be parsed ({})", fingerprint(&bytes));
            return self.found.unreadable.push((name, why));
        };
        for section in parsed.sections() {
            let header = section.header();
            let (group, subsection) = (lower(header.name()), header.subsection_name().map(text));
            let mut names: Vec<String> =
                section.value_names().map(|name| name.to_ascii_lowercase()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let mut values: Vec<String> =
                    section.values(&name).into_iter().map(|value| text(&value)).collect();
                if section.value_implicit(&name) == Some(None) {
                    values.push("true".to_owned());
                }
                for value in values {
                    if name == "path" && matches!(group.as_str(), "include" | "includeif") {
                        self.include(file, &value, depth);
                    }
                    let (section, subsection, name) = (group.clone(), subsection.clone(), name.clone());
                    self.found.values.push(Setting {
                        file: label.map(str::to_owned),
                        section,
                        subsection,
                        name,
                        value,
                    });
                }
            }
        }
    }

    /// Follows an include whether or not its condition is true now: it may become true later.
    fn include(&mut self, from: &Path, to: &str, depth: u32) {
        let path = match (to.strip_prefix("~/"), self.home) {
            (Some(below), Some(home)) => home.join(below),
            _ => from.parent().unwrap_or(self.common_dir).join(to),
        };
        if depth < MAX_DEPTH {
            let label = self.label(&path);
            self.read(&path, Some(&label), depth + 1);
        }
    }
}

/// Returns the git directories of submodules, which git enters by itself: `modules/<name>`, where a name may have several
/// components.
pub fn submodule_git_dirs(common_dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![(common_dir.join("modules"), 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if found.len() >= MOST_FILES || !path.is_dir() {
                continue;
            }
            if path.join("HEAD").exists() {
                open.push((path.join("modules"), depth + 1));
                found.push(path);
            } else if depth < MAX_DEPTH {
                open.push((path, depth + 1));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Reads a regular file. A pipe or device in its place is an error and does not block.
///
/// # Errors
/// It is missing, not a regular file, longer than `most` bytes, or cannot be read.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        Err(io::Error::other(format!("longer than {most} bytes")))
    } else {
        Ok(bytes)
    }
}

/// Returns the SHA-256 of some content, in hexadecimal.
pub fn digest(content: &[u8]) -> String {
    faster_hex::hex_string(&Sha256::digest(content))
}

/// Returns the beginning of the SHA-256 of some content, to distinguish it from other content.
pub fn fingerprint(content: &[u8]) -> String {
    faster_hex::hex_string(&Sha256::digest(content)[..10])
}

fn text(value: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(value.as_ref()).into_owned()
}

fn lower(name: &gix::bstr::BStr) -> String {
    text(BString::from(name)).to_ascii_lowercase()
}
