//! Dry runs, orders, reasons and landings agree with `git merge-tree` on the same two commits, under the
//! same configuration.

use serde_json::Value;
use testkit::{Ran, TestRepo, World};

use crate::world;

/// Functions for all scripts: `text N` prints forty lines, `on BRANCH` switches to a branch, `keep` commits
/// everything.
const TOOLS: &str = "set -e\n\
    text() { seq 1 40 | sed \"s/^/line $1 /\"; }\n\
    on() { git checkout -q \"$1\"; }\n\
    keep() { git add -A .; git commit -q --allow-empty -m \"${1:-change}\"; }\n";

fn sh(repo: &TestRepo<'_>, script: &str) {
    let ran = Ran::of(repo.command("sh").args(["-c", &format!("{TOOLS}{script}")]));
    assert_eq!(ran.code(), 0, "{script}\n{}", ran.stderr());
}

/// Creates a repository whose branches l and r start at one commit; l is checked out.
fn two_sides<'a>(world: &'a World, name: &str, base: &str, left: &str, right: &str) -> TestRepo<'a> {
    let repo = world.empty_repo(name);
    sh(
        &repo,
        &format!(
            "{base}\nkeep base\ngit branch l\ngit branch r\non l\n{left}\nkeep left\non r\n{right}\nkeep right\ngit checkout -qf l\n"
        ),
    );
    repo
}

/// Returns whether a merge conflicts, and in how many files, by plain git.
fn by_git(repo: &TestRepo<'_>, ours: &str, theirs: &str) -> (bool, usize) {
    let ran = Ran::of(repo.command("git").args([
        "merge-tree",
        "--write-tree",
        "--name-only",
        "--no-messages",
        ours,
        theirs,
    ]));
    assert!(ran.code() <= 1, "{}", ran.stderr());
    (ran.code() == 1, ran.stdout().lines().count() - 1)
}

fn dry_run(repo: &TestRepo<'_>, into: &str, branches: &[&str]) -> Value {
    let arguments = [&["merge-ranked", "-n", "--json", "--into", into], branches].concat();
    repo.orchestra(arguments).succeeded().json()
}

/// Returns the same, from a dry run.
fn by_dry_run(repo: &TestRepo<'_>, ours: &str, theirs: &str) -> (bool, usize) {
    let report = dry_run(repo, ours, &[theirs]);
    let conflicts = report["order"][0]["conflicts"].as_array().cloned().unwrap_or_default();
    let files = conflicts.first().and_then(|conflict| conflict["files"].as_u64()).unwrap_or(0);
    (!conflicts.is_empty(), usize::try_from(files).expect("a number"))
}

/// Compares both, without and with the cached result.
fn agree(repo: &TestRepo<'_>, what: &str) -> Result<(), String> {
    let expected = by_git(repo, "l", "r");
    for time in ["fresh", "known"] {
        let found = by_dry_run(repo, "l", "r");
        if found != expected {
            return Err(format!("{what}, {time}: git {expected:?}, ours {found:?}"));
        }
    }
    Ok(())
}

