//! The processes that belong to a world: those whose environment names its home.

use std::{fs, os::unix::ffi::OsStrExt};

use testkit::World;

/// The processes of a world whose environment (variables ended by NUL) passes `wanted`.
pub(crate) fn of(world: &World, wanted: impl Fn(&str) -> bool) -> Vec<u32> {
    let home = [b"HOME=", world.home().as_os_str().as_bytes()].concat();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let ours = environment.split(|byte| *byte == 0).any(|variable| variable == home);
        if ours && wanted(&String::from_utf8_lossy(&environment)) {
            found.push(pid);
        }
    }
    found
}

/// kill -9; whether the process was there.
pub(crate) fn kill(pid: u32) -> bool {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).output();
    status.is_ok_and(|output| output.status.success())
}
