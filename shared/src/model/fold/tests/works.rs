//! Work of an agent on which two clones worked at once.

use super::*;
use crate::model::OtherWork;

#[test]
fn the_work_of_a_second_launch_of_an_attempt_stays_known() {
    let commit = |digit: &str| IdOrText::<CommitId>::read(&digit.repeat(40));
    let end = |attempt, digit: &str| {
        Fact::Finished(Finished { head: Some(commit(digit)), ..Finished::empty(attempt, Phase::Done) })
    };
    let mut events = vec![
        event(1, "a", &phase(1, Phase::Starting)),
        event(2, "a", &end(1, "1")),
        event(3, "a", &phase(2, Phase::Starting)),
        event(4, "a", &end(2, "2")),
    ];
    let others = |events: &[Event]| {
        let agent = fold(events).agent;
        let named = |one: &OtherWork| (one.writer.to_string(), one.head.to_string()[..1].to_owned());
        (
            agent.head.map(|head| head.to_string()[..1].to_owned()),
            agent.other_work.iter().map(named).collect(),
        )
    };
    let other = |writer: &str, head: &str| vec![(writer.to_owned(), head.to_owned())];
    assert_eq!(others(&events), (Some("2".into()), Vec::new()));
    events.push(event(3, "b", &phase(2, Phase::Starting)));
    events.push(event(4, "b", &end(2, "3")));
    let (head, all) = others(&events);
    // The hash of the event decides which launch is the attempt.
    let (winner, loser) =
        if head.as_deref() == Some("2") { ("2", other("b", "3")) } else { ("3", other("a", "2")) };
    assert_eq!((head.as_deref(), all), (Some(winner), loser));
    // Once the work of both is one, the list has only what is not the head; whether that contains the rest, the history tells.
    let work = Collected {
        attempt: 2,
        head: commit("4"),
        work: work(1),
        unfinished: None,
        phase: None,
        reason: None,
        session: None,
        started_with: None,
    };
    events.push(event(9, "a", &Fact::Collected(work)));
    let (head, all) = others(&events);
    assert_eq!((head.as_deref(), all), (Some("4"), other("b", "3")));
    // Another clone that continues the work alone contradicts nobody.
    let taken_over = [
        event(1, "a", &phase(1, Phase::Starting)),
        event(2, "a", &end(1, "1")),
        event(3, "b", &phase(2, Phase::Starting)),
        event(4, "b", &end(2, "2")),
    ];
    assert_eq!(others(&taken_over), (Some("2".into()), Vec::new()));
    // Unless the first one was still at work, and ends later.
    let late = [&taken_over[..1], &taken_over[2..], &[event(5, "a", &end(1, "5"))]].concat();
    assert_eq!(others(&late), (Some("2".into()), other("a", "5")));
}
