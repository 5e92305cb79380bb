//! What single lines of aider say. Pure.

use crate::agents::FailureKind;

/// What an answer of the model used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Used {
    /// The tokens that were sent.
    pub(super) sent: Option<u64>,
    /// The tokens that were received.
    pub(super) received: Option<u64>,
    /// The cost of the process so far, in millionths of a US dollar.
    pub(super) cost_micros: Option<u64>,
}

/// Parses `Tokens: 2.2k sent, 1.0k cache hit, 29 received. Cost: $0.02 message, $0.04 session.`, or one of its halves.
pub(super) fn tokens(line: &str) -> Option<Used> {
    let (tokens, cost) = match line.strip_prefix("Tokens: ") {
        Some(rest) => match rest.split_once(" Cost: ") {
            Some((tokens, cost)) => (Some(tokens), Some(cost)),
            None => (Some(rest), None),
        },
        None => (None, Some(line.strip_prefix("Cost: ")?)),
    };
    let part = |ending: &str| {
        let mut parts = tokens?.trim_end_matches('.').split(", ");
        parts.find_map(|part| number(part.strip_suffix(ending)?))
    };
    let used =
        Used { sent: part(" sent"), received: part(" received"), cost_micros: cost.and_then(session_cost) };
    (used != Used::default()).then_some(used)
}

/// Returns the cost of the process in `$0.02 message, $0.04 session.`.
fn session_cost(text: &str) -> Option<u64> {
    let amount = text.split(", ").find_map(|part| part.trim_end_matches('.').strip_suffix(" session"))?;
    scaled(amount.strip_prefix('$')?, 1e6)
}

/// Parses `923`, `2.2k`, `15k`, and `1.5M`.
fn number(text: &str) -> Option<u64> {
    match (text.strip_suffix('k'), text.strip_suffix('M')) {
        (Some(thousands), _) => scaled(thousands, 1e3),
        (_, Some(millions)) => scaled(millions, 1e6),
        _ => text.replace(',', "").parse().ok(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
fn scaled(text: &str, factor: f64) -> Option<u64> {
    let scaled = text.parse::<f64>().ok()? * factor;
    (0.0..1e15).contains(&scaled).then(|| scaled.round() as u64)
}

/// Parses `litellm.AuthenticationError: …`: the word for the error, and the text.
pub(super) fn api_error(line: &str) -> Option<(&str, &str)> {
    let (word, text) = line.strip_prefix("litellm.")?.split_once(": ")?;
    let is_word = word.ends_with("Error") || word == "Timeout";
    let text = text.strip_prefix(word).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(text);
    is_word.then_some((word, text))
}

/// Returns whether a line names a commit that the program made: `Commit 805cf7e Add a file`.
pub(super) fn is_commit(line: &str) -> bool {
    let id = line.strip_prefix("Commit ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    (7..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns why the program gave up, if the line says that.
pub(super) fn gave_up(line: &str) -> Option<(FailureKind, &'static str)> {
    if line.starts_with("Only ") && line.ends_with(" reflections allowed, stopping.") {
        return Some((FailureKind::Permanent, "its edits could not be applied"));
    }
    let is_full = line.starts_with("Model ") && line.ends_with(" has hit a token limit!");
    let full = FailureKind::ContextFull { is_transient: false };
    is_full.then_some((full, "the model has hit a token limit"))
}

/// Returns a text without its blocks of code and the names of files before them.
pub(super) fn without_blocks(text: &str) -> String {
    let (mut kept, mut is_inside) = (Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_inside = !is_inside;
            let is_name = |line: &&str| !line.is_empty() && !line.trim().contains(' ');
            if is_inside && kept.last().is_some_and(is_name) {
                kept.pop();
            }
        } else if !is_inside {
            kept.push(line);
        }
    }
    kept.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_costs() {
        let used = |sent, received, cost_micros| Some(Used { sent, received, cost_micros });
        for (line, expected) in [
            ("Tokens: 923 sent, 28 received.", used(Some(923), Some(28), None)),
            ("Tokens: 2.2k sent, 29 received.", used(Some(2200), Some(29), None)),
            ("Tokens: 15k sent, 1.0k cache hit, 1.2k received.", used(Some(15_000), Some(1200), None)),
            (
                "Tokens: 2.0k sent, 27 received. Cost: $0.02 message, $0.04 session.",
                used(Some(2000), Some(27), Some(40_000)),
            ),
            ("Cost: $0.0012 message, $1.50 session.", used(None, None, Some(1_500_000))),
            ("Tokens: many", None),
            ("Tokens are cheap", None),
            ("Cost: high", None),
        ] {
            assert_eq!(tokens(line), expected, "{line}");
        }
    }

    #[test]
    fn other_lines() {
        let error = api_error("litellm.AuthenticationError: AuthenticationError: OpenAIException - invalid");
        assert_eq!(error, Some(("AuthenticationError", "OpenAIException - invalid")));
        assert_eq!(api_error("litellm.BadRequestError: no"), Some(("BadRequestError", "no")));
        assert_eq!(api_error("litellm.org: a page"), None);
        assert_eq!(api_error("litellm is a library"), None);
        for (line, is) in [("Commit 805cf7e Add", true), ("Commit 1574ee2", true), ("Commit early", false)] {
            assert_eq!(is_commit(line), is, "{line}");
        }
        assert!(gave_up("Only 3 reflections allowed, stopping.").is_some());
        assert!(gave_up("Model openai/x has hit a token limit!").is_some());
        assert!(gave_up("Only three files.").is_none());
        let text = "I will do it.\n\na.txt\n```\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n```\nDone so.";
        assert_eq!(without_blocks(text), "I will do it.\n\nDone so.");
    }
}
