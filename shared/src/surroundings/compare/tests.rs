use super::*;

#[derive(Default)]
struct Told {
    walked: Vec<ReflogEntry>,
    log: Vec<ReflogEntry>,
    kept: bool,
}

impl Evidence for Told {
    fn walked(&self, checkout: &str) -> &[ReflogEntry] {
        if checkout.is_empty() { &self.walked } else { &[] }
    }
    fn log_of(&self, _: &str) -> Vec<ReflogEntry> {
        self.log.clone()
    }
    fn is_kept(&self, _: Oid) -> bool {
        self.kept
    }
    fn agent_at(&self, _: Oid) -> Option<String> {
        None
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
fn refs_that_the_users_git_moved_are_notes() {
    use Level::{Note, Warning};
    let told = |walked: &[ReflogEntry], log: &[ReflogEntry], kept| Told {
        walked: walked.to_vec(),
        log: log.to_vec(),
        kept,
    };
    let nothing = || told(&[], &[], false);
    for (name, old, new, evidence, level) in [
        ("refs/heads/main", Some('a'), Some('b'), told(&[entry('a', 'b', "commit: x")], &[], false), Note),
        ("refs/heads/main", Some('a'), Some('b'), told(&[entry('a', 'b', "")], &[], false), Warning),
        ("refs/heads/main", Some('a'), Some('b'), nothing(), Warning),
        ("refs/heads/main", Some('a'), Some('c'), told(&[entry('a', 'b', "commit: x")], &[], false), Warning),
        (
            "refs/heads/x",
            Some('a'),
            Some('b'),
            told(&[], &[entry('a', 'b', "orchestra merge-ranked")], false),
            Note,
        ),
        ("refs/heads/x", Some('a'), Some('b'), told(&[], &[entry('a', 'b', "commit: x")], false), Warning),
        ("refs/heads/x", None, Some('b'), nothing(), Note),
        ("refs/heads/x", Some('a'), None, nothing(), Warning),
        ("refs/heads/x", Some('a'), None, told(&[], &[], true), Note),
        (
            "refs/remotes/o/x",
            Some('a'),
            Some('b'),
            told(&[], &[entry('a', 'b', "fetch o: forced-update")], false),
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
            told(&[], &[entry('0', 'a', "WIP"), entry('a', 'b', "WIP")], false),
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
fn a_switch_is_named_by_both_branches() {
    let (old, mut new) = (with_refs(&[]), with_refs(&[]));
    new.checkouts[0].head = "ref: refs/heads/stolen".into();
    let change = |told: &Told| compare(&old, &new, told).pop().expect("a change");
    let silent = change(&Told::default());
    assert_eq!(silent.what, "your checkout was switched from main to stolen");
    assert_eq!(silent.level, Level::Warning);
    let moving = "checkout: moving from main to stolen";
    assert_eq!(change(&Told { walked: vec![entry('a', 'a', moving)], ..Told::default() }).level, Level::Note);
}

#[test]
fn files_that_appear_change_or_go_are_warnings() {
    let stamp = |tracked, length| Some(Stamp { tracked, content: Some((length, 1)) });
    let deleted = Some(Stamp { tracked: true, content: None });
    for (old, new, walked, told) in [
        (None, stamp(false, 1), false, Some("file f appeared in your checkout")),
        (None, stamp(true, 1), false, Some("file f changed in your checkout")),
        (None, deleted, false, Some("file f was deleted in your checkout")),
        (stamp(true, 1), stamp(true, 2), false, Some("file f changed in your checkout")),
        (stamp(false, 1), stamp(true, 1), false, Some("file f was staged in your checkout")),
        (stamp(true, 1), None, false, Some("changes of file f are gone from your checkout")),
        (stamp(true, 1), None, true, None),
        (stamp(false, 1), None, false, Some("untracked file f is gone from your checkout")),
    ] {
        let change = file("f", old.as_ref(), new.as_ref(), walked);
        assert_eq!(change.map(|change| change.what).as_deref(), told);
    }
}

#[test]
fn very_many_are_counted() {
    let names: Vec<String> = (0..100).map(|n| format!("refs/tags/{n}")).collect();
    let after = with_refs(&names.iter().map(|name| (name.as_str(), 'b')).collect::<Vec<_>>());
    let changes = compare(&with_refs(&[]), &after, &Told::default());
    assert_eq!((changes.len(), changes[NAMED].what.as_str()), (NAMED + 1, "70 more changes of this kind"));
}
