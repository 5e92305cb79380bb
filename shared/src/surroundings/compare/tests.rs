use super::*;

#[derive(Default)]
struct FakeEvidence {
    visited: Vec<ReflogEntry>,
    log: Vec<ReflogEntry>,
    reachable: bool,
}

impl Evidence for FakeEvidence {
    fn visited(&self, checkout: &str) -> &[ReflogEntry] {
        if checkout.is_empty() { &self.visited } else { &[] }
    }
    fn reflog_of(&self, _: &str) -> Vec<ReflogEntry> {
        self.log.clone()
    }
    fn is_reachable(&self, _: Oid) -> bool {
        self.reachable
    }
    fn agent_that_visited(&self, _: Oid) -> Option<String> {
        None
    }
    fn stashed_by(&self, commit: Oid) -> Stasher {
        match commit.to_string().as_bytes()[0] {
            b'e' => Stasher::Itself,
            b'f' => Stasher::Agent("add-x-q0q88".into()),
            _ => Stasher::Unknown,
        }
    }
}

fn hex(digit: char) -> String {
    digit.to_string().repeat(40)
}

fn entry(old: char, new: char, message: &str) -> ReflogEntry {
    ReflogEntry { old: Oid::parse(&hex(old)), new: Oid::parse(&hex(new)), message: message.to_owned() }
}

fn with_refs(refs: &[(&str, char)]) -> SurroundingsSnapshot {
    let main = UserCheckout { head: "ref: refs/heads/main".into(), log: Some(9), ..UserCheckout::default() };
    let refs = refs.iter().map(|(name, at)| ((*name).to_owned(), hex(*at))).collect();
    SurroundingsSnapshot { refs, checkouts: vec![main], ..SurroundingsSnapshot::default() }
}

#[test]
fn ref_changes_that_the_reflogs_explain_are_notes() {
    use Level::{Note, Warning};
    let found = |visited: &[ReflogEntry], log: &[ReflogEntry], reachable| FakeEvidence {
        visited: visited.to_vec(),
        log: log.to_vec(),
        reachable,
    };
    let nothing = || found(&[], &[], false);
    for (name, old, new, evidence, level) in [
        ("refs/heads/main", Some('a'), Some('b'), found(&[entry('a', 'b', "commit: x")], &[], false), Note),
        ("refs/heads/main", Some('a'), Some('b'), found(&[entry('a', 'b', "")], &[], false), Warning),
        ("refs/heads/main", Some('a'), Some('b'), nothing(), Warning),
        (
            "refs/heads/main",
            Some('a'),
            Some('c'),
            found(&[entry('a', 'b', "commit: x")], &[], false),
            Warning,
        ),
        (
            "refs/heads/x",
            Some('a'),
            Some('b'),
            found(&[], &[entry('a', 'b', "orchestra merge-ranked")], false),
            Note,
        ),
        ("refs/heads/x", Some('a'), Some('b'), found(&[], &[entry('a', 'b', "commit: x")], false), Warning),
        ("refs/heads/x", None, Some('b'), nothing(), Note),
        ("refs/heads/x", Some('a'), None, nothing(), Warning),
        ("refs/heads/x", Some('a'), None, found(&[], &[], true), Note),
        (
            "refs/remotes/o/x",
            Some('a'),
            Some('b'),
            found(&[], &[entry('a', 'b', "fetch o: forced-update")], false),
            Note,
        ),
        ("refs/remotes/o/x", Some('a'), Some('b'), nothing(), Warning),
        ("refs/remotes/o/x", Some('a'), None, nothing(), Note),
        ("refs/tags/v1", Some('a'), Some('b'), nothing(), Warning),
        ("refs/tags/v1", None, Some('b'), nothing(), Note),
        ("refs/replace/x", None, Some('b'), nothing(), Warning),
        (
            "refs/stash",
            Some('a'),
            Some('b'),
            found(&[], &[entry('0', 'a', "WIP"), entry('a', 'b', "WIP")], false),
            Note,
        ),
        ("refs/stash", Some('a'), None, nothing(), Warning),
    ] {
        let side = |at: Option<char>| with_refs(&at.map(|at| (name, at)).into_iter().collect::<Vec<_>>());
        let changes = compare(&side(old), &side(new), &evidence);
        let levels: Vec<Level> = changes.iter().map(|change| change.level).collect();
        assert_eq!(levels, [level], "{name} {old:?} {new:?}: {changes:?}");
    }
}

