//! Generates man pages and long help from the definitions of the commands.

use std::fmt::Write as _;

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use orchestra::{
    Code, Kind,
    config::{self, ProjectUse},
};

use crate::{
    catalog::{self, Group},
    concepts::CONCEPTS,
    exit, key_help,
};

/// The date of the release, which the pages show, so that they are the same wherever they are generated.
pub(crate) const DATE: &str = "2026-11-21";
/// The program and the manual to which every page belongs, and its last line.
pub(crate) const SOURCE: &str = concat!("git-orchestra ", env!("CARGO_PKG_VERSION"));
pub(crate) const MANUAL: &str = "Git Orchestra Manual";
pub(crate) const NOTE: &str = "Not part of git(1); a third-party suite of subcommands.";

/// The parts of a man page beyond the options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page {
    /// Commands to type, and what each does.
    pub examples: &'static [(&'static str, &'static str)],
    /// Further sections, each with a heading and paragraphs.
    pub sections: &'static [(&'static str, &'static [&'static str])],
    /// Whether the page has the table of configuration keys.
    pub configuration: bool,
    /// The related pages.
    pub see_also: &'static [&'static str],
}

/// Adds the examples to the long help of a command, and fills in the configuration keys.
pub fn complete_help(command: Command, page: &Page) -> Command {
    let mut after = String::new();
    if !page.examples.is_empty() {
        after.push_str("Examples:\n");
        for (typed, does) in page.examples {
            let _ = writeln!(after, "  {does}:\n      {typed}");
        }
        after.push('\n');
    }
    let name = command.get_name().to_owned();
    let shown =
        name.replacen("git-orchestra-", "git orchestra ", 1).replacen("git-orchestra", "git orchestra", 1);
    let own = shown.strip_prefix("git orchestra").unwrap_or(&shown);
    let _ = write!(after, "'git orchestra man{own}' shows the whole manual page.");
    let command = key_help::fill_in(command);
    command.bin_name(&shown).display_name(shown).after_long_help(after).disable_help_subcommand(true)
}

/// Generates the man page of a command, as roff.
pub fn man(command: Command, page: &Page) -> String {
    let name = command.get_name().to_owned();
    let summary = command.get_about().map(ToString::to_string).unwrap_or_default();
    // The summary is in the section NAME already, and the examples have their own section.
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let described = long.split_once("\n\n").map_or(long.as_str(), |(_, rest)| rest).to_owned();
    let described = if described.is_empty() { format!("{summary}.") } else { described };
    let command = command.after_long_help("").long_about(described).display_name(name.clone());
    let man = Man::new(command.clone())
        .title(name.to_uppercase())
        .section("1")
        .date(DATE)
        .source(SOURCE)
        .manual(MANUAL);
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = man.render_title(&mut out);
    let mut roff = Roff::new();
    roff.control("SH", ["NAME"]).text([roman(format!("{name} - {}", lower_first(&summary)))]);
    let _ = roff.to_writer(&mut out);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    for line in synopsis(command.clone()) {
        roff.text([bold(line)]).control("br", []);
    }
    let _ = roff.to_writer(&mut out);
    let _ = man.render_description_section(&mut out);
    let _ = man.render_options_section(&mut out);
    // The dispatcher's commands have their own pages.
    if name != "git-orchestra" {
        let _ = subcommands(&command).to_writer(&mut out);
    }
    let _ = sections(&name, page).to_writer(&mut out);
    tidy(&String::from_utf8_lossy(&out))
}

/// Describes the subcommands: the usage, the description and the options of each.
fn subcommands(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let mut verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).peekable();
    if verbs.peek().is_some() {
        roff.control("SH", ["COMMANDS"]);
    }
    for verb in verbs {
        let name = format!(
            "{} {}",
            command.get_name().replacen("git-orchestra-", "git orchestra ", 1),
            verb.get_name()
        );
        let mut verb = verb.clone().bin_name(name);
        let usage = verb.render_usage().to_string();
        let about =
            verb.get_long_about().or_else(|| verb.get_about()).map(ToString::to_string).unwrap_or_default();
        roff.control("SS", [usage.trim_start_matches("Usage:").trim()]);
        for (at, paragraph) in about.split("\n\n").enumerate() {
            if at > 0 {
                roff.control("PP", []);
            }
            let end = if paragraph.ends_with('.') { "" } else { "." };
            roff.text([roman(format!("{paragraph}{end}"))]);
        }
        for option in verb.get_arguments().filter(|one| !one.is_hide_set() && one.get_id() != "color") {
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            roff.control("TP", []).text([bold(option.to_string())]).text([roman(help)]);
        }
    }
    roff
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn synopsis(mut command: Command) -> Vec<String> {
    let usage = command.render_usage().to_string();
    usage
        .lines()
        .map(|line| line.trim_start_matches("Usage:").trim().to_owned())
        .filter(|l| !l.is_empty())
        .collect()
}

