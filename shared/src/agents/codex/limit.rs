//! Codex's usage limits: the windows that its server reports, and sentences, as text or in the events of `codex exec --json`.

use serde_json::Value;

use crate::{
    agents::{
        StreamEvent,
        fields::count,
        limit::{ReportedLimit, Reset, text_after},
    },
    model::limit::LimitKind,
};

/// From which use on a limit is near, in percent.
const NEAR: u32 = 90;

/// The windows of time in which usage is limited, as the server last reported them.
#[derive(Debug, Default)]
pub(super) struct Windows(Vec<ReportedLimit>);

impl Windows {
    /// Takes the windows of a report. Returns the limits that came nearer to their end.
    pub(super) fn update(&mut self, report: &Value) -> Vec<StreamEvent> {
        let windows = [&report["primary"], &report["secondary"]];
        let new: Vec<ReportedLimit> =
            windows.into_iter().filter(|window| window.is_object()).map(window).collect();
        if new.is_empty() {
            return Vec::new();
        }
        let is_news =
            |limit: &&ReportedLimit| limit.used >= Some(NEAR) && limit.warning && !self.0.contains(limit);
        let near: Vec<StreamEvent> =
            new.iter().filter(is_news).cloned().map(StreamEvent::UsageLimit).collect();
        self.0 = new;
        near
    }

    /// Returns the limit that is reached; of several, the one that ends last.
    pub(super) fn reached(&self) -> Option<ReportedLimit> {
        let reached = self.0.iter().filter(|limit| !limit.warning);
        reached.max_by_key(|limit| if let Reset::At(at) = limit.reset { at } else { 0 }).cloned()
    }
}

fn window(window: &Value) -> ReportedLimit {
    let used = u32::try_from(count(window, "usedPercent")).unwrap_or(u32::MAX).min(100);
    let kind = match count(window, "windowDurationMins") {
        300 => LimitKind::FiveHour,
        1440 => LimitKind::Daily,
        10_080 => LimitKind::SevenDay,
        _ => LimitKind::Other,
    };
    let reset = window["resetsAt"].as_i64().map_or(Reset::Unknown, Reset::At);
    ReportedLimit { warning: used < 100, used: Some(used), ..ReportedLimit::of(kind, reset) }
}

/// Returns the limit in a line. In JSON only the program's own errors count, never what the model wrote.
pub(super) fn in_line(line: &str) -> Option<ReportedLimit> {
    let line = line.trim();
    if !line.starts_with('{') {
        let words = ["ERROR:", "Error:", "error:", "■", "⚠"]
            .iter()
            .fold(line, |line, mark| line.strip_prefix(mark).unwrap_or(line).trim_start());
        return in_sentence(words);
    }
    let event: Value = serde_json::from_str(line).ok()?;
    match event["type"].as_str()? {
        "turn.failed" => in_sentence(event["error"]["message"].as_str()?),
        "error" => in_sentence(event["message"].as_str()?),
        _ => None,
    }
}

/// Returns the limit in a sentence of the program.
pub(super) fn in_sentence(text: &str) -> Option<ReportedLimit> {
    let begins = |phrase: &str| text.to_ascii_lowercase().replace('’', "'").starts_with(phrase);
    let kind = if begins("you've hit your usage limit") {
        LimitKind::Other
    } else if begins("you hit your spend cap") || begins("you've hit your spend cap") {
        LimitKind::Spend
    } else if begins("your workspace is out of credits")
        || begins("quota exceeded. check your plan and billing details")
    {
        LimitKind::Credits
    } else {
        return None;
    };
    let reset = text_after(text, "try again at ").map(str::to_owned);
    let reset = reset.or_else(|| text_after(text, "try again in ").map(|time| format!("in {time}")));
    let reset = reset.map(|words| words.trim().trim_end_matches('.').to_owned());
    Some(ReportedLimit::of(kind, reset.map_or(Reset::Unknown, Reset::Words)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reported_windows_warn_once_and_tell_the_end() {
        let report = |used: u32, at: i64| {
            json!({"primary": {"usedPercent": used, "windowDurationMins": 300, "resetsAt": at},
                "secondary": {"usedPercent": 10, "windowDurationMins": 10080, "resetsAt": 9}})
        };
        let mut windows = Windows::default();
        assert_eq!(windows.update(&report(89, 7)), []);
        let near = ReportedLimit {
            warning: true,
            used: Some(93),
            ..ReportedLimit::of(LimitKind::FiveHour, Reset::At(7))
        };
        assert_eq!(windows.update(&report(93, 7)), [StreamEvent::UsageLimit(near)]);
        assert_eq!((windows.update(&report(93, 7)), windows.reached()), (vec![], None));
        assert_eq!(windows.update(&json!({"primary": null})), []);
        windows.update(&report(100, 7));
        let reached = windows.reached().expect("a limit");
        assert_eq!(
            (reached.kind, reached.reset, reached.warning),
            (LimitKind::FiveHour, Reset::At(7), false)
        );
    }

    #[test]
    fn sentences_of_all_versions() {
        let words = |text: &str| Reset::Words(text.to_owned());
        for (line, expected) in [
            (
                "ERROR: You've hit your usage limit. Upgrade to Pro (https://example.com), or try again at 3:28 PM.",
                Some((LimitKind::Other, words("3:28 PM"))),
            ),
            // As version 0.169.0 prints it.
            (
                "ERROR: You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit https://chatgpt.com/settings/usage to purchase more credits or try again at 9:37 AM.",
                Some((LimitKind::Other, words("9:37 AM"))),
            ),
            (
                r#"{"type":"turn.failed","error":{"message":"You've hit your usage limit. To get more access now, send a request to your admin or try again at Aug 8th, 2026 12:30 PM."}}"#,
                Some((LimitKind::Other, words("Aug 8th, 2026 12:30 PM"))),
            ),
            (
                r#"{"type":"error","message":"You've hit your usage limit. Try again in 2 days 17 hours 14 minutes."}"#,
                Some((LimitKind::Other, words("in 2 days 17 hours 14 minutes"))),
            ),
            (
                "You've hit your usage limit for gpt-x. Switch to another model now, or try again later.",
                Some((LimitKind::Other, Reset::Unknown)),
            ),
            (
                "Your workspace is out of credits. Ask your workspace owner to refill in order to continue.",
                Some((LimitKind::Credits, Reset::Unknown)),
            ),
            (
                "You hit your spend cap set by the owner of your workspace.",
                Some((LimitKind::Spend, Reset::Unknown)),
            ),
            (
                "Quota exceeded. Check your plan and billing details.",
                Some((LimitKind::Credits, Reset::Unknown)),
            ),
            // A message of the model about limits does not count.
            (
                r#"{"type":"item.completed","item":{"type":"agent_message","text":"You've hit your usage limit."}}"#,
                None,
            ),
            ("I added a page that says: You've hit your usage limit.", None),
            (r#"{"type":"turn.failed","error":{"message":"stream disconnected"}}"#, None),
            ("{broken", None),
        ] {
            let expected = expected.map(|(kind, reset)| ReportedLimit::of(kind, reset));
            assert_eq!(in_line(line), expected, "{line}");
        }
    }
}
