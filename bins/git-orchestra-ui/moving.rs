//! Moving among agents and in a page. Pure.

use orchestra::model::AgentId;
use orchestra_terminal::style::Role;

use super::{
    command_key::Meaning,
    layout,
    page::{Contents, Page},
    state::{Call, Pane, State},
};

/// How many columns one key moves a page sideways.
const SIDEWAYS: usize = 8;

/// Shows another page.
pub(crate) fn open(state: &mut State, page: Page) -> Vec<Call> {
    state.page = page;
    state.cursor = 0;
    load(state, false)
}

/// Shows the page in a window that shows only agents.
pub(crate) fn bring_page(state: &mut State) {
    if layout::parts(state).page.is_none() {
        state.focus = Pane::Page;
    }
}

/// Reads the page from its beginning. `delayed` if the choice may move on.
pub(crate) fn load(state: &mut State, delayed: bool) -> Vec<Call> {
    let command = match &state.page {
        Page::Result { command } => Some(command.clone()),
        page => page.command(state.chosen()),
    };
    state.contents = Contents {
        is_loading: command.is_some(),
        at_end: state.page.follows(),
        command: command.clone(),
        succeeded: true,
        ..Contents::default()
    };
    let is_result = matches!(state.page, Page::Result { .. });
    let call = |command| if is_result { Call::Run(command) } else { Call::Load { command, delayed } };
    command.map(call).into_iter().collect()
}

/// Reads the page again, after a change. What is in sight stays.
pub(crate) fn reload(state: &mut State) -> Vec<Call> {
    if state.contents.is_loading {
        state.contents.is_stale = true;
        return Vec::new();
    }
    let Some(command) = state.page.command(state.chosen()) else { return Vec::new() };
    state.contents.is_loading = true;
    state.contents.is_stale = false;
    state.contents.command = Some(command.clone());
    vec![Call::Load { command, delayed: true }]
}

/// Chooses an agent.
pub(crate) fn choose(state: &mut State, id: Option<AgentId>) -> Vec<Call> {
    if state.chosen == id {
        return Vec::new();
    }
    state.chosen = id;
    if state.page.is_of_agent() { load(state, true) } else { Vec::new() }
}

/// Moves as a key says. `None` if the key moves nothing.
pub(crate) fn moved(state: &mut State, meaning: Meaning) -> Option<Vec<Call>> {
    match meaning {
        Meaning::OtherPane => {
            state.focus = if state.focus == Pane::Agents { Pane::Page } else { Pane::Agents };
        }
        Meaning::Left if state.focus == Pane::Page && state.contents.left > 0 => {
            state.contents.left = state.contents.left.saturating_sub(SIDEWAYS);
        }
        Meaning::Left => (state.focus, state.zoomed) = (Pane::Agents, false),
        Meaning::Right if state.focus == Pane::Page => {
            state.contents.left += if layout::hides_columns(state) { SIDEWAYS } else { 0 };
        }
        Meaning::Right => state.focus = Pane::Page,
        Meaning::Open => (state.focus, state.zoomed) = (Pane::Page, true),
        Meaning::Back if state.zoomed => state.zoomed = false,
        Meaning::Back if state.focus == Pane::Page => state.focus = Pane::Agents,
        Meaning::Back => {
            state.filter.clear();
            state.message = None;
        }
        Meaning::NextWaiting => return Some(waiting(state, true)),
        Meaning::PreviousWaiting => return Some(waiting(state, false)),
        _ => return move_by(state, meaning),
    }
    Some(Vec::new())
}

