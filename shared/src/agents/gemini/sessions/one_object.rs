//! Sessions as versions until early 2026 store them: one JSON object with all messages. Each is copied as lines, the header first,
//! and then read like every other session. Deleting the copies costs only time.

use std::{
    fs::{self, DirBuilder},
    io::{self, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::{MAX_ENTRIES, MAX_LINE, NAME};
use crate::{
    conversation::{
        Discovery, FolderEntry, SessionReader, files::read_small_file, folders::cache, is_id, open::open,
    },
    private_files,
    world::Environment,
};

/// Maximum size of a file that is copied, in bytes.
const MAX_FILE: u64 = 64 << 20;

/// Adds the copy of a file to the found transcripts; returns the session's id.
pub(super) fn add(environment: &Environment, found: &mut Discovery, entry: &FolderEntry) -> Option<String> {
    match copied(environment, entry) {
        Ok((id, copy)) => {
            found.add(NAME, &id, &copy);
            Some(id)
        }
        Err(error) => {
            found.add_failure(&entry.path, error.to_string());
            None
        }
    }
}

/// Returns the folder `chats` with the original of a copy; `None` if the file is not a copy.
pub(super) fn chats_of(environment: &Environment, copy: &Path) -> Option<PathBuf> {
    let below = path_below_root(environment, copy)?;
    let root = super::Sessions.roots(environment).into_iter().next()?;
    Some(root.join(below.parent()?))
}

/// Returns the folder of the copies, which has a folder for each project.
fn folder(environment: &Environment) -> Option<PathBuf> {
    Some(cache(environment)?.join(NAME))
}

/// Returns the path below the root at which a later version of the program would store the session of a copy.
pub(super) fn path_below_root(environment: &Environment, copy: &Path) -> Option<PathBuf> {
    let below = copy.strip_prefix(folder(environment)?).ok()?;
    Some(below.parent()?.join("chats").join(below.file_name()?))
}

/// Removes the copies of files that are gone, so that nothing remains of a session that a person deleted.
pub(super) fn remove_orphans(environment: &Environment, root: &Path) {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_ENTRIES);
    let Some(folder) = folder(environment) else { return };
    for project in entries(&folder) {
        let chats = root.join(project.file_name()).join("chats");
        for copy in entries(&project.path()) {
            let original = chats.join(copy.file_name()).with_extension("json");
            if !original.is_file() {
                // If it cannot be removed now, it is removed next time.
                let _ = fs::remove_file(copy.path());
            }
        }
    }
}

/// Returns the session id and the copy of a file. The copy is made unless there is one of the file's present state.
fn copied(environment: &Environment, entry: &FolderEntry) -> io::Result<(String, FolderEntry)> {
    let folder = folder(environment).ok_or_else(|| io::Error::other("there is no cache folder"))?;
    let stem = entry.name.trim_end_matches(".json");
    let project = entry.path.parent().and_then(Path::parent).and_then(Path::file_name).unwrap_or_default();
    let path = folder.join(project).join(format!("{stem}.jsonl"));
    let written = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(entry.written).unwrap_or(0));
    if !is_copy_of(&path, written) {
        copy(entry, &path, written)?;
    }
    let header: Value = read_small_file(&path, MAX_FILE)
        .and_then(|bytes| serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next()?).ok())
        .ok_or_else(|| io::Error::other("its copy cannot be read"))?;
    let id = header["sessionId"].as_str().filter(|id| is_id(id)).map(str::to_owned);
    let id = id.ok_or_else(|| io::Error::other("it has no session id"))?;
    let size = fs::metadata(&path)?.len();
    Ok((id, FolderEntry { path, size, ..entry.clone() }))
}

fn is_copy_of(path: &Path, written: SystemTime) -> bool {
    fs::metadata(path).and_then(|there| there.modified()).is_ok_and(|at| at == written)
}

fn copy(entry: &FolderEntry, path: &Path, written: SystemTime) -> io::Result<()> {
    if entry.size > MAX_FILE {
        return Err(io::Error::other(format!("it is too large: {} bytes", entry.size)));
    }
    let mut bytes = Vec::new();
    open(&entry.path)?.take(MAX_FILE).read_to_end(&mut bytes)?;
    let whole: Value =
        serde_json::from_str(&crate::conversation::json::text(&bytes)).map_err(io::Error::other)?;
    let folder = path.parent().unwrap_or(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    private_files::replace_with(path, |file| {
        let mut out = io::BufWriter::new(&mut *file);
        for line in lines(&whole, project_root(&entry.path).as_deref()) {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        drop(out);
        file.set_modified(written)
    })
}

/// Returns the lines of a copy: the header, then every message.
fn lines<'a>(whole: &'a Value, project_root: Option<&str>) -> impl Iterator<Item = Value> + use<'a> {
    let header = json!({
        "sessionId": whole["sessionId"],
        "startTime": whole["startTime"],
        "kind": whole["kind"].as_str().unwrap_or("main"),
        "summary": whole["summary"].as_str(),
        "projectRoot": project_root,
    });
    let messages = whole["messages"].as_array().into_iter().flatten();
    std::iter::once(header).chain(messages.filter(|message| message.is_object()).cloned())
}

/// Returns the working directory of a session, if the program recorded it.
fn project_root(conversation: &Path) -> Option<String> {
    let project: PathBuf = conversation.parent()?.parent()?.to_owned();
    let bytes = read_small_file(&project.join(".project_root"), MAX_LINE)?;
    Some(String::from_utf8(bytes).ok()?.trim_end().to_owned())
}
