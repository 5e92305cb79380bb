//! Replacing the older part of a long conversation by a summary. Pure.

use serde_json::Value;

/// The share of the model's context, in percent, from which the conversation is summarized.
const FULL_PERCENT: u64 = 80;
/// The share of the context that the part which is kept may have: one part in so many.
const KEPT_SHARE: u64 = 4;
/// A token has about this many bytes.
const BYTES_PER_TOKEN: u64 = 4;
/// What stands before the summary.
const HEAD: &str = "The conversation so far was replaced by this summary:\n\n";
/// What stands before the task, which no summary may lose.
const TASK: &str = "\n\nThe task was:\n\n";
/// What asks for the summary.
pub(super) const REQUEST: &str = "The conversation is about to become too long, and will be replaced by your summary of it. Write \
     down everything that is needed to continue without it: what was asked, what was found out, which files were changed and how, what \
     was tried and failed, what is left to do, and in which state the work is. Use no tool.";

/// Returns whether a conversation that had this many tokens is to be summarized before it grows.
pub(super) const fn is_due(tokens: u64, context: u64) -> bool {
    tokens.saturating_mul(100) >= context.saturating_mul(FULL_PERCENT)
}

/// Returns how many of the last messages are kept as they are: those since the model's last answer, with that answer if it uses tools,
/// so that no use is without its result. If they are too long, none.
pub(super) fn kept(messages: &[(String, Vec<Value>)], context: u64) -> usize {
    let Some(last) = messages.iter().rposition(|(role, _)| role == "assistant") else { return 0 };
    let uses_tools = messages[last].1.iter().any(|block| block["type"] == "tool_use");
    let from = if uses_tools { last } else { last + 1 };
    let bytes: usize =
        messages[from..].iter().flat_map(|(_, content)| content).map(|block| block.to_string().len()).sum();
    let most = context.saturating_mul(BYTES_PER_TOKEN) / KEPT_SHARE;
    if bytes as u64 <= most { messages.len() - from } else { 0 }
}

/// Returns the message that replaces the older part: the summary, and the task, which the first message contains.
pub(super) fn replacement(first: Option<&(String, Vec<Value>)>, summary: &str) -> String {
    let begun = first.and_then(|(_, content)| content.first()?["text"].as_str()).unwrap_or_default();
    let task = match begun.strip_prefix(HEAD).and_then(|earlier| earlier.rsplit_once(TASK)) {
        Some((_, task)) => task,
        None => begun,
    };
    format!("{HEAD}{}{TASK}{task}", summary.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(role: &str, blocks: &[Value]) -> (String, Vec<Value>) {
        (role.to_owned(), blocks.to_vec())
    }

    fn text(words: &str) -> Value {
        json!({"type": "text", "text": words})
    }

    #[test]
    fn a_use_of_a_tool_is_kept_with_its_result_or_not_at_all() {
        let used = json!({"type": "tool_use", "id": "a", "name": "bash", "input": {}});
        let result =
            |long: usize| json!({"type": "tool_result", "tool_use_id": "a", "content": "x".repeat(long)});
        let (task, done) = (message("user", &[text("task")]), message("assistant", &[text("Done.")]));
        let uses = message("assistant", &[text("I look."), used]);
        let short = message("user", &[result(10)]);
        for (messages, expected) in [
            (vec![], 0),
            (vec![task.clone()], 0),
            (vec![task.clone(), uses.clone(), short.clone()], 2),
            (vec![task.clone(), uses.clone(), short.clone(), message("user", &[text("more")])], 3),
            (vec![task.clone(), uses.clone(), short, done.clone(), message("user", &[text("next")])], 1),
            (vec![task.clone(), done], 0),
            (vec![task, uses, message("user", &[result(20_000)])], 0),
        ] {
            assert_eq!(kept(&messages, 1000), expected, "{messages:?}");
        }
        assert!(is_due(800, 1000) && !is_due(799, 1000));
    }

    #[test]
    fn the_task_survives_every_summary() {
        let task = message("user", &[text("Fix\n\nThe task was:\n\nodd words")]);
        let once = replacement(Some(&task), " I looked. ");
        assert!(once.contains("I looked.\n\nThe task was:\n\nFix"));
        let twice = replacement(
            Some(&message("user", &[text(&replacement(Some(&message("user", &[text("Fix it")])), "One."))])),
            "Two.",
        );
        assert_eq!(twice, format!("{HEAD}Two.{TASK}Fix it"));
    }
}
