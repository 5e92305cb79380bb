//! The context of an operation: the caller's environment, the flag that cancels it, its time limits, and the observer of its
//! progress. Each operation takes a [`Context`] as its first argument, so that every frontend can offer the same.
//!
//! | module | knows |
//! |---|---|
//! | `cancel` | the flag that ends waits and operations |
//! | `event` | the events that report the progress of operations |
//! | `limits` | the time limits of waits |

mod cancel;
mod event;
mod limits;

use std::{fmt, sync::Arc, time::Duration};

pub use self::{
    cancel::{Cancel, interrupted, timespec},
    event::Event,
    limits::{Limits, Wait},
};
use crate::{Result, world::Environment};

/// Receives the events of an operation. It may be called in any thread of the operation, which waits until the call returns.
pub trait Observer: Send + Sync {
    /// Receives an event.
    fn observe(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}

/// The context of an operation: the caller's environment (variables, folder, clock, agent), the flag that cancels it, its time
/// limits, and the observer of its progress. Clones share the flag and the observer.
#[derive(Clone)]
pub struct Context {
    environment: Environment,
    /// The flag that ends the operation early, in a state from which the next command can continue.
    pub cancel: Cancel,
    limits: Limits,
    observer: Option<Arc<dyn Observer>>,
}

impl Context {
    /// Creates the context of an operation that cannot be cancelled and has no observer.
    pub fn of(environment: &Environment) -> Self {
        Self::cancelled_by(environment, Cancel::never())
    }

    /// Creates the context of an operation that `cancel` ends and that has no observer.
    pub fn cancelled_by(environment: &Environment, cancel: Cancel) -> Self {
        Self { environment: environment.clone(), cancel, limits: Limits::default(), observer: None }
    }

    /// Returns the environment of the caller.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Replaces the observer.
    #[must_use]
    pub fn observed_by(self, observer: impl Observer + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Replaces the time limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Returns the same context without an observer, for an operation that is a part of another.
    #[must_use]
    pub fn unobserved(&self) -> Self {
        Self { observer: None, ..self.clone() }
    }

    /// Returns the same context for a part of an operation that must be completed once it has begun: nothing cancels it.
    #[must_use]
    pub fn uncancellable(&self) -> Self {
        Self { cancel: Cancel::never(), ..self.clone() }
    }

    /// Returns the same context for a part of an operation that ends by itself: another flag cancels it.
    #[must_use]
    pub fn ended_by(&self, cancel: Cancel) -> Self {
        Self { cancel, ..self.clone() }
    }

    /// Returns the time limits of the operation.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reports an event to the observer, if there is one.
    pub fn emit(&self, event: &Event) {
        if let Some(observer) = &self.observer {
            observer.observe(event);
        }
    }

    /// Returns an error if the operation is cancelled, for places where it may end.
    ///
    /// # Errors
    /// The operation is cancelled ([`crate::Kind::Interrupted`]).
    pub fn check(&self) -> Result<()> {
        self.cancel.check()
    }

    /// Returns a wait of at most `limit` that ends earlier if the operation is cancelled.
    pub fn at_most(&self, limit: Duration) -> Wait {
        Wait { limit, cancel: self.cancel.clone() }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_observed = self.observer.is_some();
        let mut shown = f.debug_struct("Context");
        shown.field("cancel", &self.cancel).field("limits", &self.limits);
        shown.field("is_observed", &is_observed).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn without_observer() -> Context {
        Context::of(&Environment::of_this_process())
    }

    #[test]
    fn an_observer_receives_events_until_the_context_is_unobserved() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        let context =
            without_observer().observed_by(move |event: &Event| keep.lock().unwrap().push(event.clone()));
        let event = Event::SessionsRead { done: 1, of: 2 };
        context.emit(&event);
        context.unobserved().emit(&event);
        without_observer().emit(&event);
        assert_eq!(*seen.lock().unwrap(), [event]);
    }
}
