//! Claude Code's own files: `<config>/projects/<folder>/<session>.jsonl`. The folder's name is lossy, so it is never decoded.

use std::{fs, path::PathBuf};

use crate::world;

/// More folders than anyone has projects.
const MAX_FOLDERS: usize = 20_000;

/// The folder of the program's settings.
fn config_dir() -> Option<PathBuf> {
    let own = world::variable("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    own.or_else(|| Some(PathBuf::from(world::variable("HOME")?).join(".claude")))
}

/// The file of a conversation, if there is one.
pub fn transcript(session: &str) -> Option<PathBuf> {
    // The id comes from an event: it must not lead elsewhere.
    if session.is_empty() || !session.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    let name = format!("{session}.jsonl");
    let folders = fs::read_dir(config_dir()?.join("projects")).ok()?;
    folders.flatten().take(MAX_FOLDERS).map(|folder| folder.path().join(&name)).find(|path| path.is_file())
}
