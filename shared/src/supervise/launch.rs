//! Starts an agent's program.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::mpsc,
};

use crate::{
    Code, Error, Kind, Result,
    agents::{Launch, Session, Stdin},
    config::{Config, keys::ADD_DIR},
    error::ErrorContext,
    git::{Repo, careful},
    model::{AgentId, Cost},
    private_files, process,
    sandbox::Sandbox,
    store::layout::AgentDir,
    supervise::{
        asking,
        environment::{self, VariableChange},
        hosts, own_variables,
        preparation::Preparation,
        processes::{self, NONCE, Processes},
        prompt, publishing,
        spec::Spec,
        tree::ProcessId,
    },
    worktree::{include::Readiness, list},
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
    /// What its session may cost, with what it has cost, until a cap on money is reached.
    pub money_left: Option<Cost>,
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
    spec.launch.put_files(dir.dir())?;
    let launch = spec.launch.clone().in_folder(dir.dir());
    let mut argv = launch.argv_for(&prompt, beginning.session);
    argv.extend(spec.rules().flat_map(|rule| spec.launch.protocol.rule_arguments(rule)));
    argv.extend(beginning.money_left.iter().flat_map(|left| spec.cost_arguments(*left)));
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
    let files = files_of_program(&spec.launch, dir.dir(), &argv);
    let mut sandbox = sandbox_of(environment, spec, id, common_dir)?;
    if let Some(sandbox) = &mut sandbox {
        for path in &files.written {
            private_files::open_output(path)
                .context(Kind::External, || format!("cannot write '{}'", path.display()))?;
        }
        sandbox.read = [vec![prompt.clone()], files.read].concat();
        sandbox.write.extend(files.written);
        sandbox.write.extend(spec.launch.home.iter().map(|home| dir.dir().join(&home.name)));
    }
    let asks = sandbox.is_none() && !spec.launch.is_given_messages();
    let mut command = command_of_spec(environment, program, id, common_dir, spec, sandbox.as_ref())?;
    command
        .args(arguments)
        .envs(launch.variables(id))
        .env(NONCE, &record.nonce)
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("ORCHESTRA_PROMPT_FILE", &prompt)
        // A sandbox keeps the history away, and with it the messages.
        .envs(asks.then(|| (asking::VARIABLE, asking::command())))
        .stdin(stdin)
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    let mut child = process::spawn(&mut command).context(Code::ProgramFailed, cannot)?;
    let stdin = child.stdin.take().map(StdinWriter::new).transpose().context(Code::ProgramFailed, cannot)?;
    if spec.launch.stdin == Stdin::Held
        && let Some(stdin) = &stdin
    {
        stdin.send(careful::read(&prompt).context(Kind::External, cannot)?);
    }
    let pid = i32::try_from(child.id()).context(Kind::Internal, cannot)?;
    let process = ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 });
    Ok(RunningProgram { process, stdin })
}

/// A shell command of the user.
#[derive(Debug)]
pub struct ShellCommand<'a> {
    /// What the shell runs.
    pub text: &'a str,
    /// A variable that it gets besides those of the agent.
    pub variable: Option<(&'a str, String)>,
    /// The file for its output.
    pub output: &'a Path,
}

/// Starts a shell command of the user in the agent's worktree, with the agent's environment.
///
/// # Errors
/// The shell cannot be started, or the file cannot be opened.
pub fn start_command(
    environment: &Environment,
    id: &AgentId,
    common_dir: &Path,
    spec: &Spec,
    record: &Processes,
    command: ShellCommand<'_>,
) -> Result<ProcessId> {
    let cannot = || "cannot start '/bin/sh'".to_owned();
    let output = private_files::open_output(command.output).context(Kind::External, cannot)?;
    let errors = output.try_clone().context(Kind::External, cannot)?;
    let sandbox = sandbox_of(environment, spec, id, common_dir)?;
    let mut shell = command_of_spec(environment, "/bin/sh", id, common_dir, spec, sandbox.as_ref())?;
    shell
        .args(["-c", command.text])
        .envs(command.variable)
        .env(NONCE, &record.nonce)
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    let child = process::spawn(&mut shell).context(Code::ProgramFailed, cannot)?;
    let pid = i32::try_from(child.id()).context(Kind::Internal, cannot)?;
    Ok(ProcessId::of(pid).unwrap_or(ProcessId { pid, start: 0 }))
}

/// Where a program of an agent runs, and for which agent.
#[derive(Clone, Copy, Debug)]
pub struct AgentPlace<'a> {
    /// The agent.
    pub id: &'a AgentId,
    /// The common git directory.
    pub common_dir: &'a Path,
    /// The agent's worktree, or a folder in it.
    pub worktree: &'a Path,
    /// The agent's branch.
    pub branch: &'a str,
    /// The commit it started from.
    pub base: &'a str,
    /// Environment variables that are removed.
    pub unset: &'a [String],
    /// What was found for it: ports and a folder for temporary files.
    pub preparation: &'a Preparation,
    /// The sandbox, if it has one.
    pub sandbox: Option<&'a Sandbox>,
    /// The agent's program, which decides what logins it keeps; `None` for the shell of a person, who has all of them and may push.
    pub of_program: Option<&'a str>,
}

