//! `undo`: a landing can be undone, and so can an undo.

use orchestra::{
    git::Oid,
    store::operations::{Change, Journal, OperationBody, Stage, UndoEffect},
};

use crate::{
    library,
    merge_ranked::{four, land},
    world,
};

#[test]
fn a_landing_and_its_undo_can_be_undone() {
    let world = world();
    let repo = four(&world);
    let (checkout, base) = (repo.checkout(), repo.tip("main"));
    land(&repo, &[]).exits(1);
    let landed = repo.tip("main");
    let said = repo.orchestra(["undo", "-n"]).succeeded().stdout();
    assert_eq!(said, format!("main would be back at {} (was {})\n", &base[..10], &landed[..10]));
    assert_eq!(repo.tip("main"), landed);
    let undone = repo.orchestra(["undo", "--json"]).succeeded().json();
    assert_eq!(repo.tip("main"), base);
    // Byte for byte, except for the index and the setting that shows notes.
    let files = |all: Vec<(std::path::PathBuf, Vec<u8>)>| -> Vec<_> {
        all.into_iter().filter(|(path, _)| !path.ends_with("index") && !path.ends_with("config")).collect()
    };
    assert_eq!(files(repo.checkout()), files(checkout));
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
    repo.orchestra(["undo"]).exits(3).stderr_has("nothing to undo");
    let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
    let list = list["operations"].as_array().expect("operations");
    let told: Vec<(&str, bool)> =
        list.iter().map(|one| (one["command"].as_str().unwrap_or("-"), one["holds"] == true)).collect();
    assert_eq!(told, [("undo", true), ("merge-ranked", false)]);
    repo.orchestra(["undo", undone["undo"].as_str().expect("an id")]).succeeded();
    assert_eq!(repo.tip("main"), landed);
    repo.orchestra(["undo", "zzz"]).exits(3).stderr_has("no operation 'zzz'");
    // Now the landing is in effect again.
    repo.orchestra(["undo"]).succeeded();
    assert_eq!(repo.tip("main"), base);
}

#[test]
fn later_commits_and_uncommitted_changes_are_kept() {
    let world = world();
    let repo = four(&world);
    land(&repo, &[]).exits(1);
    let landed = repo.tip("main");
    repo.write("lines.txt", "mine\n");
    repo.orchestra(["undo"])
        .exits(3)
        .stderr_has("are not committed: lines.txt")
        .stderr_has("hint: set them aside");
    repo.git(["checkout", "-q", "lines.txt"]);
    repo.write("untracked.txt", "mine\n");
    repo.commit("after", &[]);
    repo.orchestra(["undo"]).exits(3).stderr_has("main has moved since then").stderr_has("git revert");
    assert_eq!(repo.tip("main~1"), landed);
    assert_eq!(repo.file_at("main", "untracked.txt"), "mine\n");
}

#[test]
fn agents_record_that_their_landing_was_undone() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo 1 > one.txt");
    repo.end_of(&id);
    repo.orchestra(["merge-ranked"]).succeeded();
    assert_eq!(repo.agent(&id)["merged"], true);
    let undo = repo.orchestra(["undo", "--json"]).succeeded().json();
    assert_eq!(repo.agent(&id)["merged"], false);
    assert_eq!(repo.events(&id).last().expect("a fact")["outcome"], "taken_back");
    repo.orchestra(["undo", undo["undo"].as_str().expect("an id")]).succeeded();
    assert_eq!(repo.agent(&id)["merged"], true);
    // Once undone, it can land again.
    repo.orchestra(["undo"]).succeeded();
    let report = repo.orchestra(["merge-ranked", "--json"]).succeeded().json();
    assert_eq!((&report["moved"], &report["order"][0]["outcome"]), (&true.into(), &"merged".into()));
}

