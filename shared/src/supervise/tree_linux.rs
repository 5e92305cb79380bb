//! Reads processes from Linux's `/proc`: their identity, their descendants, and which of them carry an agent's nonce.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read as _},
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Kind, Result, error::ErrorContext, world::Clock};

/// Nanoseconds of one clock tick: Linux reports times of processes in hundredths of a second.
const TICK: i64 = 10_000_000;

/// How the names of our own programs begin.
const OWN_PROGRAMS: &str = "git-orchestra";

/// A process, distinguished from a later one with the same id by its start time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ProcessId {
    /// The process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

impl ProcessId {
    /// Returns the process that has this id now.
    pub fn of(pid: i32) -> Option<Self> {
        let start = Stat::of(pid)?.start;
        Some(Self { pid, start })
    }

    /// Returns this process.
    pub fn me() -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Self::of(pid).unwrap_or(Self { pid, start: 0 })
    }

    /// Returns whether it is still running. A zombie is not.
    pub fn is_alive(&self) -> bool {
        Stat::of(self.pid).is_some_and(|now| now.start == self.start && now.runs())
    }
}

/// A process that runs a program.
#[derive(Clone, Debug)]
pub struct ProgramProcess {
    /// The process id.
    pub pid: i32,
    /// When it started, in nanoseconds since 1970.
    pub begun: i64,
    /// Its current folder.
    pub folder: PathBuf,
    /// Its command line.
    pub arguments: Vec<String>,
}

/// How much of a file of `/proc` is asked for at once, in bytes. Their usual length is less.
const USUAL_BYTES: usize = 2048;

