//! Real programs as designers, in the terminal of a person, with real executors.

use std::fs;

use serde_json::{Value, json};
use testkit::{TestRepo, until};

use crate::{
    codex::codex, gemini::gemini, mcp_client::with_quick_agents, opencode::opencode, person::Person,
    test_bed::TestBed,
};

/// Returns the world, unless there is no terminal.
pub(crate) fn test_bed() -> Option<TestBed> {
    let test_bed = TestBed::set()?;
    if testkit::has_terminal() {
        return Some(test_bed);
    }
    testkit::skip("ORCHESTRA_REQUIRE_REAL", "there is no terminal");
    None
}

/// Returns the designer, once its program runs.
pub(crate) fn designer(repo: &TestRepo<'_>) -> Value {
    until("the designer runs", || {
        let found =
            repo.agents().into_iter().find(|one| one["designer"] == true && one["phase"] == "running")?;
        let found = repo.agent(found["id"].as_str()?);
        found["pid"].is_i64().then_some(found)
    })
}

pub(crate) fn child(repo: &TestRepo<'_>, parent: &str, title: &str) -> Option<Value> {
    let is_it =
        |one: &Value| one["parent"] == parent && one["title"].as_str().is_some_and(|it| it.contains(title));
    repo.agents().into_iter().find(is_it)
}

/// Answers what Claude Code asks a person at its first start in a repository.
pub(crate) fn answer_first_questions(test_bed: &TestBed, repo: &TestRepo<'_>) {
    let config = test_bed.world().claude_config();
    fs::create_dir_all(&config).expect("a folder");
    let onboarded = json!({"hasCompletedOnboarding": true, "theme": "dark",
        "customApiKeyResponses": {"approved": ["dummy"], "rejected": []},
        "projects": {repo.path().to_string_lossy().into_owned(): {"hasTrustDialogAccepted": true}}});
    fs::write(config.join(".claude.json"), onboarded.to_string()).expect("written");
    let rules = json!({"permissions": {"allow": ["Bash"]}});
    fs::write(config.join("settings.json"), rules.to_string()).expect("written");
}

