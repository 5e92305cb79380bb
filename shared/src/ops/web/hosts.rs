//! The names by which a browser may reach the server: those of this machine, and those that its owner typed, such as the name of a tunnel.

use std::{fmt, str::FromStr};

use crate::{Code, Error};

/// The longest name, in bytes.
const MAX_LENGTH: usize = 253;

/// A name with a port, as a browser sends it, and how the browser spells the origin of pages there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostName {
    /// The value of `Host`.
    host: String,
    is_encrypted: bool,
}

impl HostName {
    /// Returns the names of this machine for a port.
    pub fn of_this_machine(port: u16) -> [Self; 2] {
        // A browser leaves the default port out.
        let name = |name: &str| match port {
            80 => name.to_owned(),
            port => format!("{name}:{port}"),
        };
        [name("127.0.0.1"), name("localhost")].map(|host| Self { host, is_encrypted: false })
    }

    /// Returns the value of `Host`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the origin of pages there.
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.is_encrypted { "https" } else { "http" }, self.host)
    }

    /// Returns whether a browser reaches it by HTTPS, through a tunnel that decrypts.
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

impl FromStr for HostName {
    type Err = Error;

    /// Reads `NAME`, `NAME:PORT`, or the same after `http://` or `https://`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Err(Error::new(Code::NameInvalid, format!("not the name of a host: {why}"))
                .hint("as the browser shows it, such as https://box.example.net or localhost:8080"))
        };
        let (is_encrypted, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) => return wrong("only http:// and https:// are known"),
            None => (false, text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest).to_ascii_lowercase();
        let (name, port) =
            rest.split_once(':').map_or((rest.as_str(), None), |(name, port)| (name, Some(port)));
        if name == "*" || name.contains('*') {
            return wrong("a pattern would let every page in that a name can lead to");
        }
        if matches!(name, "0.0.0.0") {
            return wrong("the server is reached from this machine alone, or through a tunnel");
        }
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if name.len() > MAX_LENGTH || !name.split('.').all(is_label) {
            return wrong("letters, digits, hyphens and dots make a name");
        }
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => return wrong("the port is a number up to 65535"),
        };
        // A browser leaves the default port out.
        let host = match port.filter(|port| *port != if is_encrypted { 443 } else { 80 }) {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        Ok(Self { host, is_encrypted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_a_browser_spells_them() {
        for (typed, host, origin) in [
            ("https://Box.example.net", "box.example.net", "https://box.example.net"),
            ("https://box.example.net:443/", "box.example.net", "https://box.example.net"),
            ("https://box.example.net:8443", "box.example.net:8443", "https://box.example.net:8443"),
            ("localhost:8080", "localhost:8080", "http://localhost:8080"),
            ("http://box:80", "box", "http://box"),
        ] {
            let name: HostName = typed.parse().unwrap();
            assert_eq!((name.host(), name.origin().as_str()), (host, origin), "{typed}");
        }
        let port = |port| HostName::of_this_machine(port).map(|name| name.host);
        assert_eq!(port(4000), ["127.0.0.1:4000", "localhost:4000"]);
        assert_eq!(port(80), ["127.0.0.1", "localhost"]);
    }

    #[test]
    fn patterns_and_addresses_of_everywhere_are_refused() {
        for typed in [
            "",
            "*",
            "*.example.net",
            "0.0.0.0",
            "0.0.0.0:80",
            "ftp://a",
            "a:0",
            "a:x",
            "a:99999",
            "a b",
            "a..b",
            "a/b",
            "user@a",
            "[::]",
            "a:1:2",
            "https://",
            "a\n",
            "é",
        ] {
            assert!(typed.parse::<HostName>().is_err(), "{typed}");
        }
    }
}
