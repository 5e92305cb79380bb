//! What a git tree cannot record of a folder: modes, times, empty folders, and names that git reserves. Each file or folder is
//! one line, `<octal mode> <seconds>.<nanoseconds> <path>`, terminated by NUL; folders come before their content.

use std::collections::HashMap;

/// Mode and time of one file or folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ManifestEntry {
    /// The lower twelve bits of the mode.
    pub mode: u32,
    /// The modification time: seconds since 1970, and nanoseconds.
    pub changed: (i64, u32),
}

/// Appends a line for one path.
pub fn write_line(lines: &mut Vec<u8>, path: &[u8], entry: ManifestEntry) {
    let (seconds, nanoseconds) = entry.changed;
    lines.extend_from_slice(format!("{:04o} {seconds}.{nanoseconds:09} ", entry.mode).as_bytes());
    lines.extend_from_slice(path);
    lines.push(0);
}

/// Parses all lines; malformed ones are skipped.
pub fn parse_manifest(lines: &[u8]) -> HashMap<Vec<u8>, ManifestEntry> {
    lines.split(|byte| *byte == 0).filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<(Vec<u8>, ManifestEntry)> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let mode = u32::from_str_radix(std::str::from_utf8(parts.next()?).ok()?, 8).ok()?;
    let (seconds, nanoseconds) = std::str::from_utf8(parts.next()?).ok()?.split_once('.')?;
    let changed = (seconds.parse().ok()?, nanoseconds.parse().ok()?);
    Some((parts.next()?.to_vec(), ManifestEntry { mode: mode & 0o7777, changed }))
}

/// Escapes a name for a tree. Git rejects trees with a `.git` in any spelling, and a repository inside the folder has one.
pub fn to_tree(name: &[u8]) -> Vec<u8> {
    let reserved = is_reserved(name) || name.starts_with(b"%");
    if reserved { [b"%", name].concat() } else { name.to_vec() }
}

/// Reverts [`to_tree`].
pub fn from_tree(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"%").unwrap_or(name)
}

/// Returns whether a name is `.git`, its short name, or a spelling that some file systems treat the same.
fn is_reserved(name: &[u8]) -> bool {
    let plain: Vec<u8> = name.iter().filter(|byte| byte.is_ascii()).map(u8::to_ascii_lowercase).collect();
    let stem = plain.split(|byte| *byte == b':').next().unwrap_or_default();
    let stem = stem.trim_ascii_end();
    let stem = stem.strip_suffix(b".").unwrap_or(stem);
    stem == b".git" || stem.starts_with(b"git~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_round_trip_for_any_name() {
        let mut lines = Vec::new();
        let all: &[(&[u8], ManifestEntry)] = &[
            (b"a b\nc", ManifestEntry { mode: 0o644, changed: (1, 5) }),
            (b"\xff\x01", ManifestEntry { mode: 0o4755, changed: (-7, 999_999_999) }),
        ];
        for (path, entry) in all {
            write_line(&mut lines, path, *entry);
        }
        let read = parse_manifest(&lines);
        assert!(all.iter().all(|(path, entry)| read.get(*path) == Some(entry)) && read.len() == 2);
    }

    #[test]
    fn names_round_trip_and_are_never_reserved() {
        for name in [
            ".git",
            ".GIT",
            "git~1",
            ".g\u{200c}it",
            ".git::$INDEX",
            ".git .",
            "%.git",
            "%",
            "a",
            ".gitignore",
            "é",
        ] {
            let tree = to_tree(name.as_bytes());
            assert!(!is_reserved(&tree), "{name}");
            assert_eq!(from_tree(&tree), name.as_bytes());
        }
        assert_eq!(to_tree(b".gitignore"), b".gitignore");
    }
}