/// Writes the list of commands, by group.
fn commands(roff: &mut Roff) {
    roff.control("SH", ["COMMANDS"]);
    for group in Group::ALL {
        roff.control("SS", [group.heading()]);
        for entry in group.commands() {
            let page = format!("git-orchestra-{}(1)", entry.name);
            roff.control("TP", []).text([bold(page)]).text([roman(format!("{}.", entry.summary))]);
        }
    }
}

fn sections(name: &str, page: &Page) -> Roff {
    let mut roff = Roff::new();
    if name == "git-orchestra" {
        commands(&mut roff);
        roff.control("SH", ["CONCEPTS"]);
        for (word, meaning) in CONCEPTS {
            roff.control("TP", []).text([bold(*word)]).text([roman(*meaning)]);
        }
    }
    for (heading, paragraphs) in page.sections {
        roff.control("SH", [*heading]);
        for (at, paragraph) in paragraphs.iter().enumerate() {
            if at > 0 {
                roff.control("PP", []);
            }
            roff.text([roman(*paragraph)]);
        }
    }
    if !page.examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
        for (typed, does) in page.examples {
            roff.control("TP", []).text([bold(*typed)]).text([roman(format!("{does}."))]);
        }
    }
    if page.configuration {
        roff.control("SH", ["CONFIGURATION"]);
        roff.text([roman("These keys of git config, for one repository or for all of a user:")]);
        for key in config::KEYS {
            let default = match key.default_text() {
                default if default.is_empty() => String::new(),
                default => format!(" (default: {default})"),
            };
            let formerly = key.old_name().map(|old| format!("; {old} in earlier versions, still read"));
            let project = match key.project() {
                ProjectUse::Nothing => "",
                ProjectUse::Sets => "; the project sets it",
                ProjectUse::Proposes => "; the project proposes it",
            };
            let text = format!("{}{default}{}{project}.", key.what(), formerly.unwrap_or_default());
            roff.control("TP", []).text([bold(key.name())]).text([roman(text)]);
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    if name == "git-orchestra" {
        for (code, meaning) in exit::TABLE {
            roff.control("TP", []).text([bold(*code)]).text([roman(*meaning)]);
        }
        errors(&mut roff);
    } else {
        roff.text([roman("0 if it succeeded, else one of the codes in git-orchestra(1).")]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let mut pages: Vec<String> = page.see_also.iter().map(|page| format!("{page}(1)")).collect();
    if name != "git-orchestra" {
        pages.insert(0, "git-orchestra(1)".to_owned());
    }
    if name == "git-orchestra" {
        pages.extend(["gitorchestra-tutorial(7)".to_owned(), "gitorchestra-storage(5)".to_owned()]);
    }
    pages.push("git-worktree(1)".to_owned());
    roff.text([roman(pages.join(", "))]);
    roff.control("SH", ["NOTES"]);
    roff.text([roman(NOTE)]);
    roff
}

/// Writes the table of error codes, with a part for each exit status.
fn errors(roff: &mut Roff) {
    roff.control("SH", ["ERRORS"]);
    roff.text([roman(
        "With --json, an error, and each agent for which a command failed, has a code. A code never changes \
         its meaning or its exit status; new codes are added, so a script must expect codes that it does not \
         know.",
    )]);
    let mut kind = None::<Kind>;
    for code in Code::ALL {
        if kind != Some(code.kind()) {
            let exit = exit::code(code.kind());
            roff.control("SS", [format!("Exit status {exit}: {}", exit::word(code.kind())).as_str()]);
            kind = Some(code.kind());
        }
        roff.control("TP", []).text([bold(code.as_str())]).text([roman(code.meaning())]);
    }
}

/// Removes what the linters of man pages dislike: empty lines (they become requests), needless breaks,
/// trailing white space.
pub(crate) fn tidy(text: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let mut ended = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            ended = true;
            continue;
        }
        let request = line.starts_with('.');
        if request {
            // A break before a request has no effect.
            while out.last() == Some(&".br") {
                out.pop();
            }
        } else if ended && out.last().is_some_and(|last| !last.starts_with('.')) {
            out.push(".sp");
        }
        ended = false;
        if line != ".br" || out.last().is_some_and(|last| !last.starts_with('.')) {
            out.push(line);
        }
    }
    while out.last() == Some(&".br") {
        out.pop();
    }
    format!("{}\n", out.join("\n"))
}

/// Lists the commands with their summaries by group, for the overview. `heading` paints the name of a group.
pub fn command_list(heading: impl Fn(&str) -> String) -> String {
    let width = catalog::COMMANDS.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for group in Group::ALL {
        let _ = writeln!(out, "\n{}", heading(group.heading()));
        for entry in group.commands() {
            let _ = writeln!(out, "  {:width$}  {}", entry.name, entry.summary);
        }
    }
    out
}
