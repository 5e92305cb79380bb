//! Gemini CLI's usage limits: sentences after `[API Error: …]`, or in the trace of an error.

use crate::{
    agents::limit::{ReportedLimit, Reset, text_after},
    model::limit::LimitKind,
};

/// Returns the limit in a line.
pub(super) fn in_line(line: &str) -> Option<ReportedLimit> {
    let exhausted = "You have exhausted your ";
    let is_error = ["[API Error: ", "TerminalQuotaError: "].iter().any(|mark| line.contains(mark))
        || line.trim_start().starts_with(exhausted);
    let terminal = ["QUOTA_EXHAUSTED", exhausted].iter().any(|words| line.contains(words));
    if !is_error || !terminal {
        return None;
    }
    let is_daily = line.contains("daily quota") || line.contains("PerDay");
    let kind = if is_daily { LimitKind::Daily } else { LimitKind::Other };
    let delay =
        ["Please retry in ", "Suggested retry after "].iter().find_map(|words| text_after(line, words));
    let delay = delay.and_then(|text| text.split([' ', ']']).next()).map(|text| text.trim_end_matches('.'));
    let reset = delay.map_or(Reset::Unknown, |delay| Reset::Words(format!("in {delay}")));
    Some(ReportedLimit::of(kind, reset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        for (line, expected) in [
            (
                "[API Error: You have exhausted your daily quota on this model.]",
                Some((LimitKind::Daily, Reset::Unknown)),
            ),
            // As version 0.61.0 prints it, as text and as JSON.
            (
                "Error when talking to Gemini API Full report available at: /tmp/x.json TerminalQuotaError: You have exhausted your daily quota on this model.",
                Some((LimitKind::Daily, Reset::Unknown)),
            ),
            (
                r#"{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error: You have exhausted your daily quota on this model.]\nPlease wait and try again later."}}"#,
                Some((LimitKind::Daily, Reset::Unknown)),
            ),
            (
                "✕ [API Error: You have exhausted your capacity on this model. Please retry in 901.07s.]",
                Some((LimitKind::Other, Reset::Words("in 901.07s".into()))),
            ),
            (
                "[API Error: QUOTA_EXHAUSTED. Suggested retry after 3600s]",
                Some((LimitKind::Other, Reset::Words("in 3600s".into()))),
            ),
            ("[API Error: An unknown error occurred.]", None),
            ("The page says QUOTA_EXHAUSTED.", None),
        ] {
            let expected = expected.map(|(kind, reset)| ReportedLimit::of(kind, reset));
            assert_eq!(in_line(line), expected, "{line}");
        }
    }
}
