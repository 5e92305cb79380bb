//! The only way to run the `git` program: no hooks, no fsmonitor, no pager, no maintenance, no inherited repository, a time
//! limit.

mod progress;

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    context::Cancel,
    error::ErrorContext as _,
    git::{
        obstacle::{GitLocation, ObstacleWatch},
        pipes::{Piece, drain, feed, pieces},
    },
    process, trace,
    world::Environment,
};

/// Time limit for commands that read a few files.
pub const SHORT_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for commands that read or write a whole checkout.
pub const LONG_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Pauses until a git that closed its output has exited; usually it exits at once.
const WAIT_FOR_END: Backoff = Backoff::new(Duration::from_micros(50), Duration::from_millis(20));
/// Settings that no repository may override: nothing of the repository's own runs.
const SAFE_CONFIG: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "protocol.ext.allow=never",
    "core.fsync=loose-object,pack,pack-metadata,reference",
    "core.fsyncMethod=batch",
];

/// Settings for communicating with a remote, in addition to [`SAFE_CONFIG`]. Refs fetched from a remote are disposable, so they
/// need no fsync. Events are many, and without `skipping` each of them would be offered.
const REMOTE_CONFIG: &[&str] =
    &["core.fsync=loose-object,pack,pack-metadata", "fetch.negotiationAlgorithm=skipping"];

/// The system's message for a full disk, in the language that we set for git.
const DISK_FULL: &str = "No space left on device";

/// The variable with the number of settings in git's environment.
const SETTINGS_COUNT: &str = "GIT_CONFIG_COUNT";
/// Maximum number of settings that are passed on.
const MAX_SETTINGS: usize = 1000;

/// A git command that is being built.
pub struct Git {
    environment: Environment,
    command: std::process::Command,
    what: String,
    input: Vec<u8>,
    limit: Duration,
    location: GitLocation,
}

/// The result of a git command.
pub struct Output {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Returns the signal that ended it, if one did.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

impl Git {
    /// Creates the command `git <verb>` in `directory`, for the caller of `environment`.
    pub fn new(environment: &Environment, directory: &Path, verb: &str) -> Self {
        Self::with_options(environment, directory, &[], verb)
    }

    /// Creates the command `git <verb>` in `directory` as the worktree of `git_dir`, whatever its `.git` contains.
    pub fn for_work_tree(environment: &Environment, directory: &Path, git_dir: &Path, verb: &str) -> Self {
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let options = [option("--git-dir=", git_dir), option("--work-tree=", directory)];
        let mut git = Self::with_options(environment, directory, &options, verb);
        git.location.git_dir = Some(git_dir.to_owned());
        git
    }

    /// Like [`Git::for_work_tree`], for a command that writes only temporary objects: they are not synced to the disk.
    pub fn without_fsync(environment: &Environment, directory: &Path, git_dir: &Path, verb: &str) -> Self {
        let mut git = Self::for_work_tree(environment, directory, git_dir, "-c");
        git.command.args(["core.fsync=none", verb]);
        git.what = format!("git {verb}");
        git
    }

    fn with_options(environment: &Environment, directory: &Path, options: &[OsString], verb: &str) -> Self {
        let mut command = git(environment);
        command.arg("--no-pager").args(options);
        for setting in SAFE_CONFIG {
            command.args(["-c", setting]);
        }
        command
            .arg(verb)
            .current_dir(directory)
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_OPTIONAL_LOCKS", "0")
            // A missing object is not fetched implicitly: the configuration would decide which program does it.
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ADVICE", "0");
        Self::of(environment, command, directory, verb, SHORT_LIMIT)
    }

    fn of(
        environment: &Environment,
        command: std::process::Command,
        directory: &Path,
        verb: &str,
        limit: Duration,
    ) -> Self {
        let (environment, what) = (environment.clone(), format!("git {verb}"));
        let location = GitLocation {
            directory: directory.to_owned(),
            home: environment.home(),
            ..GitLocation::default()
        };
        Self { environment, command, what, input: Vec::new(), limit, location }
    }

    /// Lets git fetch objects that a partial clone lacks. Only for commands whose configuration is accepted.
    #[must_use]
    pub fn allow_lazy_fetch(mut self) -> Self {
        self.command.env_remove("GIT_NO_LAZY_FETCH");
        self
    }

    /// Creates the command `git <verb>` in `directory` with the user's own pager, colours and language. [`Git::run_interactive`] runs it.
    pub fn interactive(environment: &Environment, directory: &Path, verb: &str) -> Self {
        let mut command = git(environment);
        for setting in SAFE_CONFIG {
            command.args(["-c", setting]);
        }
        command.arg(verb).current_dir(directory).env("GIT_OPTIONAL_LOCKS", "0");
        Self::of(environment, command, directory, verb, LONG_LIMIT)
    }

