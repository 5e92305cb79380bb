//! Every way in which an agent can carry a secret to a remote. An agent that carries one is not sent, and
//! is named; other work is sent.

use std::{collections::BTreeSet, fs};

use testkit::{Ran, TestRepo, World};

use crate::{
    sync::{clone, first, shared_of_hub},
    world,
};

/// What no hub may contain. The first half of the token is elsewhere, so that no scanner finds it in this
/// file.
pub(crate) const BODY: &str = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6";
/// The value of an environment variable.
const PHRASE: &str = "correct horse battery";

pub(crate) fn token() -> String {
    format!("ghp{}{BODY}", '_')
}

/// Work that contains a secret: a name, and the script of an agent that finds the token in `$T`.
const WORK: &[(&str, &str)] = &[
    ("file", "echo $T > a.txt; git add .; git commit -qm w"),
    ("no-newline", "printf %s $T > a.txt; git add .; git commit -qm w"),
    ("crlf", "printf 'k: %s\\r\\n' $T > a.txt; git add .; git commit -qm w"),
    ("uncommitted", "echo $T > a.txt"),
    ("subject", "git commit -q --allow-empty -m \"use $T\""),
    ("body-minus", "git commit -q --allow-empty -m s -m \"- token $T\""),
    ("body-at", "git commit -q --allow-empty -m s -m \"@ $T\""),
    ("body-plus", "git commit -q --allow-empty -m s -m \"+++ b/$T\""),
    ("binary", "printf 'k=\\0\\n%s\\n' $T > a.bin; git add .; git commit -qm w"),
    ("no-diff", "echo '* -diff' > .gitattributes; echo $T > a.txt; git add .; git commit -qm w"),
    (
        "binary-attribute",
        "echo '*.txt binary' > .gitattributes; echo $T > a.txt; git add .; git commit -qm w",
    ),
    ("author-name", "git -c user.name=$T commit -q --allow-empty -m w"),
    ("author-email", "GIT_AUTHOR_EMAIL=$T@x git commit -q --allow-empty -m w"),
    ("committer", "GIT_COMMITTER_NAME=$T git commit -q --allow-empty -m w"),
    (
        "header",
        "git commit -q --allow-empty -m w; c=$(git cat-file commit HEAD | sed \"/^committer/a x-note $T\" | \
         git hash-object -t commit -w --stdin); git reset -q --soft $c",
    ),
    ("file-name", "echo x > $T.txt; git add .; git commit -qm w"),
    ("folder-name", "mkdir -p a/$T; echo x > a/$T/x; git add .; git commit -qm w"),
    ("link-target", "ln -s $T link; git add .; git commit -qm w"),
    ("link-name", "git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),$T; git commit -qm w"),
    (
        "module-url",
        "printf '[submodule \"x\"]\\n\\turl = https://me:%s@host/x\\n' $T > .gitmodules; git add .; git commit -qm w",
    ),
    ("own-branch", "git checkout -qb feature; echo $T > a.txt; git add .; git commit -qm w"),
    ("backup", "echo $T > a.txt; git add .; git commit -qm w; git branch backup"),
    ("removed-again", "echo $T > a.txt; git add .; git commit -qm w; git rm -q a.txt; git commit -qm r"),
    ("renamed", "echo $T > a.txt; git add .; git commit -qm w; git mv a.txt b.txt; git commit -qm r"),
    (
        "in-the-merge",
        "b=$(git branch --show-current); git checkout -qb side-1; echo s > s; git add .; git commit -qm s; \
         git checkout -q $b; git merge -q --no-ff --no-commit side-1; echo $T > a.txt; git add .; git commit -qm m",
    ),
    (
        "second-parent",
        "b=$(git branch --show-current); git checkout -qb side-2; echo $T > s; git add .; git commit -qm s; \
         git checkout -q $b; git merge -q -s ours side-2 -m m; git branch -qD side-2",
    ),
    (
        "other-root",
        "b=$(git branch --show-current); git checkout -q --orphan root; echo $T > o; git add .; git commit -qm o; \
         git checkout -q $b; git merge -q -s ours --allow-unrelated-histories root -m m",
    ),
    ("two-bytes", "printf %s $T | sed 's/./&\\x00/g' > a.txt; git add .; git commit -qm w"),
    ("escaped-before", "printf '{\"k\":\"x\\\\n%s\"}' $T > a.json; git add .; git commit -qm w"),
    ("escaped-inside", "printf '\"\\\\u0067%s\"' ${T#g} > a.json; git add .; git commit -qm w"),
    (
        "escaped-twice",
        "printf '\"{\\\\\"k\\\\\":\\\\\"x\\\\\\\\n%s' $T > a.json; git add .; git commit -qm w",
    ),
    ("program", "printf '#!/bin/sh\\n: %s\\n' $T > run; chmod +x run; git add .; git commit -qm w"),
    (
        "long-line",
        "{ head -c 3000000 /dev/zero | tr '\\0' a; printf ' %s' $T; } > a.txt; git add .; git commit -qm w",
    ),
    (
        "large",
        "{ head -c 8800000 /dev/zero; printf %s $T; head -c 200000 /dev/zero; } > a.bin; git add .; git commit -qm w",
    ),
    (
        "among-many",
        "for i in $(seq 200); do echo $i > f$i; done; echo $T >> f77; git add .; git commit -qm w",
    ),
    ("private-key", "cp $KEYS/pem server.txt; git add .; git commit -qm w"),
    ("environment", "cat $KEYS/phrase > a.txt; git add .; git commit -qm w"),
    (
        "replaced",
        "echo $T > a.txt; git add .; git commit -qm w; \
         git replace $(git rev-parse HEAD:a.txt) $(echo clean | git hash-object -w --stdin)",
    ),
    (
        "forged-branch",
        "echo $T > a.txt; git add .; git commit -qm w; git update-ref refs/remotes/origin/old HEAD",
    ),
    (
        "forged-look",
        "echo $T > a.txt; git add .; git commit -qm w; \
         git update-ref refs/orchestra-local/remotes/origin/agents/old-00000 HEAD",
    ),
    (
        "other-remote",
        "echo $T > a.txt; git add .; git commit -qm w; git update-ref refs/remotes/backup/main HEAD",
    ),
    // This is the last one: what follows a change of attributes is refused until a person accepts it.
    (
        "private-attributes",
        "d=$(git rev-parse --git-common-dir)/info; mkdir -p $d; echo '*.priv -diff' > $d/attributes; \
         echo $T > a.priv; git add .; git commit -qm w",
    ),
];

