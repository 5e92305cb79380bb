#![doc = include_str!("../README.md")]

use std::{os::unix::process::CommandExt as _, process::ExitCode};

/// Replaces this process by `git-orchestra` in the same folder, which contains the command and knows which
/// one is meant by the name it is started with. Returns only if that failed.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "these programs do not contain the library"
)]
pub fn hand_over(name: &str) -> ExitCode {
    let this = std::env::current_exe().unwrap_or_default();
    let this = this.canonicalize().unwrap_or(this);
    let program = this.with_file_name("git-orchestra");
    let arguments = std::env::args_os().skip(1);
    let error = std::process::Command::new(&program).arg0(name).args(arguments).exec();
    eprintln!("error: cannot run '{}': {error}", program.display());
    eprintln!("hint: 'git-orchestra' and '{name}' are installed together, in one folder");
    // The exit status for a program that failed.
    ExitCode::from(5)
}
