//! The supervisors above the caller among the processes. A program can change its variables, but it cannot choose its ancestors.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use super::agent_settings::Variables;
use crate::model::AgentId;

/// The program that supervises agents.
pub const SUPERVISOR: &str = "git-orchestra-supervise";
/// The first argument of [`SUPERVISOR`] that makes it supervise an agent.
pub const RUN: &str = "run";
/// The program that syncs, and its option for a sync that nobody waits for.
pub const SYNC: (&str, &str) = ("git-orchestra-sync", "--auto");
/// The program that delivers a notice, and its verb for that.
pub const NOTICE: (&str, &str) = (SUPERVISOR, "notify");
/// The program that removes the results of builds, and its option for that.
pub const REMOVE_BUILDS: (&str, &str) = ("git-orchestra-cleanup", "--remove-builds");

/// What supervisors start in the background for the person, and not for their agent.
const JOBS: [(&str, &str); 3] = [SYNC, NOTICE, REMOVE_BUILDS];
/// How the names of the files of our own programs begin.
const OWN_PROGRAMS: &str = "git-orchestra";
/// The maximum number of ancestors that are looked at.
const MAX_ANCESTORS: usize = 4096;

/// A supervisor that started the caller, directly or indirectly.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SupervisorAbove {
    /// Its process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
    /// The agent that its command line names.
    pub agent: AgentId,
    /// The common git directory that its command line names; out of date after the repository was renamed.
    place: PathBuf,
    /// The device and inode of its current folder, which is the common git directory.
    folder: Option<(u64, u64)>,
}

impl SupervisorAbove {
    /// Returns the variables with which it was started; `None` if they cannot be read.
    pub(super) fn variables(&self) -> Option<Variables> {
        let text = fs::read(format!("/proc/{}/environ", self.pid)).ok().filter(|text| !text.is_empty())?;
        let pairs = text.split(|byte| *byte == 0).filter_map(|pair| {
            let at = memchr::memchr(b'=', pair)?;
            Some((OsStr::from_bytes(&pair[..at]).to_owned(), OsStr::from_bytes(&pair[at + 1..]).to_owned()))
        });
        Some(pairs.collect())
    }

    /// Returns whether it belongs to the repository with this common git directory.
    pub fn is_of(&self, common_dir: &Path) -> bool {
        let identity = fs::metadata(common_dir).ok().map(|found| (found.dev(), found.ino()));
        match (self.folder, identity) {
            (Some(folder), Some(identity)) => folder == identity,
            _ => self.place == common_dir,
        }
    }
}

/// A process on the way up.
#[derive(Clone, Debug, Default)]
struct Process {
    pid: i32,
    parent: i32,
    start: u64,
    words: Vec<String>,
    /// The name of its file; `None` if the user may not read it.
    file: Option<String>,
    folder: Option<(u64, u64)>,
}

impl Process {
    /// Reads a process where the system shows processes as Linux does; `None` elsewhere, and if it has ended.
    fn read(pid: i32) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        let (parent, start) = parse_stat(&stat)?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let mut process = Self { pid, parent, start, words, ..Self::default() };
        // Few processes have such a name: the rest of them is read only for these.
        if process.names(SUPERVISOR) || process.names_a_job() {
            let file = fs::read_link(format!("/proc/{pid}/exe")).ok();
            process.file = file.and_then(|file| Some(file.file_name()?.to_string_lossy().into_owned()));
            let folder = fs::metadata(format!("/proc/{pid}/cwd")).ok();
            process.folder = folder.map(|found| (found.dev(), found.ino()));
        }
        Some(process)
    }

    fn names(&self, program: &str) -> bool {
        let first = self.words.first().map(Path::new).and_then(Path::file_name);
        first.is_some_and(|name| name == program)
    }

    fn names_a_job(&self) -> bool {
        is_job(&self.words)
    }

    /// Returns whether it runs one of our programs, whatever its command line says.
    fn is_ours(&self, unless_known: bool) -> bool {
        self.file.as_ref().map_or(unless_known, |file| file.starts_with(OWN_PROGRAMS))
    }

    fn supervisor(&self) -> Option<SupervisorAbove> {
        let (place, agent) = parse_supervisor(&self.words)?;
        let agent = AgentId::parse(agent).ok().filter(|_| self.is_ours(true))?;
        Some(SupervisorAbove {
            pid: self.pid,
            start: self.start,
            agent,
            place: PathBuf::from(place),
            folder: self.folder,
        })
    }
}

/// Returns the repository and agent of a command line if it is that of a supervisor.
pub fn parse_supervisor(words: &[String]) -> Option<(&str, &str)> {
    let [program, verb, place, id, ..] = words else { return None };
    let is_supervisor = Path::new(program).file_name().is_some_and(|name| name == SUPERVISOR);
    (is_supervisor && verb == RUN).then_some((place, id))
}