/// Work that has read a secret, but does not carry it.
const HONEST: &[(&str, &str)] = &[
    ("plain", "echo 1 > one.txt"),
    (
        "amended",
        "echo $T > a.txt; git add .; git commit -qm w; git rm -q a.txt; git commit -q --amend --allow-empty -m w",
    ),
    ("tagged", "echo 2 > two.txt; git add .; git commit -qm w; git tag -am \"$T\" v1"),
    ("noted", "echo 3 > three.txt; git add .; git commit -qm w; git notes add -m \"$T\""),
    (
        "on-a-branch",
        "echo 4 > four.txt; git add .; git commit -qm w; git checkout -qb elsewhere; echo $T > x; git add .; git commit -qm x; git checkout -q -",
    ),
];

/// Creates a repository with a hub, and files with secrets outside of it.
pub(crate) fn with_keys(world: &World) -> TestRepo<'_> {
    let repo = first(world);
    repo.git(["config", "orchestra.jobs", "6"]);
    let pem = format!("-----BEGIN OPENSSH PRIVATE {}-----\n{BODY}\n-----END\n", "KEY");
    for (name, text) in [("token", token()), ("pem", pem), ("phrase", format!("{PHRASE}\n"))] {
        fs::write(world.dir().join(name), text).expect("a file");
    }
    repo
}

/// Spawns an agent with one of the scripts above.
fn spawn(repo: &TestRepo<'_>, name: &str, script: &str) -> String {
    let keys = repo.world().dir().display();
    spawn_task(repo, name, &format!("KEYS='{keys}'; T=$(cat $KEYS/token); {script}"))
}

/// Spawns an agent whose task is this text.
pub(crate) fn spawn_task(repo: &TestRepo<'_>, name: &str, task: &str) -> String {
    repo.orchestra(["spawn", "--agent", "sh", "--detach", "--name", name, "--", task]).succeeded().line()
}

pub(crate) fn sync(repo: &TestRepo<'_>, options: &[&str]) -> Ran {
    let arguments = [&["sync", "--json"], options].concat();
    Ran::of(repo.orchestra_command(arguments).env("DEPLOY_TOKEN", PHRASE))
}

/// Returns the names of the agents that were not sent.
pub(crate) fn held(ran: &Ran) -> BTreeSet<String> {
    let report = ran.json();
    let held = report["held"].as_array().cloned().unwrap_or_default();
    let held = held.iter().filter_map(|one| one["name"].as_str().map(str::to_owned));
    // Broken agents are not sent either.
    let unsent = report["unsent"].as_object().cloned().unwrap_or_default();
    held.chain(unsent.keys().filter_map(|name| Some(name.rsplit_once('/')?.1.to_owned()))).collect()
}

/// Whether any object of a hub contains the secret, in any encoding.
pub(crate) fn leaked(world: &World, hub: &str) -> bool {
    let mut command = world.command("git", &world.dir().join(hub));
    let output =
        command.args(["cat-file", "--batch", "--batch-all-objects", "--buffer", "--unordered"]).output();
    let bytes: Vec<u8> = output.expect("git").stdout.into_iter().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    text.contains(BODY) || text.contains(PHRASE)
}

