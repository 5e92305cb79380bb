//! The files of a diff: which of them were read, moving among them, and remarks on their lines. Pure.

use orchestra::model::{AgentId, text};
use orchestra_terminal::{key::Key, style::Role};

use super::{
    command_key::Meaning,
    diff::{DiffFile, Place},
    drafts, layout,
    page::Page,
    prompt::{Mode, Prompt, Purpose},
    state::{Call, Pane, State},
};

/// Whether a file was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReadMark {
    Unread,
    Read,
    /// It changed after it was read.
    Changed,
}

fn said(state: &mut State, text: impl Into<String>) -> Vec<Call> {
    state.say(Role::Plain, text);
    Vec::new()
}

/// Whether the page is a diff, and whether only since the last review.
const fn diff_page(state: &State) -> Option<bool> {
    match state.page {
        Page::Diff { since_review } => Some(since_review),
        _ => None,
    }
}

/// Returns whether a file of the diff was read.
pub(crate) fn mark(state: &State, file: &DiffFile) -> ReadMark {
    let marks = state.chosen.as_ref().and_then(|id| state.read_files.get(id));
    let Some((marks, since)) = marks.zip(diff_page(state)) else { return ReadMark::Unread };
    match marks.get(&(since, file.name.clone())) {
        None => ReadMark::Unread,
        Some(then) if *then == file.fingerprint => ReadMark::Read,
        Some(_) => ReadMark::Changed,
    }
}

/// Returns how many files of the diff were read as they are now.
pub(crate) fn count_read(state: &State) -> usize {
    state.contents.diff.files.iter().filter(|file| mark(state, file) == ReadMark::Read).count()
}

/// Returns the remarks on the work of the chosen agent.
pub(crate) fn remarks(state: &State) -> &[(String, String)] {
    state.chosen.as_ref().and_then(|id| state.remarks.get(id)).map_or(&[], Vec::as_slice)
}

fn name_of(Place { file, line }: &Place) -> String {
    format!("{file}:{line}")
}

/// Returns the remark on a place in the diff.
fn remark_on<'a>(state: &'a State, place: &Place) -> Option<&'a str> {
    let place = name_of(place);
    remarks(state).iter().find(|(at, _)| *at == place).map(|(_, text)| text.as_str())
}

/// Returns the remark that is shown on a line of the diff: each is shown once, although a line that was removed has the place of the one
/// that follows.
pub(crate) fn remark_at(state: &State, line: usize) -> Option<&str> {
    if remarks(state).is_empty() || diff_page(state).is_none() {
        return None;
    }
    let place = state.contents.diff.place(line)?;
    if state.contents.diff.is_last_of_place(line) { remark_on(state, &place) } else { None }
}

/// Begins a remark on the line of the cursor, or changes the one that is there.
pub(crate) fn remark(state: &mut State, id: AgentId) -> Vec<Call> {
    let found = diff_page(state).and_then(|_| state.contents.diff.place(state.cursor));
    let Some(place) = found else { return said(state, "move to a line of the diff to remark on it") };
    let known = remark_on(state, &place).unwrap_or_default().to_owned();
    let prompt = Prompt { text: known, ..Prompt::new(Purpose::Remark(id, name_of(&place))) };
    state.mode = Mode::Typing(prompt);
    Vec::new()
}

/// Keeps a remark until the verdict, instead of the one that was on the same line. An empty one removes that.
pub(crate) fn keep_remark(state: &mut State, id: &AgentId, place: String, words: String) -> Vec<Call> {
    let remarks = state.remarks.entry(id.clone()).or_default();
    let before = remarks.len();
    remarks.retain(|(at, _)| *at != place);
    let was_there = remarks.len() < before;
    let kept = drafts::keep_remark(id, &place, words.clone());
    if words.is_empty() {
        state.say(Role::Plain, if was_there { "the remark is removed" } else { "nothing was remarked" });
        return kept;
    }
    remarks.push((place, words));
    let count = text::count(remarks.len() as u64, "remark");
    let next = state.keymap.shown("review", "sends the verdict with them");
    state.say(Role::Plain, format!("{count} on {id}: {next}"));
    kept
}