/// Returns whether a command line is that of a job in the background: a sync, a notice, or the removal of the results of builds.
pub fn is_job(words: &[String]) -> bool {
    let [program, word, ..] = words else { return false };
    let name = Path::new(program).file_name().unwrap_or_default();
    JOBS.iter().any(|(job, verb)| name == *job && word == verb)
}

/// Returns the supervisors above a process, the nearest first. None if one of them started a job for the person on the way.
pub(super) fn supervisors_above(pid: i32) -> Vec<SupervisorAbove> {
    let parent = |pid: i32| Process::read(pid).map(|process| process.parent);
    let Some(first) = parent(pid) else { return Vec::new() };
    let mut next = Some(first).filter(|pid| *pid > 0);
    let chain = std::iter::from_fn(|| {
        let process = Process::read(next?)?;
        next = Some(process.parent).filter(|pid| *pid > 0);
        Some(process)
    });
    supervisors_in(chain.take(MAX_ANCESTORS))
}

/// Finds the supervisors in a row of processes, each the child of the next one.
fn supervisors_in(row: impl Iterator<Item = Process>) -> Vec<SupervisorAbove> {
    let mut found = Vec::new();
    let mut is_below_job = false;
    for process in row {
        let supervisor = process.supervisor();
        // Only a supervisor itself starts such a job: a program below it that names itself so is the agent's.
        if is_below_job && supervisor.is_some() && found.is_empty() {
            return Vec::new();
        }
        is_below_job = process.names_a_job() && process.is_ours(false);
        found.extend(supervisor);
    }
    found
}

/// Reads the parent and the start time. The name of the process, which comes first, may contain anything, even `)`.
fn parse_stat(text: &[u8]) -> Option<(i32, u64)> {
    let after = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(text.get(after + 2..)?).ok()?.split(' ').skip(1);
    let parent = fields.next()?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some((parent, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(lines: &[(&str, &str)]) -> Vec<String> {
        let process = |(at, (line, file)): (usize, &(&str, &str))| Process {
            pid: i32::try_from(at).unwrap(),
            words: line.split(' ').map(str::to_owned).collect(),
            file: Some((*file).to_owned()).filter(|file| !file.is_empty()),
            ..Process::default()
        };
        let found = supervisors_in(lines.iter().enumerate().map(process));
        found.iter().map(|one| one.agent.to_string()).collect()
    }

    #[test]
    fn the_nearest_supervisor_comes_first_and_only_our_program_is_one() {
        let fix = ("git-orchestra-supervise run /r/.git fix-00000", "git-orchestra");
        let outer = ("/bin/git-orchestra-supervise run /r/.git outer-00000", "git-orchestra (deleted)");
        let fake = ("git-orchestra-supervise run /r/.git fake-00000", "bash");
        let unreadable = (fix.0, "");
        let notice = ("git-orchestra-supervise notify /r/.git fix-00000", "git-orchestra");
        let fake_notice = (notice.0, "bash");
        let shell = ("sh -c x", "");
        let none: [&str; 0] = [];
        for (lines, expected) in [
            (&[shell, shell][..], &none[..]),
            (&[shell, fix, shell, outer], &["fix-00000", "outer-00000"]),
            (&[shell, fake, shell, outer], &["outer-00000"]),
            (&[unreadable], &["fix-00000"]),
            // A job of the person is not the agent's, unless a program of the agent started it.
            (&[shell, notice, fix], &[]),
            (&[shell, notice, fix, outer], &[]),
            (&[shell, notice, shell, fix], &["fix-00000"]),
            (&[shell, fake_notice, fix], &["fix-00000"]),
        ] {
            assert_eq!(row(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_line_of_a_process_is_read_whatever_its_name() {
        for name in ["sh", "a) R 1 (b"] {
            let line = format!("70 ({name}) S 3 70 7 34816 70 0 0 0 0 0 1 2 0 0 20 0 1 0 555 0");
            assert_eq!(parse_stat(line.as_bytes()), Some((3, 555)), "{name}");
        }
        assert!(parse_stat(b"70 (sh) S 3").is_none());
    }

    #[test]
    fn jobs_and_supervisors_are_known_by_their_command_lines() {
        let known = Some(("/r/.git", "a-00000"));
        for (line, agent, job) in [
            ("/bin/git-orchestra-supervise run /r/.git a-00000", known, false),
            ("git-orchestra-supervise run /r/.git a-00000", known, false),
            ("git-orchestra-supervise take /r/.git a-00000", None, false),
            ("vim git-orchestra-supervise run /r/.git a-00000", None, false),
            ("git-orchestra-supervise run /r/.git", None, false),
            ("git-orchestra-sync --auto", None, true),
            ("/bin/git-orchestra-sync --auto", None, true),
            ("git-orchestra-supervise notify /r/.git a-00000", None, true),
            ("git-orchestra-cleanup --remove-builds", None, true),
            ("git-orchestra-sync", None, false),
            ("git-orchestra-sync --dry-run", None, false),
            ("vim git-orchestra-sync --auto", None, false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!((parse_supervisor(&words), is_job(&words)), (agent, job), "{line}");
        }
    }
}
