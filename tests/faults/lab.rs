//! A repository before an operation, restored for each trial; the trial; and the checks after it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use orchestra::{git::Repo, store::writer, world::Environment};
use tempfile::TempDir;
use testkit::{Aim, Injector, Mode, State, TestRepo, World, processes_in, until};

use crate::{
    checks::{self, Before},
    operations::Operation,
    table::{Column, Finding},
};

/// The time limit of any command: longer means that it hangs.
const LIMIT: Duration = Duration::from_secs(120);
/// The time limit of a command after the fault: longer means that it is blocked.
pub(crate) const AFTER_FAULT_LIMIT: Duration = Duration::from_secs(40);

/// The longest time that the disk stays full: supervisors wait for space to record the end of an agent.
const DISK_FULL_LIMIT: Duration = Duration::from_secs(4);

/// How long a process may still run after everything was stopped.
const GRACE: Duration = Duration::from_secs(20);

/// A command that has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended {
    /// The exit status; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
    pub(crate) took: Duration,
}

/// The result of one trial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trial {
    /// The number of counted calls.
    pub(crate) calls: u64,
    /// The call at which the fault happened.
    pub(crate) fired: Option<String>,
    /// How the operation ended.
    pub(crate) ended: Ended,
}

/// What is done between an operation and the checks: with the lab, and the moment at which the operation began.
pub(crate) type Then<'a> = &'a dyn Fn(&Lab<'_>, SystemTime);

/// Returns the directory of the programs under test: other ones can be tested with the same faults.
pub(crate) fn bins() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_git-orchestra")).parent().expect("a folder of binaries");
    std::env::var_os("ORCHESTRA_FAULTS_BINS").map_or_else(|| built.to_owned(), Into::into)
}

/// The setup of one operation.
pub(crate) struct Lab<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) world: World,
    /// The world before the operation.
    saved: TempDir,
    pub(crate) state: State<'a>,
}

/// The repositories in which the operations and their checks run.
pub(crate) const REPOS: [&str; 2] = ["repo", "clone"];

impl<'a> Lab<'a> {
    pub(crate) fn new(operation: &'static Operation, injector: &'a Injector) -> Self {
        Self::with_bins(operation, injector, &bins())
    }

    /// The same with other programs.
    pub(crate) fn with_bins(operation: &'static Operation, injector: &'a Injector, bins: &Path) -> Self {
        let world = World::new(bins);
        (operation.make)(&world);
        let saved = tempfile::Builder::new().prefix("orchestra-faults-saved-").tempdir().expect("a folder");
        copy(world.dir(), saved.path());
        let state = injector.state(&format!(
            "{}-{}",
            operation.name,
            world.dir().display().to_string().replace('/', "_")
        ));
        state.reset(Mode::Count, 0);
        Self { operation, world, saved, state }
    }

    /// Restores everything as it was before the operation. Clones identify themselves by an inode number,
    /// which differs in a copy.
    pub(crate) fn restore(&self) {
        // The trash is emptied in the background, by processes that make folders of the repository again.
        self.left();
        for entry in fs::read_dir(self.world.dir()).expect("a folder").flatten() {
            let path = entry.path();
            until("it is removed", || {
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                (removed.is_ok() || !path.exists()).then_some(())
            });
        }
        copy(self.saved.path(), self.world.dir());
        for name in REPOS {
            let file = self.world.dir().join(name).join(".git/orchestra/writer");
            let Ok(known) = fs::read(&file) else { continue };
            let repo = Repo::discover(&Environment::of_this_process().at(self.world.dir().join(name)))
                .expect("a repository");
            writer::writer(&repo).expect("a writer");
            let mut fresh: serde_json::Value =
                serde_json::from_slice(&fs::read(&file).expect("a writer")).expect("JSON");
            let known: serde_json::Value = serde_json::from_slice(&known).expect("JSON");
            fresh["id"] = known["id"].clone();
            fs::write(&file, fresh.to_string()).expect("written");
            // Git also identifies unchanged files by numbers that differ in a copy.
            self.world.git(&self.world.dir().join(name), ["status", "--porcelain"]);
        }
    }

    pub(crate) fn attempt(&self, mode: Mode, at: u64) -> (Trial, Vec<Finding>) {
        self.attempt_then(mode, at, &|_, _| {})
    }

    /// The same, and does something else once everything that ends has ended.
    pub(crate) fn attempt_then(&self, mode: Mode, at: u64, then: Then<'_>) -> (Trial, Vec<Finding>) {
        self.restore();
        let repo = TestRepo::new(&self.world, self.world.dir().join(self.operation.place));
        self.state.reset(mode, at);
        if let Some(start) = self.operation.start {
            let ended = self.run(&repo, &start(&repo), true);
            assert_eq!(ended.code, Some(0), "{}", ended.said);
            let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
            repo.wait_for_file(&id, "w");
        }
        let before = Before::of(&self.world);
        let moment = SystemTime::now();
        self.state.arm(true);
        let ended = self.run(&repo, &(self.operation.command)(&repo), true);
        let settled = self.wait_for_processes(
            self.operation.start.is_none() || self.operation.ends && ended.code == Some(0),
        );
        self.state.arm(false);
        let (calls, fired) = self.state.read();
        let trial = Trial { calls, fired, ended };
        let mut failures = Vec::new();
        if let Err(pids) = settled {
            failures.push(Column::Survivors.says(format!("processes {pids:?} still run")));
        }
        then(self, moment);
        self.look(&repo, &trial, before, &mut failures);
        self.end_all(&repo);
        (trial, failures)
    }

