//! The hosts that an agent in a sandbox may reach.

use std::{fmt, net::IpAddr};

/// The ports of a rule that names none: those of the web.
const USUAL_PORTS: [u16; 2] = [443, 80];
/// The longest name of a host, by RFC 1035.
const MAX_NAME: usize = 253;

/// A host with a port, as a program asks for it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct HostAndPort {
    /// The name or the address, in lower case and without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl HostAndPort {
    /// Parses `host:port` or `[address]:port`; a missing port is `usual`. `None` if it is neither.
    pub fn parse(text: &str, usual: Option<u16>) -> Option<Self> {
        let (host, port) = split_port(text)?;
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None => usual?,
        };
        Some(Self { host: normal(host)?, port })
    }

    /// Returns the host and port of an address such as `https://api.example.com/v1`.
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let usual = match scheme.to_ascii_lowercase().as_str() {
            "https" | "wss" => 443,
            "http" | "ws" => 80,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let host = authority.rsplit('@').next()?;
        Self::parse(host, Some(usual))
    }

    /// Returns whether it names this machine itself.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for HostAndPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A rule: `api.example.com`, `*.example.com` for all names below it, each with a port or, without one, with those of the web.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostRule {
    /// Whether all names below the host are meant, and not the host.
    below: bool,
    host: String,
    port: Option<u16>,
}

impl HostRule {
    /// Parses a rule. `None` if the text is none; an address of a page is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (host, port) = split_port(rest)?;
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
            None => None,
        };
        let host = normal(host)?;
        let is_address = host.parse::<IpAddr>().is_ok();
        (!below || !is_address).then_some(Self { below, host, port })
    }

    /// Makes the rule that allows one host and port.
    pub fn only(one: HostAndPort) -> Self {
        Self { below: false, host: one.host, port: Some(one.port) }
    }

    /// Returns whether it allows a host.
    pub fn allows(&self, asked: &HostAndPort) -> bool {
        let host = match self.below {
            true => {
                asked.host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
            }
            false => asked.host == self.host,
        };
        host && self.port.map_or_else(|| USUAL_PORTS.contains(&asked.port), |port| port == asked.port)
    }

    /// Returns the port, if the rule allows one of this machine itself.
    pub fn local_port(&self) -> Option<u16> {
        let port = self.port.filter(|_| !self.below)?;
        HostAndPort { host: self.host.clone(), port }.is_local().then_some(port)
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        match (self.port, self.host.contains(':')) {
            (Some(port), true) => write!(f, "{below}[{}]:{port}", self.host),
            (Some(port), false) => write!(f, "{below}{}:{port}", self.host),
            (None, true) => write!(f, "{below}[{}]", self.host),
            (None, false) => write!(f, "{below}{}", self.host),
        }
    }
}

/// Splits the port off. `None` if brackets do not match.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            _ => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

/// Returns a host in the form in which hosts are compared; `None` if no host has such a name.
fn normal(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let is_part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    (host.len() <= MAX_NAME && host.split('.').all(is_part)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_allow_what_they_name_and_nothing_else() {
        for (rule, asked, allowed) in [
            ("api.example.com", "api.example.com:443", true),
            ("api.example.com", "API.example.com.:443", true),
            ("api.example.com", "api.example.com:80", true),
            ("api.example.com", "api.example.com:22", false),
            ("api.example.com:22", "api.example.com:22", true),
            ("api.example.com:22", "api.example.com:443", false),
            ("api.example.com", "xapi.example.com:443", false),
            ("api.example.com", "api.example.com.evil.org:443", false),
            ("*.example.com", "api.example.com:443", true),
            ("*.example.com", "a.b.example.com:443", true),
            ("*.example.com", "example.com:443", false),
            ("*.example.com", "badexample.com:443", false),
            ("127.0.0.1:8080", "127.0.0.1:8080", true),
            ("127.0.0.1:8080", "127.0.0.1:8081", false),
            ("[::1]:8080", "[0:0:0:0:0:0:0:1]:8080", true),
            ("10.0.0.1", "10.0.0.1:443", true),
        ] {
            let parsed = HostRule::parse(rule).unwrap_or_else(|| panic!("{rule}"));
            let asked = HostAndPort::parse(asked, None).unwrap_or_else(|| panic!("{asked}"));
            assert_eq!(parsed.allows(&asked), allowed, "{rule} {asked}");
            assert_eq!(HostRule::parse(&parsed.to_string()), Some(parsed), "{rule}");
        }
        for text in [
            "",
            "*",
            "*.",
            "https://x.org",
            "x.org/",
            "x..org",
            "x.org:",
            "x.org:0",
            "x.org:70000",
            "*.1.2.3.4",
            "a b",
            "[::1",
            "::1:80",
            "ü.org",
        ] {
            assert_eq!(HostRule::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ports_of_this_machine_are_told_from_others() {
        for (rule, port) in [
            ("127.0.0.1:8080", Some(8080)),
            ("localhost:11434", Some(11434)),
            ("[::1]:9", Some(9)),
            ("localhost", None),
            ("x.org:8080", None),
        ] {
            assert_eq!(HostRule::parse(rule).expect("a rule").local_port(), port, "{rule}");
        }
    }

    #[test]
    fn addresses_of_services_name_a_host_and_a_port() {
        for (url, expected) in [
            ("https://api.example.com/v1", Some("api.example.com:443")),
            ("http://127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("https://kim:word@x.org:8443/a@b", Some("x.org:8443")),
            ("http://[::1]:80/", Some("[::1]:80")),
            ("file:///etc/passwd", None),
            ("api.example.com", None),
            ("https://", None),
        ] {
            assert_eq!(HostAndPort::of_url(url).map(|one| one.to_string()).as_deref(), expected, "{url}");
        }
    }
}
