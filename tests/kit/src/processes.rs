//! Finds the processes that belong to a world, however they try to leave it.

use std::{fs, os::unix::ffi::OsStrExt};

use crate::World;

/// Returns the processes of a world with their command lines: those whose environment, program, current folder, or arguments are in
/// it. A process that cleared its environment and left the folder is still found by its program, if that was copied into the world.
/// Zombies, and the process that asks, are not returned.
pub fn processes_in(world: &World) -> Vec<(u32, String)> {
    let folder = world.dir().as_os_str().as_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        if pid == std::process::id() || !crate::runs(pid) {
            continue;
        }
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let names = |bytes: &[u8]| bytes.windows(folder.len()).any(|part| part == folder);
        let links = || {
            ["exe", "cwd"].iter().any(|link| {
                fs::read_link(entry.path().join(link)).is_ok_and(|to| names(to.as_os_str().as_bytes()))
            })
        };
        if names(&line) || names(&fs::read(entry.path().join("environ")).unwrap_or_default()) || links() {
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ").trim_end().to_owned()));
        }
    }
    found
}
