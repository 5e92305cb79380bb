//! Which part of the window shows what. Pure.

use orchestra::model::text;
use ratatui::layout::Rect;

use super::{
    page::Page,
    row::Row,
    state::{Pane, State},
};

/// The columns from which on agents and page are side by side.
const WIDE: u16 = 80;
/// The columns from which on a diff is shown side by side.
pub(crate) const SIDES: u16 = 140;
/// The narrowest and the widest list of agents beside a page.
const LIST: (u16, u16) = (36, 64);

/// The parts of the window; a part that is not shown is `None`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parts {
    pub(crate) header: Rect,
    pub(crate) footer: Rect,
    /// The agents, without what the chosen one asks for.
    pub(crate) agents: Option<Rect>,
    /// What the chosen one asks for, its title included.
    pub(crate) asks: Option<Rect>,
    /// The files of the diff that is read, the title included.
    pub(crate) files: Option<Rect>,
    /// The line between the two sides.
    pub(crate) line: Option<Rect>,
    /// The page, its title included.
    pub(crate) page: Option<Rect>,
}

/// Divides the window.
pub(crate) fn parts(state: &State) -> Parts {
    let (columns, rows) = state.size;
    let header = Rect::new(0, 0, columns, rows.min(1));
    let footer = Rect::new(0, rows.saturating_sub(1), columns, u16::from(rows > 1));
    let body = Rect::new(0, 1, columns, rows.saturating_sub(2));
    let (list, line, page) = if state.zoomed || columns < WIDE {
        match state.focus {
            Pane::Agents => (Some(body), None, None),
            Pane::Page => (None, None, Some(body)),
        }
    } else {
        let width = (columns * 45 / 100).clamp(LIST.0, LIST.1);
        let list = Rect { width, ..body };
        let line = Rect { x: width, width: 1, ..body };
        let page = Rect { x: width + 1, width: columns - width - 1, ..body };
        (Some(list), Some(line), Some(page))
    };
    let (agents, asks) = match list {
        Some(list) => with_asks(list, state.chosen()),
        None => (None, None),
    };
    let (agents, files) = match agents {
        Some(agents) if asks.is_none() && page.is_some() => with_files(agents, state),
        _ => (agents, None),
    };
    Parts { header, footer, agents, asks, files, line, page }
}

/// Takes the files of the diff off the list, at most half of it, while the diff is read.
fn with_files(list: Rect, state: &State) -> (Option<Rect>, Option<Rect>) {
    let is_read = state.focus == Pane::Page && matches!(state.page, Page::Diff { .. });
    let files = u16::try_from(state.contents.diff.files.len()).unwrap_or(u16::MAX);
    let height = files.saturating_add(1).min(list.height / 2);
    if !is_read || files == 0 || height < 2 {
        return (Some(list), None);
    }
    let agents = Rect { height: list.height - height, ..list };
    (Some(agents), Some(Rect { y: list.y + agents.height, height, ..list }))
}

/// Returns whether the page is a diff that is shown side by side.
pub(crate) fn is_side_by_side(state: &State) -> bool {
    let is_diff = matches!(state.page, Page::Diff { .. });
    is_diff && state.side_by_side && parts(state).page.is_some_and(|page| page.width >= SIDES)
}

/// Takes what the chosen agent asks for off the list, at most half of it.
fn with_asks(list: Rect, chosen: Option<&Row>) -> (Option<Rect>, Option<Rect>) {
    let Some(row) = chosen.filter(|row| row.request.is_some()) else { return (Some(list), None) };
    let lines = u16::try_from(request_lines(row, list.width).len()).unwrap_or(u16::MAX);
    let height = lines.saturating_add(1).min(list.height / 2);
    if height < 2 {
        return (Some(list), None);
    }
    let agents = Rect { height: list.height - height, ..list };
    (Some(agents), Some(Rect { y: list.y + agents.height, height, ..list }))
}

/// Returns what an agent asks for, in lines of at most `columns`.
pub(crate) fn request_lines(row: &Row, columns: u16) -> Vec<String> {
    let Some(request) = &row.request else { return Vec::new() };
    let columns = usize::from(columns).max(1);
    let mut lines: Vec<String> =
        request.text.split_inclusive("\\n").flat_map(|line| text::wrap(line, columns)).collect();
    if !request.is_whole {
        lines.extend(text::wrap("(cut: this is not all of it)", columns));
    }
    lines
}

/// Returns whether the window shows all that the chosen agent asks for.
pub(crate) fn shows_request(state: &State) -> bool {
    let Some(row) = state.chosen() else { return false };
    let is_whole = row.request.as_ref().is_some_and(|request| request.is_whole);
    let fits =
        parts(state).asks.is_some_and(|asks| request_lines(row, asks.width).len() < usize::from(asks.height));
    is_whole && fits
}

/// Returns whether lines of the page have more at the right than is in sight.
pub(crate) fn hides_columns(state: &State) -> bool {
    let contents = &state.contents;
    let width = usize::from(page_width(state)) / if is_side_by_side(state) { 2 } else { 1 };
    !state.page.wraps() && contents.lines.iter().any(|line| line.width() > contents.left + width)
}

/// Returns the columns of the page; those of the window while it is not shown.
pub(crate) fn page_width(state: &State) -> u16 {
    parts(state).page.map_or(state.size.0, |page| page.width)
}

/// Returns the rows of the page below its title.
pub(crate) fn page_height(state: &State) -> usize {
    parts(state).page.map_or(0, |page| usize::from(page.height.saturating_sub(1)))
}

/// Returns the rows for agents; of a page alone, those below its title.
pub(crate) fn list_height(state: &State) -> usize {
    parts(state).agents.map_or_else(|| page_height(state), |agents| usize::from(agents.height))
}
