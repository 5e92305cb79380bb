//! Long answers go through the user's pager, as git's do: on a terminal only, and as git finds it.

use std::{
    io::{IsTerminal, Write},
    process::{Child, Stdio},
};

use orchestra::{git::Git, ops::configuration, process};

use crate::{here, output::Terminal};

/// The pager, or the terminal itself.
pub struct Pager<'a> {
    terminal: &'a Terminal,
    child: Option<Child>,
}

impl<'a> Pager<'a> {
    /// Starts the pager where there is somebody to page for.
    pub fn start(terminal: &'a Terminal) -> Self {
        let child = std::io::stdout().is_terminal().then(child).flatten();
        Self { terminal, child }
    }

    /// Shows a text; `false`: nobody looks any more.
    pub fn show(&mut self, text: &str) -> bool {
        match self.child.as_mut().and_then(|child| child.stdin.as_mut()) {
            Some(stdin) => stdin.write_all(text.as_bytes()).is_ok(),
            None => {
                self.terminal.answer(text);
                !self.terminal.is_closed()
            }
        }
    }
}

impl Drop for Pager<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

fn child() -> Option<Child> {
    // A pager that an agent may have named is not used; nothing is asked of somebody who only reads.
    if here::repository_if_any().is_ok_and(|repo| repo.is_some_and(|repo| !configuration::is_accepted(&repo)))
    {
        return None;
    }
    let pager =
        Git::new(here::environment(), here::environment().directory(), "var").arg("GIT_PAGER").line().ok()?;
    if pager.is_empty() || pager == "cat" {
        return None;
    }
    let mut command = process::command(here::environment(), "sh");
    command.args(["-c", &pager]).stdin(Stdio::piped());
    // What git sets: short answers stay on the screen, colours are shown.
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if here::environment().variable(name).is_none() {
            command.env(name, value);
        }
    }
    process::spawn(&mut command).ok()
}