/// Returns a command that runs in the agent's worktree, with the agent's environment: nothing in it names the main checkout.
///
/// # Errors
/// The agent's sandbox cannot be made.
pub fn command(environment: &Environment, program: &str, place: &AgentPlace<'_>) -> Result<Command> {
    let AgentPlace { id, common_dir, worktree, branch, base, unset, preparation, sandbox, of_program } =
        *place;
    let mut command = match sandbox {
        Some(sandbox) => sandbox.command(environment, program, worktree)?,
        None => process::command(environment, program),
    };
    let home = environment.home();
    let changes = environment::changes(environment.text_variables(), common_dir, worktree, home.as_deref());
    for (name, change) in changes {
        match change {
            VariableChange::Removed => command.env_remove(name),
            VariableChange::Moved(path) => command.env(name, path),
        };
    }
    for name in unset {
        command.env_remove(name);
    }
    if let Some(of_program) = of_program {
        let repo = Repo::open(environment, common_dir)?;
        let config = Config::of(&repo);
        for name in publishing::withheld(environment, &config, of_program) {
            command.env_remove(name);
        }
        command.envs(publishing::kept(environment, &config)).envs(publishing::push_guard(&repo));
    }
    let own = own_variables::of_agent(environment, id, common_dir, worktree, preparation);
    command
        .current_dir(worktree)
        .env("PWD", worktree)
        .env(processes::AGENT, id.as_str())
        .env("ORCHESTRA_BRANCH", branch)
        .env("ORCHESTRA_BASE", base)
        // A sandbox has a folder for temporary files of the agent alone.
        .envs(own.into_iter().filter(|(name, _)| sandbox.is_none() || *name != own_variables::TEMPORARY));
    Ok(command)
}

/// Returns the environment in which [`start_command`] runs a command, as far as it decides what the command does.
pub fn environment_of_commands(repo: &Repo, id: &AgentId, common_dir: &Path, spec: &Spec) -> Environment {
    let environment = &publishing::without_logins(repo.environment(), repo, &spec.profile);
    let home = environment.home();
    let changes =
        environment::changes(environment.text_variables(), common_dir, &spec.worktree, home.as_deref());
    let changed = changes.into_iter().fold(environment.clone(), |all, (name, change)| match change {
        VariableChange::Removed => all.without(name),
        VariableChange::Moved(path) => all.with(name, path),
    });
    let left = spec.launch.unset.iter().fold(changed, |all, name| all.without(name));
    spec.program_environment(&left, id)
}

/// Returns the command of a program of an agent with this spec, with the variables that its launch sets.
fn command_of_spec(
    environment: &Environment,
    program: &str,
    id: &AgentId,
    common_dir: &Path,
    spec: &Spec,
    sandbox: Option<&Sandbox>,
) -> Result<Command> {
    let place = AgentPlace {
        id,
        common_dir,
        worktree: &spec.worktree,
        branch: &spec.branch,
        base: &spec.base.to_string(),
        unset: &spec.launch.unset,
        preparation: &spec.preparation,
        sandbox,
        of_program: Some(&spec.profile),
    };
    let mut command = command(environment, program, &place)?;
    command.envs(spec.launch.variables(id));
    Ok(command)
}

/// Returns the sandbox of an agent with this spec; `None` if it has none.
///
/// # Errors
/// The repository cannot be opened, or a folder or a host in git config is none (3).
pub fn sandbox_of(
    environment: &Environment,
    spec: &Spec,
    id: &AgentId,
    common_dir: &Path,
) -> Result<Option<Sandbox>> {
    if !spec.sandbox.is_some() {
        return Ok(None);
    }
    let repo = Repo::open(environment, common_dir)?;
    // What a person allows is there with the next start; the folders of a coding agent are those of its start as well.
    let config = Config::of(&repo);
    let folders = config.folders(&ADD_DIR)?;
    let worktree = list::worktree_of_agent(&repo, id, &spec.branch)?;
    let submodules = worktree.map(|worktree| {
        let all = Readiness::of(&worktree).submodules;
        all.iter().filter_map(|one| one.separate_git_dir(&worktree)).collect()
    });
    Ok(Some(Sandbox {
        id: id.clone(),
        common_dir: common_dir.to_owned(),
        engine: spec.sandbox_engine,
        worktree: spec.worktree.clone(),
        program: spec.profile.clone(),
        submodules: submodules.unwrap_or_default(),
        read: Vec::new(),
        write: spec.options.add_dirs.iter().cloned().chain(folders).collect(),
        detached: true,
        hosts: hosts::of_agent(&config, spec, id)?,
    }))
}

/// Files in the agent's private folder that its program uses.
struct ProgramFiles {
    read: Vec<PathBuf>,
    written: Vec<PathBuf>,
}

/// Finds the files that the arguments name: those of the launch are read, others are written. These are made, because in a sandbox the
/// program can write no file beside them.
fn files_of_program(launch: &Launch, folder: &Path, argv: &[String]) -> ProgramFiles {
    let read: Vec<PathBuf> = launch.files.iter().map(|file| folder.join(&file.name)).collect();
    let named = argv.iter().filter_map(|argument| {
        let at = argument.find(&*folder.to_string_lossy())?;
        Some(PathBuf::from(&argument[at..]))
            .filter(|path| path.parent() == Some(folder) && !read.contains(path))
    });
    ProgramFiles { written: named.collect(), read }
}

/// Writes to a program's standard input in a thread, as the program may read late or never. When this is dropped and everything is
/// written, the input is closed.
#[derive(Debug)]
pub struct StdinWriter(mpsc::Sender<Vec<u8>>);

impl StdinWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// No more threads can be made.
    fn new(mut pipe: ChildStdin) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Vec<u8>>();
        std::thread::Builder::new().spawn(move || {
            for bytes in receiver {
                if pipe.write_all(&bytes).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self(sender))
    }

    /// Sends bytes. If the program has ended, they are lost.
    pub fn send(&self, bytes: Vec<u8>) {
        let _ = self.0.send(bytes);
    }
}
