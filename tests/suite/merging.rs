//! Trial merges: the same result as `git merge-tree` on every pair, and nothing left behind.

use std::{path::Path, time::Duration};

use orchestra::git::{
    Oid, Repo,
    merging::{self, Judgement, MergePlace, MergeRules, Method, TrialMerge},
};
use testkit::{GeneratedRepo, Ran, World};

use crate::{library, world};

fn tips(repo: &Repo, names: &[String]) -> Vec<Oid> {
    names.iter().map(|name| repo.commit(name).expect("a commit")).collect()
}

/// Returns the results of merges into the branch that is checked out.
pub(crate) fn trials(repo: &Repo, tips: &[Oid], pairs: &[(usize, usize)]) -> Vec<TrialMerge> {
    let branch = format!("refs/heads/{}", repo.head_branch().expect("a branch"));
    let place = MergePlace::of_branch(repo, &branch, tips[0], Duration::from_secs(60)).expect("a place");
    let mut rules = MergeRules::read(repo, &place).expect("rules");
    merging::merge_on_trial(repo, &place, &mut rules, tips, pairs).expect("verdicts").found
}

fn objects(world: &World, path: &Path) -> String {
    world.git(path, ["count-objects", "-v"]).stdout()
}

#[test]
fn generated_repositories_get_the_results_of_git() {
    for (seed, hot_share) in [(1, 10), (2, 28), (3, 3)] {
        let world = world();
        let planted = world.empty_repo("forest");
        let forest =
            GeneratedRepo { files: 400, folders: 40, lines: 60, branches: 24, hot: 5, hot_share, seed };
        let mut import = planted.command("git");
        import.args(["fast-import", "--quiet"]);
        forest.import(import);
        let repo = library(&planted);
        let names: Vec<String> = (0..24).map(|n| format!("b{n:03}")).collect();
        let tips = tips(&repo, &names);
        let pairs: Vec<(usize, usize)> = (0..24).flat_map(|a| (0..a).map(move |b| (b, a))).collect();
        let before = objects(&world, planted.path());
        let found = trials(&repo, &tips, &pairs);
        assert_eq!(objects(&world, planted.path()), before, "nothing is left behind");
        let expected = world.git_conflicts(
            planted.path(),
            &pairs.iter().map(|&(a, b)| (tips[a], tips[b])).collect::<Vec<_>>(),
        );
        for ((pair, trial), conflicts) in pairs.iter().zip(&found).zip(&expected) {
            assert_eq!(trial.trial_conflict().is_some(), *conflicts, "seed {seed}, pair {pair:?}, {trial:?}");
        }
        assert!(
            found.iter().any(|trial| trial.method == Method::Paths)
                && found.iter().any(|trial| trial.method == Method::Merge)
        );
        assert!(expected.contains(&true) && expected.contains(&false));
    }
}

