//! Prints the report of `doctor`, and asks before some fixes.

use orchestra::{
    Result,
    model::text,
    ops::doctor::{self, Finding, FixOutcome, FixUser, Fixed, Group, Report, Severity},
    wire,
};
use orchestra_terminal::{Exit, Terminal, catalog, context, json, prompt, style::Role};

use super::cli::Cli;

/// The width of the output if it is not a terminal, and the maximum, in columns.
const MAX_WIDTH: usize = 80;
/// The width of the column with the names of groups.
const NAME_WIDTH: usize = 14;
/// The indentation of findings, and of what is said about them.
const INDENT: (usize, usize) = (2, 4);

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let programs =
        catalog::binaries().chain(catalog::INTERNAL).map(|entry| format!("git-orchestra-{}", entry.name));
    let programs = std::iter::once("git-orchestra".to_owned()).chain(programs).collect();
    let mut user = TerminalUser { terminal, agrees: cli.yes };
    let report = doctor::run(&context::interruptible(terminal)?, &cli.request(programs), &mut user)?;
    if cli.json {
        json::print_answer(terminal, wire::DOCTOR, &report)?;
    } else {
        print_report(terminal, &report);
    }
    Ok(if report.is_healthy() { Exit::Done } else { Exit::No })
}

/// The user at the terminal, who is asked before some fixes.
struct TerminalUser<'a> {
    terminal: &'a Terminal,
    /// Whether the user agreed to everything in advance.
    agrees: bool,
}

impl FixUser for TerminalUser<'_> {
    fn agrees(&mut self, question: &str) -> Result<bool> {
        Ok(self.agrees
            || prompt::confirm(self.terminal, question, "git orchestra doctor --fix --yes agrees")?)
    }
}

fn print_report(terminal: &Terminal, report: &Report) {
    for fixed in &report.fixed {
        print_fixed(terminal, fixed);
    }
    if !terminal.can_ask() && report.fixed.iter().any(|one| one.outcome == FixOutcome::Declined) {
        terminal.hint("git orchestra doctor --fix --yes does it without asking");
    }
    let width = terminal.width().unwrap_or(MAX_WIDTH).min(MAX_WIDTH);
    for group in Group::ALL {
        let findings: Vec<&Finding> = report.findings.iter().filter(|one| one.group == group).collect();
        if !findings.is_empty() {
            print_group(terminal, group, &findings, width);
        }
    }
    let fixable = report.findings.iter().filter(|one| one.fixable).count();
    terminal.print(&format!("{}\n", doctor::counts(report)));
    if fixable > 0 {
        terminal.hint(&format!("git orchestra doctor --fix fixes {fixable} of them"));
    }
}

fn print_fixed(terminal: &Terminal, fixed: &Fixed) {
    let why = fixed.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    match fixed.outcome {
        FixOutcome::Done => terminal.print(&format!("{}{why}\n", fixed.what)),
        FixOutcome::Declined => terminal.eprintln(&format!("not {}{why}", fixed.what)),
        FixOutcome::Failed => terminal.labelled("error", Role::Bad, &format!("not {}{why}", fixed.what)),
    }
    if let Some(operation) = &fixed.operation {
        terminal.hint(&format!("git orchestra undo {operation} reverts this"));
    }
}

/// Prints the line of a group, and below it what is not fine.
fn print_group(terminal: &Terminal, group: Group, findings: &[&Finding], width: usize) {
    let painter = terminal.painter();
    let fine: Vec<&str> =
        findings.iter().filter(|one| one.severity == Severity::Ok).map(|one| one.what.as_str()).collect();
    let name = painter.as_role(Role::Head, group.as_str());
    let pad = NAME_WIDTH - group.as_str().len();
    let lines = text::wrap(&fine.join("; "), width.saturating_sub(NAME_WIDTH));
    let mut out = format!("{name}{:pad$}{}\n", "", lines.first().map_or("", String::as_str));
    for line in lines.iter().skip(1) {
        out.push_str(&format!("{:NAME_WIDTH$}{line}\n", ""));
    }
    for finding in findings.iter().filter(|one| one.severity != Severity::Ok) {
        push_finding(&mut out, terminal, finding, width);
    }
    let trimmed: Vec<&str> = out.lines().map(str::trim_end).collect();
    terminal.print(&format!("{}\n", trimmed.join("\n")));
}

fn push_finding(out: &mut String, terminal: &Terminal, finding: &Finding, width: usize) {
    let (first, rest) = INDENT;
    let role = match finding.severity {
        Severity::Error => Role::Bad,
        Severity::Warning => Role::Warn,
        Severity::Note | Severity::Ok => Role::Faint,
    };
    let word = finding.severity.as_str();
    let lines = text::wrap(&format!("{word}: {}", finding.what), width - rest);
    for (at, line) in lines.iter().enumerate() {
        let line = match line.strip_prefix(word).filter(|_| at == 0) {
            Some(after) => format!("{:first$}{}{after}", "", terminal.painter().as_role(role, word)),
            None => format!("{:rest$}{line}", ""),
        };
        out.push_str(&format!("{line}\n"));
    }
    for line in finding.why.iter().flat_map(|why| text::wrap(why, width - rest)) {
        out.push_str(&format!("{:rest$}{line}\n", ""));
    }
    if let Some(fix) = &finding.fix {
        // A command is never broken into lines, so that it can be copied.
        let fix = terminal.painter().as_role(Role::Hint, fix);
        out.push_str(&format!("{:rest$}fix: {fix}\n", ""));
    }
}
