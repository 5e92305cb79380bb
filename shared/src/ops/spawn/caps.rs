//! What the user should know about caps that do not hold for every program.

use super::{Request, ready_profile::ReadyProfile};
use crate::{
    Result,
    agents::Launch,
    config::{
        Config,
        keys::{AGENT_MODEL, PRICE},
    },
    model::{Caps, Price, RunId, cap::Amounts, text},
    supervise::spending::Rules,
};

/// Returns a warning for each program for which a cap does not hold, because it does not say what it uses.
///
/// # Errors
/// A cap in git config is invalid (3).
pub(super) fn warnings(
    config: &Config<'_>,
    request: &Request,
    launches: &[ReadyProfile],
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for ready in launches {
        let rules = request.settings.spending(config, ready.caps_of(), RunId::default(), None)?;
        let Some((_, team)) = &ready.team else {
            let name = ready.role.as_ref().unwrap_or(&ready.program);
            let model = ready.options.model.as_deref();
            warnings.extend(warning(config, &rules, &rules.caps, (name, model, &ready.launch)));
            continue;
        };
        for stage in &team.stages {
            let caps = Caps { role: stage.caps, ..rules.caps };
            let named = (stage.name(), stage.options.model.as_deref(), &stage.launch);
            warnings.extend(warning(config, &rules, &caps, named));
        }
    }
    Ok(warnings)
}

fn warning(
    config: &Config<'_>,
    rules: &Rules,
    caps: &Caps,
    (profile, model, launch): (&str, Option<&str>, &Launch),
) -> Option<String> {
    if caps.is_empty() {
        return None;
    }
    let any =
        |has: fn(&Amounts) -> bool| [&caps.agent, &caps.role, &caps.run, &caps.day].into_iter().any(has);
    let (money, tokens) = (any(|caps| caps.cost.is_some()), any(|caps| caps.tokens.is_some()));
    let name = text::safe(profile).into_owned();
    let reported = launch.protocol.reports();
    if !reported.tokens && !reported.cost {
        return Some(format!("agent '{name}' does not report what it uses: it has no cap"));
    }
    if tokens && !reported.tokens {
        return Some(format!("agent '{name}' does not report its tokens: it has no cap on them"));
    }
    if !money || reported.cost {
        return None;
    }
    let named = model.map(str::to_owned).or_else(|| launch.model.clone());
    let model = named.or_else(|| config.get_or_default(&AGENT_MODEL.of(profile)));
    match model {
        Some(model) if rules.price(Some(&model)).is_none() => {
            let set = PRICE.of(&Price::key_of(&model)).hint("3/15");
            let model = text::safe(&model);
            Some(format!("agent '{name}' has no cap on money: '{model}' has no price ({set})"))
        }
        None if rules.prices.is_empty() => Some(format!(
            "agent '{name}' reports tokens only: it has no cap on money unless its model has a price"
        )),
        _ => None,
    }
}
