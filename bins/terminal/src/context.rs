//! The context of a command's operations: Ctrl-C cancels them, and the status line shows their progress.

use orchestra::{
    Result,
    context::{Context, Event},
    model::text,
    ops::merge_ranked::BranchOutcome,
};

use crate::{
    Terminal, here, interrupt,
    status_line::StatusLine,
    style::{Painter, Role},
};

/// The maximum width of a branch's name, in columns.
const MAX_NAME: usize = 40;
/// The maximum width of a text in a message, in columns.
const MAX_TEXT: usize = 200;

/// Returns the context of a short operation: Ctrl-C ends the command at once, and no progress is shown.
pub fn uninterrupted() -> Context {
    Context::of(here::environment())
}

/// Returns the context of an operation that only reads, but may take long: Ctrl-C ends the command at once, and progress is shown.
pub fn reading(terminal: &Terminal) -> Context {
    observed(terminal, uninterrupted())
}

/// Returns the context of an operation that Ctrl-C ends in a state from which the next command can continue. A command calls this
/// once and uses the context for all of its operations.
///
/// # Errors
/// Ctrl-C cannot be caught.
pub fn interruptible(terminal: &Terminal) -> Result<Context> {
    Ok(observed(terminal, Context::cancelled_by(here::environment(), interrupt::cancel()?)))
}

fn observed(terminal: &Terminal, context: Context) -> Context {
    if !StatusLine::can_be_drawn() {
        return context;
    }
    let (line, painter) = (terminal.status_line().clone(), *terminal.painter_err());
    context.observed_by(move |event: &Event| show(&line, &painter, event))
}

fn show(line: &StatusLine, painter: &Painter, event: &Event) {
    match event {
        Event::LandingStepEnded { branch, outcome, why, .. } => {
            line.clear();
            let why =
                why.as_ref().map_or_else(String::new, |why| format!(": {}", text::one_line(why, MAX_TEXT)));
            // `false`: the target moves only at the end of the landing.
            let outcome = BranchOutcome::of_step(*outcome, false);
            let word = painter.as_role(role_of(outcome), outcome.label());
            Terminal::write_line(&format!("{} {word}{why}", text::one_line(branch, MAX_NAME)));
        }
        _ => match (activity(event), count(event)) {
            (Some(activity), _) => line.draw(&activity),
            (None, Some((done, of, what))) if of > 1 => line.draw_count(&format!("{what}: {done} of {of}")),
            (None, _) => {}
        },
    }
}

/// Describes the activity that begins with an event.
fn activity(event: &Event) -> Option<String> {
    let of_remote = |remote: &str| text::one_line(remote, MAX_TEXT);
    Some(match event {
        Event::LandingStepStarted { rank, of, branch, doing } => {
            format!("[{rank}/{of}] {}: {doing} …", text::one_line(branch, MAX_NAME))
        }
        Event::FetchStarted { remote } => format!("fetching from {}", of_remote(remote)),
        Event::ScanStarted { remote } => {
            format!("searching for secrets in the objects that {} does not have", of_remote(remote))
        }
        Event::PushStarted { remote, refs } => {
            format!("sending {} to {}", text::count(*refs as u64, "ref"), of_remote(remote))
        }
        Event::SlotAwaited { used_by, .. } => {
            let used_by = text::one_line(&used_by.join(", "), MAX_TEXT);
            format!("waiting for a slot of this machine, in use by {used_by}")
        }
        Event::GitProgress { line } => text::one_line(line, MAX_TEXT),
        _ => return None,
    })
}

/// Returns the number of items that are done, the number of all items, and a description of the activity.
const fn count(event: &Event) -> Option<(usize, usize, &'static str)> {
    Some(match event {
        Event::AgentStarted { done, of, .. } => (*done, *of, "starting agents"),
        Event::AgentEnded { done, of, .. } => (*done, *of, "waiting for agents to end"),
        Event::WorkSaved { done, of, .. } => (*done, *of, "saving the work of agents"),
        Event::AgentStored { done, of, .. } => (*done, *of, "storing agents"),
        Event::WorktreeTornDown { done, of, .. } => (*done, *of, "tearing down worktrees"),
        Event::AgentRemoved { done, of, .. } => (*done, *of, "removing agents"),
        Event::AgentRestored { done, of, .. } => (*done, *of, "restoring agents"),
        Event::SessionsRead { done, of } => (*done, *of, "reading sessions"),
        _ => return None,
    })
}

/// Returns the role that colours the outcome of a branch.
pub const fn role_of(outcome: BranchOutcome) -> Role {
    match outcome {
        BranchOutcome::Lands | BranchOutcome::NotReached | BranchOutcome::Unknown => Role::Plain,
        BranchOutcome::Passed | BranchOutcome::Merged => Role::Good,
        BranchOutcome::Conflict | BranchOutcome::Blocked | BranchOutcome::SetAside => Role::Warn,
        BranchOutcome::Failed => Role::Bad,
        BranchOutcome::UpToDate | BranchOutcome::NothingNew | BranchOutcome::TakenBack => Role::Faint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_described_by_a_text_or_a_count() {
        let event = Event::LandingStepStarted { rank: 2, of: 3, branch: "b".into(), doing: "test".into() };
        assert_eq!(activity(&event).as_deref(), Some("[2/3] b: test …"));
        let event = Event::PushStarted { remote: "origin".into(), refs: 4 };
        assert_eq!(activity(&event).as_deref(), Some("sending 4 refs to origin"));
        let event = Event::PushStarted { remote: "origin".into(), refs: 1 };
        assert_eq!(activity(&event).as_deref(), Some("sending 1 ref to origin"));
        let event = Event::SessionsRead { done: 1, of: 2 };
        assert_eq!((activity(&event), count(&event)), (None, Some((1, 2, "reading sessions"))));
    }
}
