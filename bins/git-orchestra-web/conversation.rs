//! A page of what was said and done in a session.

use orchestra::{
    Code, Error, Result,
    ops::sessions::{self, ItemKind, TranscriptItem, read},
};
use serde_json::{Value, json};

use super::{call::Call, reads::with_head};

/// The most items of a page.
const MAX_ITEMS: usize = 200;
/// The longest text of an item, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// Answers with a page of a session of this repository. Those of other folders of the machine are not shown.
pub(crate) fn page(call: &Call<'_>) -> Result<Value> {
    let from = call.number("from")?.unwrap_or(0);
    let (repo, id) = (call.repo()?, call.place());
    let known = sessions::run(&call.context, Some(&repo), &sessions::Request::default())?;
    if !known.sessions.iter().any(|one| one.id == id) {
        return Err(Error::new(Code::SessionUnknown, "no session of this repository has this id")
            .hint("GET /api/v1/sessions lists them"));
    }
    let mut open = read::open(call.environment, Some(&repo), &id)?;
    let (mut at, mut items, mut has_more) = (0, Vec::new(), false);
    open.each_item(|item| {
        has_more = items.len() == MAX_ITEMS;
        if at >= from && !has_more {
            items.push(shown(&item));
        }
        at += u64::from(!has_more);
        !has_more
    })?;
    let page = json!({"session": id, "from": from, "items": items, "next": has_more.then_some(at)});
    with_head("session-page", Ok(page))
}

fn shown(item: &TranscriptItem) -> Value {
    let (role, text, failed) = match &item.what {
        ItemKind::Prompt(text) => ("prompt", text.clone(), false),
        ItemKind::Answer(text) => ("answer", text.clone(), false),
        ItemKind::Thought(text) => ("thought", text.clone(), false),
        ItemKind::Tool { name, input } => ("tool", format!("{name} {input}"), false),
        ItemKind::Result { error, text } => ("result", text.clone(), *error),
        ItemKind::Remark(text) => ("remark", text.clone(), false),
    };
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    json!({"at": item.at, "role": role, "failed": failed, "text": text[..end], "cut": end < text.len()})
}
