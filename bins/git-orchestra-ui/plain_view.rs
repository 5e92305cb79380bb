//! The loop of `ui --plain`: news and lines in, lines and calls out.

use std::{io::IsTerminal as _, process::Stdio};

use orchestra::{Result, model::text, process};
use orchestra_terminal::{Exit, Terminal, context, typed_lines::TypedLines};

use super::{
    actions,
    plain::Plain,
    state::{Call, Msg},
    watcher::{self, Post},
};

pub(crate) fn run(terminal: &Terminal, place: String, all: bool) -> Result<Exit> {
    let cancel = context::interruptible(terminal)?.unobserved().cancel;
    let (post, receiver, news) = Post::open()?;
    watcher::start(&post, &cancel, all);
    let (mut plain, mut typed) = (Plain::new(place), TypedLines::default());
    let mut has_ended = false;
    while !has_ended && !cancel.is_cancelled() {
        for msg in receiver.try_iter() {
            match msg {
                Msg::Agents { rows, .. } => plain.news(&rows),
                Msg::Did(Ok(what)) => plain.announce(&format!("{what}.")),
                Msg::Did(Err(why)) | Msg::Unwatched(why) => plain.announce(&format!("error: {why}")),
                _ => {}
            }
        }
        say(terminal, &mut plain);
        let heard = typed.wait(&news, &cancel)?;
        has_ended = heard.is_end;
        for line in heard.lines {
            for call in plain.line(&line) {
                match call {
                    Call::Quit => has_ended = true,
                    Call::Act(action) => actions::begin(&post, &cancel, action),
                    Call::Lend { command, .. } => lend(terminal, &mut plain, &command),
                    _ => {}
                }
            }
            say(terminal, &mut plain);
        }
    }
    cancel.cancel();
    terminal.print("The agents keep running.\n");
    Ok(Exit::Done)
}

fn say(terminal: &Terminal, plain: &mut Plain) {
    for line in plain.take_said() {
        terminal.print(&format!("{line}\n"));
    }
}

/// Runs a command of ours, which prints line by line: no pager, no colours, and no table that is drawn again.
fn lend(terminal: &Terminal, plain: &mut Plain, command: &[String]) {
    say(terminal, plain);
    let mut child = process::sibling_command(&process::own_program());
    child.args(command).env("GIT_PAGER", "cat").env("NO_COLOR", "1");
    if !std::io::stdin().is_terminal() {
        // The lines are choices.
        child.stdin(Stdio::null());
    }
    match process::status(&mut child) {
        Ok(status) => plain.ended(command, status.success()),
        Err(error) => plain.announce(&text::safe(&format!("error: cannot run git orchestra: {error}"))),
    }
}
