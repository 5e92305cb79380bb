//! Sends long answers through the pager that git would use, on a terminal only.

use std::{
    io::{IsTerminal, Write},
    process::{Child, Stdio},
};

use orchestra::{git::Git, ops::configuration, process};

use crate::{here, output::Terminal};

/// The pager, or stdout without one.
pub struct Pager<'a> {
    terminal: &'a Terminal,
    child: Option<Child>,
}

impl<'a> Pager<'a> {
    /// Starts the pager if stdout is a terminal.
    pub fn start(terminal: &'a Terminal) -> Self {
        let child = std::io::stdout().is_terminal().then(|| child(false)).flatten();
        Self { terminal, child }
    }

    /// As [`Pager::start`], but a short answer does not end the pager: what the screen shows otherwise comes back only after a key.
    pub fn start_to_stay(terminal: &'a Terminal) -> Self {
        let child = std::io::stdout().is_terminal().then(|| child(true)).flatten();
        Self { terminal, child }
    }

    /// Returns whether there is a pager.
    pub const fn is_used(&self) -> bool {
        self.child.is_some()
    }

    /// Writes a text to the pager. Returns `false` once the reader is gone.
    pub fn show(&mut self, text: &str) -> bool {
        self.show_bytes(text.as_bytes())
    }

    /// Writes bytes, as [`Pager::show`] does.
    pub fn show_bytes(&mut self, bytes: &[u8]) -> bool {
        match self.child.as_mut().and_then(|child| child.stdin.as_mut()) {
            Some(stdin) => stdin.write_all(bytes).is_ok(),
            None => {
                self.terminal.print_bytes(bytes);
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

fn child(stays: bool) -> Option<Child> {
    // A pager that an agent may have configured is not used; a command that only reads does not ask.
    if here::repository_if_any().is_ok_and(|repo| repo.is_some_and(|repo| !configuration::is_accepted(&repo)))
    {
        return None;
    }
    let pager = of_user()?;
    let mut command = process::command(here::environment(), "sh");
    command.args(["-c", &pager]).stdin(Stdio::piped());
    // As git sets them: a short answer ends the pager at once, and colours are shown.
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if here::environment().variable(name).is_none() {
            command.env(name, value);
        }
    }
    if stays {
        let own = here::environment().variable("LESS").map(|own| own.to_string_lossy().into_owned());
        command.env("LESS", format!("{} -+F -+X", own.as_deref().unwrap_or("R")));
    }
    process::spawn(&mut command).ok()
}

/// Returns whether git shows a diff through a pager that can make it harmless.
pub(crate) fn is_used() -> bool {
    let git = Git::interactive(here::environment(), here::environment().directory(), "config");
    let of_diff = git.args(["--get", "pager.diff"]).line().unwrap_or_default();
    match of_diff.as_str() {
        "false" | "no" | "off" | "0" | "cat" => false,
        "" | "true" | "yes" | "on" | "1" => of_user().is_some(),
        _ => true,
    }
}

/// Returns the command of the user's pager; `None` without one, and if it shows everything as it is.
fn of_user() -> Option<String> {
    // Other git commands run without a pager, of which this one would then report none.
    let git = Git::interactive(here::environment(), here::environment().directory(), "var");
    let mut asked = git.arg("GIT_PAGER");
    if !here::environment().is_agent() {
        asked = asked.command_line_settings();
    }
    asked.line().ok().filter(|pager| !pager.is_empty() && pager != "cat")
}
