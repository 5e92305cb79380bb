//! Decides whether a request may pass. Every request is asked about, whatever it is for, before anything else looks at it.

use super::{HostName, Logins, Visitor};

/// What a request says about itself, as it was sent. A header that came several times has several values.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// Whether it is in HTTP/1.1. Browsers and tunnels speak nothing older.
    pub is_http_1_1: bool,
    /// Whether its target is a path, and not a whole address, an authority or an asterisk.
    pub is_path: bool,
    /// The method.
    pub method: &'a str,
    /// The path, without parameters.
    pub path: &'a str,
    /// The values of `Host`.
    pub hosts: Vec<&'a [u8]>,
    /// The values of `Origin`.
    pub origins: Vec<&'a [u8]>,
    /// The values of `Sec-Fetch-Site`: how the page that sends it is related to us.
    pub fetch_sites: Vec<&'a [u8]>,
    /// The values of `Content-Type`.
    pub content_types: Vec<&'a [u8]>,
    /// The values of `Cookie`.
    pub cookies: Vec<&'a [u8]>,
    /// The values of `Orchestra-Key`.
    pub keys: Vec<&'a [u8]>,
    /// Whether it asks for another protocol, such as a WebSocket.
    pub wants_upgrade: bool,
}

/// What may pass.
#[derive(Debug)]
pub struct Policy<'a> {
    /// The names by which we are reached.
    pub hosts: &'a [HostName],
    /// The paths that a stranger may get: those of a page that holds nothing.
    pub public: &'a [&'a str],
    /// The path to which a link's token is posted.
    pub login: &'a str,
    /// The paths where a WebSocket is.
    pub sockets: &'a [&'a str],
    /// The name of the cookie.
    pub cookie: &'a str,
    /// Who is logged in.
    pub logins: &'a Logins,
    /// Whether changes are offered.
    pub write: bool,
}

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It is not in HTTP/1.1.
    Version,
    /// It is malformed: its target is not a path, or a header came twice that says where it is from or for.
    Malformed,
    /// It is for a name that is not ours: a page of another name may have been led here.
    OtherHost,
    /// It is neither GET nor POST.
    Method,
    /// It asks for another protocol.
    Upgrade,
    /// It comes from a page of another origin, or does not say from which.
    OtherOrigin,
    /// Its body is not JSON: a form of any page can be sent without asking.
    NotJson,
    /// Its browser is not logged in.
    Stranger,
    /// A guest wants to change something.
    Guest,
    /// Somebody wants to change something, and the server was started to look only.
    ReadOnly,
}

impl Refusal {
    /// All reasons, for tests and documents.
    pub const ALL: [Self; 10] = [
        Self::Version,
        Self::Malformed,
        Self::OtherHost,
        Self::Method,
        Self::Upgrade,
        Self::OtherOrigin,
        Self::NotJson,
        Self::Stranger,
        Self::Guest,
        Self::ReadOnly,
    ];

    /// Returns the status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::Malformed => 400,
            Self::OtherHost => 421,
            Self::Method => 405,
            Self::Upgrade | Self::OtherOrigin | Self::Guest | Self::ReadOnly => 403,
            Self::NotJson => 415,
            Self::Stranger => 401,
        }
    }

    /// Says why, and what to do.
    pub const fn message(self) -> (&'static str, &'static str) {
        match self {
            Self::Version => ("only HTTP/1.1 is spoken here", ""),
            Self::Malformed => ("the request is malformed", ""),
            Self::OtherHost => (
                "the server is not known by this name",
                "a tunnel's name is typed when it starts: git orchestra web --host NAME",
            ),
            Self::Method => ("only GET and POST are known", ""),
            Self::Upgrade => {
                ("no other protocol is spoken at this path", "changes are streamed by /api/v1/events")
            }
            Self::OtherOrigin => ("the request does not come from a page of this server", ""),
            Self::NotJson => ("the body must be application/json", ""),
            Self::Stranger => {
                ("this browser is not logged in", "open the link that 'git orchestra web' printed")
            }
            Self::Guest => ("a guest only looks", ""),
            Self::ReadOnly => ("nothing can be changed here", "start it with: git orchestra web --write"),
        }
    }
}