/// The name, the base, one side, and the other side, as shell scripts in which `body N > FILE` writes forty
/// lines.
const CASES: &[[&str; 4]] = &[
    [
        "directory renamed, file added",
        "mkdir foo; for i in 1 2 3; do body $i>foo/f$i; done",
        "git mv foo bar",
        "body 9 >foo/new",
    ],
    [
        "directory moved down, file added",
        "mkdir -p foo/s; body 1 >foo/a; body 2 >foo/s/b",
        "mkdir x; git mv foo x/foo",
        "body 8 >foo/s/n",
    ],
    [
        "directory split, file added",
        "mkdir foo; body 1 >foo/a; body 2 >foo/b",
        "mkdir x y; git mv foo/a x/a; git mv foo/b y/b",
        "body 8 >foo/n",
    ],
    [
        "directory renamed by both apart",
        "mkdir foo; body 1 >foo/a; body 2 >foo/b",
        "git mv foo bar",
        "git mv foo baz",
    ],
    [
        "directory renamed, file in it changed",
        "mkdir foo; for i in 1 2 3; do body $i>foo/f$i; done",
        "git mv foo bar",
        "sed -i 5s/line/X/ foo/f2",
    ],
    [
        "directory renamed, file in it deleted",
        "mkdir foo; for i in 1 2 3; do body $i>foo/f$i; done",
        "git mv foo bar",
        "git rm -q foo/f2",
    ],
    [
        "directory deleted, file added",
        "mkdir foo; body 1 >foo/a; body 2 >z",
        "git rm -qr foo",
        "body 9 >foo/new",
    ],
    ["renamed and changed elsewhere", "body 1 >a; body 2 >z", "git mv a b", "sed -i 5s/line/X/ a"],
    ["renamed and changed, same line", "body 1 >a", "git mv a b; sed -i 5s/line/Y/ b", "sed -i 5s/line/X/ a"],
    [
        "renamed and changed, other line",
        "body 1 >a",
        "git mv a b; sed -i 25s/line/Y/ b",
        "sed -i 5s/line/X/ a",
    ],
    ["renamed and deleted", "body 1 >a; body 2 >z", "git mv a b", "git rm -q a"],
    ["renamed to two names", "body 1 >a; body 2 >z", "git mv a b", "git mv a c"],
    ["two renamed to one name", "body 1 >a; body 2 >b", "git mv a c", "git mv b c"],
    ["renamed to one name by both", "body 1 >a; body 2 >b", "git mv a c", "git mv a c"],
    [
        "renamed to one name, changed apart",
        "body 1 >a",
        "git mv a c; sed -i 5s/line/X/ c",
        "git mv a c; sed -i 25s/line/Y/ c",
    ],
    ["renamed onto an added file", "body 1 >a; body 3 >z", "git mv a b", "body 7 >b"],
    [
        "swapped names, one changed",
        "body 1 >a; body 2 >b",
        "git mv a t; git mv b a; git mv t b",
        "sed -i 5s/line/X/ a",
    ],
    ["renamed in a chain", "body 1 >a; body 2 >b", "git mv b c; git mv a b", "sed -i 5s/line/X/ b"],
    ["renamed and rewritten", "body 1 >a; body 2 >z", "git rm -q a; body 7 >b", "sed -i 5s/line/X/ a"],
    ["copied, source changed", "body 1 >a", "cp a b", "sed -i 5s/line/X/ a"],
    ["added by both alike", "body 1 >z", "body 5 >n", "body 5 >n"],
    ["added by both, different", "body 1 >z", "body 5 >n", "body 6 >n"],
    ["added by both, alike but for a line", "body 1 >z", "body 5 >n", "body 5 >n; echo more >>n"],
    ["added by both, different modes", "body 1 >z", "body 5 >n", "body 5 >n; chmod +x n"],
    ["file against directory", "body 1 >z", "body 5 >n", "mkdir n; body 6 >n/x"],
    [
        "file becomes directory, changed",
        "body 1 >a; body 2 >z",
        "git rm -q a; mkdir a; body 3 >a/x",
        "sed -i 5s/line/X/ a",
    ],
    [
        "directory becomes file, changed",
        "mkdir a; body 1 >a/x; body 2 >z",
        "git rm -qr a; body 3 >a",
        "sed -i 5s/line/X/ a/x",
    ],
    [
        "directory becomes file, added below",
        "mkdir a; body 1 >a/x; body 2 >z",
        "git rm -qr a; body 3 >a",
        "body 4 >a/y",
    ],
    ["changed and deleted", "body 1 >a; body 2 >z", "sed -i 5s/line/X/ a", "git rm -q a"],
    ["deleted by both", "body 1 >a; body 2 >z", "git rm -q a", "git rm -q a"],
    ["mode against content", "body 1 >a", "chmod +x a", "sed -i 5s/line/X/ a"],
    ["mode by both", "body 1 >a; body 2 >z", "chmod +x a", "chmod +x a; sed -i 5s/line/X/ z"],
    ["mode and content by both", "body 1 >a", "chmod +x a; sed -i 5s/line/X/ a", "sed -i 5s/line/Y/ a"],
    ["adjacent lines", "body 1 >a", "sed -i 5s/line/X/ a", "sed -i 6s/line/Y/ a"],
    ["one line apart", "body 1 >a", "sed -i 5s/line/X/ a", "sed -i 7s/line/Y/ a"],
    ["same change", "body 1 >a", "sed -i 5s/line/X/ a", "sed -i 5s/line/X/ a"],
    ["same change and another", "body 1 >a", "sed -i 5s/line/X/ a", "sed -i '5s/line/X/;20s/line/Y/' a"],
    [
        "same line, two places",
        "body 1 >a",
        "sed -i '5s/line/X/;25s/line/X/' a",
        "sed -i '5s/line/Y/;25s/line/Y/' a",
    ],
    ["insertion against deletion around it", "body 1 >a", "sed -i '10a new' a", "sed -i 5,15d a"],
    ["deletion against change in it", "body 1 >a", "sed -i 5,15d a", "sed -i 10s/line/X/ a"],
    ["both append", "body 1 >a", "echo one >>a", "echo two >>a"],
    ["both append alike", "body 1 >a", "echo one >>a", "echo one >>a"],
    ["both prepend", "body 1 >a", "sed -i '1i one' a", "sed -i '1i two' a"],
    [
        "both extend a list",
        "printf 'use a;\\nuse b;\\nuse c;\\n\\nfn x(){}\\n' >a",
        "sed -i '2a use b1;' a",
        "sed -i '2a use b2;' a",
    ],
    [
        "block moved, changed",
        "body 1 >a",
        "(sed -n 20,40p a; sed -n 1,19p a) >t; mv t a",
        "sed -i 30s/line/X/ a",
    ],
    ["emptied, changed", "body 1 >a", ": >a", "sed -i 5s/line/X/ a"],
    ["empty files by both", "body 1 >z", ": >n", ": >n"],
    ["no end of line", "printf 'a\\nb\\nc' >a", "printf 'a\\nb\\nc\\nd' >a", "printf 'x\\nb\\nc' >a"],
    ["end of line by one", "printf 'a\\nb\\nc' >a", "printf 'a\\nb\\nc\\n' >a", "printf 'x\\nb\\nc' >a"],
    ["carriage returns by one", "body 1 >a", "sed -i 's/$/\\r/' a", "sed -i 5s/line/X/ a"],
    ["binary by both", "printf 'a\\0b' >a", "printf 'a\\0c' >a", "printf 'a\\0d' >a"],
    ["binary by both alike", "printf 'a\\0b' >a", "printf 'a\\0c' >a", "printf 'a\\0c' >a; body 1 >n"],
    ["text becomes binary, changed", "body 1 >a", "printf 'a\\0c' >a", "sed -i 5s/line/X/ a"],
    ["link against file", "body 1 >a; body 2 >z", "rm a; ln -s z a", "sed -i 5s/line/X/ a"],
    ["link by both apart", "body 1 >z; ln -s z a", "ln -sf y a", "ln -sf x a"],
    ["link by both alike", "body 1 >z; ln -s z a", "ln -sf y a", "ln -sf y a; body 2 >n"],
    ["file becomes link by both", "body 1 >a; body 2 >z", "rm a; ln -s z a", "rm a; ln -s z a"],
    [
        "attribute union",
        "echo '*.txt merge=union' >.gitattributes; body 1 >a.txt",
        "sed -i 5s/line/X/ a.txt",
        "sed -i 5s/line/Y/ a.txt",
    ],
    [
        "attribute binary",
        "echo '*.txt binary' >.gitattributes; body 1 >a.txt",
        "sed -i 5s/line/X/ a.txt",
        "sed -i 25s/line/Y/ a.txt",
    ],
    [
        "attribute -merge",
        "echo '*.txt -merge' >.gitattributes; body 1 >a.txt",
        "sed -i 5s/line/X/ a.txt",
        "sed -i 25s/line/Y/ a.txt",
    ],
    ["names that differ in case", "body 1 >z", "body 5 >n", "body 6 >N"],
    ["renamed in case only, changed", "body 1 >readme", "git mv readme README", "sed -i 5s/line/X/ readme"],
    [
        "a submodule moved by both apart",
        "body 1 >z; git update-index --add --cacheinfo 160000,1111111111111111111111111111111111111111,s",
        "git update-index --cacheinfo 160000,2222222222222222222222222222222222222222,s",
        "git update-index --cacheinfo 160000,3333333333333333333333333333333333333333,s",
    ],
    [
        "a submodule moved by one",
        "body 1 >z; git update-index --add --cacheinfo 160000,1111111111111111111111111111111111111111,s",
        "git update-index --cacheinfo 160000,2222222222222222222222222222222222222222,s",
        "body 2 >n",
    ],
    [
        "odd names",
        "body 1 >'a b'; body 2 >\"$(printf 'q\\\"q')\"",
        "sed -i 5s/line/X/ 'a b'",
        "sed -i 5s/line/Y/ 'a b'",
    ],
];

