//! The door to the `git` program: no hooks, no fsmonitor, no pager, no maintenance, no inherited repository, a time limit.

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
    },
    model::text,
    process, trace,
    world::Environment,
};

/// For calls that only look at a few files.
pub const SHORT_LIMIT: Duration = Duration::from_secs(60);
/// For calls that read or write a whole checkout.
pub const LONG_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Bytes at the end of what git says in which its progress stands, and columns of it that are shown.
const PROGRESS: u64 = 400;
const COLUMNS: usize = 400;
/// Pauses until a git has ended that has said everything: most often it ends at once.
const WAIT_FOR_END: Backoff = Backoff::new(Duration::from_micros(50), Duration::from_millis(20));
/// The shortest and the longest pause between two looks at a git that travels.
const MIN_POLL: Duration = Duration::from_micros(200);
const MAX_POLL: Duration = Duration::from_millis(100);

/// The longest that a git which speaks with a remote may say nothing: it tells its progress all the time.
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

/// Beyond [`SAFE_CONFIG`], for speaking with a remote. What a fetch writes down of a remote is disposable, and events are many:
/// without `skipping`, each of them would be offered.
const REMOTE_CONFIG: &[&str] =
    &["core.fsync=loose-object,pack,pack-metadata", "fetch.negotiationAlgorithm=skipping"];

/// What the system says of a full disk, in the language in which git is asked to speak.
const DISK_FULL: &str = "No space left on device";

/// How many settings are in the environment, for git.
const SETTINGS_COUNT: &str = "GIT_CONFIG_COUNT";
/// More are not passed on.
const MOST_SETTINGS: usize = 1000;

/// A call of git being put together.
pub struct Git {
    environment: Environment,
    command: std::process::Command,
    what: String,
    input: Vec<u8>,
    limit: Duration,
    place: GitLocation,
}

/// What a call of git gave back.
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its answer.
    pub stdout: Vec<u8>,
    /// What it said.
    pub stderr: String,
}

impl Output {
    /// The signal that ended it, if one did.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

impl Git {
    /// `git <verb>` in `directory`, for the caller of `environment`.
    pub fn new(environment: &Environment, directory: &Path, verb: &str) -> Self {
        Self::with_options(environment, directory, &[], verb)
    }

    /// `git <verb>` in `directory`, as the work tree of a git directory, whatever the `.git` in it says.
    pub fn for_work_tree(environment: &Environment, directory: &Path, git_dir: &Path, verb: &str) -> Self {
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let options = [option("--git-dir=", git_dir), option("--work-tree=", directory)];
        let mut git = Self::with_options(environment, directory, &options, verb);
        git.place.git_dir = Some(git_dir.to_owned());
        git
    }

    /// As [`Git::for_work_tree`], for a command that writes nothing but objects that nobody keeps: they are not brought to the disk.
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
            // An object that is missing is not fetched in passing: by which program, the configuration would say.
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
        let place = GitLocation {
            directory: directory.to_owned(),
            home: environment.home(),
            ..GitLocation::default()
        };
        Self { environment, command, what, input: Vec::new(), limit, place }
    }

    /// In a partial clone, what is missing may be fetched. For commands under which the configuration is accepted.
    #[must_use]
    pub fn allow_lazy_fetch(mut self) -> Self {
        self.command.env_remove("GIT_NO_LAZY_FETCH");
        self
    }

    /// `git <verb>` in `directory` as the user would see it: their pager, their colours, their language. [`Git::show`] runs it.
    pub fn interactive(environment: &Environment, directory: &Path, verb: &str) -> Self {
        let mut command = git(environment);
        for setting in SAFE_CONFIG {
            command.args(["-c", setting]);
        }
        command.arg(verb).current_dir(directory).env("GIT_OPTIONAL_LOCKS", "0");
        Self::of(environment, command, directory, verb, LONG_LIMIT)
    }

    /// `git <verb>` that speaks with a remote: transport, credentials and, where `hooks` says so, hooks are the user's own.
    /// Where `ask` says so, git may ask for a password.
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

