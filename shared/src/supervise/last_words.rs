//! What an attempt said last, read from its files when its work is captured.

use std::path::Path;

use super::{processes::Processes, program_output, spec::Spec};
use crate::{git::careful, model::last_words, store::layout::AgentDir};

/// How much of the end of an output is searched for its last line, in bytes.
const TAIL: u64 = 8 * 1024;

/// Returns the last words of the newest attempt of an agent. They are synced, so paths in them begin in the worktree, or at the folder that
/// contains it.
pub(super) fn of_attempt(dir: &AgentDir, spec: &Spec, common: &Path) -> Option<String> {
    let words = if spec.launch.protocol.is_structured() {
        program_output::summary(dir)?.last_words?
    } else {
        let attempt = Processes::read(dir)?.attempt;
        last_words::of_output(&String::from_utf8_lossy(&careful::tail(&dir.output(attempt), TAIL).ok()?))?
    };
    let inside = words.replace(&format!("{}/", spec.worktree.display()), "");
    Some(shorten_paths(&inside, &[spec.worktree.as_path(), common]))
}

/// Shortens the paths in a text that is synced: they begin at the folder that contains repository and worktrees.
pub(super) fn shorten_paths(text: &str, places: &[&Path]) -> String {
    let parents = places.iter().filter_map(|place| place.ancestors().nth(2));
    let parents = parents.filter(|parent| parent.parent().is_some());
    parents.fold(text.to_owned(), |text, parent| text.replace(&format!("{}/", parent.display()), ""))
}
