//! Reading attributes files for one question: may a line decide how the content of a file is merged? If it is not certain that
//! none does, git is asked.

/// Special characters in a pattern; what is before the first and after the last of them is literal.
const SPECIAL: &[u8] = b"*?[]\\\"";

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The lines of one file that may decide how files are merged.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    patterns: Vec<Pattern>,
    /// Whether it defines macro attributes, which may decide about any file.
    defines: bool,
}

/// The paths that a line may match.
#[derive(Debug)]
struct Pattern {
    /// Whether it matches whole paths, not names in any folder.
    path: bool,
    prefix: Vec<u8>,
    suffix: Vec<u8>,
}

impl Attributes {
    /// Parses a file; `None` if it cannot be read.
    pub(super) fn of(read: &AttributesFile) -> Option<Self> {
        let text = match read {
            AttributesFile::Missing => return Some(Self::default()),
            AttributesFile::Unknown(_) => return None,
            AttributesFile::Text(text) => text,
        };
        let mut found = Self::default();
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        for line in text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if line.starts_with(b"[attr]") {
                found.defines = true;
            }
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let Some(pattern) = words.next() else { continue };
            // A quoted pattern may contain spaces; then the deciding word is one of its words or after it.
            if words.any(affects_merging) {
                found.patterns.push(Pattern::of(pattern));
            }
        }
        Some(found)
    }

    /// Returns whether a line may decide how `path`, relative to the folder of this file, is merged.
    pub(super) fn may_decide(&self, path: &[u8]) -> bool {
        self.defines || self.patterns.iter().any(|pattern| pattern.may_match(path))
    }
}

/// Returns whether a word is `merge`, `-merge`, `merge=union`, `binary` or the like.
fn affects_merging(word: &[u8]) -> bool {
    let name = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"!")).unwrap_or(word);
    let name = name.split(|byte| *byte == b'=').next().unwrap_or(name);
    matches!(name, b"merge" | b"binary")
}

impl Pattern {
    fn of(pattern: &[u8]) -> Self {
        if pattern.contains(&b'"') {
            return Self { path: false, prefix: Vec::new(), suffix: Vec::new() };
        }
        let inner = pattern.strip_prefix(b"/").unwrap_or(pattern);
        let special = |byte: &u8| SPECIAL.contains(byte);
        let first = inner.iter().position(special).unwrap_or(inner.len());
        let last = inner.iter().rposition(special).map_or(0, |at| at + 1);
        let path = pattern.contains(&b'/');
        // `**/` matches no folder as well.
        let suffix = inner[last..].strip_prefix(b"/").unwrap_or(&inner[last..]);
        Self { path, prefix: inner[..first].to_ascii_lowercase(), suffix: suffix.to_ascii_lowercase() }
    }

    fn may_match(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let path = if self.path { path } else { name }.to_ascii_lowercase();
        path.starts_with(&self.prefix) && path.ends_with(&self.suffix)
    }
}

/// The content of an attributes file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum AttributesFile {
    Missing,
    Text(Vec<u8>),
    /// Not a file, or too large; the text says which.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(text: &str, path: &str) -> bool {
        let read = AttributesFile::Text(text.as_bytes().to_vec());
        Attributes::of(&read).is_none_or(|found| found.may_decide(path.as_bytes()))
    }

    #[test]
    fn lines_that_may_decide_are_seen() {
        for (text, path) in [
            ("* merge=union", "a/b"),
            ("*.png binary", "x/y.PNG"),
            ("*.lock -merge\n", "Cargo.lock"),
            ("Cargo.lock !merge", "sub/Cargo.lock"),
            ("docs/** merge=ours", "docs/a/b"),
            ("/docs/*.md merge=ours", "docs/a.md"),
            ("\"a b\" merge=union", "anything"),
            ("[attr]mine merge=union", "anything"),
            ("  x[ab]y merge", "xay"),
            ("*.txt text merge=union eol=lf", "f.txt"),
            ("**/f merge=union", "f"),
            ("a/**/f merge=union", "a/f"),
            ("\u{feff}* merge=union", "f"),
        ] {
            assert!(decided(text, path), "{text:?} {path}");
        }
        for (text, path) in [
            ("", "a"),
            ("# * merge=union", "a"),
            ("* text=auto eol=lf", "a"),
            ("*.png binary", "a/png.rs"),
            ("*.rs diff=rust", "a.rs"),
            ("docs/** merge=ours", "src/docs/a"),
            ("Cargo.lock merge=union", "Cargo.lock.rs"),
        ] {
            assert!(!decided(text, path), "{text:?} {path}");
        }
        assert!(Attributes::of(&AttributesFile::Unknown("a pipe".into())).is_none());
        assert!(!Attributes::of(&AttributesFile::Missing).unwrap().may_decide(b"a"));
    }
}
