//! Finding the user's token for a host, in the places where the programs of the forges and git keep it. It is shown nowhere.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{address::ForgeRepo, kind::ForgeKind};
use crate::{
    Code, Error, Result,
    config::{Config, keys::FORGE_TOKEN_COMMAND},
    git::Repo,
    process,
    secret_command::{first_line, is_secret, of_shell},
    world::Environment,
};

/// A token, and where it was found.
pub(super) struct Token {
    text: String,
    /// Where it was found.
    pub(super) source: TokenSource,
}

/// Where a token was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenSource {
    /// The command of `orchestra.forge.<name>.tokenCommand`.
    Command(String),
    /// A variable of the environment.
    Variable(&'static str),
    /// The command line program of the forge.
    Program(&'static str),
    /// A credential helper of git.
    Git,
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(key) => f.write_str(key),
            Self::Variable(name) => f.write_str(name),
            Self::Program(name) => write!(f, "the login of {name}"),
            Self::Git => f.write_str("git's credential helper"),
        }
    }
}

impl Token {
    /// Returns the header with the token, and its value.
    pub(super) fn header(&self, kind: ForgeKind) -> (&'static str, String) {
        let value = match kind {
            ForgeKind::Gitea => format!("token {}", self.text),
            // A login with its token; without a login it is a token of the repository.
            ForgeKind::Bitbucket if self.text.contains(':') => {
                format!("Basic {}", STANDARD.encode(&self.text))
            }
            ForgeKind::GitHub | ForgeKind::GitLab | ForgeKind::Bitbucket => format!("Bearer {}", self.text),
        };
        ("authorization", value)
    }
}

/// Finds the token for the host of a repository: what the user's command prints, else what the environment has for this host, else what
/// the program of the forge or git knows. `is_named` says that the user named the host in the configuration.
///
/// # Errors
/// The user's command fails. `None`: there is none.
pub(super) fn find(repo: &Repo, place: &ForgeRepo, kind: ForgeKind, is_named: bool) -> Result<Option<Token>> {
    let environment = repo.environment();
    let key = FORGE_TOKEN_COMMAND.of(&place.host);
    if let Some(line) = Config::of(repo).get(&key)? {
        let text = first_line(&mut of_shell(environment, &line)).map_err(|why| {
            Error::new(Code::ForgeTokenMissing, format!("the command of '{}' {why}", key.name()))
                .hint("run it by hand: its first line is the token")
        })?;
        return Ok(Some(Token { text, source: TokenSource::Command(key.name().to_owned()) }));
    }
    Ok(of_environment(environment, place, kind, is_named)
        .or_else(|| of_program(environment, place, kind))
        .or_else(|| of_git(repo, place, kind)))
}

/// Returns where the token is, as far as that is known without running a program.
///
/// # Errors
/// A value in git config is invalid (3).
pub(super) fn known_source(
    repo: &Repo,
    place: &ForgeRepo,
    kind: ForgeKind,
    is_named: bool,
) -> Result<Option<TokenSource>> {
    let key = FORGE_TOKEN_COMMAND.of(&place.host);
    if Config::of(repo).get(&key)?.is_some() {
        return Ok(Some(TokenSource::Command(key.name().to_owned())));
    }
    Ok(of_environment(repo.environment(), place, kind, is_named).map(|token| token.source))
}

