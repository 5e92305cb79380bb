use std::{fs, sync::Mutex};

use super::*;

/// Returns an environment whose slots are in a folder of its own.
fn environment(folder: &Path) -> Environment {
    let variables = [("XDG_RUNTIME_DIR".into(), folder.into()), ("HOME".into(), "/nowhere".into())];
    Environment::new(variables, folder)
}

#[test]
fn no_more_than_the_slots_are_held_and_a_dropped_one_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let context = Context::of(&environment(folder.path()));
    let slots = Slots::of(context.environment(), 2).unwrap();
    let enter = |what: &str| slots.enter(&context, Duration::ZERO, what);
    let (first, second) = (enter("make a").unwrap(), enter("make b").unwrap());
    let error = enter("make c").unwrap_err();
    assert_eq!(error.code, Code::SlotTimeout);
    assert!(error.one_line().contains("make a (for 0s), make b (for 0s)"), "{}", error.one_line());
    assert_eq!((slots.held().len(), slots.waiting()), (2, 0));
    drop(first);
    let third = enter("make c").unwrap();
    let held: Vec<String> = slots.held().into_iter().map(|holder| holder.command).collect();
    assert_eq!(held, ["make c", "make b"]);
    drop((second, third));
    assert!(slots.held().is_empty());
}

#[test]
fn a_waiting_caller_learns_once_who_is_before_it_and_when_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let here = environment(folder.path());
    let slots = Slots::of(&here, 1).unwrap();
    let slot = Mutex::new(Some(slots.enter(&Context::of(&here), Duration::ZERO, "make a").unwrap()));
    let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    let context = Context::of(&here).observed_by(move |event: &Event| {
        keep.lock().unwrap().push(event.clone());
        // The slot becomes free once the observer knows that it is awaited.
        slot.lock().unwrap().take();
    });
    slots.enter(&context, Duration::from_secs(60), "make b").unwrap();
    let seen = seen.lock().unwrap();
    let expected = Event::SlotAwaited { slots: 1, used_by: vec!["make a (for 0s)".to_owned()] };
    assert_eq!((&seen[0], seen.len()), (&expected, 2));
    assert!(matches!(seen[1], Event::SlotTaken { .. }));
}

#[test]
fn earlier_callers_go_first_and_dead_ones_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let queue = folder.path().join("queue");
    let (first, second) = (Turn::draw(&queue, 2).unwrap(), Turn::draw(&queue, 2).unwrap());
    assert_eq!(first.slots(), 1..=2);
    assert!(second.slots().is_empty());
    let third = Turn::draw(&queue, 3).unwrap();
    assert_eq!(third.slots(), 3..=3, "one that may use more slots uses only those that no earlier one may");
    assert_eq!(turn::waiting(&queue), 3);
    drop((first, third));
    fs::write(queue.join("000000000000-9-1"), "").unwrap();
    assert_eq!(second.slots(), 1..=2, "nobody holds the lock of the ticket");
    assert!(!queue.join("000000000000-9-1").exists());
}

#[test]
fn only_the_mark_of_a_held_slot_counts() {
    let folder = tempfile::tempdir().unwrap();
    let here = environment(folder.path());
    let context = Context::of(&here);
    let slots = Slots::of(&here, 1).unwrap();
    let slot = slots.enter(&context, Duration::ZERO, "make a").unwrap();
    let is_inside = |variable: &str| Slots::of(&here.with(VARIABLE, variable), 1).unwrap().is_inside();
    assert!(is_inside(&slot.variable()));
    for other in ["1-", "1-0000", "2-0000", "x", "99999999999-1", "1"] {
        assert!(!is_inside(other), "{other}");
    }
    let old = slot.variable();
    drop(slot);
    let _other = slots.enter(&context, Duration::ZERO, "make b").unwrap();
    assert!(!is_inside(&old), "another command has the slot now");
}

#[test]
fn the_folder_is_the_users_and_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let here = environment(folder.path());
    Slots::of(&here, 1).unwrap();
    let made = folder.path().join("git-orchestra/slots");
    assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
    let without = here.without("XDG_RUNTIME_DIR").with("HOME", folder.path());
    let place = place::folder(&without).unwrap();
    assert!(place.starts_with(folder.path().join(".local/state/git-orchestra")), "{}", place.display());
    assert_eq!(place::folder(&without.with("HOME", "relative")), None);
    // A home that does not exist is not made.
    let missing = folder.path().join("missing");
    assert_eq!(place::folder(&without.with("HOME", missing.as_os_str())), None);
    assert!(Slots::of(&without.without("HOME"), 1).is_err());
}
