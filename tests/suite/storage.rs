//! The man page about storage is sufficient to read agents: its reader, a shell script that uses only git,
//! returns everything that we know.

use std::{collections::BTreeSet, fs};

use orchestra::{
    model::{self, run, spec},
    wire::FACTS,
};
use serde_json::Value;
use testkit::Ran;

use crate::{
    sync::{clone, first, sync},
    world,
};

/// Returns the script on the page, as `man` would show it.
fn reader() -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/man/gitorchestra-storage.5"))
        .expect("a page");
    let examples = page.split(".SH EXAMPLES").nth(1).expect("examples");
    let script = examples.split(".EX\n").nth(1).and_then(|rest| rest.split(".EE").next()).expect("a script");
    script.replace("\\e", "\\")
}

#[test]
fn a_script_that_uses_git_alone_reads_everything_back() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let long = format!("echo 1 > one.txt # {}", "é".repeat(3000));
    let (done, long, gone) = (a.spawn("echo 2 > two.txt"), a.spawn(&long), a.spawn("echo 3 > three.txt"));
    for id in [&done, &long, &gone] {
        a.end_of(id);
    }
    a.orchestra(["collect"]).succeeded();
    a.orchestra(["merge-ranked", &gone]).succeeded();
    a.orchestra(["cleanup", &gone]).succeeded();
    sync(&a);
    sync(&b);
    // An agent with new events in both clones.
    for (repo, why) in [(&a, "good"), (&b, "very good")] {
        repo.orchestra(["review", &done, "--approve", "-m", why]).succeeded();
    }
    for repo in [&a, &b, &a] {
        sync(repo);
    }
    let script = world.dir().join("reader");
    fs::write(&script, reader()).expect("written");
    let told = Ran::of(b.command("sh").arg(&script)).succeeded().stdout();
    for line in [format!("agent {long} done"), format!("archived {gone}"), format!("agent {done} joined")] {
        assert!(told.lines().any(|one| one == line), "{line} in {told}");
    }
    let events: BTreeSet<String> =
        told.lines().filter_map(|line| line.strip_prefix("  event ")).map(str::to_owned).collect();
    let mut ours = BTreeSet::new();
    for (name, _) in a.refs("refs/orchestra/agents").into_iter().chain(a.refs("refs/orchestra/archive")) {
        let all = a.git(["log", "--format=%B", &name]).stdout();
        ours.extend(all.lines().filter(|line| line.starts_with('{')).map(str::to_owned));
    }
    assert!(events == ours && events.iter().filter(|event| event.contains("\"t\":\"verdict\"")).count() == 2);
    assert!(told.contains("two.txt") && told.contains("one.txt"));
    assert_eq!(told.matches("  task 6").count(), 1, "{told}");
    assert!(
        told.lines().any(|line| line.starts_with("note ") && line.contains("\"t\":\"landed\"")),
        "{told}"
    );
    assert!(told.lines().any(|line| line.starts_with("note ") && line.contains("very good")), "{told}");
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/man/gitorchestra-storage.5");
/// What surrounds the events on the page.
const BEGIN: &str = ".\\\" Events: written by ORCHESTRA_BLESS=1 cargo test \\-\\-test suite fresh\n";
const END: &str = ".\\\" End of the events\n";

/// Returns the part of a schema to which a value leads.
fn part<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let named = value["$ref"].as_str().and_then(|name| schema.pointer(name.trim_start_matches('#')));
    let one_of = || value["anyOf"].as_array()?.iter().find(|one| one["type"] != "null");
    match named.or_else(|| one_of().map(|one| part(schema, one))) {
        Some(found) => found,
        None if value["items"].is_object() => part(schema, &value["items"]),
        None => value,
    }
}

/// Returns the keys of an object with what they mean, sorted.
fn keys<'a>(schema: &'a Value, object: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let named = object["$ref"].is_string().then(|| part(schema, object)).into_iter();
    let all = named.chain([object]).filter_map(|one| one["properties"].as_object()).flatten();
    all.filter(|(key, _)| *key != "t").collect()
}