#[test]
fn work_that_did_not_land_no_longer_says_so_after_the_undo() {
    let world = world();
    let repo = world.repo();
    let spawn = |task: &str| {
        let id = repo.spawn(task);
        repo.end_of(&id);
        id
    };
    let landed = spawn("echo 1 > same.txt");
    let aside = spawn("echo 2 > same.txt; echo 3 > more.txt");
    let failing = spawn("echo bad > state.txt");
    let failed_before = spawn("echo bad > state2.txt");
    repo.branch("plain", &[("state3.txt", "bad\n")]);
    // The last one failed in a landing that moved nothing, so that no undo changes it.
    let check = "! grep -q bad state*.txt 2>/dev/null";
    repo.orchestra(["merge-ranked", "--test", check, &failed_before]).exits(1);
    let before = repo.agent(&failed_before)["failed_check"].clone();
    let all = [&*landed, &aside, &failing, &failed_before, "plain"];
    let command = ["merge-ranked", "--test", check].into_iter().chain(all).collect::<Vec<_>>();
    repo.orchestra(&command).exits(1);
    let now = |id: &str| repo.orchestra(["status", id]).succeeded().stdout();
    let plan = || repo.orchestra(["merge-ranked", "-n", "plain"]).stdout();
    let told = "failed its test last time";
    assert!(now(&aside).contains("set aside: conflicts with"), "{}", now(&aside));
    assert!(now(&failing).contains("did not land: test fails") && plan().contains(told), "{}", now(&failing));
    let undo = repo.orchestra(["undo", "--json"]).succeeded().json();
    for id in [&landed, &aside, &failing] {
        assert!(!now(id).contains("did not land") && !now(id).contains("set aside"), "{}", now(id));
        assert_eq!(
            (&repo.agent(id)["failed_check"], &repo.agent(id)["set_aside"]),
            (&serde_json::Value::Null, &serde_json::Value::Null)
        );
    }
    assert!(!plan().contains(told), "{}", plan());
    assert!(now(&failed_before).contains("did not land"), "{}", now(&failed_before));
    assert_eq!(repo.agent(&failed_before)["failed_check"], before);
    // The undo of the undo brings all of it back, and another undo takes it away again.
    repo.orchestra(["undo", undo["undo"].as_str().expect("an id")]).succeeded();
    assert!(now(&aside).contains("set aside: conflicts with"), "{}", now(&aside));
    assert!(now(&failing).contains("did not land: test fails") && plan().contains(told), "{}", now(&failing));
    repo.orchestra(["undo"]).succeeded();
    assert!(!now(&aside).contains("set aside") && !now(&failing).contains("did not land"));
    assert!(now(&failed_before).contains("did not land"), "{}", now(&failed_before));
}

#[test]
fn only_one_of_two_concurrent_undos_succeeds() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("true");
    repo.end_of(&id);
    repo.orchestra(["cleanup"]).succeeded();
    let start = || repo.orchestra_command(["undo"]).spawn().expect("started");
    let both = [start(), start()];
    let mut codes = both.map(|mut child| child.wait().expect("ended").code());
    codes.sort_unstable();
    // The other is too late, or finds nothing to undo.
    assert!(codes[0] == Some(0) && matches!(codes[1], Some(3 | 4)), "{codes:?}");
    let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
    assert_eq!(list["operations"].as_array().map(Vec::len), Some(2), "{list}");
}

#[test]
fn the_newest_operation_does_not_depend_on_the_clock() {
    let world = world();
    let repo = world.repo().with_identity();
    let ids: Vec<String> = (0..2).map(|n| repo.spawn(&format!("echo {n} > {n}.txt"))).collect();
    ids.iter().for_each(|id| drop(repo.end_of(id)));
    // The first was recorded by a clock that was a hundred years fast.
    let first = repo.orchestra(["cleanup", "--discard", &ids[0], "--json"]).succeeded().json();
    let first = first["operation"].as_str().expect("an operation").to_owned();
    let library = library(&repo);
    let mut journal = Journal::open(&library, &first).expect("the operation");
    let ahead = "4d5c5c5c5c5aaaaaa".to_owned();
    journal.operation.id.clone_from(&ahead);
    (journal.operation.at, journal.operation.stage) = ("2126-01-01T00:00:00Z".into(), Stage::Done);
    let name = |id: &str| format!("refs/orchestra-local/operations/{id}");
    repo.git(["update-ref", &name(&ahead), &repo.tip(&name(&first))]);
    journal.write(&library, &[]).expect("written");
    repo.git(["update-ref", "-d", &name(&first)]);

    repo.orchestra(["cleanup", "--discard", &ids[1]]).succeeded();
    let list = repo.orchestra(["undo", "--list", "--json"]).succeeded().json();
    let listed: Vec<_> =
        list["operations"].as_array().expect("operations").iter().map(|one| one["id"].clone()).collect();
    assert_eq!(listed[1], ahead.as_str(), "{list}");
    repo.orchestra(["undo"]).succeeded().stdout_has(&ids[1]);
    repo.orchestra(["undo"]).succeeded().stdout_has(&ids[0]);
}

#[test]
fn an_interrupted_rewind_that_was_undone_is_not_listed_as_open() {
    let world = world();
    let repo = four(&world);
    let library = library(&repo);
    let tip = Oid::parse(&repo.tip("main")).expect("an id");
    let changes = vec![Change { branch: "a-k3m9q".to_owned(), old: tip, new: tip }];
    let mut rewind = Journal::new(&library, OperationBody::Rewind(changes.clone())).expect("an operation");
    rewind.write(&library, &[]).expect("written");
    let states = || {
        let list = repo.orchestra(["undo", "--list"]).succeeded().stdout();
        let words: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
        ["open", "undone", "done"].map(|state| words.iter().filter(|word| *word == state).count())
    };
    assert_eq!(states(), [1, 0, 0]);
    let body = OperationBody::Undo { of: rewind.operation.id, effect: UndoEffect::Moved(changes) };
    let mut undo = Journal::new(&library, body).expect("an operation");
    undo.operation.stage = Stage::Done;
    undo.write(&library, &[]).expect("written");
    assert_eq!(states(), [0, 1, 1]);
}
