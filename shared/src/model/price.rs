//! The price of a model's tokens, as the user configures it.

use super::Cost;

/// The prices of a million tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Price {
    input: Cost,
    output: Cost,
}

impl Price {
    /// Parses the prices in US dollars for input and output, such as `3/15`.
    pub fn parse(text: &str) -> Option<Self> {
        let (input, output) = text.split_once('/')?;
        Some(Self { input: Cost::parse(input.trim())?, output: Cost::parse(output.trim())? })
    }

    /// Returns the prices as [`Price::parse`] reads them.
    pub fn text(&self) -> String {
        format!("{}/{}", self.input.text(), self.output.text())
    }

    /// Returns the price of a number of tokens.
    pub fn of(self, input_tokens: u64, output_tokens: u64) -> Cost {
        let part = |price: Cost, tokens: u64| u128::from(price.micros()) * u128::from(tokens);
        let total = (part(self.input, input_tokens) + part(self.output, output_tokens)).div_ceil(1_000_000);
        Cost::from_micros(u64::try_from(total).unwrap_or(u64::MAX))
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
        assert_eq!(Price::parse(" 0.25 / 1.5 ").map(|price| price.text()).as_deref(), Some("0.25/1.50"));
        for text in ["", "3", "3/", "/15", "a/b", "3/15/1", "-3/15"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }
}