/// Marks the file of the cursor as read, or as not read.
pub(crate) fn mark_at_cursor(state: &mut State, id: &AgentId) -> Vec<Call> {
    let at = diff_page(state).and_then(|_| state.contents.diff.file_at(state.cursor));
    match at {
        Some(at) => toggle(state, id, at),
        None => said(state, "move to a file of the diff to mark it"),
    }
}

/// Marks a file as read, or as not read.
fn toggle(state: &mut State, id: &AgentId, at: usize) -> Vec<Call> {
    let Some((file, since)) = state.contents.diff.files.get(at).cloned().zip(diff_page(state)) else {
        return Vec::new();
    };
    let is_read = mark(state, &file) == ReadMark::Read;
    let marks = state.read_files.entry(id.clone()).or_default();
    let key = (since, file.name);
    let what = if is_read {
        marks.remove(&key);
        "is not marked any more"
    } else {
        marks.insert(key.clone(), file.fingerprint.clone());
        "is marked as read"
    };
    state.say(Role::Plain, format!("{} {what}", text::safe(&key.1)));
    vec![drafts::keep_mark(id, key, (!is_read).then_some(file.fingerprint))]
}

/// Moves the cursor to a file of the diff, whose first line is then the first in sight.
pub(crate) fn go_to(state: &mut State, at: usize) {
    let Some(line) = state.contents.diff.files.get(at).map(|file| file.at) else { return };
    (state.cursor, state.focus) = (line, Pane::Page);
    state.contents.top = if layout::is_side_by_side(state) { state.contents.diff.row_of(line) } else { line };
}

/// Moves to the next file of the diff, or to the one before.
pub(crate) fn step(state: &mut State, forward: bool) -> Vec<Call> {
    let now = diff_page(state).and_then(|_| state.contents.diff.file_at(state.cursor));
    let Some(now) = now else { return said(state, "the page shows no files") };
    let last = state.contents.diff.files.len() - 1;
    let is_first_line = state.contents.diff.files[now].at == state.cursor;
    let next = match (forward, is_first_line) {
        (true, _) => now + 1,
        (false, true) => now.saturating_sub(1),
        (false, false) => now,
    };
    if next > last {
        return said(state, "it is the last file");
    }
    go_to(state, next);
    Vec::new()
}

/// Returns the number of the first file in sight in a list of some rows: the chosen one is in the middle where it can be.
pub(crate) fn first_in_sight(state: &State, chosen: usize, rows: u16) -> usize {
    let (count, rows) = (state.contents.diff.files.len(), usize::from(rows));
    chosen.saturating_sub(rows / 2).min(count.saturating_sub(rows))
}

/// Shows the list of files on the whole window.
pub(crate) fn open(state: &mut State) -> Vec<Call> {
    if diff_page(state).is_none() || state.contents.diff.files.is_empty() {
        return said(state, "the page shows no files");
    }
    state.mode = Mode::Files(state.contents.diff.file_at(state.cursor).unwrap_or(0));
    Vec::new()
}

/// Handles a key in the list of files.
pub(crate) fn in_list(state: &mut State, at: usize, key: Key) -> Vec<Call> {
    let last = state.contents.diff.files.len().saturating_sub(1);
    let height = usize::from(state.size.1.saturating_sub(3)).max(1);
    let at = at.min(last);
    let next = match state.keymap.meaning(key) {
        Some(Meaning::Up) => at.saturating_sub(1),
        Some(Meaning::Down) => at + 1,
        Some(Meaning::PageUp) => at.saturating_sub(height),
        Some(Meaning::PageDown) => at + height,
        Some(Meaning::First) => 0,
        Some(Meaning::Last) => last,
        Some(Meaning::Reviewed) => {
            state.mode = Mode::Files(at);
            let Some(id) = state.chosen.clone() else { return Vec::new() };
            return toggle(state, &id, at);
        }
        Some(Meaning::Open | Meaning::Right) => {
            go_to(state, at);
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    state.mode = Mode::Files(next.min(last));
    Vec::new()
}
