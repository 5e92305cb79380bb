//! The editor of the user.

use std::path::Path;

use orchestra::{Code, Error, Result, error::ErrorContext as _, git::Git, model::text, process};

use crate::here;

/// Opens a file in the editor that git would run, and waits for its end. `consequence` says what follows if it fails. The
/// configuration, which may name the editor, was accepted.
///
/// # Errors
/// The editor cannot be run, or fails.
pub fn edit(file: &Path, consequence: &str) -> Result<()> {
    let environment = here::environment();
    let editor = Git::new(environment, environment.directory(), "var").arg("GIT_EDITOR").line()?;
    let shown = text::safe(&editor).into_owned();
    let mut shell = process::command(environment, "/bin/sh");
    shell.args(["-c", &format!("{editor} \"$1\""), "editor"]).arg(file);
    let status = process::status(&mut shell)
        .context(Code::ProgramFailed, || format!("cannot run the editor '{shown}'"))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::new(Code::ProgramFailed, format!("the editor '{shown}' failed ({status}); {consequence}")))
}