    /// Runs it with its answer in a file: what a transport leaves running (a shared ssh connection) holds nobody up.
    /// `watch` is told the last thing that git said on its way.
    ///
    /// # Errors
    /// It cannot be started, takes too long, or waits for something that is in the way of a file (3).
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
                child.try_wait().context(Kind::External, || format!("lost track of {}", self.what))?
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
            // What takes long may be noticed late; what is quick may not.
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

    /// Runs it on the user's own terminal, as long as they look at it; gives its exit code, none where a signal ended it.
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

    /// Sets a variable.
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

    /// Ctrl-C on the terminal does not reach it: what it has begun in somebody's files, it ends.
    #[must_use]
    pub fn ignore_ctrl_c(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    /// A setting that holds for this call, such as `merge.default=union`.
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

    /// What the user typed as `git -c KEY=VALUE orchestra …`, or gave in the environment, holds for this call too. Settings that no
    /// repository may override are not overridden by it either.
    #[must_use]
    pub fn command_line_settings(mut self) -> Self {
        if let Some(parameters) = self.environment.variable("GIT_CONFIG_PARAMETERS") {
            self.command.env("GIT_CONFIG_PARAMETERS", parameters);
        }
        let environment = self.environment.clone();
        let count = environment.text_variable(SETTINGS_COUNT).and_then(|count| count.parse::<usize>().ok());
        for at in 0..count.unwrap_or(0).min(MOST_SETTINGS) {
            let of = |name: &str| environment.text_variable(&format!("GIT_CONFIG_{name}_{at}"));
            if let Some(key) = of("KEY") {
                let value = of("VALUE").unwrap_or_default();
                self = self.setting(&format!("{key}={value}"));
            }
        }
        self
    }

    /// What git reads on its standard input.
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = bytes;
        self
    }

    /// How long it may take.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it and gives the answer.
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

    /// Runs it and gives the answer as one line of text.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn line(self) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.run()?).trim_end().to_owned())
    }

    /// Runs it and hands its answer on as it comes, without keeping it. It may take as long as `sink` does, which may be a person
    /// who reads.
    ///
    /// # Errors
    /// It cannot be started or fails, or `sink` does not take the answer.
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
        let status = child.wait().context(Kind::External, || format!("lost track of {what}"))?;
        copied.context(Kind::External, || "cannot write the answer".into())?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::new(Code::GitFailed, format!("{what} failed ({status})")))
        }
    }

    /// Runs it, whatever its exit code.
    ///
    /// # Errors
    /// It cannot be started, takes too long, or waits for something that is in the way of a file (3).
    pub fn output(self) -> Result<Output> {
        self.traced(Self::output_untraced, |output| output.status.to_string())
    }

    /// Runs it and tells the trace how it ended.
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
            .context(Kind::External, || format!("lost track of {what}"))?
            .ok_or_else(|| late(&mut child))?;
        Ok(Output { status, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
    }
}

/// The code of a git that failed and said this.
fn failure(said: &str) -> Code {
    if said.contains(DISK_FULL) { Code::DiskFull } else { Code::GitFailed }
}

/// Whether a setting is one that every call gets.
fn is_usual(setting: &OsStr) -> bool {
    SAFE_CONFIG.iter().chain(REMOTE_CONFIG).any(|usual| setting == *usual)
}

/// The program, told which repositories of others were accepted.
fn git(environment: &Environment) -> std::process::Command {
    let mut command = process::command(environment, "git");
    for place in environment.safe_directories() {
        let mut setting = OsString::from("safe.directory=");
        setting.push(place);
        command.arg("-c").arg(setting);
    }
    command
}

/// The last line that git said: its progress.
fn last_words(file: &Path) -> String {
    let said = careful::tail(file, PROGRESS).unwrap_or_default();
    text::last_line(&String::from_utf8_lossy(&said), COLUMNS).unwrap_or_default()
}
