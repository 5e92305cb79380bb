//! The questions of a program for a permission, and the answers by one of its own options. An option that it does not offer is never
//! answered: what cannot be allowed as it was meant is denied. Pure.

use serde_json::{Map, Value, json};

use crate::{
    agents::Answer,
    model::{
        request::{AskedRequest, Pattern},
        tool_use,
    },
};

/// The maximum number of options or changes that are read of a question.
const MAX_PARTS: usize = 100;

/// The outcome for a question that has no answer any more.
pub(super) fn cancelled() -> Value {
    json!({"outcome": {"outcome": "cancelled"}})
}

/// Returns what a question asks for, from its parameters and what is known about its tool call.
pub(super) fn asked(params: &Value, name: &str, about: &str) -> AskedRequest {
    let call = &params["toolCall"];
    let text = format!("{name} {}", whole(call, about));
    let asked = AskedRequest::new(&text, None);
    let exact = || Pattern::exact(&asked, what_it_does(call, &text).as_bytes());
    let pattern = always(params, name).unwrap_or_else(exact);
    AskedRequest { pattern: Some(pattern), ..asked }
}

/// Returns what a question asks for whose line is too long for memory: nobody can judge it for good.
pub(super) fn too_long(name: &str, about: &str, length: u64) -> AskedRequest {
    AskedRequest { cut_from_bytes: length, ..AskedRequest::new(&format!("{name} {about} …"), None) }
}

/// Returns the whole request: what it is about, its title, its further input, and the changes of files.
fn whole(call: &Value, about: &str) -> String {
    let mut parts = vec![about.to_owned()];
    parts.extend(call["title"].as_str().filter(|title| !about.contains(title)).map(str::to_owned));
    let main = tool_use::named_main_argument(&call["rawInput"]);
    let is_shown =
        |value: &Value| value.as_str().is_some_and(|text| parts.iter().any(|part| part.contains(text)));
    let others: Map<String, Value> = call["rawInput"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| !is_shown(value) && main.as_ref().is_none_or(|(name, _)| key != name))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    parts.extend(main.map(|(_, text)| text).filter(|text| !parts.iter().any(|part| part.contains(text))));
    if others.is_empty() {
        parts.extend(changes(call));
    } else {
        parts.push(Value::Object(others).to_string());
    }
    parts.join(" ")
}

/// Returns the changes of files that a question shows.
fn changes(call: &Value) -> Option<String> {
    let blocks = call["content"].as_array()?.iter().take(MAX_PARTS);
    let changes: Vec<Value> = blocks
        .filter(|block| block["type"] == "diff")
        .map(|block| json!({"path": block["path"], "newText": block["newText"]}))
        .collect();
    (!changes.is_empty()).then(|| Value::Array(changes).to_string())
}

/// Returns everything that a tool call does, without its id and status.
fn what_it_does(call: &Value, text: &str) -> String {
    let parts = ["kind", "title", "rawInput", "content", "locations"].map(|key| call[key].to_string());
    format!("{text}\n{}", parts.join("\n"))
}

/// Returns what the program would allow for good, in its own words; `None` if it offers nothing of that kind.
fn always(params: &Value, name: &str) -> Option<Pattern> {
    let option = option(params, "allow_always")?;
    let words = option["name"].as_str().filter(|words| !words.trim().is_empty()).unwrap_or("always");
    Pattern::rules(vec![format!("{}: {name}", words.trim())])
}

fn option<'a>(params: &'a Value, kind: &str) -> Option<&'a Value> {
    let options = params["options"].as_array()?.iter().take(MAX_PARTS);
    options.into_iter().find(|option| option["kind"] == kind && option["optionId"].is_string())
}

