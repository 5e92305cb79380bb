//! Reading refs, including damaged ones: each names an object, points to another ref, or is broken for a stated reason.
//!
//! gix is not used for this: it skips what is not a regular file, reads a file of any length whole, and does not say which ref it
//! could not parse. A listing that omits a ref would tell the user that an agent does not exist.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use gix::refs::file::packed::SharedBufferSnapshot;

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Oid, Repo, careful, packed, ref_names, symbolic_ref},
    model::quote,
};

/// Maximum size of a loose ref's file: a symbolic one holds a name, which is no longer than a path.
const MAX_REF_BYTES: u64 = 4 * 1024;
/// Maximum length of a chain of symbolic refs, as in git.
const MAX_SYMBOLIC_STEPS: usize = 5;

/// A ref that names no object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BrokenRef {
    /// Its full name.
    pub name: String,
    /// What is wrong with it, as a phrase to follow its name.
    pub why: String,
}

/// All refs below a prefix, each list sorted by name.
#[derive(Debug, Default)]
pub struct RefList {
    /// Refs that name an object, which need not exist here.
    pub refs: Vec<(String, Oid)>,
    /// Refs that are broken.
    pub broken: Vec<BrokenRef>,
    /// Refs that point to another ref.
    pub symbolic: Vec<String>,
}

/// The content of a loose ref's file.
#[derive(Clone, Debug, Eq, PartialEq)]
enum LooseRef {
    Object(Oid),
    Symbolic,
    Broken(String),
}

