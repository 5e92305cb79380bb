//! Events as earlier versions wrote them, and as strangers might: their bytes, and what is read out of them.

use super::{Event, fold, trailers};

/// One agent, told by every kind of event. Each line is canonical, with every field that its kind can have.
const LIFE: &[&str] = &[
    r#"{"after":["add-auth-11111"],"at":"2026-11-21T01:40:00Z","base":"1111111111111111111111111111111111111111","branch":"orchestra/add-tests-k3m9q","designer":true,"l":1,"label":"laptop","model":"large","on_failed":"stop","parent":"plan-work-00000","permission":"acceptEdits","place":2,"profile":"claude","prompt":"Add tests","reviews":"add-auth-11111","role":"tester","run":"019aa0a0a0a012345","snapshot":"6666666666666666666666666666666666666666","snapshot_files":5,"t":"created","tags":["night","web"],"team":{"name":"duo","roles":[{"name":"second","writes":true},{"name":"third","writes":false}],"rounds":2},"title":"Add tests","v":1,"w":"5t2k"}"#,
    r#"{"always":{"rules":["Bash(make:*)"]},"at":"2026-11-21T01:40:01Z","attempt":1,"automatic":true,"cap":{"limit":1000,"scope":"run","step":1000,"unit":"tokens","used":900,"warning":true},"l":2,"label":"laptop","mark":"beef","model":"larger","part":{"from":"1111111111111111111111111111111111111111","outcome":"done","role":0,"words":"I am done."},"permission":"plan","phase":"starting","profile":"other","reason":"first launch","role":"second","sandbox":"files by bubblewrap","session":"0b5e","started_with":{"base":"7777777777777777777777777777777777777777","heads":["7777777777777777777777777777777777777777"]},"stuck_turns":50,"t":"phase","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:02.5Z","attempt":1,"choice":true,"l":3,"phase":"waiting","question":"q1","reason":"Which one?","request":{"cut_from_bytes":70000,"pattern":{"rules":["Bash(make:*)"]},"text":"Which one?"},"t":"phase","v":1,"w":"5t2k"}"#,
    r#"{"allow":true,"always":true,"at":"2026-11-21T01:40:03Z","from":"plan-work-00000","l":4,"question":"q1","re":"0123456789ab","t":"send","text":"the first","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:04Z","l":5,"reason":"enough","t":"stop","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:05Z","l":6,"reason":"lunch","t":"pause","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:06Z","attempt":1,"cap":{"limit":5000000,"scope":"agent","step":5000000,"unit":"cost_micros","used":5020000},"commits":3,"deletions":6,"exit":1,"files":4,"head":"2222222222222222222222222222222222222222","insertions":5,"l":7,"last_words":"I am done.","left_out":[{"path":"a.bin","why":"too large"}],"left_out_more":2,"limit":{"kind":"five_hour","resumes":true,"until":"2026-11-26T14:05:00Z","used":93,"warning":true},"phase":"failed","ran_seconds":90,"reason":"test failed","t":"finished","unfinished":"a merge","unheard":1,"unsaved":"disk full","usage":{"cost_micros":210108,"denials":1,"input_tokens":1000,"model":"larger","output_tokens":200,"session":"0b5e","turns":7},"v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:07Z","attempt":1,"commits":4,"deletions":9,"files":7,"head":"3333333333333333333333333333333333333333","insertions":8,"l":8,"left_out":[{"path":"b.bin","why":"too large"}],"left_out_more":3,"phase":"done","reason":"rolled back","session":"77aa","started_with":{"base":"8888888888888888888888888888888888888888","heads":["9999999999999999999999999999999999999999"]},"t":"collected","unfinished":"conflicts","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:08Z","base":"1111111111111111111111111111111111111111","by":"kim","check":"passed","comments":[{"file":"a.rs","line":3,"text":"why?"}],"head":"3333333333333333333333333333333333333333","l":9,"operation":"op-2","patch":"4444444444444444444444444444444444444444","reviewer":"review-it-22222","t":"verdict","text":"good","v":1,"verdict":"approve","w":"7a7a"}"#,
    r#"{"at":"2026-11-21T01:40:09Z","check":{"command":"make test","id":"0123456789abcdef0123456789abcdef","name":"test"},"head":"3333333333333333333333333333333333333333","into":"main","l":10,"outcome":"failed","reason":"test fails: exit code 1","t":"landed","v":1,"w":"7a7a"}"#,
    r#"{"at":"2026-11-21T01:40:10Z","head":"3333333333333333333333333333333333333333","into":"main","l":11,"operation":"op-1","outcome":"set_aside","reason":"conflicts","t":"landed","undone":"merged","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:11Z","commit":"5555555555555555555555555555555555555555","head":"3333333333333333333333333333333333333333","into":"main","l":12,"outcome":"merged","passed":["ffff"],"t":"landed","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:12Z","head":"3333333333333333333333333333333333333333","into":"main","l":13,"outcome":"set_aside","t":"landed","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:13Z","l":14,"t":"restored","v":1,"w":"5t2k"}"#,
    r#"{"add":["later"],"at":"2026-11-21T01:40:14Z","l":15,"remove":["web"],"t":"tagged","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:15Z","attempt":1,"kind":"question","l":16,"parent":"plan-work-00000","t":"said","text":"Which one?","to":"parent","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:16Z","attempt":1,"kind":"error","l":17,"t":"said","text":"No network.","to":"people","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:17Z","l":18,"messages":["0123456789ab"],"t":"read","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:18Z","by":"Kim","l":19,"messages":["0123456789ab"],"t":"read","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:19Z","attempt":1,"how":"launch","l":20,"messages":["ba9876543210"],"t":"heard","v":1,"w":"5t2k"}"#,
    r#"{"at":"2026-11-21T01:40:20Z","base":"1111111111111111111111111111111111111111","before":"reject","by":"lee","head":"3333333333333333333333333333333333333333","l":21,"operation":"op-3","patch":"4444444444444444444444444444444444444444","t":"withdrawn","v":1,"w":"7a7a"}"#,
    r#"{"at":"2026-11-21T01:40:21Z","head":"3333333333333333333333333333333333333333","host":"git.example.com","into":"main","l":22,"number":12,"repo":"team/app","state":"open","t":"published","url":"https://git.example.com/team/app/pulls/12","v":1,"w":"5t2k"}"#,
];

