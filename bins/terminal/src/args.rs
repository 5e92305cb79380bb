//! The flags that every command has.

use clap::{Args, ValueEnum};

/// When to use colours.
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

/// Flattened into every command.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Common {
    /// When to use colours; `NO_COLOR` and `CLICOLOR` are honoured
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Color,
}

impl Common {
    /// For the streams.
    pub const fn choice(self) -> anstream::ColorChoice {
        match self.color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
    }
}

/// Commands that flatten [`Common`].
pub trait HasCommon {
    /// The flattened flags.
    fn common(&self) -> Common;
}
