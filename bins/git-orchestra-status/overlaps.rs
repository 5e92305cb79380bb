//! Warns about running agents that are about to conflict.

use orchestra::{
    model::text,
    ops::status::{Overlap, OverlapFile, Report},
};
use orchestra_terminal::Terminal;

/// The most pairs that are named; more are only counted.
const MAX_PAIRS: usize = 5;

pub(crate) fn warn(terminal: &Terminal, report: &Report) {
    for overlap in report.overlaps.iter().take(MAX_PAIRS) {
        terminal.warn(&line(overlap));
    }
    let more = report.overlaps.len().saturating_sub(MAX_PAIRS);
    if more > 0 {
        terminal.warn(&format!("{} more are about to conflict", text::count(more as u64, "pair")));
    }
    if let Some(Overlap { agent, other, .. }) = report.overlaps.first() {
        terminal.hint_command(&[&"git", &"orchestra", &"diff", &agent.as_str(), &other.as_str()]);
    }
}

/// Formats a pair, such as `'add-auth-k3m9q' and 'tidy-p8x2c' are about to conflict: src/auth.rs (fn login)`.
fn line(overlap: &Overlap) -> String {
    let file = |file: &OverlapFile| match file.functions.as_slice() {
        [] => file.path.clone(),
        functions => format!("{} ({})", file.path, functions.join("; ")),
    };
    let more = (overlap.more_files > 0).then(|| text::count(overlap.more_files as u64, "more file"));
    let files = overlap.files.iter().map(file).chain(more).collect::<Vec<_>>().join(", ");
    let colon = if files.is_empty() { "" } else { ": " };
    let pair = format!("'{}' and '{}' are about to conflict{colon}{files}", overlap.agent, overlap.other);
    text::safe(&pair).into_owned()
}
