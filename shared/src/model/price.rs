//! The price of a model's tokens, as the user configures it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Cost;

/// Numbers of tokens, by their prices. No token is counted twice.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Tokens {
    /// Input that was neither read from a cache nor written into one.
    pub input: u64,
    /// Input that was read from a cache.
    pub cache_read: u64,
    /// Input that was written into a cache.
    pub cache_write: u64,
    /// What the model wrote.
    pub output: u64,
}

impl Tokens {
    /// Returns all input, cached or not.
    pub const fn all_input(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }

    /// Returns the sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            output: self.output.saturating_add(other.output),
        }
    }
}

/// The prices of a million tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Price {
    input: Cost,
    output: Cost,
    /// What reading from the cache costs, if that is not a tenth of the input.
    cache_read: Option<Cost>,
    /// What writing into the cache costs, if that is not five quarters of the input.
    cache_write: Option<Cost>,
}

impl Price {
    /// Parses the prices in US dollars for input and output, such as `3/15`, and for input that is read from the cache and written into
    /// it, such as `3/15/0.30/3.75`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/').map(|part| Cost::parse(part.trim()));
        let (input, output) = (parts.next()??, parts.next()??);
        let mut cached = || parts.next().map_or(Some(None), |price| price.map(Some));
        let (cache_read, cache_write) = (cached()?, cached()?);
        parts.next().is_none().then_some(Self { input, output, cache_read, cache_write })
    }

    /// Returns the name of a model in the key of its price: a hyphen stands for every character that git does not accept there.
    pub fn key_of(model: &str) -> String {
        model.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
    }

    /// Returns the prices as [`Price::parse`] reads them.
    pub fn text(&self) -> String {
        let (read, write) = (self.cache_read, self.cache_write);
        let read = read.or_else(|| write.map(|_| self.read_price()));
        let all = [Some(self.input), Some(self.output), read, write];
        all.into_iter().flatten().map(Cost::text).collect::<Vec<_>>().join("/")
    }

    /// Returns the price of a number of tokens of which none was cached.
    pub fn of(self, input: u64, output: u64) -> Cost {
        self.of_tokens(Tokens { input, output, ..Tokens::default() })
    }

    /// Returns the price of a number of tokens.
    pub fn of_tokens(self, tokens: Tokens) -> Cost {
        let part = |price: Cost, tokens: u64| u128::from(price.micros()) * u128::from(tokens);
        let parts = [
            part(self.input, tokens.input),
            part(self.read_price(), tokens.cache_read),
            part(self.write_price(), tokens.cache_write),
            part(self.output, tokens.output),
        ];
        let total = parts.into_iter().sum::<u128>().div_ceil(1_000_000);
        Cost::from_micros(u64::try_from(total).unwrap_or(u64::MAX))
    }

    fn read_price(self) -> Cost {
        self.cache_read.unwrap_or_else(|| Cost::from_micros(self.input.micros().div_ceil(10)))
    }

    fn write_price(self) -> Cost {
        let micros = self.input.micros();
        self.cache_write.unwrap_or_else(|| Cost::from_micros(micros.saturating_add(micros.div_ceil(4))))
    }
}

/// As the text that [`Price::parse`] reads.
impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("not a price"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_those_of_a_million_tokens() {
        let price = Price::parse("3/15").expect("a price");
        assert_eq!(price.of(1_000_000, 100_000), Cost::from_micros(4_500_000));
        assert_eq!(price.of(1, 0), Cost::from_micros(3));
        assert_eq!(price.of(0, 0), Cost::from_micros(0));
        assert_eq!(price.of(u64::MAX, u64::MAX), Cost::from_micros(u64::MAX));
        for (text, same) in [
            (" 0.25 / 1.5 ", "0.25/1.50"),
            ("3/15/0.3", "3.00/15.00/0.30"),
            ("3/15/0.3/3.75", "3.00/15.00/0.30/3.75"),
        ] {
            assert_eq!(Price::parse(text).map(|price| price.text()).as_deref(), Some(same));
        }
        for text in ["", "3", "3/", "/15", "a/b", "3/15/", "3/15/x/1", "3/15/1/1/1", "-3/15"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }

    #[test]
    fn cached_tokens_have_prices_of_their_own() {
        let million = 1_000_000;
        let tokens = Tokens { input: million, cache_read: million, cache_write: million, output: 0 };
        for (text, micros) in [("3/15", 7_050_000), ("3/15/1", 7_750_000), ("3/15/1/2", 6_000_000)] {
            let price = Price::parse(text).expect("a price");
            assert_eq!(price.of_tokens(tokens), Cost::from_micros(micros), "{text}");
        }
        assert_eq!(tokens.plus(tokens).all_input(), 6 * million);
    }
}
