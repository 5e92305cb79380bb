//! A pair that cannot be merged, or conflicts in an unusual way, affects only itself: everything else
//! lands.

use std::os::unix::process::CommandExt;

use serde_json::Value;
use testkit::{Ran, TestRepo, until};

use crate::world;

fn sh(repo: &TestRepo<'_>, script: &str) {
    let ran = Ran::of(repo.command("sh").args(["-ec", script]));
    assert_eq!(ran.code(), 0, "{script}\n{}", ran.stderr());
}

/// Returns the branches with their outcomes and reasons, in order.
fn told(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let steps = report["order"].as_array().cloned().unwrap_or_default();
    steps.iter().map(|step| (text(&step["branch"]), text(&step["outcome"]), text(&step["why"]))).collect()
}

fn step<'a>(report: &'a Value, branch: &str) -> &'a Value {
    let steps = report["order"].as_array().expect("steps");
    steps.iter().find(|step| step["branch"] == branch).expect("a step")
}

#[test]
fn a_conflict_without_a_named_file_sets_one_branch_aside() {
    let world = world();
    for options in [&[][..], &["--on-conflict", "ours"], &["--on-conflict", "agent"]] {
        let repo = world.empty_repo(&format!("split{}", options.concat()));
        sh(
            &repo,
            "mkdir z; for i in 1 2 3 4; do seq $i 7 200 >z/f$i; done; echo o >other; git add .; git commit -qm base
             git branch split; git branch adds; git branch free
             git checkout -q split; mkdir x y; git mv z/f1 z/f2 x/; git mv z/f3 z/f4 y/; git commit -qm split
             git checkout -q adds; echo new >z/new; git add .; git commit -qm adds
             git checkout -q free; echo free >>other; git commit -qam free; git checkout -q main",
        );
        let branches = ["split", "adds", "free", "--json", "--into", "main"];
        let planned =
            repo.orchestra([&["merge-ranked", "-n"], options, &branches[..]].concat()).succeeded().json();
        assert_eq!(step(&planned, "split")["conflicts"][0]["files"], 0);
        assert_eq!(step(&planned, "split")["reason"], "conflicts with adds (rename)");
        let landed = repo.orchestra([&["merge-ranked"], options, &branches[..]].concat()).exits(1).json();
        let told = told(&landed);
        let outcomes: Vec<(&str, &str)> =
            told.iter().map(|(name, how, _)| (name.as_str(), how.as_str())).collect();
        assert_eq!(outcomes, [("adds", "merged"), ("free", "merged"), ("split", "set_aside")]);
        let why = &told[2].2;
        assert!(
            why.starts_with("conflicts with adds (directory rename split): Unclear where to rename z to"),
            "{why}"
        );
        assert!(repo.has("main", "z/new"));
    }
}

#[test]
fn unrelated_histories_land_if_git_merges_them() {
    let world = world();
    let repo = world.empty_repo("joined");
    sh(
        &repo,
        "echo 1 >one; git add .; git commit -qm one; git checkout -q --orphan o; git rm -rfq .; echo 2 >two; git add .; git commit -qm two
         git branch b2; git checkout -q main; git branch b1; git merge -q --allow-unrelated-histories -m m o
         git checkout -q b1; echo 1b >>one; git commit -qam b1; git checkout -q b2; echo 2b >>two; git commit -qam b2
         git checkout -q -b b3 main; echo 3 >three; git add .; git commit -qm b3; git checkout -q main",
    );
    let planned = repo.orchestra(["merge-ranked", "-n", "--json", "b1", "b2", "b3"]).succeeded().json();
    let why = "they have no common ancestor";
    assert_eq!(step(&planned, "b2")["reason"], format!("cannot be compared with b1: {why}"));
    assert_eq!(step(&planned, "b2")["unjudged"], serde_json::json!([{"branch": "b1", "why": why}]));
    assert_eq!(step(&planned, "b2")["conflicts_with"], serde_json::json!([]));
    assert_eq!((&planned["pairs"]["unjudged"], &planned["pairs"]["conflicting"]), (&1.into(), &0.into()));
    repo.orchestra(["merge-ranked", "b1", "b2", "b3"]).succeeded();
    for branch in ["b1", "b2", "b3"] {
        repo.git(["merge-base", "--is-ancestor", branch, "main"]);
    }
}

/// Three branches; the first two change a file with a merge driver, the third another file.
const WITH_DRIVER: &str =
    "seq 10 >f; seq 10 >g; echo 'f merge=own' >.gitattributes; git add .; git commit -qm base
    for b in one two three; do git branch $b; done
    git checkout -q one; echo 1 >>f; git commit -qam one; git checkout -q two; echo 2 >>f; git commit -qam two
    git checkout -q three; echo 3 >>g; git commit -qam three; git checkout -q main";

