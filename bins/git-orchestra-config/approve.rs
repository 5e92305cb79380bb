//! `config approve`: shows the team's file in full, and asks.

use orchestra::{
    Code, Error, Result,
    git::Repo,
    ops::config::{self, ApproveRequest},
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, context, json, prompt};

/// Approves the team's file: by the hash that was typed, else after a question.
pub(super) fn approve(terminal: &Terminal, repo: &Repo, hash: Option<&str>, as_json: bool) -> Result<Exit> {
    let proposal = config::proposal(repo)?.ok_or_else(config::no_file)?;
    let hash = match hash {
        Some(hash) => hash.to_owned(),
        None if proposal.is_approved => proposal.digest,
        None => {
            accepted::show_proposal(terminal, &proposal);
            let alternative = format!("git orchestra config approve --hash={}", proposal.digest);
            if !prompt::confirm(terminal, accepted::APPROVE, &alternative)? {
                return Err(Error::new(Code::Declined, "nothing was approved"));
            }
            proposal.digest
        }
    };
    let approval = config::approve(&context::uninterrupted(), repo, &ApproveRequest { hash })?;
    if as_json {
        json::print_answer(terminal, wire::CONFIG_APPROVAL, &approval)?;
    } else {
        let keys = match approval.keys.as_slice() {
            [] => "it proposes nothing that you have not set yourself".to_owned(),
            keys => keys.join(", "),
        };
        terminal.print(&format!("approved .gitorchestra: {}\n", orchestra::model::text::safe(&keys)));
    }
    Ok(Exit::Done)
}
