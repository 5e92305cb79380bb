//! `config approve` and `config decline`: the answers to what the project's file proposes.

use orchestra::{
    Code, Error, Result,
    git::Repo,
    model::text,
    ops::config::{self, Decision, DecisionRequest},
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, context, json};

/// Approves the project's file: by the hash that was typed, else after a question.
pub(super) fn approve(terminal: &Terminal, repo: &Repo, hash: Option<&str>, as_json: bool) -> Result<Exit> {
    let proposal = config::proposal(repo)?.ok_or_else(config::no_file)?;
    let hash = match hash {
        Some(hash) => hash.to_owned(),
        None if proposal.decision == Decision::Approved => proposal.digest,
        None => {
            accepted::show_proposal(terminal, &proposal);
            let alternative = format!("git orchestra config approve --hash={}", proposal.digest);
            if !accepted::answer(terminal, repo, &proposal, &alternative)? {
                return Err(Error::new(Code::Declined, "nothing was approved"));
            }
            proposal.digest
        }
    };
    let approval = config::approve(&context::uninterrupted(), repo, &DecisionRequest { hash })?;
    if as_json {
        json::print_answer(terminal, wire::CONFIG_APPROVAL, &approval)?;
    } else {
        terminal.print(&format!("approved .gitorchestra: {}\n", listed(&approval.keys)));
    }
    Ok(Exit::Done)
}

/// Declines the project's file: the one with the hash that was typed, else the one that is there.
pub(super) fn decline(terminal: &Terminal, repo: &Repo, hash: Option<&str>, as_json: bool) -> Result<Exit> {
    let hash = match hash {
        Some(hash) => hash.to_owned(),
        None => config::proposal(repo)?.ok_or_else(config::no_file)?.digest,
    };
    let decline = config::decline(&context::uninterrupted(), repo, &DecisionRequest { hash })?;
    if as_json {
        json::print_answer(terminal, wire::CONFIG_DECLINE, &decline)?;
    } else {
        terminal.print(&format!("declined .gitorchestra: {}\n", listed(&decline.keys)));
    }
    Ok(Exit::Done)
}

fn listed(keys: &[String]) -> String {
    match keys {
        [] => "it proposes nothing that you have not set yourself".to_owned(),
        keys => text::safe(&keys.join(", ")).into_owned(),
    }
}