/// Lands them. `reason` and `why` are the messages if git cannot merge the two; with an older git, a driver
/// that crashes is a conflict.
fn land_with_driver(name: &str, driver: &str, timeout: &str, reason: &str, why: &str) {
    let world = world();
    let repo = world.empty_repo(name);
    sh(&repo, WITH_DRIVER);
    repo.git(["config", "merge.own.driver", driver]);
    repo.git(["config", "orchestra.mergeTimeout", timeout]);
    let branches = ["one", "two", "three"];
    let planned =
        repo.orchestra([&["merge-ranked", "-n", "--json"], &branches[..]].concat()).succeeded().json();
    let told_before = step(&planned, "two")["reason"].as_str().unwrap_or_default().to_owned();
    // Plain git is not called where it would not end.
    let mut plain = repo.command("git");
    let conflicts = !driver.starts_with("sleep")
        && Ran::of(plain.args(["merge-tree", "--write-tree", "one", "two"])).code() == 1;
    let (before, reason, after, why) = match conflicts {
        true => ("conflicts with one in 1 file", "", "conflicts with one in f", ""),
        false => ("cannot be compared with one: git ", reason, "not landed: ", why),
    };
    assert!(told_before.starts_with(before) && told_before.contains(reason), "{told_before}");
    let landed = repo.orchestra([&["merge-ranked", "--json"], &branches[..]].concat()).exits(1).json();
    let told = told(&landed);
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("one", "merged"));
    assert_eq!((told[1].0.as_str(), told[1].1.as_str()), ("three", "merged"));
    assert_eq!((told[2].0.as_str(), told[2].1.as_str()), ("two", "set_aside"));
    assert!(told[2].2.starts_with(after) && told[2].2.contains(why), "{}", told[2].2);
    let running = Ran::of(repo.command("ps").args(["-eo", "args"])).stdout();
    assert!(!running.lines().any(|line| line == driver), "'{driver}' still runs");
}

#[test]
fn a_merge_driver_that_dies_sets_one_branch_aside() {
    land_with_driver("dies", "kill -9 $$", "1m", "died of signal 9", "died of signal 9");
}

#[test]
fn a_merge_driver_that_blocks_sets_one_branch_aside() {
    // Its pid shows whose it is.
    let driver = format!("sleep 7531.{}", std::process::id());
    land_with_driver(
        "blocks",
        &driver,
        "3s",
        "takes longer than 3 s (orchestra.mergeTimeout)",
        "takes longer than 3 s",
    );
}

#[test]
fn ctrl_c_during_trial_merges_changes_nothing() {
    let world = world();
    let repo = world.empty_repo("pressed");
    sh(&repo, WITH_DRIVER);
    let started = world.dir().join("started");
    repo.git(["config", "merge.own.driver", &format!("touch '{}'; exec sleep 60", started.display())]);
    let before = repo.refs("refs");
    let mut command = repo.command(world.bins().join("git-orchestra-merge-ranked"));
    command.args(["one", "two", "three"]).process_group(0).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("started");
    until("the driver runs", || started.exists().then_some(()));
    repo.command("kill").args(["-INT", "--", &format!("-{}", child.id())]).status().expect("kill");
    let ended = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("error: interrupted before anything was changed"), "{said}");
    assert_eq!((ended.status.code(), repo.refs("refs")), (Some(130), before));
}

#[test]
fn attributes_of_a_target_that_is_not_checked_out_count() {
    let world = world();
    let repo = world.empty_repo("release");
    sh(
        &repo,
        "mkdir d; seq 10 >d/f; git add .; git commit -qm base; git branch rel; git branch w; git branch v
         git checkout -q rel; echo 'f merge=union' >d/.gitattributes; echo rel >>d/f; git add .; git commit -qm rel
         git checkout -q w; echo w >>d/f; git commit -qam w; git checkout -q v; echo v >>d/f; git commit -qam v; git checkout -q main",
    );
    let planned =
        repo.orchestra(["merge-ranked", "-n", "--json", "--into", "rel", "w", "v"]).succeeded().json();
    assert_eq!(planned["pairs"]["conflicting"], 0, "{planned}");
    repo.orchestra(["merge-ranked", "--into", "rel", "w", "v"]).succeeded();
    let landed = repo.file_at("rel", "d/f");
    assert!(["rel", "w", "v"].iter().all(|line| landed.lines().any(|found| found == *line)), "{landed}");
    // In the landing's worktree, and in a bare clone.
    repo.git(["branch", "-f", "rel", "rel~2"]);
    repo.git(["worktree", "add", "-q", "../release-checkout", "rel"]);
    repo.orchestra(["merge-ranked", "--into", "rel", "w"]).succeeded();
    let bare = world.dir().join("bare.git");
    repo.git(["clone", "-q", "--bare", ".", &bare.to_string_lossy()]);
    world.git(&bare, ["branch", "-f", "rel", "rel~1"]);
    let mut command = world.command("git", &bare);
    Ran::of(command.args(["orchestra", "merge-ranked", "--into", "rel", "w"])).succeeded();
}

