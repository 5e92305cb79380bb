//! The only way to run the `git` program: no hooks, no fsmonitor, no pager, no maintenance, no inherited repository, a time
//! limit.

use std::{
    ffi::{OsStr, OsString},
    io::{Read, Seek, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use crate::{
    Code, Error, Kind, Result,
    backoff::Backoff,
    error::Context,
    git::{
        careful,
        obstacle::{GitLocation, ObstacleWatch},
        pipes::{chunks, drain, feed},
        safe_directories,
    },
    model::text,
    process, trace, world,
};

/// Time limit for commands that read a few files.
pub const SHORT_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for commands that read or write a whole checkout.
pub const LONG_LIMIT: Duration = Duration::from_secs(30 * 60);

/// How many bytes at the end of git's messages are searched for its progress, and how many columns of it are shown.
const PROGRESS: u64 = 400;
const COLUMNS: usize = 400;
/// Pauses until a git that closed its output has exited; usually it exits at once.
const WAIT_FOR_END: Backoff = Backoff::new(Duration::from_micros(50), Duration::from_millis(20));
/// The shortest and the longest pause between two checks of a git that communicates with a remote.
const MIN_POLL: Duration = Duration::from_micros(200);
const MAX_POLL: Duration = Duration::from_millis(100);

/// Maximum time without any message of a git that communicates with a remote: it reports its progress continuously.
const SILENCE_LIMIT: Duration = Duration::from_secs(5 * 60);

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
const MOST_SETTINGS: usize = 1000;

/// A git command that is being built.
pub struct Git {
    command: std::process::Command,
    what: String,
    input: Vec<u8>,
    limit: Duration,
    place: GitLocation,
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
    /// Creates the command `git <verb>` in `directory`.
    pub fn new(directory: &Path, verb: &str) -> Self {
        Self::with_options(directory, &[], verb)
    }

    /// Creates the command `git <verb>` in `directory` as the worktree of `git_dir`, whatever its `.git` contains.
    pub fn for_work_tree(directory: &Path, git_dir: &Path, verb: &str) -> Self {
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let options = [option("--git-dir=", git_dir), option("--work-tree=", directory)];
        let mut git = Self::with_options(directory, &options, verb);
        git.place.git_dir = Some(git_dir.to_owned());
        git
    }

    /// Like [`Git::for_work_tree`], for a command that writes only temporary objects: they are not synced to the disk.
    pub fn without_fsync(directory: &Path, git_dir: &Path, verb: &str) -> Self {
        let mut git = Self::for_work_tree(directory, git_dir, "-c");
        git.command.args(["core.fsync=none", verb]);
        git.what = format!("git {verb}");
        git
    }

    fn with_options(directory: &Path, options: &[OsString], verb: &str) -> Self {
        let mut command = git();
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
        Self::of(command, directory, verb, SHORT_LIMIT)
    }

    fn of(command: std::process::Command, directory: &Path, verb: &str, limit: Duration) -> Self {
        let place = GitLocation { directory: directory.to_owned(), ..GitLocation::default() };
        Self { command, what: format!("git {verb}"), input: Vec::new(), limit, place }
    }

    /// Lets git fetch objects that a partial clone lacks. Only for commands whose configuration is accepted.
    #[must_use]
    pub fn allow_lazy_fetch(mut self) -> Self {
        self.command.env_remove("GIT_NO_LAZY_FETCH");
        self
    }

    /// Creates the command `git <verb>` in `directory` with the user's own pager, colours and language. [`Git::show`] runs it.
    pub fn interactive(directory: &Path, verb: &str) -> Self {
        let mut command = git();
        for setting in SAFE_CONFIG {
            command.args(["-c", setting]);
        }
        command.arg(verb).current_dir(directory).env("GIT_OPTIONAL_LOCKS", "0");
        Self::of(command, directory, verb, LONG_LIMIT)
    }

    /// Creates the command `git <verb>` for communicating with a remote, with the user's own transport and credentials. `hooks`
    /// enables the user's hooks, and `ask` allows git to ask for a password.
    pub fn for_remote(directory: &Path, verb: &str, hooks: bool, ask: bool) -> Self {
        let mut command = git();
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
        Self::of(command, directory, verb, LONG_LIMIT)
    }

    /// Runs a remote command with its output in files, so that what a transport leaves running (a shared ssh connection) blocks
    /// nobody. Calls `watch` with the last line that git printed.
    ///
    /// # Errors
    /// It cannot be started, takes too long, or is blocked by something in the place of a file (3).
    pub fn run_with_progress(self, watch: &mut dyn FnMut(&str)) -> Result<Output> {
        self.traced(|git| git.travel_untraced(watch), |output| output.status.to_string())
    }

    fn travel_untraced(mut self, watch: &mut dyn FnMut(&str)) -> Result<Output> {
        let cannot = || "cannot make a temporary file".to_owned();
        let mut said = tempfile::NamedTempFile::new().context(Kind::External, cannot)?;
        let mut answer = tempfile::tempfile().context(Kind::External, cannot)?;
        let complaints = said.reopen().context(Kind::External, cannot)?;
        let out = answer.try_clone().context(Kind::External, cannot)?;
        self.command.stdin(Stdio::null()).stdout(out).stderr(complaints);
        let mut child = process::start(&mut self.command).map_err(|e| {
            Error::new(Code::GitMissing, "cannot run 'git'").because(e).hint("is git installed and on PATH?")
        })?;
        let mut obstacle = ObstacleWatch::begin(self.place);
        let begun = Instant::now();
        let deadline = begun + self.limit;
        let (mut heard, mut last) = (0, begun);
        let status = loop {
            if let Some(status) =
                child.try_wait().context(Kind::External, || format!("cannot wait for {}", self.what))?
            {
                break status;
            }
            let length = said.as_file().metadata().map_or(heard, |found| found.len());
            if length != heard {
                (heard, last) = (length, Instant::now());
            }
            if let Some(error) = obstacle.look(&self.what) {
                process::kill_tree(&mut child);
                return Err(error);
            }
            if Instant::now() > deadline || last.elapsed() > SILENCE_LIMIT {
                process::kill_tree(&mut child);
                let why =
                    if Instant::now() > deadline { "took too long" } else { "said nothing for 5 minutes" };
                return Err(Error::new(Code::GitTimeout, format!("{} {why}", self.what)));
            }
            // A slow command may be noticed late, a quick one must not.
            std::thread::sleep((begun.elapsed() / 16).clamp(MIN_POLL, MAX_POLL));
            if begun.elapsed() > Duration::from_secs(1) {
                watch(&last_words(said.path()));
            }
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let read = answer.rewind().and_then(|()| answer.read_to_end(&mut stdout));
        read.and_then(|_| said.read_to_end(&mut stderr)).context(Kind::External, cannot)?;
        Ok(Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }

    /// Runs the command on the user's terminal without a time limit. Returns its exit code; `None`: a signal ended it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn show(mut self) -> Result<Option<i32>> {
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
            "GIT_DIR" => self.place.git_dir = Some(PathBuf::from(&value)),
            "GIT_WORK_TREE" => self.place.work_tree = Some(PathBuf::from(&value)),
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
        if let Some(parameters) = world::variable("GIT_CONFIG_PARAMETERS") {
            self.command.env("GIT_CONFIG_PARAMETERS", parameters);
        }
        let count = world::text_variable(SETTINGS_COUNT).and_then(|count| count.parse::<usize>().ok());
        for at in 0..count.unwrap_or(0).min(MOST_SETTINGS) {
            let of = |name: &str| world::text_variable(&format!("GIT_CONFIG_{name}_{at}"));
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
        let said = crate::model::text::safe_block(output.stderr.trim());
        Err(Error::new(failure(&said), format!("{what} failed ({})", output.status)).because(said))
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
        let mut child =
            process::start(&mut self.command).context(Code::GitMissing, || "cannot run 'git'".into())?;
        let mut obstacle = ObstacleWatch::begin(self.place);
        let chunks = chunks(child.stdout.take());
        let copied = loop {
            match chunks.recv_timeout(obstacle.pause()) {
                Ok(chunk) => match chunk.and_then(|bytes| sink.write_all(&bytes)) {
                    Ok(()) => {}
                    Err(error) => break Err(error),
                },
                Err(RecvTimeoutError::Disconnected) => break Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(error) = obstacle.look(&what) {
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
        if status.success() {
            Ok(())
        } else {
            Err(Error::new(Code::GitFailed, format!("{what} failed ({status})")))
        }
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
        let running = trace::Running::without(&self.command, is_usual);
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
        let mut child = process::start(&mut self.command).map_err(|e| {
            Error::new(Code::GitMissing, "cannot run 'git'").because(e).hint("is git installed and on PATH?")
        })?;
        feed(&mut child, self.input);
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let late = |child: &mut Child| {
            process::kill_tree(child);
            Error::new(Code::GitTimeout, format!("{what} took too long"))
        };
        let mut obstacle = ObstacleWatch::begin(self.place);
        let mut take = |from: &mpsc::Receiver<Vec<u8>>| loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match from.recv_timeout(left.min(obstacle.pause())) {
                Ok(bytes) => return Ok(bytes),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {
                    if let Some(error) = obstacle.look(&what) {
                        process::kill_tree(&mut child);
                        return Err(error);
                    }
                }
                Err(_) => return Err(late(&mut child)),
            }
        };
        let stdout = take(&stdout)?;
        let stderr = take(&stderr)?;
        let status = process::wait_until(&mut child, deadline, WAIT_FOR_END, || false)
            .context(Kind::External, || format!("cannot wait for {what}"))?
            .ok_or_else(|| late(&mut child))?;
        Ok(Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }
}

/// Returns the code for a git that failed with this message.
fn failure(said: &str) -> Code {
    if said.contains(DISK_FULL) { Code::DiskFull } else { Code::GitFailed }
}

/// Returns whether every command gets a setting.
fn is_usual(setting: &OsStr) -> bool {
    SAFE_CONFIG.iter().chain(REMOTE_CONFIG).any(|usual| setting == *usual)
}

/// Returns the `git` program with the accepted `safe.directory` settings.
fn git() -> std::process::Command {
    let mut command = process::command("git");
    for place in safe_directories::accepted() {
        let mut setting = OsString::from("safe.directory=");
        setting.push(place);
        command.arg("-c").arg(setting);
    }
    command
}

/// Returns the last line that git printed: its progress.
fn last_words(file: &Path) -> String {
    let said = careful::tail(file, PROGRESS).unwrap_or_default();
    text::last_line(&String::from_utf8_lossy(&said), COLUMNS).unwrap_or_default()
}
