//! What only Linux tells: who a process is, what it started, and which processes bear an agent's nonce.

use std::{
    collections::HashMap,
    fs,
    os::{
        fd::{AsFd, AsRawFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Kind, Result, error::Context, world::Clock};

/// Nanoseconds of one clock tick: Linux tells times of processes in hundredths of a second.
const TICK: i64 = 10_000_000;

/// A process that cannot be taken for a later one with the same number.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

impl ProcessId {
    /// The process that has this number now.
    pub fn of(pid: i32) -> Option<Self> {
        let (_, _, start) = stat(pid)?;
        Some(Self { pid, start })
    }

    /// This process.
    pub fn me() -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        Self::of(pid).unwrap_or(Self { pid, start: 0 })
    }

    /// Whether it still runs. A zombie does not.
    pub fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|(_, state, start)| start == self.start && state != b'Z' && state != b'X')
    }
}

/// A program at work.
#[derive(Clone, Debug)]
pub struct ProgramProcess {
    /// Its process.
    pub pid: i32,
    /// When that began, in nanoseconds since 1970.
    pub begun: i64,
    /// The folder in which it stands.
    pub folder: PathBuf,
    /// What it was started with.
    pub arguments: Vec<String>,
}

/// Tells this boot of the machine from every other.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// From now on, what our descendants leave behind becomes our child instead of that of init.
///
/// # Errors
/// The kernel refuses.
pub fn adopt_orphans() -> Result<()> {
    let me = Some(rustix::process::getpid());
    rustix::process::set_child_subreaper(me)
        .context(Kind::External, || "cannot become the reaper of the agent's processes".into())
}

/// All living descendants of a process, except those below the processes in `spare`.
pub fn descendants(of: i32, spare: &[i32]) -> Vec<ProcessId> {
    let mut children: HashMap<i32, Vec<ProcessId>> = HashMap::new();
    for pid in all() {
        if let Some((parent, state, start)) = stat(pid)
            && state != b'Z'
        {
            children.entry(parent).or_default().push(ProcessId { pid, start });
        }
    }
    let (mut found, mut open) = (Vec::new(), vec![of]);
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            if !spare.contains(&child.pid) {
                open.push(child.pid);
                found.push(child);
            }
        }
    }
    found
}

/// All living processes whose environment holds `NAME=value`.
pub fn with_variable(name: &str, value: &str) -> Vec<ProcessId> {
    let wanted = format!("{name}={value}").into_bytes();
    let bears = |pid: &i32| environment(*pid).split(|byte| *byte == 0).any(|entry| entry == wanted);
    all().into_iter().filter(bears).filter_map(ProcessId::of).filter(ProcessId::is_alive).collect()
}

/// All living processes whose environment holds a variable, with its value.
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

/// All living processes with what each was started with.
pub fn with_arguments() -> Vec<(ProcessId, Vec<String>)> {
    let of = |pid: i32| Some((ProcessId::of(pid)?, arguments(pid)?));
    all().into_iter().filter_map(of).filter(|(process, _)| process.is_alive()).collect()
}

/// The environment of a process, as far as the user may know it. In the middle of an exec the kernel shows none for an instant:
/// where a program runs and nothing is shown, it is looked at again.
fn environment(pid: i32) -> Vec<u8> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    for _ in 0..4 {
        match fs::read(process.join("environ")) {
            Ok(empty) if empty.is_empty() && fs::read_link(process.join("exe")).is_ok() => {
                std::thread::sleep(Duration::from_millis(1));
            }
            found => return found.unwrap_or_default(),
        }
    }
    Vec::new()
}

/// The path of an open file or folder.
pub fn path_of(file: impl AsFd) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())).ok()
}

/// The device and number of the folder in which a process stands, as far as the user may know.
pub fn folder_of(process: ProcessId) -> Option<(u64, u64)> {
    fs::metadata(format!("/proc/{}/cwd", process.pid)).ok().map(|found| (found.dev(), found.ino()))
}

/// Where every process, this one aside, stands, runs or has a file open, as far as the user may know.
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

/// The processes that run a program.
pub fn running(program: &Path) -> Vec<i32> {
    let runs = |pid: &i32| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
    all().into_iter().filter(runs).collect()
}

/// The processes that run a program or its script, by the name of that. What one of them started is a part of it.
pub fn at_work(program: &str) -> Vec<ProgramProcess> {
    let found: HashMap<i32, Vec<String>> = all()
        .into_iter()
        .filter_map(|pid| Some((pid, arguments(pid).filter(|words| names(words, program))?)))
        .collect();
    let booted = booted();
    let of = |(pid, arguments): (&i32, &Vec<String>)| {
        let (parent, state, start) = stat(*pid)?;
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

/// The words of a command line.
fn arguments(pid: i32) -> Option<Vec<String>> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    Some(words.collect())
}

/// The program itself; or an interpreter, perhaps with options, and the path of the script.
fn names(arguments: &[String], program: &str) -> bool {
    let is_it = |word: &str| Path::new(word).file_name().is_some_and(|name| name == program);
    let mut words = arguments.iter().map(String::as_str);
    let runs = words.next().is_some_and(is_it);
    runs || words.find(|word| !word.starts_with('-')).is_some_and(|word| word.contains('/') && is_it(word))
}

/// When the machine was started, in nanoseconds since 1970, as the clock stands now.
fn booted() -> i64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0i64);
    // Compared with the times of processes, which the kernel stamps.
    Clock::system()
        .milliseconds()
        .saturating_mul(1_000_000)
        .saturating_sub(seconds.saturating_mul(1_000_000_000))
}

/// What a process is called.
pub fn name_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// Parent, state and start of a process. The name in between may hold anything, also `)`.
fn stat(pid: i32) -> Option<(i32, u8, u64)> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(after + 2..)?).ok()?;
    let mut fields = rest.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    let parent = fields.next()?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some((parent, state, start))
}

fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Whether agents can be supervised on this system.
///
/// # Errors
/// `/proc` is not there.
pub fn check() -> Result<()> {
    if stat(ProcessId::me().pid).is_some() {
        Ok(())
    } else {
        Err(Error::new(Code::PlatformUnsupported, "agents cannot be supervised here: /proc is not mounted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_name_or_by_that_of_its_script() {
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
    fn a_process_is_its_number_and_its_start() {
        let me = ProcessId::me();
        assert!(me.is_alive());
        assert!(!ProcessId { start: me.start + 1, ..me }.is_alive());
        assert!(check().is_ok());
    }
}