#[test]
fn difficult_merges_get_the_results_of_git() {
    assert!(CASES.len() >= 60);
    let world = world();
    let mut differ = Vec::new();
    for (at, [name, base, ours, theirs]) in CASES.iter().enumerate() {
        let repo = world.empty_repo(&format!("case{at}"));
        let script = format!(
            "body() {{ seq 1 40 | sed \"s/^/line $1 /\"; }}\nkeep() {{ git add -A . ':!s' 2>/dev/null; git commit -qm \"$1\" --allow-empty; }}\n\
             set -e\n{base}\nkeep base\ngit checkout -qb a\n{ours}\nkeep a\ngit checkout -q main\ngit checkout -qb b\n{theirs}\nkeep b\n"
        );
        let ran = Ran::of(repo.command("sh").args(["-c", &script]));
        assert_eq!(ran.code(), 0, "{name}: {}", ran.stderr());
        let library = library(&repo);
        let tips = tips(&library, &["a".into(), "b".into()]);
        let found = trials(&library, &tips, &[(0, 1), (1, 0)]);
        let expected = world.git_conflicts(repo.path(), &[(tips[0], tips[1]), (tips[1], tips[0])]);
        if found.iter().map(|trial| trial.trial_conflict().is_some()).collect::<Vec<_>>() != expected {
            differ.push(format!("{name}: git {expected:?}, {found:?}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn criss_cross_histories_and_user_drivers_are_left_to_git() {
    let world = world();
    let repo = world.repo();
    for (branch, text) in [("a", "two\n"), ("b", "three\n")] {
        repo.git(["checkout", "-qb", branch, "main"]);
        repo.write(branch, text);
        repo.git(["add", "."]);
        repo.git(["commit", "-qm", branch]);
    }
    repo.git(["checkout", "-qb", "ab", "a"]);
    repo.git(["merge", "-q", "b"]);
    repo.git(["checkout", "-qb", "ba", "b"]);
    repo.git(["merge", "-q", "a"]);
    let library = library(&repo);
    let crossed = tips(&library, &["ab".into(), "ba".into()]);
    let found = trials(&library, &crossed, &[(0, 1)]);
    assert_eq!((found[0].method, &found[0].judgement), (Method::Git, &Judgement::Merges));
    // A driver that succeeds always: only git runs it.
    repo.git(["config", "merge.mine.driver", "true"]);
    repo.git(["checkout", "-q", "main"]);
    repo.write(".git/info/attributes", "* merge=mine\n");
    for (branch, text) in [("x", "ours\n"), ("y", "theirs\n")] {
        repo.git(["checkout", "-qb", branch, "main"]);
        repo.write("file.txt", text);
        repo.git(["commit", "-qam", branch]);
    }
    let library = library.reopen().expect("a repository");
    let both = tips(&library, &["x".into(), "y".into()]);
    let found = trials(&library, &both, &[(0, 1)]);
    assert_eq!((found[0].method, &found[0].judgement), (Method::Git, &Judgement::Merges));
    // Without a common ancestor: that pair cannot be merged, which does not affect the others.
    repo.git(["checkout", "-q", "--orphan", "alone"]);
    repo.git(["commit", "-qm", "alone"]);
    let apart = tips(&library, &["x".into(), "alone".into(), "ab".into()]);
    let found = trials(&library, &apart, &[(0, 1), (0, 2)]);
    assert_eq!(found[0].judgement, Judgement::Unknown("they have no common ancestor".to_owned()));
    assert_eq!(found[1].judgement, Judgement::Merges);
}
