//! The first and the last line of the window. Pure.

use orchestra::model::{Liveness, Phase, text};
use orchestra_terminal::{caps, style::Role};
use ratatui::layout::{Position, Rect};

use super::{
    answering,
    page::Page,
    paint::Canvas,
    prompt::{Mode, Prompt},
    row::Row,
    state::State,
};

/// Draws the repository, and how many agents there are in which state.
pub(crate) fn header(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let count = |is_one: &dyn Fn(&Row) -> bool| state.rows.iter().filter(|row| is_one(row)).count();
    let plain = state.plain;
    let parts = [
        (count(&Row::needs_person), "?", "?", "need you", Role::Warn),
        (
            count(&|row: &Row| row.liveness == Liveness::Live && row.phase == Phase::Running),
            "●",
            "*",
            "run",
            Role::Active,
        ),
        (count(&|row: &Row| row.phase == Phase::Queued), "○", "o", "queued", Role::Faint),
        (count(&|row: &Row| row.phase == Phase::Done), "✓", "+", "done", Role::Good),
        (
            count(&|row: &Row| matches!(row.phase, Phase::Failed | Phase::Timeout)),
            "✗",
            "x",
            "failed",
            Role::Bad,
        ),
    ];
    let mut end = canvas.put(area, 0, 0, "git orchestra", Role::Head);
    let counts: usize =
        parts.iter().map(|(count, _, _, word, _)| if *count > 0 { word.len() + 8 } else { 0 }).sum();
    if usize::from(area.width) > counts + 20 {
        let left = usize::from(area.width) - counts - 18;
        end = canvas.put(area, 0, end, &format!(" · {}", text::truncate(&state.place, left)), Role::Plain);
    }
    for (count, mark, simple, word, role) in parts.into_iter().filter(|(count, ..)| *count > 0) {
        let mark = if plain { simple } else { mark };
        end = canvas.put(area, 0, end, &format!("  {mark} {count} {word}"), role);
    }
    let cost: u64 = state.rows.iter().filter_map(|row| row.cost_micros).sum();
    if cost > 0 {
        end = canvas.put(area, 0, end, &format!("  {}", caps::dollars(cost)), Role::Plain);
    }
    if !state.filter.is_empty() {
        end = canvas.put(area, 0, end, &format!("  /{}", text::safe(&state.filter)), Role::Warn);
    }
    if state.hidden > 0 {
        canvas.put(area, 0, end, &format!("  {} older", state.hidden), Role::Faint);
    }
}

/// Draws the last line: what is typed or asked, what happened, or the keys. Returns where the cursor is while a text is typed.
pub(crate) fn footer(canvas: &mut Canvas<'_>, state: &State, area: Rect) -> Option<Position> {
    match &state.mode {
        Mode::Typing(prompt) => return typing(canvas, prompt, area),
        Mode::Deciding(decision) => {
            canvas.put(area, 0, 0, &text::safe(&decision.question()), Role::Warn);
        }
        Mode::Request(asked, top) => {
            let is_end =
                state.row(&asked.agent).is_some_and(|row| answering::is_end_in_sight(state, row, *top));
            let allow =
                if is_end { state.keymap.shown("allow", "allows it") } else { "space shows more".to_owned() };
            let deny = state.keymap.shown("deny", "denies it");
            canvas.put(area, 0, 0, &format!("{allow}  {deny}  Esc back"), Role::Warn);
        }
        Mode::Normal | Mode::Keys | Mode::Files(_) | Mode::Picking(_) => {
            match (&state.message, &state.page) {
                // What a command said that ended meanwhile does not hide a question that a key answers.
                (message, Page::Plan { question, .. })
                    if !state.contents.is_loading && state.contents.succeeded =>
                {
                    let end = canvas.put(area, 0, 0, &format!("{question}? y does  "), Role::Warn);
                    let (role, words) = match message {
                        Some((role, message)) => (*role, text::safe(message)),
                        None => (Role::Warn, "? keys  q quit".into()),
                    };
                    canvas.put(area, 0, end, &words, role);
                }
                (Some((role, message)), _) => {
                    canvas.put(area, 0, 0, &text::safe(message), *role);
                }
                _ => keys(canvas, state, area),
            }
        }
    }
    None
}

fn typing(canvas: &mut Canvas<'_>, prompt: &Prompt, area: Rect) -> Option<Position> {
    let label = prompt.purpose.label();
    let label = text::truncate(&label, usize::from(area.width / 2));
    let end = canvas.put(area, 0, 0, &label, Role::Hint);
    let left = usize::from(area.width.saturating_sub(end + 1));
    let shown = text::keep_end(&text::safe(&prompt.text), left);
    let end = canvas.put(area, 0, end, &shown, Role::Plain);
    (area.height > 0 && area.width > 0).then(|| Position::new(area.x + end.min(area.width - 1), area.y))
}

/// Draws the keys that are useful now; those that do not fit are in the list of keys.
fn keys(canvas: &mut Canvas<'_>, state: &State, area: Rect) {
    let asks = state.chosen().is_some_and(|row| row.request.is_some());
    let own: &[&str] = match (&state.page, asks) {
        (_, true) => &["allow", "deny"],
        (Page::Diff { .. }, false) => &["remark", "files", "review"],
        _ => &["diff"],
    };
    let all = ["spec", "shell", "new", "remove", "next", "log", "monitor", "land", "filter", "command"];
    let key = |name: &str| state.keymap.key_named(name).map(|key| format!("{key} {name}"));
    let last = ["keys", "quit"].into_iter().filter_map(key).collect::<Vec<_>>().join("  ");
    let mut line = String::new();
    for key in own.iter().chain(&all).filter_map(|name| key(name)) {
        if line.len() + key.len() + 2 + last.len() < usize::from(area.width) {
            line = format!("{line}{key}  ");
        }
    }
    canvas.put(area, 0, 0, &format!("{line}{last}"), Role::Faint);
}
