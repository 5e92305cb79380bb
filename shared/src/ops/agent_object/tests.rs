use super::*;

/// An agent with a value in every field.
pub(in crate::ops) const COMPLETE: &str = r#"{"id":"add-tests-k3m9q","title":"Add tests","phase":"failed","liveness":"ended","waiting":null,"choice":false,"reason":"exit code 1","profile":"claude","role":"tester","sandbox":"files by bubblewrap","instead_of":"api","model":"large","run":"019aa0a0a0a012345","place":2,"parent":"plan-work-00000","reviews":null,"attempt":1,"branch":"orchestra/add-tests-k3m9q","base":"1111111111111111111111111111111111111111","snapshot":"6666666666666666666666666666666666666666","snapshot_files":5,"head":"2222222222222222222222222222222222222222","worktree":"/w/add-tests-k3m9q","worktree_state":"here","session":"0b5e","writer":"5t2k","label":"laptop","tags":[],"told_at":"2026-11-21T01:40:13Z","pid":null,"supervisor_pid":7,"orphans":[8],"memory_bytes":4096,"shortage":{"resource":"memory","held":true,"text":"held: low memory (310 MiB free, 512 MiB needed)"},"queue_position":null,"queued_at":"2026-11-21T01:40:00Z","started_at":"2026-11-21T01:40:01.5Z","ended_at":null,"ran_seconds":90,"exit_code":1,"stuck_turns":50,"activity":null,"last_words":"I added them.","commits":4,"files_changed":7,"insertions":8,"deletions":9,"left_out":4,"unfinished":"a merge","unsaved":null,"limit":{"kind":"five_hour","until":"2026-11-26T14:05:00Z","warning":true,"used_percent":93,"resumes":false},"cap":{"scope":"agent","limit_usd":5.0,"used_usd":4.5,"limit_tokens":null,"used_tokens":null,"used_percent":90,"warning":true,"sentence":"90 % of its cap of $5.00 is used"},"dirty":3,"dirty_at":"2026-11-21T01:40:02Z","cost_usd":0.210108,"input_tokens":1000,"output_tokens":200,"turns":7,"permission_mode":"plan","denials":1,"verdict":"changes","verdict_current":true,"proposed_verdict":{"verdict":"approve","by":"kim","writer":"7a7a","current":false},"merged":false,"landed_in":"main","landed_now":"not_there","failed_check":{"why":"exit code 1","into":"main","head":"2222222222222222222222222222222222222222","current":true,"check":"test","command":"make test"},"set_aside":null,"conflicts":1,"other_work":[{"head":"8888888888888888888888888888888888888888","writer":"7a7a","own":false,"commits":2}],"surroundings":[{"level":"warning","subject":"hook","what":"a hook changed","meanwhile":["fix-it-00000"]}],"request":{"id":"q1","text":"Bash make","cut_from_bytes":null,"pattern":"Bash(make:*)"},"always":["Bash(make:*)"],"automatic_answers":2,"check":null,"checked":"check_failed","team":{"name":"duo","roles":["coder","reviewer"],"role":"reviewer","place":2,"rounds":2,"sent_back":0,"parts":[{"role":"coder","attempt":1,"outcome":"done"},{"role":"reviewer","attempt":2,"outcome":null}],"used":[{"role":"coder","cost_usd":0.2,"input_tokens":900,"output_tokens":150},{"role":"reviewer","cost_usd":null,"input_tokens":null,"output_tokens":null}]},"attached_pid":null,"after":[{"agent":"plan-work-00000","phase":"done","head":"7777777777777777777777777777777777777777","changed":true}],"on_failed":"stop","messages":3,"unread_messages":1,"designer":false,"pull_request":{"host":"git.example.com","repo":"team/app","number":12,"url":"https://git.example.com/team/app/pulls/12","head":"2222222222222222222222222222222222222222","into":"main","state":"open"}}"#;

#[test]
fn agents_round_trip() {
    let read: AgentObject = serde_json::from_str(COMPLETE).expect("an agent");
    assert_eq!(serde_json::to_string(&read).expect("JSON"), COMPLETE);
    assert_eq!(read.cost_micros(), Some(210_108));
}

#[test]
fn an_agent_of_an_older_writer_lacks_the_newer_fields() {
    let newer = [
        r#""dirty_at":"2026-11-21T01:40:02Z","#,
        r#""ran_seconds":90,"#,
        r#""last_words":"I added them.","#,
        r#""role":"tester","#,
        r#""sandbox":"files by bubblewrap","#,
    ];
    let older = newer.iter().fold(COMPLETE.to_owned(), |older, field| older.replace(field, ""));
    let read: AgentObject = serde_json::from_str(&older).expect("an agent");
    assert_eq!((read.dirty, read.dirty_at), (Some(3), None));
    assert_eq!((read.ran_seconds, read.last_words, read.role), (0, None, None));
}

/// An invalid id from another writer is shown as it is.
#[test]
fn an_invalid_id_is_kept_as_text() {
    let strange = COMPLETE.replace(&"1".repeat(40), "no commit").replace("plan-work-00000", "No Agent");
    let read: AgentObject = serde_json::from_str(&strange).expect("an agent");
    assert_eq!((read.base.commit(), read.parent.as_ref().and_then(IdOrText::id)), (None, None));
    assert_eq!(serde_json::to_string(&read).expect("JSON"), strange);
}

#[test]
fn its_schema_names_every_field_and_the_grammar_of_its_ids() {
    let schema = schemars::schema_for!(AgentObject).to_value();
    let whole: serde_json::Value = serde_json::from_str(COMPLETE).expect("JSON");
    let named = schema["properties"].as_object().expect("properties");
    assert!(whole.as_object().expect("an object").keys().all(|key| named.contains_key(key)), "{schema:#}");
    assert_eq!(named.len(), whole.as_object().map_or(0, serde_json::Map::len));
    assert_eq!(schema["properties"]["told_at"]["format"], "date-time");
}
