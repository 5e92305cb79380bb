//! The drafts of reviews: what is noted in the window is kept for the next one. Pure.

use orchestra::{
    model::{AgentId, verdict::Comment},
    ops::review::draft::{Draft, Edit, ReadFile},
};

use super::state::{Call, State};

/// Takes in what was noted earlier. An empty draft says nothing: it may be one that could not be read.
pub(crate) fn take(state: &mut State, id: &AgentId, draft: Draft) {
    if draft.is_empty() {
        return;
    }
    let remarks = draft.remarks.into_iter().map(|one| (format!("{}:{}", one.file, one.line), one.text));
    state.remarks.insert(id.clone(), remarks.collect());
    let read = draft.read.into_iter().map(|one| ((one.since_review, one.file), one.lines));
    state.read_files.insert(id.clone(), read.collect());
    match draft.text {
        Some(text) => drop(state.texts.insert(id.clone(), text)),
        None => drop(state.texts.remove(id)),
    }
}

/// Forgets what was noted: it was said.
pub(crate) fn forget(state: &mut State, id: &AgentId) {
    state.remarks.remove(id);
    state.read_files.remove(id);
    state.texts.remove(id);
}

/// Keeps a remark on a place; an empty one removes that which is there.
pub(crate) fn keep_remark(id: &AgentId, place: &str, text: String) -> Vec<Call> {
    let place = place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    let edit = place.map(|(file, line)| Edit::Remark(Comment { file: file.to_owned(), line, text }));
    edit.map(|edit| Call::Draft(id.clone(), edit)).into_iter().collect()
}

/// Keeps the mark of a file, or removes it.
pub(crate) fn keep_mark(id: &AgentId, (since_review, file): (bool, String), lines: Option<String>) -> Call {
    let edit = match lines {
        Some(lines) => Edit::Read(ReadFile { file, since_review, lines }),
        None => Edit::Unread { file, since_review },
    };
    Call::Draft(id.clone(), edit)
}

/// Keeps what is to be said of the whole work, until it was.
pub(crate) fn keep_text(state: &mut State, id: &AgentId, text: &str) -> Vec<Call> {
    if text.is_empty() {
        return Vec::new();
    }
    state.texts.insert(id.clone(), text.to_owned());
    vec![Call::Draft(id.clone(), Edit::Text(Some(text.to_owned())))]
}
