//! Models without a price, for which no cap on money holds.

use std::collections::BTreeSet;

use super::finding::{Finding, Group};
use crate::{
    Result,
    config::{
        Config,
        keys::{AGENT_MODEL, MAX_COST, MAX_DAY_COST, MAX_RUN_COST, PRICE},
    },
    git::Repo,
    model::{Price, text},
    store::Listing,
};

/// The profile whose agents have a cost only if their model has a price.
const PRICED: &str = "api";
/// Maximum number of models that are named.
const MOST: usize = 10;

/// Checks that models have prices, if there is a cap on money: those that agents used without a known cost.
///
/// # Errors
/// The agents cannot be read.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let config = Config::of(repo);
    let has_caps =
        [&MAX_COST, &MAX_RUN_COST, &MAX_DAY_COST].into_iter().any(|key| config.get_or_default(key).is_some());
    if !has_caps {
        return Ok(Vec::new());
    }
    let listing = Listing::observe(repo)?;
    let used = listing.rows.iter().filter_map(|row| {
        let counted = listing.trailer(row, "Input-Tokens").is_some();
        let has_cost = listing.trailer(row, "Cost-Micros").is_some();
        listing.trailer(row, "Model").filter(|_| counted && !has_cost).map(str::to_owned)
    });
    let models: BTreeSet<String> = used.chain(config.get_or_default(&AGENT_MODEL.of(PRICED))).collect();
    let unpriced = |model: &String| config.get_or_default(&PRICE.of(&Price::key_of(model))).is_none();
    Ok(models.into_iter().filter(unpriced).take(MOST).map(|model| finding(&model)).collect())
}

fn finding(model: &str) -> Finding {
    let shown = text::safe(model);
    Finding::warning(Group::Keys, "model-price", format!("'{shown}' has no price"))
        .about(&shown)
        .because("there are caps on money, which do not hold for agents whose program reports tokens only")
        .fix(PRICE.of(&Price::key_of(model)).hint("3/15"))
}
