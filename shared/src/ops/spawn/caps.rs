//! What the user should know about caps that do not hold for every program.

use super::{Request, ready_profile::ReadyProfile};
use crate::{
    Result,
    config::{
        Config,
        keys::{AGENT_MODEL, PRICE},
    },
    model::{Price, RunId, cap::Amounts, text},
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
        let profile = ready.role.as_ref().unwrap_or(&ready.program);
        let rules = request.settings.spending(config, profile, RunId::default(), None)?;
        if !rules.caps.is_empty() {
            warnings.extend(warning(config, &rules, ready));
        }
    }
    Ok(warnings)
}

fn warning(config: &Config<'_>, rules: &Rules, ready: &ReadyProfile) -> Option<String> {
    let caps = &rules.caps;
    let any = |has: fn(&Amounts) -> bool| [&caps.agent, &caps.run, &caps.day].into_iter().any(has);
    let (money, tokens) = (any(|caps| caps.cost.is_some()), any(|caps| caps.tokens.is_some()));
    let name = text::safe(ready.role.as_ref().unwrap_or(&ready.program)).into_owned();
    let reported = ready.launch.protocol.reports();
    if !reported.tokens && !reported.cost {
        return Some(format!("agent '{name}' does not report what it uses: it has no cap"));
    }
    if tokens && !reported.tokens {
        return Some(format!("agent '{name}' does not report its tokens: it has no cap on them"));
    }
    if !money || reported.cost {
        return None;
    }
    let profile = ready.role.as_ref().unwrap_or(&ready.program);
    let named = ready.options.model.clone().or_else(|| ready.launch.model.clone());
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
