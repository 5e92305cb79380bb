//! Draws tables: columns separated by two spaces, no frame, headings in capitals. On a terminal no line is wider than it: columns are
//! hidden and texts shortened, as each [`Column`] says. What goes into a pipe is never cut.

mod layout;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use orchestra::model::text;

pub use self::layout::Column;
use self::layout::{GAP, Layout, Shown};
use crate::style::{self, Painter, Role};

/// A cell of a table.
#[derive(Clone, Debug)]
pub struct TableCell {
    /// The text, safe to show on a terminal.
    pub text: String,
    /// Its meaning.
    pub role: Role,
    /// Whether it is aligned to the right, as numbers are.
    pub right: bool,
    /// Whether a text that is shortened keeps its end as well as its beginning.
    pub keeps_ends: bool,
}

impl TableCell {
    /// Creates a cell of plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self::role(text, Role::Plain)
    }

    /// Creates a cell of text with a role.
    pub fn role(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, right: false, keeps_ends: false }
    }

    /// Creates a cell of a number, aligned to the right.
    pub fn number(text: impl Into<String>) -> Self {
        Self { right: true, ..Self::new(text) }
    }

    /// Keeps the end of the text, too, if it is shortened: of a command, both say what it does.
    #[must_use]
    pub fn with_ends(self, keeps_ends: bool) -> Self {
        Self { keeps_ends, ..self }
    }

    /// Returns the cell without what joins emoji into one: terminals differ in how wide they draw the result.
    fn of_certain_width(&self) -> Self {
        Self { text: self.text.replace(['\u{200d}', '\u{fe0f}'], ""), ..*self }
    }
}

/// Returns the cell with the number of a row, which counts from 1.
pub fn row_number(at: usize) -> TableCell {
    TableCell::number((at + 1).to_string())
}

/// Draws rows below the headings of their columns, each line at most `width` columns wide. On a terminal, which has a width, columns
/// without any value are left out, and a last line says how many others are hidden.
pub fn draw(columns: &[Column], rows: &[Vec<TableCell>], width: Option<usize>, painter: &Painter) -> String {
    let rows: Vec<Vec<TableCell>> = match width {
        Some(_) => rows.iter().map(|row| row.iter().map(TableCell::of_certain_width).collect()).collect(),
        None => rows.to_vec(),
    };
    let layout = Layout::of(columns, &rows, width);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    if painter.is_on() {
        table.enforce_styling().style_text_only();
    }
    let is_right = |at: usize| rows.first().and_then(|row| row.get(at)).is_some_and(|cell| cell.right);
    let heading = |shown: &Shown| TableCell {
        right: is_right(shown.at),
        ..TableCell::role(columns[shown.at].heading, Role::Head)
    };
    table.set_header(layout.shown.iter().map(|shown| fitted(shown, &heading(shown))).collect::<Vec<_>>());
    for row in &rows {
        let cells = layout.shown.iter().filter_map(|shown| Some(fitted(shown, row.get(shown.at)?)));
        table.add_row(cells.collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, u16::try_from(GAP).unwrap_or_default()));
    }
    let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    if let (Some(width), hidden @ 1..) = (width, layout.hidden) {
        let words = format!("{} hidden", text::count(hidden as u64, "column"));
        lines.push(painter.as_role(Role::Faint, &text::truncate(&words, width)));
    }
    format!("{}\n", lines.join("\n"))
}

/// Returns a cell with its text cut or broken as the layout requires.
fn fitted(shown: &Shown, cell: &TableCell) -> Cell {
    let align = if cell.right { CellAlignment::Right } else { CellAlignment::Left };
    let lines = shown.lines(&cell.text, cell.keeps_ends);
    // Colour around spaces would be left at the end of a line.
    let text = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    let role = if text.is_empty() { Role::Plain } else { cell.role };
    style::cell(role, Cell::new(text)).set_alignment(align)
}

#[cfg(test)]
mod tests;
