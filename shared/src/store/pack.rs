//! Packing orchestra's own objects and refs when many of them are loose, because thousands of small files slow down git for the
//! user, and every list of ours. Nothing else in the repository changes: there is no `gc`, no `repack`, and no other value of a ref.

use std::fs;

use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Repo, careful, command},
    lock::Lock,
    private_files,
    store::layout::{self, PrivateDir},
};

/// The number of new loose objects since the last packing at which they are packed.
pub const LOOSE_LIMIT: usize = 2_000;

/// The number of agents with refs of their own files at which our refs are packed.
pub const LOOSE_REFS_LIMIT: usize = 500;
/// The most refs that are packed at once, so that a command that deletes a ref at this moment does not wait long.
const MAX_PACKED_REFS: usize = 4_000;

/// Packs our refs if those of at least `many` agents are loose: a list reads packed refs at once, and loose ones one by one. Returns
/// how many were packed. If another program holds a lock, the next command packs them.
///
/// # Errors
/// The refs cannot be read or written; nothing is lost then.
pub fn pack_refs_if_many(repo: &Repo, many: usize) -> Result<usize> {
    if !repo.has_many_loose_refs(layout::AGENTS, many.max(1)) {
        return Ok(0);
    }
    Ok(repo.pack_refs(&[layout::SHARED, layout::PRIVATE], MAX_PACKED_REFS)?)
}

/// Packs our refs, and the objects that only they reach, each if many are loose: `many` is the number of new loose objects since the
/// last packing. Returns whether it packed objects.
///
/// # Errors
/// The refs cannot be read, or git fails; nothing is lost then.
pub fn pack_if_many(repo: &Repo, many: usize) -> Result<bool> {
    pack_refs_if_many(repo, LOOSE_REFS_LIMIT)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let loose = estimate_loose_objects(repo)?;
    let known = careful::text(private.loose()).ok().and_then(|text| text.trim().parse::<usize>().ok());
    if loose < known.unwrap_or(0).min(loose).saturating_add(many) {
        return Ok(false);
    }
    // If another process packs, that is enough.
    let Some(_lock) = Lock::take(&private.pack_lock(), std::time::Duration::ZERO)? else { return Ok(false) };
    pack(repo)?;
    let left = self::estimate_loose_objects(repo)?;
    let cannot = || format!("cannot write '{}'", private.loose().display());
    private_files::replace(&private.loose(), format!("{left}\n")).context(Kind::External, cannot)?;
    Ok(true)
}

/// Estimates the number of loose objects as git does: from one directory of 256.
fn estimate_loose_objects(repo: &Repo) -> Result<usize> {
    let folder = repo.common_dir()?.join("objects/17");
    Ok(fs::read_dir(folder).map_or(0, |entries| entries.flatten().count()) * 256)
}

fn pack(repo: &Repo) -> Result<()> {
    let common = repo.common_dir()?;
    let mut tips = String::new();
    for prefix in [layout::SHARED, layout::PRIVATE] {
        for (_, tip) in repo.refs_below(prefix)? {
            // One broken ref must not prevent the others from being packed.
            if repo.has_object(tip) {
                tips.push_str(&format!("{tip}\n"));
            }
        }
    }
    // Objects that the user's own refs reach are left to the user's git.
    tips.push_str("--not\n");
    for prefix in [layout::BRANCHES, layout::TAGS, layout::REMOTE_BRANCHES] {
        for (name, tip) in repo.refs_below(prefix)? {
            if repo.has_commit(tip) && !name.ends_with("/HEAD") {
                tips.push_str(&format!("{tip}\n"));
            }
        }
    }
    let base = common.join("objects/pack/pack");
    repo.git_in(&common, "pack-objects")
        .args(["--revs", "--unpacked", "--non-empty", "--quiet", "--delta-base-offset"])
        .arg(base)
        .input(tips.into_bytes())
        .limit(command::LONG_LIMIT)
        .run()?;
    repo.git_in(&common, "prune-packed").arg("--quiet").limit(command::LONG_LIMIT).run().map(|_| ())
}