/// The state after [`LIFE`].
const STATE: &str = r#"Orchestra-State: done
Orchestra-Queued: 2026-11-21T01:40:00Z
Orchestra-Title: Add tests
Orchestra-Branch: orchestra/add-tests-k3m9q
Orchestra-Base: 8888888888888888888888888888888888888888
Orchestra-After: [{"agent":"add-auth-11111","head":"9999999999999999999999999999999999999999"}]
Orchestra-On-Failed: stop
Orchestra-Snapshot: 6666666666666666666666666666666666666666
Orchestra-Snapshot-Files: 5
Orchestra-Head: 3333333333333333333333333333333333333333
Orchestra-Profile: other
Orchestra-Role: second
Orchestra-Team: {"name":"duo","roles":[{"name":"second","writes":true},{"name":"third","writes":false}],"rounds":2}
Orchestra-Handed-Over: [{"attempt":1,"from":"claude"}]
Orchestra-Model: larger
Orchestra-Run: 019aa0a0a0a012345
Orchestra-Place: 2
Orchestra-Parent: plan-work-00000
Orchestra-Reviews: add-auth-11111
Orchestra-Designer: yes
Orchestra-Permission: plan
Orchestra-Writer: 5t2k
Orchestra-Label: laptop
Orchestra-Tags: later night
Orchestra-Told: 2026-11-21T01:40:21Z
Orchestra-Attempt: 1
Orchestra-Reason: rolled back
Orchestra-Sandbox: files by bubblewrap
Orchestra-Session: 77aa
Orchestra-Always: [{"pattern":{"rules":["Bash(make:*)"]},"writer":"5t2k"}]
Orchestra-Automatic: 1
Orchestra-Started: 2026-11-21T01:40:01Z
Orchestra-Ended: 2026-11-21T01:40:06Z
Orchestra-Ran-Seconds: 90
Orchestra-Exit: 1
Orchestra-Last-Words: I am done.
Orchestra-Commits: 4
Orchestra-Files: 7
Orchestra-Insertions: 8
Orchestra-Deletions: 9
Orchestra-Left-Out: 4
Orchestra-Unfinished: conflicts
Orchestra-Cost-Micros: 210108
Orchestra-Input-Tokens: 1000
Orchestra-Output-Tokens: 200
Orchestra-Turns: 7
Orchestra-Denials: 1
Orchestra-Landed: 3333333333333333333333333333333333333333
Orchestra-Landed-As: 5555555555555555555555555555555555555555
Orchestra-Landed-In: main
Orchestra-Failed-Check: test
Orchestra-Failed-Check-Id: 0123456789abcdef0123456789abcdef
Orchestra-Failed-Check-Command: make test
Orchestra-Failed-Head: 3333333333333333333333333333333333333333
Orchestra-Failed-Into: main
Orchestra-Failed-Why: test fails: exit code 1
Orchestra-Failed-Writer: 7a7a
Orchestra-Set-Aside: no reason was given
Orchestra-Set-Aside-Head: 3333333333333333333333333333333333333333
Orchestra-Set-Aside-Into: main
Orchestra-Verdict: approve
Orchestra-Verdict-Base: 1111111111111111111111111111111111111111
Orchestra-Verdict-Head: 3333333333333333333333333333333333333333
Orchestra-Verdict-Patch: 4444444444444444444444444444444444444444
Orchestra-Verdict-By: kim
Orchestra-Verdict-Writer: 7a7a
Orchestra-Judges: 7a7a
Orchestra-Pull-Request: 12
Orchestra-Pull-Request-Host: git.example.com
Orchestra-Pull-Request-Repo: team/app
Orchestra-Pull-Request-Url: https://git.example.com/team/app/pulls/12
Orchestra-Pull-Request-Head: 3333333333333333333333333333333333333333
Orchestra-Pull-Request-Into: main
Orchestra-Pull-Request-State: open
Orchestra-Said: 2
Orchestra-Unread: 1
Orchestra-Lamport: 22
Orchestra-By: 5t2k
Orchestra-Fold: 22
Orchestra-Format: 1
"#;

