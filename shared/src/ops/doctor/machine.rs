//! The machine: free disk space, limits of the kernel and of the process, and the clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::process::{Resource, getrlimit};

use super::finding::{Finding, Group};
use crate::{
    Result,
    config::{Config, Key, keys::MIN_FREE},
    git::{Repo, careful},
    model::{ByteSize, duration, quote},
    store::{Listing, layout},
    supervise::guard,
    worktree::worktrees_dir,
    world::Environment,
};

/// The number of files that a process must be able to open: a cleanup holds the locks of 200 agents.
const MIN_OPEN_FILES: u64 = 512;
/// The number of folders that `status --watch` watches in a repository without agents.
const WATCHES_WITHOUT_AGENTS: u64 = 13;
/// How far in the future the files of the repository may be, in seconds.
const MAX_AHEAD: i64 = 24 * 60 * 60;

/// The free space in one place.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Disk {
    /// What is stored there.
    used_for: &'static str,
    path: PathBuf,
    free: ByteSize,
    /// The number of files that can be created, if the file system has a limit.
    files: Option<u64>,
    needed: ByteSize,
}

/// Checks the free space where git orchestra writes.
///
/// # Errors
/// The repository cannot be read, or a disk cannot be measured.
pub(super) fn disks(environment: &Environment, repo: Option<&Repo>) -> Result<Vec<Finding>> {
    let needed = |key: &Key<ByteSize>| match repo {
        Some(repo) => Config::of(repo).get_or_default(key),
        None => key.default(),
    };
    let temporary = environment.variable("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let mut places = Vec::new();
    if let Some(repo) = repo {
        places.push(("the repository", repo.common_dir()?));
        places.push(("worktrees", worktrees_dir::planned_dir(repo)?));
    }
    places.push(("temporary files", temporary.clone()));
    let (mut disks, mut seen) = (Vec::new(), BTreeSet::new());
    for (used_for, path) in places {
        let (free, files) = guard::free_space(&path)?;
        if seen.insert(device(&path)) {
            disks.push(Disk { used_for, path, free, files, needed: needed(&MIN_FREE) });
        }
    }
    let mut findings: Vec<Finding> = disks.iter().map(of_disk).collect();
    findings.extend(of_temporary(&temporary, temporary.is_dir()));
    Ok(findings)
}

/// Judges the folder for temporary files.
fn of_temporary(folder: &Path, is_there: bool) -> Option<Finding> {
    let shown = folder.to_string_lossy();
    (!is_there).then(|| {
        Finding::warning(
            Group::Machine,
            "temporary-files",
            format!("there is no folder '{shown}' for temporary files"),
        )
        .about(&shown)
        .because("TMPDIR names it; landings and other commands need it")
        .fix(quote::command(&[&"mkdir", &"-p", &folder]))
    })
}

/// Returns the device of a folder, or of its nearest parent that exists.
fn device(path: &Path) -> Option<u64> {
    path.ancestors().find_map(|above| fs::metadata(above).ok()).map(|found| found.dev())
}

fn of_disk(disk: &Disk) -> Finding {
    let Disk { used_for, path, free, files, needed } = disk;
    let path = path.to_string_lossy();
    let low = |what: String| {
        Finding::warning(Group::Machine, "disk", what).about(&path).because(format!(
            "agents are not started with less than {} MiB or {} files (orchestra.minFree)",
            needed.as_mebibytes(),
            guard::MIN_FILES
        ))
    };
    if free < needed {
        return low(format!("only {} MiB are free for {used_for}, at '{path}'", free.as_mebibytes()))
            .fix(format!("free some space: du -xh -d 2 {path} | sort -h | tail"));
    }
    if let Some(files) = files.filter(|files| *files < guard::MIN_FILES) {
        return low(format!("only {files} more files can be created for {used_for}, at '{path}'"))
            .fix(format!("delete files: du --inodes -x -d 2 {path} | sort -n | tail"));
    }
    Finding::ok(Group::Machine, "disk", format!("{} free for {used_for}", shown(*free))).about(&path)
}

fn shown(size: ByteSize) -> String {
    let mebibytes = size.as_mebibytes();
    if mebibytes < 10 * 1024 { format!("{mebibytes} MiB") } else { format!("{} GiB", mebibytes / 1024) }
}

/// Checks how many files this process may open.
pub(super) fn open_files() -> Vec<Finding> {
    vec![of_open_files(getrlimit(Resource::Nofile).current)]
}

fn of_open_files(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < MIN_OPEN_FILES => {
            Finding::warning(Group::Machine, "open-files", format!("a process may open only {limit} files"))
                .because("cleanup and merge-ranked need more for many agents")
                .fix("ulimit -n 4096")
        }
        Some(limit) => Finding::ok(Group::Machine, "open-files", format!("{limit} open files")),
        None => Finding::ok(Group::Machine, "open-files", "any number of open files"),
    }
}

/// The limits of the kernel on watching folders; `None` if they are not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct WatchLimits {
    watches: Option<u64>,
    instances: Option<u64>,
}

