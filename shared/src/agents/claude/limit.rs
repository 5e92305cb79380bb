//! Claude Code's usage limits: as events since version 2.1, and as text in all versions.

use serde_json::Value;

use crate::{
    agents::limit::{ReportedLimit, Reset, text_after},
    model::limit::LimitKind,
};

/// Returns the limit in a `rate_limit_event`; `None` if none is near, or if further usage is paid for separately.
pub(super) fn in_event(value: &Value) -> Option<ReportedLimit> {
    let info = &value["rate_limit_info"];
    let warning = match info["status"].as_str()? {
        "rejected" if info["isUsingOverage"] != true => false,
        "allowed_warning" => true,
        _ => return None,
    };
    let kind = match info["rateLimitType"].as_str().unwrap_or_default() {
        "seven_day_overage_included" => LimitKind::SevenDay,
        word => LimitKind::parse(word),
    };
    let reset = info["resetsAt"].as_i64().map_or(Reset::Unknown, Reset::At);
    Some(ReportedLimit { kind, reset, warning, used: percent(&info["utilization"]) })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded before")]
fn percent(value: &Value) -> Option<u32> {
    let share = value.as_f64().filter(|share| (0.0..=10.0).contains(share))?;
    Some((share * 100.0).round() as u32)
}

/// Returns the limit in the text with which a turn failed, for versions without the event and for turns without one.
pub(super) fn in_text(text: &str) -> Option<ReportedLimit> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    if let Some(at) = text_after(line, "usage limit reached|") {
        let reset = at.trim().parse().map_or(Reset::Unknown, Reset::At);
        return Some(ReportedLimit::of(LimitKind::Other, reset));
    }
    let words = line.to_ascii_lowercase();
    let named = words.strip_prefix("you've hit your ").or_else(|| words.strip_prefix("you’ve hit your "));
    let what = match named {
        Some(rest) => rest.split("limit").next().filter(|_| rest.contains("limit"))?,
        None => words.split_once(" limit reached").map(|(before, _)| before)?,
    };
    let what = what.trim().trim_start_matches("claude ").trim_start_matches("ai ");
    let kind = match what {
        "5-hour" => LimitKind::FiveHour,
        "session" => LimitKind::Session,
        "weekly" | "7-day" => LimitKind::SevenDay,
        "opus" | "weekly opus" | "opus weekly" => LimitKind::SevenDayOpus,
        "sonnet" | "weekly sonnet" | "sonnet weekly" => LimitKind::SevenDaySonnet,
        "" | "usage" => LimitKind::Other,
        other if other.contains("spend") => LimitKind::Spend,
        // This is a longer sentence that only mentions a limit.
        other if named.is_none() || other.len() > 20 => return None,
        _ => LimitKind::Other,
    };
    let reset = text_after(line, "resets ").map_or(Reset::Unknown, |at| Reset::Words(at.trim().to_owned()));
    Some(ReportedLimit::of(kind, reset))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_of_the_real_program() {
        let event = |info: Value| in_event(&json!({"type": "rate_limit_event", "rate_limit_info": info}));
        let five = |warning, used| {
            Some(ReportedLimit { kind: LimitKind::FiveHour, reset: Reset::At(1_795_682_747), warning, used })
        };
        let rejected = json!({"status": "rejected", "resetsAt": 1_795_682_747, "rateLimitType": "five_hour",
            "overageStatus": "rejected", "overageDisabledReason": "org_level_disabled", "isUsingOverage": false,
            "unifiedWindows": {"five_hour": {"utilization": 1, "resetsAt": 1_795_682_747, "status": "rejected"}}});
        assert_eq!(event(rejected.clone()), five(false, None));
        let warning = json!({"status": "allowed_warning", "resetsAt": 1_795_682_747, "rateLimitType": "five_hour",
            "utilization": 0.93, "isUsingOverage": false});
        assert_eq!(event(warning), five(true, Some(93)));
        let mut paid = rejected;
        paid["isUsingOverage"] = true.into();
        assert_eq!(event(paid), None);
        assert_eq!(event(json!({"status": "allowed", "rateLimitType": "five_hour"})), None);
        assert_eq!(event(json!({})), None);
        for (word, kind) in [
            ("seven_day", LimitKind::SevenDay),
            ("seven_day_opus", LimitKind::SevenDayOpus),
            ("seven_day_sonnet", LimitKind::SevenDaySonnet),
            ("seven_day_overage_included", LimitKind::SevenDay),
            ("overage", LimitKind::Overage),
            ("of_next_year", LimitKind::Other),
        ] {
            let found = event(json!({"status": "rejected", "rateLimitType": word}));
            assert_eq!(found, Some(ReportedLimit::of(kind, Reset::Unknown)), "{word}");
        }
    }

    #[test]
    fn texts_of_all_versions() {
        let words = |text: &str| Reset::Words(text.to_owned());
        for (text, expected) in [
            (
                "You've hit your 5-hour limit · resets 8:45am (UTC)",
                Some((LimitKind::FiveHour, words("8:45am (UTC)"))),
            ),
            ("Claude AI usage limit reached|1762952400", Some((LimitKind::Other, Reset::At(1_762_952_400)))),
            ("5-hour limit reached ∙ resets 2am", Some((LimitKind::FiveHour, words("2am")))),
            (
                "You've hit your limit · resets 2pm (Asia/Shanghai)",
                Some((LimitKind::Other, words("2pm (Asia/Shanghai)"))),
            ),
            (
                "You've hit your session limit · resets 3:50am (Europe/Berlin)",
                Some((LimitKind::Session, words("3:50am (Europe/Berlin)"))),
            ),
            (
                "You've hit your weekly limit · resets Nov 30 at 3pm (UTC)",
                Some((LimitKind::SevenDay, words("Nov 30 at 3pm (UTC)"))),
            ),
            (
                "Opus weekly limit reached ∙ resets Oct 6, 3pm",
                Some((LimitKind::SevenDayOpus, words("Oct 6, 3pm"))),
            ),
            ("You've hit your monthly spend limit", Some((LimitKind::Spend, Reset::Unknown))),
            (
                "API Error: Request rejected (429) · This request would exceed your account's rate limit.",
                None,
            ),
            ("The tests showed that the connection limit reached its maximum.", None),
            ("Prompt is too long", None),
            ("", None),
        ] {
            let expected = expected.map(|(kind, reset)| ReportedLimit::of(kind, reset));
            assert_eq!(in_text(text), expected, "{text}");
        }
    }
}
