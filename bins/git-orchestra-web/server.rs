//! What all connections share.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use orchestra::{
    Result,
    context::{Cancel, Context},
    model::via::Via,
    ops::web::{HostName, Logins, Repeats, Request, Visitor},
    world::{self, Environment},
};

use super::{
    hub::{Hub, News},
    kept_calls::Background,
    replies::Reply,
};

/// What all connections share.
pub(crate) struct Server {
    pub(crate) environment: Environment,
    /// Ends all operations.
    pub(crate) cancel: Cancel,
    /// The names by which it is reached.
    pub(crate) hosts: Vec<HostName>,
    /// The name of the cookie. Browsers send cookies to all ports, so that the name tells servers apart.
    pub(crate) cookie: String,
    /// Whether changes are offered.
    pub(crate) write: bool,
    pub(crate) hub: Hub,
    pub(crate) background: Background,
    started_at: Instant,
    logins: Mutex<Logins>,
    repeats: Mutex<Repeats<Reply>>,
}

impl Server {
    /// Makes what serves a port. `cancel` ends the operations that it calls.
    ///
    /// # Errors
    /// The system has no random bytes (5).
    pub(crate) fn new(
        environment: &Environment,
        cancel: &Cancel,
        port: u16,
        request: &Request,
    ) -> Result<Arc<Self>> {
        let mut hosts = HostName::of_this_machine(port).to_vec();
        hosts.extend(request.hosts.iter().cloned());
        Ok(Arc::new(Self {
            environment: environment.through(Via::Web),
            cancel: cancel.clone(),
            hosts,
            cookie: format!("orchestra-{port}-{}", world::random_hex::<4>()?),
            write: request.write,
            hub: Hub::default(),
            background: Background::default(),
            started_at: Instant::now(),
            logins: Mutex::default(),
            repeats: Mutex::default(),
        }))
    }

    /// Returns the time since it started.
    pub(crate) fn now(&self) -> Duration {
        self.started_at.elapsed()
    }

    /// Returns the links and the logins. No lock is held over a wait.
    pub(crate) fn logins(&self) -> MutexGuard<'_, Logins> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all logins, and the streams of those who were logged in.
    pub(crate) fn revoke(&self) {
        self.logins().revoke();
        self.hub.tell(News::End);
    }

    /// Returns the requests that came with a key.
    pub(crate) fn repeats(&self) -> MutexGuard<'_, Repeats<Reply>> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the context of a call.
    pub(crate) fn context(&self) -> Context {
        Context::cancelled_by(&self.environment, self.cancel.clone())
    }

    /// Makes a link to a name of ours, which logs one browser in. A browser does not send what is after the '#'.
    ///
    /// # Errors
    /// The system has no random bytes (5).
    pub(crate) fn link(&self, host: &HostName, visitor: Visitor) -> Result<String> {
        let token = self.logins().link(visitor, self.now())?;
        Ok(format!("{}/#t={token}", host.origin()))
    }
}
