//! A user's own agent: `git config orchestra.agent.NAME.command '…'`.

use super::{Launch, PROMPT_FILE, Reads, Stdin};
use crate::{
    Code, Error, Result,
    model::{quote, text},
    process,
};

/// The command runs in a shell; the file name comes to it as `$1`, never as part of its text.
pub(super) fn launch(name: &str, command: &str, held: bool, reads: Reads) -> Result<Launch> {
    if let Some(program) = program_of(command)
        && process::on_path(program).is_none()
    {
        let key = format!("orchestra.agent.{name}.command");
        let (name, program) = (text::safe(name), text::safe(program));
        return Err(Error::new(
            Code::ProgramMissing,
            format!("the program '{program}' of agent '{name}' is not on PATH"),
        )
        .hint(format!("{} shows what would run", quote::command(&[&"git", &"config", &key]))));
    }
    let in_file = command.contains(PROMPT_FILE);
    let script = command.replace(&format!("'{PROMPT_FILE}'"), "\"$1\"").replace(PROMPT_FILE, "\"$1\"");
    let stdin = match (held, in_file) {
        (true, _) => Stdin::Held,
        (false, true) => Stdin::Empty,
        (false, false) => Stdin::Prompt,
    };
    let argv = ["/bin/sh", "-c", &script, name, PROMPT_FILE];
    Ok(Launch::plain(argv.map(str::to_owned).into(), stdin, reads))
}

/// The first word, where it is plainly the name of a program and not shell.
fn program_of(command: &str) -> Option<&str> {
    let word = command.split_whitespace().next()?;
    let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._+-".contains(&b));
    let builtin =
        matches!(word, "exec" | "cd" | "export" | "set" | "if" | "for" | "while" | "test" | "." | ":");
    (plain && !builtin).then_some(word)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::Conversation, *};

    #[test]
    fn the_file_name_is_never_shell() {
        let launch = launch("x", "cat {prompt_file} '{prompt_file}' | sh", false, Reads::Script).unwrap();
        assert_eq!(launch.stdin, Stdin::Empty);
        assert_eq!(
            launch.argv_for(Path::new("/a b/$(id)"), Conversation::New("s")),
            ["/bin/sh", "-c", "cat \"$1\" \"$1\" | sh", "x", "/a b/$(id)"]
        );
        assert_eq!(super::launch("x", "cat", false, Reads::Script).unwrap().stdin, Stdin::Prompt);
        assert_eq!(super::launch("x", "cat", true, Reads::Script).unwrap().stdin, Stdin::Held);
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = launch("x", "no-such-program-here --flag", false, Reads::Script).unwrap_err();
        assert!(error.message.contains("'no-such-program-here'"), "{error}");
        assert!(launch("x", "X=1 no-such-program-here", false, Reads::Script).is_ok());
    }
}
