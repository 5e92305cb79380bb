//! A frame. Pure: the same state is the same frame.

use orchestra_terminal::style::Role;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{bars, diff_panes, layout, paint::Canvas, panes, picking, prompt::Mode, state::State};

/// Draws the whole window. Returns where the cursor stands: at the text that is typed, or at the chosen agent.
pub(crate) fn frame(state: &State, colours: bool) -> (Buffer, Position) {
    let (columns, rows) = state.size;
    let whole = Rect::new(0, 0, columns, rows);
    let mut cells = Buffer::empty(whole);
    if whole.is_empty() {
        return (cells, Position::ORIGIN);
    }
    let mut canvas = Canvas { cells: &mut cells, colours };
    let parts = layout::parts(state);
    bars::header(&mut canvas, state, parts.header);
    let body = Rect::new(0, 1, columns, rows.saturating_sub(2));
    let mut cursor = Position::new(0, rows - 1);
    match &state.mode {
        Mode::Keys => panes::keys(&mut canvas, state, body),
        Mode::Request(asked, top) => panes::request(&mut canvas, state, asked, *top, body),
        Mode::Picking(picking) => picking::draw(&mut canvas, state, picking, body),
        Mode::Files(at) => diff_panes::list(&mut canvas, state, *at, body),
        Mode::Normal | Mode::Typing(_) | Mode::Deciding(_) => {
            if let Some(area) = parts.agents {
                panes::agents(&mut canvas, state, area);
                let shown = state.shown();
                let at = shown.iter().position(|row| Some(&row.id) == state.chosen.as_ref());
                let row = at.and_then(|at| u16::try_from(at.checked_sub(state.top)?).ok());
                cursor =
                    row.filter(|row| *row < area.height).map_or(cursor, |row| Position::new(0, area.y + row));
            }
            if let Some(area) = parts.asks {
                panes::asks(&mut canvas, state, area);
            }
            if let Some(area) = parts.files {
                diff_panes::beside_page(&mut canvas, state, area);
            }
            if let Some(area) = parts.line {
                let line = if state.plain { "|" } else { "│" };
                (0..area.height).for_each(|row| {
                    canvas.put(area, row, 0, line, Role::Faint);
                });
            }
            if let Some(area) = parts.page {
                panes::page(&mut canvas, state, area);
            }
        }
    }
    let typed = bars::footer(&mut canvas, state, parts.footer);
    (cells, typed.unwrap_or(cursor))
}
