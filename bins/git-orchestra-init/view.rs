//! Prints the report of `init`, and asks before a changed configuration is accepted.

use orchestra::{
    Result,
    git::Repo,
    model::text,
    ops::{
        configuration::{self, ConfigCheck},
        doctor::setups,
        init::{self, Accepted, Report},
    },
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, context, here, json, prompt};

use super::{cli::Cli, discover};

/// The approximate size of an agent's ref in the answer of a remote, in bytes.
const REF_BYTES: usize = 75;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    if let Some(fingerprint) = &cli.accept {
        return accept(cli, terminal, repo, fingerprint);
    }
    if cli.discover {
        return discover::run(terminal, &repo, cli.yes, cli.json);
    }
    let request = cli.request(terminal.can_ask());
    let context = context::interruptible(terminal)?;
    let known = if cli.undo || cli.json { None } else { setups::proposed(&repo)? };
    let mut report = init::run(&context, &repo, &request)?;
    if cli.probe {
        report.probe = Some(init::probe(&context, &accepted::accept(terminal, repo)?, &request)?);
    }
    let refused = report.probe.as_ref().is_some_and(|probe| !probe.takes);
    if cli.json {
        json::print_answer(terminal, wire::INIT, &report)?;
    } else {
        print_report(terminal, &report);
        if let Some(known) = known {
            terminal.eprintln(&format!("{} sets worktrees up, which agents' worktrees are not", known.file));
            terminal.hint(&setups::command(&known));
        }
    }
    Ok(if refused { Exit::No } else { Exit::Done })
}

/// Accepts the configuration that the user saw: the one with the typed fingerprint, or after they agreed to
/// the changes shown.
fn accept(cli: &Cli, terminal: &Terminal, repo: Repo, fingerprint: &str) -> Result<Exit> {
    let changes = match configuration::check(repo)? {
        ConfigCheck::Accepted(_) => Vec::new(),
        ConfigCheck::Pending(pending) => {
            accepted::show(terminal, pending.changes());
            let agreed = match fingerprint {
                "" => terminal.can_ask() && prompt::confirm(terminal, accepted::QUESTION, "")?,
                typed => typed == pending.fingerprint(),
            };
            if !agreed {
                return Err(pending.refusal());
            }
            let changes = pending.changes().to_vec();
            pending.accept()?;
            changes
        }
    };
    if cli.json {
        json::print_answer(terminal, wire::ACCEPT, &Accepted { changes })?;
    } else if changes.is_empty() {
        terminal.eprintln("the configuration has not changed while agents ran");
    } else {
        terminal.print(&format!("accepted {}\n", text::count(changes.len() as u64, "key")));
    }
    Ok(Exit::Done)
}

fn print_report(terminal: &Terminal, report: &Report) {
    for sentence in &report.changed {
        terminal.print(&format!("{}\n", text::safe(sentence)));
    }
    if report.changed.is_empty() {
        terminal.eprintln("nothing changed");
    }
    if let Some(tracked) = &report.tracked {
        let (refs, bytes) = (tracked.refs, tracked.refs * REF_BYTES);
        terminal.eprintln(&format!(
            "that was {refs} refs at the last fetch, about {bytes} bytes in every answer of {}",
            text::safe(&tracked.remote)
        ));
        terminal.hint("git orchestra init --undo removes it");
    }
    let Some(probe) = &report.probe else { return };
    let remote = text::safe(&probe.remote);
    match &probe.why {
        None => terminal.print(&format!("{remote} accepts agents\n")),
        Some(why) => {
            terminal.print(&format!("{remote} does not accept agents: {}\n", text::safe(why)));
            terminal.hint("use a bare repository of your own: git init --bare PATH, on this machine or one that you reach by ssh");
            terminal.hint("git config orchestra.remote URL makes sync use it; your code is still pushed where it is now");
        }
    }
}
