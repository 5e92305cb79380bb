//! Answering what agents ask for, and judging their work. Pure.

use orchestra::model::AgentId;
use orchestra_terminal::{key::Key, style::Role};

use super::{
    command_key::Meaning,
    drafts, layout, moving,
    page::Page,
    prompt::{Decision, Mode, Prompt, Purpose},
    row::{Asked, Row},
    state::{Action, Call, State},
};

fn said(state: &mut State, text: impl Into<String>) -> Vec<Call> {
    state.say(Role::Plain, text);
    Vec::new()
}

/// Says that an agent asks for nothing.
pub(crate) fn asks_nothing(state: &mut State, row: &Row) -> Vec<Call> {
    let id = &row.id;
    match &row.request {
        Some(_) => said(state, format!("answer it with ':send {id} --allow'")),
        None => said(state, format!("{id} asks for nothing")),
    }
}

fn answer(state: &mut State, action: Action, agent: &AgentId) -> Vec<Call> {
    state.say(Role::Plain, format!("answering {agent} …"));
    vec![Call::Act(action)]
}

/// Allows what the chosen agent asks for, if all of it is in sight; otherwise shows all of it.
pub(crate) fn allow(state: &mut State, row: &Row) -> Vec<Call> {
    let Some(asked) = row.asked() else { return asks_nothing(state, row) };
    let request = row.request.as_ref();
    if request.is_some_and(|request| request.is_choice) {
        state.mode = Mode::Typing(Prompt::new(Purpose::Say(row.id.clone())));
        return said(state, "it asks for a choice: type it");
    }
    if request.is_some_and(|request| !request.is_whole) {
        let hint = format!("too long to be shown whole: ':send {} --allow' allows it", row.id);
        return said(state, hint);
    }
    if layout::shows_request(state) {
        return answer(state, Action::Allow { asked, always: false }, &row.id);
    }
    state.mode = Mode::Request(asked, 0);
    Vec::new()
}

/// Asks whether to allow something from now on, once all of it is in sight.
pub(crate) fn always(state: &mut State, row: &Row) -> Vec<Call> {
    let Some(asked) = row.asked() else { return asks_nothing(state, row) };
    let pattern = row.request.as_ref().and_then(|request| request.pattern.clone());
    match pattern {
        None => said(state, "it can only be allowed once"),
        Some(_) if !layout::shows_request(state) => {
            state.mode = Mode::Request(asked, 0);
            Vec::new()
        }
        Some(pattern) => {
            state.mode = Mode::Deciding(Decision::Always(asked, pattern));
            Vec::new()
        }
    }
}

/// Returns the lines of a request on the whole window, and how many fit.
pub(crate) fn request_page(state: &State, row: &Row) -> (Vec<String>, usize) {
    let (columns, rows) = state.size;
    (layout::request_lines(row, columns), usize::from(rows.saturating_sub(3)).max(1))
}

/// Returns whether the end of a request is in sight.
pub(crate) fn is_end_in_sight(state: &State, row: &Row, top: usize) -> bool {
    let (lines, height) = request_page(state, row);
    top + height >= lines.len() && state.size.1 > 3
}

/// Handles a key while the whole window shows what an agent asks for.
pub(crate) fn in_request(state: &mut State, asked: Asked, top: usize, key: Key) -> Vec<Call> {
    let Some(row) = state.row(&asked.agent).cloned() else { return Vec::new() };
    let (lines, height) = request_page(state, &row);
    let last = lines.len().saturating_sub(height);
    let is_whole = row.request.as_ref().is_some_and(|request| request.is_whole);
    let top = match state.keymap.meaning(key) {
        Some(Meaning::Allow | Meaning::Yes) if is_whole && is_end_in_sight(state, &row, top) => {
            return answer(state, Action::Allow { asked, always: false }, &row.id);
        }
        Some(Meaning::Allow | Meaning::Yes) => {
            state.say(Role::Warn, "not allowed: its end was not shown yet");
            top
        }
        Some(Meaning::Deny) => {
            state.mode = Mode::Typing(Prompt::new(Purpose::Deny(asked)));
            return Vec::new();
        }
        Some(Meaning::Down) => (top + 1).min(last),
        Some(Meaning::Up) => top.saturating_sub(1),
        Some(Meaning::PageDown | Meaning::Reviewed) => (top + height).min(last),
        Some(Meaning::PageUp) => top.saturating_sub(height),
        Some(Meaning::Last) => last,
        Some(Meaning::First) => 0,
        _ => return said(state, "nothing was allowed"),
    };
    state.mode = Mode::Request(asked, top);
    Vec::new()
}

