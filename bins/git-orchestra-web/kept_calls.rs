//! The calls that take long, and their answers.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use orchestra::{Code, Error, Result};
use serde_json::{Value, json};

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
    pub(crate) fn begin(&self, what: &'static str, now: String) -> Result<u64> {
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
    pub(crate) fn end(&self, number: u64, answer: Value) -> Option<Value> {
        let mut calls = self.calls();
        let call = calls.all.iter_mut().find(|call| call.number == number)?;
        call.answer = Some(answer);
        self.ended.notify_all();
        Some(call.shown())
    }

    /// Returns how one is shown.
    pub(crate) fn shown(&self, number: u64) -> Value {
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
