//! The configuration folders of Claude Code.

use std::{fs, path::PathBuf};

use serde::Deserialize;

use super::MAX_FOLDERS;
use crate::{
    conversation::{files::read_small_file, folders::user_folder, is_id},
    world::Environment,
};

/// The variable that names the folder. The tool `ccusage` accepts several folders in it, separated by commas, so its users may set it
/// like that.
pub(super) const VARIABLE: &str = "CLAUDE_CONFIG_DIR";

/// The value of `cleanupPeriodDays` if it is not set.
const DEFAULT_KEPT_DAYS: u32 = 30;
/// Maximum size of the user's settings, in bytes.
const MAX_SETTINGS: u64 = 1 << 20;

/// Returns the folders that [`VARIABLE`] names.
pub(super) fn named(environment: &Environment) -> Option<Vec<PathBuf>> {
    let named = PathBuf::from(environment.variable(VARIABLE)?);
    // The name of one folder may contain a comma.
    match named.to_str().filter(|text| text.contains(',') && !named.is_dir()) {
        Some(text) => Some(split_folders(text)),
        None => Some(vec![named]),
    }
}

fn split_folders(text: &str) -> Vec<PathBuf> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(PathBuf::from).collect()
}

/// Returns all configuration folders, first the one that current versions of the program use. If the variable is not set, a version
/// of 2025 used the folder of the XDG Base Directory Specification.
pub(super) fn dirs(environment: &Environment) -> Vec<PathBuf> {
    named(environment).unwrap_or_else(|| {
        let home = environment.home().map(|home| home.join(".claude"));
        let xdg = user_folder(environment, "XDG_CONFIG_HOME", ".config").map(|folder| folder.join("claude"));
        home.into_iter().chain(xdg).collect()
    })
}

/// Returns after how many days the program deletes a transcript: `cleanupPeriodDays` of the user's settings. Nothing else in that
/// file is used.
pub(super) fn kept_days(environment: &Environment) -> u32 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Settings {
        cleanup_period_days: Option<u32>,
    }
    let set = |folder: PathBuf| {
        let text = read_small_file(&folder.join("settings.json"), MAX_SETTINGS)?;
        serde_json::from_slice::<Settings>(&text).ok()?.cleanup_period_days
    };
    dirs(environment).into_iter().find_map(set).unwrap_or(DEFAULT_KEPT_DAYS)
}

/// Returns the transcript of a session, if there is one; of several, the one that was written last.
pub(super) fn transcript(environment: &Environment, session: &str) -> Option<PathBuf> {
    // The id comes from an event, and must not lead to another folder.
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
    fn several_folders_are_separated_by_commas() {
        for (text, found) in
            [("/a,/b", vec!["/a", "/b"]), (" /a , /b c ,", vec!["/a", "/b c"]), (",", vec![])]
        {
            assert_eq!(split_folders(text), found.iter().map(PathBuf::from).collect::<Vec<_>>(), "{text}");
        }
    }
}
