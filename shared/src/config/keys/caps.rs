//! The caps on the money and the tokens of agents. They are the user's alone: no project sets them.

use crate::{
    config::key::{Key, Kind, NamedKey},
    model::{Cost, cap},
};

pub static MAX_COST: Key<Option<Cost>> = Key::new(
    "orchestra.maxCost",
    MONEY,
    || None,
    "The cap on the cost of each agent in US dollars, such as 5 or 2.50: at 80 % git orchestra warns, at 100 % it pauses the agent, \
     which asks whether the cap may be raised by the same amount; --max-cost takes precedence",
);

pub static MAX_TOKENS: Key<Option<u64>> = Key::new(
    "orchestra.maxTokens",
    TOKENS,
    || None,
    "The cap on the tokens that each agent reads and writes, cached ones included, such as 500000, 500k or 2m; --max-tokens takes \
     precedence",
);

pub static AGENT_MAX_COST: NamedKey<Option<Cost>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.maxCost",
    MONEY,
    || None,
    "The cap on the cost of each agent of the profile <name> in US dollars, instead of orchestra.maxCost; for a role of a \
     team, the cap on what it uses for each agent, besides that of orchestra.maxCost",
));

pub static AGENT_MAX_TOKENS: NamedKey<Option<u64>> = NamedKey::new(Key::new(
    "orchestra.agent.<name>.maxTokens",
    TOKENS,
    || None,
    "The cap on the tokens of each agent of the profile <name>, instead of orchestra.maxTokens; for a role of a \
     team, the cap on what it uses for each agent, besides that of orchestra.maxTokens",
));

pub static MAX_RUN_COST: Key<Option<Cost>> = Key::new(
    "orchestra.maxRunCost",
    MONEY,
    || None,
    "The cap on the cost of all agents of one run together, in US dollars",
);

pub static MAX_RUN_TOKENS: Key<Option<u64>> = Key::new(
    "orchestra.maxRunTokens",
    TOKENS,
    || None,
    "The cap on the tokens of all agents of one run together",
);

pub static MAX_DAY_COST: Key<Option<Cost>> = Key::new(
    "orchestra.maxDayCost",
    MONEY,
    || None,
    "The cap on the cost of all agents of this clone on one day, in US dollars; the day begins at midnight of this machine's time \
     zone, and while the cap is reached, no further agent starts",
);

pub static MAX_DAY_TOKENS: Key<Option<u64>> = Key::new(
    "orchestra.maxDayTokens",
    TOKENS,
    || None,
    "The cap on the tokens of all agents of this clone on one day",
);

/// An amount of money, or `None` if the value is empty.
const MONEY: Kind<Option<Cost>> = Kind {
    expected: "an amount of US dollars such as 5 or 2.50",
    parse: |text| if text.is_empty() { Some(None) } else { Cost::parse(text).map(Some) },
    text: |value| value.map_or_else(String::new, Cost::text),
};

/// A number of tokens, or `None` if the value is empty.
const TOKENS: Kind<Option<u64>> = Kind {
    expected: "a number of tokens such as 500000, 500k or 2m",
    parse: |text| if text.is_empty() { Some(None) } else { cap::parse_tokens(text).map(Some) },
    text: |value| value.map_or_else(String::new, |tokens| tokens.to_string()),
};
