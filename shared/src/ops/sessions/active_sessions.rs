//! Which sessions are in use now, and by which process. Some programs record that or keep their files open; for the others it is
//! inferred from the processes that run in the folders of their sessions.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use crate::{
    agents,
    conversation::{Activity, ConversationFile, RunningSession, session_lock},
    supervise::tree::{self, ProcessId, ProgramProcess},
    world::Environment,
};

/// The tolerance between the start time of a process and the time of a file, in nanoseconds.
const CLOCK_TOLERANCE: i64 = 2_000_000_000;

/// The facts about a session from which its process is inferred.
#[derive(Clone, Debug)]
pub(super) struct SessionTrace {
    /// The id of the session.
    pub id: String,
    /// The folder in which it began.
    pub folder: PathBuf,
    /// When it began, in nanoseconds since 1970.
    pub began: i64,
    /// When it was last written, in nanoseconds since 1970.
    pub written: i64,
}

/// Returns the sessions that are in use by a program's own record, a lock, or an open file, each with its process.
pub(super) fn recorded(environment: &Environment, places: &[ConversationFile]) -> HashMap<String, i32> {
    let mut running: HashMap<String, i32> = session_lock::held_sessions(environment).into_iter().collect();
    let notes = agents::session_readers().filter_map(|reader| match reader.activity() {
        Activity::StatusFiles(read) => Some(read(environment)),
        Activity::OpenFile | Activity::Inferred => None,
    });
    running.extend(notes.flatten().filter(is_same_process).map(|claim| (claim.id, claim.pid)));
    running.extend(with_open_file(places));
    running
}

/// Returns the process that uses a session, by a program's own record or a lock.
pub(in crate::ops) fn process_of(environment: &Environment, session: &str) -> Option<i32> {
    recorded(environment, &[]).remove(session)
}

/// Returns whether the recorded process still runs, and not another one with its id.
fn is_same_process(claim: &RunningSession) -> bool {
    claim.start.is_some_and(|start| ProcessId { pid: claim.pid, start }.is_alive())
}

/// Returns the sessions whose files are open in a process.
fn with_open_file(places: &[ConversationFile]) -> Vec<(String, i32)> {
    let holds = |place: &&ConversationFile| {
        agents::session_reader(place.program)
            .is_some_and(|reader| matches!(reader.activity(), Activity::OpenFile))
    };
    let held: HashMap<&Path, &str> =
        places.iter().filter(holds).map(|place| (place.path.as_path(), place.id.as_str())).collect();
    if held.is_empty() {
        return Vec::new();
    }
    let open = tree::places_in_use();
    let found = open.iter().filter_map(|(pid, path)| Some(((*held.get(path.as_path())?).to_owned(), *pid)));
    found.collect()
}

/// Infers which sessions the processes of one program use. A process that names a session in its arguments uses it. Any other uses
/// the newest session that began in its folder after its own start, otherwise the newest that was written there since.
pub(super) fn inferred(processes: &[ProgramProcess], traces: &[SessionTrace]) -> HashMap<String, i32> {
    let mut found = HashMap::new();
    let mut silent = Vec::new();
    for work in processes {
        match traces.iter().find(|trace| work.arguments.contains(&trace.id)) {
            Some(trace) => {
                found.insert(trace.id.clone(), work.pid);
            }
            None => silent.push(work),
        }
    }
    // A session that the newest process can have begun was not begun by an older one.
    silent.sort_by_key(|work| std::cmp::Reverse(work.begun));
    for since in [|trace: &SessionTrace| trace.began, |trace: &SessionTrace| trace.written] {
        silent.retain(|work| {
            let fits = |trace: &&SessionTrace| {
                trace.folder == work.folder
                    && since(trace).saturating_add(CLOCK_TOLERANCE) >= work.begun
                    && !found.contains_key(&trace.id)
            };
            let newest = traces.iter().filter(fits).max_by_key(|trace| trace.written);
            newest.is_none_or(|trace| found.insert(trace.id.clone(), work.pid).is_some())
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn work(pid: i32, begun: i64, folder: &str, words: &[&str]) -> ProgramProcess {
        let arguments = words.iter().map(|word| (*word).to_owned()).collect();
        ProgramProcess { pid, begun: begun * SECOND, folder: folder.into(), arguments }
    }

    fn trace(id: &str, folder: &str, began: i64, written: i64) -> SessionTrace {
        SessionTrace {
            id: id.into(),
            folder: folder.into(),
            began: began * SECOND,
            written: written * SECOND,
        }
    }

    #[test]
    fn a_process_uses_the_session_it_names_or_began_or_that_was_written_since() {
        let traces =
            [trace("old", "/a", 60, 700), trace("new", "/a", 510, 600), trace("other", "/b", 10, 950)];
        for (name, processes, expected) in [
            ("nobody", vec![], vec![]),
            ("it began one", vec![work(1, 500, "/a", &[])], vec![("new", 1)]),
            ("it began several", vec![work(1, 50, "/a", &[])], vec![("old", 1)]),
            ("it took up one", vec![work(1, 650, "/a", &[])], vec![("old", 1)]),
            ("nothing said yet", vec![work(1, 990, "/a", &[])], vec![]),
            ("another folder", vec![work(1, 500, "/c", &[])], vec![]),
            ("by name", vec![work(1, 990, "/a", &["--resume", "new"])], vec![("new", 1)]),
            (
                "by name and by folder",
                vec![work(1, 50, "/a", &["--resume", "old"]), work(2, 500, "/a", &[])],
                vec![("new", 2), ("old", 1)],
            ),
            (
                "two in a folder",
                vec![work(1, 50, "/a", &[]), work(2, 500, "/a", &[])],
                vec![("new", 2), ("old", 1)],
            ),
            ("two, one silent", vec![work(1, 50, "/a", &[]), work(2, 990, "/a", &[])], vec![("old", 1)]),
        ] {
            let mut found: Vec<(String, i32)> = inferred(&processes, &traces).into_iter().collect();
            found.sort();
            let expected: Vec<(String, i32)> =
                expected.into_iter().map(|(id, pid): (&str, i32)| (id.to_owned(), pid)).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