fn move_by(state: &mut State, meaning: Meaning) -> Option<Vec<Call>> {
    // The monitor shows the same agents.
    let is_page = state.focus == Pane::Page && state.page != Page::Monitor;
    let height = if is_page { layout::page_height(state) } else { layout::list_height(state) };
    let step = |at: usize, last: usize| {
        Some(match meaning {
            Meaning::Up => at.saturating_sub(1),
            Meaning::Down => (at + 1).min(last),
            Meaning::PageUp => at.saturating_sub(height.max(1)),
            Meaning::PageDown => (at + height.max(1)).min(last),
            Meaning::First => 0,
            Meaning::Last => last,
            _ => return None,
        })
    };
    if is_page {
        scroll(state, height, step)?;
        return Some(Vec::new());
    }
    let shown = state.shown();
    let at = shown.iter().position(|row| Some(&row.id) == state.chosen.as_ref()).unwrap_or(0);
    let next = step(at, shown.len().saturating_sub(1))?;
    let id = shown.get(next).map(|row| row.id.clone());
    Some(choose(state, id))
}

/// Moves the cursor of a diff, or the lines in sight.
fn scroll(state: &mut State, height: usize, step: impl Fn(usize, usize) -> Option<usize>) -> Option<()> {
    let lines = state.contents.lines.len();
    if layout::is_side_by_side(state) {
        let diff = &state.contents.diff;
        state.cursor = diff.line_of(step(diff.row_of(state.cursor), diff.rows.len().saturating_sub(1))?);
        return Some(());
    }
    if matches!(state.page, Page::Diff { .. }) {
        state.cursor = step(state.cursor, lines.saturating_sub(1))?;
        return Some(());
    }
    let last = lines.saturating_sub(height);
    state.contents.top = step(state.contents.top.min(last), last)?;
    state.contents.at_end = state.page.follows() && state.contents.top == last;
    Some(())
}

/// Shows a diff side by side, or no longer. In a window in which it fits, the diff gets all of it.
pub(crate) fn toggle_sides(state: &mut State) -> Vec<Call> {
    if !matches!(state.page, Page::Diff { .. }) {
        state.say(Role::Plain, "the page is no diff");
    } else if layout::is_side_by_side(state) {
        state.side_by_side = false;
    } else {
        state.side_by_side = true;
        (state.focus, state.zoomed) = (Pane::Page, true);
        if !layout::is_side_by_side(state) {
            let needed = layout::SIDES;
            state.say(Role::Plain, format!("a diff is shown side by side from {needed} columns on"));
        }
    }
    Vec::new()
}

/// Chooses the next agent that needs a person, or the one before.
fn waiting(state: &mut State, forward: bool) -> Vec<Call> {
    let shown = state.shown();
    let at = shown.iter().position(|row| Some(&row.id) == state.chosen.as_ref());
    let count = shown.len();
    let from = at.unwrap_or(if forward { count.saturating_sub(1) } else { 0 });
    let places =
        (1..=count).map(|step| if forward { (from + step) % count } else { (from + count - step) % count });
    let found = places.map(|at| shown[at]).find(|row| row.needs_person()).map(|row| row.id.clone());
    match found {
        Some(id) => choose(state, Some(id)),
        None => {
            state.say(Role::Plain, "nobody needs you");
            Vec::new()
        }
    }
}

/// Keeps the choice, the cursor, and the lines in sight inside what there is.
pub(crate) fn fit(state: &mut State) {
    let height = layout::list_height(state).max(1);
    let shown = state.shown();
    let (count, at) = (shown.len(), shown.iter().position(|row| Some(&row.id) == state.chosen.as_ref()));
    let at = at.unwrap_or(0);
    state.top = state.top.min(at).max((at + 1).saturating_sub(height)).min(count.saturating_sub(1));
    let (lines, height) = (state.contents.lines.len(), layout::page_height(state).max(1));
    state.cursor = state.cursor.min(lines.saturating_sub(1));
    let (lines, cursor) = if layout::is_side_by_side(state) {
        (state.contents.diff.rows.len(), state.contents.diff.row_of(state.cursor))
    } else {
        (lines, state.cursor)
    };
    let last = lines.saturating_sub(height);
    if matches!(state.page, Page::Diff { .. }) {
        let top = state.contents.top.min(cursor).max((cursor + 1).saturating_sub(height));
        state.contents.top = top.min(last);
    } else {
        state.contents.top = if state.contents.at_end { last } else { state.contents.top.min(last) };
    }
}
