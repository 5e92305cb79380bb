//! The mouse, if the user wants it: a click chooses what is under it, and the wheel moves. It never answers a question. Pure.

use ratatui::layout::{Position, Rect};

use super::{
    command_key::Meaning,
    files, layout, moving,
    page::Page,
    prompt::Mode,
    state::{Call, Pane, State},
};

/// How many rows one step of the wheel moves.
const STEP: usize = 3;

/// Returns the row of an area that is under the mouse.
fn row_in(area: Option<Rect>, at: Position) -> Option<usize> {
    area.filter(|area| area.contains(at)).map(|area| usize::from(at.y - area.y))
}

/// Returns an area without its title.
fn below_title(area: Option<Rect>) -> Option<Rect> {
    area.map(|area| Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area })
}

/// Chooses what is under the mouse.
pub(crate) fn click(state: &mut State, column: u16, row: u16) -> Vec<Call> {
    let (at, parts) = (Position::new(column, row), layout::parts(state));
    if let Mode::Files(chosen) = state.mode {
        let area = Rect::new(0, 2, state.size.0, state.size.1.saturating_sub(3));
        if let Some(row) = row_in(Some(area), at) {
            let last = state.contents.diff.files.len().saturating_sub(1);
            state.mode = Mode::Files((files::first_in_sight(state, chosen, area.height) + row).min(last));
        }
        return Vec::new();
    }
    if state.mode != Mode::Normal {
        return Vec::new();
    }
    if let Some(row) = row_in(below_title(parts.files), at) {
        let chosen = state.contents.diff.file_at(state.cursor).unwrap_or(0);
        let height = parts.files.map_or(0, |area| area.height.saturating_sub(1));
        let file = files::first_in_sight(state, chosen, height) + row;
        files::go_to(state, file);
        return Vec::new();
    }
    if let Some(row) = row_in(parts.agents, at) {
        state.focus = Pane::Agents;
        return choose(state, row);
    }
    if parts.page.is_some_and(|page| page.contains(at)) {
        state.focus = Pane::Page;
    }
    let Some(row) = row_in(below_title(parts.page), at) else { return Vec::new() };
    match state.page {
        Page::Monitor => choose(state, row),
        Page::Diff { .. } => {
            let at = state.contents.top + row;
            let is_side_by_side = layout::is_side_by_side(state);
            state.cursor = if is_side_by_side { state.contents.diff.line_of(at) } else { at };
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Chooses the agent in a row of the list.
fn choose(state: &mut State, row: usize) -> Vec<Call> {
    match state.shown().get(state.top + row).map(|row| row.id.clone()) {
        Some(id) => moving::choose(state, Some(id)),
        None => Vec::new(),
    }
}

/// Moves what is under the mouse.
pub(crate) fn wheel(state: &mut State, down: bool, column: u16, row: u16) -> Vec<Call> {
    if state.mode != Mode::Normal {
        return Vec::new();
    }
    let (at, parts) = (Position::new(column, row), layout::parts(state));
    let is_over = |area: Option<Rect>| area.is_some_and(|area| area.contains(at));
    let before = state.focus;
    let is_page = is_over(parts.page);
    if !is_page && !is_over(parts.agents) {
        return Vec::new();
    }
    // Which pane has the focus says only which one moves.
    state.focus = if is_page { Pane::Page } else { Pane::Agents };
    let meaning = if down { Meaning::Down } else { Meaning::Up };
    let calls = (0..STEP).filter_map(|_| moving::moved(state, meaning)).last().unwrap_or_default();
    state.focus = before;
    calls
}
