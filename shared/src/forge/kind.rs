//! Which forge a host runs. Pure.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A forge whose interface is known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// GitHub, and GitHub Enterprise Server.
    GitHub,
    /// GitLab, on gitlab.com and elsewhere.
    GitLab,
    /// Gitea and Forgejo, whose interfaces are the same.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
}

impl ForgeKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::Gitea, Self::Bitbucket];

    /// Returns the word in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
        }
    }

    /// Reads the word; Forgejo's is accepted for Gitea.
    pub fn parse(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        if word == "forgejo" {
            return Some(Self::Gitea);
        }
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Returns the kind of a host that is known by its name, or whose name says it: `gitlab.example.com`.
    pub fn of_host(host: &str) -> Option<Self> {
        match host {
            "github.com" => Some(Self::GitHub),
            "gitlab.com" => Some(Self::GitLab),
            "bitbucket.org" => Some(Self::Bitbucket),
            "codeberg.org" | "gitea.com" => Some(Self::Gitea),
            _ => Self::parse(host.split_once('.')?.0),
        }
    }

    /// Returns the address of the interface on a host, as the services have it.
    pub fn base(self, scheme: &str, host: &str) -> String {
        match (self, host) {
            (Self::GitHub, "github.com") => "https://api.github.com".to_owned(),
            (Self::GitHub, _) => format!("{scheme}://{host}/api/v3"),
            (Self::GitLab, _) => format!("{scheme}://{host}/api/v4"),
            (Self::Gitea, _) => format!("{scheme}://{host}/api/v1"),
            (Self::Bitbucket, "bitbucket.org") => "https://api.bitbucket.org/2.0".to_owned(),
            (Self::Bitbucket, _) => format!("{scheme}://{host}/2.0"),
        }
    }

    /// Returns the ref with the head of a pull request, which the forge keeps for forks as well; `None` if it keeps none.
    pub fn head_ref(self, number: u64) -> Option<String> {
        match self {
            Self::GitHub | Self::Gitea => Some(format!("refs/pull/{number}/head")),
            Self::GitLab => Some(format!("refs/merge-requests/{number}/head")),
            Self::Bitbucket => None,
        }
    }

    /// Returns the number of the pull request whose head a ref keeps.
    pub fn number_of_head_ref(self, name: &str) -> Option<u64> {
        let number = name.split('/').nth(2)?.parse().ok()?;
        self.head_ref(number).filter(|of_number| of_number == name).map(|_| number)
    }

    /// Returns what the forge calls a request to take a branch in.
    pub const fn request_word(self) -> &'static str {
        match self {
            Self::GitLab => "merge request",
            _ => "pull request",
        }
    }
}

impl fmt::Display for ForgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea or Forgejo",
            Self::Bitbucket => "Bitbucket",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_tell_their_kind() {
        for (host, kind) in [
            ("github.com", Some(ForgeKind::GitHub)),
            ("github.example.com", Some(ForgeKind::GitHub)),
            ("gitlab.com", Some(ForgeKind::GitLab)),
            ("gitlab.example.com", Some(ForgeKind::GitLab)),
            ("forgejo.example.com", Some(ForgeKind::Gitea)),
            ("codeberg.org", Some(ForgeKind::Gitea)),
            ("bitbucket.org", Some(ForgeKind::Bitbucket)),
            ("notgithub.com", None),
            ("git.example.com", None),
            ("github", None),
        ] {
            assert_eq!(ForgeKind::of_host(host), kind, "{host}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for kind in ForgeKind::ALL {
            assert_eq!(ForgeKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ForgeKind::parse("sourcehut"), None);
    }
}
