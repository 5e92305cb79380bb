//! Draws tables: columns separated by two spaces, no frame, headings in capitals. On a terminal no line is wider than it: columns are
//! hidden and texts shortened, as each [`Column`] says. What goes into a pipe is never cut.

mod layout;

use orchestra::model::text;

pub use self::layout::Column;
use self::layout::{GAP, Layout, Shown};
use crate::style::{Painter, Role};

/// A cell of a table.
#[derive(Clone, Debug)]
pub struct TableCell {
    /// The text, safe to show on a terminal.
    pub text: String,
    /// Its meaning.
    pub role: Role,
    /// Whether it is aligned to the right, as numbers are.
    pub right: bool,
}

impl TableCell {
    /// Creates a cell of plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), role: Role::Plain, right: false }
    }

    /// Creates a cell of text with a role.
    pub fn role(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, right: false }
    }

    /// Creates a cell of a number, aligned to the right.
    pub fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), role: Role::Plain, right: true }
    }
}

/// Draws rows below the headings of their columns, each line at most `width` columns wide. On a terminal, which has a width, columns
/// without any value are left out, and a last line says how many others are hidden.
pub fn draw(columns: &[Column], rows: &[Vec<TableCell>], width: Option<usize>, painter: &Painter) -> String {
    let layout = Layout::of(columns, rows, width);
    let is_right = |at: usize| rows.first().and_then(|row| row.get(at)).is_some_and(|cell| cell.right);
    let heading = |(at, column): (usize, &Column)| TableCell {
        right: is_right(at),
        ..TableCell::role(column.heading, Role::Head)
    };
    let headings: Vec<TableCell> = columns.iter().enumerate().map(heading).collect();
    let mut out = draw_row(&layout, &headings, painter);
    rows.iter().for_each(|row| out.push_str(&draw_row(&layout, row, painter)));
    if let (Some(width), hidden @ 1..) = (width, layout.hidden) {
        let words = format!("{} hidden", text::count(hidden as u64, "column"));
        out.push_str(&painter.as_role(Role::Faint, &text::truncate(&words, width)));
        out.push('\n');
    }
    out
}

/// Draws a row, on more than one line if a text is wrapped.
fn draw_row(layout: &Layout, row: &[TableCell], painter: &Painter) -> String {
    let cells: Vec<(&Shown, &TableCell, Vec<String>)> = layout
        .shown
        .iter()
        .filter_map(|shown| row.get(shown.at).map(|cell| (shown, cell, shown.lines(&cell.text))))
        .collect();
    let height = cells.iter().map(|(.., lines)| lines.len()).max().unwrap_or(1);
    let mut out = String::new();
    for at in 0..height {
        // Spaces are written only before a text, so that no line ends with some.
        let mut spaces = 0;
        for (shown, cell, lines) in &cells {
            let text = lines.get(at).map_or("", String::as_str);
            let rest = shown.width.saturating_sub(text::width(text));
            let (before, after) = if cell.right { (rest, 0) } else { (0, rest) };
            if text.is_empty() {
                spaces += shown.width;
            } else {
                out.push_str(&" ".repeat(spaces + before));
                out.push_str(&painter.as_role(cell.role, text));
                spaces = after;
            }
            spaces += GAP;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests;
