//! Choosing the agent for a new task: its profile, with the program and the model. Pure.

use orchestra::{model::text, ops::ui::ProfileChoice};
use orchestra_terminal::{key::Key, style::Role};
use ratatui::layout::Rect;

use super::{
    command_key::Meaning,
    paint::Canvas,
    prompt::{Mode, Picking, Prompt, Purpose},
    state::{Call, State},
};

/// Opens the list of profiles from the prompt of a task. They are read now, since the configuration may have changed.
pub(crate) fn open(state: &mut State, task: String) -> Vec<Call> {
    state.mode = Mode::Picking(Picking { task, at: None });
    vec![Call::ReadProfiles]
}

/// Returns the place in the list: the picked profile, or the default one, until a key moves.
fn place(state: &State, picking: &Picking) -> usize {
    let is_now = |profile: &ProfileChoice| match &state.agent {
        Some(name) => *name == profile.name,
        None => profile.is_default,
    };
    let now = || state.profiles.iter().position(is_now).unwrap_or(0);
    picking.at.unwrap_or_else(now).min(state.profiles.len().saturating_sub(1))
}

/// Handles a key in the list of profiles.
pub(crate) fn press(state: &mut State, picking: Picking, key: Key) -> Vec<Call> {
    let (at, last) = (place(state, &picking), state.profiles.len().saturating_sub(1));
    let next = match state.keymap.meaning(key) {
        Some(Meaning::Up) => at.saturating_sub(1),
        Some(Meaning::Down | Meaning::OtherPane) => (at + 1).min(last),
        Some(Meaning::First | Meaning::PageUp) => 0,
        Some(Meaning::Last | Meaning::PageDown) => last,
        Some(Meaning::Open) => {
            state.agent = state.profiles.get(at).map(|profile| profile.name.clone());
            return back(state, picking.task);
        }
        _ => return back(state, picking.task),
    };
    state.mode = Mode::Picking(Picking { at: Some(next), ..picking });
    Vec::new()
}

/// Returns to the task.
fn back(state: &mut State, task: String) -> Vec<Call> {
    let prompt = Prompt::new(Purpose::Task(state.agent.clone()));
    state.mode = Mode::Typing(Prompt { text: task, ..prompt });
    Vec::new()
}

/// Draws the list of profiles.
pub(crate) fn draw(canvas: &mut Canvas<'_>, state: &State, picking: &Picking, area: Rect) {
    canvas.title(area, "agent for the task: Enter picks, any other key keeps", true);
    let inner = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let (at, height) = (place(state, picking), usize::from(inner.height));
    if state.profiles.is_empty() {
        canvas.put(inner, 0, 1, "no profile can be started here: git orchestra doctor says why", Role::Warn);
    }
    let first = at.saturating_sub(height.saturating_sub(1));
    for (row, (number, profile)) in (0..inner.height).zip(state.profiles.iter().enumerate().skip(first)) {
        canvas.put(inner, row, 0, if number == at { ">" } else { " " }, Role::Head);
        let end = canvas.put(inner, row, 2, &text::safe(&profile.name), Role::Plain);
        let end =
            if profile.is_default { canvas.put(inner, row, end, " (default)", Role::Faint) } else { end };
        for (what, value) in [("program", &profile.program), ("model", &profile.model)] {
            if let Some(value) = value {
                let column = if what == "program" { end.max(24) } else { end.max(24) + inner.width / 3 };
                canvas.put(inner, row, column, &text::safe(&format!("  {what} {value}")), Role::Faint);
            }
        }
        if number == at {
            canvas.mark(inner, row, true);
        }
    }
}
