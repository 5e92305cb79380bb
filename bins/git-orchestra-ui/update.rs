//! How news and keys change what is shown, and what they ask for. Pure.

use orchestra::model::quote;
use orchestra_terminal::{key::Key, style::Role};
use ratatui::text::Line;

use super::{
    answering,
    command_key::{self, Meaning},
    drafts, files, layout, mouse, moving,
    page::Page,
    picking,
    prompt::{Decision, Mode, Prompt, Purpose},
    row::Row,
    state::{Action, Call, Changed, Msg, State},
};

/// Changes what is shown. Returns what is asked of the world.
pub(crate) fn update(state: &mut State, msg: Msg) -> Vec<Call> {
    let columns = layout::page_width(state);
    let mut calls = match msg {
        Msg::Agents { rows, hidden, changed } => agents(state, rows, hidden, &changed),
        Msg::Tick(now) => {
            state.now = now;
            Vec::new()
        }
        Msg::Resized(columns, rows) => {
            state.size = (columns, rows);
            Vec::new()
        }
        Msg::Key(key) => press(state, key),
        Msg::Printed { command, lines, diff, is_cut, succeeded } => {
            if state.contents.command.as_ref() != Some(&command) {
                return Vec::new();
            }
            let contents = &mut state.contents;
            (contents.lines, contents.is_cut, contents.succeeded) = (lines, is_cut, succeeded);
            contents.diff = diff;
            contents.is_loading = false;
            if !succeeded {
                kept(state);
            }
            if state.contents.is_stale { moving::reload(state) } else { Vec::new() }
        }
        Msg::Ran { command, lines, succeeded } => {
            ran(state, &command, lines, succeeded);
            judged(state, &command, succeeded)
        }
        Msg::Did(Ok(what)) => {
            state.say(Role::Good, what);
            Vec::new()
        }
        Msg::Did(Err(why)) | Msg::Unwatched(why) => {
            state.say(Role::Bad, why);
            Vec::new()
        }
    };
    let is_printed = state.page.wraps() && !matches!(state.page, Page::Result { .. });
    if is_printed && layout::page_width(state) != columns && calls.is_empty() {
        // Tables are as wide as the page.
        calls = moving::reload(state);
    }
    moving::fit(state);
    calls
}

/// Shows what a command printed that changed something.
fn ran(state: &mut State, command: &[String], lines: Vec<Line<'static>>, succeeded: bool) {
    let (role, said) = outcome(command, &lines, succeeded);
    state.say(role, said);
    if state.contents.command.as_deref() == Some(command) {
        let contents = &mut state.contents;
        (contents.lines, contents.succeeded, contents.is_loading) = (lines, succeeded, false);
    }
}

