//! Caps on the money and the tokens that agents use: what they are, and when one is near or reached. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cost, words::words};

/// The share of a cap, in percent, from which its agents are warned of it.
pub const NEAR_PERCENT: u64 = 80;
/// The beginning of the id of the question whether a cap may be raised; the number of the attempt follows.
pub const QUESTION: &str = "cap-";
/// The largest number of tokens that a cap can have.
const MAX_TOKENS: u64 = 1_000_000_000_000_000;

words! {
    /// Whose use a cap limits.
    pub enum CapScope: or Other {
        /// That of one agent.
        Agent = "agent",
        /// That of one role of a team, for one agent.
        Role = "role",
        /// That of all agents of one run.
        Run = "run",
        /// That of all agents of this clone on one day.
        Day = "day",
        /// That of something which a newer version knows.
        #[serde(other)]
        Other = "other",
    }
}

words! {
    /// What a cap counts.
    pub enum CapUnit: or Other {
        /// Millionths of a US dollar.
        CostMicros = "cost_micros",
        /// Tokens that were read or written, cached ones included.
        Tokens = "tokens",
        /// Something that a newer version knows.
        #[serde(other)]
        Other = "other",
    }
}

/// An amount of money and a number of tokens: a cap on each, or what was used.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Amounts {
    /// The money; `None` for no cap, or if what was used is unknown.
    #[serde(rename = "cost_micros", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The tokens; `None` for no cap, or if what was used is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

impl Amounts {
    /// Returns whether there is neither.
    pub const fn is_empty(&self) -> bool {
        self.cost.is_none() && self.tokens.is_none()
    }

    /// Returns the amounts of these tokens, cached ones included, and this cost.
    pub fn used(cost: Option<Cost>, input_tokens: Option<u64>, output_tokens: Option<u64>) -> Self {
        let sum = input_tokens.unwrap_or(0).saturating_add(output_tokens.unwrap_or(0));
        Self { cost, tokens: (input_tokens.is_some() || output_tokens.is_some()).then_some(sum) }
    }

    /// Returns the sum. What is unknown counts as nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// Returns the difference, at least 0.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            cost: self.cost.map(|all| part(all, other.cost.unwrap_or_default(), u64::saturating_sub)),
            tokens: self.tokens.map(|all| all.saturating_sub(other.tokens.unwrap_or(0))),
        }
    }

    /// Returns the larger amount of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        self.each(other, u64::max)
    }

    /// Returns the smaller amount of each, where an absent one is no cap.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        self.each(other, u64::min)
    }

    fn each(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        let cost = match (self.cost, other.cost) {
            (Some(one), Some(other)) => Some(part(one, other, &both)),
            (one, other) => one.or(other),
        };
        let tokens = match (self.tokens, other.tokens) {
            (Some(one), Some(other)) => Some(both(one, other)),
            (one, other) => one.or(other),
        };
        Self { cost, tokens }
    }

    fn of_unit(&self, unit: CapUnit) -> Option<u64> {
        match unit {
            CapUnit::CostMicros => self.cost.map(Cost::micros),
            CapUnit::Tokens => self.tokens,
            CapUnit::Other => None,
        }
    }
}

fn part(one: Cost, other: Cost, both: impl Fn(u64, u64) -> u64) -> Cost {
    Cost::from_micros(both(one.micros(), other.micros()))
}

/// Parses a number of tokens from 1, such as `500000`, `500k` or `2m`: the letters stand for thousands and millions.
pub fn parse_tokens(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, factor) = match text.chars().last()? {
        'k' | 'K' => (&text[..text.len() - 1], 1000),
        'm' | 'M' => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let tokens: u64 = digits.parse().ok().filter(|_| is_number)?;
    tokens.checked_mul(factor).filter(|tokens| (1..=MAX_TOKENS).contains(tokens))
}

/// How often each cap was raised. Each time, it is raised by the amount that was set first.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Raises {
    /// The cap on money.
    pub cost: u32,
    /// The cap on tokens.
    pub tokens: u32,
}

impl CapScope {
    /// Returns whether a cap is the agent's own, so that an answer to it alone raises the cap.
    pub const fn is_own(self) -> bool {
        matches!(self, Self::Agent | Self::Role)
    }
}

impl Raises {
    /// Counts one more.
    pub const fn add(&mut self, unit: CapUnit) {
        match unit {
            CapUnit::CostMicros => self.cost = self.cost.saturating_add(1),
            CapUnit::Tokens => self.tokens = self.tokens.saturating_add(1),
            CapUnit::Other => {}
        }
    }
}

/// One value for each scope.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Scopes<T: Default + Serialize> {
    /// For the agent.
    pub agent: T,
    /// For the role of its team that works.
    pub role: T,
    /// For its run.
    pub run: T,
    /// For this clone and day.
    pub day: T,
}

/// The caps that apply to an agent, as they were set.
pub type Caps = Scopes<Amounts>;

