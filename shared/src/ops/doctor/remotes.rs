//! The remotes with which agents are exchanged.

use super::finding::{Finding, Group, Severity};
use crate::{
    Code, Result,
    config::{Config, keys::REMOTE},
    context::Context,
    git::{Repo, remotes::RemoteOptions},
    model::{quote, text},
    ops::configuration,
    store::layout,
    sync::{Remote, consent, relocated},
};

/// Maximum number of remotes that are examined.
const MAX_REMOTES: usize = 20;

/// What is known about a remote without contacting it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct RemoteFacts {
    name: String,
    /// Whether `sync` uses it if no remote is named.
    is_default: bool,
    /// The old and the new URL, if it changed since the last sync.
    moved: Option<(String, String)>,
    /// Whether the user agreed to share agents with it.
    is_agreed: bool,
    /// Whether there are agents to share.
    has_agents: bool,
}

/// Checks the remotes of the repository; with `online`, also whether git reaches them.
///
/// # Errors
/// The refs cannot be read, or the user interrupts it (130).
pub(super) fn check(context: &Context, repo: &Repo, online: bool) -> Result<Vec<Finding>> {
    let here = repo.environment().directory();
    let mut findings = Vec::new();
    let default = match Remote::choose(repo, None, here) {
        Ok(remote) => Some(remote.address),
        // Without a remote there is nothing to exchange agents with, which is fine.
        Err(error) if error.code == Code::RemoteMissing => None,
        Err(error) => {
            let severity = match Config::of(repo).get_or_default(&REMOTE) {
                Some(_) => Severity::Warning,
                None => Severity::Note,
            };
            findings.push(Finding::of_error(Group::Remotes, "remote-default", severity, &error));
            None
        }
    };
    let mut names = repo.remotes();
    names.extend(default.iter().filter(|address| !names.contains(address)).cloned().collect::<Vec<_>>());
    if names.is_empty() {
        let none = Finding::ok(Group::Remotes, "remotes", "none; agents stay in this clone");
        findings.push(none);
    }
    let has_agents = repo.has_refs_below(layout::AGENTS)?;
    for name in names.iter().take(MAX_REMOTES) {
        context.check()?;
        let remote = Remote::choose(repo, Some(name), here)?;
        let facts = RemoteFacts {
            name: name.clone(),
            is_default: default.as_ref() == Some(name),
            moved: relocated::detect(repo, &remote)?.map(|moved| moved.shown()),
            is_agreed: remote.urls(repo).is_ok_and(|urls| consent::find(repo, &urls).is_some()),
            has_agents,
        };
        let found = of_remote(&facts);
        if online {
            findings.push(reached(context, repo, &remote));
            findings.extend(found.into_iter().filter(|one| one.severity != Severity::Ok));
        } else {
            findings.extend(found);
        }
    }
    if names.len() > MAX_REMOTES {
        let what = format!("and {} more remotes", names.len() - MAX_REMOTES);
        findings.push(Finding::note(Group::Remotes, "remotes", what));
    }
    Ok(findings)
}

fn of_remote(facts: &RemoteFacts) -> Vec<Finding> {
    let name = &facts.name;
    let mut findings = Vec::new();
    if let Some((old, new)) = &facts.moved {
        findings.push(
            Finding::warning(
                Group::Remotes,
                "remote-url",
                format!("the URL of {name} changed since the last sync"),
            )
            .about(name)
            .because(format!("it was {old}, and is {new}"))
            .fix(format!("if that is right: {}", quote::command(&[&"git", &"orchestra", &"sync", name]))),
        );
    }
    if facts.is_default && facts.has_agents && !facts.is_agreed {
        findings.push(
            Finding::note(Group::Remotes, "remote-consent", format!("agents are not shared with {name}"))
                .about(name)
                .because("you have not agreed to send them there; orchestra.autoSync does nothing before")
                .fix(quote::command(&[&"git", &"orchestra", &"sync", name])),
        );
    }
    if findings.is_empty() {
        let word = if facts.is_agreed { " (agents are shared)" } else { "" };
        findings.push(Finding::ok(Group::Remotes, "remote", format!("{name}{word}")).about(name));
    }
    findings
}

/// Contacts a remote as `sync` does, without asking for a password.
fn reached(context: &Context, repo: &Repo, remote: &Remote) -> Finding {
    let name = text::safe(&remote.address).into_owned();
    if !configuration::is_accepted(repo) {
        return Finding::note(Group::Remotes, "remote-reachable", format!("{name} is not contacted"))
            .about(&name)
            .because("the configuration changed while agents ran, and may name another address or program")
            .fix("git orchestra init --accept");
    }
    match repo.remote_refs(context, &remote.address, RemoteOptions { ask: false }) {
        Ok(refs) => {
            let what = format!("{name} answers with {}", text::count(refs.len() as u64, "ref"));
            Finding::ok(Group::Remotes, "remote-reachable", what).about(&name)
        }
        Err(error) => {
            let finding = Finding::of_error(Group::Remotes, "remote-reachable", Severity::Warning, &error);
            let ask = quote::command(&[&"git", &"ls-remote", &"--", &remote.address]);
            let finding = finding.about(&name);
            if finding.fix.is_some() { finding } else { finding.fix(ask) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_judged_without_contacting_them() {
        let facts = RemoteFacts { name: "origin".into(), is_default: true, ..RemoteFacts::default() };
        let moved = Some(("/a".to_owned(), "/b".to_owned()));
        for (facts, expected) in [
            (facts.clone(), vec!["remote"]),
            (RemoteFacts { has_agents: true, ..facts.clone() }, vec!["remote-consent"]),
            (RemoteFacts { has_agents: true, is_default: false, ..facts.clone() }, vec!["remote"]),
            (RemoteFacts { has_agents: true, is_agreed: true, ..facts.clone() }, vec!["remote"]),
            (RemoteFacts { has_agents: true, moved, ..facts }, vec!["remote-url", "remote-consent"]),
        ] {
            let found = of_remote(&facts);
            assert_eq!(found.iter().map(|one| one.check.as_str()).collect::<Vec<_>>(), expected, "{facts:?}");
        }
    }
}
