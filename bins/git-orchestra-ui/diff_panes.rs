//! The panes of a diff: its lines, one below the other or side by side, with the remarks on them, and its files. Pure.

use orchestra::model::text;
use orchestra_terminal::style::Role;
use ratatui::layout::Rect;

use super::{
    diff::{DiffFile, SideRow},
    files::{self, ReadMark},
    layout,
    paint::Canvas,
    state::{Pane, State},
};

/// Draws the lines of a page that are not broken, such as those of a diff.
pub(crate) fn lines(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    if layout::is_side_by_side(state) {
        side_by_side(canvas, state, area);
        return;
    }
    let contents = &state.contents;
    let has_focus = state.focus == Pane::Page;
    for (row, (at, line)) in (0..area.height).zip(contents.lines.iter().enumerate().skip(contents.top)) {
        canvas.line(area, row, line, contents.left);
        remark(canvas, state, area, row, at);
        if has_focus && at == state.cursor {
            canvas.mark(area, row, true);
        }
    }
}

/// Draws the old version at the left, and the new one at the right.
fn side_by_side(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let contents = &state.contents;
    let half = area.width.saturating_sub(1) / 2;
    let old = Rect { width: half, ..area };
    let new = Rect { x: area.x + half + 1, width: area.width - half - 1, ..area };
    let cursor = contents.diff.row_of(state.cursor);
    let shown = contents.diff.rows.iter().enumerate().skip(contents.top);
    for (row, (at, lines)) in (0..area.height).zip(shown) {
        match *lines {
            SideRow::Across(line) => canvas.line(area, row, &contents.lines[line], contents.left),
            SideRow::Beside(one, other) => {
                for (side, line) in [(old, one), (new, other)] {
                    if let Some(line) = line {
                        canvas.line(side, row, &contents.lines[line], contents.left);
                    }
                }
                canvas.put(area, row, half, if state.plain { "|" } else { "│" }, Role::Faint);
            }
        }
        let line = contents.diff.line_of(at);
        remark(canvas, state, new, row, line);
        if state.focus == Pane::Page && at == cursor {
            canvas.mark(area, row, true);
        }
    }
}

/// Draws the remark on a line at its right, over at most half of it.
fn remark(canvas: &mut Canvas<'_>, state: &State, area: Rect, row: u16, line: usize) {
    let Some(words) = files::remark_at(state, line) else { return };
    let words = format!(" # {}", text::safe(words));
    let words = text::truncate(&words, usize::from(area.width / 2));
    let width = u16::try_from(text::width(&words)).unwrap_or(area.width).min(area.width);
    canvas.put(area, row, area.width - width, &words, Role::Warn);
}

/// Draws the files beside the diff that is read: those around the one of the cursor.
pub(crate) fn beside_page(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let keys = ["previous-file", "next-file"].map(|name| state.keymap.shown(name, ""));
    let keys = keys.iter().map(|key| key.trim()).collect::<Vec<_>>().join(" ");
    canvas.title(area, &format!("files: {keys}"), false);
    let at = state.contents.diff.file_at(state.cursor).unwrap_or(0);
    rows(canvas, state, at, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, false);
}

/// Draws the files on the whole window.
pub(crate) fn list(canvas: &mut Canvas<'_>, state: &State, at: usize, area: Rect) {
    let title = format!("files of {}: Enter shows one, space marks it, Esc back", state.page.name());
    canvas.title(area, &title, true);
    rows(canvas, state, at, Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }, true);
}

fn rows(canvas: &mut Canvas<'_>, state: &State, at: usize, area: Rect, has_focus: bool) {
    let all = &state.contents.diff.files;
    let first = files::first_in_sight(state, at, area.height);
    for (row, (number, file)) in (0..area.height).zip(all.iter().enumerate().skip(first)) {
        one_file(canvas, state, area, row, file);
        if number == at {
            canvas.mark(area, row, has_focus);
        }
    }
}

fn one_file(canvas: &mut Canvas<'_>, state: &State, area: Rect, row: u16, file: &DiffFile) {
    let (mark, simple, word, role) = match files::mark(state, file) {
        ReadMark::Unread => ("·", ".", "", Role::Plain),
        ReadMark::Read => ("✓", "+", "read ", Role::Good),
        ReadMark::Changed => ("~", "~", "changed since ", Role::Warn),
    };
    let of_file = |place: &str| place.rsplit_once(':').is_some_and(|(name, _)| name == file.name);
    let remarks = files::remarks(state).iter().filter(|(place, _)| of_file(place)).count();
    let remarks =
        if remarks == 0 { String::new() } else { format!("{} ", text::count(remarks as u64, "remark")) };
    let (more, less) = file.lines;
    let facts = format!(" {remarks}{word}+{more} -{less}");
    let facts = text::truncate(&facts, usize::from(area.width / 2));
    let width = u16::try_from(text::width(&facts)).unwrap_or(area.width).min(area.width);
    let names = Rect { width: area.width - width, ..area };
    canvas.put(names, row, 1, if state.plain { simple } else { mark }, role);
    let left = usize::from(names.width.saturating_sub(3));
    canvas.put(names, row, 3, &text::keep_ends(&text::safe(&file.name), left), Role::Plain);
    canvas.put(area, row, area.width - width, &facts, role);
}
