//! Random merges: the library must report the same result and the same number of conflicting files as git.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use orchestra::{
    git::{
        Oid, Repo,
        merging::{Judgement, MergePlace, MergeRules, Method, merge_on_trial},
    },
    world::Environment,
};
use testkit::{Ran, SeededRandom, TestRepo, World};

use crate::{number, trees::Tree, world};

/// The number of merges in one repository, under one configuration.
const BATCH: u64 = 100;
/// The time limit of one merge, which none reaches.
const LIMIT: Duration = Duration::from_secs(600);

/// Keys and values of the configuration; many batches have none.
const SETTINGS: &[(&str, &str)] = &[
    ("merge.directoryRenames", "true"),
    ("merge.directoryRenames", "false"),
    ("merge.renameLimit", "1"),
    ("diff.renameLimit", "2"),
    ("merge.renames", "false"),
    ("diff.algorithm", "myers"),
    ("diff.algorithm", "patience"),
    ("merge.conflictStyle", "diff3"),
    ("merge.conflictStyle", "zdiff3"),
    ("merge.renormalize", "true"),
    ("merge.default", "union"),
    ("core.autocrlf", "true"),
];

/// An attributes file and its lines.
const ATTRIBUTES: &[(&str, &str)] = &[
    (".gitattributes", "*.txt merge=union\n"),
    (".gitattributes", "* text=auto\n*.bin binary\n"),
    (".gitattributes", "* text=auto eol=crlf\n"),
    (".gitattributes", "a/** -merge\n"),
    (".git/info/attributes", "* -diff\n"),
    (".git/info/attributes", "*.txt binary\nf merge=union\n"),
    ("one/../.gitattributes", "[attr]mine merge=union\n/a/*.txt mine\n"),
    (".gitattributes", "d/two merge=union\n"),
];

/// Commits in the format of `git fast-import`.
#[derive(Default)]
struct Import {
    text: Vec<u8>,
    marks: u64,
}

impl Import {
    fn commit(&mut self, name: &str, parents: &[u64], tree: &Tree) -> u64 {
        self.marks += 1;
        let mark = self.marks;
        let head = format!(
            "commit refs/heads/{name}\nmark :{mark}\ncommitter T <t@example.com> 1700000000 +0000\ndata 1\nx\n"
        );
        self.text.extend_from_slice(head.as_bytes());
        for (word, parent) in ["from", "merge"].iter().zip(parents) {
            self.text.extend_from_slice(format!("{word} :{parent}\n").as_bytes());
        }
        tree.write(&mut self.text);
        mark
    }

    /// Writes the two sides of a merge, named `l<n>` and `r<n>`.
    fn case(&mut self, at: u64, numbers: &mut SeededRandom) {
        let only_texts = numbers.below(5) < 2;
        let base = if only_texts { Tree::of_texts(numbers) } else { Tree::random(numbers) };
        let first = self.commit(&format!("base{at}"), &[], &base);
        let work = |tree: &Tree, numbers: &mut SeededRandom| {
            let mut tree = tree.clone();
            if only_texts {
                tree.change_texts(numbers);
            } else {
                tree.work(numbers);
            }
            tree
        };
        // Both sides make some of the same changes.
        let shared = if numbers.below(4) == 0 { work(&base, numbers) } else { base.clone() };
        let (left, right) = (work(&shared, numbers), work(&shared, numbers));
        if numbers.below(8) > 0 {
            self.commit(&format!("l{at}"), &[first], &left);
            self.commit(&format!("r{at}"), &[first], &right);
            return;
        }
        let (one, two) = (
            self.commit(&format!("x{at}"), &[first], &left),
            self.commit(&format!("y{at}"), &[first], &right),
        );
        for (name, parents, mine, other) in
            [("l", [one, two], &left, &right), ("r", [two, one], &right, &left)]
        {
            let joined = Tree::joined(&base, mine, other, numbers);
            let more = work(&joined, numbers);
            let merged = self.commit(&format!("m{name}{at}"), &parents, &joined);
            self.commit(&format!("{name}{at}"), &[merged], &more);
        }
    }
}

fn import(repo: &TestRepo<'_>, text: &[u8]) {
    let mut command = repo.command("git");
    command.args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped());
    let mut child = command.spawn().expect("git fast-import");
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text).expect("read");
    assert!(child.wait().expect("an end").success());
}

