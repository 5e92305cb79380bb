//! The proxy that this machine itself needs to reach other hosts, by the variables that programs read. The proxy of a sandbox then asks
//! that one; its password stays outside of the sandbox. Pure.

use base64::{Engine, engine::general_purpose::STANDARD};
use ureq::{Proxy as ProxyAddress, ProxyProtocol};

use crate::{model::host::HostAndPort, world::Environment};

/// The variables for connections that are passed on as they are; the first that is set counts, as with curl.
const FOR_TUNNELS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Those for requests without encryption.
const FOR_PLAIN: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
/// Those that name the hosts which need no proxy.
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// How many such hosts are read.
const MAX_EXCEPTIONS: usize = 1000;

/// One proxy of the machine.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct MachineProxy {
    /// The variable that names it.
    pub(super) variable: &'static str,
    /// Where it is.
    pub(super) at: HostAndPort,
    login: Option<String>,
}

/// Its login is left out.
impl std::fmt::Debug for MachineProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the proxy of {} at {}", self.variable, self.at)
    }
}

impl MachineProxy {
    /// Returns the header field with its login, if it has one.
    pub(super) fn login(&self) -> String {
        let login = self.login.as_ref().map(|login| format!("Proxy-Authorization: Basic {login}\r\n"));
        login.unwrap_or_default()
    }
}

/// The proxies of the machine.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct MachineProxies {
    tunnels: Option<MachineProxy>,
    plain: Option<MachineProxy>,
    exceptions: Vec<String>,
}

impl MachineProxies {
    /// Reads them from an environment.
    ///
    /// # Errors
    /// The variable that names a proxy which is not one of HTTP.
    pub(super) fn read(environment: &Environment) -> Result<Self, &'static str> {
        let set = |name: &str| environment.text_variable(name).filter(|value| !value.trim().is_empty());
        let first = |names: [&'static str; 4]| {
            let found = names.into_iter().find_map(|name| Some((name, set(name)?)));
            found.map(|(name, value)| parse(name, value.trim()).ok_or(name)).transpose()
        };
        let exceptions = EXCEPTIONS.into_iter().find_map(set).unwrap_or_default();
        let exceptions = exceptions.split([',', ' ']).filter(|one| !one.is_empty()).take(MAX_EXCEPTIONS);
        Ok(Self {
            tunnels: first(FOR_TUNNELS)?,
            plain: first(FOR_PLAIN)?,
            exceptions: exceptions.map(str::to_ascii_lowercase).collect(),
        })
    }

    /// Returns the proxy for connections to a host that are passed on as they are.
    pub(super) fn for_tunnel(&self, host: &HostAndPort) -> Option<&MachineProxy> {
        self.tunnels.as_ref().filter(|_| self.is_needed_for(host))
    }

    /// Returns the proxy for requests to a host without encryption.
    pub(super) fn for_plain(&self, host: &HostAndPort) -> Option<&MachineProxy> {
        self.plain.as_ref().filter(|_| self.is_needed_for(host))
    }

    /// Returns whether a host is neither this machine itself nor an exception.
    fn is_needed_for(&self, host: &HostAndPort) -> bool {
        !host.is_local() && !self.exceptions.iter().any(|exception| is_named_by(host, exception))
    }
}

fn parse(variable: &'static str, value: &str) -> Option<MachineProxy> {
    let address = ProxyAddress::new(value).ok().filter(|one| one.protocol() == ProxyProtocol::Http)?;
    let at = HostAndPort::parse(address.host(), Some(address.port()))?;
    let login = address.username().map(|name| {
        let password = address.password().unwrap_or_default();
        STANDARD.encode(format!("{name}:{password}"))
    });
    Some(MachineProxy { variable, at, login })
}

/// Returns whether an exception is of a host: `*` is of all; `example.com`, `.example.com` and `*.example.com` are of that host and of all
/// below it, `example.com:8080` of that port only.
fn is_named_by(host: &HostAndPort, exception: &str) -> bool {
    if exception == "*" {
        return true;
    }
    let name = exception.trim_start_matches('*').trim_start_matches('.');
    let Some(named) = HostAndPort::parse(name, Some(host.port)) else { return false };
    let below = || host.host.strip_suffix(&named.host).is_some_and(|rest| rest.ends_with('.'));
    named.port == host.port && (named.host == host.host || below())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Environment::new(variables, std::path::Path::new("/"))
    }

    fn host(text: &str) -> HostAndPort {
        HostAndPort::parse(text, None).expect("a host")
    }

    #[test]
    fn the_first_variable_counts_and_logins_are_decoded() {
        for (variables, expected) in [
            (&[][..], Ok(None)),
            (&[("HTTPS_PROXY", " ")][..], Ok(None)),
            (&[("HTTP_PROXY", "http://a:1")][..], Ok(None)),
            (&[("HTTPS_PROXY", "proxy.corp:3128")][..], Ok(Some("HTTPS_PROXY proxy.corp:3128 "))),
            (
                &[("HTTPS_PROXY", "http://b:2"), ("https_proxy", "http://a:1/")][..],
                Ok(Some("https_proxy a:1 ")),
            ),
            (
                &[("ALL_PROXY", concat!("http://kim:", "p%40ss@a:1"))][..],
                Ok(Some("ALL_PROXY a:1 Proxy-Authorization: Basic a2ltOnBAc3M=\r\n")),
            ),
            (&[("https_proxy", "http://[::1]:8080")][..], Ok(Some("https_proxy [::1]:8080 "))),
            (&[("ALL_PROXY", "socks5://a:1")][..], Err("ALL_PROXY")),
            (&[("http_proxy", "https://a:1")][..], Err("http_proxy")),
            (&[("https_proxy", "::")][..], Err("https_proxy")),
        ] {
            let read = MachineProxies::read(&environment(variables));
            let shown = read.map(|read| {
                let found = read.for_tunnel(&host("x.org:443")).cloned();
                found.map(|proxy| format!("{} {} {}", proxy.variable, proxy.at, proxy.login()))
            });
            assert_eq!(shown.as_ref().map(Option::as_deref), expected.as_ref().copied(), "{variables:?}");
        }
    }

    #[test]
    fn exceptions_and_this_machine_need_no_proxy() {
        let variables = [("https_proxy", "a:1"), ("no_proxy", ".corp.example, api.x.org:8443,*.y.org")];
        let read = MachineProxies::read(&environment(&variables)).expect("a proxy");
        for (name, needs) in [
            ("api.example.com:443", true),
            ("corp.example:443", false),
            ("git.corp.example:443", false),
            ("notcorp.example:443", true),
            ("api.x.org:443", true),
            ("api.x.org:8443", false),
            ("y.org:443", false),
            ("a.y.org:443", false),
            ("localhost:443", false),
            ("127.0.0.1:8080", false),
        ] {
            assert_eq!(read.for_tunnel(&host(name)).is_some(), needs, "{name}");
        }
        let all = [("https_proxy", "a:1"), ("NO_PROXY", "*")];
        let read = MachineProxies::read(&environment(&all)).expect("a proxy");
        assert_eq!(read.for_tunnel(&host("x.org:1")), None);
    }

    #[test]
    fn the_login_is_not_shown() {
        let variables = [("https_proxy", concat!("http://kim:", "hidden@a:1"))];
        let shown = format!("{:?}", MachineProxies::read(&environment(&variables)));
        assert!(!shown.contains("hidden") && !shown.contains("a2lt"), "{shown}");
    }
}