#[test]
fn who_stashed_what_is_gone_is_named() {
    use Level::{Note, Warning};
    for (old, new, level, end) in [
        (None, Some('e'), Note, "added at eeeeeeeeee, stashed by this agent"),
        (None, Some('f'), Note, "added at ffffffffff, stashed by agent add-x-q0q88"),
        (None, Some('a'), Note, "added at aaaaaaaaaa"),
        (Some('e'), None, Note, "removed (was eeeeeeeeee), stashed by this agent"),
        (Some('f'), None, Warning, "removed (was ffffffffff), stashed by agent add-x-q0q88"),
        (Some('f'), Some('e'), Warning, "moved ffffffffff → eeeeeeeeee, stashed by agent add-x-q0q88"),
    ] {
        let side = |at: Option<char>| with_refs(&at.map(|at| (STASH, at)).into_iter().collect::<Vec<_>>());
        let change = compare(&side(old), &side(new), &FakeEvidence::default()).pop().expect("a change");
        assert_eq!((change.level, change.what), (level, format!("refs/stash {end}")));
    }
}

#[test]
fn a_switch_is_named_by_both_branches() {
    let (old, mut new) = (with_refs(&[]), with_refs(&[]));
    new.checkouts[0].head = "ref: refs/heads/stolen".into();
    let change = |found: &FakeEvidence| compare(&old, &new, found).pop().expect("a change");
    let silent = change(&FakeEvidence::default());
    assert_eq!(silent.what, "your checkout was switched from main to stolen");
    assert_eq!(silent.level, Level::Warning);
    let moving = "checkout: moving from main to stolen";
    assert_eq!(
        change(&FakeEvidence { visited: vec![entry('a', 'a', moving)], ..FakeEvidence::default() }).level,
        Level::Note
    );
}

#[test]
fn files_that_appear_change_or_disappear_are_warnings() {
    let stamp = |tracked, length| Some(FileStamp { tracked, content: Some((length, 1)) });
    let deleted = Some(FileStamp { tracked: true, content: None });
    for (old, new, visited, found) in [
        (None, stamp(false, 1), false, Some("file f appeared in your checkout")),
        (None, stamp(true, 1), false, Some("file f changed in your checkout")),
        (None, deleted, false, Some("file f was deleted in your checkout")),
        (stamp(true, 1), stamp(true, 2), false, Some("file f changed in your checkout")),
        (stamp(false, 1), stamp(true, 1), false, Some("file f was staged in your checkout")),
        (stamp(true, 1), None, false, Some("changes of file f are gone from your checkout")),
        (stamp(true, 1), None, true, None),
        (stamp(false, 1), None, false, Some("untracked file f is gone from your checkout")),
    ] {
        let change = file("f", old.as_ref(), new.as_ref(), visited);
        assert_eq!(change.map(|change| change.what).as_deref(), found);
    }
}

#[test]
fn changes_above_the_maximum_are_counted() {
    let names: Vec<String> = (0..100).map(|n| format!("refs/tags/{n}")).collect();
    let after = with_refs(&names.iter().map(|name| (name.as_str(), 'b')).collect::<Vec<_>>());
    let changes = compare(&with_refs(&[]), &after, &FakeEvidence::default());
    assert_eq!(
        (changes.len(), changes[MAX_NAMED].what.as_str()),
        (MAX_NAMED + 1, "70 more changes of this kind")
    );
}
