//! Injects faults at chosen calls: a library, preloaded into the programs under test, lets calls fail or
//! kills the process, controlled through a shared file. The programs are unmodified, from any build.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::World;

/// The size of the shared state and the offsets of its fields, as in `fault.c`.
const STATE: usize = 512;
const AT: usize = 8;
const MODE: usize = 16;
const ARMED: usize = 20;
const FIRED: usize = 24;
const WHAT: usize = 32;
const AHEAD: usize = 504;

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Mode {
    /// Nothing: calls are only counted.
    Count,
    /// The call fails with an input/output error.
    Error,
    /// The process that makes the call is killed.
    Kill,
    /// The disk is full from this call on.
    Full,
    /// The user's quota is used up from this call on.
    Quota,
    /// The file system is read-only from this call on.
    ReadOnly,
    /// The process that makes the call stops before it, until it gets SIGCONT. No fault: what another process does at that moment is
    /// the test.
    Stop,
}

impl Mode {
    /// The modes of trials.
    pub const ALL: [Self; 6] =
        [Self::Count, Self::Error, Self::Kill, Self::Full, Self::Quota, Self::ReadOnly];
    /// The modes that inject a fault.
    pub const FAULTS: [Self; 5] = [Self::Error, Self::Kill, Self::Full, Self::Quota, Self::ReadOnly];

    /// Returns its name on the command line of the test.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Count => "none",
            Self::Error => "eio",
            Self::Kill => "kill",
            Self::Full => "full",
            Self::Quota => "quota",
            Self::ReadOnly => "readonly",
            Self::Stop => "stop",
        }
    }
}

/// Which calls are counted. By default, every call below the directory of the world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aim {
    /// Texts in the command lines of the processes; all processes if empty.
    pub program: Option<&'static str>,
    /// A named step: the call and a part of its path, such as `rename refs/heads/main`.
    pub step: Option<&'static str>,
    /// Counting begins with the first call on a path that contains this.
    pub from: Option<&'static str>,
    /// Counting ends when a directory whose path ends like this is removed.
    pub until: Option<&'static str>,
    /// Whether the parent process is killed too.
    pub with_parent: bool,
}

impl Aim {
    /// Counts every call of a program that changes a file.
    pub const fn at(program: &'static str) -> Self {
        Self { program: Some(program), step: None, from: None, until: None, with_parent: false }
    }
}

/// The compiled library.
pub struct Injector {
    folder: TempDir,
}

impl Injector {
    /// Compiles the library with the C compiler that Rust needs for linking. Returns `None` if there is
    /// none.
    pub fn compile() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("orchestra-faults-").tempdir().ok()?;
        let source = folder.path().join("fault.c");
        fs::write(&source, include_str!("fault.c")).ok()?;
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiled = Command::new(compiler)
            .args(["-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o"])
            .arg(folder.path().join("fault.so"))
            .arg(source)
            .arg("-ldl")
            .output()
            .ok()?;
        if !compiled.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&compiled.stderr));
        }
        compiled.status.success().then_some(Self { folder })
    }

    /// Runs a command until it ends, and returns the number of calls that were counted.
    pub fn count(&self, world: &World, command: &mut Command, aim: Aim) -> u64 {
        self.run(world, command, aim, Mode::Count, 0).0
    }

    /// Runs a command, and kills the process that makes the `at`-th counted call. Returns which call that
    /// was, or `None` if there were fewer calls and nothing was killed.
    pub fn kill(&self, world: &World, command: &mut Command, aim: Aim, at: u64) -> Option<String> {
        self.run(world, command, aim, Mode::Kill, at).1
    }

    fn run(
        &self,
        world: &World,
        command: &mut Command,
        aim: Aim,
        mode: Mode,
        at: u64,
    ) -> (u64, Option<String>) {
        let state = self.state("run");
        state.reset(mode, at);
        state.arm(true);
        state.apply_to(command, world.dir(), aim);
        crate::Ran::of(command);
        state.read()
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("fault.so")
    }

    /// Creates the shared state of one operation.
    pub fn state(&self, name: &str) -> State<'_> {
        State { path: self.folder.path().join(name), injector: self }
    }
}

/// The state that the processes of one trial share.
pub struct State<'a> {
    path: PathBuf,
    injector: &'a Injector,
}

impl State<'_> {
    /// Returns the inode numbers of the files that were synced to the disk since the last reset.
    pub fn synced(&self) -> BTreeSet<u64> {
        let text = fs::read_to_string(self.synced_path()).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    fn synced_path(&self) -> PathBuf {
        self.path.with_extension("synced")
    }

    /// Returns the path of the shared file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Resets the state: nothing is counted yet, and nothing fails before it is armed.
    pub fn reset(&self, mode: Mode, at: u64) {
        let mut bytes = [0; STATE];
        bytes[AT..AT + 8].copy_from_slice(&at.to_ne_bytes());
        bytes[MODE..MODE + 4].copy_from_slice(&(mode as u32).to_ne_bytes());
        fs::write(&self.path, bytes).expect("a state");
        fs::write(self.synced_path(), "").expect("a file");
    }

    /// Starts counting and failing calls; `false` stops it, and a full disk has space again.
    pub fn arm(&self, armed: bool) {
        use std::os::unix::fs::FileExt;
        let file = fs::File::options().write(true).open(&self.path).expect("a state");
        file.write_all_at(&u32::from(armed).to_ne_bytes(), ARMED as u64).expect("written");
    }

    /// Moves the clock of the wall of all processes, also of those that already run, so that it is this many seconds ahead.
    pub fn set_clock_ahead(&self, seconds: i64) {
        use std::os::unix::fs::FileExt;
        let file = fs::File::options().write(true).open(&self.path).expect("a state");
        file.write_all_at(&seconds.to_ne_bytes(), AHEAD as u64).expect("written");
    }

    /// Returns the number of counted calls, and the call at which the fault happened.
    pub fn read(&self) -> (u64, Option<String>) {
        let bytes = fs::read(&self.path).expect("a state");
        let number = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let what = bytes[WHAT..AHEAD].split(|byte| *byte == 0).next().unwrap_or_default();
        let fired = (number(FIRED) > 0).then(|| String::from_utf8_lossy(what).into_owned());
        (number(0), fired)
    }

    /// Subjects a command, and every process it starts, to the faults.
    pub fn apply_to(&self, command: &mut Command, root: &Path, aim: Aim) {
        let named = [
            ("FAULT_PROGRAM", aim.program),
            ("FAULT_STEP", aim.step),
            ("FAULT_FROM", aim.from),
            ("FAULT_UNTIL", aim.until),
            ("FAULT_PARENT", aim.with_parent.then_some("1")),
        ];
        command.envs(named.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        command
            .env("LD_PRELOAD", self.injector.library())
            .env("FAULT_STATE", &self.path)
            .env("FAULT_SYNCED", self.synced_path())
            .env("FAULT_ROOT", root)
            .env("FAULT_EXCEPT", root.join("hub.git"));
    }
}
