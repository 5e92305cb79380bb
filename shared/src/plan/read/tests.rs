use proptest::prelude::*;

use super::*;
use crate::plan::{Task, flaws, markdown};

fn plan(file: &str) -> (Format, Plan) {
    read(file, &Choice::default()).unwrap()
}

/// Returns the tasks as `id after…: title` and, for a done one, a tick.
fn outline(plan: &Plan) -> Vec<String> {
    let line = |task: &Task| {
        let after: String = task.after.iter().map(|id| format!(" <{id}")).collect();
        format!("{}{}{after}: {}", if task.done { "x " } else { "" }, task.id, task.title)
    };
    plan.tasks.iter().map(line).collect()
}

const PLAN: &str = "\
---
orchestra-plan: 1
into: main
check: cargo test
---
# Rate limiting

- [ ] `limiter` Add a token bucket
      agent: claude   team: feature-dev   files: src/limit/**, tests/**   size: 3
      Free text until the next item is the task,

      - lists
      ```
      - and code
      ```
- [ ] `api` Use it in every handler   (after: limiter)
- [x] `docs` Write the page           (after: api)
Notes.
  not a task
- [ ] Tell the users
      note: this is text
";

#[test]
fn our_own_format() {
    let (format, plan) = plan(PLAN);
    assert_eq!(format, Format::Checklist);
    assert_eq!(
        outline(&plan),
        [
            "limiter: Add a token bucket",
            "api <limiter: Use it in every handler",
            "x docs <api: Write the page",
            "tell-users: Tell the users",
        ]
    );
    assert_eq!((plan.title.as_deref(), plan.into.as_deref()), (Some("Rate limiting"), Some("main")));
    let limiter = &plan.tasks[0];
    assert_eq!((limiter.agent.as_deref(), limiter.team.as_deref()), (Some("claude"), Some("feature-dev")));
    assert_eq!(
        (limiter.files.as_slice(), limiter.size),
        (["src/limit/**", "tests/**"].map(String::from).as_slice(), Some(3))
    );
    assert_eq!(
        limiter.details,
        "Free text until the next item is the task,\n\n- lists\n```\n- and code\n```"
    );
    assert_eq!(plan.tasks[3].details, "note: this is text");
    assert_eq!(plan.tasks.iter().map(|task| task.line).collect::<Vec<_>>(), [8, 16, 17, 20]);
    let written = markdown(&plan);
    assert_eq!(self::plan(&written).1.tasks.len(), 4, "{written}");
}

#[test]
fn ids_and_ticks_are_written_into_the_file() {
    let (_, plan) = plan(PLAN);
    let with = with_ids(PLAN, &plan);
    assert_eq!(with, PLAN.replace("- [ ] Tell", "- [ ] `tell-users` Tell"));
    assert_eq!(with_ids(&with, &self::plan(&with).1), with);
    let Task { id, title, .. } = &plan.tasks[1];
    let ticked = tick(PLAN, id, title).unwrap();
    assert_eq!(ticked, PLAN.replace("- [ ] `api`", "- [x] `api`"));
    assert_eq!(tick(&ticked, id, title), Err(Untickable::Ticked));
    let another = PLAN.replace("every handler", "one handler");
    assert_eq!(tick(&another, id, title), Err(Untickable::Gone), "another task");
    let windows = PLAN.replace('\n', "\r\n");
    let (_, of_windows) = self::plan(&windows);
    assert_eq!(outline(&of_windows), outline(&plan));
    assert_eq!(with_ids(&windows, &of_windows), with.replace('\n', "\r\n"));
}

#[test]
fn what_only_looks_like_ours_is_text() {
    for (file, outline_of_it) in [
        ("- a (after: Something else!)\n", vec!["a-after-something: a (after: Something else!)"]),
        ("- a (after:)\n", vec!["a-after: a (after:)"]),
        ("- `cargo test` fails\n", vec!["cargo-test-fails: `cargo test` fails"]),
        ("- a\n- a\n", vec!["a-task: a", "a-task-2: a"]),
        ("- [x] \n- b c\n", vec!["b-c: b c"]),
        ("fix auth\n\n# later\nfix tests\n", vec!["fix-auth: fix auth", "fix-tests: fix tests"]),
    ] {
        let found = outline(&plan(file).1);
        let titles = |lines: &[String]| -> Vec<String> {
            lines.iter().filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
        };
        let expected: Vec<String> = outline_of_it.iter().map(ToString::to_string).collect();
        assert_eq!(titles(&found), titles(&expected), "{file}");
    }
    let long = format!("- {}\n", "word ".repeat(100));
    let task = &plan(&long).1.tasks[0];
    assert!(task.title.ends_with('…') && task.details.ends_with("word"), "nothing of a long title is lost");
}

const HEADINGS: &str = "\
---
into: main
---
# Login

What this is about.

## Add auth

agent: claude

Use tokens:

- with an expiry
```
after: code, not a key
```

### Notes
Keep it small.

## `page` Show the page
It has a form.
after: Add Auth, Set up

## [x] Set up
## Tell the users (after: page)
";

#[test]
fn headings_with_text_are_tasks() {
    let (format, plan) = plan(HEADINGS);
    assert_eq!(format, Format::Headings);
    assert_eq!(
        outline(&plan),
        [
            "add-auth: Add auth",
            "page <add-auth <set-up: Show the page",
            "x set-up: Set up",
            "tell-users <page: Tell the users",
        ]
    );
    assert_eq!((plan.title.as_deref(), plan.into.as_deref()), (Some("Login"), Some("main")));
    assert_eq!(plan.tasks[0].agent.as_deref(), Some("claude"));
    assert_eq!(
        plan.tasks[0].details,
        "Use tokens:\n\n- with an expiry\n```\nafter: code, not a key\n```\n\n### Notes\nKeep it small."
    );
    assert_eq!(plan.tasks[1].details, "It has a form.");
    assert_eq!(plan.tasks.iter().map(|task| task.line).collect::<Vec<_>>(), [8, 22, 26, 27]);
    assert!(flaws(&plan).is_empty() && plan.left_out.is_empty());
    assert_eq!(outline(&self::plan(&markdown(&plan)).1), outline(&plan));
}

#[test]
fn no_heading_with_text_is_dropped_unsaid() {
    // A name of no task is a flaw on its line.
    let unknown = plan("## Add auth\nText.\n## Use it\nafter: Ad auth\n").1;
    let found: Vec<(usize, String)> =
        flaws(&unknown).into_iter().map(|flaw| (flaw.line, flaw.message)).collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].0 == 3 && found[0].1.contains("does not exist; did you mean 'add-auth'?"), "{found:?}");
    // The headings of a file with boxes are no tasks: what was meant as one is named.
    let mixed = plan("- [ ] One\n## Add auth\nText.\nafter: One\n## Empty\n").1;
    assert_eq!(outline(&mixed), ["one: One"]);
    assert_eq!(flaws(&mixed).iter().map(|flaw| flaw.line).collect::<Vec<_>>(), [4]);
    assert!(flaws(&mixed)[0].message.contains("below the heading 'Add auth'"));
    assert_eq!(mixed.left_out[0].what, "heading 'Add auth' on line 2");
    // Headings above lists are groups.
    let groups = plan("# Plan\nIntroduction.\n## Backend\nFirst of all:\n- One\n## UI\n- Two\n").1;
    assert_eq!((outline(&groups).len(), groups.left_out.len(), flaws(&groups).len()), (2, 0, 0));
    let phases = plan("## Phase\n### One\nText.\n### Two\n").1;
    assert_eq!(outline(&phases).len(), 2);
    assert_eq!(phases.left_out[0].what, "heading 'Phase' on line 1");
}

#[test]
fn spec_kit_phases_are_barriers() {
    let (format, plan) = plan(
        "\
# Tasks: Rate limits

## Phase 1: Setup (Shared Infrastructure)

- [x] T001 Create the project per plan
- [ ] T002 [P] Configure linting

```bash
- [ ] T099 no task
```

## Phase 3: User Story 1 - Limits (Priority: P1)

**Goal**: it limits

- [ ] T010 [P] [US1] Contract test in tests/a.py
- [ ] T012 [P] [US1] Model in src/b.py
- [ ] T014 [US1] Service in src/c.py (depends on T010, T012)
- [ ] T015 [US1] Endpoint in src/d.py

## Dependencies & Execution Order

- **Setup (Phase 1)**: No dependencies

## Phase N: Polish

- [ ] TXXX [P] Documentation
",
    );
    assert_eq!(format, Format::SpecKit);
    assert_eq!(plan.title.as_deref(), Some("Rate limits"));
    assert_eq!(
        outline(&plan),
        [
            "x t001: Create the project per plan",
            "t002: Configure linting",
            "t010 <t001 <t002: Contract test in tests/a.py",
            "t012 <t001 <t002: Model in src/b.py",
            "t014 <t010 <t012: Service in src/c.py (depends on T010, T012)",
            "t015 <t014: Endpoint in src/d.py",
            "txxx <t015: Documentation",
        ]
    );
    assert!(flaws(&plan).is_empty());
}

#[test]
fn spec_kit_tasks_that_name_others_stay_behind_the_barrier() {
    let file = "## A\n- [ ] T001 a\n- [ ] T002 [P] b\n## B\n- [ ] T003 [P] c\n- [ ] T004 [P] d\n## C\n- [ ] T005 [P] e (depends on T001)\n\
                - [ ] T006 [P] f (Depends on T003\u{2013}T004, T005.)\n";
    assert_eq!(
        outline(&plan(file).1)[4..],
        [
            "t005 <t001 <t003 <t004: e (depends on T001)",
            "t006 <t003 <t004 <t005: f (Depends on T003\u{2013}T004, T005.)"
        ]
    );
}

const KIRO: &str = "\
# Implementation Plan

- [x] 1. Set up the project
- [ ] 2. Store limits
- [ ] 2.1 Write the schema
  - with an index
  - _Requirements: 1.1, 1.2_
  - [ ] 2.2 Write the queries
- [ ]* 2.3 Write unit tests
- [ ] 3. Show limits
";

#[test]
fn kiro_parts_come_one_after_another() {
    let (format, plan) = plan(KIRO);
    assert_eq!(format, Format::Kiro);
    assert_eq!(
        outline(&plan),
        ["x 1: Set up the project", "2.1: Write the schema", "2.2 <2.1: Write the queries", "3: Show limits"]
    );
    assert_eq!(
        plan.tasks[1].details,
        "- with an index\n- _Requirements: 1.1, 1.2_\n\nThis is a part of: Store limits"
    );
    assert_eq!(plan.left_out.iter().map(|one| &*one.what).collect::<Vec<_>>(), ["2.3 Write unit tests"]);
    let (_, all) = read(KIRO, &Choice { optional: true, ..Choice::default() }).unwrap();
    assert_eq!(outline(&all)[3], "2.3 <2.2: Write unit tests");
}

const TASK_MASTER: &str = r#"{
  "master": {"tasks": [
    {"id": 1, "title": "Setup", "description": "d", "status": "done", "dependencies": [], "subtasks": [
      {"id": 1, "title": "Clone", "status": "done", "dependencies": []},
      {"id": 2, "title": "Build", "status": "pending", "dependencies": [1], "testStrategy": "cargo build"}
    ]},
    {"id": 2, "title": "Assess", "details": "look", "status": "pending", "dependencies": [1], "subtasks": []},
    {"id": "3", "title": "Old", "status": "cancelled", "dependencies": []},
    {"id": 4, "title": "Parts", "status": "pending", "dependencies": [2], "subtasks": [
      {"id": 1, "title": "First", "dependencies": ["1.2"]},
      {"id": 2, "title": "Second", "dependencies": ["4.1"]}
    ]},
    {"id": 5, "title": "End", "dependencies": [4]}
  ]},
  "feature": {"tasks": [{"id": 1, "title": "Only", "dependencies": []}]}
}"#;

#[test]
fn kiro_checkpoints_and_waves_order_what_has_no_part_in_common() {
    let checkpoint = "- [ ] 1. A\n- [ ] 2. B\n- [ ] 3. Look\n  - Ensure all tests pass, ask the user\n- [ ] 4. C\n- [ ] 5. D\n";
    let lines = ["1: A", "2: B", "3 <1 <2: Look", "4 <3: C", "5 <3: D"];
    assert_eq!(outline(&plan(checkpoint).1), lines);
    // A task that two waves name is in the first; what no wave names keeps its place.
    for waves in [
        r#"{"waves": [{"id": 0, "tasks": ["2", 4]}, {"id": 1, "tasks": ["1", "9", "4"]}]}"#,
        r#"{"waves": [["2", "4"], [1]]}"#,
    ] {
        let file = format!("{checkpoint}\n```json\n{waves}\n```\n");
        let lines = ["1 <2 <4: A", "2: B", "3 <1 <2: Look", "4: C", "5 <3: D"];
        assert_eq!(outline(&plan(&file).1), lines, "{waves}");
        assert!(flaws(&plan(&file).1).is_empty());
    }
    let broken = format!("{checkpoint}\n```json\n{{\"waves\": 7}}\n```\n");
    assert_eq!(outline(&plan(&broken).1), lines);
}

#[test]
fn task_master_parts_and_tags() {
    let (format, plan) = plan(TASK_MASTER);
    assert_eq!(format, Format::TaskMaster);
    assert_eq!(
        outline(&plan),
        [
            "x 1.1: Clone",
            "x 1.2 <1.1: Build",
            "2 <1.2: Assess",
            "4.1 <1.2 <2: First",
            "4.2 <4.1: Second",
            "5 <4.2: End",
        ]
    );
    assert_eq!(plan.tasks[1].details, "How to test it: cargo build\n\nThis is a part of: Setup");
    assert_eq!(plan.left_out[0].why, "cancelled");
    assert!(flaws(&plan).is_empty());
    let of = |tag: &str| read(TASK_MASTER, &Choice { tag: Some(tag.to_owned()), ..Choice::default() });
    assert_eq!(outline(&of("feature").unwrap().1), ["1: Only"]);
    assert_eq!(of("none").unwrap_err().hints, ["--tag names one of: feature, master"]);
    assert_eq!(outline(&self::plan(r#"{"tasks": [{"id": 7, "title": "T"}]}"#).1), ["7: T"]);
}

#[test]
fn what_a_list_of_task_master_leaves_out_is_passed_over() {
    let file = r#"{"tasks": [
      {"id": 1, "title": "A", "status": "pending"},
      {"id": 2, "title": "B", "status": "cancelled", "dependencies": [1, 3]},
      {"id": 3, "title": "C", "status": "deferred", "dependencies": [2]},
      {"id": 4, "title": "D", "dependencies": [2], "subtasks": [
        {"id": 1, "title": "E", "dependencies": [4]},
        {"id": 2, "title": "F", "status": "cancelled"},
        {"id": 3, "title": "G", "dependencies": [1, "4.2"]}
      ]},
      {"id": 5, "title": "H", "status": "done", "subtasks": [{"id": 1, "title": "I", "status": "pending"}]},
      {"id": 6, "title": "J", "subtasks": [{"id": 1, "title": "K", "status": "cancelled"}]}
    ]}"#;
    let (_, plan) = plan(file);
    assert_eq!(outline(&plan), ["1: A", "4.1 <1: E", "4.3 <4.1: G", "x 5.1: I", "6: J"]);
    assert_eq!(plan.left_out.len(), 4);
    assert!(flaws(&plan).is_empty());
}

#[test]
fn parts_of_beads_wait_for_what_their_epics_need() {
    let issue = |id: &str, kind: &str, links: &[(&str, &str)]| {
        let links: Vec<_> = links
            .iter()
            .map(|(other, kind)| serde_json::json!({"issue_id": id, "depends_on_id": other, "type": kind}))
            .collect();
        serde_json::json!({"id": id, "title": id, "status": "open", "issue_type": kind, "dependencies": links})
            .to_string()
    };
    let file = [
        issue("a", "epic", &[("a1", "blocks")]),
        issue("a1", "epic", &[("a", "parent-child")]),
        issue("x", "task", &[("a1", "parent-child")]),
        issue("y", "task", &[("a1", "parent-child"), ("a", "blocks"), ("x", "blocks")]),
        issue("b", "epic", &[("a", "blocks"), ("z", "blocks")]),
        issue("z", "task", &[("b", "parent-child")]),
        // A circle of epics ends.
        issue("c", "epic", &[("d", "parent-child")]),
        issue("d", "epic", &[("c", "parent-child")]),
        issue("w", "task", &[("c", "blocks")]),
    ]
    .join("\n");
    let (_, plan) = plan(&file);
    assert_eq!(outline(&plan), ["x: x", "y <x: y", "z <x <y: z", "w: w"]);
    assert!(flaws(&plan).is_empty());
}

#[test]
fn beads_open_issues() {
    let file = [
        r#"{"id":"bd-1","title":"Epic","status":"open","issue_type":"epic","priority":0}"#,
        r#"{"id":"bd-2","title":"Part","description":"do it","status":"open","issue_type":"task","priority":2,"dependencies":[{"issue_id":"bd-2","depends_on_id":"bd-1","type":"parent-child"},{"issue_id":"bd-2","depends_on_id":"bd-4","type":"blocks"}]}"#,
        "",
        r#"{"id":"bd-3","title":"Later","status":"open","priority":3,"dependencies":[{"issue_id":"bd-3","depends_on_id":"bd-1","type":"blocks"},{"issue_id":"bd-3","depends_on_id":"bd-5","type":"related"}]}"#,
        r#"{"id":"bd-4","title":"Closed","status":"closed","priority":1}"#,
        r#"{"id":"bd-5","title":"First","status":"in_progress","priority":1}"#,
    ]
    .join("\n");
    let (format, plan) = plan(&file);
    assert_eq!(format, Format::Beads);
    assert_eq!(outline(&plan), ["bd-5: First", "bd-2: Part", "bd-3 <bd-2: Later"]);
    assert_eq!(plan.tasks[1].details, "do it\n\nThis is a part of: Epic");
    let broken = format!("{file}\n{{\"id\":");
    assert!(read(&broken, &Choice::default()).unwrap_err().message.contains("line 7"));
}

#[test]
fn what_cannot_be_a_plan_is_refused() {
    for (file, message) in [
        ("", "the plan has no task"),
        ("# Title\n\n", "the plan has no task"),
        ("- [ ] \n", "the plan has no task"),
        ("{\"a\": 1}", "the plan is JSON of no known format"),
        ("{", "the plan is JSON of no known format"),
        ("[1]", "the plan is JSON of no known format"),
        ("---\norchestra-plan: 9\n---\n- a\n", "the plan has version 9; this git orchestra knows version 1"),
    ] {
        assert_eq!(read(file, &Choice::default()).unwrap_err().message, message, "{file}");
    }
    let many = "- a\n".repeat(1001);
    assert_eq!(read(&many, &Choice::default()).unwrap_err().code, Code::LimitExceeded);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(file in "(?s)[-#*\\[\\] x`a-c:(),.{}\"0-9T\n ]{0,200}") {
        if let Ok((_, plan)) = read(&file, &Choice::default()) {
            let _ = (flaws(&plan), crate::plan::levels(&plan), with_ids(&file, &plan));
        }
    }

    #[test]
    fn written_plans_read_as_the_same(
        tasks in prop::collection::vec(
            ("[a-zA-Z`(][a-z `(),:]{0,30}[a-z]", "[a-z -]{0,20}(\n[ a-z:-]{0,20}){0,3}", any::<bool>(), 0usize..4, prop::option::of(1u8..6)),
            1..8,
        )
    ) {
        let id = |n: usize| TaskId::parse(&format!("t{n}")).unwrap();
        let tasks: Vec<Task> = tasks.into_iter().enumerate().map(|(n, (title, details, done, back, size))| Task {
            id: id(n),
            title,
            details: items::dedent(details.lines()),
            done,
            after: (n.saturating_sub(back)..n).map(id).collect(),
            agent: done.then(|| "claude".to_owned()),
            size,
            ..Task::default()
        }).collect();
        let plan = Plan { title: Some("A plan".to_owned()), tasks, ..Plan::default() };
        let (_, read) = read(&markdown(&plan), &Choice::default()).unwrap();
        let plain = |plan: &Plan| plan.tasks.iter().map(|task| Task { line: 0, ..task.clone() }).collect::<Vec<_>>();
        prop_assert_eq!(plain(&read), plain(&plan));
    }
}
