//! Writing text into cells, and the styles of meanings. Pure.

use orchestra::model::text;
use orchestra_terminal::{
    look::{Look, Tint, look},
    style::Role,
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
    text::Line,
};

/// Returns the style of a meaning. No meaning is shown by colour alone.
pub(crate) fn style(role: Role, colours: bool) -> Style {
    let plain = Style::new();
    if !colours {
        return match role {
            Role::Head | Role::Bad => plain.add_modifier(Modifier::BOLD),
            Role::Faint => plain.add_modifier(Modifier::DIM),
            _ => plain,
        };
    }
    let Look { text, behind, is } = look(role);
    let style = text.map_or(plain, |tint| plain.fg(colour(tint)));
    let style = behind.map_or(style, |tint| style.bg(colour(tint)));
    let modifiers = [
        (is.bold, Modifier::BOLD),
        (is.dim, Modifier::DIM),
        (is.italic, Modifier::ITALIC),
        (is.underlined, Modifier::UNDERLINED),
        (is.reversed, Modifier::REVERSED),
        (is.struck, Modifier::CROSSED_OUT),
    ];
    let modifiers = modifiers.into_iter().filter_map(|(is, modifier)| is.then_some(modifier));
    style.add_modifier(modifiers.collect())
}

const fn colour(tint: Tint) -> Color {
    const BASIC: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match tint {
        Tint::Basic(number) => BASIC[(number % 16) as usize],
        Tint::Indexed(number) => Color::Indexed(number),
        Tint::Exact(red, green, blue) => Color::Rgb(red, green, blue),
    }
}

/// What is drawn on.
pub(crate) struct Canvas<'a> {
    pub(crate) cells: &'a mut Buffer,
    pub(crate) colours: bool,
}

impl Canvas<'_> {
    /// Writes a text into one row of an area, from a column of it on. Returns the column behind it.
    pub(crate) fn put(&mut self, area: Rect, row: u16, column: u16, words: &str, role: Role) -> u16 {
        self.put_styled(area, row, column, words, style(role, self.colours))
    }

    fn put_styled(&mut self, area: Rect, row: u16, column: u16, words: &str, style: Style) -> u16 {
        let area = area.intersection(self.cells.area);
        if row >= area.height || column >= area.width {
            return column;
        }
        let left = usize::from(area.width - column);
        let (end, _) = self.cells.set_stringn(area.x + column, area.y + row, words, left, style);
        end - area.x
    }

    /// Writes a line with styles into one row of an area, without its first columns.
    pub(crate) fn line(&mut self, area: Rect, row: u16, line: &Line<'_>, hidden: usize) {
        let (mut column, mut skipped) = (0, 0);
        for span in &line.spans {
            let width = text::width(&span.content);
            if skipped + width <= hidden {
                skipped += width;
                continue;
            }
            let rest = after(&span.content, hidden - skipped);
            skipped = hidden;
            column = self.put_styled(area, row, column, rest, span.style);
            if column >= area.width {
                break;
            }
        }
    }

    /// Shows a row of an area reversed, or underlined where it has not the focus.
    pub(crate) fn mark(&mut self, area: Rect, row: u16, has_focus: bool) {
        let modifier = if has_focus { Modifier::REVERSED } else { Modifier::UNDERLINED };
        self.cells
            .set_style(Rect { y: area.y + row, height: 1, ..area }, Style::new().add_modifier(modifier));
    }

    /// Writes the title of a pane: reversed if it has the focus.
    pub(crate) fn title(&mut self, area: Rect, words: &str, has_focus: bool) {
        if area.height > 0 {
            self.put(area, 0, 0, words, Role::Head);
            let modifier = if has_focus { Modifier::REVERSED } else { Modifier::UNDERLINED };
            self.cells.set_style(Rect { height: 1, ..area }, Style::new().add_modifier(modifier));
        }
    }
}

/// Returns a text without its first columns.
fn after(words: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, character) in words.char_indices() {
        if width >= columns {
            return &words[at..];
        }
        width += text::width(character.encode_utf8(&mut [0; 4]));
    }
    ""
}