/// Checks the kernel's limits against what `status --watch` needs.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn watches(repo: &Repo) -> Result<Vec<Finding>> {
    let read = |name: &str| {
        let text = careful::text(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse().ok()
    };
    let limits = WatchLimits { watches: read("max_user_watches"), instances: read("max_user_instances") };
    Ok(of_watches(limits, watches_needed(repo)?))
}

fn watches_needed(repo: &Repo) -> Result<u64> {
    let listing = Listing::observe(repo)?;
    let open = listing.rows.iter().filter(|row| !row.entry.header.phase.is_at_rest());
    let folders: BTreeMap<String, u64> = open.fold(BTreeMap::new(), |mut folders, row| {
        let branch = layout::branch_ref(listing.trailer(row, "Branch").unwrap_or_default());
        *folders
            .entry(branch.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned()))
            .or_default() += 1;
        folders
    });
    Ok(WATCHES_WITHOUT_AGENTS + folders.len() as u64 + folders.values().sum::<u64>())
}

fn of_watches(limits: WatchLimits, needed: u64) -> Vec<Finding> {
    let low = |name: &str, limit: u64, needed: u64| {
        let what =
            format!("the kernel allows {limit} {name} of each user, and status --watch needs {needed}");
        Finding::warning(Group::Machine, "watches", what)
            .because("it then reads everything every few seconds instead")
            .fix(format!("sudo sysctl fs.inotify.max_user_{name}={}", (4 * needed).max(8192)))
    };
    match limits {
        WatchLimits { watches: Some(limit), .. } if limit < needed => vec![low("watches", limit, needed)],
        WatchLimits { instances: Some(limit), .. } if limit < 1 => vec![low("instances", limit, 1)],
        WatchLimits { watches: Some(limit), .. } => {
            vec![Finding::ok(Group::Machine, "watches", format!("{limit} watches, {needed} needed"))]
        }
        WatchLimits { watches: None, .. } => Vec::new(),
    }
}

/// Checks whether the clock is behind the files of the repository.
///
/// # Errors
/// The common git directory cannot be found.
pub(super) fn clock(repo: &Repo) -> Result<Vec<Finding>> {
    let common = repo.common_dir()?;
    let written = ["HEAD", "config", "packed-refs", "index"]
        .iter()
        .filter_map(|name| fs::metadata(common.join(name)).ok())
        .map(|found| found.mtime())
        .max();
    Ok(vec![of_clock(repo.now().as_second(), written)])
}

fn of_clock(now: i64, written: Option<i64>) -> Finding {
    let ahead = written.map_or(0, |written| written.saturating_sub(now));
    if ahead <= MAX_AHEAD {
        return Finding::ok(Group::Machine, "clock", "the clock is plausible");
    }
    let seconds = std::time::Duration::from_secs(u64::try_from(ahead).unwrap_or_default());
    let what = format!("files of the repository are dated {} in the future", duration::text(seconds));
    Finding::warning(Group::Machine, "clock", what)
        .because("the clock was set back, or is wrong; ages and times are shown wrongly")
        .fix("date")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::finding::Severity;

    #[test]
    fn disks_are_judged_by_bytes_and_files() {
        for (free, files, severity) in [
            (5000, None, Severity::Ok),
            (199, None, Severity::Warning),
            (5000, Some(999), Severity::Warning),
            (5000, Some(1000), Severity::Ok),
        ] {
            let disk = Disk {
                used_for: "worktrees",
                path: "/w".into(),
                free: ByteSize::mebibytes(free),
                files,
                needed: ByteSize::mebibytes(200),
            };
            assert_eq!(of_disk(&disk).severity, severity, "{disk:?}");
        }
    }

    #[test]
    fn a_missing_folder_for_temporary_files_is_named() {
        assert_eq!(of_temporary(Path::new("/tmp"), true), None);
        let fix = of_temporary(Path::new("/a b"), false).and_then(|one| one.fix);
        assert_eq!(fix.as_deref(), Some("mkdir -p '/a b'"));
    }

    #[test]
    fn limits_are_compared_with_what_is_needed() {
        for (watches, instances, severity) in [
            (Some(8192), Some(128), Some(Severity::Ok)),
            (Some(10), Some(128), Some(Severity::Warning)),
            (Some(8192), Some(0), Some(Severity::Warning)),
            (None, None, None),
        ] {
            let found = of_watches(WatchLimits { watches, instances }, 20);
            assert_eq!(found.first().map(|one| one.severity), severity, "{watches:?} {instances:?}");
        }
        for (limit, severity) in
            [(Some(256), Severity::Warning), (Some(1024), Severity::Ok), (None, Severity::Ok)]
        {
            assert_eq!(of_open_files(limit).severity, severity, "{limit:?}");
        }
    }

    #[test]
    fn a_clock_that_is_a_day_behind_is_noticed() {
        const DAY: i64 = 24 * 60 * 60;
        for (written, severity) in [
            (None, Severity::Ok),
            (Some(DAY), Severity::Ok),
            (Some(3 * DAY), Severity::Warning),
            (Some(-DAY), Severity::Ok),
        ] {
            assert_eq!(of_clock(DAY, written).severity, severity, "{written:?}");
        }
    }
}
