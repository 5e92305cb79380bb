//! The library that lets calls fail, compiled when the tests run, and the file through which it is told when.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

/// Size of the state, and where its fields lie: see `fault.c`.
const STATE: usize = 512;
const AT: usize = 8;
const MODE: usize = 16;
const ARMED: usize = 20;
const FIRED: usize = 24;
const WHAT: usize = 32;

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Mode {
    /// Nothing; the calls are counted.
    Count,
    /// The call fails with an input/output error.
    Error,
    /// The process that makes it is killed.
    Kill,
    /// The disk is full from this call on.
    Full,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Count, Self::Error, Self::Kill, Self::Full];
    pub(crate) const FAULTS: [Self; 3] = [Self::Error, Self::Kill, Self::Full];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Count => "none",
            Self::Error => "eio",
            Self::Kill => "kill",
            Self::Full => "full",
        }
    }
}

pub(crate) struct Injector {
    folder: TempDir,
}

impl Injector {
    /// Compiles it with the C compiler that every Rust needs for linking.
    pub(crate) fn compile() -> Self {
        let folder = tempfile::Builder::new().prefix("orchestra-faults-").tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/fault.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let compiled = Command::new(compiler)
            .args(["-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o"])
            .arg(folder.path().join("fault.so"))
            .arg(source)
            .arg("-ldl")
            .output()
            .expect("a C compiler");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        Self { folder }
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("fault.so")
    }

    /// A state of its own for one operation.
    pub(crate) fn state(&self, name: &str) -> State<'_> {
        State { path: self.folder.path().join(name), injector: self }
    }
}

/// The state that the processes of one trial share.
pub(crate) struct State<'a> {
    path: PathBuf,
    injector: &'a Injector,
}

impl State<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it anew: nothing is counted yet, and nothing fails before it is armed.
    pub(crate) fn reset(&self, mode: Mode, at: u64) {
        let mut bytes = [0; STATE];
        bytes[AT..AT + 8].copy_from_slice(&at.to_ne_bytes());
        bytes[MODE..MODE + 4].copy_from_slice(&(mode as u32).to_ne_bytes());
        fs::write(&self.path, bytes).expect("a state");
    }

    /// From now on calls are counted and fail; or, with `false`, no longer: a full disk has space again.
    pub(crate) fn arm(&self, armed: bool) {
        use std::os::unix::fs::FileExt;
        let file = fs::File::options().write(true).open(&self.path).expect("a state");
        file.write_all_at(&u32::from(armed).to_ne_bytes(), ARMED as u64).expect("written");
    }

    /// How many calls were counted, and at which one the fault was.
    pub(crate) fn read(&self) -> (u64, Option<String>) {
        let bytes = fs::read(&self.path).expect("a state");
        let number = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let what = bytes[WHAT..].split(|byte| *byte == 0).next().unwrap_or_default();
        let fired = (number(FIRED) > 0).then(|| String::from_utf8_lossy(what).into_owned());
        (number(0), fired)
    }

    /// Lets a command, and all that it starts, be subject to it.
    pub(crate) fn put_on(&self, command: &mut Command, root: &Path) {
        command
            .env("LD_PRELOAD", self.injector.library())
            .env("FAULT_STATE", &self.path)
            .env("FAULT_ROOT", root)
            .env("FAULT_EXCEPT", root.join("hub.git"));
    }
}
