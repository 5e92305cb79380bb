//! The options that every command has.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, ValueEnum};

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The options of every command.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Common {
    /// When to use colours; `NO_COLOR` and `CLICOLOR` are honoured
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Color,
}

impl Common {
    /// Returns the options as they were typed, before or after a subcommand.
    ///
    /// # Errors
    /// The options were not declared.
    pub fn of(mut matches: &ArgMatches) -> Result<Self, clap::Error> {
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        Self::from_arg_matches(matches)
    }

    /// Returns the choice of colour for the output streams.
    pub const fn choice(self) -> anstream::ColorChoice {
        match self.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
    }
}

/// Returns the command line of a binary: its own options, and those of every command.
pub fn command<C: CommandFactory>() -> Command {
    let own = C::command();
    // Otherwise the description of the options would replace that of the command, and they would appear
    // under its last heading.
    let short = own.get_about().cloned().unwrap_or_default();
    let long = own.get_long_about().cloned();
    let all = Common::augment_args(own.next_help_heading(None::<&str>)).about(short);
    long.into_iter().fold(all, Command::long_about)
}

/// Returns the words of a command line with the options of every command behind the subcommand, if one follows: a command whose own
/// options exclude its subcommands has no place for them in front.
pub(crate) fn behind_subcommand(definition: &Command, mut words: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
        match word {
            "--color" => at += 2,
            _ if word.starts_with("--color=") => at += 1,
            _ => break,
        }
    }
    let is_subcommand = words.get(at).is_some_and(|word| definition.find_subcommand(word).is_some());
    if definition.is_args_conflicts_with_subcommands_set() && is_subcommand {
        words[1..=at].rotate_right(1);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colour_is_behind_the_subcommand() {
        let strict = Command::new("x").args_conflicts_with_subcommands(true).subcommand(Command::new("show"));
        let free = Command::new("x").subcommand(Command::new("show"));
        for (typed, strictly) in [
            ("x --color=always show a", "x show --color=always a"),
            ("x --color never --color=always show", "x show --color never --color=always"),
            ("x show --color=always", "x show --color=always"),
            ("x --color=always", "x --color=always"),
            ("x --color", "x --color"),
            ("x --color=always a show", "x --color=always a show"),
            ("x", "x"),
        ] {
            let words = || typed.split(' ').map(OsString::from).collect::<Vec<_>>();
            let joined = |all: Vec<OsString>| all.join(std::ffi::OsStr::new(" "));
            assert_eq!(joined(behind_subcommand(&strict, words())), strictly);
            assert_eq!(joined(behind_subcommand(&free, words())), typed);
        }
    }
}