/// Reads a file of `/proc`, which says that its size is 0: the usual way to read a file asks for 32 bytes at first.
fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    fs::File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`read`], for text; empty if it cannot be read.
fn text(path: impl AsRef<Path>) -> String {
    read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Returns the CPU time that the calling thread has used so far; `None` if the kernel does not count it.
pub fn thread_cpu_time() -> Option<Duration> {
    Some(Duration::from_nanos(text("/proc/thread-self/schedstat").split(' ').next()?.parse().ok()?))
}

/// Returns the id of this boot of the machine, which no process outlives.
pub fn boot_id() -> String {
    static ID: LazyLock<String> = LazyLock::new(|| text("/proc/sys/kernel/random/boot_id").trim().to_owned());
    ID.clone()
}

/// Makes this process the subreaper: orphans among its descendants become its children instead of those of init.
///
/// # Errors
/// The kernel refuses.
pub fn adopt_orphans() -> Result<()> {
    let me = Some(rustix::process::getpid());
    rustix::process::set_child_subreaper(me)
        .context(Kind::External, || "cannot become the reaper of the agent's processes".into())
}

/// Returns all live descendants of a process, except the processes in `spare` and their descendants.
pub fn descendants(of: i32, spare: &[i32]) -> Vec<ProcessId> {
    let mut children: HashMap<i32, Vec<(ProcessId, bool)>> = HashMap::new();
    for pid in all() {
        if let Some(stat) = Stat::of(pid) {
            let process = ProcessId { pid, start: stat.start };
            children.entry(stat.parent).or_default().push((process, stat.state == b'Z'));
        }
    }
    let (mut found, mut open) = (Vec::new(), vec![of]);
    while let Some(parent) = open.pop() {
        for (child, is_zombie) in children.remove(&parent).unwrap_or_default() {
            if !spare.contains(&child.pid) {
                // A process whose first thread has ended looks like a zombie, and keeps its children until its last thread ends.
                open.push(child.pid);
                if !is_zombie {
                    found.push(child);
                }
            }
        }
    }
    found
}

/// The largest number of processes of a tree that are measured.
const MAX_MEASURED: usize = 4096;

/// Returns the memory that the descendants of a process have to themselves, in bytes: what their end would free. Reads only these
/// processes, because every list of agents asks for it.
pub fn memory_below(of: i32) -> u64 {
    let (mut open, mut seen, mut kibibytes) = (children(of), 0, 0u64);
    while let Some(pid) = open.pop() {
        seen += 1;
        if seen > MAX_MEASURED {
            break;
        }
        open.extend(children(pid));
        kibibytes = kibibytes.saturating_add(anonymous_memory(pid));
    }
    kibibytes.saturating_mul(1024)
}

/// Returns the children of a process; none if it has ended, or if the kernel keeps no such list.
fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let all: String = threads.flatten().map(|thread| text(thread.path().join("children"))).collect();
    all.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Returns the memory of a process that no file backs, in KiB.
fn anonymous_memory(pid: i32) -> u64 {
    let status = text(format!("/proc/{pid}/status"));
    let value = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    value.and_then(|value| value.trim().split(' ').next()?.parse().ok()).unwrap_or(0)
}

/// Returns whether a process was stopped by a signal.
pub fn is_stopped(process: ProcessId) -> bool {
    Stat::of(process.pid).is_some_and(|now| now.start == process.start && now.state == b'T')
}
/// Returns at most `most` live descendants of a process, except programs of this suite and what they started. The other processes of
/// the machine are not looked at. Empty where the kernel does not list the children of a process.
pub fn some_descendants(of: i32, most: usize) -> Vec<ProcessId> {
    let (mut found, mut open) = (Vec::new(), vec![of]);
    while let Some(parent) = open.pop() {
        for child in children(parent) {
            if found.len() == most {
                return found;
            }
            if !name_of(child).starts_with(OWN_PROGRAMS)
                && let Some(process) = ProcessId::of(child)
            {
                open.push(child);
                found.push(process);
            }
        }
    }
    found
}

/// Returns all live processes whose environment contains `NAME=value`.
pub fn with_variable(name: &str, value: &str) -> Vec<ProcessId> {
    let wanted = format!("{name}={value}").into_bytes();
    let bears = |pid: &i32| environment(*pid).split(|byte| *byte == 0).any(|entry| entry == wanted);
    all().into_iter().filter(bears).filter_map(ProcessId::of).filter(ProcessId::is_alive).collect()
}

/// Returns all live processes whose environment contains a variable, with its value.
pub fn values_of(name: &str) -> Vec<(ProcessId, String)> {
    let prefix = format!("{name}=").into_bytes();
    let value = |pid: i32| {
        let environment = environment(pid);
        let mut entries = environment.split(|byte| *byte == 0);
        let value = entries.find_map(|entry| entry.strip_prefix(prefix.as_slice()))?;
        Some((ProcessId::of(pid)?, String::from_utf8_lossy(value).into_owned()))
    };
    all().into_iter().filter_map(value).filter(|(process, _)| process.is_alive()).collect()
}

/// Returns all live processes with their command lines.
pub fn with_arguments() -> Vec<(ProcessId, Vec<String>)> {
    let of = |pid: i32| Some((ProcessId::of(pid)?, arguments(pid)?));
    all().into_iter().filter_map(of).filter(|(process, _)| process.is_alive()).collect()
}

/// Reads the environment of a process; empty if the user may not read it. During an exec the kernel shows an empty environment for
/// a moment: if a program runs but its environment is empty, it is read again.
fn environment(pid: i32) -> Vec<u8> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    for _ in 0..4 {
        match read(process.join("environ")) {
            Ok(empty) if empty.is_empty() && fs::read_link(process.join("exe")).is_ok() => {
                std::thread::sleep(Duration::from_millis(1));
            }
            found => return found.unwrap_or_default(),
        }
    }
    Vec::new()
}

/// Returns the path of an open file or folder.
pub fn path_of(file: impl AsFd) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())).ok()
}

/// Returns the device and inode of the current folder of a process, if the user may read it.
pub fn folder_of(process: ProcessId) -> Option<(u64, u64)> {
    fs::metadata(format!("/proc/{}/cwd", process.pid)).ok().map(|found| (found.dev(), found.ino()))
}

/// Returns the current folder, program, root and open files of every other process, as far as the user may read them.
pub fn places_in_use() -> Vec<(i32, PathBuf)> {
    let me = ProcessId::me().pid;
    let mut found = Vec::new();
    for pid in all().into_iter().filter(|pid| *pid != me) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten().map(|entry| entry.path());
        let links = ["cwd", "exe", "root"].map(|link| process.join(link)).into_iter().chain(open);
        let paths = links.filter_map(|link| fs::read_link(link).ok()).filter(|path| path.is_absolute());
        found.extend(paths.map(|path| (pid, path)));
    }
    found
}

/// Returns the processes that run a program or script of this name. Children of such a process are not listed separately.
pub fn processes_running(program: &str) -> Vec<ProgramProcess> {
    let found: HashMap<i32, Vec<String>> = all()
        .into_iter()
        .filter_map(|pid| Some((pid, arguments(pid).filter(|words| names(words, program))?)))
        .collect();
    let booted = booted();
    let of = |(pid, arguments): (&i32, &Vec<String>)| {
        let Stat { state, parent, start, .. } = Stat::of(*pid)?;
        if found.contains_key(&parent) || state == b'Z' {
            return None;
        }
        let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        let since = i64::try_from(start).ok()?.saturating_mul(TICK);
        Some(ProgramProcess {
            pid: *pid,
            begun: booted.saturating_add(since),
            folder,
            arguments: arguments.clone(),
        })
    };
    found.iter().filter_map(of).collect()
}

