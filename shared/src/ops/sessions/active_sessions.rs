//! Which conversations a program is in now. Some programs write it down or hold their files open; of the others it is concluded from
//! the processes that run in the folders of their conversations.

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

/// Clocks of processes and of files may differ by so many nanoseconds.
const SLACK: i64 = 2_000_000_000;

/// A conversation, as far as it tells who is in it.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    /// The program's own id.
    pub id: String,
    /// The folder in which it began.
    pub folder: PathBuf,
    /// When it began, in nanoseconds since 1970.
    pub began: i64,
    /// When it was last written, in nanoseconds since 1970.
    pub written: i64,
}

/// The conversations that their programs or locks tell of, and the process in each.
pub(super) fn noted(environment: &Environment, places: &[ConversationFile]) -> HashMap<String, i32> {
    let mut running: HashMap<String, i32> = session_lock::held_sessions(environment).into_iter().collect();
    let notes = agents::session_readers().filter_map(|reader| match reader.activity() {
        Activity::Notes(read) => Some(read(environment)),
        Activity::OpenFile | Activity::Inferred => None,
    });
    running.extend(notes.flatten().filter(is_true).map(|claim| (claim.id, claim.pid)));
    running.extend(open(places));
    running
}

/// The process that is in a conversation, as far as its program or a lock tells.
pub(in crate::ops) fn user_of(environment: &Environment, session: &str) -> Option<i32> {
    noted(environment, &[]).remove(session)
}

/// The very same process still runs.
fn is_true(claim: &RunningSession) -> bool {
    claim.start.is_some_and(|start| ProcessId { pid: claim.pid, start }.is_alive())
}

/// Those whose files are held open.
fn open(places: &[ConversationFile]) -> Vec<(String, i32)> {
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

/// What the processes of one program are in. One that names a conversation is in it. Of the others each is in the newest that began in
/// its folder since it did, else in the newest that was written there since.
pub(super) fn concluded(works: &[ProgramProcess], traces: &[Trace]) -> HashMap<String, i32> {
    let mut found = HashMap::new();
    let mut silent = Vec::new();
    for work in works {
        match traces.iter().find(|trace| work.arguments.contains(&trace.id)) {
            Some(trace) => {
                found.insert(trace.id.clone(), work.pid);
            }
            None => silent.push(work),
        }
    }
    // What the one that began last can have begun itself, no other has.
    silent.sort_by_key(|work| std::cmp::Reverse(work.begun));
    for since in [|trace: &Trace| trace.began, |trace: &Trace| trace.written] {
        silent.retain(|work| {
            let fits = |trace: &&Trace| {
                trace.folder == work.folder
                    && since(trace).saturating_add(SLACK) >= work.begun
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

    fn trace(id: &str, folder: &str, began: i64, written: i64) -> Trace {
        Trace { id: id.into(), folder: folder.into(), began: began * SECOND, written: written * SECOND }
    }

    #[test]
    fn a_process_is_in_what_it_names_or_began_or_what_was_written_in_its_folder_since() {
        let traces =
            [trace("old", "/a", 60, 700), trace("new", "/a", 510, 600), trace("other", "/b", 10, 950)];
        for (name, works, expected) in [
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
            let mut found: Vec<(String, i32)> = concluded(&works, &traces).into_iter().collect();
            found.sort();
            let expected: Vec<(String, i32)> =
                expected.into_iter().map(|(id, pid): (&str, i32)| (id.to_owned(), pid)).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
