//! Starting an agent's program.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{ChildStdin, Stdio},
};

use crate::{
    Error, Kind, Result,
    error::Context,
    model::AgentId,
    process,
    profile::Stdin,
    store::layout::AgentDir,
    supervise::{
        processes::{NONCE, Processes},
        spec::Spec,
        tree::ProcessId,
    },
};

/// The program of an attempt.
#[derive(Debug)]
pub struct Program {
    /// Who it is.
    pub process: ProcessId,
    /// Its standard input, held open; the kernel closes it when we die.
    _held: Option<OwnedFd>,
}

/// Starts the program of `record.attempt` in its worktree. Its output goes into a file, so that neither its death nor
/// ours blocks or ends the other.
///
/// # Errors
/// The program cannot be started, or the files cannot be opened.
pub fn start(id: &AgentId, dir: &AgentDir, spec: &Spec, record: &Processes) -> Result<Program> {
    let prompt = dir.prompt();
    let argv = spec.launch.argv_for(&prompt);
    let (program, arguments) = argv.split_first().ok_or_else(|| Error::internal("an empty command"))?;
    let cannot = || format!("cannot start '{program}'");
    let output = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.output(record.attempt))
        .context(Kind::External, cannot)?;
    let stdin = match spec.launch.stdin {
        Stdin::Empty => Stdio::null(),
        Stdin::Prompt => File::open(&prompt).context(Kind::External, cannot)?.into(),
        Stdin::Held => Stdio::piped(),
    };
    let mut child = process::command(program)
        .args(arguments)
        .current_dir(&spec.worktree)
        .env("PWD", &spec.worktree)
        .env(NONCE, &record.nonce)
        .env("ORCHESTRA_AGENT", id.as_str())
        .env("ORCHESTRA_BRANCH", &spec.branch)
        .env("ORCHESTRA_BASE", &spec.base)
        .env("ORCHESTRA_PROMPT_FILE", &prompt)
        .stdin(stdin)
        .stdout(output.try_clone().context(Kind::External, cannot)?)
        .stderr(output)
        .process_group(0)
        .spawn()
        .context(Kind::External, cannot)?;
    let held =
        child.stdin.take().map(|pipe| hold(pipe, &prompt)).transpose().context(Kind::External, cannot)?;
    let pid = i32::try_from(child.id()).context(Kind::Internal, cannot)?;
    let process = ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 });
    Ok(Program { process, _held: held })
}

/// Writes the task into the pipe, by a thread, as the program may read it late, and keeps the pipe open.
fn hold(pipe: ChildStdin, prompt: &std::path::Path) -> std::io::Result<OwnedFd> {
    let task = std::fs::read(prompt)?;
    let held = OwnedFd::from(pipe);
    let mut writer = File::from(held.try_clone()?);
    std::thread::spawn(move || {
        let _ = writer.write_all(&task);
    });
    Ok(held)
}
