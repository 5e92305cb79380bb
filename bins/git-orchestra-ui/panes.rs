//! The panes: agents, what one of them asks for, the page, and what covers the whole window. Pure.

use orchestra::model::{duration, text};
use orchestra_terminal::{caps, style::Role};
use ratatui::{layout::Rect, text::Line};

use super::{
    answering, command_key, diff_panes, files, layout,
    page::Page,
    paint::Canvas,
    row::{Asked, Row},
    state::{Pane, State},
    update,
};

/// How deep an agent is shown at most below those that started it.
const MAX_INDENT: usize = 6;
/// The ages in seconds from which on they are shown in minutes, unless the agent is chosen.
const MINUTE: i64 = 60;

/// Draws the agents.
pub(crate) fn agents(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let shown = state.shown();
    if shown.is_empty() {
        let words = match (state.is_read, state.filter.is_empty()) {
            (false, _) => "reading agents …",
            (true, true) => &format!("no agents yet: {}", state.keymap.shown("new", "starts one")),
            (true, false) => "no agent has this text: Esc shows all",
        };
        canvas.put(area, 0, 0, words, Role::Faint);
        return;
    }
    let has_focus = state.focus == Pane::Agents;
    for (row, agent) in (0..area.height).zip(shown.iter().skip(state.top)) {
        let is_chosen = Some(&agent.id) == state.chosen.as_ref();
        one_agent(canvas, state, area, row, agent, is_chosen);
        if is_chosen {
            canvas.mark(area, row, has_focus);
        }
    }
}

fn one_agent(canvas: &mut Canvas<'_>, state: &State, area: Rect, row: u16, agent: &Row, is_chosen: bool) {
    let age = age(agent.age(state.now), is_chosen);
    let state_words = format!("{} {age:>4}", text::truncate(&agent.state, usize::from(area.width / 3)));
    let right = u16::try_from(text::width(&state_words)).unwrap_or(area.width).min(area.width);
    let name_area = Rect { width: area.width.saturating_sub(right + 1), ..area };
    canvas.put(name_area, row, 0, if is_chosen { ">" } else { " " }, Role::Head);
    canvas.put(name_area, row, 1, agent.mark(state.plain), agent.role);
    let indent = "  ".repeat(agent.depth.min(MAX_INDENT));
    let branch = if agent.depth == 0 { String::new() } else { indent[2..].to_owned() + branch(state.plain) };
    let unread = if agent.unread > 0 { format!(" ({} new)", agent.unread) } else { String::new() };
    let left = usize::from(name_area.width).saturating_sub(3 + text::width(&branch) + text::width(&unread));
    let name = format!("{branch}{}{unread}", text::keep_ends(&agent.id, left.max(4)));
    canvas.put(name_area, row, 3, &name, if agent.phase.is_terminal() { Role::Faint } else { Role::Plain });
    canvas.put(area, row, area.width - right, &state_words, agent.role);
}

const fn branch(plain: bool) -> &'static str {
    if plain { "- " } else { "└ " }
}

/// Formats an age. Seconds are shown only of the chosen agent, so that no clock makes the window draw.
fn age(seconds: i64, is_chosen: bool) -> String {
    if seconds < MINUTE && !is_chosen { "<1m".to_owned() } else { duration::age(seconds) }
}

/// Draws what the chosen agent asks for.
pub(crate) fn asks(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let Some(row) = state.chosen() else { return };
    let lines = layout::request_lines(row, area.width);
    let is_whole = layout::shows_request(state);
    let keys = match &row.request {
        Some(request) if request.is_choice => state.keymap.shown("allow", "answers"),
        _ if is_whole => [("allow", "allows"), ("always", "always"), ("deny", "denies")]
            .map(|(name, words)| state.keymap.shown(name, words))
            .join(", "),
        _ => state.keymap.shown("allow", "shows all of it"),
    };
    canvas.title(area, &format!("asks: {keys}"), false);
    for (row, line) in (1..area.height).zip(&lines) {
        canvas.put(area, row, 0, line, Role::Warn);
    }
}

/// Draws the page.
pub(crate) fn page(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let has_focus = state.focus == Pane::Page;
    canvas.title(area, &page_title(state), has_focus);
    let inner = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    if state.page == Page::Monitor {
        monitor(canvas, state, inner);
        return;
    }
    let contents = &state.contents;
    if contents.lines.is_empty() {
        let words = if contents.is_loading {
            "reading …".to_owned()
        } else {
            state.page.empty_words(state.chosen())
        };
        canvas.put(inner, 0, 0, &words, Role::Faint);
        return;
    }
    if state.page.wraps() {
        wrapped(canvas, state, inner);
        return;
    }
    diff_panes::lines(canvas, state, inner);
}

