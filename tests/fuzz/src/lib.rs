//! The properties that must hold for every foreign input: nothing panics, what was read is written back
//! unchanged, and no text reaches a terminal with a control character.
//!
//! Each target accepts any bytes. `cargo test` runs the corpus and a few thousand mutations of it;
//! `tests/fuzz/run` searches for inputs, guided by the coverage of the parser.

mod event;
mod import;
mod project_file;
mod sessions;
mod shown;
mod stream;
mod trailers;

/// A parser and its properties.
pub struct Target {
    /// Its name, which is also that of the directory with its corpus.
    pub name: &'static str,
    /// Checks the properties on one input.
    ///
    /// # Panics
    /// A property does not hold.
    pub check: fn(&[u8]),
    /// Directories below `tests/fixtures` whose files are additional inputs.
    pub fixtures: &'static [&'static str],
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "event", check: event::check, fixtures: &[] },
    Target { name: "trailers", check: trailers::check, fixtures: &[] },
    Target { name: "stream", check: stream::check, fixtures: &["claude/stream", "codex", "acp"] },
    Target {
        name: "sessions",
        check: sessions::check,
        fixtures: &["claude/config", "codex", "gemini", "shapes"],
    },
    Target { name: "project_file", check: project_file::check, fixtures: &[] },
    Target { name: "import", check: import::check, fixtures: &[] },
];

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use testkit::SeededRandom;

    use super::{TARGETS, Target};

    /// The longest input, in bytes.
    const LONGEST: usize = 4096;
    /// The number of mutations of each input of the corpus.
    const CHANGES: usize = 100;

    /// Returns the corpus of a target, ordered by file name.
    fn corpus(target: &Target) -> Vec<Vec<u8>> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut open = vec![tests.join("fuzz/corpus").join(target.name)];
        open.extend(target.fixtures.iter().map(|folder| tests.join("fixtures").join(folder)));
        let mut files = Vec::new();
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
                let path = entry.expect("an entry").path();
                if path.is_dir() { open.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files.iter().map(|file| fs::read(file).expect("a file")).collect()
    }

    /// Mutates the input once: bytes are removed, duplicated, flipped, or replaced by ones that are
    /// difficult for parsers.
    fn change(input: &mut Vec<u8>, numbers: &mut SeededRandom) {
        const AWKWARD: [&[u8]; 12] = [
            b"\"",
            b"\\",
            b"\\ud800",
            b"\n",
            b"\x1b[2J",
            b"\0",
            b"\xff",
            b"{",
            b"[[[[",
            b"-1",
            b"1e999",
            b"18446744073709551616",
        ];
        let mut below = |n: usize| usize::try_from(numbers.below(n.max(1) as u64)).expect("small");
        let from = below(input.len() + 1);
        let to = (from + below(16)).min(input.len());
        match below(4) {
            0 => drop(input.drain(from..to)),
            1 => {
                let doubled = input[from..to].to_vec();
                input.splice(from..from, doubled);
            }
            2 => input[from..to].iter_mut().for_each(|byte| *byte ^= 1 << below(8)),
            _ => drop(input.splice(from..to, AWKWARD[below(AWKWARD.len())].iter().copied())),
        }
        input.truncate(LONGEST);
    }

    #[test]
    fn the_corpus_and_its_mutations_keep_the_properties() {
        for target in TARGETS {
            let (corpus, mut numbers, mut count) = (corpus(target), SeededRandom::from(7), 0);
            for input in &corpus {
                (target.check)(input);
                // For a long input, the beginning of a random line.
                let begins: Vec<usize> = std::iter::once(0)
                    .chain((0..input.len()).filter(|at| *at > 0 && input[at - 1] == b'\n'))
                    .collect();
                for _ in 0..CHANGES {
                    let at = begins[usize::try_from(numbers.below(begins.len() as u64)).expect("small")];
                    let mut changed = input[at..(at + LONGEST).min(input.len())].to_vec();
                    for _ in 0..=numbers.below(4) {
                        change(&mut changed, &mut numbers);
                    }
                    (target.check)(&changed);
                    count += 1;
                }
            }
            println!("{}: {} inputs of the corpus and {count} changes of them", target.name, corpus.len());
            assert!(count > 0, "{} has no corpus", target.name);
        }
    }
}