/// The name, the base, one side, the other side.
const SIDES: &[[&str; 4]] = &[
    [
        "a folder is renamed by its parent",
        "mkdir -p a/b; for i in 1 2 3; do text $i >a/b/f$i; done",
        "mkdir c; git mv a/b c/b",
        "echo new >a/new",
    ],
    [
        "binary by attribute, renamed twice",
        "echo '* binary' >.gitattributes; seq 10 >orig",
        "git mv orig orig-A; echo 11 >>orig-A",
        "git mv orig orig-B; echo 12 >>orig-B",
    ],
    [
        "binary, renamed twice",
        "head -c 3000 /dev/zero >img; text 1 >>img",
        "git mv img img-C; echo tail >>img-C",
        "git mv img img-D; echo Tail >>img-D",
    ],
    [
        "binary, renamed and changed against changed",
        "head -c 3000 /dev/zero >img; text 1 >>img",
        "git mv img img-C; echo tail >>img-C",
        "echo e >>img",
    ],
    [
        "binary, renamed and changed against deleted",
        "head -c 3000 /dev/zero >img; text 1 >>img",
        "git mv img img-C; echo tail >>img-C",
        "git rm -q img",
    ],
    ["histogram merges, another algorithm does not", "BASE1", "OURS1", "THEIRS1"],
    ["another algorithm merges, histogram does not", "BASE2", "OURS2", "THEIRS2"],
    [
        "renamed, its lines in another order",
        "for i in $(seq 40); do echo \"use crate::module_$i::{Thing$i, other_$i};\"; done >x; for i in 1 2 3 4 5 6 7 8 9; do echo \"fn f$i() {}\"; done >>x",
        "(head -40 x | tac; tail -9 x) >y; git rm -qf x",
        "sed -i 's/fn f5() {}/fn f5() { 5 }/' x",
    ],
    [
        "similar files are moved, each with a line of its own",
        "mkdir a; for i in 1 2 3 4; do (text 1; echo $i) >a/f$i; done",
        "git mv a b; for i in 1 2 3 4; do echo more $i >>b/f$i; done",
        "for i in 1 2; do sed -i 1s/line/LINE/ a/f$i; done",
    ],
    [
        "one renames, both add the same under the new name",
        "text 1 >a; text 2 >z",
        "git mv a b; echo x >>b",
        "cp a b; echo x >>b",
    ],
    [
        "both move a file, one leaves a link",
        "mkdir d; text 1 >d/f; text 2 >z",
        "mkdir e; git mv d/f e/f",
        "mkdir e; git mv d/f e/f; mkdir -p d; ln -s ../e/f d/f",
    ],
    [
        "a folder is split evenly",
        "mkdir z; for i in 1 2 3 4; do text $i >z/f$i; done",
        "mkdir x y; git mv z/f1 z/f2 x/; git mv z/f3 z/f4 y/",
        "echo new >z/new",
    ],
    [
        "a file against a folder of its name",
        "echo 1 >dir; echo o >o",
        "git rm -q dir; mkdir dir; echo x >dir/x",
        "echo 2 >>dir",
    ],
    [
        "two conflicts in one file",
        "text 1 >b; text 2 >a",
        "git mv a c; sed -i 3s/line/L/ b; sed -i 3s/line/L/ c",
        "git mv a d; sed -i 3s/line/R/ b; sed -i 3s/line/R/ d",
    ],
];

/// Returns the two files on which diff algorithms disagree.
fn texts(script: &str) -> String {
    let text = match script {
        "BASE1" => TEXTS[0],
        "OURS1" => TEXTS[1],
        "THEIRS1" => TEXTS[2],
        "BASE2" => TEXTS[3],
        "OURS2" => TEXTS[4],
        "THEIRS2" => TEXTS[5],
        other => return other.to_owned(),
    };
    format!("printf '%s' '{text}' >f")
}

const TEXTS: [&str; 6] = [
    "worda\nwordb\n\nworda\n",
    "wordb\nwordc\nwordd\nworde\n\n\nwordf\nworda\n",
    "worda\nwordb\nwordc\nwordd\nworde\n\nworda\n",
    "\nz\np\ny\np\n\nx\n{\n\n{\n{\ncall\nr\n{\n",
    "\nz\np\n}\np\ny\np\n\nx\n{\n\n{\ny\np\nr\n\n{\ncall\nr\n{\n",
    "\nz\np\ny\nx\np\n\nq\np\n\nx\n{\n{\ncall\nr\n{\n",
];

