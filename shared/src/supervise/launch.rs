//! Starts an agent's program.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{ChildStdin, Stdio},
    sync::mpsc,
};

use crate::{
    Code, Error, Kind, Result,
    agents::{Session, Stdin},
    error::ErrorContext,
    git::careful,
    model::AgentId,
    private_files, process,
    store::layout::AgentDir,
    supervise::{
        environment::{self, VariableChange},
        processes::{self, NONCE, Processes},
        prompt,
        spec::Spec,
        tree::ProcessId,
    },
    world::Environment,
};

/// The running program of an attempt.
#[derive(Debug)]
pub struct RunningProgram {
    /// The process of the program.
    pub process: ProcessId,
    /// Its standard input while it is held open; the kernel closes it if this process dies.
    pub stdin: Option<StdinWriter>,
}

/// What an attempt begins with.
#[derive(Clone, Copy, Debug)]
pub struct Beginning<'a> {
    /// The session that it starts or resumes.
    pub session: Session<'a>,
    /// What a program whose input is not kept open reads in place of its task, for instance the messages with which it is resumed.
    pub words: Option<&'a str>,
}

/// Starts the program of `record.attempt` in its worktree. Its output goes to a file, so that the end of the program or of the
/// supervisor does not block or end the other. If the output is structured, standard error goes to a separate file.
///
/// # Errors
/// The program cannot be started, or the files cannot be opened.
pub fn start(
    environment: &Environment,
    id: &AgentId,
    dir: &AgentDir,
    common_dir: &Path,
    spec: &Spec,
    record: &Processes,
    beginning: Beginning<'_>,
) -> Result<RunningProgram> {
    let prompt = match beginning.words {
        Some(words) => prompt::put(words.as_bytes(), &spec.worktree, id)?,
        None => prompt::copy(&dir.prompt(), &spec.worktree, id)?,
    };
    let mut argv = spec.launch.argv_for(&prompt, beginning.session);
    argv.extend(spec.rules().flat_map(|rule| spec.launch.protocol.rule_arguments(rule)));
    let (program, arguments) = argv.split_first().ok_or_else(|| Error::internal("an empty command"))?;
    let cannot = || format!("cannot start '{program}'");
    let write = |path: &Path| private_files::open_output(path).context(Kind::External, cannot);
    let output = write(&dir.output(record.attempt))?;
    let errors = if spec.launch.protocol.is_structured() {
        write(&dir.errors(record.attempt))?
    } else {
        output.try_clone().context(Kind::External, cannot)?
    };
    let stdin = match spec.launch.stdin {
        Stdin::Empty => Stdio::null(),
        Stdin::Prompt => careful::open_regular_through_links(&prompt).context(Kind::External, cannot)?.into(),
        Stdin::Held | Stdin::Talk => Stdio::piped(),
    };
    let mut command = process::command(environment, program);
    let home = environment.home();
    let changes =
        environment::changes(environment.text_variables(), common_dir, &spec.worktree, home.as_deref());
    for (name, change) in changes {
        match change {
            VariableChange::Removed => command.env_remove(name),
            VariableChange::Moved(path) => command.env(name, path),
        };
    }
    for name in &spec.launch.unset {
        command.env_remove(name);
    }
    command
        .envs(spec.launch.variables(id))
        .args(arguments)
        .current_dir(&spec.worktree)
        .env("PWD", &spec.worktree)
        .env(NONCE, &record.nonce)
        .env(processes::AGENT, id.as_str())
        .env("ORCHESTRA_BRANCH", spec.branch.as_str())
        .env("ORCHESTRA_BASE", spec.base.to_string())
        .env("ORCHESTRA_PROMPT_FILE", &prompt)
        .stdin(stdin)
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    let mut child = process::spawn(&mut command).context(Code::ProgramFailed, cannot)?;
    let stdin = child.stdin.take().map(StdinWriter::new);
    if spec.launch.stdin == Stdin::Held
        && let Some(stdin) = &stdin
    {
        stdin.send(careful::read(&prompt).context(Kind::External, cannot)?);
    }
    let pid = i32::try_from(child.id()).context(Kind::Internal, cannot)?;
    let process = ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 });
    Ok(RunningProgram { process, stdin })
}

/// Writes to a program's standard input in a thread, as the program may read late or never. When this is dropped and everything is
/// written, the input is closed.
#[derive(Debug)]
pub struct StdinWriter(mpsc::Sender<Vec<u8>>);

impl StdinWriter {
    fn new(mut pipe: ChildStdin) -> Self {
        let (sender, receiver) = mpsc::channel::<Vec<u8>>();
        std::thread::spawn(move || {
            for bytes in receiver {
                if pipe.write_all(&bytes).is_err() {
                    break;
                }
            }
        });
        Self(sender)
    }

    /// Sends bytes. If the program has ended, they are lost.
    pub fn send(&self, bytes: Vec<u8>) {
        let _ = self.0.send(bytes);
    }
}
