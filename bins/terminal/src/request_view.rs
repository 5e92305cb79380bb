//! Shows what a waiting agent asks for: whole, in lines that fit the terminal.

use orchestra::{model::text, ops::agent_object::AgentObject};

/// The widest request that a list shows whole, in columns.
const MAX_LISTED: usize = 400;

/// Returns `words` and what an agent asks for, whole, in lines of at most `columns`: as far as it was recorded, and if that is not all of it, how
/// much it is. Without a limit, it is one line.
pub fn lines(words: &str, agent: &AgentObject, columns: Option<usize>) -> Vec<String> {
    let columns = columns.unwrap_or(usize::MAX);
    let mut lines = broken(&format!("{words}{}", whole(agent)), columns);
    lines.extend(cut_note(agent).into_iter().flat_map(|note| text::wrap(&note, columns)));
    lines
}

/// Returns what an agent asks for, as far as it was recorded.
pub fn whole(agent: &AgentObject) -> &str {
    match &agent.request {
        Some(asked) => &asked.text,
        None => agent.waiting.as_deref().unwrap_or_default(),
    }
}

/// Returns what an agent asks for, as a list shows it: whole, or with its beginning and its end.
pub fn listed(agent: &AgentObject) -> String {
    text::keep_ends(whole(agent), MAX_LISTED)
}

/// Returns whether what can be shown is all that the agent asks for.
pub fn is_whole(agent: &AgentObject) -> bool {
    agent.request.as_ref().is_some_and(|asked| asked.cut_from_bytes.is_none())
}

/// Says that a request is not shown whole, and how long it is.
fn cut_note(agent: &AgentObject) -> Option<String> {
    match &agent.request {
        Some(asked) => asked.cut_from_bytes.map(|bytes| cut_sentence(asked.text.len(), bytes)),
        None => {
            let is_cut = agent.waiting.as_ref().is_some_and(|what| what.ends_with('…'));
            is_cut.then(|| "(cut: an older version recorded only the beginning)".to_owned())
        }
    }
}

/// Says how much of a request is shown.
pub fn cut_sentence(shown: usize, bytes: u64) -> String {
    format!("(cut: {shown} of {bytes} bytes are shown)")
}

/// Breaks a request into lines, also after each line break in it, which it shows as `\n`.
fn broken(request: &str, columns: usize) -> Vec<String> {
    if columns == usize::MAX {
        return vec![request.to_owned()];
    }
    request.split_inclusive("\\n").flat_map(|line| text::wrap(line, columns)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_broken_after_its_line_breaks() {
        for (request, columns, expected) in [
            ("Bash cat\\nrm x && git push", 12, &["Bash cat\\n", "rm x && git", "push"][..]),
            ("Bash ls", 80, &["Bash ls"]),
            ("a\\nb", usize::MAX, &["a\\nb"]),
        ] {
            assert_eq!(broken(request, columns), expected, "{request}");
        }
    }
}
