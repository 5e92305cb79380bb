//! Formats an agent's work for a review.

use orchestra::{
    model::{text, via::Via},
    ops::{
        agent_object::Level,
        diff,
        review::{self, Report, ReviewedWork, VerdictMatch},
    },
};
use orchestra_terminal::{
    Terminal, agents,
    style::{Painter, Role},
};

/// How many lines of the task, commits and files are shown; more are only counted.
const TASK_LINES: usize = 12;
const MAX_COMMITS: usize = 10;
const MAX_FILES: usize = 20;

/// Prints the warnings of a report.
pub(crate) fn notices(terminal: &Terminal, report: &Report) {
    for warning in &report.warnings {
        terminal.warn(warning);
    }
}

/// Formats the task, the commits, the files and the known facts of an agent's work.
pub(crate) fn details(work: &ReviewedWork, painter: &Painter) -> String {
    let head = |name: &str| painter.as_role(Role::Head, name);
    let mut out = format!("{}\n", agents::line(&work.agent, painter));
    out.push_str(&format!("\n{}\n", head("TASK")));
    section(&mut out, work.task.lines().map(str::to_owned).collect(), TASK_LINES, "lines");
    if let Some(words) = &work.agent.last_words {
        out.push_str(&format!("\n{}\n  {words}\n", head("LAST WORDS")));
    }
    out.push_str(&format!("\n{}\n", head("COMMITS")));
    section(
        &mut out,
        work.commits_made.iter().map(|made| format!("{} {}", made.id.short(), made.subject)).collect(),
        MAX_COMMITS,
        "commits",
    );
    out.push_str(&format!("\n{}\n", head("FILES")));
    let number = |lines: Option<u64>| lines.map_or_else(|| "?".to_owned(), |lines| lines.to_string());
    let file = |file: &diff::ChangedFile| {
        format!("+{} -{} {}", number(file.insertions), number(file.deletions), file.path)
    };
    section(&mut out, work.files.iter().map(file).collect(), MAX_FILES, "files");
    let mut facts: Vec<String> = work.problem.iter().cloned().collect();
    facts.extend(work.agent.unsaved.as_ref().map(|why| format!("not all of it is saved: {why}")));
    facts.extend(
        work.agent
            .denials
            .filter(|denials| *denials > 0)
            .map(|denials| format!("{denials} requests were denied")),
    );
    facts.extend(
        (work.agent.left_out > 0).then(|| format!("{} files were left out of its work", work.agent.left_out)),
    );
    for change in &work.agent.surroundings {
        let word = if change.level == Level::Warning { "warning: while it ran" } else { "while it ran" };
        facts.push(format!("{word}: {}", change.what));
    }
    for conflict in &work.conflicts_with {
        let files = text::count(u64::from(conflict.files), "file");
        facts.push(format!("conflicts with {} in {files}", text::one_line(&conflict.branch, 60)));
    }
    if let Some(into) = work.target.as_ref().filter(|_| work.conflicts_with.is_empty()) {
        facts.push(format!("no conflicts with {} or other agents' work", text::one_line(into, 60)));
    }
    let used = work.agent.team.as_ref().map(agents::used_by_roles).filter(|used| !used.is_empty());
    facts.extend(used.map(|used| format!("used by roles: {used}")));
    facts.extend(work.agent.stale_base());
    facts.extend(work.agent.did_not_land().map(agents::did_not_land));
    if let Some(known) = &work.known {
        let holds = match known.holds {
            VerdictMatch::Current => String::new(),
            VerdictMatch::Carried => "; the patch is unchanged since".to_owned(),
            VerdictMatch::Stale => {
                format!(
                    "; stale, the work changed: git orchestra diff {} --since-review shows what is new",
                    work.agent.id
                )
            }
        };
        let via = Via::after(known.via);
        facts.push(if known.counts {
            format!("{} by {}{via}{holds}", known.verdict.label(), known.by)
        } else {
            let (word, by) = (known.verdict.as_str(), agents::proposed_by(&known.writer));
            let trust = review::how_to_trust(&known.writer);
            format!("{word} {by} (claims to be {}{via}){holds}; to trust that clone: {trust}", known.by)
        });
    }
    out.push_str(&format!("\n{}\n", head("KNOWN")));
    section(&mut out, facts, usize::MAX, "");
    out
}

fn section(out: &mut String, lines: Vec<String>, most: usize, what: &str) {
    let more = lines.len().saturating_sub(most);
    if lines.is_empty() {
        out.push_str("  -\n");
    }
    for line in lines.into_iter().take(most) {
        out.push_str(&format!("  {line}\n"));
    }
    if more > 0 {
        out.push_str(&format!("  … {more} more {what}\n"));
    }
}