    fn look(&self, repo: &TestRepo<'_>, trial: &Trial, mut before: Before, failures: &mut Vec<Finding>) {
        let said = |ended: &Ended| ended.said.split_whitespace().collect::<Vec<_>>().join(" ");
        if trial.ended.took >= LIMIT {
            failures.push(Column::Stuck.says(said(&trial.ended)));
        }
        if trial.ended.code == Some(0)
            && let Err(why) = caught(|| (self.operation.done)(repo))
        {
            let what = format!("exit status 0, but {why}; output: {}", said(&trial.ended));
            failures.push(Column::Untrue.says(what));
        }
        failures.extend(checks::events_without_work(&self.world));
        before.add_files(&self.world);
        let next = Next { lab: self, repo };
        if let Err(why) = caught(|| (self.operation.again)(&next)) {
            failures.push(Column::Stuck.says(why));
        } else if let Err(why) = caught(|| (self.operation.done)(repo)) {
            failures.push(Column::Untrue.says(format!("after the next commands {why}")));
        }
        let _ = self.run(repo, &words(&["stop", "--all"]), false);
        let left = self.left();
        failures.extend(Column::Survivors.unless(left.is_empty(), || format!("'stop --all' left {left:?}")));
        failures.extend(checks::all(&self.world, repo, &before));
    }

    /// Runs `git orchestra …`, with or without the fault.
    fn run(&self, repo: &TestRepo<'_>, arguments: &[String], faulty: bool) -> Ended {
        let mut command = repo.orchestra_command(arguments);
        if faulty {
            self.state.apply_to(&mut command, self.world.dir(), Aim::default());
        }
        // Frees space for a process that waits for it on a full disk.
        run(&mut command, &|| self.state.arm(false))
    }

    /// Waits until the processes that were started under the fault have ended; an agent and its supervisor
    /// only if `all` is set.
    fn wait_for_processes(&self, all: bool) -> Result<(), Vec<i32>> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            let left = marked(self.state.path(), all);
            if left.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > LIMIT {
                return Err(left);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
            if begun.elapsed() > DISK_FULL_LIMIT {
                self.state.arm(false);
            }
        }
    }

    /// Returns the processes that still run a while after everything was stopped; files are removed in the background.
    fn left(&self) -> Vec<(u32, String)> {
        let begun = Instant::now();
        loop {
            let left = processes_in(&self.world);
            if left.is_empty() || begun.elapsed() > GRACE {
                return left;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn end_all(&self, repo: &TestRepo<'_>) {
        let _ = self.run(repo, &words(&["stop", "--all"]), false);
        for (pid, _) in processes_in(&self.world) {
            crate::supervisors::kill(pid);
        }
    }
}

/// Runs the commands that a user types next.
pub(crate) struct Next<'a> {
    lab: &'a Lab<'a>,
    repo: &'a TestRepo<'a>,
}

impl Next<'_> {
    pub(crate) const fn repo(&self) -> &TestRepo<'_> {
        self.repo
    }

    /// Runs a command, which must end in time with one of these exit statuses.
    pub(crate) fn run(&self, arguments: &[&str], codes: &[i32]) -> Result<(), String> {
        let ended = self.lab.run(self.repo, &words(arguments), false);
        let said = ended.said.split_whitespace().collect::<Vec<_>>().join(" ");
        match ended.code {
            _ if ended.took > AFTER_FAULT_LIMIT => {
                Err(format!("'{}' took {} s", arguments.join(" "), ended.took.as_secs()))
            }
            Some(code) if codes.contains(&code) => Ok(()),
            code => Err(format!("'{}' ended with {code:?}: {said}", arguments.join(" "))),
        }
    }
}

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Returns the message of a failed assertion instead of a panic.
pub(crate) fn caught(check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    caught_value(check).and_then(|checked| checked)
}

/// The same for a function that returns something else.
pub(crate) fn caught_value<T>(check: impl FnOnce() -> T) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).map_err(|panic| crate::words(&*panic))
}

/// Runs a command with a time limit. Its output goes to files, so that a process that it leaves running
/// cannot block. After a while `late` is called.
pub(crate) fn run(command: &mut Command, late: &dyn Fn()) -> Ended {
    let said = tempfile::NamedTempFile::new().expect("a file");
    let begun = Instant::now();
    let out = fs::File::options().append(true).open(said.path()).expect("a file");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a file"))
        .stderr(out)
        .spawn()
        .expect("started");
    let mut pause = Duration::from_millis(1);
    let code = loop {
        if let Some(status) = child.try_wait().expect("an end") {
            break status.code();
        }
        if begun.elapsed() > DISK_FULL_LIMIT {
            late();
        }
        if begun.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    let text = fs::read(said.path()).unwrap_or_default();
    Ended { code, said: String::from_utf8_lossy(&text).into_owned(), took: begun.elapsed() }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).output().expect("cp");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

/// Returns the processes that are subject to a state; without `all`, not the agents and their supervisors.
fn marked(state: &Path, all: bool) -> Vec<i32> {
    let wanted = format!("FAULT_STATE={}", state.display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let has = |file: &str, word: &str| {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            bytes.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let is_zombie = stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
        if is_zombie || !has("environ", &wanted) {
            continue;
        }
        let is_agents = || {
            let environ = fs::read(entry.path().join("environ")).unwrap_or_default();
            let of_agent = environ.split(|byte| *byte == 0).any(|part| part.starts_with(b"ORCHESTRA_AGENT="));
            of_agent || has("cmdline", "run")
        };
        if all || !is_agents() {
            found.push(pid);
        }
    }
    found
}
