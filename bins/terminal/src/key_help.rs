//! Help texts name a key of git config as `{orchestra.jobs}`; what people read, with the default, comes from the table of the keys.

use clap::{Arg, Command, builder::StyledStr};
use orchestra::config::KEYS;

/// A command in whose help of options, and of those of its subcommands, every `{key}` is written out.
pub(crate) fn filled(command: Command) -> Command {
    command.mut_args(filled_option).mut_subcommands(filled)
}

fn filled_option(mut option: Arg) -> Arg {
    if let Some(help) = option.get_help().and_then(written_out) {
        option = option.help(help);
    }
    if let Some(help) = option.get_long_help().and_then(written_out) {
        option = option.long_help(help);
    }
    option
}

/// The text with every key written out; `None` where it names none.
fn written_out(help: &StyledStr) -> Option<String> {
    let mut text = help.to_string();
    if !text.contains("{orchestra.") {
        return None;
    }
    for key in KEYS {
        let default = match key.default_text() {
            default if default.is_empty() => String::new(),
            default => format!(", else {default}"),
        };
        text = text.replace(&format!("{{{}}}", key.name()), &format!("git config {}{default}", key.name()));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_out_with_their_defaults() {
        let written = |text: &'static str| written_out(&StyledStr::from(text));
        assert_eq!(
            written("(default: {orchestra.jobs})").as_deref(),
            Some("(default: git config orchestra.jobs, else 3)")
        );
        assert_eq!(
            written("(default: {orchestra.build})").as_deref(),
            Some("(default: git config orchestra.build)")
        );
        assert_eq!(written("no key"), None);
    }
}
