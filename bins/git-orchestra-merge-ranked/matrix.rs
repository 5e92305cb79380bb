//! Draws which branches conflict, for a terminal of any width. Pure.

use orchestra::{model::text, ops::merge_ranked::BranchRow};

/// The width of a branch's name next to the matrix, in columns.
const NAME_WIDTH: usize = 32;
const TITLE: &str = "files in conflict with";
/// The number of pairs that the list shows, where the matrix is too wide.
const MAX_PAIRS: usize = 20;

/// Draws the branches that conflict: as a matrix of file counts, or as a list if the matrix is wider than
/// `width`. Returns an empty text if none conflicts.
pub(crate) fn draw(order: &[BranchRow], into: &str, width: Option<usize>) -> String {
    let shown: Vec<&BranchRow> = order.iter().filter(|step| !step.conflicts.is_empty()).collect();
    if shown.is_empty() {
        return String::new();
    }
    let matrix = matrix(&shown, into);
    let widest = matrix.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    if widest <= width.unwrap_or(120) { matrix } else { list(&shown, into) }
}

fn files(step: &BranchRow, other: &str) -> Option<u32> {
    step.conflicts.iter().find(|conflict| conflict.branch == other).map(|conflict| conflict.files)
}

/// Draws a row and a column for each branch, with the number of conflicting files in each cell. Columns are
/// headed by rank.
fn matrix(shown: &[&BranchRow], into: &str) -> String {
    let target = shown.iter().any(|step| files(step, into).is_some());
    let name = |step: &BranchRow| text::one_line(&step.branch, NAME_WIDTH);
    let widest = shown.iter().map(|step| name(step).chars().count()).max().unwrap_or(0);
    let widest = widest.max(TITLE.len());
    let mut out = format!("{:>4} {TITLE:<widest$}", "");
    let heading = text::one_line(into, 12);
    let target_width = heading.chars().count().max(3) + 1;
    if target {
        out.push_str(&format!(" {heading:>target_width$}"));
    }
    for step in shown {
        out.push_str(&format!("{:>4}", step.rank));
    }
    out.push('\n');
    for step in shown {
        out.push_str(&format!("{:>4} {:<widest$}", step.rank, name(step)));
        if target {
            out.push_str(&format!(" {:>target_width$}", cell(files(step, into))));
        }
        for other in shown {
            let cell =
                if other.rank == step.rank { "-".to_owned() } else { cell(files(step, &other.branch)) };
            out.push_str(&format!("{cell:>4}"));
        }
        out.push('\n');
    }
    out
}

fn cell(files: Option<u32>) -> String {
    match files {
        None => "·".to_owned(),
        Some(many @ 1000..) => format!("{}k", (many / 1000).min(99)),
        Some(files) => files.to_string(),
    }
}

fn list(shown: &[&BranchRow], into: &str) -> String {
    let mut pairs = Vec::new();
    for step in shown {
        for conflict in &step.conflicts {
            let other = shown.iter().find(|other| other.branch == conflict.branch);
            // The matrix is symmetric; list each pair once.
            if other.is_some_and(|other| other.rank > step.rank) {
                continue;
            }
            let with = match other {
                Some(other) => format!("{} {}", other.rank, text::one_line(&other.branch, NAME_WIDTH)),
                None => text::one_line(into, NAME_WIDTH),
            };
            let name = text::one_line(&step.branch, NAME_WIDTH);
            let files = text::count(u64::from(conflict.files), "file");
            pairs.push(format!("{} {name} × {with}: {files}\n", step.rank));
        }
    }
    let more = pairs.len().saturating_sub(MAX_PAIRS);
    let mut out = format!("{} pairs conflict:\n", pairs.len());
    pairs.iter().take(MAX_PAIRS).for_each(|pair| out.push_str(&format!("  {pair}")));
    if more > 0 {
        out.push_str(&format!("  and {more} more (--json lists all)\n"));
    }
    out
}
