//! Where two commits changed the same lines since their merge base, or lines next to each other: the files, and the functions that git
//! shows above the changes.

use std::collections::BTreeMap;

use super::{OverlapFile, Places};
use crate::{
    Result,
    git::{Git, Oid, Repo},
    model::text,
};

/// The most files that are named.
const MAX_FILES: usize = 5;
/// The most files that both changed in which places are looked for.
const MAX_COMMON: usize = 50;
/// The most functions of a file that are named.
const MAX_FUNCTIONS: usize = 3;
/// The longest path and function, in columns.
const MAX_WIDTH: usize = 200;
const MAX_FUNCTION_WIDTH: usize = 60;

/// A change of some lines.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Hunk {
    /// The first line of the old file, and the one after the last; the same if lines were only added before it.
    from: u64,
    to: u64,
    function: String,
}

impl Hunk {
    /// Git finds a conflict if two changes touch, even without a line in common.
    const fn touches(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// Returns where two commits overlap, which are known to conflict.
pub(super) fn of(repo: &Repo, one: Oid, other: Oid) -> Result<Places> {
    let base = repo.merge_base(one, other)?;
    let (ours, theirs) = (changed_files(repo, base, one)?, changed_files(repo, base, other)?);
    let common: Vec<String> =
        ours.into_iter().filter(|path| theirs.contains(path)).take(MAX_COMMON).collect();
    if common.is_empty() {
        return Ok(Places::default());
    }
    let mut hunks = Vec::with_capacity(2);
    for tip in [one, other] {
        let diff = diff(repo, &["-U0"], base, tip)?.args(&common).run()?;
        hunks.push(parse(&String::from_utf8_lossy(&diff)));
    }
    Ok(overlaps(&hunks[0], &hunks[1]))
}

fn changed_files(repo: &Repo, base: Oid, tip: Oid) -> Result<Vec<String>> {
    let listed = diff(repo, &["--name-only", "-z"], base, tip)?.run()?;
    Ok(String::from_utf8_lossy(&listed)
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect())
}

fn diff(repo: &Repo, options: &[&str], base: Oid, tip: Oid) -> Result<Git> {
    let git = repo.git("diff")?.setting("core.quotePath=false").env("GIT_LITERAL_PATHSPECS", "1").args([
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--no-renames",
        "--src-prefix=a/",
        "--dst-prefix=b/",
    ]);
    Ok(git.args(options).args([base.to_string(), tip.to_string()]).arg("--"))
}

/// Parses a diff without context: the hunks of each file.
fn parse(diff: &str) -> BTreeMap<String, Vec<Hunk>> {
    let mut files: BTreeMap<String, Vec<Hunk>> = BTreeMap::new();
    let mut path = None;
    // The lines of a hunk that are still to come: they may look like headers.
    let mut left = 0;
    for line in diff.lines() {
        if left > 0 {
            left -= u64::from(!line.starts_with('\\'));
        } else if line.starts_with("diff --git ") {
            path = None;
        } else if let Some(name) = line.strip_prefix("--- a/").or_else(|| line.strip_prefix("+++ b/")) {
            path = Some(name.trim_end_matches('\t').to_owned());
        } else if let (Some(path), Some((hunk, lines))) = (&path, header(line)) {
            left = lines;
            files.entry(path.clone()).or_default().push(hunk);
        }
    }
    files
}

/// Parses `@@ -FROM[,COUNT] +FROM[,COUNT] @@ FUNCTION`. Returns the hunk, and how many lines follow.
fn header(line: &str) -> Option<(Hunk, u64)> {
    let (ranges, function) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse::<u64>().ok()?, count.parse::<u64>().ok()?))
    };
    let ((start, count), (_, added)) = (range(old)?, range(new)?);
    let from = if count == 0 { start.checked_add(1)? } else { start };
    let function = text::one_line(function.trim(), MAX_FUNCTION_WIDTH);
    Some((Hunk { from, to: from.checked_add(count)?, function }, count.checked_add(added)?))
}

fn overlaps(ours: &BTreeMap<String, Vec<Hunk>>, theirs: &BTreeMap<String, Vec<Hunk>>) -> Places {
    let mut places = Places::default();
    for (path, hunks) in ours {
        let Some(others) = theirs.get(path) else { continue };
        let touching = hunks.iter().filter(|hunk| others.iter().any(|other| hunk.touches(other)));
        let mut functions: Vec<String> = Vec::new();
        let mut touches = false;
        for hunk in touching {
            touches = true;
            let is_new = !hunk.function.is_empty() && !functions.contains(&hunk.function);
            if is_new && functions.len() < MAX_FUNCTIONS {
                functions.push(hunk.function.clone());
            }
        }
        if touches && places.files.len() < MAX_FILES {
            places.files.push(OverlapFile { path: text::one_line(path, MAX_WIDTH), functions });
        } else if touches {
            places.more += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(from: u64, to: u64) -> Hunk {
        Hunk { from, to, function: String::new() }
    }

    #[test]
    fn changes_touch_as_git_sees_it() {
        for (one, other, touch) in [
            (hunk(5, 7), hunk(6, 9), true),
            (hunk(5, 7), hunk(7, 9), true),
            (hunk(5, 7), hunk(8, 9), false),
            // lines that are added before line 7, next to a change and at the same place
            (hunk(7, 7), hunk(5, 7), true),
            (hunk(7, 7), hunk(7, 7), true),
            (hunk(7, 7), hunk(9, 9), false),
        ] {
            assert_eq!((one.touches(&other), other.touches(&one)), (touch, touch), "{one:?} {other:?}");
        }
    }

    #[test]
    fn hunks_are_parsed_and_texts_are_not() {
        let diff = "diff --git a/a b.rs b/a b.rs\nindex 1..2 100644\n--- a/a b.rs\t\n+++ b/a b.rs\t\n\
                    @@ -3 +3,2 @@ fn login() {\n-old\n+diff --git a/x b/x\n+@@ -9 +9 @@\n\
                    @@ -8,0 +10 @@\n+added\n\\ No newline at end of file\n\
                    diff --git a/gone b/gone\n--- a/gone\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n\
                    diff --git a/bin b/bin\nBinary files a/bin and b/bin differ\n";
        let files = parse(diff);
        let login = Hunk { function: "fn login() {".to_owned(), ..hunk(3, 4) };
        assert_eq!(files.get("a b.rs"), Some(&vec![login, hunk(9, 9)]));
        assert_eq!(files.get("gone"), Some(&vec![hunk(1, 3)]));
        assert_eq!(files.len(), 2);
        for broken in ["@@ -x +1 @@", "@@ -1", "@@ -18446744073709551615,9 +1 @@", "-- a"] {
            assert_eq!(header(broken), None, "{broken}");
        }
    }

    #[test]
    fn files_and_functions_are_named_once_and_capped() {
        let named = |name: &str| Hunk { function: name.to_owned(), ..hunk(1, 9) };
        let functions = ["a", "a", "b", "", "c", "d"].map(named).to_vec();
        let files: BTreeMap<String, Vec<Hunk>> =
            (0..8).map(|n| (format!("f{n}"), functions.clone())).collect();
        let places = overlaps(&files, &files);
        assert_eq!((places.files.len(), places.more), (MAX_FILES, 3));
        assert_eq!(places.files[0].functions, ["a", "b", "c"]);
        assert_eq!(overlaps(&files, &BTreeMap::new()), Places::default());
    }
}
