//! Reading objects byte for byte, as a push sends them: `refs/replace` is ignored.

use std::{io::Write, path::Path};

use crate::{
    Result,
    git::{Oid, Repo, command, syncing::Syncing},
    world::Environment,
};

/// The type of an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ObjectKind {
    /// The content of a file, or the target of a symbolic link.
    Blob,
    /// A folder.
    Tree,
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl From<gix::objs::Kind> for ObjectKind {
    fn from(kind: gix::objs::Kind) -> Self {
        match kind {
            gix::objs::Kind::Blob => Self::Blob,
            gix::objs::Kind::Tree => Self::Tree,
            gix::objs::Kind::Commit => Self::Commit,
            gix::objs::Kind::Tag => Self::Tag,
        }
    }
}

/// Reads many objects with one buffer.
pub struct RawReader<'repo> {
    disk: Repo,
    memory: Option<&'repo Repo>,
    buffer: Vec<u8>,
}

impl RawReader<'static> {
    /// Creates a reader for the objects on the disk, which can be made on any thread.
    ///
    /// # Errors
    /// The repository cannot be opened.
    pub fn open(environment: &Environment, common_dir: &Path) -> Result<Self> {
        let disk = Repo::open_with(environment, common_dir, &["core.useReplaceRefs=false"])?;
        Ok(Self { disk, memory: None, buffer: Vec::new() })
    }
}

impl<'repo> RawReader<'repo> {
    /// Creates a reader for the objects of a repository, including those that it holds in memory.
    ///
    /// # Errors
    /// The repository cannot be opened again.
    pub fn new(repo: &'repo Repo) -> Result<Self> {
        let reader = RawReader::open(repo.environment(), &repo.common_dir()?)?;
        Ok(Self { memory: Some(repo).filter(|repo| matches!(repo.syncing, Syncing::Never)), ..reader })
    }

    /// Returns whether an object is in the repository, and not only in memory.
    pub fn is_on_disk(&self, id: Oid) -> bool {
        self.disk.has_object(id)
    }

    /// Returns type and size of an object; `None`: it is missing or damaged.
    pub fn header(&self, id: Oid) -> Option<(ObjectKind, u64)> {
        let of = |repo: &Repo| repo.gix.find_header(id.gix()).ok();
        let found = of(&self.disk).or_else(|| self.memory.and_then(of))?;
        Some((found.kind().into(), found.size()))
    }

    /// Returns type and content of an object; `None`: it is missing or damaged.
    pub fn read(&mut self, id: Oid) -> Option<(ObjectKind, &[u8])> {
        use gix::objs::Find as _;
        let repo = match self.memory {
            Some(memory) if !self.disk.has_object(id) => memory,
            _ => &self.disk,
        };
        let found = repo.gix.objects.try_find(&id.gix(), &mut self.buffer).ok()??;
        Some((found.kind.into(), found.data))
    }
}

impl RawReader<'_> {
    /// Writes the content of an object that is too large for memory to `sink`.
    ///
    /// # Errors
    /// It cannot be read, or `sink` fails.
    pub fn stream(&self, id: Oid, kind: ObjectKind, sink: &mut dyn Write) -> Result<()> {
        let kind = match kind {
            ObjectKind::Blob => "blob",
            ObjectKind::Tree => "tree",
            ObjectKind::Commit => "commit",
            ObjectKind::Tag => "tag",
        };
        let git = self.disk.git_in(&self.disk.common_dir()?, "cat-file").args([kind, &id.to_string()]);
        git.env("GIT_NO_REPLACE_OBJECTS", "1").limit(command::LONG_LIMIT).stream(sink)
    }

    /// Returns the object whose id begins with `prefix`; `None`: there is none, or there are several.
    pub fn find(&self, prefix: &str) -> Option<Oid> {
        let prefix = gix::hash::Prefix::from_hex(prefix).ok()?;
        let found = self.disk.gix.objects.lookup_prefix(prefix, None).ok()??;
        found.ok().map(Into::into)
    }
}

/// One entry of a tree, as it is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RawEntry<'a> {
    /// Its name, one component of a path.
    pub name: &'a [u8],
    /// The object.
    pub id: Oid,
    /// Whether the object is a commit of another repository, which is not pushed with this one.
    pub is_link: bool,
    /// Whether the object is said to be a tree.
    pub is_tree: bool,
}

/// Parses the entries of a tree; `None`: the bytes are not a tree.
pub fn entries(mut bytes: &[u8]) -> Option<Vec<RawEntry<'_>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let space = memchr::memchr(b' ', bytes)?;
        let end = space + memchr::memchr(0, &bytes[space..])?;
        let id = bytes.get(end + 1..end + 21)?;
        all.push(RawEntry {
            name: &bytes[space + 1..end],
            id: Oid::from_bytes(id.try_into().ok()?),
            is_link: bytes.starts_with(b"160000 "),
            is_tree: bytes.starts_with(b"40000 ") || bytes.starts_with(b"040000 "),
        });
        bytes = &bytes[end + 21..];
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entries_of_a_tree() {
        let mut tree = b"100644 a b\0".to_vec();
        tree.extend([1; 20]);
        tree.extend(b"160000 sub\0");
        tree.extend([2; 20]);
        let found: Vec<(&[u8], bool)> =
            entries(&tree).unwrap().iter().map(|entry| (entry.name, entry.is_link)).collect();
        assert_eq!(found, [(&b"a b"[..], false), (&b"sub"[..], true)]);
        assert_eq!(entries(&[]), Some(vec![]));
        for broken in [&b"100644 x"[..], b"100644 x\0short", b"junk"] {
            assert_eq!(entries(broken), None);
        }
    }
}
