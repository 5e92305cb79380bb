//! Finds the processes that belong to a world: those whose environment names its home.

use std::{fs, os::unix::ffi::OsStrExt};

use testkit::{TestRepo, World};

/// Returns the processes of a world whose environment (variables separated by NUL) passes `wanted`.
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

/// Kills a process; returns whether it existed.
pub(crate) fn kill(pid: u32) -> bool {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).output();
    status.is_ok_and(|output| output.status.success())
}

/// Describes a process in words that many processes share: the program; for git and our binaries the
/// subcommand; for a supervisor the phase of its agent.
pub(crate) fn activity(repo: &TestRepo<'_>, pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    let words: Vec<&str> = line.split('\0').filter(|word| !word.is_empty()).collect();
    let program = words.first().and_then(|word| word.rsplit('/').next()).unwrap_or("a process that ends");
    let plain = words.iter().skip(1).find(|word| {
        word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-')
    });
    match (program, plain) {
        ("git-orchestra-supervise", Some(&"run")) => {
            let id = words.last().copied().unwrap_or_default();
            format!("{program} run, its agent {}", phase(repo, id))
        }
        ("git" | "git-orchestra" | "git-orchestra-supervise", Some(command)) => {
            format!("{program} {command}")
        }
        _ => program.to_owned(),
    }
}

fn phase(repo: &TestRepo<'_>, id: &str) -> String {
    let state = repo.trailer(id, "State");
    if state.is_empty() { "not yet listed".to_owned() } else { state }
}