impl Repo {
    /// Lists all refs below `prefix`, which ends in `/`.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub fn ref_list(&self, prefix: &str) -> Result<RefList> {
        self.ref_list_without(prefix, &|_| false)
    }

    /// Like [`Repo::ref_list`], without the refs whose full names `is_left_out` selects: their files are not opened.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub(super) fn ref_list_without(
        &self,
        prefix: &str,
        is_left_out: &dyn Fn(&str) -> bool,
    ) -> Result<RefList> {
        let unreadable = || format!("cannot read the refs below '{prefix}'");
        // Loose ones first: one that is packed meanwhile is then found among the packed ones.
        let mut loose =
            loose_below(self.gix.common_dir(), prefix, is_left_out).context(Kind::External, unreadable)?;
        loose.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut loose = loose.into_iter().peekable();
        let mut list = RefList::default();
        let packed = self.packed_refs().context(Kind::Internal, unreadable)?;
        if let Some(packed) = &packed {
            for line in packed::lines_below(AsRef::<[u8]>::as_ref(&***packed), prefix.as_bytes()) {
                let Some((name, target)) = line else {
                    let why = "holds a line that is not a ref".to_owned();
                    list.broken.push(BrokenRef { name: "packed-refs".to_owned(), why });
                    continue;
                };
                let Some(name) = std::str::from_utf8(name).ok().filter(|name| !is_left_out(name)) else {
                    continue;
                };
                while let Some((before, value)) = loose.next_if(|(loose, _)| loose.as_str() < name) {
                    list.add(before, value);
                }
                match loose.next_if(|(loose, _)| loose == name) {
                    Some((name, value)) => list.add(name, value),
                    None => list.refs.push((name.to_owned(), target)),
                }
            }
        }
        loose.for_each(|(name, value)| list.add(name, value));
        Ok(list)
    }

    /// Returns the refs below `prefix` (which ends in `/`) that name an object, sorted by name. To list refs for users, use
    /// [`Repo::ref_list`], which has the broken ones as well.
    ///
    /// # Errors
    /// The refs cannot be read at all.
    pub fn refs_below(&self, prefix: &str) -> Result<Vec<(String, Oid)>> {
        Ok(self.ref_list(prefix)?.refs)
    }

    /// Returns the object that a ref itself names. `None` if the ref is missing, damaged, or points to another ref:
    /// [`Repo::ref_list`] tells these apart.
    ///
    /// # Errors
    /// The packed refs cannot be read.
    pub fn direct_ref(&self, name: &str) -> Result<Option<Oid>> {
        if !ref_names::is_ref_name(name) {
            return Ok(None);
        }
        let file = self.gix.common_dir().join(name);
        if fs::symlink_metadata(&file).is_ok_and(|found| found.is_symlink()) {
            return Ok(None);
        }
        match read_loose(&file) {
            Ok(Some(LooseRef::Object(id))) => Ok(Some(id)),
            Ok(None) => self.packed_ref(name),
            Ok(Some(_)) | Err(_) => Ok(None),
        }
    }

    /// Returns the packed refs as they are at this moment; `None` if there are none.
    ///
    /// # Errors
    /// Their file cannot be read, or holds something else.
    pub(super) fn packed_refs(&self) -> gix::Result<Option<SharedBufferSnapshot>> {
        self.packed.read(&self.gix.refs, self.gix.common_dir())
    }

    /// Returns the object that a ref names in `packed-refs`.
    fn packed_ref(&self, name: &str) -> Result<Option<Oid>> {
        let broken = || format!("ref '{name}' is broken");
        let packed = self.packed_refs().context(Code::RefDamaged, broken)?;
        let Some(packed) = packed else { return Ok(None) };
        let found = packed.try_find(name).context(Code::RefDamaged, broken)?;
        Ok(found.filter(|found| found.name.as_bstr() == name).map(|found| found.target().into()))
    }

    /// Returns the object that a ref names, if the ref exists. The object need not exist here.
    ///
    /// # Errors
    /// The ref is broken.
    pub fn find_ref(&self, name: &str) -> Result<Option<Oid>> {
        if !ref_names::is_ref_name(name) {
            return Ok(None);
        }
        let mut name = name.to_owned();
        for _ in 0..MAX_SYMBOLIC_STEPS {
            let file = self.gix.common_dir().join(&name);
            match read_loose(&file) {
                Ok(Some(LooseRef::Object(id))) => return Ok(Some(id)),
                Ok(Some(LooseRef::Broken(why))) => {
                    return Err(Error::new(Code::RefDamaged, format!("ref '{name}' {why}")));
                }
                // The ref that it points to may be damaged as well.
                Ok(Some(LooseRef::Symbolic)) => match symbolic_ref::target(&file) {
                    Some(next) => name = next,
                    None => break,
                },
                // There is no such file, or it is a folder.
                Ok(None) if ref_names::is_shared(&name) => return self.packed_ref(&name),
                Ok(None) => break,
                Err(e) => {
                    return Err(Error::new(Kind::External, format!("cannot read ref '{name}'")).because(e));
                }
            }
        }
        let name = name.as_str();
        let broken = || format!("ref '{name}' is broken");
        match self.gix.try_find_reference(name).context(Code::RefDamaged, broken)? {
            None => Ok(None),
            // gix also searches in other places.
            Some(found) if found.name().as_bstr() != name => Ok(None),
            Some(mut found) => match found.try_id() {
                Some(id) => Ok(Some(id.detach().into())),
                None => Ok(Some(found.peel_to_id().context(Code::RefDamaged, broken)?.detach().into())),
            },
        }
    }

    /// Returns the content of a ref: an object, or (`ref: …`) another ref. `None` if there is no such ref, or it is broken.
    pub(super) fn ref_value(&self, name: &str) -> Option<String> {
        let file = self.gix.common_dir().join(name);
        match read_loose(&file).ok()? {
            Some(LooseRef::Object(id)) => Some(id.to_string()),
            Some(LooseRef::Symbolic) => symbolic_ref::target(&file).map(|name| format!("ref: {name}")),
            Some(LooseRef::Broken(_)) => None,
            None => self.find_ref(name).ok()?.map(|id| id.to_string()),
        }
    }

    /// Rejects a revision whose ref is not a regular file: reading it could block forever.
    ///
    /// # Errors
    /// The ref's file is a pipe, a device or the like (3).
    pub(super) fn refuse_blocked_refs(&self, revision: &str) -> Result<()> {
        let name = revision.split(['~', '^', '@', '{', ':']).next().unwrap_or_default();
        let head = || symbolic_ref::target(&self.gix.git_dir().join("HEAD"));
        let name =
            if name.is_empty() || name == "HEAD" { head().unwrap_or_default() } else { name.to_owned() };
        for space in ["", "refs/", ref_names::TAGS, ref_names::BRANCHES, ref_names::REMOTE_BRANCHES] {
            let file = self.gix.common_dir().join(format!("{space}{name}"));
            if fs::metadata(&file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
                let error = Error::new(Code::NotAFile, format!("ref '{space}{name}' is not a regular file"));
                return Err(error.hint(format!("inspect it, then {}", quote::command(&[&"rm", &file]))));
            }
        }
        Ok(())
    }

    /// Returns why a ref cannot be used, if its loose file is damaged or its object is missing; `None` if the ref does not exist
    /// or is usable. In a partial clone a missing object can still be fetched.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn ref_damage(&self, name: &str) -> Result<Option<String>> {
        match self.find_ref(name) {
            Err(error) if error.code == Code::RefDamaged => Ok(Some(damage_of(self, name))),
            Err(error) => Err(error),
            Ok(Some(id)) if !self.has_object(id) && !self.is_partial() => {
                Ok(Some(format!("names {}, which is not in this repository", id.short())))
            }
            Ok(_) => Ok(None),
        }
    }

    /// Returns whether missing objects may be fetched from a remote when they are needed.
    pub fn is_partial(&self) -> bool {
        self.config("extensions.partialClone").is_some()
            || self
                .config_sections("remote")
                .iter()
                .any(|name| self.config(&format!("remote.{name}.promisor")).as_deref() == Some("true"))
    }
}

