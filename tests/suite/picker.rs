//! Lists to choose from on a terminal that is low, or becomes low meanwhile.

use testkit::talk;

use crate::{skip, world};

/// Runs a command that asks for an agent, and types Enter once the terminal, which had 10 rows at first, has this many. Returns its exit
/// status, and what was shown.
fn picked(rows: u16, keys: &str) -> Option<(i32, String)> {
    if !testkit::has_terminal() {
        skip("there is no terminal");
        return None;
    }
    let world = world();
    let repo = world.repo();
    for name in ["first", "second", "third", "fourth"] {
        let spawned = repo.orchestra(["spawn", "--agent", "sh", "--name", name, &format!("echo of-{name}")]);
        spawned.succeeded();
    }
    // A list to move in reads single keys; only then does the terminal become low.
    let lower = format!(
        "(until stty -a </dev/tty | grep -q -e -icanon; do sleep 0.05; done; stty rows {rows} </dev/tty; echo LOWERED >/dev/tty) &"
    );
    let typed = format!("stty rows 10 cols 60; {lower} GIT_PAGER=cat git orchestra logs");
    Some(talk(repo.command("script").args(["-qec", &typed, "/dev/null"]), "LOWERED", keys))
}

#[test]
fn a_list_on_a_terminal_that_becomes_low_is_no_bug() {
    for rows in [1, 2, 3] {
        let Some((code, shown)) = picked(rows, "j") else { return };
        assert_eq!(code, 0, "{rows}: {shown}");
        assert!(!shown.contains("panicked") && shown.contains("of-"), "{rows}: {shown}");
    }
}