/// Returns for each pair the number of conflicting files, `None` if it is clean, or an error if git itself
/// crashes.
fn by_git(world: &World, repo: &TestRepo<'_>, pairs: &[(Oid, Oid)]) -> Vec<Result<Option<u32>, ()>> {
    let questions: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
    let file = world.dir().join("questions");
    std::fs::write(&file, questions).expect("written");
    let mut command = repo.command("git");
    command.args(["merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages"]);
    let ran = Ran::of(command.stdin(std::fs::File::open(&file).expect("a file")));
    if ran.code() != 0 {
        let (first, second) = pairs.split_at(pairs.len() / 2);
        return match pairs {
            [_] => vec![Err(())],
            _ => [by_git(world, repo, first), by_git(world, repo, second)].concat(),
        };
    }
    let said = ran.stdout();
    let mut words = said.split('\0');
    let mut all = Vec::new();
    while let Some(word) = words.next().filter(|word| !word.is_empty()) {
        let conflicts = word == "0";
        let _tree = words.next();
        let files = words.by_ref().take_while(|file| !file.is_empty()).count();
        all.push(Ok(conflicts.then(|| u32::try_from(files).expect("few"))));
    }
    assert_eq!(all.len(), pairs.len());
    all
}

struct Seen {
    counts: BTreeMap<String, usize>,
    differ: Vec<String>,
}

fn batch(seed: u64, cases: u64, seen: &mut Seen) {
    let mut numbers = SeededRandom::from(seed);
    let mut world = world();
    let repo = world.empty_repo("random");
    repo.git(["commit", "-q", "--allow-empty", "-m", "main"]);
    let mut conditions = Vec::new();
    if numbers.below(2) == 0 {
        let (key, value) = SETTINGS[numbers.below(SETTINGS.len() as u64) as usize];
        repo.git(["config", key, value]);
        conditions.push(format!("{key}={value}"));
    }
    if numbers.below(2) == 0 {
        let (file, lines) = ATTRIBUTES[numbers.below(ATTRIBUTES.len() as u64) as usize];
        std::fs::create_dir_all(repo.path().join("one")).expect("a folder");
        repo.write(file, lines);
        conditions.push(format!("{file}: {lines:?}"));
    }
    let mut made = Import::default();
    for at in 0..cases {
        made.case(at, &mut SeededRandom::from(seed ^ (at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    }
    import(&repo, &made.text);
    let library =
        Repo::open(&Environment::of_this_process(), &repo.path().join(".git")).expect("a repository");
    let tip = |name: String| library.commit(&name).expect("a commit");
    let tips: Vec<Oid> = (0..cases).flat_map(|at| [tip(format!("l{at}")), tip(format!("r{at}"))]).collect();
    let both: Vec<(usize, usize)> = (0..tips.len() / 2).map(|at| (2 * at, 2 * at + 1)).collect();
    let place = MergePlace::of_branch(&library, "refs/heads/main", tips[0], LIMIT).expect("a place");
    let mut rules = MergeRules::read(&library, &place).expect("rules");
    let found = merge_on_trial(&library, &place, &mut rules, &tips, &both).expect("verdicts").found;
    let pairs: Vec<(Oid, Oid)> = both.iter().map(|&(a, b)| (tips[a], tips[b])).collect();
    let before = seen.differ.len();
    for (at, (trial, expected)) in found.iter().zip(by_git(&world, &repo, &pairs)).enumerate() {
        let ours = match &trial.judgement {
            Judgement::Merges => Ok(None),
            Judgement::Conflicts(clash) => Ok(Some(clash.files)),
            Judgement::Unknown(_) => Err(()),
        };
        let how = match trial.method {
            Method::Paths => "by paths",
            Method::Merge => "merged here",
            Method::Git => "by git",
        };
        let verdict = match expected {
            Ok(Some(_)) => "conflicts",
            Ok(None) => "clean",
            Err(()) => "git dies",
        };
        *seen.counts.entry(format!("{how}, {verdict}")).or_default() += 1;
        if ours != expected {
            let place = repo.path().display();
            seen.differ.push(format!(
                "{place} l{at} r{at} ({how}; {conditions:?}): git {expected:?}, ours {ours:?}"
            ));
        }
    }
    drop(repo);
    if seen.differ.len() > before {
        world.keep();
    }
}

#[test]
fn random_merges_get_the_results_of_git() {
    let merges = number("ORCHESTRA_MERGES", 200);
    let seed = number("ORCHESTRA_SEED", 1);
    let mut seen = Seen { counts: BTreeMap::new(), differ: Vec::new() };
    let size = BATCH.min(merges.div_ceil(10)).max(1);
    let mut done = 0;
    while done < merges {
        let cases = size.min(merges - done);
        batch(seed.wrapping_mul(1_000_003).wrapping_add(done), cases, &mut seen);
        done += cases;
    }
    println!("{merges} merges, seed {seed}: {:?}; differing: {}", seen.counts, seen.differ.len());
    assert!(seen.differ.is_empty(), "{}", seen.differ.join("\n"));
}
