//! Warns about running agents that are about to conflict.

use orchestra::{
    model::text,
    ops::status::{Overlap, OverlapFile, Report},
};
use orchestra_terminal::{Terminal, here, humanize};

/// The most pairs that are named; more are only counted.
const MAX_PAIRS: usize = 5;

pub(crate) fn warn(terminal: &Terminal, report: &Report) {
    let now = here::environment().now().as_second();
    for overlap in report.overlaps.iter().take(MAX_PAIRS) {
        terminal.warn(&line(overlap, now));
    }
    let more = report.overlaps.len().saturating_sub(MAX_PAIRS);
    if more > 0 {
        terminal.warn(&format!("{} more are about to conflict", text::count(more as u64, "pair")));
    }
    if let Some(Overlap { agent, other, .. }) = report.overlaps.first() {
        terminal.hint_command(&[&"git", &"orchestra", &"diff", &agent.as_str(), &other.as_str()]);
    }
}

/// Formats a pair, such as `'add-auth-k3m9q' and 'tidy-p8x2c' are about to conflict: src/auth.rs (fn login); as saved 20s ago`.
fn line(overlap: &Overlap, now: i64) -> String {
    let file = |file: &OverlapFile| match file.functions.as_slice() {
        [] => file.path.clone(),
        functions => format!("{} ({})", file.path, functions.join("; ")),
    };
    let more = (overlap.more_files > 0).then(|| text::count(overlap.more_files as u64, "more file"));
    let files = overlap.files.iter().map(file).chain(more).collect::<Vec<_>>().join(", ");
    let colon = if files.is_empty() { "" } else { ": " };
    let saved = overlap.saved_at.map_or_else(String::new, |at| {
        format!("; as saved {} ago", humanize::age(now.saturating_sub(at.as_second())))
    });
    let pair =
        format!("'{}' and '{}' are about to conflict{colon}{files}{saved}", overlap.agent, overlap.other);
    text::safe(&pair).into_owned()
}
