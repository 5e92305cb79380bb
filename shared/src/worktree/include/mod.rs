//! Files of the user's checkout that git ignores and that a new worktree needs, such as `.env`: found by patterns, copied, and
//! recorded, so that an unchanged copy is not taken for something that exists only there.

mod copy;
mod find;
mod item;
mod place;
mod record;
mod skipped;

use std::path::Path;

use self::{copy::Copier, find::Found, item::ItemKind, place::Source};
pub use self::{
    record::{Copied, Readiness},
    skipped::Skipped,
};
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::Repo,
    model::{ByteSize, text},
    worktree::root::WorktreeRoot,
};

/// The file of patterns at the top of the checkout.
pub const FILE: &str = ".worktreeinclude";

/// What is copied, and how much at most.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Patterns of the user, in addition to those of [`FILE`].
    pub patterns: &'a [String],
    /// The most bytes.
    pub most: ByteSize,
    /// Names of folders whose content can be regenerated: nothing in them is copied unless a pattern matches the folder itself.
    pub disposable: &'a [String],
}

/// What was copied, and what was not.
#[derive(Debug, Default)]
pub struct Included {
    /// The copies.
    pub copies: Vec<Copied>,
    /// What matches the patterns and was not copied.
    pub skipped: Vec<Skipped>,
}

/// Copies the wanted files of the user's checkout into a worktree. What is there already stays.
///
/// # Errors
/// They are more than may be copied (2), or the disk is full; the copies made up to then stay.
pub fn copy_wanted(repo: &Repo, worktree: &WorktreeRoot, wanted: &Wanted<'_>) -> Result<Included> {
    let Some(source) = Source::open(repo, wanted)? else { return Ok(Included::default()) };
    let Found { items, mut skipped, bytes } = find::find(&source, wanted)?;
    if bytes > wanted.most.as_bytes() {
        return Err(too_much(bytes, wanted.most));
    }
    let ignored = place::ignored_there(repo, worktree, &items)?;
    let mut copier = Copier::new(&source.root, worktree);
    for item in &items {
        // Git does not see a folder without files.
        if item.kind == ItemKind::Folder || ignored.contains(item.path.as_slice()) {
            copier.copy(item)?;
        } else {
            skipped.push(Skipped::new(
                &item.path,
                "git does not ignore it at the commit from which the agent starts",
            ));
        }
    }
    let (copies, more) = copier.finish();
    skipped.extend(more);
    skipped.truncate(skipped::MAX_SKIPPED);
    Ok(Included { copies, skipped })
}

fn too_much(bytes: u64, most: ByteSize) -> Error {
    let found = ByteSize::bytes(bytes);
    Error::new(
        Code::LimitExceeded,
        format!(
            "'{FILE}' and orchestra.include name {found} to copy, more than orchestra.maxInclude ({most})"
        ),
    )
    .hint("a narrower pattern, or git config orchestra.maxInclude 2g")
}

/// Returns lines of an exclude file that match the copies and nothing else, so that they stay out of the agent's work even if the
/// agent changes `.gitignore`. Beyond the limit there are none: the rules of the project still apply.
pub fn exclude_lines(copies: &[Copied]) -> Vec<String> {
    const MOST: usize = 2000;
    if copies.len() > MOST {
        return Vec::new();
    }
    copies.iter().filter_map(|copy| exclude_line(&copy.path)).collect()
}

fn exclude_line(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok().filter(|path| !path.contains(['\n', '\r']))?;
    let mut line = String::from("/");
    for c in path.chars() {
        if matches!(c, '\\' | '*' | '?' | '[' | ' ' | '#' | '!') {
            line.push('\\');
        }
        line.push(c);
    }
    Some(line)
}

/// Returns a path as it is shown.
fn shown(path: &[u8]) -> String {
    text::one_line(&String::from_utf8_lossy(path), 200)
}

fn open_root(path: &Path) -> Result<WorktreeRoot> {
    WorktreeRoot::open(path).context(Kind::External, || format!("cannot open '{}'", path.display()))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
fn environment_of_tests() -> crate::world::Environment {
    crate::world::Environment::of_this_process()
}