    /// Creates the command `git <verb>` for communicating with a remote, with the user's own transport and credentials. `hooks`
    /// enables the user's hooks, and `ask` allows git to ask for a password.
    pub fn for_remote(
        environment: &Environment,
        directory: &Path,
        verb: &str,
        hooks: bool,
        ask: bool,
    ) -> Self {
        let mut command = git(environment);
        command.arg("--no-pager");
        for setting in
            SAFE_CONFIG.iter().chain(REMOTE_CONFIG).filter(|one| !hooks || !one.starts_with("core.hooksPath"))
        {
            command.args(["-c", setting]);
        }
        command
            .arg(verb)
            .current_dir(directory)
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", if ask { "1" } else { "0" })
            .env("GIT_ADVICE", "0");
        Self::of(environment, command, directory, verb, LONG_LIMIT)
    }

    /// Runs the command on the user's terminal without a time limit. Returns its exit code; `None`: a signal ended it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run_interactive(mut self) -> Result<Option<i32>> {
        let status = process::status(&mut self.command);
        Ok(status.context(Code::GitMissing, || "cannot run 'git'".into())?.code())
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        match name {
            "GIT_DIR" => self.location.git_dir = Some(PathBuf::from(&value)),
            "GIT_WORK_TREE" => self.location.work_tree = Some(PathBuf::from(&value)),
            _ => {}
        }
        self.command.env(name, value);
        self
    }

    /// Protects the command from Ctrl-C, so that it finishes what it began in the user's files.
    #[must_use]
    pub fn ignore_ctrl_c(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    /// Adds a setting for this command, such as `merge.default=union`.
    #[must_use]
    pub fn setting(mut self, setting: &str) -> Self {
        let (key, value) = setting.split_once('=').unwrap_or((setting, "true"));
        let count = self.command.get_envs().find(|(name, _)| *name == SETTINGS_COUNT);
        let count = count.and_then(|(_, value)| value?.to_str()?.parse::<usize>().ok()).unwrap_or(0);
        self.command.env(SETTINGS_COUNT, (count + 1).to_string());
        self.command.env(format!("GIT_CONFIG_KEY_{count}"), key);
        self.command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
        self
    }

    /// Passes on the settings that the user typed as `git -c KEY=VALUE orchestra …` or gave in the environment. They do not
    /// override settings that no repository may override.
    #[must_use]
    pub fn command_line_settings(mut self) -> Self {
        if let Some(parameters) = self.environment.variable("GIT_CONFIG_PARAMETERS") {
            self.command.env("GIT_CONFIG_PARAMETERS", parameters);
        }
        let environment = self.environment.clone();
        let count = environment.text_variable(SETTINGS_COUNT).and_then(|count| count.parse::<usize>().ok());
        for at in 0..count.unwrap_or(0).min(MAX_SETTINGS) {
            let of = |name: &str| environment.text_variable(&format!("GIT_CONFIG_{name}_{at}"));
            if let Some(key) = of("KEY") {
                let value = of("VALUE").unwrap_or_default();
                self = self.setting(&format!("{key}={value}"));
            }
        }
        self
    }

    /// Sets the standard input.
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }

    /// Sets the time limit.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the command and returns its output.
    ///
    /// # Errors
    /// It cannot be started, fails, or takes too long.
    pub fn run(self) -> Result<Vec<u8>> {
        let what = self.what.clone();
        let output = self.output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let messages = crate::model::text::safe_block(output.stderr.trim());
        Err(Error::new(failure_code(&messages), format!("{what} failed ({})", output.status))
            .because(messages))
    }