fn damage_of(repo: &Repo, name: &str) -> String {
    match read_loose(&repo.gix.common_dir().join(name)) {
        Ok(Some(LooseRef::Broken(why))) => why,
        _ => "cannot be read".to_owned(),
    }
}

impl RefList {
    /// Returns the names of all refs, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let broken = self.broken.iter().map(|broken| broken.name.as_str());
        self.refs
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(broken)
            .chain(self.symbolic.iter().map(String::as_str))
    }

    fn add(&mut self, name: String, value: LooseRef) {
        match value {
            LooseRef::Object(id) => self.refs.push((name, id)),
            LooseRef::Symbolic => self.symbolic.push(name),
            LooseRef::Broken(why) => self.broken.push(BrokenRef { name, why }),
        }
    }
}

/// Returns whether any file below the folder of `prefix` may be a ref, by names alone: no file is opened.
pub(super) fn is_any_loose(common: &Path, prefix: &str) -> io::Result<bool> {
    let mut open = vec![common.join(prefix)];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else if entry.path().extension().is_none_or(|ending| ending != "lock") {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Returns the loose refs below `prefix` that name an object.
pub(super) fn loose_objects(common: &Path, prefix: &str) -> io::Result<Vec<(String, Oid)>> {
    let of_object = |(name, value)| match value {
        LooseRef::Object(id) => Some((name, id)),
        LooseRef::Symbolic | LooseRef::Broken(_) => None,
    };
    Ok(loose_below(common, prefix, &|_| false)?.into_iter().filter_map(of_object).collect())
}

/// Reads every file below the folder of `prefix` whose path is a valid ref name that `is_left_out` does not select. Links are not
/// followed. Folders are read in the order of their names: the events of agents before their work, which is written in the other
/// order, so that an event is never found without its work.
fn loose_below(
    common: &Path,
    prefix: &str,
    is_left_out: &dyn Fn(&str) -> bool,
) -> io::Result<Vec<(String, LooseRef)>> {
    let mut found = Vec::new();
    let mut open = vec![prefix.to_owned()];
    while let Some(folder) = open.pop() {
        let mut folders = Vec::new();
        let entries = match fs::read_dir(common.join(&folder)) {
            Ok(entries) => entries,
            // Git removes empty folders at any time.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(e) => return Err(e),
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let name = format!("{folder}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(format!("{name}/"));
            } else if is_left_out(&name)
                || gix::validate::reference::name_partial(name.as_str().into()).is_err()
            {
                // Not wanted, a lock, or a file that is not a ref.
            } else if kind.is_file() {
                found.extend(read_loose_file(&entry.path())?.map(|value| (name, value)));
            } else if kind.is_symlink() {
                // Old versions of git wrote symbolic refs as links.
                found.push((name, LooseRef::Symbolic));
            } else {
                found.push((name, LooseRef::Broken("is not a regular file".to_owned())));
            }
        }
        // The first of them is opened next.
        folders.sort_unstable_by(|a, b| b.cmp(a));
        open.append(&mut folders);
    }
    Ok(found)
}

/// Reads one loose ref; `None` if it does not exist. Never blocks: a pipe is not opened, and a long file not read whole.
fn read_loose(path: &Path) -> io::Result<Option<LooseRef>> {
    let absent = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(None),
        Ok(found) if !found.is_file() => {
            return Ok(Some(LooseRef::Broken("is not a regular file".to_owned())));
        }
        Ok(found) if found.len() > MAX_REF_BYTES => {
            return Ok(Some(LooseRef::Broken(format!("has {} bytes", found.len()))));
        }
        Ok(_) => {}
        Err(e) if absent(e.kind()) => return Ok(None),
        Err(e) => return Err(e),
    }
    let mut bytes = Vec::with_capacity(64);
    match careful::open_regular_through_links(path)
        .and_then(|file| file.take(MAX_REF_BYTES).read_to_end(&mut bytes))
    {
        Ok(_) => Ok(Some(parse(&bytes))),
        Err(e) if absent(e.kind()) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Reads the file of a loose ref of which a list of its folder says that it is a regular file: with fewer system calls, because there
/// may be thousands. If it is none any more, it is read with care.
fn read_loose_file(path: &Path) -> io::Result<Option<LooseRef>> {
    let Ok((mut file, length)) = careful::open_regular_with_length(path) else { return read_loose(path) };
    if length > MAX_REF_BYTES {
        return Ok(Some(LooseRef::Broken(format!("has {length} bytes"))));
    }
    let mut bytes = [0; 64];
    match usize::try_from(length) {
        Ok(length) if length < bytes.len() && file.read(&mut bytes)? == length => {
            Ok(Some(parse(&bytes[..length])))
        }
        _ => read_loose(path),
    }
}

/// Parses the content of a loose ref's file as git does.
fn parse(bytes: &[u8]) -> LooseRef {
    let broken = |why: &str| LooseRef::Broken(why.to_owned());
    if bytes.is_empty() {
        return broken("is empty");
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return broken("contains only zero bytes");
    }
    if bytes.starts_with(b"ref:") {
        return LooseRef::Symbolic;
    }
    let hex = bytes.get(..40).and_then(|hex| std::str::from_utf8(hex).ok());
    let ends = bytes.get(40).is_none_or(u8::is_ascii_whitespace);
    match hex.and_then(Oid::parse).filter(|_| ends) {
        Some(id) if id.as_bytes().iter().all(|byte| *byte == 0) => broken("names the null id"),
        Some(id) => LooseRef::Object(id),
        None => broken("contains no object id"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_the_order_of_their_names() {
        let common = tempfile::tempdir().unwrap();
        let folders = ["notes", "b", "heads", "agents", "a/deep", "runs", "archive"];
        for folder in folders {
            fs::create_dir_all(common.path().join("refs/x").join(folder)).unwrap();
            fs::write(common.path().join("refs/x").join(folder).join("one"), Oid::EMPTY_TREE.to_string())
                .unwrap();
        }
        let found = loose_below(common.path(), "refs/x/", &|_| false).unwrap();
        let mut expected = folders.map(|folder| format!("refs/x/{folder}/one"));
        expected.sort_unstable();
        assert_eq!(found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn loose_refs_are_parsed_as_git_does() {
        let hex = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let broken = |why: &str| LooseRef::Broken(why.to_owned());
        for (bytes, value) in [
            (format!("{hex}\n"), LooseRef::Object(Oid::EMPTY_TREE)),
            (hex.to_owned(), LooseRef::Object(Oid::EMPTY_TREE)),
            (format!("{hex} more\n"), LooseRef::Object(Oid::EMPTY_TREE)),
            (format!("{hex}4"), broken("contains no object id")),
            (hex[..39].to_owned(), broken("contains no object id")),
            ("main\n".to_owned(), broken("contains no object id")),
            (String::new(), broken("is empty")),
            ("\0".repeat(41), broken("contains only zero bytes")),
            (format!("{}\n", "0".repeat(40)), broken("names the null id")),
            ("ref: refs/heads/main\n".to_owned(), LooseRef::Symbolic),
        ] {
            assert_eq!(parse(bytes.as_bytes()), value, "{bytes:?}");
        }
    }
}
