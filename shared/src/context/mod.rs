//! What surrounds an operation: what ends it early, how long it may wait, and who observes its progress. Each operation takes a
//! [`Context`] as its first argument, so that every window offers the same.
//!
//! | module | knows |
//! |---|---|
//! | `cancel` | the flag that ends waits and operations |
//! | `event` | the progress of all operations, one enum |
//! | `limits` | the longest waits |

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

/// Observes the progress of an operation. It may be called from any thread of the operation, which waits meanwhile.
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn observe(&self, event: &Event) {
        self(event);
    }
}

/// What surrounds an operation: who calls it and from where (variables, folder, clock, agent), what cancels it, how long it may
/// wait, and who observes it. Clones share the flag and the observer.
#[derive(Clone)]
pub struct Context {
    environment: Environment,
    /// Ends the operation early, in a state from which the next command can continue.
    pub cancel: Cancel,
    limits: Limits,
    observer: Option<Arc<dyn Observer>>,
}

impl Context {
    /// The context of an operation that nothing cancels and nobody observes.
    pub fn of(environment: &Environment) -> Self {
        Self::cancelled_by(environment, Cancel::never())
    }

    /// The context of an operation that `cancel` ends.
    pub fn cancelled_by(environment: &Environment, cancel: Cancel) -> Self {
        Self { environment: environment.clone(), cancel, limits: Limits::default(), observer: None }
    }

    /// The environment of the caller.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The same context with an observer, in the place of any other.
    #[must_use]
    pub fn observed_by(self, observer: impl Observer + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// The same context with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same context without an observer, for an operation inside another.
    #[must_use]
    pub fn unobserved(&self) -> Self {
        Self { observer: None, ..self.clone() }
    }

    /// The same context for a part of an operation that must be brought to its end.
    #[must_use]
    pub fn uncancellable(&self) -> Self {
        Self { cancel: Cancel::never(), ..self.clone() }
    }

    /// The longest waits of the operation.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reports an event to the observer, if there is one.
    pub fn emit(&self, event: &Event) {
        if let Some(observer) = &self.observer {
            observer.observe(event);
        }
    }

    /// Ends an operation that can be ended where it is.
    ///
    /// # Errors
    /// It is cancelled ([`crate::Kind::Interrupted`]).
    pub fn check(&self) -> Result<()> {
        self.cancel.check()
    }

    /// A wait of the operation: at most so long, and no longer than until it is cancelled.
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

    fn nobody() -> Context {
        Context::of(&Environment::of_this_process())
    }

    #[test]
    fn an_observer_receives_events_until_the_context_is_unobserved() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        let context = nobody().observed_by(move |event: &Event| keep.lock().unwrap().push(event.clone()));
        let event = Event::SessionsRead { done: 1, of: 2 };
        context.emit(&event);
        context.unobserved().emit(&event);
        nobody().emit(&event);
        assert_eq!(*seen.lock().unwrap(), [event]);
    }
}
