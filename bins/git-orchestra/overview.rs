//! The commands by purpose: what a newcomer reads first.

use orchestra_terminal::{Terminal, pages, style::Role};

use crate::lookup;

/// Returns the list of commands by purpose.
pub(crate) fn overview(terminal: &Terminal) -> String {
    let head = |text: &str| terminal.painter().as_role(Role::Head, text);
    let mut out = format!(
        "Run coding agents side by side in git worktrees, with all state in git refs.\n\n{} git orchestra COMMAND [ARGUMENT...]\n",
        head("Usage:"),
    );
    out.push_str(&pages::command_list(head));
    let others = lookup::other_commands();
    if !others.is_empty() {
        out.push_str(&format!("\n{}\n", head("Other commands on PATH")));
        for name in others {
            out.push_str(&format!("  {name}\n"));
        }
    }
    out.push_str(
        "\nOrder of work: spawn, status, review, merge-ranked, cleanup.\n\
         'git orchestra help COMMAND' describes a command.\n\
         'git orchestra help tutorial' leads from an empty directory to landed work.\n\
         'git orchestra demo' shows them at work.\n",
    );
    out
}
