//! What colour means. Nothing else names one, and no meaning is told by colour alone.

use comfy_table::{Attribute, Cell, Color};
use owo_colors::{OwoColorize, Style};

use orchestra::model::{Liveness, Phase};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// As it is.
    Plain,
    /// A heading.
    Head,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Wants attention.
    Warn,
    /// Goes on now.
    Active,
    /// What to do next.
    Hint,
    /// Less important.
    Faint,
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    colours: bool,
}

impl Painter {
    /// With or without colours.
    pub const fn new(colours: bool) -> Self {
        Self { colours }
    }

    /// Whether there are colours.
    pub const fn is_on(&self) -> bool {
        self.colours
    }

    /// Text in the colour of its role.
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

/// A table's cell in the colour of its role.
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

/// The role of an agent's state.
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
