//! Does what a key asks for: through the operations of the commands, or on the terminal, which the watch leaves meanwhile.

use std::io::{self, Read};

use orchestra::{
    Result,
    context::Context,
    git::Repo,
    model::{AgentId, text},
    ops::{pause, send, stop},
    process, world,
};

use super::{control::Action, mode::Asked};
use crate::{Terminal, alternate, keyboard::Keyboard, pager::Pager};

/// How much of a program's output is passed to the pager at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Says what is about to happen, if it takes a while.
pub(super) fn announcement(action: &Action) -> Option<String> {
    match action {
        Action::Pause(id) => Some(format!("pausing {id} …")),
        Action::Stop(id) => Some(format!("stopping {id} …")),
        Action::Allow(asked) | Action::Always(asked) | Action::Deny(asked, _) => {
            Some(format!("answering {} …", asked.agent))
        }
        Action::Nothing | Action::Quit | Action::Log(_) | Action::Diff(_) | Action::Review(_) => None,
    }
}

/// Performs an action. Returns what to say about it.
pub(super) fn perform(
    context: &Context,
    terminal: &Terminal,
    keyboard: &Keyboard,
    repo: &Repo,
    action: Action,
) -> Option<String> {
    let done = match action {
        Action::Nothing | Action::Quit => Ok(None),
        Action::Log(id) => page(terminal, keyboard, "logs", &id).map(|shown| no_output(shown, &id)),
        Action::Diff(id) => page(terminal, keyboard, "diff", &id).map(|shown| no_output(shown, &id)),
        Action::Review(id) => review(terminal, keyboard, &id).map(|()| None),
        Action::Pause(id) => pause::run(context, repo, &one(&id)).map(|_| Some(format!("{id} is paused"))),
        Action::Stop(id) => stop::run(context, repo, &one(&id)).map(|_| Some(format!("{id} is stopped"))),
        Action::Allow(asked) => answer(context, repo, &asked, Answer::Allow),
        Action::Always(asked) => answer(context, repo, &asked, Answer::Always),
        Action::Deny(asked, reason) => answer(context, repo, &asked, Answer::Deny(reason)),
    };
    match done {
        Ok(said) => said,
        Err(error) => Some(text::safe(&error.one_line()).into_owned()),
    }
}

fn one(id: &AgentId) -> stop::Request {
    stop::Request { agents: vec![id.to_string()], ..stop::Request::default() }
}

/// What a person answers.
enum Answer {
    Allow,
    Always,
    Deny(Option<String>),
}

/// Answers this question, and no other.
fn answer(context: &Context, repo: &Repo, asked: &Asked, answer: Answer) -> Result<Option<String>> {
    let (word, always) = match answer {
        Answer::Allow => ("allowed", false),
        Answer::Always => ("allowed for good", true),
        Answer::Deny(_) => ("denied", false),
    };
    let (allow, text) = match answer {
        Answer::Allow | Answer::Always => (true, None),
        Answer::Deny(reason) => (false, reason),
    };
    let request = send::Request {
        agents: vec![asked.agent.to_string()],
        text,
        allow: Some(allow),
        always,
        question: Some(asked.question.clone()),
        ..send::Request::default()
    };
    send::run(context, repo, &request)?;
    Ok(Some(format!("{word} what {} asked for", asked.agent)))
}

fn no_output(shown: bool, id: &AgentId) -> Option<String> {
    (!shown).then(|| format!("nothing to show of {id}"))
}

/// Shows the output of one of our commands in the pager. Returns whether there was any.
fn page(terminal: &Terminal, keyboard: &Keyboard, command: &str, id: &AgentId) -> Result<bool> {
    alternate::drawing().leave();
    let (shown, paged) = keyboard.lend(|| run_paged(terminal, command, id)).map_err(cannot_run(command))?;
    if shown && !paged {
        wait_for_key(terminal, keyboard);
    }
    Ok(shown)
}

/// Runs the command. Returns whether it printed anything, and whether a pager showed it.
fn run_paged(terminal: &Terminal, command: &str, id: &AgentId) -> io::Result<(bool, bool)> {
    let (mut output, writer) = io::pipe()?;
    let colour = if terminal.painter().is_on() { "--color=always" } else { "--color=never" };
    let mut program = process::sibling_command(&world::this_program());
    program.args([command, colour, id]).stdin(std::process::Stdio::null());
    program.stdout(writer.try_clone()?).stderr(writer);
    let mut child = process::spawn(&mut program)?;
    // It holds the other end of the pipe.
    drop(program);
    let mut pager = None;
    let mut bytes = vec![0; CHUNK];
    while let length @ 1.. = output.read(&mut bytes)? {
        let pager = pager.get_or_insert_with(|| Pager::start_to_stay(terminal));
        if !pager.show_bytes(&bytes[..length]) {
            break;
        }
    }
    drop(output);
    let (shown, paged) = (pager.is_some(), pager.as_ref().is_some_and(Pager::is_used));
    drop(pager);
    child.wait()?;
    Ok((shown, paged))
}

fn review(terminal: &Terminal, keyboard: &Keyboard, id: &AgentId) -> Result<()> {
    alternate::drawing().leave();
    let mut program = process::sibling_command(&world::this_program());
    program.args(["review", id]);
    keyboard.lend(|| process::status(&mut program)).map_err(cannot_run("review"))?;
    wait_for_key(terminal, keyboard);
    Ok(())
}

fn wait_for_key(terminal: &Terminal, keyboard: &Keyboard) {
    terminal.eprintln("(any key returns to the watch)");
    keyboard.wait();
}

fn cannot_run(command: &str) -> impl FnOnce(io::Error) -> orchestra::Error {
    let what = format!("cannot run 'git orchestra {command}'");
    move |error| orchestra::Error::new(orchestra::Kind::External, what).because(error)
}
