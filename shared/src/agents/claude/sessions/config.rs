//! The folders of Claude Code's settings.

use std::{fs, path::PathBuf};

use super::MAX_FOLDERS;
use crate::{
    conversation::{folders::user_folder, is_id},
    world::Environment,
};

/// The variable that names the folder. `ccusage` takes several in it, with commas between them, and so do people who count with it.
pub(super) const VARIABLE: &str = "CLAUDE_CONFIG_DIR";

/// The folders that [`VARIABLE`] names.
pub(super) fn named(environment: &Environment) -> Option<Vec<PathBuf>> {
    let named = PathBuf::from(environment.variable(VARIABLE)?);
    // The name of one folder may have a comma in it.
    match named.to_str().filter(|text| text.contains(',') && !named.is_dir()) {
        Some(text) => Some(several(text)),
        None => Some(vec![named]),
    }
}

fn several(text: &str) -> Vec<PathBuf> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(PathBuf::from).collect()
}

/// All folders; the first one is where this version of the program looks. Without a name, one version of 2025 took that of the XDG
/// Base Directory Specification.
pub(super) fn dirs(environment: &Environment) -> Vec<PathBuf> {
    named(environment).unwrap_or_else(|| {
        let home = environment.home().map(|home| home.join(".claude"));
        let xdg = user_folder(environment, "XDG_CONFIG_HOME", ".config").map(|folder| folder.join("claude"));
        home.into_iter().chain(xdg).collect()
    })
}

/// The file of a conversation, if there is one: of several the one that was written last.
pub(super) fn transcript(environment: &Environment, session: &str) -> Option<PathBuf> {
    // The id comes from an event: it must not lead elsewhere.
    if !is_id(session) {
        return None;
    }
    let name = format!("{session}.jsonl");
    let folders =
        dirs(environment).into_iter().filter_map(|config| fs::read_dir(config.join("projects")).ok());
    let folders = folders.flat_map(|entries| entries.flatten().take(MAX_FOLDERS));
    let written = |path: &PathBuf| fs::metadata(path).ok().filter(fs::Metadata::is_file)?.modified().ok();
    let files = folders.map(|folder| folder.path().join(&name));
    files.filter_map(|path| Some((written(&path)?, path))).max().map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_folders_stand_apart_by_commas() {
        for (text, found) in
            [("/a,/b", vec!["/a", "/b"]), (" /a , /b c ,", vec!["/a", "/b c"]), (",", vec![])]
        {
            assert_eq!(several(text), found.iter().map(PathBuf::from).collect::<Vec<_>>(), "{text}");
        }
    }
}
