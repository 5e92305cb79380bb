//! The command `agent-api`, which is a program of its own: its page is shown here, and it is handed over to that program.

use std::{os::unix::fs::MetadataExt, path::Path};

use orchestra::{Code, Error, Result, error::ErrorContext as _, process, world};
use orchestra_terminal::{Exit, Program, Terminal, pages::Page};

#[expect(dead_code, reason = "the program itself makes a request of the options")]
#[path = "../git-orchestra-agent-api/cli.rs"]
mod cli;

pub(crate) use cli::Cli;

/// The program.
const NAME: &str = "git-orchestra-agent-api";

impl Program for Cli {
    const PAGE: Page = cli::PAGE;

    fn run(&self, _terminal: &Terminal) -> Result<Exit> {
        let program = process::own_program().with_file_name(NAME);
        let cannot = || format!("cannot run '{}'", program.display());
        if is_same_file(&program, &world::this_program()).context(Code::ProgramFailed, cannot)? {
            let why = "it is a link to git-orchestra, which does not contain it";
            return Err(Error::new(Code::ProgramFailed, cannot()).because(why));
        }
        // Its words are the last ones of this command line, after the name of the command.
        let words = std::env::args_os().skip(1).skip_while(|word| word == "agent-api");
        let error = process::exec(process::sibling_command(&program).args(words));
        Err(Error::new(Code::ProgramFailed, cannot()).because(error))
    }
}

/// Returns whether two paths lead to one file, so that the first would hand over to itself again and again.
fn is_same_file(one: &Path, other: &Path) -> std::io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}
