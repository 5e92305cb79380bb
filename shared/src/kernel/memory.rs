//! The available memory: of the machine, and of the control groups that limit this process.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{git::careful, model::ByteSize};

/// The memory that this process and its children can use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Memory {
    /// What is available without swapping.
    pub available: ByteSize,
    /// All of it.
    pub total: ByteSize,
}

/// Returns the memory of the machine, or of the control group that has least available; `None` if the kernel does not say.
pub fn memory() -> Option<Memory> {
    let machine = of_machine(&fs::read_to_string("/proc/meminfo").ok()?)?;
    Some(of_groups(machine).into_iter().fold(machine, least))
}

fn least(one: Memory, other: Memory) -> Memory {
    Memory { available: one.available.min(other.available), total: one.total.min(other.total) }
}

/// Reads `/proc/meminfo`.
fn of_machine(text: &str) -> Option<Memory> {
    let kibibytes = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        let number: u64 = value.trim().split(' ').next()?.parse().ok()?;
        Some(ByteSize::bytes(number.saturating_mul(1024)))
    };
    Some(Memory { available: kibibytes("MemAvailable:")?, total: kibibytes("MemTotal:")? })
}

/// Returns the memory of each control group of this process that has a limit.
fn of_groups(machine: Memory) -> Vec<Memory> {
    let read = |path: PathBuf| careful::text(path).ok();
    let mut found = Vec::new();
    for folder in group_folders("memory") {
        let files = [
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ];
        for (limit, usage, reclaimable) in files {
            if let Some(limit) = read(folder.join(limit))
                && let Some(usage) = read(folder.join(usage))
                && let Some(stat) = read(folder.join("memory.stat"))
            {
                found.extend(
                    of_group(&limit, &usage, &stat, reclaimable).filter(|one| one.total < machine.total),
                );
            }
        }
    }
    found
}

/// Reads the files of one control group; `None` if it has no limit. The cache of files that are not in use counts as available.
fn of_group(limit: &str, usage: &str, stat: &str, reclaimable: &str) -> Option<Memory> {
    let total: u64 = limit.trim().parse().ok()?;
    let used: u64 = usage.trim().parse().ok()?;
    let cached =
        stat.lines().find_map(|line| line.strip_prefix(reclaimable)?.trim().parse().ok()).unwrap_or(0u64);
    let available = total.saturating_sub(used.saturating_sub(cached));
    Some(Memory { available: ByteSize::bytes(available), total: ByteSize::bytes(total) })
}

/// Returns the folders of this process's control groups that have a controller, the innermost first, of both versions of the
/// interface. In a container the paths may be those of the host: then only the top folder exists.
pub(super) fn group_folders(controller: &str) -> Vec<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut found: Vec<PathBuf> = Vec::new();
    for (top, path) in group_paths(&groups, controller) {
        let inner = top.join(path.trim_start_matches('/'));
        let above = inner.ancestors().take_while(|folder| folder.starts_with(&top));
        for folder in above.filter(|folder| folder.is_dir()) {
            if !found.iter().any(|known| known == folder) {
                found.push(folder.to_owned());
            }
        }
    }
    found
}

/// Reads `/proc/self/cgroup`: returns the mount points and paths of the groups that have a controller.
fn group_paths<'a>(groups: &'a str, controller: &str) -> Vec<(PathBuf, &'a str)> {
    let mount = Path::new("/sys/fs/cgroup");
    let of_line = |line: &'a str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        match controllers {
            "" => Some((mount.to_owned(), path)),
            names if names.split(',').any(|name| name == controller) => Some((mount.join(controller), path)),
            _ => None,
        }
    };
    groups.lines().filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let text = "MemTotal:       24684096 kB\nMemFree:        16259848 kB\nMemAvailable:   22980460 kB\n";
        let expected = Memory {
            available: ByteSize::bytes(22_980_460 * 1024),
            total: ByteSize::bytes(24_684_096 * 1024),
        };
        assert_eq!(of_machine(text), Some(expected));
        for broken in ["", "MemTotal: 1 kB\n", "MemAvailable: x\nMemTotal: 1 kB\n"] {
            assert_eq!(of_machine(broken), None, "{broken}");
        }
        assert!(memory().is_some_and(|now| now.available <= now.total));
    }

    #[test]
    fn the_memory_of_a_control_group_counts_its_cache_as_available() {
        for (limit, usage, stat, expected) in [
            ("1000\n", "400\n", "inactive_file 100\n", Some((700, 1000))),
            ("1000\n", "1200\n", "anon 3\ninactive_file 0\n", Some((0, 1000))),
            ("1000\n", "400\n", "", Some((600, 1000))),
            ("max\n", "400\n", "inactive_file 100\n", None),
            ("1000\n", "", "", None),
        ] {
            let found = of_group(limit, usage, stat, "inactive_file");
            let found = found.map(|one| (one.available.as_bytes(), one.total.as_bytes()));
            assert_eq!(found, expected, "{limit} {usage} {stat}");
        }
    }

    #[test]
    fn groups_of_both_versions_are_found() {
        let (one, two) = (PathBuf::from("/sys/fs/cgroup/memory"), PathBuf::from("/sys/fs/cgroup"));
        for (groups, expected) in [
            ("4:memory:/a/b\n1:cpu:/a\n0::/\n", vec![(one.clone(), "/a/b"), (two.clone(), "/")]),
            ("4:cpu,memory:/a\n", vec![(one, "/a")]),
            ("0::/user.slice/x\n", vec![(two, "/user.slice/x")]),
            ("nonsense\n", vec![]),
        ] {
            assert_eq!(group_paths(groups, "memory"), expected, "{groups}");
        }
    }
}