/// Decides about a request. Returns who sent it, or `None` for what a stranger may get: the empty page, and logging in.
///
/// # Errors
/// It may not pass.
pub fn guard(facts: &Facts<'_>, policy: &Policy<'_>) -> Result<Option<Visitor>, Refusal> {
    if !facts.is_http_1_1 {
        return Err(Refusal::Version);
    }
    if !facts.is_path {
        return Err(Refusal::Malformed);
    }
    let host = host(facts, policy)?;
    let is_post = match facts.method {
        "GET" => false,
        "POST" => true,
        _ => return Err(Refusal::Method),
    };
    let is_public = !is_post && policy.public.contains(&facts.path);
    check_origin(facts, host, is_post, is_public)?;
    if facts.wants_upgrade && (is_post || !policy.sockets.contains(&facts.path)) {
        return Err(Refusal::Upgrade);
    }
    if is_post && one(&facts.content_types)? != Some(b"application/json") {
        return Err(Refusal::NotJson);
    }
    let is_login = is_post && facts.path == policy.login;
    if is_public || is_login {
        return Ok(None);
    }
    let visitor = visitor(facts, policy)?;
    match visitor {
        Visitor::Guest if is_post => Err(Refusal::Guest),
        Visitor::Owner if is_post && !policy.write => Err(Refusal::ReadOnly),
        visitor => Ok(Some(visitor)),
    }
}

/// Returns the only value of a header.
fn one<'a>(values: &[&'a [u8]]) -> Result<Option<&'a [u8]>, Refusal> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        _ => Err(Refusal::Malformed),
    }
}

fn host<'a>(facts: &Facts<'_>, policy: &Policy<'a>) -> Result<&'a HostName, Refusal> {
    let given = one(&facts.hosts)?.ok_or(Refusal::Malformed)?;
    // Names of hosts have no case.
    let is_it = |name: &&HostName| name.host().as_bytes().eq_ignore_ascii_case(given);
    policy.hosts.iter().find(is_it).ok_or(Refusal::OtherHost)
}

/// Checks from which page a request comes. A page on another port of this machine is of the same site, and its requests have our cookie:
/// only the origin tells it from ours.
fn check_origin(facts: &Facts<'_>, host: &HostName, is_post: bool, is_public: bool) -> Result<(), Refusal> {
    match one(&facts.origins)? {
        // Two names of ours may have one host, by HTTP and by HTTPS; what the browser shows is the first.
        Some(origin) if origin != host.origin().as_bytes() => return Err(Refusal::OtherOrigin),
        None if is_post || facts.wants_upgrade => return Err(Refusal::OtherOrigin),
        Some(_) | None => {}
    }
    let is_ours = match one(&facts.fetch_sites)? {
        // Older browsers and other programs do not say it.
        None | Some(b"same-origin") => true,
        // A person typed the address.
        Some(b"none") => !is_post,
        // A link of any page may lead to ours, which holds nothing.
        Some(_) => is_public,
    };
    if is_ours { Ok(()) } else { Err(Refusal::OtherOrigin) }
}

fn visitor(facts: &Facts<'_>, policy: &Policy<'_>) -> Result<Visitor, Refusal> {
    let key = one(&facts.keys)?.ok_or(Refusal::Stranger)?;
    let pairs = facts.cookies.iter().flat_map(|header| header.split(|b| *b == b';'));
    let ours = pairs.filter_map(|pair| {
        let at = pair.iter().position(|b| *b == b'=')?;
        (pair[..at].trim_ascii() == policy.cookie.as_bytes()).then(|| pair[at + 1..].trim_ascii())
    });
    // Another server of this machine can add cookies of the same name, which must not shut the owner out.
    let known = |value| policy.logins.visitor(value, key);
    ours.take(8).find_map(known).ok_or(Refusal::Stranger)
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
