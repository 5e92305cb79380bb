//! Where a repository is on a forge, read from the URL of a remote. Pure.

use std::fmt;

use crate::model::{host::HostAndPort, text};

/// The longest path of a repository, in bytes.
const MAX_PATH: usize = 400;

/// A repository on a forge: `example.com` and `team/app`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForgeRepo {
    /// The host, in lower case, with the port if the URL of a web address names one.
    pub host: String,
    /// The path below it, without `.git`: an owner and a name, with more groups on GitLab.
    pub path: String,
    /// Whether the forge is reached without encryption, which is accepted only for this machine.
    pub is_plain: bool,
}

impl ForgeRepo {
    /// Reads a URL as git has it: `https://host/team/app.git`, `ssh://git@host:22/team/app`, or `git@host:team/app.git`. `None` if it
    /// names no repository on a host.
    pub fn of_url(url: &str) -> Option<Self> {
        let url = url.trim();
        match url.split_once("://") {
            Some((scheme, rest)) => Self::of_scheme(&scheme.to_ascii_lowercase(), rest),
            None => Self::of_scp(url),
        }
    }

    fn of_scheme(scheme: &str, rest: &str) -> Option<Self> {
        let (authority, path) = rest.split_once('/')?;
        let host = authority.rsplit('@').next()?;
        let (usual, is_web) = match scheme {
            "https" => (443, true),
            "http" => (80, true),
            // The port of a shell is not the one of the web.
            "ssh" | "git+ssh" | "ssh+git" | "git" => (22, false),
            _ => return None,
        };
        let at = HostAndPort::parse(host, Some(usual))?;
        let shown = if is_web && at.port != usual { at.to_string() } else { without_port(&at) };
        Self::new(shown, path, scheme == "http")
    }

    fn of_scp(url: &str) -> Option<Self> {
        let (before, path) = url.split_once(':')?;
        let is_file = before.contains('/') || before.is_empty() || path.starts_with("//");
        let host = HostAndPort::parse(before.rsplit('@').next()?, Some(22)).filter(|_| !is_file)?;
        Self::new(without_port(&host), path, false)
    }

    fn new(host: String, path: &str, is_plain: bool) -> Option<Self> {
        let path = path.split(['?', '#']).next()?.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let is_part =
            |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(is_of_name);
        let is_path = path.len() <= MAX_PATH && path.contains('/') && path.split('/').all(is_part);
        is_path.then(|| Self { host, path: path.to_owned(), is_plain })
    }

    /// Returns what stands before the last part of the path: the owner, the workspace, or the groups.
    pub fn owner(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(owner, _)| owner)
    }

    /// Returns the host without its port.
    pub fn host_name(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((name, _)) if !self.host.ends_with(']') => name.trim_matches(['[', ']']),
            _ => self.host.trim_matches(['[', ']']),
        }
    }
}

impl fmt::Display for ForgeRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", text::safe(&self.host), text::safe(&self.path))
    }
}

fn without_port(at: &HostAndPort) -> String {
    if at.host.contains(':') { format!("[{}]", at.host) } else { at.host.clone() }
}

/// Returns whether the forges accept a character in the name of a repository, an owner or a group.
fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_urls_that_git_knows() {
        for (url, expected) in [
            ("https://github.com/team/app.git", Some("github.com team/app")),
            ("https://github.com/team/app/", Some("github.com team/app")),
            ("https://kim@GitHub.com/team/app", Some("github.com team/app")),
            ("https://git.example.com:8443/team/app.git", Some("git.example.com:8443 team/app")),
            ("https://git.example.com:443/team/app.git", Some("git.example.com team/app")),
            ("http://127.0.0.1:3000/team/app.git", Some("127.0.0.1:3000 team/app plain")),
            ("http://[::1]:3000/team/app", Some("[::1]:3000 team/app plain")),
            ("git@github.com:team/app.git", Some("github.com team/app")),
            ("github.com:team/app", Some("github.com team/app")),
            ("ssh://git@git.example.com:2222/group/sub/app.git", Some("git.example.com group/sub/app")),
            ("git@gitlab.com:group/sub/app.git", Some("gitlab.com group/sub/app")),
            ("  https://github.com/team/app.git\n", Some("github.com team/app")),
            ("/home/kim/app.git", None),
            ("../app.git", None),
            ("file:///srv/app.git", None),
            ("https://github.com/app.git", None),
            ("https://github.com", None),
            ("https://github.com/team/../app", None),
            ("https://github.com/team//app", None),
            ("https://github.com/te am/app", None),
            ("./a:b/c", None),
            ("", None),
        ] {
            let read = ForgeRepo::of_url(url);
            let read = read
                .map(|one| format!("{} {}{}", one.host, one.path, if one.is_plain { " plain" } else { "" }));
            assert_eq!(read.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn the_owner_and_the_name_of_the_host() {
        for (url, owner, host) in [
            ("https://git.example.com:8443/team/app.git", "team", "git.example.com"),
            ("git@gitlab.com:group/sub/app.git", "group/sub", "gitlab.com"),
            ("http://[::1]:3000/team/app", "team", "::1"),
            ("ssh://git@[::1]/team/app", "team", "::1"),
        ] {
            let read = ForgeRepo::of_url(url).expect("a repository");
            assert_eq!((read.owner(), read.host_name()), (owner, host), "{url}");
        }
    }
}
