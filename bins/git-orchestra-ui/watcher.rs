//! The thread that watches the agents, and the way of news to the window.

use std::{
    io::{PipeReader, PipeWriter, Write as _},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use orchestra::{
    Kind, Result,
    context::Cancel,
    error::ErrorContext as _,
    git::Repo,
    model::text,
    ops::status::Request,
    watch::{Change, Filter, Update, Watch},
};
use orchestra_terminal::here;

use super::{
    row,
    state::{Changed, Msg},
};

/// The pause between two looks that only output makes necessary: a person reads no faster.
const OUTPUT_PAUSE: Duration = Duration::from_secs(1);
/// The longest sleep of the watch.
const SLEEP: Duration = Duration::from_secs(3600);

/// The way of news to the window, from any thread.
#[derive(Clone)]
pub(crate) struct Post {
    sender: Sender<Msg>,
    bell: Arc<PipeWriter>,
}

impl Post {
    /// Opens the way. The pipe can be read when there is news.
    ///
    /// # Errors
    /// The process has no file descriptors left.
    pub(crate) fn open() -> Result<(Self, Receiver<Msg>, PipeReader)> {
        let (sender, receiver) = mpsc::channel();
        let (reader, writer) = std::io::pipe().context(Kind::External, || "cannot open a pipe".to_owned())?;
        Ok((Self { sender, bell: Arc::new(writer) }, receiver, reader))
    }

    /// Sends news. Nobody reads them at the end of the window.
    pub(crate) fn send(&self, msg: Msg) {
        if self.sender.send(msg).is_ok() {
            let _ = (&*self.bell).write_all(b"!");
        }
    }

    /// Runs something in a thread, and sends what it returns.
    pub(crate) fn send_later(&self, work: impl FnOnce() -> Option<Msg> + Send + 'static) {
        let post = self.clone();
        let started = std::thread::Builder::new().spawn(move || {
            if let Some(msg) = work() {
                post.send(msg);
            }
        });
        if let Err(error) = started {
            self.send(Msg::Did(Err(format!("cannot start a thread: {error}"))));
        }
    }
}

/// Starts to watch, until it is cancelled.
pub(crate) fn start(post: &Post, cancel: &Cancel, all: bool) {
    let (news, cancel) = (post.clone(), cancel.clone());
    post.send_later(move || {
        let ended = watch(&news, &cancel, all);
        ended.err().map(|error| Msg::Unwatched(text::safe(&error.one_line()).into_owned()))
    });
}

fn watch(post: &Post, cancel: &Cancel, all: bool) -> Result<()> {
    let repo = Repo::discover(here::environment())?;
    let filter = Filter { agents: Request { all, ..Request::default() }, landing: true, runs: false };
    let mut watch = Watch::new(cancel, &repo, filter)?.with_output_pause(OUTPUT_PAUSE);
    drop(repo);
    loop {
        match watch.next(SLEEP)? {
            Update::Changed(changes) => {
                let report = &watch.snapshot().status;
                post.send(Msg::Tick(here::environment().now().as_second()));
                let rows = row::rows(&report.agents);
                post.send(Msg::Agents { rows, hidden: report.hidden, changed: changed(&changes) });
            }
            Update::Unchanged => {}
            Update::Cancelled => return Ok(()),
        }
    }
}

/// Returns which agents changed.
fn changed(changes: &[Change]) -> Changed {
    let mut ids = std::collections::BTreeSet::new();
    for change in changes {
        match change {
            Change::Reset => return Changed::All,
            Change::Appeared { agent }
            | Change::Changed { agent, .. }
            | Change::Left { agent, .. }
            | Change::LogGrew { agent, .. } => drop(ids.insert(agent.clone())),
            Change::Landing | Change::Runs | Change::Listing => {}
        }
    }
    Changed::These(ids)
}
