//! Calls that take long, such as a landing. Each runs on its own thread, so that a browser may leave and come back: what it asked
//! for continues, and its answer is kept.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use orchestra::{
    Error, Kind, Result, context::Context, error::ErrorContext as _, ops::web::make_visible,
    world::Environment,
};
use serde_json::{Value, json};

use super::{call::Call, frames, replies::Reply, server::Server};

/// The kind of the answer to a call that is still running.
pub(crate) const KIND: &str = "background-call";
/// How long the caller waits for the answer, before the answer is that the call continues.
const ATTENTION: Duration = Duration::from_secs(2);

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