#[test]
fn difficult_pairs_get_the_result_of_git() {
    let world = world();
    let mut differ = Vec::new();
    for (at, [name, base, left, right]) in SIDES.iter().enumerate() {
        let repo = two_sides(&world, &format!("pair{at}"), &texts(base), &texts(left), &texts(right));
        differ.extend(agree(&repo, name).err());
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn many_renames_get_the_result_of_git() {
    let world = world();
    let base = "mkdir src; awk 'BEGIN { srand(1); for (i = 0; i < 1200; i++) { f = \"src/f\" i; print \"head \" i >f; \
                for (j = 0; j < 12; j++) print rand() >f; close(f) } }'";
    let repo = two_sides(
        &world,
        "many",
        base,
        "mkdir lib; git mv src lib/; sed -i '1s/$/ moved/' lib/src/*",
        "echo more >>src/f700",
    );
    assert_eq!(agree(&repo, "1,200 files moved"), Ok(()));
}

/// Several settings in turn in the same repository: a result that was cached under one setting does not
/// apply to another.
#[test]
fn merge_settings_take_effect_at_once() {
    let world = world();
    let base = "mkdir a d; for i in 1 2 3; do text $i >a/f$i; done; for i in 4 5 6 7; do text $i >d/f$i; done; text 8 >u";
    let left = "git mv a c; for i in 4 5 6 7; do git mv d/f$i g$i; echo tail $i >>g$i; done; echo left >>u";
    let right = "echo new >a/new; for i in 4 5 6 7; do sed -i '12s/line/x/;1s/line/first/' d/f$i; done";
    let repo = two_sides(&world, "settings", base, left, right);
    let mut verdicts = Vec::new();
    let mut differ = Vec::new();
    for setting in [
        "",
        "merge.directoryRenames=true",
        "merge.directoryRenames=false",
        "merge.renameLimit=1",
        "diff.renameLimit=1",
        "merge.renames=false",
        "diff.renames=false",
        "diff.algorithm=myers",
        "merge.conflictStyle=diff3",
    ] {
        if let Some((key, value)) = setting.split_once('=') {
            repo.git(["config", key, value]);
        }
        verdicts.push(by_git(&repo, "l", "r"));
        differ.extend(agree(&repo, setting).err());
        if let Some((key, _)) = setting.split_once('=') {
            repo.git(["config", "--unset", key]);
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    verdicts.sort_unstable();
    verdicts.dedup();
    assert!(verdicts.len() > 2, "the settings decide something: {verdicts:?}");
}

#[test]
fn attributes_take_effect_in_every_file() {
    let world = world();
    let repo = two_sides(&world, "attributes", "mkdir s; text 1 >s/u", "echo left >>s/u", "echo right >>s/u");
    let mut differ = Vec::new();
    let mut merged = 0;
    let home = world.home().join(".config/git");
    std::fs::create_dir_all(&home).expect("a folder");
    let user = home.join("attributes").to_string_lossy().into_owned();
    for (file, line) in [
        (".gitattributes", "s/u merge=union"),
        (".gitattributes", "s/u text"),
        ("s/.gitattributes", "u merge=union"),
        (".git/info/attributes", "* merge=union"),
        (user.as_str(), "u merge=union"),
        ("elsewhere", "u merge=union"),
    ] {
        let path = repo.path().join(file);
        for content in [Some(line), None] {
            match content {
                Some(line) => std::fs::write(&path, format!("{line}\n")).expect("a file"),
                None => std::fs::remove_file(&path).expect("removed"),
            }
            merged += usize::from(!by_git(&repo, "l", "r").0);
            differ.extend(agree(&repo, &format!("{file}: {content:?}")).err());
        }
        if file == "elsewhere" {
            std::fs::write(&path, format!("{line}\n")).expect("a file");
            repo.git(["config", "core.attributesFile", &path.to_string_lossy()]);
            merged += usize::from(!by_git(&repo, "l", "r").0);
            differ.extend(agree(&repo, "core.attributesFile").err());
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert_eq!(merged, 5, "union merges");
}

#[test]
fn line_endings_are_merged_as_git_does() {
    let world = world();
    let repo = world.empty_repo("ends");
    sh(
        &repo,
        "git config merge.renormalize true; seq 10 | sed 's/$/\\r/' >f; echo o >o; keep base; git branch l; git branch r\n\
         on l; echo '* text=auto' >.gitattributes; git add --renormalize .; keep ends\n\
         git checkout -qf r; git rm -q f; keep deleted; git checkout -qf l",
    );
    assert_eq!(agree(&repo, "line ends against deleted"), Ok(()));
}

#[test]
fn replaced_commits_are_merged_as_git_merges_them() {
    let world = world();
    let repo = two_sides(&world, "replaced", "text 1 >f", "sed -i 3s/line/L/ f", "sed -i 30s/line/R/ f");
    assert_eq!(agree(&repo, "as they are"), Ok(()));
    sh(
        &repo,
        "git checkout -q -b other r~1; sed -i 3s/line/R/ f; keep other; git replace r other; git checkout -qf l",
    );
    assert!(by_git(&repo, "l", "r").0);
    assert_eq!(agree(&repo, "replaced"), Ok(()));
}

#[test]
fn settings_typed_with_git_itself_reach_trial_and_landing() {
    let world = world();
    let repo = two_sides(
        &world,
        "typed",
        "mkdir a; for i in 1 2 3; do text $i >a/f$i; done",
        "git mv a c",
        "echo new >a/new",
    );
    let typed = |arguments: &[&str]| {
        let mut command = repo.command("git");
        Ran::of(
            command.args(["-c", "merge.directoryRenames=true", "orchestra", "merge-ranked"]).args(arguments),
        )
    };
    assert_eq!(by_dry_run(&repo, "l", "r"), (true, 1));
    let report = typed(&["-n", "--json", "r"]).succeeded().json();
    assert_eq!(report["order"][0]["conflicts"], serde_json::json!([]), "{report}");
    let mut command = repo.orchestra_command(["merge-ranked", "-n", "--json", "r"]);
    command.env("GIT_CONFIG_COUNT", "1");
    command.env("GIT_CONFIG_KEY_0", "merge.directoryRenames").env("GIT_CONFIG_VALUE_0", "true");
    let report = Ran::of(&mut command).succeeded().json();
    assert_eq!(report["order"][0]["conflicts"], serde_json::json!([]), "{report}");
    typed(&["r"]).succeeded();
    assert!(repo.has("l", "c/new"));
}
