//! Measures the free space of the disk, in bytes and in files. Error messages are no substitute: on a full disk `git update-ref`
//! prints only "unable to create directory".

use std::{fs, path::Path};

use rustix::io::Errno;

use crate::{
    Code, Error, Kind, Result, config::keys::MIN_FREE, error::ErrorContext, model::ByteSize, private_files,
    store::layout::PrivateDir,
};

/// The number of free inodes below which no agent is started.
pub const MIN_FILES: u64 = 1000;

/// The space to reserve in every repository, in bytes: enough for some commits, refs and their folders.
const RESERVE_SIZE: usize = 256 * 1024;

/// Reserves disk space for recording the ends of agents, unless it is reserved already.
///
/// # Errors
/// The file cannot be written.
pub fn reserve_space(private: &PrivateDir) -> Result<()> {
    let path = private.reserve();
    if path.exists() {
        return Ok(());
    }
    let _ = private_files::create_dir(private.dir());
    private_files::write(&path, [b'.'; RESERVE_SIZE])
        .context(Kind::External, || format!("cannot write '{}'", path.display()))
}

/// Frees the reserved space.
pub fn release_reserve(private: &PrivateDir) {
    let _ = fs::remove_file(private.reserve());
}

/// Fails if less than `min_free` bytes or fewer than `MIN_FILES` files are free at `path`.
///
/// # Errors
/// There is too little space, or it cannot be measured.
pub fn check_space(path: &Path, min_free: ByteSize) -> Result<()> {
    let (bytes, files) = free_space(path)?;
    let full = |what: String| {
        Error::new(Code::DiskLow, format!("too little space for agents at '{}': {what}", path.display()))
            .hint(format!("free some space, or lower the limit: {}", MIN_FREE.hint("50m")))
    };
    if bytes < min_free {
        let (free, wanted) = (bytes.as_mebibytes(), min_free.as_mebibytes());
        return Err(full(format!("{free} MiB free, {wanted} MiB needed")));
    }
    match files {
        Some(files) if files < MIN_FILES => Err(full(format!("only {files} more files can be created"))),
        _ => Ok(()),
    }
}

/// Returns the free bytes, and the free files if the file system counts them. If the folder does not exist, its nearest existing
/// parent is measured: the folder of worktrees is removed with the last worktree, at any moment.
///
/// # Errors
/// It cannot be measured.
pub fn free_space(path: &Path) -> Result<(ByteSize, Option<u64>)> {
    let mut above = path.ancestors().map(rustix::fs::statvfs);
    let measured = above.find(|found| !matches!(found, Err(Errno::NOENT)));
    let found = measured
        .unwrap_or(Err(Errno::NOENT))
        .context(Kind::External, || format!("cannot measure the space at '{}'", path.display()))?;
    let bytes = ByteSize::bytes(found.f_bavail.saturating_mul(found.f_frsize));
    Ok((bytes, (found.f_files > 0).then_some(found.f_favail)))
}

/// Returns whether the disk is so full that an agent there cannot continue.
pub fn is_full(path: &Path) -> bool {
    free_space(path)
        .is_ok_and(|(bytes, files)| bytes < ByteSize::mebibytes(1) || files.is_some_and(|files| files < 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_of_a_missing_folder_is_measured_at_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("repo.worktrees/agent");
        assert!(check_space(&gone, ByteSize::bytes(0)).is_ok());
        assert_eq!(check_space(&gone, ByteSize::bytes(u64::MAX)).unwrap_err().code, Code::DiskLow);
    }
}
