//! Draws tables: columns separated by two spaces, no frame, headings in capitals. On a terminal the last
//! column is cut to the width; piped output is never cut.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use orchestra::model::text;

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

/// Returns the cell with the number of a row, which counts from 1.
pub fn row_number(at: usize) -> TableCell {
    TableCell::number((at + 1).to_string())
}

/// Draws rows below headings; the last column is cut so that lines fit into `width` columns.
pub fn draw(
    headings: &[&str],
    mut rows: Vec<Vec<TableCell>>,
    width: Option<usize>,
    painter: &Painter,
) -> String {
    if let Some(width) = width {
        fit(headings, &mut rows, width);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    if painter.is_on() {
        table.enforce_styling().style_text_only();
    }
    table.set_header(
        headings.iter().map(|heading| cell(&TableCell::role(*heading, Role::Head))).collect::<Vec<_>>(),
    );
    for row in &rows {
        table.add_row(row.iter().map(cell).collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{}\n", lines.join("\n"))
}

fn cell(text: &TableCell) -> Cell {
    let align = if text.right { CellAlignment::Right } else { CellAlignment::Left };
    style::cell(text.role, Cell::new(&text.text)).set_alignment(align)
}

fn fit(headings: &[&str], rows: &mut [Vec<TableCell>], width: usize) {
    let Some(last) = headings.len().checked_sub(1) else { return };
    let mut before = 0;
    for (at, heading) in headings.iter().enumerate().take(last) {
        let widest = rows.iter().filter_map(|row| row.get(at)).map(|cell| columns(&cell.text)).max();
        before += widest.unwrap_or(0).max(columns(heading)) + 2;
    }
    let room = width.saturating_sub(before + 1).max(10);
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(last)) {
        cell.text = text::truncate(&cell.text, room);
    }
}

fn columns(text: &str) -> usize {
    dialoguer::console::measure_text_width(text)
}
