//! Reads the files of an agent's private git directory as data: the agent may have written anything there, so git is never run in it.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    git::{Oid, careful, ref_names},
};

/// Maximum number of refs that are read.
const MAX_REFS: usize = 10_000;
/// Maximum depth of the folders of refs.
const MAX_DEPTH: usize = 16;
/// Maximum size of `packed-refs` and of the log of the stash, in bytes.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// Maximum number of object files.
const MAX_OBJECTS: usize = 1_000_000;
/// Maximum number of stashed changes.
const MAX_STASHES: usize = 1000;

/// The log of the stash, which alone names all entries but the newest.
pub(super) const STASH_LOG: &str = "logs/refs/stash";

/// What a git directory said at one moment: enough to tell whether an agent used git since.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct GitDirState {
    /// The refs that name a commit, by their full names.
    pub(super) refs: BTreeMap<String, String>,
    /// The content of `HEAD`.
    pub(super) head: String,
    /// Length and modification time of the index, in bytes and nanoseconds since 1970.
    pub(super) index: Option<(u64, u64)>,
}

impl GitDirState {
    /// Reads the state of a git directory. Anything else is left out.
    ///
    /// # Errors
    /// There are too many refs.
    pub(super) fn of(git_dir: &Path) -> Result<Self> {
        let head = careful::small_text(&git_dir.join("HEAD")).unwrap_or_default().trim().to_owned();
        Ok(Self { refs: read_refs(git_dir)?, head, index: index_stamp(&git_dir.join("index")) })
    }

    /// Returns the commit that a ref names.
    pub(super) fn tip(&self, name: &str) -> Option<Oid> {
        self.refs.get(name).and_then(|id| Oid::parse(id))
    }
}

fn index_stamp(index: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(index).ok()?;
    let at = found.modified().unwrap_or(SystemTime::UNIX_EPOCH).duration_since(UNIX_EPOCH).ok()?;
    Some((found.len(), u64::try_from(at.as_nanos()).ok()?))
}

fn read_refs(git_dir: &Path) -> Result<BTreeMap<String, String>> {
    let packed = packed_refs(git_dir);
    let mut refs: BTreeMap<String, String> = packed
        .lines()
        .filter(|line| !line.starts_with(['#', '^']))
        .filter_map(|line| line.split_once(' '))
        .filter(|(id, name)| is_ref(name) && Oid::parse(id).is_some())
        .map(|(id, name)| (name.to_owned(), id.to_owned()))
        .take(MAX_REFS + 1)
        .collect();
    let mut open = vec![("refs".to_owned(), 0)];
    while let Some((name, depth)) = open.pop() {
        for entry in fs::read_dir(git_dir.join(&name)).into_iter().flatten().flatten() {
            if refs.len() + open.len() > MAX_REFS {
                return Err(Error::new(Code::TooLarge, "the agent made too many refs"));
            }
            let Ok(file) = entry.file_name().into_string() else { continue };
            let below = format!("{name}/{file}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => open.push((below, depth + 1)),
                Ok(kind) if kind.is_file() && is_ref(&below) => {
                    let text = careful::small_text(&entry.path()).unwrap_or_default();
                    if let Some(id) = Oid::parse(text.trim()) {
                        refs.insert(below, id.to_string());
                    }
                }
                _ => {}
            }
        }
    }
    Ok(refs)
}