impl Caps {
    /// Returns whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.agent.is_empty() && self.role.is_empty() && self.has_no_common()
    }

    /// Returns whether there is none that it shares with other agents.
    pub const fn has_no_common(&self) -> bool {
        self.run.is_empty() && self.day.is_empty()
    }

    /// Returns where the caps are, as far as they were raised.
    #[must_use]
    pub fn raised(&self, raises: &Scopes<Raises>) -> Self {
        let of = |caps: &Amounts, raises: &Raises| {
            let times = |step: u64, raises: u32| step.saturating_mul(u64::from(raises) + 1);
            Amounts {
                cost: caps.cost.map(|cost| Cost::from_micros(times(cost.micros(), raises.cost))),
                tokens: caps.tokens.map(|tokens| times(tokens, raises.tokens)),
            }
        };
        Self {
            agent: of(&self.agent, &raises.agent),
            role: of(&self.role, &raises.role),
            run: of(&self.run, &raises.run),
            day: of(&self.day, &raises.day),
        }
    }

    /// Returns the caps that are near or reached, those that are reached first.
    pub fn judge(&self, raises: &Scopes<Raises>, used: &Scopes<Amounts>) -> Vec<Cap> {
        let limits = self.raised(raises);
        let of = |scope: CapScope, caps: &Amounts, limits: &Amounts, used: &Amounts| {
            [CapUnit::CostMicros, CapUnit::Tokens].map(|unit| {
                let (step, limit) = (caps.of_unit(unit)?, limits.of_unit(unit)?);
                let used = used.of_unit(unit)?;
                let percent = u128::from(used) * 100 / u128::from(limit.max(1));
                let cap = Cap { scope, unit, limit, step, used, warning: used < limit };
                (percent >= u128::from(NEAR_PERCENT)).then_some(cap)
            })
        };
        let all = [
            of(CapScope::Agent, &self.agent, &limits.agent, &used.agent),
            of(CapScope::Role, &self.role, &limits.role, &used.role),
            of(CapScope::Run, &self.run, &limits.run, &used.run),
            of(CapScope::Day, &self.day, &limits.day, &used.day),
        ];
        let mut all: Vec<Cap> = all.into_iter().flatten().flatten().collect();
        all.sort_by_key(|cap| cap.warning);
        all
    }

    /// Returns how much money is left until the first cap on it.
    pub fn money_left(&self, raises: &Scopes<Raises>, used: &Scopes<Amounts>) -> Option<Cost> {
        let limits = self.raised(raises);
        let left = |limits: Amounts, used: Amounts| limits.minus(used).cost;
        let all = [
            left(limits.agent, used.agent),
            left(limits.role, used.role),
            left(limits.run, used.run),
            left(limits.day, used.day),
        ];
        all.into_iter().flatten().min()
    }
}

/// A cap that is near or reached, as in an event.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Cap {
    /// Whose use it limits.
    pub scope: CapScope,
    /// What it counts, which is the unit of the numbers.
    pub unit: CapUnit,
    /// Where it is now.
    pub limit: u64,
    /// By how much an answer raises it.
    pub step: u64,
    /// How much was used.
    pub used: u64,
    /// Whether it is only near.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warning: bool,
}

impl Cap {
    /// Returns how much of it is used, in percent.
    pub fn used_percent(&self) -> u64 {
        u64::try_from(u128::from(self.used) * 100 / u128::from(self.limit.max(1))).unwrap_or(u64::MAX)
    }

    /// Returns what it limits and where it is, such as `its cap of $5.00` or `the day's cap of 500000 tokens`.
    pub fn name(&self) -> String {
        let whose = match self.scope {
            CapScope::Agent => "its",
            CapScope::Role => "its role's",
            CapScope::Run => "its run's",
            CapScope::Day => "the day's",
            CapScope::Other => "a",
        };
        format!("{whose} cap of {}", self.amount(self.limit))
    }

    /// Says that it is reached: `reached its cap of $5.00 ($5.02 used)`.
    pub fn sentence(&self) -> String {
        format!("reached {} ({} used)", self.name(), self.amount(self.used))
    }

    /// Says that it is near: `92 % of its cap of $5.00 is used`.
    pub fn warning_sentence(&self) -> String {
        format!("{} % of {} is used", self.used_percent(), self.name())
    }

    /// Asks whether it may be raised: `raise its cap of $5.00 to $10.00 ($5.02 used)`.
    pub fn question(&self) -> String {
        let raised = self.amount(self.limit.saturating_add(self.step));
        format!("raise {} to {raised} ({} used)", self.name(), self.amount(self.used))
    }

    /// Returns a number in its unit, for people.
    pub fn amount(&self, number: u64) -> String {
        match self.unit {
            CapUnit::CostMicros => format!("${}", Cost::from_micros(number).text()),
            CapUnit::Tokens => format!("{number} tokens"),
            CapUnit::Other => number.to_string(),
        }
    }

