//! The histogram diff: the texts are split at the longest common run of lines whose rarest line is rare in the old text; the
//! parts before and after it are compared in the same way.

use std::ops::Range;

/// Maximum number of occurrences in the old text of a line at which the texts may be split.
const MAX_OCCURRENCES: u32 = 64;
/// Maximum number of steps of one comparison; git may take the time for more.
const MAX_STEPS: usize = 20_000_000;
const NONE: u32 = u32::MAX;

/// Returns which lines of the old text were removed and which of the new text were added. Lines are numbers below `distinct`.
/// `None` if no common line is rare enough, or it takes too many steps.
pub(super) fn compare(old: &[u32], new: &[u32], distinct: usize) -> Option<(Vec<bool>, Vec<bool>)> {
    let (mut removed, mut added) = (vec![false; old.len()], vec![false; new.len()]);
    let mut search = Search::new(old, new, distinct);
    let mut pending = vec![(0..old.len(), 0..new.len())];
    while let Some((before, after)) = pending.pop() {
        let cut =
            if before.is_empty() || after.is_empty() { Cut::Nowhere } else { search.cut(&before, &after)? };
        match cut {
            Cut::Nowhere => {
                removed[before].fill(true);
                added[after].fill(true);
            }
            Cut::At(run) => {
                pending.push((run.old.end..before.end, run.new.end..after.end));
                pending.push((before.start..run.old.start, after.start..run.new.start));
            }
        }
    }
    Some((removed, added))
}

enum Cut {
    /// The texts have no line in common.
    Nowhere,
    At(CommonRun),
}

/// A run of equal lines in both texts.
#[derive(Clone)]
struct CommonRun {
    old: Range<usize>,
    new: Range<usize>,
}

struct Search<'a> {
    old: &'a [u32],
    new: &'a [u32],
    /// For each line, its first position in the current part of the old text, and its number of occurrences there.
    first: Vec<u32>,
    count: Vec<u32>,
    /// For each position in the old text, the next one with the same line.
    next: Vec<u32>,
    steps: usize,
}

impl<'a> Search<'a> {
    fn new(old: &'a [u32], new: &'a [u32], distinct: usize) -> Self {
        let (first, count) = (vec![NONE; distinct], vec![0; distinct]);
        Self { old, new, first, count, next: vec![NONE; old.len()], steps: 0 }
    }

    /// Finds where to split; `None` if that cannot be decided.
    fn cut(&mut self, before: &Range<usize>, after: &Range<usize>) -> Option<Cut> {
        for at in before.clone().rev() {
            let line = self.old[at] as usize;
            self.next[at] = self.first[line];
            self.first[line] = u32::try_from(at).ok()?;
            self.count[line] += 1;
        }
        self.steps += before.len() + after.len();
        let found = self.rarest(before, after);
        for at in before.clone() {
            let line = self.old[at] as usize;
            (self.first[line], self.count[line]) = (NONE, 0);
        }
        if self.steps > MAX_STEPS { None } else { found }
    }

    fn rarest(&mut self, before: &Range<usize>, after: &Range<usize>) -> Option<Cut> {
        let mut best: Option<CommonRun> = None;
        let mut rarity = MAX_OCCURRENCES + 1;
        let (mut in_common, mut at) = (false, after.start);
        while at < after.end {
            let line = self.new[at] as usize;
            let mut following = at + 1;
            in_common |= self.count[line] > 0;
            if self.count[line] > 0 && self.count[line] <= rarity {
                let mut place = self.first[line] as usize;
                loop {
                    let (run, rare) = self.extend(place, at, before, after);
                    following = following.max(run.new.end);
                    let longest = best.as_ref().map_or(1, |best| best.old.len());
                    if longest < run.old.len() || rare < rarity {
                        rarity = rare;
                        best = Some(run.clone());
                    }
                    let mut next = self.next[place];
                    while next != NONE && (next as usize) < run.old.end {
                        next = self.next[next as usize];
                    }
                    if next == NONE || self.steps > MAX_STEPS {
                        break;
                    }
                    place = next as usize;
                }
            }
            at = following;
        }
        match best {
            _ if in_common && rarity > MAX_OCCURRENCES => None,
            Some(run) => Some(Cut::At(run)),
            None => Some(Cut::Nowhere),
        }
    }

    /// Extends a match to all equal lines around it, and returns the number of occurrences of the rarest.
    fn extend(
        &mut self,
        old: usize,
        new: usize,
        before: &Range<usize>,
        after: &Range<usize>,
    ) -> (CommonRun, u32) {
        let (mut run, mut rare) =
            (CommonRun { old: old..old + 1, new: new..new + 1 }, self.count[self.old[old] as usize]);
        while run.old.start > before.start
            && run.new.start > after.start
            && self.old[run.old.start - 1] == self.new[run.new.start - 1]
        {
            (run.old.start, run.new.start) = (run.old.start - 1, run.new.start - 1);
            rare = rare.min(self.count[self.old[run.old.start] as usize]);
        }
        while run.old.end < before.end
            && run.new.end < after.end
            && self.old[run.old.end] == self.new[run.new.end]
        {
            rare = rare.min(self.count[self.old[run.old.end] as usize]);
            (run.old.end, run.new.end) = (run.old.end + 1, run.new.end + 1);
        }
        self.steps += run.old.len();
        (run, rare)
    }
}

#[cfg(test)]
mod tests {
    use super::compare;

    fn marks(old: &[u32], new: &[u32]) -> Option<(String, String)> {
        let shown = |marks: Vec<bool>| marks.iter().map(|mark| if *mark { 'x' } else { '.' }).collect();
        compare(old, new, 10).map(|(removed, added)| (shown(removed), shown(added)))
    }

    #[test]
    fn texts_are_split_at_the_rarest_line() {
        let some = |old: &str, new: &str| Some((old.to_owned(), new.to_owned()));
        assert_eq!(marks(&[], &[]), some("", ""));
        assert_eq!(marks(&[1, 2], &[]), some("xx", ""));
        assert_eq!(marks(&[1, 2], &[3, 4]), some("xx", "xx"));
        assert_eq!(marks(&[1, 2, 3], &[1, 4, 3]), some(".x.", ".x."));
        // 1 1 1 is longer, 2 is rarer.
        assert_eq!(marks(&[2, 1, 1], &[1, 1, 2]), some(".xx", "xx."));
    }
}
