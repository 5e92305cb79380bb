//! Opening a pull request by a push alone, without a token: the options that a forge takes with the push, and what it prints. Pure.

use super::{address::ForgeRepo, kind::ForgeKind};
use crate::model::{host::HostAndPort, text};

/// The longest address that is accepted, in bytes.
const MAX_URL: usize = 400;
/// The longest value of an option, in columns.
const MAX_VALUE: usize = 1000;

/// A pull request as a push opens or updates it. What is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PushedRequest {
    /// The title.
    pub title: Option<String>,
    /// The text, which becomes one line.
    pub text: Option<String>,
    /// What tells it from others: the branch of the work.
    pub topic: String,
    /// The branch that it should be merged into. On Gitea the ref that is pushed to names it.
    pub into: Option<String>,
    /// Whether it is opened as a draft.
    pub draft: bool,
    /// Labels that it gets.
    pub labels: Vec<String>,
    /// Whether the work does not contain what was pushed before.
    pub rewritten: bool,
}

impl ForgeKind {
    /// Returns whether a push alone opens pull requests.
    pub const fn opens_by_push(self) -> bool {
        matches!(self, Self::GitLab | Self::Gitea)
    }

    /// Returns whether a push can give labels.
    pub const fn labels_by_push(self) -> bool {
        matches!(self, Self::GitLab)
    }
}

impl PushedRequest {
    /// Returns the options for the push, each of one line: git refuses others.
    pub fn options(&self, kind: ForgeKind) -> Vec<String> {
        let mut all = match kind {
            ForgeKind::GitLab => {
                let target = self.into.as_ref().map(|into| with("merge_request.target", into));
                std::iter::once("merge_request.create".to_owned()).chain(target).collect()
            }
            _ => vec![with("topic", &self.topic)],
        };
        let prefix = if kind == ForgeKind::GitLab { "merge_request." } else { "" };
        if let Some(title) = &self.title {
            // Gitea knows a draft by its title.
            let draft = if self.draft && kind != ForgeKind::GitLab { "WIP: " } else { "" };
            all.push(with(&format!("{prefix}title"), &format!("{draft}{title}")));
        }
        all.extend(self.text.as_ref().map(|text| with(&format!("{prefix}description"), text)));
        if kind == ForgeKind::GitLab {
            all.extend(self.draft.then(|| "merge_request.draft".to_owned()));
            all.extend(self.labels.iter().map(|label| with("merge_request.label", label)));
        } else if self.rewritten {
            all.push("force-push=true".to_owned());
        }
        all
    }
}

fn with(name: &str, value: &str) -> String {
    format!("{name}={}", one_line(value))
}

/// Joins the words of a text with single spaces; other control characters are escaped.
fn one_line(value: &str) -> String {
    text::one_line(&value.split_whitespace().collect::<Vec<_>>().join(" "), MAX_VALUE)
}

impl ForgeRepo {
    /// Returns the number and the address of the pull request that a forge printed after a push. An address of another host or of another
    /// repository is not accepted: what a remote prints is data from outside.
    pub fn printed_request(&self, kind: ForgeKind, said: &[String]) -> Option<(u64, String)> {
        let words = said.iter().flat_map(|line| line.split_whitespace());
        words.filter_map(|word| Some((self.number_in(kind, word)?, word.to_owned()))).next_back()
    }

    fn number_in(&self, kind: ForgeKind, url: &str) -> Option<u64> {
        if url.len() > MAX_URL || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        let usual = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let (authority, path) = rest.split_once('/')?;
        // The port of a remote over SSH is not the one of the pages.
        let host = HostAndPort::parse(authority, Some(usual))?;
        if authority.contains('@') || host.host != self.host_name() {
            return None;
        }
        let (before, number) = path.rsplit_once(page_of(kind))?;
        // The pages may be in a folder of the host.
        let is_its = before == self.path || before.ends_with(&format!("/{}", self.path));
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_its && is_number { number.parse().ok() } else { None }
    }