#[test]
fn claude_code_delegates_answers_and_continues() {
    let Some(test_bed) = test_bed() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    repo.git(["config", "orchestra.allow", "Bash"]);
    repo.write("spec.md", "# Two files\n");
    repo.orchestra(["spec", "new", "files", "--from", "spec.md"]).succeeded();
    fs::remove_file(repo.path().join("spec.md")).expect("removed");
    answer_first_questions(&test_bed, &repo);
    let before = repo.checkout();
    let mut person = Person::runs(&repo, "git-orchestra-designer", "", &[]);
    let me = designer(&repo);
    let id = me["id"].as_str().expect("an id").to_owned();
    let asking = person.types("it delegates", "FAKE-TALK with me", || child(&repo, &id, "FAKE-ASKING"));
    let writing = until("Codex was started", || child(&repo, &id, "FAKE-WRITE right.txt"));
    assert_eq!((&asking["profile"], &writing["profile"]), (&"claude".into(), &"codex".into()));
    for (agent, file) in [(&asking, "left.txt"), (&writing, "right.txt")] {
        let agent = agent["id"].as_str().expect("an id");
        let ended = repo.end_of(agent);
        assert_eq!(ended["phase"], "done", "{ended}");
        assert!(repo.has(&format!("refs/orchestra/heads/{agent}"), file), "{file}: {ended}");
    }
    // What they asked and reported went to the designer, and its answer to the one that asked.
    let messages = repo.orchestra(["inbox", "--json", "--all"]).succeeded().json();
    let kinds: Vec<&Value> =
        messages["messages"].as_array().expect("messages").iter().map(|one| &one["kind"]).collect();
    assert!(kinds.contains(&&"question".into()), "{messages}");
    let log = repo.git([
        "log",
        "--format=%B",
        &format!("refs/orchestra/agents/{}", asking["id"].as_str().unwrap_or_default()),
    ]);
    assert!(log.succeeded().stdout().contains(r#""t":"send","text":"FAKE-WRITE left.txt""#));
    // A person changes the spec, of which the designer hears, and lands the work.
    let file = test_bed.world().dir().join("spec.md");
    fs::write(&file, "# Three files\n").expect("written");
    let edited = repo.orchestra(["spec", "edit", "--from", &file.to_string_lossy()]);
    edited.succeeded().stderr_has(&format!("{id} hears what changed"));
    // Its hooks let the model hear that with the next message.
    let heard = || repo.events(&id).iter().filter(|fact| fact["t"] == "heard").count();
    let before_it = heard();
    person.types("it hears", "what changed?", || (heard() > before_it).then_some(()));
    person.sees("heard-of-three-files");
    let session = repo.agent(&id)["session"].clone();
    person.types("it exits", "/exit", || (repo.agent(&id)["phase"] == "done").then_some(()));
    let shown = person.leaves();
    assert!(shown.contains(&format!("--continue={id}")), "{shown}");
    assert_eq!(repo.checkout(), before, "nothing is in the checkout of the person");
    let asking = asking["id"].as_str().expect("an id");
    repo.orchestra(["review", asking, "--approve"]).succeeded();
    repo.orchestra(["merge-ranked", "--test", "test -s left.txt", asking]).succeeded();
    assert!(repo.has("main", "left.txt"));
    // The conversation continues.
    let mut person = Person::runs(&repo, "git-orchestra-designer", "--continue", &[]);
    let again = designer(&repo);
    assert_eq!((&again["id"], &again["attempt"], &again["session"]), (&me["id"], &2.into(), &session));
    // The screen has moves of the cursor between the words.
    person.sees("delegated.");
    person.types("it exits again", "/exit", || (repo.agent(&id)["phase"] == "done").then_some(()));
    person.leaves();
}

#[test]
fn opencode_delegates_and_its_session_is_found_again() {
    let Some(test_bed) = test_bed() else { return };
    let repo = test_bed.repo();
    // Its first start writes its data.
    let Some(mut first) = opencode(&test_bed, &repo, &["session", "list"]) else { return };
    testkit::Ran::of(&mut first).succeeded();
    let before = repo.checkout();
    let mut person = Person::runs(&repo, "git-orchestra-designer", "--agent opencode", &[]);
    let me = designer(&repo);
    let id = me["id"].as_str().expect("an id").to_owned();
    person.sees("commands");
    let writing =
        person.types("it delegates", "FAKE-OPENTALK with me", || child(&repo, &id, "FAKE-WRITE left.txt"));
    let writing = writing["id"].as_str().expect("an id");
    assert_eq!(repo.end_of(writing)["phase"], "done");
    assert_eq!(repo.file_in_head(writing, "left.txt"), "hello from the scripted agent\n");
    person.types("it exits", "/exit", || (repo.agent(&id)["phase"] == "done").then_some(()));
    person.leaves();
    let session = repo.agent(&id)["session"].as_str().expect("a session").to_owned();
    assert!(session.starts_with("ses_"), "{session}");
    let plan = repo.orchestra(["designer", "--continue", "--print", "--json"]).succeeded().json();
    assert!(plan["argv"].to_string().contains(&format!("--session={session}")), "{plan}");
    assert_eq!(repo.checkout(), before);
}

/// A designer calls a tool, is left, and continues; `quits` is how it is left.
fn delegates_and_continues(repo: &TestRepo<'_>, program: &str, words: &str, quits: &str) {
    let before = repo.checkout();
    let mut person = Person::runs(repo, "git-orchestra-designer", &format!("--agent {program}"), &[]);
    let me = designer(repo);
    let id = me["id"].as_str().expect("an id").to_owned();
    let left = person.types("it delegates", words, || child(repo, &id, "left"));
    let left = left["id"].as_str().expect("an id");
    assert_eq!(repo.end_of(left)["phase"], "done");
    assert_eq!(repo.file_in_head(left, "made.txt").trim(), "left");
    person.sees("delegated.");
    person.types("it exits", quits, || (repo.agent(&id)["phase"] == "done").then_some(()));
    person.leaves();
    let session = repo.agent(&id)["session"].clone();
    assert!(session.is_string(), "its conversation is found");
    let mut person = Person::runs(repo, "git-orchestra-designer", "--continue", &[]);
    let again = designer(repo);
    assert_eq!((&again["id"], &again["attempt"], &again["session"]), (&me["id"], &2.into(), &session));
    person.sees("delegated.");
    person.types("it exits again", quits, || (repo.agent(&id)["phase"] == "done").then_some(()));
    person.leaves();
    assert_eq!(repo.checkout(), before);
}

#[test]
fn codex_delegates_and_continues() {
    let Some(test_bed) = test_bed() else { return };
    let repo = test_bed.repo();
    let Some(_) = codex(&test_bed, &repo, &[]) else { return };
    // The person trusted the project before.
    let settings = test_bed.world().home().join(".codex/config.toml");
    let before = fs::read_to_string(&settings).expect("settings");
    let trusted = format!("[projects.\"{}\"]\ntrust_level = \"trusted\"\n", repo.path().display());
    fs::write(&settings, before + &trusted).expect("written");
    with_quick_agents(&repo);
    delegates_and_continues(&repo, "codex", "FAKE-CODEXTALK with me", "/quit");
}

#[test]
fn gemini_delegates_hears_and_continues() {
    let Some(test_bed) = test_bed() else { return };
    let repo = test_bed.repo();
    let Some(_) = gemini(&test_bed, &repo, &[]) else { return };
    let folder = test_bed.world().home().join(".gemini");
    repo.git(["config", "orchestra.agent.gemini.model", "gemini-2.5-pro"]);
    with_quick_agents(&repo);
    // Its agent reports to it.
    let script = test_bed.world().dir().join("quick.sh");
    fs::write(&script, "cp \"$1\" made.txt && git-orchestra inbox tell -k complete finished\n")
        .expect("written");
    let command = format!("sh {} {{prompt_file}}", script.display());
    repo.git(["config", "orchestra.agent.quick.command", &command]);
    delegates_and_continues(&repo, "gemini", "FAKE-GEMINITALK with me", "/quit");
    let agents = repo.agents();
    let me = agents.iter().find(|one| one["designer"] == true).expect("the designer");
    let events = repo.events(me["id"].as_str().expect("an id"));
    assert!(events.iter().any(|fact| fact["t"] == "heard"), "{events:?}");
    // The program itself rewrites older settings.
    let settings = fs::read_to_string(folder.join("settings.json")).expect("settings");
    assert!(!settings.contains("mcpServers") && !settings.contains("hooks"), "{settings}");
    assert!(!folder.join("extensions").exists());
}
