//! Formats an answer for a snapshot: on several lines, with its fields in order, without values that differ
//! from run to run.

use regex::{Captures, Regex};

/// Fields whose numbers depend on the machine.
const MACHINE: [&str; 10] = [
    "bytes",
    "held_by",
    "memory_bytes",
    "orphans",
    "pid",
    "size",
    "supervisor_pid",
    "queue_position",
    "clock_seconds",
    "ran_seconds",
];

/// The texts that are replaced in an answer.
#[derive(Default)]
pub struct Redactions {
    texts: Vec<(String, String)>,
    keeps_times: bool,
}

impl Redactions {
    /// Replaces the random ends of agents that were started with this `--name`.
    #[must_use]
    pub fn agents(mut self, names: &[&str]) -> Self {
        let pattern = |name: &&str| (format!(r"\b{name}-[0-9a-z]{{5}}\b"), format!("{name}-*****"));
        self.texts.extend(names.iter().map(pattern));
        self
    }

    /// Replaces a text that differs in each run.
    #[must_use]
    pub fn text(mut self, text: &str, shown: &str) -> Self {
        self.texts.push((regex::escape(text), shown.to_owned()));
        self
    }

    /// Keeps times, which are the same in each run.
    #[must_use]
    pub const fn keep_times(mut self) -> Self {
        self.keeps_times = true;
        self
    }

    /// Formats the answer for comparison.
    ///
    /// # Panics
    /// A text is not a valid pattern.
    pub fn shown(&self, json: &str) -> String {
        let mut shown = json.to_owned();
        for (pattern, instead) in &self.texts {
            let pattern = Regex::new(pattern).expect("a pattern");
            shown = pattern.replace_all(&shown, instead.as_str()).into_owned();
        }
        if !self.keeps_times {
            let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").expect("a pattern");
            shown = time.replace_all(&shown, "<time>").into_owned();
        }
        let machine =
            Regex::new(&format!(r#""({})":(\d+|\[\d[\d,]*\])"#, MACHINE.join("|"))).expect("a pattern");
        shown = machine.replace_all(&shown, r#""$1":"<number>""#).into_owned();
        on_lines(&numbered(&shown))
    }
}

/// Numbers the ids of objects, sessions and runs in the order in which they appear; a prefix of an id gets
/// the same number.
fn numbered(text: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    let id =
        Regex::new(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{10,40}\b")
            .expect("a pattern");
    let number = |found: &Captures<'_>| {
        let found = &found[0];
        let same = |one: &String| one.starts_with(found) || found.starts_with(one.as_str());
        let at = known.iter().position(same).unwrap_or_else(|| {
            known.push(found.to_owned());
            known.len() - 1
        });
        format!("<id {}>", at + 1)
    };
    id.replace_all(text, number).into_owned()
}

/// Formats JSON on several lines, with its fields in order.
fn on_lines(json: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut inside, mut escaped) = (0, false, false);
    let mut chars = json.trim().chars().peekable();
    while let Some(c) = chars.next() {
        if inside {
            inside = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            out.push(c);
            continue;
        }
        match c {
            '"' => {
                inside = true;
                out.push(c);
            }
            '{' | '[' if chars.peek() == Some(&if c == '{' { '}' } else { ']' }) => {
                out.push(c);
                out.extend(chars.next());
            }
            '{' | '[' => {
                depth += 1;
                out.push(c);
                new_line(&mut out, depth);
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c => out.push(c),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redactions_are_applied_and_the_order_is_kept() {
        let json = r#"{"z":"tidy-k3m9q is at 0123456789abcdef","a":{"pid":7,"empty":[],"at":"2026-11-26T10:00:00Z"},"b":["0123456789","x\"{"]}"#;
        let shown = Redactions::default().agents(&["tidy"]).shown(json);
        let expected = [
            "{",
            r#"  "z": "tidy-***** is at <id 1>","#,
            r#"  "a": {"#,
            r#"    "pid": "<number>","#,
            r#"    "empty": [],"#,
            r#"    "at": "<time>""#,
            "  },",
            r#"  "b": ["#,
            r#"    "<id 1>","#,
            r#"    "x\"{""#,
            "  ]",
            "}",
        ];
        assert_eq!(shown, expected.join("\n"));
    }
}
