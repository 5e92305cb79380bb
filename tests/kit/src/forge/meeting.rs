//! Requests that wait for each other, so that a test knows that they are sent at once, and not from how long they take.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::http::Request;

/// How long a request waits for the others; clients wait a minute. Then it is answered, and the test sees that they did not meet.
const PATIENCE: Duration = Duration::from_secs(50);

/// Where requests meet.
#[derive(Default)]
pub(crate) struct Meeting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The method and a part of the path of the requests that meet.
    requests: Option<(String, String)>,
    wanted: usize,
    here: usize,
    most: usize,
}

impl Meeting {
    /// Lets requests whose method and path contain a text wait until `wanted` of them are there; later ones wait no more.
    pub(crate) fn arrange(&self, requests: &str, wanted: usize) {
        let (method, path) = requests.split_once(' ').unwrap_or(("", requests));
        let requests = Some((method.to_owned(), path.to_owned()));
        *self.state() = State { requests, wanted, ..State::default() };
    }

    /// Ends the waiting.
    pub(crate) fn release(&self) {
        self.state().wanted = 0;
        self.changed.notify_all();
    }

    /// Returns how many were there at once.
    pub(crate) fn most(&self) -> usize {
        self.state().most
    }

    /// Lets a request wait if it is one that meets others. The state of the forge is not locked meanwhile.
    pub(crate) fn attend(&self, request: &Request) {
        let mut state = self.state();
        let meets =
            |(method, path): &(String, String)| request.method == *method && request.path.contains(path);
        if !state.requests.as_ref().is_some_and(meets) {
            return;
        }
        state.here += 1;
        state.most = state.most.max(state.here);
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, PATIENCE, |state| state.most < state.wanted);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.here -= 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