    /// Returns the address of a pull request whose number is known.
    pub fn page_of_request(&self, kind: ForgeKind, number: u64) -> String {
        let scheme = if self.is_plain { "http" } else { "https" };
        format!("{scheme}://{}/{}{}{number}", self.host, self.path, page_of(kind))
    }
}

const fn page_of(kind: ForgeKind) -> &'static str {
    match kind {
        ForgeKind::GitLab => "/-/merge_requests/",
        _ => "/pulls/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> ForgeRepo {
        ForgeRepo::of_url(url).expect("a repository")
    }

    #[test]
    fn only_an_address_of_the_repository_itself_is_accepted() {
        let plain = place("https://git.example.com/team/app.git");
        for (line, number) in [
            ("  https://git.example.com/team/app/pulls/12", Some(12)),
            ("https://git.example.com:8443/forge/team/app/pulls/3", Some(3)),
            ("https://git.example.com/team/app/pulls/1 https://git.example.com/team/app/pulls/2", Some(2)),
            ("https://evil.example.com/team/app/pulls/12", None),
            ("https://git.example.com@evil.example.com/team/app/pulls/12", None),
            ("https://git.example.com/other/app/pulls/12", None),
            ("https://git.example.com/xteam/app/pulls/12", None),
            ("https://git.example.com/team/app/pulls/12\u{1b}[2J", None),
            ("https://git.example.com/team/app/pulls/+12", None),
            ("https://git.example.com/team/app/pulls/", None),
            ("https://git.example.com/team/app/pulls/99999999999999999999999", None),
            ("https://git.example.com/team/app/compare/main...topic", None),
            ("javascript://git.example.com/team/app/pulls/12", None),
        ] {
            let found = plain.printed_request(ForgeKind::Gitea, &[line.to_owned()]);
            assert_eq!(found.map(|one| one.0), number, "{line}");
        }
        let by_ssh = place("ssh://git@git.example.com:2222/group/sub/app.git");
        let said = ["https://git.example.com/group/sub/app/-/merge_requests/7".to_owned()];
        let found = by_ssh.printed_request(ForgeKind::GitLab, &said);
        assert_eq!(found, Some((7, said[0].clone())));
        assert_eq!(by_ssh.page_of_request(ForgeKind::GitLab, 7), said[0]);
    }

    #[test]
    fn every_option_is_one_line() {
        let request = PushedRequest {
            title: Some("Fix 'a'\n\nand \u{7}b=c".into()),
            text: Some("one\r\ntwo".into()),
            topic: "work/fix".into(),
            into: Some("main".into()),
            draft: true,
            labels: vec!["new\nlabel".into()],
            rewritten: true,
        };
        for kind in [ForgeKind::GitLab, ForgeKind::Gitea] {
            let options = request.options(kind);
            assert!(options.iter().all(|one| !one.contains(char::is_control)), "{options:?}");
        }
        let options = request.options(ForgeKind::Gitea);
        assert_eq!(options.last().map(String::as_str), Some("force-push=true"));
        assert!(options[1].starts_with("title=WIP: Fix 'a' and "), "{options:?}");
        let plain = PushedRequest { topic: "work/fix".into(), ..PushedRequest::default() };
        assert_eq!(plain.options(ForgeKind::Gitea), ["topic=work/fix"]);
        assert_eq!(plain.options(ForgeKind::GitLab), ["merge_request.create"]);
        let plain = PushedRequest { into: Some("main".into()), ..plain };
        assert_eq!(plain.options(ForgeKind::GitLab), ["merge_request.create", "merge_request.target=main"]);
    }

    #[test]
    fn the_number_in_the_name_of_a_ref() {
        assert_eq!(ForgeKind::Gitea.number_of_head_ref("refs/pull/12/head"), Some(12));
        assert_eq!(ForgeKind::GitLab.number_of_head_ref("refs/merge-requests/3/head"), Some(3));
        assert_eq!(ForgeKind::GitLab.number_of_head_ref("refs/merge-requests/3/merge"), None);
        assert_eq!(ForgeKind::Gitea.number_of_head_ref("refs/heads/1"), None);
    }
}