fn page_title(state: &State) -> String {
    let contents = &state.contents;
    let id = state.chosen().filter(|_| state.page.is_of_agent()).map(|row| format!("{} · ", row.id));
    let mut title = format!("{}{}", id.unwrap_or_default(), state.page.name());
    if let (Page::Plan { .. } | Page::Result { .. }, Some(command)) = (&state.page, &contents.command) {
        title = update::shown_command(command);
    }
    if let (Page::Diff { .. }, files @ 1..) = (&state.page, contents.diff.files.len()) {
        title = format!("{title} · {} of {files} files read", files::count_read(state));
        if let remarks @ 1.. = files::remarks(state).len() {
            title = format!("{title} · {}", text::count(remarks as u64, "remark"));
        }
    }
    if contents.is_cut {
        title += " · cut, | shows all";
    }
    if contents.is_loading && !contents.lines.is_empty() && !state.page.is_live() {
        title += " …";
    }
    text::safe(&title).into_owned()
}

/// Draws lines that are broken where they do not fit: from the first in sight down, or from the last one up.
fn wrapped(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let contents = &state.contents;
    let height = usize::from(area.height);
    let rows_of =
        |line: &Line<'_>| text::width(&line.to_string()).max(1).div_ceil(usize::from(area.width).max(1));
    let first = if contents.at_end {
        let mut left = height;
        let fits = contents.lines.iter().rev().take_while(|line| {
            let rows = rows_of(line);
            let fits = rows <= left;
            left = left.saturating_sub(rows);
            fits
        });
        contents.lines.len() - fits.count().max(1)
    } else {
        contents.top
    };
    let mut row = 0;
    for line in contents.lines.iter().skip(first) {
        for part in 0..rows_of(line) {
            if row >= area.height {
                return;
            }
            canvas.line(area, row, line, part * usize::from(area.width));
            row += 1;
        }
    }
}

/// Draws one line for each agent: what it does, when it was heard of, what it costs in a minute. Below are the warnings of `status`, such
/// as that two are about to conflict.
fn monitor(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let warnings: Vec<&Line<'_>> = state.contents.lines.iter().filter(|line| is_warning(line)).collect();
    let below = u16::try_from(warnings.len()).unwrap_or(u16::MAX).min(area.height / 3);
    let rows = Rect { height: area.height - below, ..area };
    for (row, agent) in (0..rows.height).zip(state.shown().into_iter().skip(state.top)) {
        monitored(canvas, state, rows, row, agent);
        if Some(&agent.id) == state.chosen.as_ref() {
            canvas.mark(rows, row, state.focus == Pane::Page);
        }
    }
    for (row, line) in (rows.height..area.height).zip(warnings) {
        canvas.line(area, row, line, 0);
    }
}

fn is_warning(line: &Line<'_>) -> bool {
    line.spans.first().is_some_and(|span| span.content.starts_with("warning"))
}

fn monitored(canvas: &mut Canvas<'_>, state: &State, area: Rect, row: u16, agent: &Row) {
    let name_width = usize::from(area.width / 3).clamp(8, 28);
    let name = text::keep_ends(&agent.id, name_width);
    let blanks = " ".repeat(name_width.saturating_sub(text::width(&name)));
    let heard = state.signs.get(&agent.id).map_or(agent.heard, |sign| agent.heard.max(*sign));
    let heard = age((state.now - heard).max(0), false);
    let rate = agent.cost_rate(state.now);
    let rate = rate.map_or_else(|| "-".to_owned(), |rate| format!("{}/m", caps::dollars(rate)));
    let lines = agent.lines.map_or_else(String::new, |(more, less)| format!("+{more} -{less} "));
    let end = canvas.put(area, row, 0, &format!("{name}{blanks} "), Role::Plain);
    let end = canvas.put(
        area,
        row,
        end,
        &format!("{} {heard:>4} {rate:>9} {lines}", agent.mark(state.plain)),
        agent.role,
    );
    canvas.put(area, row, end, &agent.activity, Role::Plain);
}

/// Draws the whole of what an agent asks for.
pub(crate) fn request(canvas: &mut Canvas<'_>, state: &State, asked: &Asked, top: usize, area: Rect) {
    let Some(row) = state.row(&asked.agent) else { return };
    let (lines, _) = answering::request_page(state, row);
    canvas.title(area, &format!("{} asks for", row.id), true);
    for (row, line) in (1..area.height).zip(lines.iter().skip(top)) {
        canvas.put(area, row, 0, line, Role::Plain);
    }
}

/// Draws the list of keys, in two columns where they fit.
pub(crate) fn keys(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    canvas.title(area, "keys: any other key returns", true);
    let height = usize::from(area.height.saturating_sub(1)).max(1);
    let columns = if area.width >= 100 { 2 } else { 1 };
    let width = area.width / columns;
    for column in 0..columns {
        let from = state.keys_top + usize::from(column) * height;
        let bindings = command_key::BINDINGS.iter().skip(from).take(height);
        for (row, binding) in (1..area.height).zip(bindings) {
            let key = match state.keymap.key_of(binding) {
                Some(' ') => "space".to_owned(),
                Some(key) => key.to_string(),
                None => String::new(),
            };
            let place = Rect { x: area.x + column * width, width, ..area };
            let end = canvas.put(place, row, 1, &format!("{key:>5}  "), Role::Hint);
            let end = canvas.put(place, row, end, binding.words, Role::Plain);
            canvas.put(place, row, end, &format!(" ({})", binding.name), Role::Faint);
        }
    }
}
