//! Our own objects, put into a pack when there are many loose ones: thousands of small files make every git of the user's slow.
//! Nothing else of the repository is touched: no `gc`, no `repack`, no ref.

use std::fs;

use crate::{
    Kind, Result,
    error::Context,
    git::{Repo, careful, command},
    lock::Lock,
    private_files,
    store::layout::{self, PrivateDir},
};

/// Loose objects that came since the last time, before they are packed.
pub const MANY: usize = 2_000;

/// Packs what only our refs hold, if `many` loose objects came since the last time. `true`: it did.
///
/// # Errors
/// The refs cannot be read, or git fails; everything is as it was then.
pub fn when_many(repo: &Repo, many: usize) -> Result<bool> {
    let private = PrivateDir::new(repo.private_dir()?);
    let loose = loose(repo)?;
    let known = careful::text(private.loose()).ok().and_then(|text| text.trim().parse::<usize>().ok());
    if loose < known.unwrap_or(0).min(loose).saturating_add(many) {
        return Ok(false);
    }
    // One is enough.
    let Some(_lock) = Lock::take(&private.pack_lock(), std::time::Duration::ZERO)? else { return Ok(false) };
    pack(repo)?;
    let left = self::loose(repo)?;
    let cannot = || format!("cannot write '{}'", private.loose().display());
    private_files::write(&private.loose(), format!("{left}\n")).context(Kind::External, cannot)?;
    Ok(true)
}

/// How many there are: git's own guess, from one folder of 256.
fn loose(repo: &Repo) -> Result<usize> {
    let folder = repo.common_dir()?.join("objects/17");
    Ok(fs::read_dir(folder).map_or(0, |entries| entries.flatten().count()) * 256)
}

fn pack(repo: &Repo) -> Result<()> {
    let common = repo.common_dir()?;
    let mut tips = String::new();
    for prefix in [layout::SHARED, layout::PRIVATE] {
        for (_, tip) in repo.refs_below(prefix)? {
            // One broken ref must not stand in the way of all others.
            if repo.has_object(tip) {
                tips.push_str(&format!("{tip}\n"));
            }
        }
    }
    // What the user's own refs hold is theirs to pack.
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