    /// Runs the command and returns its output as one line of text.
    ///
    /// # Errors
    /// As for [`Git::run`].
    pub fn line(self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.run()?).trim_end().to_owned())
    }

    /// Runs the command and passes its output on to `sink` as it comes. There is no time limit: a person may be reading.
    ///
    /// # Errors
    /// It cannot be started or fails, or `sink` fails.
    pub fn stream(self, sink: &mut dyn Write) -> Result<()> {
        self.traced(|git| git.stream_untraced(sink), |()| ExitStatus::default().to_string())
    }

    fn stream_untraced(mut self, sink: &mut dyn Write) -> Result<()> {
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let what = self.what;
        let mut child = process::spawn_untraced(&mut self.command)
            .context(Code::GitMissing, || "cannot run 'git'".into())?;
        let mut obstacle = ObstacleWatch::begin(self.location);
        let pieces = pieces(child.stdout.take()).inspect_err(|_| process::kill_tree(&mut child));
        let pieces = pieces.context(Kind::External, || format!("cannot read the output of {what}"))?;
        let copied = loop {
            match pieces.recv_timeout(obstacle.pause()) {
                Ok(Ok(Piece::Bytes(bytes))) => match sink.write_all(&bytes) {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
                Ok(Ok(Piece::End)) => break Ok(()),
                Ok(Err(error)) => break Err(error),
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(io::Error::other("the thread that reads it died"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(error) = obstacle.check(&what) {
                        process::kill_tree(&mut child);
                        return Err(error);
                    }
                }
            }
        };
        if copied.is_err() {
            let _ = child.kill();
        }
        let status = child.wait().context(Kind::External, || format!("cannot wait for {what}"))?;
        copied.context(Kind::External, || "cannot write the output of git".into())?;
        succeeded(&what, status)
    }

    /// Runs the command with the standard output of this process, so that nothing is copied. There is no time limit: a person may be
    /// reading.
    ///
    /// # Errors
    /// It cannot be started, fails, or is blocked by something in the place of a file (3). It fails as well if the reader is gone.
    pub fn print(self) -> Result<()> {
        self.traced(Self::print_untraced, |()| ExitStatus::default().to_string())
    }

    fn print_untraced(mut self) -> Result<()> {
        self.command.stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::null());
        let what = self.what;
        let mut child = process::spawn_untraced(&mut self.command)
            .context(Code::GitMissing, || "cannot run 'git'".into())?;
        let mut obstacle = ObstacleWatch::begin(self.location);
        let status = loop {
            let next = Instant::now() + obstacle.pause();
            let ended = process::wait_until(&mut child, next, WAIT_FOR_END, &Cancel::never());
            if let Some(status) = ended.context(Kind::External, || format!("cannot wait for {what}"))? {
                break status;
            }
            if let Some(error) = obstacle.check(&what) {
                process::kill_tree(&mut child);
                return Err(error);
            }
        };
        succeeded(&what, status)
    }

    /// Runs the command and returns its result, whatever its exit code.
    ///
    /// # Errors
    /// It cannot be started, takes too long, or is blocked by something in the place of a file (3).
    pub fn output(self) -> Result<Output> {
        self.traced(Self::output_untraced, |output| output.status.to_string())
    }

    /// Runs the command and records in the trace how it ended.
    fn traced<T>(self, run: impl FnOnce(Self) -> Result<T>, end: impl FnOnce(&T) -> String) -> Result<T> {
        let running = trace::TracedProgram::without(&self.command, is_common_setting);
        let result = run(self);
        match &result {
            Ok(done) => running.end(&end(done)),
            Err(error) => running.end(&error.code.as_str()),
        }
        result
    }

    fn output_untraced(mut self) -> Result<Output> {
        let deadline = Instant::now() + self.limit;
        self.command
            .stdin(if self.input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let what = self.what;
        let mut child = process::spawn_untraced(&mut self.command).map_err(|e| {
            Error::new(Code::GitMissing, "cannot run 'git'").because(e).hint("is git installed and on PATH?")
        })?;
        let cannot_read = || format!("cannot read the output of {what}");
        let (input, out, err) = (self.input, child.stdout.take(), child.stderr.take());
        let started = feed(&mut child, input).and_then(|()| Ok((drain(out)?, drain(err)?)));
        let started = started.inspect_err(|_| process::kill_tree(&mut child));
        let (stdout, stderr) = started.context(Kind::External, cannot_read)?;
        let timeout_error = |child: &mut Child| {
            process::kill_tree(child);
            Error::new(Code::GitTimeout, format!("{what} took too long"))
        };
        let mut obstacle = ObstacleWatch::begin(self.location);
        let mut take = |from: &mpsc::Receiver<io::Result<Vec<u8>>>| loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match from.recv_timeout(left.min(obstacle.pause())) {
                Ok(read) => return read.context(Kind::External, cannot_read),
                Err(RecvTimeoutError::Disconnected) => {
                    process::kill_tree(&mut child);
                    return Err(Error::internal(cannot_read()).because("the thread that reads it died"));
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {
                    if let Some(error) = obstacle.check(&what) {
                        process::kill_tree(&mut child);
                        return Err(error);
                    }
                }
                Err(_) => return Err(timeout_error(&mut child)),
            }
        };
        let stdout = take(&stdout)?;
        let stderr = take(&stderr)?;
        let status = process::wait_until(&mut child, deadline, WAIT_FOR_END, &Cancel::never())
            .context(Kind::External, || format!("cannot wait for {what}"))?
            .ok_or_else(|| timeout_error(&mut child))?;
        Ok(Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }
}

fn succeeded(what: &str, status: ExitStatus) -> Result<()> {
    if status.success() {
        Ok(())
    } else {
        Err(Error::new(Code::GitFailed, format!("{what} failed ({status})")))
    }
}

/// Returns the code for a git that failed with this message.
fn failure_code(messages: &str) -> Code {
    if messages.contains(DISK_FULL) { Code::DiskFull } else { Code::GitFailed }
}

/// Returns whether every command gets a setting.
fn is_common_setting(setting: &OsStr) -> bool {
    SAFE_CONFIG.iter().chain(REMOTE_CONFIG).any(|usual| setting == *usual)
}

/// Returns the `git` program with the accepted `safe.directory` settings.
fn git(environment: &Environment) -> std::process::Command {
    let mut command = process::command(environment, "git");
    for location in environment.safe_directories() {
        let mut setting = OsString::from("safe.directory=");
        setting.push(location);
        command.arg("-c").arg(setting);
    }
    command
}
