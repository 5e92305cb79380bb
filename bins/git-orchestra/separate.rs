//! The commands that are programs of their own, because no other command needs what they contain.

use std::{os::unix::fs::MetadataExt, path::Path};

use orchestra::{Code, Error, Result, error::ErrorContext as _, model::quote, process, world};
use orchestra_terminal::Exit;

use crate::commands::PREFIX;

/// Replaces this process by the program of a command, with the words of this command line that follow its name.
///
/// # Errors
/// There is no such program, or it cannot be run (5).
pub(crate) fn run(command: &str) -> Result<Exit> {
    let program = process::own_program().with_file_name(format!("{PREFIX}{command}"));
    let cannot = || format!("cannot run '{}'", program.display());
    let is_same = is_same_file(&program, &world::this_program()).context(Code::ProgramFailed, cannot);
    // Packagers may leave it out.
    if is_same.map_err(|error| {
        error.hint(format!("git orchestra was installed without {}", quote::word(command)))
    })? {
        let why = "it is a link to git-orchestra, which does not contain it";
        return Err(Error::new(Code::ProgramFailed, cannot()).because(why));
    }
    let mut words = std::env::args_os();
    let first = words.next().unwrap_or_default();
    // By its own name, there is no other word before its options.
    let is_own_name = Path::new(&first).file_name() == program.file_name();
    let words: Vec<_> = words.collect();
    let named = words.iter().position(|word| word == command);
    let from = if is_own_name { 0 } else { named.map_or(0, |at| at + 1) };
    let error = process::exec(process::sibling_command(&program).args(&words[from..]));
    Err(Error::new(Code::ProgramFailed, cannot()).because(error))
}

/// Returns whether two paths lead to one file, so that the first would hand over to itself again and again.
fn is_same_file(one: &Path, other: &Path) -> std::io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}