/// Writes a description as a man page has it: without the marks of the documentation, and on one line.
fn plain(description: &Value) -> String {
    let text = description.as_str().unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let text = text.replace(['[', ']', '`'], "").replace('\n', " ").replace('\\', "\\e");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// Returns the words that a value can be, or the keys that it has.
fn more(schema: &Value, value: &Value) -> String {
    let found = part(schema, value);
    let one_of = found["oneOf"].as_array().into_iter().flatten().filter_map(|one| one["const"].as_str());
    let words = found["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).chain(one_of);
    let words: Vec<&str> = words.collect();
    let inner: Vec<&str> = keys(schema, found).into_iter().map(|(key, _)| key.as_str()).collect();
    match (words.as_slice(), inner.as_slice()) {
        ([], []) => String::new(),
        ([], inner) => format!(" Its keys: {}.", inner.join(", ")),
        (words, _) => format!(" One of: {}.", words.join(", ")),
    }
}

/// Returns the sections of the page about the events of all logs.
fn events() -> String {
    let mut out = String::new();
    for subject in FACTS {
        let schema = serde_json::to_value(subject.schema()).expect("JSON");
        out.push_str(&format!(".SH EVENTS IN {}\n", subject.name.to_uppercase()));
        for fact in schema["oneOf"].as_array().expect("facts") {
            let name = fact["properties"]["t"]["const"].as_str().expect("a name");
            out.push_str(&format!(".TP\n\\fB{name}\\fR\n{}\n", plain(&fact["description"])));
            let keys = keys(&schema, fact);
            if keys.is_empty() {
                continue;
            }
            out.push_str(".RS\n");
            for (key, value) in keys {
                let says = if value["description"].is_string() { value } else { part(&schema, value) };
                let (says, more) = (plain(&says["description"]), more(&schema, value));
                out.push_str(&format!(".TP\n\\fB{key}\\fR\n{says}{more}\n"));
            }
            out.push_str(".RE\n");
        }
    }
    out
}

/// `ORCHESTRA_BLESS=1 cargo test --test suite fresh` writes the events into the page.
#[test]
fn the_events_on_the_page_are_fresh_and_complete() {
    let page = fs::read_to_string(PAGE).expect("a page");
    let (before, rest) = page.split_once(BEGIN).expect("the begin");
    let (shown, after) = rest.split_once(END).expect("the end");
    let events = events();
    let subjects = [&model::Fact::NAMES[..], &run::Fact::NAMES, &spec::Fact::NAMES];
    for (part, names) in events.split(".SH ").skip(1).zip(subjects) {
        for name in names {
            assert!(part.contains(&format!(".TP\n\\fB{name}\\fR\n")), "{name} is not in {part}");
        }
    }
    if std::env::var_os("ORCHESTRA_BLESS").is_some() {
        fs::write(PAGE, format!("{before}{BEGIN}{events}{END}{after}")).expect("written");
        return;
    }
    assert!(shown == events, "not fresh: ORCHESTRA_BLESS=1 cargo test --test suite fresh");
    let folds =
        format!("({}; for runs {}, for specs {})", model::fold::FOLD, run::fold::FOLD, spec::fold::FOLD);
    assert!(page.contains(&folds), "the versions of the folds are not {folds}");
}

/// Every key of the file in git's registration is on the page.
#[test]
fn the_page_describes_how_a_worktree_was_made_ready() {
    let world = world();
    let repo = world.repo();
    repo.commit("ignore", &[(".gitignore", ".env\n"), (".worktreeinclude", ".env\ntracked\n")]);
    repo.write(".env", "token\n");
    repo.git(["config", "orchestra.setup", "true"]);
    let id = repo.spawn("true");
    repo.end_of(&id);
    let file = repo.path().join(".git/worktrees").join(&id).join("orchestra-ready.json");
    let ready: serde_json::Value = serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON");
    assert_eq!((&ready["copies"][0]["path"], &ready["set_up"]), (&".env".into(), &"true".into()), "{ready}");
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/man/gitorchestra-storage.5"));
    let page = page.expect("a page");
    let keys = |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect();
    let all: [Vec<String>; 2] = [keys(&ready), keys(&ready["copies"][0])];
    for key in all.concat() {
        assert!(page.contains(&format!("\\fB{key}\\fR")), "{key} is not on the page");
    }
}
