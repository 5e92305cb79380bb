//! Lets a person edit a text in their editor.

use orchestra::{
    Code, Error, Result,
    model::quote,
    ops::spec::{SaveRequest, draft::Draft},
};
use orchestra_terminal::{Terminal, editor, here};

/// Opens a draft in the editor, and returns what is to be saved; `None` if nothing was changed. The file stays until it was saved.
pub(crate) fn edited(terminal: &Terminal, draft: &Draft) -> Result<Option<SaveRequest>> {
    if !terminal.can_ask() && here::environment().variable("GIT_EDITOR").is_none() {
        return Err(kept(
            Error::new(Code::ArgumentMissing, "there is no terminal for an editor")
                .hint("--from FILE")
                .hint("--from - for standard input"),
            draft,
        ));
    }
    for version in &draft.merged {
        terminal.eprintln(&format!("version {version} of '{}' is merged into the text", draft.name));
    }
    let edited = editor::edit(&draft.path, "nothing was saved").and_then(|()| draft.request());
    edited.map_err(|error| kept(error, draft))
}

/// Adds where the text is to an error. A file in which nobody wrote anything is removed.
pub(crate) fn kept(error: Error, draft: &Draft) -> Error {
    if draft.remove_unless_edited() {
        return error;
    }
    let file = draft.path.to_string_lossy().into_owned();
    let verb = if draft.is_new() { "new" } else { "edit" };
    error.hint(format!("the text is kept in {}", quote::word(&file))).hint_command(&[
        &"git",
        &"orchestra",
        &"spec",
        &verb,
        &draft.name.as_str(),
        &"--from",
        &file,
    ])
}
