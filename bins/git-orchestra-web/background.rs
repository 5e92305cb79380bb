//! Calls that take long, such as a landing. Each runs on its own thread, so that a browser may leave and come back: what it asked
//! for continues, and its answer is kept.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use orchestra::{
    Code, Error, Kind, Result, context::Context, error::ErrorContext as _, ops::web::make_visible,
    world::Environment,
};
use serde_json::{Value, json};

use super::{call::Call, frames, replies::Reply, server::Server};

/// The kind of the answer to a call that is still running.
pub(crate) const KIND: &str = "background-call";
/// How long the caller waits for the answer, before the answer is that the call continues.
const ATTENTION: Duration = Duration::from_secs(2);
/// The most that run at once.
const MAX_RUNNING: usize = 8;
/// The most answers that are kept; the oldest is forgotten for the next one.
const MAX_KEPT: usize = 32;

/// The calls that take long, oldest first.
#[derive(Default)]
pub(crate) struct Background {
    calls: Mutex<Calls>,
    ended: Condvar,
}

#[derive(Default)]
struct Calls {
    last: u64,
    all: Vec<BackgroundCall>,
}

struct BackgroundCall {
    number: u64,
    what: &'static str,
    began_at: String,
    /// What it answered; `None` while it runs.
    answer: Option<Value>,
}

impl BackgroundCall {
    fn shown(&self) -> Value {
        let mut shown = json!({
            "number": self.number, "what": self.what, "began_at": self.began_at, "running": self.answer.is_none(),
        });
        if let Some(answer) = &self.answer {
            shown["answer"] = answer.clone();
        }
        shown
    }
}

impl Background {
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all, newest first.
    pub(crate) fn list(&self) -> Vec<Value> {
        self.calls().all.iter().rev().map(BackgroundCall::shown).collect()
    }

    /// Takes a place for a new one, and returns its number.
    fn begin(&self, what: &'static str, now: String) -> Result<u64> {
        let mut calls = self.calls();
        let running = calls.all.iter().filter(|call| call.answer.is_none()).count();
        if running >= MAX_RUNNING {
            return Err(Error::new(
                Code::LimitExceeded,
                format!("{running} landings and runs of this page are running"),
            )
            .hint("wait for one of them to end"));
        }
        if calls.all.len() >= MAX_KEPT
            && let Some(oldest) = calls.all.iter().position(|call| call.answer.is_some())
        {
            calls.all.remove(oldest);
        }
        calls.last += 1;
        let number = calls.last;
        calls.all.push(BackgroundCall { number, what, began_at: now, answer: None });
        Ok(number)
    }

    /// Keeps the answer of one, and returns how it is shown.
    fn end(&self, number: u64, answer: Value) -> Option<Value> {
        let mut calls = self.calls();
        let call = calls.all.iter_mut().find(|call| call.number == number)?;
        call.answer = Some(answer);
        self.ended.notify_all();
        Some(call.shown())
    }

    /// Returns how one is shown.
    fn shown(&self, number: u64) -> Value {
        let calls = self.calls();
        calls.all.iter().find(|call| call.number == number).map(BackgroundCall::shown).unwrap_or_default()
    }

    /// Waits until none runs, for at most `limit`.
    pub(crate) fn wait(&self, limit: Duration) {
        let begun = Instant::now();
        let mut calls = self.calls();
        while calls.all.iter().any(|call| call.answer.is_none()) {
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            calls = self.ended.wait_timeout(calls, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What a thread does.
type Work = Box<dyn FnOnce(&Context, &Environment) -> Result<Value> + Send>;

/// Does something that may take long. Returns its answer, or after a while that it continues.
///
/// # Errors
/// Too many run (3), or an error of the work, if it comes soon.
pub(crate) fn run(call: &Call<'_>, what: &'static str, work: Work) -> Result<Value> {
    let server = Arc::clone(call.server);
    let number = server.background.begin(what, server.environment.now().to_string())?;
    let (sender, receiver) = mpsc::channel();
    let shared = Arc::clone(&server);
    let thread = move || {
        let answer = work(&shared.context(), &shared.environment);
        keep(&shared, number, &answer);
        // Nobody may wait any more.
        let _ = sender.send(answer);
    };
    let started = std::thread::Builder::new().spawn(thread);
    if let Err(error) = started.context(Kind::External, || format!("cannot begin a {what}")) {
        keep(&server, number, &Err(Error::new(error.code, error.message.clone())));
        return Err(error);
    }
    match receiver.recv_timeout(ATTENTION) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Ok(with_head(server.background.shown(number))),
        Err(RecvTimeoutError::Disconnected) => {
            let bug = Error::internal(format!("the {what} ended with a bug"));
            keep(&server, number, &Err(Error::internal(bug.message.clone())));
            Err(bug)
        }
    }
}

/// Keeps an answer, and tells all listeners that it is there.
fn keep(server: &Server, number: u64, answer: &Result<Value>) {
    let mut shown = match answer {
        Ok(answer) => answer.clone(),
        Err(error) => serde_json::from_str(&Reply::error(error).text).unwrap_or_default(),
    };
    make_visible(&mut shown);
    if let Some(call) = server.background.end(number, shown) {
        server.hub.send(frames::background(&call));
    }
}

fn with_head(mut shown: Value) -> Value {
    shown["version"] = json!(1);
    shown["kind"] = json!(KIND);
    shown
}

/// Lists them, with the answers of those that have ended.
pub(crate) fn list(call: &Call<'_>) -> Result<Value> {
    Ok(json!({"version": 1, "kind": "background", "calls": call.server.background.list()}))
}
