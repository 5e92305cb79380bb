//! Fills in the keys of the git configuration that help texts name, such as `{orchestra.jobs}`, with their
//! defaults from the table of keys.

use clap::{Arg, Command, builder::StyledStr};
use orchestra::config::KEYS;

/// Replaces every `{key}` in the help of a command's options and of those of its subcommands.
pub(crate) fn fill_in(command: Command) -> Command {
    command.mut_args(fill_in_option).mut_subcommands(fill_in)
}

fn fill_in_option(mut option: Arg) -> Arg {
    if let Some(help) = option.get_help().and_then(expand_keys) {
        option = option.help(help);
    }
    if let Some(help) = option.get_long_help().and_then(expand_keys) {
        option = option.long_help(help);
    }
    option
}

/// Returns the text with every key replaced; `None` if it names none.
fn expand_keys(help: &StyledStr) -> Option<String> {
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
    fn keys_are_expanded_with_their_defaults() {
        let written = |text: &'static str| expand_keys(&StyledStr::from(text));
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