pub(crate) fn names_at_hub(world: &World) -> BTreeSet<String> {
    shared_of_hub(world).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn work_with_a_secret_is_held_and_the_rest_is_sent() {
    let world = world();
    let a = with_keys(&world);
    let honest: Vec<String> = HONEST.iter().map(|(name, script)| spawn(&a, name, script)).collect();
    let carriers: Vec<String> = WORK.iter().map(|(name, script)| spawn(&a, name, script)).collect();
    for id in honest.iter().chain(&carriers) {
        let phase = a.end_of(id)["phase"].clone();
        assert_eq!(phase, "done", "{id}: {}", a.orchestra(["logs", id]).stdout());
    }
    // One of them wrote attributes of the whole repository.
    a.accept_configuration();
    let expected: BTreeSet<String> = carriers.iter().cloned().collect();
    let dry = sync(&a, &["-n"]).exits(1);
    assert_eq!(held(&dry), expected, "a dry run looks as well");
    assert!(names_at_hub(&world).is_empty());
    let ran = sync(&a, &[]).exits(1);
    assert_eq!(held(&ran), expected);
    assert!(!leaked(&world, "hub.git"));
    let there = names_at_hub(&world);
    for id in &honest {
        for kind in ["agents", "heads"] {
            assert!(there.contains(&format!("refs/orchestra/{kind}/{id}")), "{id}: {there:?}");
        }
    }
    assert_eq!(there.len(), 2 * honest.len(), "{there:?}");
    // Each is named, with the command to type.
    for id in &carriers {
        assert!(ran.stderr().contains(&format!("agent '{id}' is not sent")), "{id}: {}", ran.stderr());
    }
    // The next sync reports the same, without scanning again.
    assert_eq!(held(&sync(&a, &[]).exits(1)), expected);
    assert_eq!(names_at_hub(&world), there);
}

#[test]
fn events_with_a_secret_are_held_and_the_rest_is_sent() {
    let world = world();
    let a = with_keys(&world);
    let plain = spawn_task(&a, "plain", "echo 1 > one.txt");
    let long = format!("echo 1 > one.txt\n{}\n# {}\n", "# a line of a long task\n".repeat(300), token());
    let tasks = [
        ("task", format!("true # use {}", token())),
        ("escaped", format!(r"true # use \n{}", token())),
        ("escaped-twice", format!(r"true # use \\n{}", token())),
        ("long", long),
        ("later-line", format!("true\n\n\n# {}", token())),
        ("phrase", format!("true # {PHRASE}")),
        ("url", format!("true # https://me:{BODY}@host/x")),
    ];
    let mut carriers: BTreeSet<String> =
        tasks.iter().map(|(name, task)| spawn_task(&a, name, task)).collect();
    let reviewed = spawn_task(&a, "reviewed", "echo 2 > two.txt");
    let fails = spawn_task(&a, "fails", &format!("cat '{}/token' >&2; exit 1", world.dir().display()));
    let stopped = spawn_task(&a, "stopped", "touch ready; sleep 600");
    a.wait_for_file(&stopped, "ready");
    a.orchestra(["stop", &stopped, "-m", &format!("it used {}", token())]).succeeded();
    for id in carriers.iter().chain([&plain, &reviewed, &stopped, &fails]) {
        a.end_of(id);
    }
    a.orchestra(["review", &reviewed, "--reject", "-m", &format!("remove {}", token())]).exits(1);
    carriers.extend([reviewed, stopped]);
    let dry = sync(&a, &["-n"]).exits(1);
    let ran = sync(&a, &[]).exits(1);
    assert_eq!(held(&dry), held(&ran));
    let stayed = held(&ran);
    assert!(carriers.is_subset(&stayed), "{:?}", carriers.difference(&stayed));
    assert!(!leaked(&world, "hub.git"));
    let there = names_at_hub(&world);
    assert!(there.contains(&format!("refs/orchestra/heads/{plain}")), "{there:?}");
    for id in &carriers {
        assert!(!there.iter().any(|name| name.ends_with(id.as_str())), "{id}");
    }
}

/// Returns a script of an agent that commits the token.
fn commits(world: &World) -> String {
    format!("cat '{}/token' > key.txt; git add .; git commit -qm add", world.dir().display())
}

/// Spawns an agent that commits the token, and another that does not.
pub(crate) fn one_of_each(a: &TestRepo<'_>) -> (String, String) {
    let bad = spawn_task(a, "bad", &commits(a.world()));
    let good = spawn_task(a, "good", "echo good > good.txt");
    for id in [&bad, &good] {
        a.end_of(id);
    }
    (bad, good)
}

/// Checks that the one is not sent and the other is.
fn check_one_held(a: &TestRepo<'_>, bad: &str, good: &str) {
    let report = sync(a, &[]).exits(1);
    let held = held(&report);
    assert_eq!(held.into_iter().collect::<Vec<_>>(), [bad]);
    assert!(!leaked(a.world(), "hub.git"));
    assert!(names_at_hub(a.world()).contains(&format!("refs/orchestra/heads/{good}")));
}

#[test]
fn secrets_are_found_under_any_branch_name() {
    for (key, value) in [("", ""), ("orchestra.branchPrefix", "work/"), ("orchestra.branchPrefix", "")] {
        let world = world();
        let a = with_keys(&world);
        if key.is_empty() {
            // A branch of that name prevents 'orchestra/…'.
            a.git(["branch", "orchestra"]).succeeded();
        }
        let (bad, good) = one_of_each(&a);
        if !key.is_empty() {
            a.git(["config", key, value]).succeeded();
        }
        check_one_held(&a, &bad, &good);
    }
}

#[test]
fn landed_work_is_scanned_too() {
    let world = world();
    let a = with_keys(&world);
    let (bad, good) = one_of_each(&a);
    a.orchestra(["merge-ranked"]).succeeded();
    assert!(a.has("main", "key.txt"));
    check_one_held(&a, &bad, &good);
}

#[test]
fn objects_of_another_url_are_not_assumed_at_the_remote() {
    let world = world();
    let a = with_keys(&world);
    // The first hub has it: the user pushed it there.
    a.commit("with a key", &[("key.txt", &token())]);
    a.git(["push", "-q", "origin", "main"]).succeeded();
    let id = spawn_task(&a, "on-top", "echo 1 > one.txt");
    a.end_of(&id);
    assert!(held(&sync(&a, &[]).succeeded()).is_empty(), "the remote has it already");
    for (key, name) in [("url", "second.git"), ("pushurl", "third.git")] {
        let hub = world.dir().join(name);
        world.git(world.dir(), ["init", "-q", "--bare", &hub.to_string_lossy()]);
        a.git(["config", &format!("remote.origin.{key}"), &hub.to_string_lossy()]);
        let more = spawn_task(&a, "more", "echo 2 > two.txt");
        a.end_of(&more);
        let ran = Ran::of(&mut a.orchestra_command(["sync", "--yes", "--restore", "--json"]));
        assert!(ran.stderr().contains(&format!("agent '{more}' is not sent")), "{key}: {}", ran.stderr());
        assert!(!leaked(&world, name), "{key}");
    }
}

#[test]
fn older_commits_of_a_moved_remote_branch_stay_known() {
    let world = world();
    let (a, b) = (with_keys(&world), clone(&world, "b"));
    // An old secret that the remote has, below what was fetched.
    a.commit("with a key", &[("key.txt", &token())]);
    a.git(["push", "-q", "origin", "main"]).succeeded();
    b.git(["pull", "-q"]).succeeded();
    b.commit("more", &[("more.txt", "more\n")]);
    b.git(["push", "-q", "origin", "main"]).succeeded();
    let id = spawn_task(&a, "on-top", "echo 1 > one.txt");
    a.end_of(&id);
    let report = sync(&a, &[]).succeeded().json();
    assert_eq!((&report["held"], &report["own_work"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn a_line_that_the_remote_has_in_the_same_file_is_not_held() {
    let world = world();
    let a = with_keys(&world);
    a.commit("with a key", &[("key.txt", &format!("{}\n", token())), (&format!("x/{}", token()), "x")]);
    a.git(["push", "-q", "origin", "main"]).succeeded();
    let same = spawn_task(&a, "same", "echo more >> key.txt; echo more > x/more.txt");
    let copy = spawn_task(&a, "copy", "cp key.txt copy.txt; echo >> copy.txt");
    for id in [&same, &copy] {
        a.end_of(id);
    }
    assert_eq!(held(&sync(&a, &[]).exits(1)).into_iter().collect::<Vec<_>>(), [copy]);
}

#[test]
fn missing_or_broken_objects_are_not_sent() {
    let world = world();
    let a = with_keys(&world);
    let bad = spawn_task(&a, "bad", "echo unreadable > lost.txt; git add .; git commit -qm add");
    let good = spawn_task(&a, "good", "echo good > good.txt");
    for id in [&bad, &good] {
        a.end_of(id);
    }
    let blob = a.tip(&format!("refs/orchestra/heads/{bad}:lost.txt"));
    let file = a.path().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    fs::remove_file(&file).expect("a loose object");
    check_one_held(&a, &bad, &good);
    sync(&a, &[]).stderr_has("is missing");
}
