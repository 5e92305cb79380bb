//! The only place that starts programs: every child gets an environment that names no repository.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output},
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{backoff::Backoff, trace, world};

/// The variables that `git rev-parse --local-env-vars` lists (git 2.47), and others that tie a child to the repository or the
/// pager of its parent. With any of these set, a git in another directory would work on the wrong repository.
const TIED_TO_A_REPOSITORY: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_EXEC_PATH",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PAGER_IN_USE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_SUPER_PREFIX",
    "GIT_WORK_TREE",
    "GIT_ORCHESTRA_ASK",
    "OLDPWD",
];

/// Returns a command for `program` without the variables that name a repository, and without the folder that git puts in front of
/// `PATH` for its own children.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in TIED_TO_A_REPOSITORY {
        command.env_remove(name);
    }
    // Only our own programs write into the trace; others would fill it with lines that nobody asked for.
    command.env_remove(trace::VARIABLE);
    if let Some(path) = path_without_git() {
        command.env("PATH", path);
    }
    command
}

/// Like [`command`], for one of our own programs that runs in the background: it writes into the same trace file, if there is
/// one.
pub fn own(program: impl AsRef<OsStr>) -> Command {
    let mut command = command(program);
    if let Some(file) = world::variable(trace::VARIABLE).filter(|file| Path::new(file).is_absolute()) {
        command.env(trace::VARIABLE, file);
    }
    command
}

/// Starts a program without tracing it: the caller does that.
///
/// # Errors
/// The program cannot be started.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn start(command: &mut Command) -> io::Result<Child> {
    command.spawn()
}

/// Starts a program whose end is not observed here. The trace shows the start.
///
/// # Errors
/// The program cannot be started.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let running = trace::Running::of(command);
    let child = start(command);
    match &child {
        Ok(child) => running.end(&format_args!("started as {}", child.id())),
        Err(error) => running.end(error),
    }
    child
}

/// Runs a program to its end, on the user's terminal unless `command` says otherwise.
///
/// # Errors
/// The program cannot be started.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn status(command: &mut Command) -> io::Result<ExitStatus> {
    let running = trace::Running::of(command);
    let status = command.status();
    match &status {
        Ok(status) => running.end(status),
        Err(error) => running.end(error),
    }
    status
}

/// Runs a program to its end and returns its status and output.
///
/// # Errors
/// The program cannot be started.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn output(command: &mut Command) -> io::Result<Output> {
    let running = trace::Running::of(command);
    let output = command.output();
    match &output {
        Ok(output) => running.end(&output.status),
        Err(error) => running.end(error),
    }
    output
}

/// Replaces this process by a program. Returns only if that failed, with the cause.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn become_program(command: &mut Command) -> io::Error {
    trace::Running::of(command).end(&"replaces this process");
    command.exec()
}

/// Returns a command for one of our own programs that replaces this process, with the environment unchanged.
#[expect(clippy::disallowed_methods, reason = "started here only: a sibling must see our environment")]
pub fn sibling(program: &Path) -> Command {
    Command::new(program)
}

/// Returns `PATH` without git's own folder, if git put it there.
fn path_without_git() -> Option<OsString> {
    let exec_path = PathBuf::from(world::variable("GIT_EXEC_PATH")?);
    let path = world::variable("PATH")?;
    let kept: Vec<PathBuf> = std::env::split_paths(&path).filter(|entry| *entry != exec_path).collect();
    std::env::join_paths(kept).ok()
}

/// Waits for a child until `deadline`, or until `given_up` returns true. `None`: the child is still running.
///
/// # Errors
/// The system cannot report the state of the child.
pub fn wait_until(
    child: &mut Child,
    deadline: Instant,
    mut backoff: Backoff,
    given_up: impl Fn() -> bool,
) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if given_up() || Instant::now() > deadline {
            return Ok(None);
        }
        backoff.sleep();
    }
}

/// Kills a child and all its descendants, and waits for the child. Descendants that were reparented are not found, nor any where
/// the system does not list children.
pub fn kill_tree(child: &mut Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        // The process number may have been reused.
        return;
    }
    let below = descendants(child.id());
    let _ = child.kill();
    for pid in below.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)) {
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = child.wait();
}

fn descendants(of: u32) -> Vec<u32> {
    let (mut found, mut open) = (Vec::new(), vec![of]);
    while let Some(pid) = open.pop() {
        let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let children: Vec<u32> = listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        found.extend(&children);
        open.extend(children);
    }
    found
}

/// Returns the path of the program `name` in the folder of the running one.
pub fn sibling_binary(name: &str) -> PathBuf {
    world::this_program().with_file_name(name)
}

/// Searches `PATH` for a program.
pub fn on_path(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    which::which(program).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BACKOFF: Backoff = Backoff::millis(1, 10);

    #[test]
    fn a_child_is_waited_for_until_it_ends_or_is_given_up() {
        let soon = || Instant::now() + Duration::from_secs(60);
        let mut child = spawn(&mut command("true")).expect("started");
        let status = wait_until(&mut child, soon(), BACKOFF, || false).expect("waited");
        assert!(status.is_some_and(|status| status.success()));
        let mut child = spawn(command("sleep").arg("1000")).expect("started");
        assert_eq!(wait_until(&mut child, soon(), BACKOFF, || true).expect("waited"), None);
        let passed = Instant::now();
        assert_eq!(wait_until(&mut child, passed, BACKOFF, || false).expect("waited"), None);
        kill_tree(&mut child);
        assert!(wait_until(&mut child, soon(), BACKOFF, || false).expect("waited").is_some());
    }
}