/// Says how a command ended. One that did a part of what was asked, such as to land one of two branches, did not fail: its last line says
/// what it did.
fn outcome(command: &[String], lines: &[Line<'_>], succeeded: bool) -> (Role, String) {
    let command = shown_command(command);
    if succeeded {
        return (Role::Good, format!("done: {command}"));
    }
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    if let Some(error) = lines.iter().find(|line| line.starts_with("error")) {
        return (Role::Bad, format!("failed: {command}: {error}"));
    }
    let is_said = |line: &&String| !line.trim().is_empty() && !line.starts_with("hint:");
    match lines.iter().rev().find(is_said) {
        Some(said) => (Role::Warn, format!("not all was done: {said}")),
        None => (Role::Bad, format!("failed: {command}")),
    }
}

/// Says what can be done with an agent that cleanup keeps.
fn kept(state: &mut State) {
    let Page::Plan { dry, .. } = &state.page else { return };
    let id = match dry.as_slice() {
        [cleanup, .., id] if cleanup == "cleanup" => id.clone(),
        _ => return,
    };
    let has_ended = |id: &str| state.rows.iter().any(|row| row.id.as_str() == id && row.phase.is_terminal());
    if !has_ended(&id) {
        return state.say(Role::Warn, format!("{id} is kept: the page says why"));
    }
    let land = state.keymap.shown("land", "lands it");
    state.say(Role::Warn, format!("kept: {land}, ':cleanup --discard {id}' removes it"));
}

/// Forgets what was said with a verdict. Where it failed, what was typed is kept, and said the next time.
fn judged(state: &mut State, command: &[String], succeeded: bool) -> Vec<Call> {
    let Some(id) = answering::judged(command) else { return Vec::new() };
    if succeeded {
        drafts::forget(state, &id);
    }
    vec![Call::ReadDraft(id)]
}

/// Takes in the agents after a change.
fn agents(state: &mut State, rows: Vec<Row>, hidden: usize, changed: &Changed) -> Vec<Call> {
    let before = state.shown().iter().position(|row| Some(&row.id) == state.chosen.as_ref());
    (state.rows, state.hidden, state.is_read) = (rows, hidden, true);
    if let Changed::These(ids) = changed {
        state.signs.extend(ids.iter().map(|id| (id.clone(), state.now)));
        let rows = &state.rows;
        state.signs.retain(|id, _| rows.iter().any(|row| row.id == *id && !row.phase.is_terminal()));
    }
    answering::follow(state);
    let shown = state.shown();
    let is_there = state.chosen.as_ref().is_some_and(|id| shown.iter().any(|row| row.id == *id));
    if !is_there {
        let at = before.unwrap_or(0).min(shown.len().saturating_sub(1));
        let next = shown.get(at).map(|row| row.id.clone());
        return moving::choose(state, next);
    }
    let is_changed = match (changed, &state.chosen) {
        (Changed::All, _) => true,
        (Changed::These(ids), Some(chosen)) => ids.contains(chosen),
        (Changed::These(_), None) => false,
    } || state.page == Page::Monitor;
    if is_changed && state.page.is_live() { moving::reload(state) } else { Vec::new() }
}

/// Handles a key.
fn press(state: &mut State, key: Key) -> Vec<Call> {
    // Ctrl-C leaves what is asked, and else the window. It is never pasted.
    let key = match (key, &state.mode) {
        (Key::Interrupt, Mode::Normal) => return vec![Call::Quit],
        (Key::Interrupt, _) => {
            state.pasting = false;
            Key::Escape
        }
        _ => key,
    };
    match key {
        Key::PasteBegin | Key::PasteEnd => {
            state.pasting = key == Key::PasteBegin;
            return Vec::new();
        }
        Key::Pause => return vec![Call::PauseJob],
        Key::Click(column, row) => return mouse::click(state, column, row),
        Key::Wheel(down, column, row) => return mouse::wheel(state, down, column, row),
        _ => {}
    }
    match std::mem::take(&mut state.mode) {
        Mode::Typing(prompt) => type_into(state, prompt, key),
        // What is pasted is no key.
        mode if state.pasting => {
            state.mode = mode;
            Vec::new()
        }
        Mode::Normal => {
            state.message = None;
            state.keymap.meaning(key).map_or_else(Vec::new, |meaning| normal(state, meaning))
        }
        Mode::Keys => keys(state, key),
        Mode::Picking(picking) => picking::press(state, picking, key),
        Mode::Files(at) => files::in_list(state, at, key),
        Mode::Request(asked, top) => answering::in_request(state, asked, top, key),
        Mode::Deciding(decision) => answering::decided(state, &decision, key),
    }
}

/// Handles a key in the list of keys.
fn keys(state: &mut State, key: Key) -> Vec<Call> {
    let step = usize::from(state.size.1.saturating_sub(3)).max(1);
    state.keys_top = match state.keymap.meaning(key) {
        Some(Meaning::Down) => state.keys_top + 1,
        Some(Meaning::Up) => state.keys_top.saturating_sub(1),
        Some(Meaning::PageDown | Meaning::Reviewed) => state.keys_top + step,
        Some(Meaning::PageUp) => state.keys_top.saturating_sub(step),
        _ => return Vec::new(),
    };
    state.keys_top = state.keys_top.min(command_key::BINDINGS.len().saturating_sub(1));
    state.mode = Mode::Keys;
    Vec::new()
}

/// Does what a key means outside of texts and questions.
fn normal(state: &mut State, meaning: Meaning) -> Vec<Call> {
    if let Some(calls) = moving::moved(state, meaning) {
        return calls;
    }
    match meaning {
        Meaning::Quit => vec![Call::Quit],
        Meaning::Keys => {
            (state.mode, state.keys_top) = (Mode::Keys, 0);
            Vec::new()
        }
        Meaning::Filter => ask(state, Purpose::Filter),
        Meaning::Command => ask(state, Purpose::Command),
        Meaning::New => ask(state, Purpose::Task(state.agent.clone())),
        Meaning::Monitor => moving::open(state, Page::Monitor),
        Meaning::Runs => moving::open(state, Page::Runs),
        Meaning::Inbox => moving::open(state, Page::Inbox),
        Meaning::Sessions => moving::open(state, Page::Sessions),
        Meaning::Spec => vec![lend(&["spec", "edit"], false)],
        Meaning::Land => plan(state, "land this", &["merge-ranked", "--dry-run"], &["merge-ranked"]),
        Meaning::Undo => plan(state, "undo this", &["undo", "--dry-run"], &["undo"]),
        Meaning::Sync => plan(state, "exchange this", &["sync", "--dry-run"], &["sync"]),
        Meaning::Yes => carry_out(state),
        Meaning::Pager => pager(state),
        Meaning::Files => files::open(state),
        Meaning::NextFile => files::step(state, true),
        Meaning::PreviousFile => files::step(state, false),
        Meaning::SideBySide => moving::toggle_sides(state),
        _ => match state.chosen().cloned() {
            Some(row) => of_agent(state, meaning, &row),
            None => {
                let new = state.keymap.shown("new", "starts one");
                state.say(Role::Plain, format!("no agent is chosen: {new}"));
                Vec::new()
            }
        },
    }
}

/// Does what a key means for the chosen agent.
fn of_agent(state: &mut State, meaning: Meaning, row: &Row) -> Vec<Call> {
    let id = row.id.clone();
    match meaning {
        Meaning::Diff => moving::open(state, Page::Diff { since_review: false }),
        Meaning::SinceReview => moving::open(state, Page::Diff { since_review: true }),
        Meaning::Log => moving::open(state, Page::Log),
        Meaning::Conversation => moving::open(state, Page::Conversation),
        Meaning::Facts => moving::open(state, Page::Facts),
        Meaning::Allow => answering::allow(state, row),
        Meaning::Always => answering::always(state, row),
        Meaning::Deny => match row.asked() {
            Some(asked) => ask(state, Purpose::Deny(asked)),
            None => answering::asks_nothing(state, row),
        },
        Meaning::Say => ask(state, Purpose::Say(id)),
        Meaning::Shell => match row.worktree.clone() {
            Some(folder) => vec![Call::Shell(folder)],
            None => said(state, format!("{id} has no worktree on this machine")),
        },
        Meaning::Pause | Meaning::Stop if row.phase.is_terminal() => said(state, format!("{id} has ended")),
        Meaning::Pause => act(state, format!("pausing {id} …"), Action::Pause(id)),
        Meaning::Resume => act(state, format!("resuming {id} …"), Action::Resume(id)),
        Meaning::Stop => decide(state, Decision::Stop(id)),
        Meaning::Review => {
            let calls = if matches!(state.page, Page::Diff { .. }) {
                Vec::new()
            } else {
                moving::open(state, Page::Diff { since_review: false })
            };
            state.mode = Mode::Deciding(Decision::Review(id));
            calls
        }
        Meaning::Remark => files::remark(state, id),
        Meaning::Reviewed => files::mark_at_cursor(state, &id),
        Meaning::Remove => plan(state, "remove it", &["cleanup", "--dry-run", &id], &["cleanup", &id]),
        _ => Vec::new(),
    }
}

fn said(state: &mut State, text: String) -> Vec<Call> {
    state.say(Role::Plain, text);
    Vec::new()
}

fn act(state: &mut State, text: String, action: Action) -> Vec<Call> {
    state.say(Role::Plain, text);
    vec![Call::Act(action)]
}

fn ask(state: &mut State, purpose: Purpose) -> Vec<Call> {
    state.mode = Mode::Typing(Prompt::new(purpose));
    Vec::new()
}

fn decide(state: &mut State, decision: Decision) -> Vec<Call> {
    state.mode = Mode::Deciding(decision);
    Vec::new()
}

fn lend(words: &[&str], stays: bool) -> Call {
    Call::Lend { command: words.iter().map(|&word| word.to_owned()).collect(), stays }
}

/// Shows what a command would do, before `y` runs it.
fn plan(state: &mut State, question: &str, dry: &[&str], command: &[&str]) -> Vec<Call> {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    moving::bring_page(state);
    let page = Page::Plan { question: question.to_owned(), dry: owned(dry), command: owned(command) };
    moving::open(state, page)
}

/// Runs the command of a plan, once the plan was shown.
fn carry_out(state: &mut State) -> Vec<Call> {
    let Page::Plan { command, .. } = state.page.clone() else { return Vec::new() };
    if state.contents.is_loading || !state.contents.succeeded {
        return said(state, "there is no plan to carry out yet".to_owned());
    }
    if command[0] == "sync" {
        // It may ask whether the remote may have the agents.
        return vec![Call::Lend { command, stays: true }];
    }
    run(state, command)
}

/// Runs a command of ours, and shows what it prints.
pub(crate) fn run(state: &mut State, command: Vec<String>) -> Vec<Call> {
    moving::bring_page(state);
    moving::open(state, Page::Result { command })
}

/// Shows the page in the user's pager: the whole of it.
fn pager(state: &State) -> Vec<Call> {
    let command = match &state.page {
        // What changed something is not done again.
        Page::Result { .. } | Page::Plan { .. } => None,
        Page::Log => state.chosen().map(|row| vec!["logs".to_owned(), row.id.to_string()]),
        page => page.command(state.chosen()),
    };
    command.map(|command| Call::Lend { command, stays: true }).into_iter().collect()
}

/// Handles a key while a text is typed.
fn type_into(state: &mut State, mut prompt: Prompt, key: Key) -> Vec<Call> {
    match key {
        Key::Enter if !state.pasting => return typed(state, prompt),
        Key::Escape if !state.pasting => {
            if prompt.purpose == Purpose::Filter {
                state.filter.clear();
            }
            return Vec::new();
        }
        Key::Tab if !state.pasting && matches!(prompt.purpose, Purpose::Task(_)) => {
            return picking::open(state, prompt.text);
        }
        Key::Enter | Key::Tab => prompt.push(' '),
        Key::Backspace => drop(prompt.text.pop()),
        Key::EmptyLine => prompt.text.clear(),
        Key::Char(character) => prompt.push(character),
        _ => {}
    }
    let calls = if prompt.purpose == Purpose::Filter { filter(state, &prompt.text) } else { Vec::new() };
    state.mode = Mode::Typing(prompt);
    calls
}

/// Shows only agents with a text; the first of them is chosen if the chosen one is not among them.
fn filter(state: &mut State, text: &str) -> Vec<Call> {
    text.clone_into(&mut state.filter);
    let shown = state.shown();
    if shown.iter().any(|row| Some(&row.id) == state.chosen.as_ref()) {
        return Vec::new();
    }
    let first = shown.first().map(|row| row.id.clone());
    moving::choose(state, first)
}

/// Returns the command that starts an agent of a profile, or of the default one, for a task.
pub(crate) fn spawn(agent: Option<String>, task: String) -> Vec<String> {
    let profile = agent.map(|agent| format!("--agent={agent}"));
    let words = ["spawn", "--detach"].map(str::to_owned).into_iter().chain(profile);
    words.chain(["--".to_owned(), task]).collect()
}

/// Does what a text is for.
fn typed(state: &mut State, prompt: Prompt) -> Vec<Call> {
    let text = prompt.text.trim().to_owned();
    match prompt.purpose {
        Purpose::Filter => Vec::new(),
        Purpose::Task(agent) if text.is_empty() => vec![Call::EditTask(agent)],
        Purpose::Task(agent) => run(state, spawn(agent, text)),
        Purpose::Say(agent) if text.is_empty() => vec![Call::EditMessage(agent)],
        Purpose::Say(agent) => act(state, format!("telling {agent} …"), Action::Say { agent, text }),
        Purpose::Deny(asked) => {
            let reason = Some(text).filter(|text| !text.is_empty());
            act(state, format!("answering {} …", asked.agent), Action::Deny { asked, reason })
        }
        Purpose::Changes(id) => answering::judge(state, &id, "--changes", &text),
        Purpose::Reject(id) => answering::judge(state, &id, "--reject", &text),
        Purpose::Remark(id, place) => files::keep_remark(state, &id, place, text),
        Purpose::Command => match super::prompt::split(&text) {
            None => said(state, "a quote is open".to_owned()),
            Some(words) if words.is_empty() => Vec::new(),
            Some(command) => vec![Call::Lend { command, stays: true }],
        },
    }
}

/// Returns the command that a page shows, as it is typed.
pub(crate) fn shown_command(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(quote::word).collect();
    format!("git orchestra {}", words.join(" "))
}

/// Whether the window shows a question that a key answers, and which.
pub(crate) fn question(state: &State) -> Option<String> {
    match &state.mode {
        Mode::Deciding(decision) => Some(decision.question()),
        Mode::Request(asked, top) => Some(format!("{asked:?} {top}")),
        Mode::Normal if layout::shows_request(state) => state.asked().map(|asked| format!("{asked:?}")),
        _ => match &state.page {
            Page::Plan { dry, .. } if !state.contents.is_loading => Some(dry.join(" ")),
            _ => None,
        },
    }
}
