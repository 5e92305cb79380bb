//! The answer of a reviewing agent: one JSON object with a verdict, among whatever else it said. Pure.

use serde::Deserialize;

use super::verdict::Verdict;

/// How much of the end of what an agent said is searched, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// What a reviewer is asked for.
pub const REQUEST: &str = "one JSON object and nothing else:\n\
    {\"verdict\": \"approve\" or \"changes\" or \"reject\", \"summary\": \"…\", \"findings\": [{\"severity\": \"high\" or \
    \"medium\" or \"low\", \"file\": \"…\", \"line\": 1, \"text\": \"…\"}]}\n";

/// The answer of a reviewer.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// Its verdict.
    pub verdict: Verdict,
    /// Its reasons.
    #[serde(default)]
    pub summary: String,
    /// The problems that it found.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// A problem that a reviewer found.
#[derive(Debug, Deserialize)]
pub struct Finding {
    /// How bad it is, in the reviewer's word.
    #[serde(default)]
    pub severity: String,
    /// The file, if it is in one.
    #[serde(default)]
    pub file: String,
    /// The line in the file, from 1; 0 if there is none.
    #[serde(default)]
    pub line: u32,
    /// The problem.
    pub text: String,
}

impl Finding {
    /// Returns the problem with its severity, such as `high: it does not compile`.
    pub fn sentence(&self) -> String {
        match self.severity.as_str() {
            "" => self.text.clone(),
            severity => format!("{severity}: {}", self.text),
        }
    }
}

impl Answer {
    /// Finds the last JSON object with a verdict in what an agent said.
    pub fn last_in(said: &str) -> Option<Self> {
        let mut from = said.len().saturating_sub(MAX_ANSWER);
        while !said.is_char_boundary(from) {
            from += 1;
        }
        let said = &said[from..];
        let mut objects = said.match_indices('{').filter_map(|(at, _)| {
            serde_json::Deserializer::from_str(&said[at..]).into_iter::<Self>().next()?.ok()
        });
        objects.next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_verdict_counts_whatever_surrounds_it() {
        let parsed = |said: &str| Answer::last_in(said).map(|answer| (answer.verdict, answer.findings.len()));
        assert_eq!(parsed("so: {\"verdict\":\"approve\"} done"), Some((Verdict::Approve, 0)));
        let two = "{\"verdict\":\"approve\"}\n```json\n{\"verdict\":\"changes\",\"findings\":[{\"text\":\"{x}\"}]}\n```";
        assert_eq!(parsed(two), Some((Verdict::Changes, 1)));
        for nonsense in ["", "{}", "{\"verdict\":\"maybe\"}", "looks good", "{\"verdict\":"] {
            assert_eq!(parsed(nonsense), None, "{nonsense}");
        }
    }
}
