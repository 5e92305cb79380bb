//! Text and tables in the looks of their meanings. No meaning is shown by colour alone.

use comfy_table::{Attribute, Cell, Color};
use owo_colors::{AnsiColors, DynColors, OwoColorize, Style, XtermColors};

use orchestra::model::{Liveness, Phase};

pub use crate::look::Role;
use crate::look::{Look, Tint, look};

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

/// Adds an attribute to a style.
type Styler = fn(Style) -> Style;

fn style(role: Role) -> Style {
    let Look { text, behind, is } = look(role);
    let style = text.map_or_else(Style::new, |tint| Style::new().color(tint_of_text(tint)));
    let style = behind.map_or(style, |tint| style.on_color(tint_of_text(tint)));
    let attributes: [(bool, Styler); 6] = [
        (is.bold, Style::bold),
        (is.dim, Style::dimmed),
        (is.italic, Style::italic),
        (is.underlined, Style::underline),
        (is.reversed, Style::reversed),
        (is.struck, Style::strikethrough),
    ];
    attributes.into_iter().fold(style, |style, (is, add)| if is { add(style) } else { style })
}

fn tint_of_text(tint: Tint) -> DynColors {
    const BASIC: [AnsiColors; 16] = [
        AnsiColors::Black,
        AnsiColors::Red,
        AnsiColors::Green,
        AnsiColors::Yellow,
        AnsiColors::Blue,
        AnsiColors::Magenta,
        AnsiColors::Cyan,
        AnsiColors::White,
        AnsiColors::BrightBlack,
        AnsiColors::BrightRed,
        AnsiColors::BrightGreen,
        AnsiColors::BrightYellow,
        AnsiColors::BrightBlue,
        AnsiColors::BrightMagenta,
        AnsiColors::BrightCyan,
        AnsiColors::BrightWhite,
    ];
    match tint {
        Tint::Basic(number) => DynColors::Ansi(BASIC[usize::from(number % 16)]),
        Tint::Indexed(number) => DynColors::Xterm(XtermColors::from(number)),
        Tint::Exact(red, green, blue) => DynColors::Rgb(red, green, blue),
    }
}

/// Returns a table's cell in the look of its role.
pub(crate) fn cell(role: Role, cell: Cell) -> Cell {
    let Look { text, behind, is } = look(role);
    let cell = text.into_iter().fold(cell, |cell, tint| cell.fg(tint_of_cell(tint)));
    let cell = behind.into_iter().fold(cell, |cell, tint| cell.bg(tint_of_cell(tint)));
    let attributes = [
        (is.bold, Attribute::Bold),
        (is.dim, Attribute::Dim),
        (is.italic, Attribute::Italic),
        (is.underlined, Attribute::Underlined),
        (is.reversed, Attribute::Reverse),
        (is.struck, Attribute::CrossedOut),
    ];
    let attributes = attributes.into_iter().filter_map(|(is, attribute)| is.then_some(attribute));
    attributes.fold(cell, Cell::add_attribute)
}

const fn tint_of_cell(tint: Tint) -> Color {
    const BASIC: [Color; 16] = [
        Color::Black,
        Color::DarkRed,
        Color::DarkGreen,
        Color::DarkYellow,
        Color::DarkBlue,
        Color::DarkMagenta,
        Color::DarkCyan,
        Color::Grey,
        Color::DarkGrey,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::White,
    ];
    match tint {
        Tint::Basic(number) => BASIC[(number % 16) as usize],
        Tint::Indexed(number) => Color::AnsiValue(number),
        Tint::Exact(r, g, b) => Color::Rgb { r, g, b },
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
