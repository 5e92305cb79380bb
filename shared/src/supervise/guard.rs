//! Guards the machine: measures the free space of disks, in bytes and in files, the memory and the pressure, before an agent starts
//! and while it runs. Error messages are no substitute: on a full disk `git update-ref` prints only "unable to create directory".

mod held;
mod judge;
mod shown;
mod starting;

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::io::Errno;

use self::judge::DiskReading;
pub use self::{
    held::{HeldAgents, take_step, wake},
    judge::{Level, MIN_FILES, Readings, Resource, Shortage, Thresholds, shortage},
    shown::ShownShortage,
    starting::take_room,
};
use crate::{
    Code, Error, Kind, Result,
    config::{
        Config,
        keys::{MAX_PRESSURE, MIN_FREE, MIN_MEMORY},
    },
    error::ErrorContext,
    git::Repo,
    kernel,
    model::ByteSize,
    private_files,
    store::layout::PrivateDir,
    world::Environment,
};

/// The space to reserve in every repository, in bytes: enough for some commits, refs and their folders.
const RESERVE_SIZE: usize = 256 * 1024;
/// The number of files that reserve inodes: a file system may have bytes left and no inode.
const RESERVED_FILES: usize = 32;

impl Thresholds {
    /// Returns what the user wants to be free now; defaults in place of invalid values, which other commands report.
    pub fn of(repo: &Repo) -> Self {
        let config = Config::of(repo);
        Self {
            min_free: config.get_or_default(&MIN_FREE),
            min_memory: config.get_or_default(&MIN_MEMORY),
            max_pressure: config.get_or_default(&MAX_PRESSURE),
        }
    }
}

impl Resource {
    /// Returns what a person can type so that agents need less of it.
    pub fn hint(self) -> String {
        match self {
            Self::DiskSpace | Self::Files => "free some space on the disk".to_owned(),
            Self::Memory | Self::StartingMemory => {
                format!("{} lets agents start and continue with less", MIN_MEMORY.hint("100m"))
            }
            Self::MemoryPressure | Self::DiskPressure => {
                format!("{} lets agents start and continue despite it", MAX_PRESSURE.hint("100"))
            }
        }
    }
}

/// Measures the disks of a repository, of a worktree and of temporary files, the memory, and the pressure. What cannot be measured
/// is left out.
pub fn measure(environment: &Environment, common_dir: &Path, worktree: &Path) -> Readings {
    let temporary = environment.variable("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let of = |path: &Path, is_temporary| {
        let (free, files, size) = measure_disk(path).ok()?;
        // A small disk for temporary files is usual, and one that is a quarter free is not short.
        let share = if is_temporary { share_of(size, MIN_FREE.default()) } else { 100 };
        Some(DiskReading { free, files: files.filter(|_| !is_temporary), share })
    };
    let disks = [of(common_dir, false), of(worktree, false), of(&temporary, true)];
    Readings {
        disks: disks.into_iter().flatten().collect(),
        memory: kernel::memory(),
        pressure: kernel::pressure(),
    }
}

/// Returns the part of `usual` that a quarter of a disk of this size is, in percent, at most 100.
fn share_of(size: ByteSize, usual: ByteSize) -> u64 {
    (size.as_bytes() / 4)
        .saturating_mul(100)
        .checked_div(usual.as_bytes())
        .map_or(100, |share| share.min(100))
}

/// Reserves disk space and inodes for recording the ends of agents, unless they are reserved already.
///
/// # Errors
/// The files cannot be written.
pub fn reserve_space(private: &PrivateDir) -> Result<()> {
    let path = private.reserve();
    let cannot = || format!("cannot write '{}'", path.display());
    let files = private.reserved_files();
    if !files.exists() {
        private_files::create_dir(&files).context(Kind::External, cannot)?;
        for number in 0..RESERVED_FILES {
            private_files::touch(&files.join(number.to_string())).context(Kind::External, cannot)?;
        }
    }
    if path.exists() {
        return Ok(());
    }
    private_files::replace(&path, [b'.'; RESERVE_SIZE]).context(Kind::External, cannot)
}

/// Frees the reserved space and inodes.
pub fn release_reserve(private: &PrivateDir) {
    let _ = fs::remove_file(private.reserve());
    let _ = fs::remove_dir_all(private.reserved_files());
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
    measure_disk(path).map(|(free, files, _)| (free, files))
}

/// Returns the free bytes, the free files, and the size of the disk.
fn measure_disk(path: &Path) -> Result<(ByteSize, Option<u64>, ByteSize)> {
    let mut above = path.ancestors().map(rustix::fs::statvfs);
    let measured = above.find(|found| !matches!(found, Err(Errno::NOENT)));
    let found = measured
        .unwrap_or(Err(Errno::NOENT))
        .context(Kind::External, || format!("cannot measure the space at '{}'", path.display()))?;
    let size = |blocks: u64| ByteSize::bytes(blocks.saturating_mul(found.f_frsize));
    Ok((size(found.f_bavail), (found.f_files > 0).then_some(found.f_favail), size(found.f_blocks)))
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
    fn a_small_disk_for_temporary_files_needs_less() {
        let mib = ByteSize::mebibytes;
        for (size, share) in [(64, 8), (400, 50), (800, 100), (9000, 100), (0, 0)] {
            assert_eq!(share_of(mib(size), mib(200)), share, "{size}");
        }
    }

    #[test]
    fn space_of_a_missing_folder_is_measured_at_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("repo.worktrees/agent");
        assert!(check_space(&gone, ByteSize::bytes(0)).is_ok());
        assert_eq!(check_space(&gone, ByteSize::bytes(u64::MAX)).unwrap_err().code, Code::DiskLow);
    }
}
