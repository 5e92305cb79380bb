//! The options that every command has.

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