    /// Returns whether it is the same one in another state of use.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.scope, self.unit, self.limit) == (other.scope, other.unit, other.limit)
    }

    /// Formats the value of a trailer: `agent cost_micros 5000000 5000000 5020000 warning`.
    pub fn trailer(&self) -> String {
        let Self { scope, unit, limit, step, used, warning } = self;
        let end = if *warning { " warning" } else { "" };
        format!("{scope} {unit} {limit} {step} {used}{end}")
    }

    /// Parses the value of a trailer. Words that are newer than this program are ignored.
    pub fn read_trailer(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (scope, unit) = (CapScope::parse(words.next()?), CapUnit::parse(words.next()?));
        let mut number = || words.next()?.parse().ok();
        let (limit, step, used) = (number()?, number()?, number()?);
        Some(Self { scope, unit, limit, step, used, warning: words.any(|word| word == "warning") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn money(micros: u64) -> Amounts {
        Amounts { cost: Some(Cost::from_micros(micros)), tokens: None }
    }

    const fn tokens(tokens: u64) -> Amounts {
        Amounts { cost: None, tokens: Some(tokens) }
    }

    #[test]
    fn numbers_of_tokens() {
        for (text, expected) in [
            ("500000", Some(500_000)),
            ("500k", Some(500_000)),
            (" 2M ", Some(2_000_000)),
            ("0", None),
            ("", None),
            ("k", None),
            ("-1", None),
            ("+1", None),
            ("1.5m", None),
            ("1é", None),
            ("99999999999999999m", None),
        ] {
            assert_eq!(parse_tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn a_cap_is_near_from_80_percent_and_reached_from_100() {
        let caps = Caps { agent: money(5_000_000), day: tokens(1000), ..Caps::default() };
        let raised = Raises { cost: 1, tokens: 0 };
        for (agent, day, raises, expected) in [
            (money(3_999_999), tokens(799), Raises::default(), &[][..]),
            (money(4_000_000), tokens(0), Raises::default(), &["80 % of its cap of $5.00 is used"]),
            (money(4_999_999), tokens(0), Raises::default(), &["99 % of its cap of $5.00 is used"]),
            (money(5_020_000), tokens(0), Raises::default(), &["reached its cap of $5.00 ($5.02 used)"]),
            (money(5_020_000), tokens(0), raised, &[]),
            (money(8_000_000), tokens(0), raised, &["80 % of its cap of $10.00 is used"]),
            (
                money(4_500_000),
                tokens(1000),
                Raises::default(),
                &[
                    "reached the day's cap of 1000 tokens (1000 tokens used)",
                    "90 % of its cap of $5.00 is used",
                ],
            ),
            // What is not known is not guessed.
            (Amounts::default(), Amounts::default(), Raises::default(), &[]),
            (
                money(u64::MAX),
                tokens(0),
                raised,
                &["reached its cap of $10.00 ($18446744073709.551615 used)"],
            ),
        ] {
            let raises = Scopes { agent: raises, ..Scopes::default() };
            let found = caps.judge(&raises, &Scopes { agent, day, ..Scopes::default() });
            let said: Vec<String> = found
                .iter()
                .map(|cap| if cap.warning { cap.warning_sentence() } else { cap.sentence() })
                .collect();
            assert_eq!(said, expected);
            assert!(found.iter().all(|cap| Cap::read_trailer(&cap.trailer()).as_ref() == Some(cap)));
        }
    }

    #[test]
    fn an_answer_raises_a_cap_by_what_was_set() {
        let caps = Caps { run: money(2_500_000), ..Caps::default() };
        let mut raises = Scopes::<Raises>::default();
        let used = Scopes { run: money(2_600_000), ..Scopes::default() };
        let [cap] = &caps.judge(&raises, &used)[..] else { panic!("one cap") };
        assert_eq!(cap.question(), "raise its run's cap of $2.50 to $5.00 ($2.60 used)");
        assert_eq!(caps.money_left(&raises, &used), Some(Cost::from_micros(0)));
        raises.run.add(cap.unit);
        assert_eq!(caps.judge(&raises, &used), []);
        assert_eq!(caps.money_left(&raises, &used), Some(Cost::from_micros(2_400_000)));
        assert_eq!(Caps { agent: tokens(1), ..Caps::default() }.money_left(&raises, &used), None);
    }

    #[test]
    fn caps_of_newer_versions_are_read() {
        let cap = Cap::read_trailer("century bytes 10 5 9 soft warning").expect("a cap");
        assert_eq!((cap.scope, cap.unit, cap.warning), (CapScope::Other, CapUnit::Other, true));
        assert_eq!(cap.warning_sentence(), "90 % of a cap of 10 is used");
        for bad in ["", "agent", "agent tokens 1 2", "agent tokens 1 2 x"] {
            assert_eq!(Cap::read_trailer(bad), None, "{bad}");
        }
    }

    #[test]
    fn amounts_are_added_and_compared_as_far_as_they_are_known() {
        let (both, none) = (money(5).plus(tokens(7)), Amounts::default());
        assert_eq!(both.plus(money(2)).minus(tokens(3)), money(7).plus(tokens(4)));
        assert_eq!((none.plus(both), none.minus(both), money(1).max(both)), (both, none, both));
        assert_eq!(Amounts::used(None, Some(3), None), tokens(3));
        assert_eq!(Amounts::used(Some(Cost::from_micros(2)), None, None), money(2));
    }
}
