//! With `--json`, a command prints exactly one object, whatever happens.

use serde_json::Value;
use testkit::Ran;

use crate::world;

/// Returns the single object on standard output.
fn object(ran: &Ran) -> Value {
    assert_eq!(ran.stdout().lines().count(), 1, "{}", ran.stdout());
    let object = ran.json();
    assert_eq!(object["version"], 1, "{object}");
    object
}

#[test]
fn an_error_is_one_object_besides_the_message() {
    let world = world();
    let repo = world.repo();
    for (arguments, code, word, said) in [
        (&["status", "--json", "nosuch"] as &[&str], 3, "refused", "no agent 'nosuch'"),
        (&["merge-ranked", "--json"], 3, "refused", "nothing to land"),
        (&["merge-ranked", "--json", "nosuch"], 3, "refused", "'nosuch' is "),
        (&["undo", "--json"], 3, "refused", "nothing to undo"),
        (&["review", "--json", "nosuch", "--approve"], 3, "refused", "no agent 'nosuch'"),
        (&["status", "--json", "--nosuch"], 2, "usage", "unexpected argument '--nosuch'"),
        (&["sessions", "show", "--json", "nosuch"], 3, "refused", "nosuch"),
    ] {
        let ran = repo.orchestra(arguments).exits(code);
        let object = object(&ran);
        assert_eq!(
            (&object["kind"], &object["error"], &object["exit"]),
            (&"error".into(), &word.into(), &code.into())
        );
        let message = object["message"].as_str().expect("a message");
        assert!(message.contains(said) && ran.stderr().contains(message), "{arguments:?}: {object}");
        assert!(object["hints"].is_array() && object["causes"].is_array(), "{object}");
    }
    let nowhere = testkit::TestRepo::new(&world, world.home());
    let ran = nowhere.orchestra(["status", "--json"]).exits(128);
    assert_eq!(object(&ran)["error"], "not_a_repository");
    // Without the option, no object is printed.
    assert_eq!(repo.orchestra(["status", "nosuch"]).exits(3).stdout(), "");
    assert_eq!(repo.orchestra(["status", "--nosuch", "--", "--json"]).exits(2).stdout(), "");
}

#[test]
fn a_report_stays_the_only_object() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("lines.txt", "a\n")]);
    repo.branch("b1", &[("lines.txt", "b\n"), ("new.txt", "1\n")]);
    repo.write("new.txt", "mine\n");
    let ran = repo.orchestra(["merge-ranked", "--json", "b1"]).exits(3).stderr_has("the landing waits");
    assert_eq!(
        (&object(&ran)["kind"], &object(&ran)["order"][0]["outcome"]),
        (&"merge-ranked".into(), &"passed".into())
    );
}

#[test]
fn nothing_to_do_is_an_object_too() {
    let world = world();
    let repo = world.repo();
    for command in
        [&["resume", "--all"] as &[&str], &["stop", "--all"], &["pause", "--all"], &["stop"], &["pause"]]
    {
        let ran = repo.orchestra([command, &["--json"] as &[&str]].concat()).succeeded();
        let object = object(&ran);
        assert_eq!(
            (&object["kind"], &object["agents"]),
            (&command[0].into(), &serde_json::json!([])),
            "{command:?}"
        );
    }
}
