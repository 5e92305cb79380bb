//! The targets of make and the recipes of just.

use super::{
    Found,
    Purpose::{self, Build, Format, Lint, Test},
};

/// Names of targets; of two for the same purpose, the first one is better.
pub(super) const NAMES: [(&str, Purpose); 10] = [
    ("build", Build),
    ("compile", Build),
    ("test", Test),
    ("tests", Test),
    ("check", Test),
    ("format", Format),
    ("fmt", Format),
    ("lint", Lint),
    ("clippy", Lint),
    ("vet", Lint),
];

/// Reads a makefile: several targets may stand before a colon.
pub(super) fn make(text: &str, _: &dyn Fn(&str) -> bool) -> Vec<Found> {
    found("make", text, |line| head(line).unwrap_or_default().split_whitespace().collect())
}

/// Reads a justfile: a recipe has one name, and may have parameters. One whose parameter must be given is left out.
pub(super) fn just(text: &str, _: &dyn Fn(&str) -> bool) -> Vec<Found> {
    found("just", text, |line| {
        let mut words = head(line).unwrap_or_default().split_whitespace();
        let name = words.next().map(|name| name.trim_start_matches('@'));
        let is_complete = words.all(|word| word.contains('=') || word.starts_with('*'));
        name.filter(|_| is_complete).into_iter().collect()
    })
}

/// Returns what stands before the colon of a rule; `None` if the line is no rule.
fn head(line: &str) -> Option<&str> {
    if line.starts_with([' ', '\t', '#', '.']) {
        return None;
    }
    let (head, after) = line.split_once(':')?;
    let is_assignment = after.trim_start_matches(':').starts_with('=');
    (!is_assignment).then_some(head)
}

fn found<'a>(program: &str, text: &'a str, names: impl Fn(&'a str) -> Vec<&'a str>) -> Vec<Found> {
    let rules: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .flat_map(|(at, line)| names(line).into_iter().map(move |name| (at + 1, name)))
        .collect();
    let of_name = |(name, purpose): &(&str, Purpose)| {
        let (line, _) = rules.iter().find(|(_, target)| target == name)?;
        Some(Found::new(*purpose, format!("{program} {name}"), *line))
    };
    NAMES.iter().filter_map(of_name).collect()
}