/// Handles a key that answers a question.
pub(crate) fn decided(state: &mut State, decision: &Decision, key: Key) -> Vec<Call> {
    match (decision, key) {
        (Decision::Stop(id), Key::Char('y')) => {
            state.say(Role::Plain, format!("stopping {id} …"));
            vec![Call::Act(Action::Stop(id.clone()))]
        }
        (Decision::Stop(_), _) => said(state, "nothing was stopped"),
        (Decision::Always(asked, _), Key::Char('y')) => {
            answer(state, Action::Allow { asked: asked.clone(), always: true }, &asked.agent)
        }
        (Decision::Always(..), _) => said(state, "nothing was allowed"),
        (Decision::Review(id), Key::Char('a')) => judge(state, id, "--approve", ""),
        (Decision::Review(id), Key::Char('c')) => ask_again(state, id, Purpose::Changes(id.clone())),
        (Decision::Review(id), Key::Char('x')) => ask_again(state, id, Purpose::Reject(id.clone())),
        (Decision::Review(_), _) => said(state, "nothing was judged"),
    }
}

/// Asks for a text about the work of an agent; what was typed earlier and not said yet is there again.
fn ask_again(state: &mut State, id: &AgentId, purpose: Purpose) -> Vec<Call> {
    let text = state.texts.get(id).cloned().unwrap_or_default();
    state.mode = Mode::Typing(Prompt { text, ..Prompt::new(purpose) });
    Vec::new()
}

/// Judges the work of an agent, with the remarks on it. They are kept until the verdict is given.
pub(crate) fn judge(state: &mut State, id: &AgentId, verdict: &str, message: &str) -> Vec<Call> {
    let mut command = vec!["review".to_owned(), id.to_string(), verdict.to_owned()];
    if !message.is_empty() {
        command.extend(["-m".to_owned(), message.to_owned()]);
    }
    let remarks = state.remarks.get(id).cloned().unwrap_or_default();
    if verdict == "--changes" && message.is_empty() && remarks.is_empty() {
        return said(state, "nothing was judged: it needs a message or remarks");
    }
    command.extend(remarks.into_iter().flat_map(|(place, text)| ["-C".to_owned(), place, text]));
    let mut calls = drafts::keep_text(state, id, message);
    moving::bring_page(state);
    calls.extend(moving::open(state, Page::Result { command }));
    calls
}

/// Returns the agent whose work a command judges.
pub(crate) fn judged(command: &[String]) -> Option<AgentId> {
    match command {
        [review, id, ..] if review == "review" => AgentId::parse(id).ok(),
        _ => None,
    }
}

/// Follows a change of the agents: a question that was answered or replaced meanwhile is not asked any more.
pub(crate) fn follow(state: &mut State) {
    let (Mode::Request(asked, _)
    | Mode::Deciding(Decision::Always(asked, _))
    | Mode::Typing(Prompt { purpose: Purpose::Deny(asked), .. })) = &state.mode
    else {
        return;
    };
    let asked = asked.clone();
    let now = state.row(&asked.agent).and_then(Row::asked);
    if now.as_ref() != Some(&asked) {
        state.mode = Mode::Normal;
        let what = if now.is_some() { "asks something else now" } else { "no longer waits" };
        state.say(Role::Warn, format!("{} {what}", asked.agent));
    }
}
