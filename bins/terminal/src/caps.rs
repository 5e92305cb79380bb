//! Formats money, and the caps on money and tokens.

use orchestra::{
    model::{Cost, Phase},
    ops::{agent_object::AgentObject, status::CapTotal},
};

/// Formats millionths of a US dollar as dollars and whole cents.
pub fn dollars(micros: u64) -> String {
    let cents = (micros + 5000) / 10_000;
    if cents == 0 && micros > 0 {
        "<$0.01".to_owned()
    } else {
        format!("${}.{:02}", cents / 100, cents % 100)
    }
}

/// Formats a cap that is near, such as `'add-tests-k3m9q': 92 % of its cap of $5.00 is used`.
pub fn near(agent: &AgentObject) -> Option<String> {
    let cap = agent.cap.as_ref().filter(|cap| cap.warning && !agent.phase.is_at_rest())?;
    Some(format!("'{}': {}", agent.id, cap.sentence))
}

/// Formats the cap on money or tokens for which an agent is queued.
pub fn held(agent: &AgentObject) -> Option<String> {
    let cap = agent.cap.as_ref().filter(|cap| !cap.warning && agent.phase == Phase::Queued)?;
    Some(format!("waits: {}", cap.sentence))
}

/// Formats what was used of the caps that agents share, such as `today $3.10 of $20.00, 120000 of 500000 tokens`.
pub fn totals(all: &[CapTotal]) -> Option<String> {
    let one = |total: &CapTotal| {
        let whose = match &total.run {
            Some(run) => format!("run {run}"),
            None => "today".to_owned(),
        };
        let money = total.limit_usd.zip(total.used_usd);
        let shown = |(limit, used): (Cost, Cost)| {
            format!("{} of {}", dollars(used.micros()), dollars(limit.micros()))
        };
        let money = money.map(shown);
        let tokens = total.limit_tokens.zip(total.used_tokens);
        let tokens = tokens.map(|(limit, used)| format!("{used} of {limit} tokens"));
        format!("{whose} {}", money.into_iter().chain(tokens).collect::<Vec<_>>().join(", "))
    };
    (!all.is_empty()).then(|| format!("caps: {}", all.iter().map(one).collect::<Vec<_>>().join("; ")))
}
