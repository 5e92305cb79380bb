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

use crate::{
    backoff::Backoff,
    context::Cancel,
    trace,
    world::{self, Environment},
};

/// The variables that `git rev-parse --local-env-vars` lists (git 2.47), and others that tie a child to the repository or the
/// pager of its parent. With any of these set, a git in another directory would work on the wrong repository.
const REPOSITORY_VARIABLES: &[&str] = &[
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

/// Creates a command for `program` in an environment, without the variables that name a repository, and without the folder that git
/// prepends to PATH for its child processes.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn command(environment: &Environment, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Some(variables) = environment.not_inherited() {
        command.env_clear().envs(variables);
    }
    for name in REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
    // Only our own programs write into the trace; others would fill it with lines that nobody asked for.
    command.env_remove(trace::VARIABLE);
    if let Some(path) = path_without_git(environment) {
        command.env("PATH", path);
    }
    command
}

/// Like [`command`], for one of our own programs that runs in the background: it writes into the same trace file, if there is
/// one.
pub fn own_command(environment: &Environment, program: impl AsRef<OsStr>) -> Command {
    let mut command = command(environment, program);
    if let Some(file) = environment.variable(trace::VARIABLE).filter(|file| Path::new(file).is_absolute()) {
        command.env(trace::VARIABLE, file);
    }
    command
}

/// Starts a program without tracing it: the caller does that.
///
/// # Errors
/// The program cannot be started.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn spawn_untraced(command: &mut Command) -> io::Result<Child> {
    command.spawn()
}

/// Starts a program whose end is not observed here. The trace shows the start.
///
/// # Errors
/// The program cannot be started.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let running = trace::TracedProgram::of(command);
    let child = spawn_untraced(command);
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
    let running = trace::TracedProgram::of(command);
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
    let running = trace::TracedProgram::of(command);
    let output = command.output();
    match &output {
        Ok(output) => running.end(&output.status),
        Err(error) => running.end(error),
    }
    output
}

/// Replaces this process by a program. Returns only if that failed, with the cause.
#[expect(clippy::disallowed_methods, reason = "programs are started here only")]
pub fn exec(command: &mut Command) -> io::Error {
    trace::TracedProgram::of(command).end(&"replaces this process");
    command.exec()
}

/// Returns a command for one of our own programs that replaces this process, with the environment unchanged.
#[expect(clippy::disallowed_methods, reason = "started here only: a sibling must see our environment")]
pub fn sibling_command(program: &Path) -> Command {
    Command::new(program)
}

/// Returns a command for a program of the user that replaces this process, with the environment unchanged: as if the user had typed it.
#[expect(
    clippy::disallowed_methods,
    reason = "started here only: it gets what the user's shell would have given it"
)]
pub fn unchanged_command(program: &OsStr) -> Command {
    Command::new(program)
}

/// Returns the environment that [`command`] gives to a program, as far as its variables decide what the program does.
pub fn environment_of_children(environment: &Environment) -> Environment {
    let kept = REPOSITORY_VARIABLES.iter().fold(environment.clone(), |kept, name| {
        if kept.variables().any(|(known, _)| known == *name) { kept.without(name) } else { kept }
    });
    match path_without_git(environment) {
        Some(path) => kept.with("PATH", path),
        None => kept,
    }
}

/// Returns `PATH` without git's own folder, if git put it there.
fn path_without_git(environment: &Environment) -> Option<OsString> {
    let exec_path = PathBuf::from(environment.variable("GIT_EXEC_PATH")?);
    let path = environment.variable("PATH")?;
    let entries: Vec<PathBuf> = std::env::split_paths(&path).filter(|entry| *entry != exec_path).collect();
    std::env::join_paths(entries).ok()
}

/// Waits for a child until `deadline`, or until the wait is cancelled. Returns `None` if the child is still running.
///
/// # Errors
/// The system cannot report the state of the child.
pub fn wait_until(
    child: &mut Child,
    deadline: Instant,
    mut backoff: Backoff,
    cancel: &Cancel,
) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline || cancel.wait(backoff.pause()) {
            return Ok(None);
        }
    }
}

/// Kills a child and all its descendants, and waits for the child. Descendants that were reparented are not found, nor any where
/// the system does not list children.
pub fn kill_tree(child: &mut Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        // The process number may have been reused.
        return;
    }
    let pids = descendants(child.id());
    let _ = child.kill();
    signal(&pids, Signal::KILL);
    let _ = child.wait();
}

/// Asks a child and all processes that it started to end, so that each can remove its temporary files. If the system does not list
/// the children of processes, only the child itself is asked.
pub fn terminate_tree(child: &mut Child) {
    if matches!(child.try_wait(), Ok(None)) {
        let mut all = descendants(child.id());
        all.push(child.id());
        signal(&all, Signal::TERM);
    }
}

fn signal(pids: &[u32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)) {
        let _ = kill_process(pid, signal);
    }
}

fn descendants(of: u32) -> Vec<u32> {
    let (mut found, mut pending) = (Vec::new(), vec![of]);
    while let Some(pid) = pending.pop() {
        let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let children: Vec<u32> = listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        found.extend(&children);
        pending.extend(children);
    }
    found
}

/// The program that contains every command, and runs the one whose name it is started with.
const EVERY_COMMAND: &str = "git-orchestra";

/// Returns a command for one of our own programs that runs in the background, as [`own_command`] does. The program that contains every
/// command is started under the name of the other one, which would only replace itself by it.
pub fn background_command(environment: &Environment, name: &str) -> Command {
    let mut command = own_command(environment, own_program());
    command.arg0(name);
    command
}

/// Returns the path of the program that contains every command.
pub fn own_program() -> PathBuf {
    world::this_program().with_file_name(EVERY_COMMAND)
}

/// Finds `program` on the PATH of an environment. A relative path is relative to the caller's folder.
pub fn on_path(environment: &Environment, program: impl AsRef<OsStr>) -> Option<PathBuf> {
    which::which_in(program, environment.variable("PATH"), environment.directory()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BACKOFF: Backoff = Backoff::millis(1, 10);

    #[test]
    fn a_wait_ends_with_the_child_at_the_deadline_or_when_cancelled() {
        let environment = Environment::of_this_process();
        let command = |program: &str| command(&environment, program);
        let soon = || Instant::now() + Duration::from_secs(60);
        let mut child = spawn(&mut command("true")).expect("started");
        let status = wait_until(&mut child, soon(), BACKOFF, &Cancel::never()).expect("waited");
        assert!(status.is_some_and(|status| status.success()));
        let mut child = spawn(command("sleep").arg("1000")).expect("started");
        let cancelled = Cancel::new().expect("a flag");
        cancelled.cancel();
        assert_eq!(wait_until(&mut child, soon(), BACKOFF, &cancelled).expect("waited"), None);
        let passed = Instant::now();
        assert_eq!(wait_until(&mut child, passed, BACKOFF, &Cancel::never()).expect("waited"), None);
        kill_tree(&mut child);
        assert!(wait_until(&mut child, soon(), BACKOFF, &Cancel::never()).expect("waited").is_some());
    }
}
