//! Tells a designer what changed in a spec.

use crate::{
    Result,
    context::Context,
    git::Repo,
    model::{
        AgentId, IdOrText, Liveness,
        event::Message,
        said::MAX_TEXT,
        spec::{Fold, SpecName},
    },
    ops::{agent_object::AgentObject, status},
    supervise::control,
};

/// The room for the sentences around a diff, in bytes.
const AROUND: usize = 512;

/// What was written.
pub(super) struct Written {
    pub(super) name: SpecName,
    pub(super) fold: Fold,
    /// The number of the version before.
    pub(super) before: u64,
    pub(super) version: u64,
    pub(super) diff: String,
}

/// Sends the designer of a spec what changed, as a diff. Returns which one: a designer that does not run reads the spec when
/// it starts, and the one that saved it knows.
pub(super) fn changed(
    context: &Context,
    repo: &Repo,
    caller: Option<&AgentId>,
    written: &Written,
) -> Result<Option<AgentId>> {
    let Some(id) = designer_of(context, repo, written)?.filter(|id| caller != Some(id)) else {
        return Ok(None);
    };
    if written.diff.is_empty() {
        return Ok(None);
    }
    let text = words(written);
    let from = caller.cloned().map(IdOrText::from);
    control::send(repo, &id, |_| {
        Some(Message { text: Some(text.clone()), from: from.clone(), ..Message::default() })
    })?;
    Ok(Some(id))
}

/// Returns the designer that the spec names, if it runs here; if it names none that runs, the only designer that does.
fn designer_of(context: &Context, repo: &Repo, written: &Written) -> Result<Option<AgentId>> {
    let all = status::run(context, repo, &status::Request::default())?.agents;
    let live: Vec<AgentObject> =
        all.into_iter().filter(|one| one.designer && one.liveness == Liveness::Live).collect();
    let named = written.fold.spec.designer.as_ref().and_then(IdOrText::id);
    let of_spec = live.iter().find(|one| Some(&one.id) == named);
    let only = if live.len() == 1 { live.first() } else { None };
    Ok(of_spec.or(only).map(|one| one.id.clone()))
}

fn words(written: &Written) -> String {
    let Written { name, before, version, diff, .. } = written;
    let most = MAX_TEXT - AROUND;
    let end = (0..=most.min(diff.len())).rev().find(|end| diff.is_char_boundary(*end)).unwrap_or(0);
    let cut = if end < diff.len() { "\n(the rest is left out; spec_show has the whole text)" } else { "" };
    format!("The spec '{name}' changed, from version {before} to {version}:\n{}{cut}", &diff[..end])
}
