//! Hiding worktrees that are in a checkout, by `info/exclude`: otherwise `git status` would show them, and `git add` would add
//! them as repositories.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::removed_folders;
use crate::{
    Kind, Result,
    config::Config,
    error::ErrorContext,
    git::{Repo, careful, common_dir},
    model::AgentId,
    store::layout,
};

/// The exclude file, relative to the git directory.
const EXCLUDE: &str = "info/exclude";

/// Hides the folder of worktrees if it is in a checkout. `is_chosen`: the user configured it, so it may be in any checkout.
///
/// # Errors
/// The folder holds other files, which would be hidden too (3), or the exclude file cannot be written (3).
pub(super) fn hide_folder(repo: &Repo, folder: &Path, is_chosen: bool) -> Result<()> {
    let common = repo.common_dir()?;
    let mut checkouts: Vec<(PathBuf, PathBuf)> = Vec::new();
    checkouts.extend(repo.main_checkout()?.map(|checkout| (checkout, common.clone())));
    if is_chosen {
        checkouts.extend(repo.worktrees()?.into_iter().map(|one| (one.path, common.clone())));
        let outer = common_dir::outermost_checkout(&common);
        checkouts.extend(outer.map(|outer| (outer.clone(), outer.join(".git"))));
    }
    for (checkout, git_dir) in checkouts {
        if let Ok(inside) = folder.strip_prefix(&checkout)
            && !inside.as_os_str().is_empty()
        {
            add_line(repo, folder, &git_dir.join(EXCLUDE), &exclude_line(inside))?;
        }
    }
    Ok(())
}

fn add_line(repo: &Repo, folder: &Path, exclude: &Path, line: &[u8]) -> Result<()> {
    let cannot = || format!("cannot write '{}'", exclude.display());
    let known = match careful::read(exclude) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other.context(Kind::Refused, cannot)?,
    };
    if known.split(|byte| *byte == b'\n').any(|one| one.strip_suffix(b"\r").unwrap_or(one) == line) {
        return Ok(());
    }
    if let Some(other) = foreign_entry(folder) {
        let name = crate::model::text::safe(&other.to_string_lossy()).into_owned();
        let why = format!("a folder of the checkout that holds '{name}' as well");
        return Err(Config::of(repo).bad_worktrees(&why));
    }
    if let Some(info) = exclude.parent() {
        fs::create_dir_all(info).context(Kind::Refused, cannot)?;
    }
    let mut text = Vec::new();
    if known.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(line);
    text.push(b'\n');
    let file = careful::open_for_appending(exclude);
    file.and_then(|mut file| file.write_all(&text)).context(Kind::Refused, cannot)
}

/// Returns something in the folder that is neither a worktree nor a trash folder of ours.
fn foreign_entry(folder: &Path) -> Option<std::ffi::OsString> {
    let ours = |name: &OsStr| {
        name.to_str().is_some_and(|name| {
            name == removed_folders::TRASH_DIR || layout::is_scratch(name) || AgentId::parse(name).is_ok()
        })
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).find(|name| !ours(name))
}

/// Returns the line that excludes a folder and nothing else. A line feed in its name can only be written as `?`.
fn exclude_line(inside: &Path) -> Vec<u8> {
    let mut line = vec![b'/'];
    for byte in inside.as_os_str().as_bytes() {
        match byte {
            b'\n' | b'\r' => line.push(b'?'),
            b'\\' | b'*' | b'?' | b'[' | b' ' => line.extend([b'\\', *byte]),
            other => line.push(*other),
        }
    }
    line.push(b'/');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclude_line_matches_only_its_folder() {
        for (inside, line) in [
            (".worktrees", "/.worktrees/"),
            ("a/b", "/a/b/"),
            ("sp ace", "/sp\\ ace/"),
            ("back\\slash", "/back\\\\slash/"),
            ("[x]*", "/\\[x]\\*/"),
            ("#no !comment", "/#no\\ !comment/"),
            ("two\nlines", "/two?lines/"),
        ] {
            assert_eq!(exclude_line(Path::new(inside)), line.as_bytes(), "{inside}");
        }
    }
}
