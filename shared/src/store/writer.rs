//! The id of this clone: random, stored in the common git directory, and bound to the machine and the directory, so that a copy of
//! the clone gets another id. A private ref holds it as well, so that the clone keeps its id, and its running agents, if the
//! private files are removed.

use std::{cell::OnceCell, fs, io, os::unix::fs::MetadataExt, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Error, Kind, Result,
    error::ErrorContext,
    git::{Repo, careful, objects::Commit, refs::RefEdit},
    model::WriterId,
    private_files,
    store::layout::{self, PrivateDir},
    world,
};

#[derive(Deserialize, Serialize)]
struct Writer {
    id: WriterId,
    machine: String,
}

/// Returns the id of this clone as a writer, and makes one at the first call.
///
/// # Errors
/// The common git directory cannot be read or written.
pub fn writer(repo: &Repo) -> Result<WriterId> {
    let common = repo.common_dir()?;
    let private = PrivateDir::new(repo.private_dir()?);
    let place = Place::of(&common);
    match id_from_file(&private, &place) {
        Some(id) => Ok(id),
        None => create_id(repo, &private, &place),
    }
}

/// Returns the id of this clone if it has one, for commands that only read.
pub fn known_writer(repo: &Repo) -> Option<WriterId> {
    let common = repo.common_dir().ok()?;
    let place = Place::of(&common);
    id_from_file(&PrivateDir::new(common.join("orchestra")), &place).or_else(|| id_from_ref(repo, &place))
}

/// Reads the id from the private ref.
fn id_from_ref(repo: &Repo, place: &Place<'_>) -> Option<WriterId> {
    let commit = repo.read_commit(repo.find_ref(layout::WRITER).ok()??).ok()?;
    let writer: Writer = serde_json::from_str(commit.message.lines().nth(2)?).ok()?;
    (writer.machine == place.digest() && !writer.id.is_empty()).then_some(writer.id)
}

/// Writes the id to the private ref, if it does not hold it already.
///
/// # Errors
/// It cannot be written.
pub fn save_to_ref(repo: &Repo, id: &WriterId) -> Result<()> {
    let common = repo.common_dir()?;
    let place = Place::of(&common);
    if id_from_ref(repo, &place).as_ref() == Some(id) {
        return Ok(());
    }
    // Opened again, because the repository of a trial merge keeps its objects in memory.
    let repo = repo.reopen()?;
    let cannot = || "cannot write the id of this clone".to_owned();
    let writer = Writer { id: id.clone(), machine: place.digest().to_owned() };
    let message =
        format!("writer {id}\n\n{}\n", serde_json::to_string(&writer).context(Kind::Internal, cannot)?);
    let tree = repo.write_tree(&[])?;
    let commit = Commit::by(&repo.identity()?, repo.now().as_second(), tree, Vec::new(), message);
    let edit = RefEdit {
        name: layout::WRITER.to_owned(),
        old: repo.find_ref(layout::WRITER)?,
        new: repo.write_commit(&commit)?,
    };
    match repo.edit_refs(&[edit], "orchestra: writer") {
        // Another orchestra command wrote the same id first.
        Err(_) if id_from_ref(&repo, &place).as_ref() == Some(id) => Ok(()),
        other => Ok(other?),
    }
}

fn id_from_file(private: &PrivateDir, place: &Place<'_>) -> Option<WriterId> {
    let text = careful::read(private.writer()).ok()?;
    let writer: Writer = serde_json::from_slice(&text).ok()?;
    (writer.machine == place.digest() && !writer.id.is_empty()).then_some(writer.id)
}

/// Gives this clone another id, because another clone writes under the present one. Events that it wrote do not change.
///
/// # Errors
/// The common git directory cannot be read or written.
pub fn replace_id(repo: &Repo) -> Result<WriterId> {
    let private = PrivateDir::new(repo.private_dir()?);
    if let Some(old) = repo.find_ref(layout::WRITER)? {
        repo.delete_refs(&[(layout::WRITER.to_owned(), old)])?;
    }
    match fs::remove_file(private.writer()) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            let message = format!("cannot replace '{}'", private.writer().display());
            Err(Error::new(Kind::External, message).because(e))
        }
        _ => writer(repo),
    }
}

/// Makes the id of this clone and writes it atomically. If two processes do so at once, both use the id of the first.
fn create_id(repo: &Repo, private: &PrivateDir, place: &Place<'_>) -> Result<WriterId> {
    let path = private.writer();
    let cannot = || format!("cannot write '{}'", path.display());
    private_files::create_dir(private.dir()).context(Kind::External, cannot)?;
    let random = || WriterId::parse(&world::random_hex::<8>()?);
    let id = id_from_ref(repo, place).map_or_else(random, Ok)?;
    let writer = Writer { id, machine: place.digest().to_owned() };
    let text = serde_json::to_vec(&writer).context(Kind::Internal, cannot)?;
    if path.exists() && id_from_file(private, place).is_none() {
        // The file belongs to the clone that this one was copied from.
        private_files::replace_durably(&path, &text).context(Kind::External, cannot)?;
    } else {
        match private_files::create_durably(&path, &text) {
            // Another process wrote it first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other.context(Kind::External, cannot)?,
        }
    }
    id_from_file(private, place).ok_or_else(|| Error::new(Kind::External, cannot()))
}

/// Returns a digest of the machine and of the clone's directory on it: another one for a copy of the clone.
///
/// # Errors
/// The common git directory cannot be found.
pub fn place(repo: &Repo) -> Result<String> {
    Ok(Place::of(&repo.common_dir()?).digest().to_owned())
}

/// Where a clone is: a machine and a directory on it.
struct Place<'a> {
    common: &'a Path,
    digest: OnceCell<String>,
}

impl<'a> Place<'a> {
    const fn of(common: &'a Path) -> Self {
        Self { common, digest: OnceCell::new() }
    }

    /// Returns a digest of the machine's id and the directory's inode, which survives a rename but not a copy. It is
    /// computed only for a clone that has an id.
    fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let machine = careful::text("/etc/machine-id").unwrap_or_default();
            let inode = fs::metadata(self.common).map(|found| found.ino()).unwrap_or_default();
            let digest = Sha256::digest(format!("{}\n{inode}", machine.trim()));
            faster_hex::hex_string(&digest[..8])
        })
    }
}
