//! Looks up the hosts of forges, for the library that sends requests.

use std::{fmt, io};

use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::{context::Cancel, lookup, model::host::HostAndPort, world::Environment};

/// How many addresses of a host are tried.
const MAX_ADDRESSES: usize = 8;

/// Looks up hosts in an environment, until it is cancelled.
pub(super) struct Lookup {
    pub(super) environment: Environment,
    pub(super) cancel: Cancel,
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").finish_non_exhaustive()
    }
}

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        // The address may be that of a proxy.
        let usual = match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => 1080,
        };
        let host = uri.authority().and_then(|it| HostAndPort::parse(host_and_port(it.as_str()), Some(usual)));
        let host = host.ok_or_else(|| ureq::Error::BadUri(uri.to_string()))?;
        let found = lookup::addresses(&self.environment, &host, &self.cancel).map_err(of_lookup)?;
        let mut all = self.empty();
        for address in found.into_iter().take(MAX_ADDRESSES) {
            all.push(address);
        }
        Ok(all)
    }
}

/// Leaves out the name and password of a proxy.
fn host_and_port(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn of_lookup(error: io::Error) -> ureq::Error {
    match error.kind() {
        io::ErrorKind::NotFound => ureq::Error::HostNotFound,
        _ => ureq::Error::Io(error),
    }
}