fn packed_refs(git_dir: &Path) -> String {
    let read = || {
        careful::read_up_to(careful::open_regular(&git_dir.join("packed-refs")).ok()?, MAX_FILE_BYTES).ok()?
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// Returns whether git accepts a text as the full name of a ref.
fn is_ref(name: &str) -> bool {
    name.strip_prefix("refs/").is_some_and(ref_names::is_branch_name)
}

/// Returns the lines of the stash's log, and the commits that they name. Other lines are left out.
pub(super) fn stash(git_dir: &Path) -> (String, Vec<Oid>) {
    let read =
        || careful::read_up_to(careful::open_regular(&git_dir.join(STASH_LOG)).ok()?, MAX_FILE_BYTES).ok()?;
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let commit = |line: &str| {
        let mut words = line.split(' ');
        words.next().and_then(Oid::parse)?;
        words.next().and_then(Oid::parse)
    };
    let lines = text.lines().filter_map(|line| Some((line, commit(line)?))).take(MAX_STASHES);
    lines.fold((String::new(), Vec::new()), |(text, mut ids), (line, id)| {
        ids.push(id);
        (text + line + "\n", ids)
    })
}

/// Checks that the objects are files of the agent's own: through a link, or through other alternates, the agent would get objects
/// into the repository that it cannot read itself.
///
/// # Errors
/// Something is a link, or the alternates are not those that were written.
pub(super) fn check_objects(git_dir: &Path, alternates: &str) -> Result<()> {
    let objects = git_dir.join("objects");
    let refuse = |what: &str| {
        Error::new(Code::WorktreeSuspect, format!("its private git directory is not as it was made: {what}"))
    };
    let info = fs::symlink_metadata(objects.join("info"));
    if !fs::symlink_metadata(&objects).is_ok_and(|found| found.is_dir())
        || !info.is_ok_and(|found| found.is_dir())
    {
        return Err(refuse("'objects' is not a folder"));
    }
    if careful::small_text(&objects.join("info/alternates")).as_deref() != Some(alternates) {
        return Err(refuse("'objects/info/alternates' names other repositories"));
    }
    let mut seen = 0;
    let mut open = vec![(objects, 0)];
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            seen += 1;
            match entry.file_type() {
                _ if seen > MAX_OBJECTS => {
                    return Err(Error::new(Code::TooLarge, "the agent made too many objects"));
                }
                Ok(kind) if kind.is_dir() && depth < 2 => open.push((entry.path(), depth + 1)),
                Ok(kind) if kind.is_file() => {}
                _ => return Err(refuse("there is a link among its objects")),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn git_dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for below in ["refs/heads/a", "objects/info", "objects/pack", "logs/refs"] {
            fs::create_dir_all(dir.path().join(below)).unwrap();
        }
        fs::write(dir.path().join("objects/info/alternates"), "/r/objects\n").unwrap();
        dir
    }

    #[test]
    fn refs_are_read_and_everything_else_is_left_out() {
        let dir = git_dir();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write(
            "packed-refs",
            &format!("# pack-refs\n{ONE} refs/heads/a/b\n^{TWO}\n{ONE} ../x\nx refs/tags/y\n"),
        );
        write("refs/heads/a/b", &format!("{TWO}\n"));
        write("refs/heads/link", "ref: refs/heads/a/b\n");
        write("refs/heads/a.lock", ONE);
        write("HEAD", "ref: refs/heads/a/b\n");
        std::os::unix::fs::symlink("a", dir.path().join("refs/heads/other")).unwrap();
        write("logs/refs/stash", &format!("{ONE} {TWO} A <a@x> 1 +0000\tWIP\nbad\n"));
        let state = GitDirState::of(dir.path()).unwrap();
        assert_eq!(state.refs, BTreeMap::from([("refs/heads/a/b".to_owned(), TWO.to_owned())]));
        assert_eq!((state.head.as_str(), state.index), ("ref: refs/heads/a/b", None));
        assert_eq!(stash(dir.path()).1, [Oid::parse(TWO).unwrap()]);
        assert!(!stash(dir.path()).0.contains("bad"));
    }

    #[test]
    fn links_and_other_alternates_are_refused() {
        let dir = git_dir();
        let objects = dir.path().join("objects");
        let check = || check_objects(dir.path(), "/r/objects\n").map_err(|error| error.message);
        assert_eq!(check(), Ok(()));
        std::os::unix::fs::symlink("/secret", objects.join("pack/p.pack")).unwrap();
        assert!(check().is_err_and(|why| why.ends_with("a link among its objects")));
        fs::remove_file(objects.join("pack/p.pack")).unwrap();
        fs::write(objects.join("info/alternates"), "/secret\n").unwrap();
        assert!(check().is_err_and(|why| why.contains("alternates")));
    }
}
