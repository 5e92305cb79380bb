//! The meanings of colours. No other module names a colour, and no meaning is shown by colour alone.

use comfy_table::{Attribute, Cell, Color};
use owo_colors::{OwoColorize, Style};

use orchestra::model::{Liveness, Phase};

/// The meaning of a piece of text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// A heading.
    Head,
    /// A success.
    Good,
    /// A failure.
    Bad,
    /// Something that needs attention.
    Warn,
    /// Something in progress.
    Active,
    /// What to do next.
    Hint,
    /// Less important text.
    Faint,
}

/// Applies colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    colours: bool,
}

impl Painter {
    /// Creates a painter with or without colours.
    pub const fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// Whether colours are applied.
    pub const fn is_on(&self) -> bool {
        self.colours
    }

    /// Returns the text in the colour of its role.
    pub fn as_role(&self, role: Role, text: &str) -> String {
        if !self.colours || role == Role::Plain {
            return text.to_owned();
        }
        text.style(style(role)).to_string()
    }
}

const fn style(role: Role) -> Style {
    match role {
        Role::Plain => Style::new(),
        Role::Head => Style::new().bold(),
        Role::Good => Style::new().green(),
        Role::Bad => Style::new().red().bold(),
        Role::Warn => Style::new().yellow(),
        Role::Active | Role::Hint => Style::new().cyan(),
        Role::Faint => Style::new().dimmed(),
    }
}

/// Returns a table's cell in the colour of its role.
pub(crate) fn cell(role: Role, cell: Cell) -> Cell {
    match role {
        Role::Plain => cell,
        Role::Head => cell.add_attribute(Attribute::Bold),
        Role::Good => cell.fg(Color::DarkGreen),
        Role::Bad => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        Role::Warn => cell.fg(Color::DarkYellow),
        Role::Active | Role::Hint => cell.fg(Color::DarkCyan),
        Role::Faint => cell.add_attribute(Attribute::Dim),
    }
}

/// Returns the role in which an agent's phase is shown.
pub const fn role_of(phase: Phase, liveness: Liveness) -> Role {
    match (liveness, phase) {
        (Liveness::Lost, _) => Role::Bad,
        (_, Phase::Done) => Role::Good,
        (_, Phase::Failed | Phase::Timeout) => Role::Bad,
        (_, Phase::Waiting | Phase::Paused | Phase::Stopped) => Role::Warn,
        (_, Phase::Running | Phase::Starting) => Role::Active,
        (_, Phase::Queued) => Role::Faint,
    }
}