fn read(line: &str) -> Event {
    Event::read(line).unwrap_or_else(|| panic!("an event: {line}"))
}

fn written_again(event: &Event) -> String {
    let fact = event.fact.as_ref().unwrap_or_else(|| panic!("a known fact: {}", event.line));
    Event::new(fact, event.lamport, event.at, &event.writer).expect("an event").line
}

fn state(lines: &[&str]) -> String {
    let events: Vec<Event> = lines.iter().map(|line| read(line)).collect();
    trailers::write(&fold::fold(&events).agent, "5t2k")
}

#[test]
fn an_event_that_is_read_and_written_is_the_same_bytes() {
    for line in LIFE {
        assert_eq!(written_again(&read(line)), *line);
    }
}

#[test]
fn an_event_with_nothing_but_what_it_must_have_is_the_same_bytes() {
    for line in [
        r#"{"at":"2026-11-21T01:40:00Z","base":"","branch":"","l":1,"place":0,"profile":"","run":"","t":"created","title":"","v":1,"w":"a"}"#,
        r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"commits":0,"deletions":0,"files":0,"insertions":0,"l":1,"phase":"done","t":"finished","v":1,"w":"a"}"#,
        r#"{"at":"2026-11-21T01:40:00Z","attempt":2,"l":1,"phase":"queued","profile":"mine","t":"phase","v":1,"w":"a"}"#,
        r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"check":{"id":"x","most_rounds":5,"rounds":1,"tree":"t"},"commits":0,"deletions":0,"files":0,"insertions":0,"l":1,"phase":"done","t":"finished","v":1,"w":"a"}"#,
        r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"commits":0,"deletions":0,"files":0,"head":"x","insertions":0,"l":1,"t":"collected","v":1,"w":"a"}"#,
        r#"{"at":"2026-11-21T01:40:00Z","base":"","by":"","head":"","l":1,"patch":"","t":"verdict","v":1,"verdict":"reject","w":"a"}"#,
        r#"{"at":"2026-11-21T01:40:00Z","base":"","by":"","head":"","l":1,"operation":"1","patch":"","t":"withdrawn","v":1,"w":"a"}"#,
    ] {
        assert_eq!(written_again(&read(line)), line);
    }
}

#[test]
fn the_state_is_the_same_lines() {
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let written = state(LIFE);
    assert_eq!(sorted(&written), sorted(STATE));
    assert_eq!(trailers::read(STATE), trailers::read(&written));
}

/// Where an id is expected and a stranger wrote something else, the event counts, and what stands there is shown.
#[test]
fn a_text_in_the_place_of_an_id_stays_what_it_is() {
    let created = |base: &str, parent: &str| {
        format!(
            r#"{{"at":"2026-11-21T01:40:00Z","base":"{base}","branch":"b","l":1,"parent":"{parent}","place":0,"profile":"sh","run":"r 1","t":"created","title":"t","v":1,"w":"a"}}"#
        )
    };
    let commit = "1".repeat(40);
    for (base, parent, lines) in [
        ("no commit", "No Agent", vec!["Orchestra-Base: no commit", "Orchestra-Parent: No Agent"]),
        (r"a\u000ab", r"\u001b[31m", vec![r"Orchestra-Base: a\nb", r"Orchestra-Parent: \e[31m"]),
        (&format!(" {commit} "), " a-k3m9q", vec!["Orchestra-Base: 1111111111", "Orchestra-Parent: a-k3m9q"]),
        ("", "", vec!["Orchestra-Run: r 1"]),
    ] {
        let written = state(&[&created(base, parent)]);
        for line in &lines {
            assert!(written.contains(line), "{line} in {written}");
        }
        assert_eq!(written.contains("Orchestra-Base"), lines.len() > 1, "{written}");
        assert_eq!(trailers::read(&written).map(|agent| trailers::write(&agent, "5t2k")), Some(written));
    }
}

#[test]
fn work_that_was_collected_names_its_head_and_all_its_figures() {
    let whole = r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"commits":1,"deletions":1,"files":1,"head":"x","insertions":1,"l":1,"t":"collected","v":1,"w":"a"}"#;
    for part in
        [r#""commits":1,"#, r#""deletions":1,"#, r#""files":1,"#, r#""head":"x","#, r#""insertions":1,"#]
    {
        assert!(Event::read(&whole.replace(part, "")).is_none(), "without {part}");
        let finished = whole.replace("collected", "finished").replace(r#""t":"#, r#""phase":"done","t":"#);
        assert!(Event::read(&finished.replace(part, "")).is_some(), "an end without {part}");
    }
    for broken in [r#""head":null"#, r#""head":1"#] {
        assert!(Event::read(&whole.replace(r#""head":"x""#, broken)).is_none(), "{broken}");
    }
}
