//! Suggests the known name that the user may have meant.

use std::collections::BTreeSet;

/// The longest name that is compared, in characters.
const MAX_NAME: usize = 64;

/// Returns a name that begins with what was typed, else the name with the fewest edits, if they are few.
pub fn nearest(typed: &str, known: BTreeSet<String>) -> Option<String> {
    if let Some(longer) = known.iter().find(|known| known.starts_with(typed) && typed.len() > 1) {
        return Some(longer.clone());
    }
    let (distance, known) = known.into_iter().map(|known| (distance(typed, &known), known)).min()?;
    (distance <= 1 + known.len() / 3).then_some(known)
}

/// Returns the number of edits between two words; swapping two neighbours counts as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(MAX_NAME).collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
