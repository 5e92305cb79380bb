//! The forges of the remotes: which they are, where the token for each is, and with `--online` what it may do. The token is shown nowhere.

use super::finding::{Finding, Group, Severity};
use crate::{
    Code, Result,
    config::keys::FORGE_TOKEN_COMMAND,
    context::Context,
    forge::{Forge, ForgeAccess, ForgeKind, ForgeRepo, KnownForge, ReachedForge, TokenSource},
    git::Repo,
    model::{quote, text},
    ops::configuration,
};

/// Maximum number of remotes that are examined.
const MAX_REMOTES: usize = 20;

/// Checks the forges; remotes that are on none take no line.
///
/// # Errors
/// Git cannot tell the address of a remote, or the user interrupts it (130).
pub(super) fn check(context: &Context, repo: &Repo, online: bool) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for name in repo.remotes().iter().take(MAX_REMOTES) {
        context.check()?;
        let Some(known) = Forge::known(repo, name)? else { continue };
        if seen.contains(&known.repo) {
            continue;
        }
        // A configuration that is not accepted may name another program for the token.
        if online && configuration::is_accepted(repo) {
            findings.push(asked(context, repo, name));
        } else if let Some(kind) = known.kind {
            let what = format!("{name} is on {kind}; {}", token_of(&known));
            findings.push(Finding::ok(Group::Remotes, "forge", what).about(name));
        }
        seen.push(known.repo);
    }
    Ok(findings)
}

fn token_of(known: &KnownForge) -> String {
    match &known.token {
        Some(source) => format!("its token is that of {source}"),
        None => "git or the program of the forge is asked for its token".to_owned(),
    }
}

/// Asks the forge of a remote what the token may do.
fn asked(context: &Context, repo: &Repo, name: &str) -> Finding {
    let about = text::safe(name).into_owned();
    let found = match Forge::reach(context, repo, name) {
        Ok(ReachedForge::WithoutToken { repo, kind }) => return without_token(&about, &repo, kind),
        Ok(ReachedForge::WithToken(forge)) => forge.access().map(|access| (access, forge)),
        Err(error) => Err(error),
    };
    match found {
        Ok((access, forge)) => judged(name, &access, &forge),
        // Not everybody publishes work.
        Err(error) if error.code == Code::ForgeTokenMissing => {
            Finding::of_error(Group::Remotes, "forge-token", Severity::Note, &error).about(&about)
        }
        Err(error) => Finding::of_error(Group::Remotes, "forge", Severity::Warning, &error).about(&about),
    }
}

/// Says what is possible without a token.
fn without_token(about: &str, place: &ForgeRepo, kind: ForgeKind) -> Finding {
    let mut error = Forge::without_token(place);
    if kind.opens_by_push() {
        error.message.push_str(": pull requests are opened by push");
    }
    Finding::of_error(Group::Remotes, "forge-token", Severity::Note, &error).about(about)
}

fn judged(name: &str, access: &ForgeAccess, forge: &Forge) -> Finding {
    let (place, source) = (&forge.repo, &forge.token);
    let set = FORGE_TOKEN_COMMAND.of(&place.host).hint("pass forge/token");
    let warning = |what: String| Finding::warning(Group::Remotes, "forge-access", what).about(name);
    match access {
        ForgeAccess::Enough => {
            let what = format!("{place}: the token of {source} may open pull requests");
            Finding::ok(Group::Remotes, "forge", what).about(name)
        }
        ForgeAccess::Untold => {
            let what = format!("{place}: the token of {source} is accepted, and its user may push");
            Finding::ok(Group::Remotes, "forge", what).about(name)
        }
        ForgeAccess::NoPush => warning(format!("the user of the token of {source} may not push to {place}"))
            .because("the branch of a pull request is pushed there; ask its owners, or use another token")
            .fix(set),
        ForgeAccess::NoScope(scope) => {
            let fix = match source {
                TokenSource::Program(program @ "gh") => quote::command(&[
                    program,
                    &"auth",
                    &"refresh",
                    &"--hostname",
                    &place.host,
                    &"--scopes",
                    scope,
                ]),
                _ => set,
            };
            warning(format!("the token of {source} lacks the scope '{scope}' on {}", place.host))
                .because("pull requests cannot be opened without it")
                .fix(fix)
        }
    }
}
