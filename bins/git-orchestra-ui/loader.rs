//! Runs the commands of pages, each in a thread. Only the newest page is waited for: when another agent is chosen, the command of the
//! page before is ended.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use orchestra::context::Cancel;
use orchestra_terminal::printing::{Printed, Printing};

use super::{diff::Diff, page, sgr, state::Msg, watcher::Post};

/// How long a choice must rest before its page is read: who moves down a list reads nothing on the way.
const REST: Duration = Duration::from_millis(100);

/// The command of a page.
#[derive(Default)]
struct Job {
    running: Mutex<(bool, Option<Arc<Printing>>)>,
}

/// Runs the commands of pages.
pub(crate) struct Loader {
    post: Post,
    colours: bool,
    newest: Option<(Arc<Job>, Cancel)>,
}

impl Loader {
    pub(crate) const fn new(post: Post, colours: bool) -> Self {
        Self { post, colours, newest: None }
    }

    /// Reads a page. The one before is not waited for any more.
    pub(crate) fn load(&mut self, command: Vec<String>, delayed: bool, columns: u16) {
        self.end();
        let Ok(cancel) = Cancel::new() else { return };
        let (job, colours) = (Arc::new(Job::default()), self.colours);
        self.newest = Some((Arc::clone(&job), cancel.clone()));
        self.post.send_later(move || {
            if delayed && cancel.wait(REST) {
                return None;
            }
            let printed = job.run(&words(&command, colours), columns, page::MAX_LINES)?;
            let mut lines = sgr::lines(&printed.bytes, colours);
            lines.truncate(page::MAX_LINES);
            // Here, so that the window does not wait for it.
            let is_diff = command.first().is_some_and(|word| word == "diff");
            let diff = if is_diff { Diff::of(&lines) } else { Diff::default() };
            Some(Msg::Printed { command, lines, diff, is_cut: printed.is_cut, succeeded: printed.succeeded })
        });
    }

    /// Runs a command that changes something, to its end.
    pub(crate) fn run(&self, command: Vec<String>, columns: u16) {
        let colours = self.colours;
        self.post.send_later(move || {
            let printed = Job::default().run(&words(&command, colours), columns, usize::MAX)?;
            let mut lines = sgr::lines(&printed.bytes, colours);
            lines.drain(..lines.len().saturating_sub(page::MAX_LINES));
            Some(Msg::Ran { command, lines, succeeded: printed.succeeded })
        });
    }

    /// Ends the command of the newest page.
    pub(crate) fn end(&mut self) {
        if let Some((job, cancel)) = self.newest.take() {
            cancel.cancel();
            job.end();
        }
    }
}

/// Returns the words of a command that prints with colours, or without.
fn words(command: &[String], colours: bool) -> Vec<String> {
    let colour = if colours { "--color=always" } else { "--color=never" };
    let mut words = command.to_vec();
    // Behind the name of the command, since what follows may be arguments.
    words.insert(1.min(words.len()), colour.to_owned());
    words
}

impl Job {
    /// Runs a command; `None` if it was ended.
    fn run(&self, words: &[String], columns: u16, most: usize) -> Option<Printed> {
        let (printing, output) = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if running.0 {
                return None;
            }
            let started = match Printing::start(words, columns) {
                Ok((printing, output)) => (Arc::new(printing), output),
                Err(error) => {
                    let bytes = format!("error: cannot run git orchestra: {error}").into_bytes();
                    return Some(Printed { bytes, ..Printed::default() });
                }
            };
            running.1 = Some(Arc::clone(&started.0));
            started
        };
        let printed = printing.read(output, most);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        (!running.0).then_some(printed)
    }

    fn end(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.0 = true;
        if let Some(printing) = running.1.take() {
            printing.end();
        }
    }
}
