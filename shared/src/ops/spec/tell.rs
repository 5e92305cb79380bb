//! Tells a designer what changed in a spec.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{names, text_of, texts};
use crate::{
    Result,
    context::Context,
    git::{Oid, Repo},
    model::{
        AgentId, IdOrText, Liveness,
        event::Message,
        said::MAX_TEXT,
        spec::{Fold, SpecName, SpecState},
    },
    ops::{agent_object::AgentObject, status},
    store::{chain::Chain, layout},
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
    if written.diff.is_empty() {
        return Ok(None);
    }
    let Some(id) = designer_of(context, repo, written)?.filter(|id| caller != Some(id)) else {
        return Ok(None);
    };
    let text = words(written);
    let from = caller.cloned().map(IdOrText::from);
    control::send(repo, &id, |_| {
        Some(Message { text: Some(text.clone()), from: from.clone(), ..Message::default() })
    })?;
    Ok(Some(id))
}

/// The logs of the specs at one moment.
pub type SpecTips = BTreeMap<SpecName, Oid>;

/// A designer that hears what changed in a spec.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[schemars(rename = "SpecTold")]
pub struct Told {
    /// The spec.
    pub spec: String,
    /// The designer.
    pub designer: AgentId,
}

/// Returns the logs of all specs as they are now.
///
/// # Errors
/// The refs cannot be read.
pub fn tips(repo: &Repo) -> Result<SpecTips> {
    let mut tips = SpecTips::new();
    for name in names(repo)? {
        let tip = repo.find_ref(&layout::subject_ref(&name))?;
        tips.extend(tip.map(|tip| (name, tip)));
    }
    Ok(tips)
}

/// Tells designers what changed in specs that came from other clones since a moment, as if it had been saved here. Returns whom.
///
/// # Errors
/// A spec cannot be read, or the message cannot be recorded. Of the other specs they heard then.
pub fn announce(context: &Context, repo: &Repo, before: &SpecTips) -> Result<Vec<Told>> {
    let (mut told, mut failed) = (Vec::new(), None);
    for (name, now) in tips(repo)? {
        let Some(earlier) = before.get(&name).filter(|earlier| **earlier != now) else { continue };
        match announce_one(context, repo, &name, *earlier, now) {
            Ok(designer) => told.extend(designer.map(|designer| Told { spec: name.to_string(), designer })),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(told), Err)
}

fn announce_one(
    context: &Context,
    repo: &Repo,
    name: &SpecName,
    earlier: Oid,
    now: Oid,
) -> Result<Option<AgentId>> {
    let read = |tip| -> Result<(Fold, String)> {
        let chain = Chain::<SpecState>::read(repo, &[tip])?;
        let fold = chain.fold();
        let text =
            fold.version(fold.spec.current).map(|current| text_of(repo, &chain, current)).transpose()?;
        Ok((fold, text.unwrap_or_default()))
    };
    let ((old, before), (fold, after)) = (read(earlier)?, read(now)?);
    let diff = texts::diff(repo, &before, &after)?;
    let version = fold.spec.current;
    changed(
        context,
        repo,
        None,
        &Written { name: name.clone(), fold, before: old.spec.current, version, diff },
    )
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