#[test]
fn attributes_that_a_partial_clone_lacks_are_fetched() {
    let world = world();
    let source = world.empty_repo("source");
    sh(
        &source,
        "git config uploadpack.allowFilter true; git config uploadpack.allowAnySHA1InWant true
         seq 10 >f; git add .; git commit -qm base; git branch rel; git branch w
         git checkout -q rel; echo 'f merge=union' >.gitattributes; echo rel >>f; git add .; git commit -qm rel
         git checkout -q w; echo w >>f; git commit -qam w; git checkout -q main",
    );
    let (url, place) = (format!("file://{}", source.path().display()), world.dir().join("partial"));
    world.git(world.dir(), ["clone", "-q", "--filter=blob:none", &url, "partial"]);
    let clone = TestRepo::new(&world, place);
    clone.git(["branch", "rel", "origin/rel"]);
    clone.git(["branch", "w", "origin/w"]);
    clone.orchestra(["merge-ranked", "--into", "rel", "w"]).succeeded();
    let landed = clone.file_at("rel", "f");
    assert!(landed.contains("rel\n") && landed.contains("w\n") && !landed.contains("<<<"), "{landed}");
}

#[test]
fn attributes_that_land_count_for_what_lands_after_them() {
    let world = world();
    let repo = world.empty_repo("later");
    sh(
        &repo,
        "seq 10 >f; git add .; git commit -qm base; for b in a1 b1 c1; do git branch $b; done
         git checkout -q a1; echo 'f merge=union' >.gitattributes; git add .; git commit -qm a1
         git checkout -q b1; echo b >>f; git commit -qam b1; git checkout -q c1; echo c >>f; git commit -qam c1; git checkout -q main",
    );
    repo.orchestra(["merge-ranked", "--priority", "a1", "a1", "b1", "c1"]).succeeded();
    let landed = repo.file_at("main", "f");
    assert!(landed.ends_with("b\nc\n") || landed.ends_with("c\nb\n"), "{landed}");
}

#[test]
fn reasons_name_files_that_exist() {
    let world = world();
    let repo = world.empty_repo("names");
    sh(
        &repo,
        "echo 1 >dir; echo o >o; git add .; git commit -qm base; git branch l; git branch r
         git checkout -q l; git rm -q dir; mkdir dir; echo x >dir/x; git add .; git commit -qm l
         git checkout -q r; echo 2 >>dir; git commit -qam r; git checkout -q main",
    );
    for strategy in ["merge", "rebase"] {
        let ran = repo.orchestra(["merge-ranked", "--json", "--strategy", strategy, "l", "r"]);
        let told = told(&ran.exits(1).json());
        let expected = ("l".to_owned(), "set_aside".to_owned(), "conflicts with r in dir".to_owned());
        assert_eq!(told[1], expected, "{strategy}");
        repo.orchestra(["undo"]).succeeded();
    }
}

/// Of two versions of a binary file, no landing keeps both.
#[test]
fn a_dry_run_with_union_says_conflict_for_a_binary_file() {
    let world = world();
    let repo = world.empty_repo("binary");
    sh(
        &repo,
        "printf 'a\\0' >f; git add .; git commit -qm base; git branch l; git branch r
         git checkout -q l; printf 'b\\0' >f; git commit -qam l
         git checkout -q r; printf 'c\\0' >f; git commit -qam r; git checkout -q main",
    );
    for (mode, outcome) in [(&["-n"][..], "conflict"), (&[], "set_aside")] {
        let ran =
            repo.orchestra([&["merge-ranked", "--json", "--on-conflict", "union", "l", "r"], mode].concat());
        assert_eq!(told(&ran.json())[1].1, outcome);
    }
}

#[test]
fn a_branch_without_new_content_is_distinguished_from_an_up_to_date_one() {
    let world = world();
    let repo = world.repo();
    repo.branch("same", &[("file.txt", "two\n")]);
    repo.branch("old", &[("old.txt", "old\n")]);
    repo.git(["merge", "-q", "--no-ff", "-m", "old", "old"]);
    repo.commit("two", &[("file.txt", "two\n")]);
    let report = repo.orchestra(["merge-ranked", "--json", "same", "old"]).succeeded().json();
    let told = told(&report);
    assert_eq!(
        (told[0].0.as_str(), told[0].1.as_str(), told[0].2.as_str()),
        ("same", "nothing_new", "brings nothing new: main has all of its changes")
    );
    assert_eq!((told[1].0.as_str(), told[1].1.as_str()), ("old", "up_to_date"));
    let contained = repo.git(["branch", "--merged", "main", "--format=%(refname:short)"]).stdout();
    assert!(contained.contains("old") && !contained.contains("same"), "{contained}");
}