/// Returns the outcome for an answer, and whether it allows what was asked.
pub(super) fn outcome(params: &Value, answer: &Answer) -> (Value, bool) {
    let offered = |kind| option(params, kind).map(|option| &option["optionId"]);
    let selected = |id: &Value| json!({"outcome": {"outcome": "selected", "optionId": id}});
    let always = || offered("allow_always").filter(|_| answer.always);
    let allowed = if answer.allow { always().or_else(|| offered("allow_once")) } else { None };
    match allowed {
        Some(id) => (selected(id), true),
        None => {
            let denied = offered("reject_once").or_else(|| offered("reject_always"));
            (denied.map_or_else(cancelled, selected), false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kinds: &[&str]) -> Value {
        let options: Vec<Value> = kinds
            .iter()
            .map(|kind| json!({"optionId": format!("id-{kind}"), "kind": kind, "name": kind}))
            .collect();
        json!({"toolCall": {"toolCallId": "c", "kind": "execute", "title": "ls"}, "options": options})
    }

    #[test]
    fn only_offered_options_are_answered() {
        let all = ["allow_once", "allow_always", "reject_once", "reject_always"].as_slice();
        let (once, always, deny) = ((true, false), (true, true), (false, false));
        for (kinds, (allow, for_good), expected) in [
            (all, once, Some("id-allow_once")),
            (all, always, Some("id-allow_always")),
            (all, deny, Some("id-reject_once")),
            (&["allow_once", "reject_once"], always, Some("id-allow_once")),
            (&["allow_always", "reject_once"], once, Some("id-reject_once")),
            (&["allow_always", "reject_once"], always, Some("id-allow_always")),
            (&["allow_always", "reject_always"], deny, Some("id-reject_always")),
            (&["allow_once"], deny, None),
            (&["allow_of_next_year"], once, None),
            (&[], once, None),
        ] {
            let answer = Answer { allow, always: for_good, text: None };
            let (outcome, allowed) = outcome(&question(kinds), &answer);
            let chosen = outcome["outcome"]["optionId"].as_str();
            assert_eq!(chosen, expected, "{kinds:?} {allow} {for_good}");
            assert_eq!(
                outcome["outcome"]["outcome"],
                if chosen.is_some() { "selected" } else { "cancelled" }
            );
            assert_eq!(allowed, chosen.is_some_and(|id| id.starts_with("id-allow")));
        }
        let unnamed = json!({"options": [{"kind": "allow_once"}, "odd"]});
        assert!(!super::outcome(&unnamed, &Answer { allow: true, always: false, text: None }).1);
        assert!(!super::outcome(&Value::Null, &Answer { allow: true, always: true, text: None }).1);
    }

    #[test]
    fn the_whole_request_is_shown() {
        for (call, about, expected) in [
            (json!({"title": "ls -l", "rawInput": {"command": "ls -l"}}), "ls -l", "x ls -l"),
            (
                json!({"title": "ls (list)", "rawInput": {"command": "ls", "description": "list", "background": true}}),
                "ls",
                "x ls ls (list) {\"background\":true}",
            ),
            (
                json!({"title": "Writing", "content": [{"type": "diff", "path": "/a", "newText": "new\n"}]}),
                "/a",
                "x /a Writing [{\"newText\":\"new\\n\",\"path\":\"/a\"}]",
            ),
            (json!({"rawInput": {"url": "https://a.b"}}), "fetching", "x fetching https://a.b"),
        ] {
            assert_eq!(asked(&json!({"toolCall": call}), "x", about).text, expected);
        }
    }

    #[test]
    fn the_pattern_is_what_the_program_offers_for_good_or_exactly_this() {
        let pattern =
            |kinds: &[&str]| asked(&question(kinds), "execute", "ls").pattern.expect("one").to_string();
        assert_eq!(pattern(&["allow_once", "allow_always"]), "allow_always: execute");
        assert_eq!(pattern(&["allow_once"]), "exactly execute ls");
        let other = json!({"toolCall": {"title": "ls", "rawInput": {"cwd": "/etc"}}});
        let same = |a: &Value, b: &Value| {
            let of = |value| asked(value, "x", "ls").pattern.expect("one");
            of(a).is_same(&of(b))
        };
        assert!(same(&question(&[]), &question(&[])) && !same(&question(&[]), &other));
        assert_eq!(too_long("edit", "/a", 999).pattern, None);
    }
}
