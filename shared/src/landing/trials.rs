//! Trial merges and sizes, remembered: what two commits come to does not change, unless the user's settings for merging do.

use sha2::{Digest, Sha256};

use super::known::{self, Conditions, Entry, Key, Known};
use crate::{
    Error, Result,
    git::{
        Oid, Repo, careful,
        merging::{self, Clash, How, Size, Span, Trial},
    },
    model::conflict::Kinds,
    store::layout::Private,
};

/// The verdicts on pairs of `tips`, in their order, and how many of them were known before.
pub(super) fn trials(repo: &Repo, tips: &[Oid], pairs: &[(usize, usize)]) -> Result<(Vec<Trial>, usize)> {
    let path = Private::new(repo.private_dir()?).trials();
    let mut known = Known::<Trial>::read(&path, &settings(repo));
    let key = |&(a, b): &(usize, usize)| unordered(tips[a], tips[b]);
    let unknown: Vec<(usize, usize)> =
        pairs.iter().copied().filter(|pair| known.get(&key(pair)).is_none()).collect();
    let found = merging::trials(repo, tips, &unknown)?;
    for (pair, trial) in unknown.iter().zip(found) {
        known.add(key(pair), trial);
    }
    if !unknown.is_empty() {
        known.write(&path);
    }
    let all: Option<Vec<Trial>> = pairs.iter().map(|pair| known.get(&key(pair))).collect();
    let all = all.ok_or_else(|| Error::internal("a pair without a verdict"))?;
    Ok((all, pairs.len() - unknown.len()))
}

/// How much each commit changes since it went apart from `target`; nothing is said where their histories cross.
pub(super) fn sizes(repo: &Repo, target: Oid, tips: &[Oid]) -> Result<Vec<Size>> {
    let path = Private::new(repo.private_dir()?).sizes();
    let mut known = Known::<Size>::read(&path, &Sha256::digest("git orchestra sizes 1").into());
    let spans = merging::spans(repo, target, tips)?;
    let mut unknown: Vec<Span> = spans
        .iter()
        .flatten()
        .copied()
        .filter(|(from, to)| known.get(&known::key(*from, *to)).is_none())
        .collect();
    unknown.dedup();
    for ((from, to), size) in unknown.iter().zip(merging::sizes(repo, &unknown)?) {
        known.add(known::key(*from, *to), size);
    }
    if !unknown.is_empty() {
        known.write(&path);
    }
    let size = |span: Option<Span>| span.and_then(|(from, to)| known.get(&known::key(from, to)));
    Ok(spans.into_iter().map(|span| size(span).unwrap_or_default()).collect())
}

/// The order of two commits does not matter.
fn unordered(a: Oid, b: Oid) -> Key {
    if a.as_bytes() <= b.as_bytes() { known::key(a, b) } else { known::key(b, a) }
}

/// What decides how things merge, besides the commits: with other settings, nothing is known.
fn settings(repo: &Repo) -> Conditions {
    let mut hash = Sha256::new();
    hash.update("git orchestra trials 2\n");
    for name in ["merge.renames", "diff.renames", "merge.renameLimit", "diff.algorithm", "merge.default"] {
        hash.update(format!("{name}={}\n", repo.config(name).unwrap_or_default()));
    }
    for name in repo.config_sections("merge") {
        hash.update(format!("{name}={}\n", repo.config(&format!("merge.{name}.driver")).unwrap_or_default()));
    }
    let attributes = repo.common_dir().map(|dir| dir.join("info/attributes"));
    hash.update(attributes.map(|path| careful::read(path).unwrap_or_default()).unwrap_or_default());
    hash.finalize().into()
}

impl Entry for Trial {
    const BYTES: usize = 4 + 4 + 1 + 1;

    fn write(&self, out: &mut Vec<u8>) {
        let clash = self.clash.unwrap_or(Clash { files: 0, hunks: 0, kinds: Kinds::default() });
        out.extend_from_slice(&clash.files.to_le_bytes());
        out.extend_from_slice(&clash.hunks.to_le_bytes());
        out.push(clash.kinds.bits());
        out.push(self.how as u8);
    }

    fn is_lasting(&self) -> bool {
        self.how != How::Unknown
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (files, rest) = bytes.split_first_chunk::<4>()?;
        let (hunks, rest) = rest.split_first_chunk::<4>()?;
        let [kinds, how] = rest.first_chunk::<2>()?;
        let (files, hunks) = (u32::from_le_bytes(*files), u32::from_le_bytes(*hunks));
        let clash = Clash { files, hunks, kinds: Kinds::from_bits(*kinds) };
        let how = [How::Paths, How::Merge, How::Git].into_iter().find(|known| *known as u8 == *how)?;
        Some(Self { clash: (clash.files > 0).then_some(clash), how })
    }
}

impl Entry for Size {
    const BYTES: usize = 16;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.files.to_le_bytes());
        out.extend_from_slice(&self.lines.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (files, lines) = bytes.split_first_chunk::<8>()?;
        let lines = lines.first_chunk::<8>()?;
        Some(Self { files: u64::from_le_bytes(*files), lines: u64::from_le_bytes(*lines) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_remembered_as_they_were() {
        for trial in [
            Trial { clash: Some(Clash { files: 2, hunks: 3, kinds: Kinds::RENAME }), how: How::Merge },
            Trial { clash: Some(Clash { files: 1, hunks: u32::MAX, kinds: Kinds::CONTENT }), how: How::Git },
            Trial { clash: None, how: How::Paths },
        ] {
            let mut bytes = Vec::new();
            trial.write(&mut bytes);
            assert_eq!((bytes.len(), Trial::read(&bytes)), (Trial::BYTES, Some(trial)));
        }
        let (a, b) = (Oid::from_bytes([1; 20]), Oid::from_bytes([2; 20]));
        assert_eq!(unordered(a, b), unordered(b, a));
    }
}