/// Returns the token in the environment that is meant for this host. A token of another host is never sent to it: which host a remote
/// names is not always the user's choice.
fn of_environment(
    environment: &Environment,
    place: &ForgeRepo,
    kind: ForgeKind,
    is_named: bool,
) -> Option<Token> {
    let host = place.host.as_str();
    let set = |name: &str| {
        environment.text_variable(name).map(|text| text.trim().to_owned()).filter(|text| is_secret(text))
    };
    let is_host_of = |name: &str| {
        set(name).is_some_and(|value| {
            value == host || ForgeRepo::of_url(&format!("{value}/a/b")).is_some_and(|at| at.host == host)
        })
    };
    let names: &[&'static str] = match kind {
        ForgeKind::GitHub if host == "github.com" || host.ends_with(".ghe.com") => {
            &["GH_TOKEN", "GITHUB_TOKEN"]
        }
        ForgeKind::GitHub if is_named || is_host_of("GH_HOST") => {
            &["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]
        }
        ForgeKind::GitLab if host == "gitlab.com" || is_named || is_host_of("GITLAB_HOST") => {
            &["GITLAB_TOKEN"]
        }
        ForgeKind::Gitea if is_named || is_host_of("GITEA_SERVER_URL") => &["GITEA_TOKEN", "FORGEJO_TOKEN"],
        ForgeKind::Bitbucket if host == "bitbucket.org" || is_named => return of_bitbucket(set),
        _ => &[],
    };
    names.iter().find_map(|name| Some(Token { text: set(name)?, source: TokenSource::Variable(name) }))
}

fn of_bitbucket(set: impl Fn(&str) -> Option<String>) -> Option<Token> {
    let source = TokenSource::Variable("BITBUCKET_API_TOKEN");
    match (set("BITBUCKET_EMAIL"), set("BITBUCKET_API_TOKEN")) {
        (Some(email), Some(token)) => Some(Token { text: format!("{email}:{token}"), source }),
        _ => set("BITBUCKET_ACCESS_TOKEN")
            .map(|text| Token { text, source: TokenSource::Variable("BITBUCKET_ACCESS_TOKEN") }),
    }
}

/// Asks the program of the forge, if it is installed.
fn of_program(environment: &Environment, place: &ForgeRepo, kind: ForgeKind) -> Option<Token> {
    let (program, arguments): (_, &[&str]) = match kind {
        ForgeKind::GitHub => ("gh", &["auth", "token", "--hostname"]),
        ForgeKind::GitLab => ("glab", &["config", "get", "token", "--host"]),
        ForgeKind::Gitea | ForgeKind::Bitbucket => return None,
    };
    let mut command = process::command(environment, process::on_path(environment, program)?);
    command.args(arguments).arg(&place.host);
    if let Some(home) = environment.home() {
        command.current_dir(home);
    }
    let text = first_line(&mut command).ok()?;
    Some(Token { text, source: TokenSource::Program(program) })
}

/// Asks the credential helpers of git, which never ask the user.
fn of_git(repo: &Repo, place: &ForgeRepo, kind: ForgeKind) -> Option<Token> {
    let scheme = if place.is_plain { "http" } else { "https" };
    let (login, password) = repo.stored_login(scheme, &place.host)?;
    let is_login = kind == ForgeKind::Bitbucket && !login.is_empty() && login != "x-token-auth";
    let text = if is_login { format!("{login}:{password}") } else { password };
    Some(Token { text, source: TokenSource::Git }).filter(|token| is_secret(&token.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(host: &str, kind: ForgeKind, is_named: bool, variables: &[(&str, &str)]) -> Option<String> {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let environment = Environment::new(variables, std::path::Path::new("/"));
        let place = ForgeRepo::of_url(&format!("https://{host}/team/app")).expect("a repository");
        let token = of_environment(&environment, &place, kind, is_named)?;
        Some(format!("{} of {}", token.text, token.source))
    }

    #[test]
    fn a_token_goes_only_to_the_host_it_is_for() {
        use ForgeKind::{Bitbucket, GitHub, GitLab, Gitea};
        let all =
            [("GH_TOKEN", "g"), ("GH_ENTERPRISE_TOKEN", "e"), ("GITLAB_TOKEN", "l"), ("GITEA_TOKEN", "t")];
        for (host, kind, is_named, expected) in [
            ("github.com", GitHub, false, Some("g of GH_TOKEN")),
            ("app.ghe.com", GitHub, false, Some("g of GH_TOKEN")),
            ("github.evil.example", GitHub, false, None),
            ("github.corp.example", GitHub, true, Some("e of GH_ENTERPRISE_TOKEN")),
            ("gitlab.com", GitLab, false, Some("l of GITLAB_TOKEN")),
            ("gitlab.evil.example", GitLab, false, None),
            ("gitlab.corp.example", GitLab, true, Some("l of GITLAB_TOKEN")),
            ("codeberg.org", Gitea, false, None),
            ("codeberg.org", Gitea, true, Some("t of GITEA_TOKEN")),
            ("bitbucket.org", Bitbucket, false, None),
        ] {
            assert_eq!(found(host, kind, is_named, &all).as_deref(), expected, "{host} {is_named}");
        }
        for (name, value) in
            [("GITLAB_HOST", "git.corp.example"), ("GITLAB_HOST", "https://git.corp.example")]
        {
            let found = found("git.corp.example", GitLab, false, &[("GITLAB_TOKEN", "l"), (name, value)]);
            assert_eq!(found.as_deref(), Some("l of GITLAB_TOKEN"), "{value}");
        }
        let bitbucket = [("BITBUCKET_EMAIL", "kim@example.com"), ("BITBUCKET_API_TOKEN", "b")];
        let found = found("bitbucket.org", Bitbucket, false, &bitbucket);
        assert_eq!(found.as_deref(), Some("kim@example.com:b of BITBUCKET_API_TOKEN"));
    }

    #[test]
    fn each_forge_has_its_header() {
        let header = |text: &str, kind| Token { text: text.into(), source: TokenSource::Git }.header(kind).1;
        assert_eq!(header("t", ForgeKind::GitHub), "Bearer t");
        assert_eq!(header("t", ForgeKind::GitLab), "Bearer t");
        assert_eq!(header("t", ForgeKind::Gitea), "token t");
        assert_eq!(header("t", ForgeKind::Bitbucket), "Bearer t");
        assert_eq!(header("a:b", ForgeKind::Bitbucket), "Basic YTpi");
    }
}