/// Reads the arguments of a process.
fn arguments(pid: i32) -> Option<Vec<String>> {
    let bytes = read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    Some(words.collect())
}

/// Returns whether a command line runs a program: directly, or by an interpreter, perhaps with options, and the path of the script.
fn names(arguments: &[String], program: &str) -> bool {
    let is_it = |word: &str| Path::new(word).file_name().is_some_and(|name| name == program);
    let mut words = arguments.iter().map(String::as_str);
    let runs = words.next().is_some_and(is_it);
    runs || words.find(|word| !word.starts_with('-')).is_some_and(|word| word.contains('/') && is_it(word))
}

/// Returns when the machine was started, in nanoseconds since 1970 by the current clock.
fn booted() -> i64 {
    let uptime = text("/proc/uptime");
    let seconds = uptime.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0i64);
    // It is compared with the times of processes, which are those of the system's clock.
    Clock::system()
        .milliseconds()
        .saturating_mul(1_000_000)
        .saturating_sub(seconds.saturating_mul(1_000_000_000))
}

/// Returns the name of a process; empty if it has ended.
pub fn name_of(pid: i32) -> String {
    text(format!("/proc/{pid}/comm")).trim().to_owned()
}

/// What `/proc/PID/stat` says of a process; see `proc(5)`.
struct Stat {
    state: u8,
    parent: i32,
    /// 0 if the leader of the session is outside our container.
    session: i32,
    /// In clock ticks since boot.
    start: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        Self::parse(&read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Reads the line. The name of the process, which comes first, may contain anything, even `)`.
    fn parse(text: &[u8]) -> Option<Self> {
        let after = text.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(text.get(after + 2..)?).ok()?;
        let mut fields = rest.split(' ');
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        let start = fields.nth(15)?.parse().ok()?;
        Some(Self { state, parent, session, start })
    }

    /// A zombie does not run.
    fn runs(&self) -> bool {
        self.state != b'Z' && self.state != b'X'
    }
}

/// Returns the session of this process, which is the same in each pipeline of a terminal; `None` if its leader is outside our
/// container. (`getsid(2)` returns 0 then, which is no process id: `rustix` relies on that it never does.)
pub fn session() -> Option<i32> {
    let session = Stat::of(ProcessId::me().pid)?.session;
    (session > 0).then_some(session)
}

fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Checks that agents can be supervised on this system.
///
/// # Errors
/// `/proc` is not mounted.
pub fn check() -> Result<()> {
    if Stat::of(ProcessId::me().pid).is_some() {
        Ok(())
    } else {
        Err(Error::new(Code::PlatformUnsupported, "agents cannot be supervised here: /proc is not mounted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_recognized_by_name_or_script() {
        for (line, expected) in [
            ("gemini", true),
            ("/usr/bin/gemini -p x", true),
            ("node /usr/lib/bin/gemini", true),
            ("node --memory=1 /usr/lib/bin/gemini -p x", true),
            ("vim notes/gemini.md", false),
            ("git-orchestra-sessions --program gemini", false),
            ("node server.js /usr/bin/gemini", false),
            ("", false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(names(&words, "gemini"), expected, "{line}");
        }
    }

    #[test]
    fn the_line_of_a_process_is_read_whatever_its_name() {
        for (name, session) in [("sh", 7), ("a) R 1 (b", 7), ("sh", 0)] {
            let line = format!("70 ({name}) S 3 70 {session} 34816 70 0 0 0 0 0 1 2 0 0 20 0 1 0 555 0");
            let stat = Stat::parse(line.as_bytes()).unwrap();
            assert_eq!(
                (stat.state, stat.parent, stat.session, stat.start),
                (b'S', 3, session, 555),
                "{line}"
            );
        }
        assert!(Stat::parse(b"70 (sh) S 3").is_none());
    }

    #[test]
    fn a_process_is_its_number_and_its_start() {
        let me = ProcessId::me();
        assert!(me.is_alive());
        assert!(!ProcessId { start: me.start + 1, ..me }.is_alive());
        assert!(check().is_ok());
    }
}
