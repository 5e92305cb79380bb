//! Formats how the worktree of one agent was made ready.

use orchestra::{model::text, ops::status::ReadyWorktree};
use orchestra_terminal::humanize;

/// The most files that are named because they were not copied.
const MAX_NOT_COPIED: usize = 5;
/// The width of a command, in columns.
const COMMAND_WIDTH: usize = 120;

/// Returns the lines of the details: a name, and a value that may be empty.
pub(super) fn lines(ready: &ReadyWorktree) -> Vec<(&'static str, String)> {
    let setup = ready.setup.as_ref().map(|command| {
        let done = if ready.is_set_up { "done" } else { "not done" };
        format!("{done}: {}", text::one_line(command, COMMAND_WIDTH))
    });
    let ports = ready.ports.map(|(first, last)| format!("{first} to {last} (ORCHESTRA_PORT={first})"));
    let temporary = ready.temporary.as_ref().map(|folder| format!("{folder} (TMPDIR)"));
    let mut lines = vec![
        ("setup", setup.unwrap_or_default()),
        ("copied", copied(ready)),
        ("ports", ports.unwrap_or_default()),
        ("temporary", temporary.unwrap_or_default()),
    ];
    lines.extend(ready.not_copied.iter().take(MAX_NOT_COPIED).map(|one| ("no copy", one.clone())));
    if let Some(more @ 1..) = ready.not_copied.len().checked_sub(MAX_NOT_COPIED) {
        lines.push(("no copy", format!("{more} more")));
    }
    lines
}

/// Formats what was copied, such as `3 files, 1.2 KiB: .env, config/local.toml and 1 more`.
fn copied(ready: &ReadyWorktree) -> String {
    if ready.copied_files == 0 {
        return String::new();
    }
    let files = text::count(ready.copied_files, "file");
    let more = ready.copied_files.saturating_sub(ready.copied.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{files}, {}: {}{more}", humanize::size(ready.copied_bytes), ready.copied.join(", "))
}
