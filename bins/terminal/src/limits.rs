//! Formats the usage limits of programs.

use orchestra::{
    model::{LimitKind, Liveness, Phase},
    ops::agent_object::{AgentObject, LimitObject},
    world,
};

use crate::{here, humanize};

/// Formats the usage limit for which an agent is queued or paused, and whether it resumes.
pub fn limited(agent: &AgentObject) -> Option<String> {
    let limit = agent.limit.as_ref().filter(|limit| !limit.warning)?;
    let shown = words(limit, agent.liveness, here::environment().now());
    match agent.phase {
        Phase::Queued => Some(shown),
        // The rest of the reason follows the first semicolon.
        Phase::Paused => Some(match agent.reason.as_ref().and_then(|reason| reason.split_once("; ")) {
            Some((_, more)) => format!("{shown}; {more}"),
            None => shown,
        }),
        _ => None,
    }
}

fn words(limit: &LimitObject, liveness: Liveness, now: world::Timestamp) -> String {
    let until = limit.until;
    let is_over = until.is_some_and(|until| until <= now);
    let until = match until.map(humanize::clock_time) {
        Some(time) if is_over => format!("limit over since {time}"),
        Some(time) => format!("limit until {time}"),
        None => format!("{} reached", LimitKind::parse(&limit.kind).name()),
    };
    let then = match liveness {
        Liveness::Lost => ", and nothing resumes it",
        _ if limit.resumes && is_over => ", starts in its turn",
        // Whether another clone resumes it is known only there.
        _ if limit.resumes => "",
        _ if is_over => ", 'resume' continues it",
        _ => ", then 'resume' continues it",
    };
    format!("{until}{then}")
}

/// Formats a limit that is near and not yet reset, such as `93 % of the 5-hour limit is used; it resets at
/// 14:05`.
pub fn near(agent: &AgentObject) -> Option<String> {
    let limit = agent.limit.as_ref().filter(|limit| limit.warning)?;
    let until = limit.until?;
    let name = LimitKind::parse(&limit.kind).name();
    let used = match limit.used_percent {
        Some(used) => format!("{used} % of the {name} is used"),
        None => format!("the {name} is near"),
    };
    (until > here::environment().now())
        .then(|| format!("{used}; it resets at {}", humanize::clock_time(until)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_shows_its_end_and_what_follows() {
        let now: world::Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        let (ahead, over) = (Some("2026-11-26T14:05:00Z"), Some("2026-11-26T12:00:00Z"));
        for (until, resumes, liveness, expected) in [
            (ahead, true, Liveness::Live, "limit until TIME"),
            (ahead, true, Liveness::Ended, "limit until TIME"),
            (ahead, true, Liveness::Lost, "limit until TIME, and nothing resumes it"),
            (ahead, false, Liveness::Ended, "limit until TIME, then 'resume' continues it"),
            (over, true, Liveness::Live, "limit over since TIME, starts in its turn"),
            (over, true, Liveness::Lost, "limit over since TIME, and nothing resumes it"),
            (over, false, Liveness::Ended, "limit over since TIME, 'resume' continues it"),
            (None, false, Liveness::Ended, "5-hour limit reached, then 'resume' continues it"),
        ] {
            let limit = LimitObject {
                kind: "five_hour".to_owned(),
                until: until.map(|until| until.parse().unwrap()),
                warning: false,
                used_percent: None,
                resumes,
            };
            let time = until.map(|until| humanize::clock_time(until.parse().unwrap())).unwrap_or_default();
            assert_eq!(words(&limit, liveness, now), expected.replace("TIME", &time));
        }
    }
}
