//! Reading the checked-out commit of a submodule from its files only: nothing in it runs.

use std::{
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use crate::git::{Oid, careful};

/// Maximum size of a `packed-refs` file that is read, in bytes.
const MAX_PACKED_REFS_BYTES: u64 = 16 << 20;

/// Returns the git directory of a submodule; `None` if there is no checkout.
pub fn git_dir(checkout: &Path) -> Option<PathBuf> {
    let dot_git = checkout.join(".git");
    if dot_git.symlink_metadata().ok()?.is_dir() {
        return Some(dot_git);
    }
    Some(checkout.join(careful::small_text(&dot_git)?.strip_prefix("gitdir: ")?.trim_end()))
}

/// Returns the commit; `None` if there is no checkout, or it cannot be determined.
pub fn checked_out_commit(checkout: &Path) -> Option<Oid> {
    let git_dir = git_dir(checkout)?;
    let head = careful::small_text(&git_dir.join("HEAD"))?;
    match head.trim().strip_prefix("ref: ") {
        None => Oid::parse(head.trim()),
        Some(name) => find_ref(&git_dir, name.trim()),
    }
}

fn find_ref(git_dir: &Path, name: &str) -> Option<Oid> {
    let path = PathBuf::from(name);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || !path.as_os_str().as_bytes().starts_with(b"refs/") {
        return None;
    }
    if let Some(loose) = careful::small_text(&git_dir.join(path)) {
        return Oid::parse(loose.trim());
    }
    let packed = careful::open_regular(&git_dir.join("packed-refs")).ok()?;
    let packed = String::from_utf8(careful::read_up_to(packed, MAX_PACKED_REFS_BYTES).ok()??).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix(' ').and_then(Oid::parse))
}
