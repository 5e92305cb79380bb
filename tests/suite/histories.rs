//! Whether work is integrated elsewhere: a table of histories, created by plain git, with the right
//! answers.

use orchestra::{
    git::{Oid, Repo},
    removal::integrated::{self, CandidateWork, Integration, Integrations, Search},
};
use testkit::{Ran, TestRepo};

use crate::{library, world};

/// Two commits of work on ten lines of one file and a separate file; meanwhile `main` has one commit of
/// somebody else.
const BEGIN: &str = "
    seq 1 10 > lines.txt; git add .; git commit -qm base; git branch -M main; git tag base
    git checkout -qb work
    sed -i 's/^2$/two/' lines.txt; echo own > own.txt; git add .; git commit -qm first
    sed -i 's/^3$/three/' lines.txt; git commit -qam second
    git checkout -q main; echo other > other.txt; git add .; git commit -qm other
";

/// What then happened on `main`, and the expected answer.
const HISTORIES: &[(&str, &str, Integration)] = &[
    ("nothing happened", "", Integration::Missing),
    ("no work", "git branch -qf work base", Integration::Nothing),
    ("merged", "git merge -q --no-ff -m merge work", Integration::Merged),
    ("fast-forward", "git reset -q --hard base; git merge -q --ff-only work", Integration::Merged),
    ("squashed", "git merge -q --squash work; git commit -qm squash", Integration::SameContent),
    (
        "squashed, then the same lines changed",
        "git merge -q --squash work; git commit -qm squash
         sed -i 's/^two$/TWO/' lines.txt; echo more >> own.txt; git commit -qam more",
        Integration::Squashed,
    ),
    (
        "squashed with a rename, then the same lines changed",
        "git checkout -q work; git mv lines.txt rows.txt; git commit -qm rename; git checkout -q main
         git merge -q --squash work; git commit -qm squash; sed -i 's/^two$/TWO/' rows.txt; git commit -qam more",
        Integration::Squashed,
    ),
    (
        "squashed, then the work went on",
        "git merge -q --squash work; git commit -qm squash
         git checkout -q work; echo late >> own.txt; git commit -qam late; git checkout -q main",
        Integration::Missing,
    ),
    (
        "squashed with other words",
        "git merge -q --squash work; sed -i 's/^two$/zwei/' lines.txt; git commit -qam squash",
        Integration::Missing,
    ),
    ("rebased", "git cherry-pick base..work >/dev/null", Integration::SameContent),
    (
        "rebased, then the same lines changed",
        "git cherry-pick base..work >/dev/null; sed -i 's/^two$/TWO/' lines.txt; git commit -qam more",
        Integration::Picked,
    ),
    ("picked in part", "git cherry-pick work~1 >/dev/null", Integration::Partly { there: 1, of: 2 }),
    (
        "merged, then reverted",
        "git merge -q --no-ff -m merge work; git revert -m 1 --no-edit HEAD >/dev/null",
        Integration::Reverted(2),
    ),
    (
        "merged, reverted, and the revert reverted",
        "git merge -q --no-ff -m merge work; git revert -m 1 --no-edit HEAD >/dev/null
         git revert --no-edit HEAD >/dev/null",
        Integration::Merged,
    ),
    (
        "squashed, then reverted",
        "git merge -q --squash work; git commit -qm squash; git revert --no-edit HEAD >/dev/null",
        Integration::Reverted(2),
    ),
    (
        "merged, then reverted in one file",
        "git merge -q --no-ff -m merge work; git rm -q own.txt; git commit -qm 'not this'",
        Integration::Reverted(1),
    ),
    ("merged by name only", "git merge -q -s ours -m merge work", Integration::Reverted(2)),
    (
        "the same change made by another person",
        "sed -i 's/^2$/two/;s/^3$/three/' lines.txt; git commit -qam theirs; echo own > own.txt; git add .; git commit -qm own",
        Integration::SameContent,
    ),
    (
        "main merged into the work, then squashed, then changed",
        "git checkout -q work; git merge -q -m sync main; git checkout -q main
         git merge -q --squash work; git commit -qm squash; sed -i 's/^two$/TWO/' lines.txt; git commit -qam more",
        Integration::Squashed,
    ),
    (
        "picked, but a merge on the side of the work contains more",
        "git checkout -q work; git merge -q --no-commit main; echo evil > evil.txt; git add .; git commit -qm 'merge and more'
         git checkout -q main; git cherry-pick base..work~1 >/dev/null",
        Integration::Partly { there: 2, of: 3 },
    ),
    (
        "binaries that differ",
        "git checkout -q work; printf 'a\\0b' > bin; git add .; git commit -qm bin; git checkout -q main
         git merge -q --squash work; printf 'c\\0d' > bin; git add .; git commit -qm squash",
        Integration::Missing,
    ),
    (
        "another history altogether",
        "git checkout -q --orphan new; git rm -rqf .; echo n > n; git add .; git commit -qm new; git branch -qM new main",
        Integration::Missing,
    ),
];

#[test]
fn every_history_has_the_right_answer() {
    let world = world();
    let mut table = String::new();
    for (at, (name, script, wanted)) in HISTORIES.iter().enumerate() {
        let repo = world.empty_repo(&format!("history-{at}"));
        sh(&repo, &format!("set -e\n{BEGIN}\n{script}"));
        let oid = |revision: &str| Oid::parse(&repo.tip(revision)).expect("an id");
        let library = library(&repo);
        let work = CandidateWork { base: oid("base"), tip: oid("work"), snapshot: None, landed_as: None };
        let objects = repo.git(["count-objects", "-v"]).stdout();
        let found = integrated::find_integration(&library, work, oid("main")).expect("an answer");
        assert_eq!(found, *wanted, "{name}");
        assert_eq!(repo.git(["count-objects", "-v"]).stdout(), objects, "a look leaves nothing: {name}");
        have_the_same_answers_together(&repo, &library);
        let answer = if found.is_integrated() { "may go" } else { "is kept" };
        table.push_str(&format!("{name:<58} {answer}: {found:?}\n"));
    }
    eprintln!("{table}");
}

/// Searches for parts of the work, in several branches, one by one and all at once.
fn have_the_same_answers_together(repo: &TestRepo<'_>, library: &Repo) {
    let oid = |revision: &str| Oid::parse(&repo.tip(revision)).expect("an id");
    let mut searches = Vec::new();
    for (base, tip, target) in [
        ("base", "work", "main"),
        ("base", "work~0", "main~0"),
        ("work", "base", "main"),
        ("base", "main", "work"),
        ("base", "work", "base"),
        ("main", "work", "main"),
        ("base", "base", "main"),
    ] {
        let work = CandidateWork { base: oid(base), tip: oid(tip), snapshot: None, landed_as: None };
        searches.push(Search { work, target: oid(target) });
    }
    let unknown = CandidateWork { tip: Oid::from_bytes([7; 20]), ..searches[0].work };
    searches.insert(1, Search { work: unknown, target: searches[0].target });
    let mut together = Integrations::of(library, &searches);
    for search in searches {
        let alone = integrated::find_integration(library, search.work, search.target).ok();
        assert_eq!(together.take(library, search).ok(), alone, "{search:?}");
    }
}

fn sh(repo: &TestRepo<'_>, script: &str) {
    Ran::of(repo.command("sh").args(["-c", script])).succeeded();
}
