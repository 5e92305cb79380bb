//! What the program reads: messages and answers of a person, as the supervisor sends them.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{client::Answer, failure::Failure, stream::Part};
use crate::context::Cancel;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// How long an answer that has begun may stall: a service sends signs of life more often.
const STALLED: Duration = Duration::from_secs(120);
/// The longest wait for an answer to begin, a little longer than the client's own limit.
const LONGEST_WAIT: Duration = Duration::from_secs(660);

/// Something that happened while the program waits.
enum Happening {
    Message(String),
    /// A person decided about a question, and may have said why.
    Decision {
        id: String,
        allow: bool,
        why: Option<String>,
    },
    Interrupt,
    /// No more messages follow.
    Ended,
    /// A part of the answer to the request of this number.
    Came(u64, Part),
    /// The answer to the request of this number.
    Answered(u64, Result<Answer, Failure>),
}

/// What arrived, in the order of its arrival.
pub(super) struct Inbox {
    /// Requests run in threads, which send their answers here.
    sender: Sender<Happening>,
    happenings: Receiver<Happening>,
    queued: VecDeque<String>,
    is_over: bool,
    is_interrupted: bool,
    /// The number of requests so far.
    requests: u64,
}

impl Inbox {
    /// Begins to read an input.
    ///
    /// # Errors
    /// No more threads can be made.
    pub(super) fn of(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (sender, happenings) = mpsc::channel();
        let reader = sender.clone();
        std::thread::Builder::new().spawn(move || read(input, &reader))?;
        let queued = VecDeque::new();
        Ok(Self { sender, happenings, queued, is_over: false, is_interrupted: false, requests: 0 })
    }

    /// Waits until there is a message; returns whether one is there before the input ends.
    pub(super) fn wait_for_message(&mut self) -> bool {
        while self.queued.is_empty() && !self.is_over {
            self.wait();
        }
        // An interrupt was meant for the turn that had ended already.
        self.is_interrupted = false;
        !self.queued.is_empty()
    }

    /// Returns the earliest message that was not returned yet.
    pub(super) fn next_message(&mut self) -> Option<String> {
        self.note_all();
        self.queued.pop_front()
    }

    /// Returns whether a message waits.
    pub(super) fn has_message(&mut self) -> bool {
        self.note_all();
        !self.queued.is_empty()
    }

    /// Returns whether a person has interrupted the turn.
    pub(super) fn is_interrupted(&mut self) -> bool {
        self.note_all();
        self.is_interrupted
    }

    /// Runs a request in a thread, and waits for its answer, whose parts are passed on as they come. Returns `None` if a person
    /// interrupts meanwhile; the rest of the answer is then not read. An answer that has begun and stalls is a failure.
    ///
    /// # Errors
    /// `on_part` fails, or the system has no more pipes.
    pub(super) fn answer_of(
        &mut self,
        request: impl FnOnce(&Cancel, &dyn Fn(Part)) -> Result<Answer, Failure> + Send + 'static,
        on_part: &mut dyn FnMut(Part) -> io::Result<()>,
    ) -> io::Result<Option<Result<Answer, Failure>>> {
        self.requests += 1;
        let (number, sender) = (self.requests, self.sender.clone());
        let given_up = Cancel::new().map_err(io::Error::other)?;
        let ends = given_up.clone();
        std::thread::Builder::new().spawn(move || {
            let answer = request(&ends, &|part| drop(sender.send(Happening::Came(number, part))));
            drop(sender.send(Happening::Answered(number, answer)));
        })?;
        // Until the answer begins, the client's own limit holds.
        let mut stalls_at = None;
        let answer = loop {
            if self.is_interrupted {
                break None;
            }
            let wait =
                stalls_at.map_or(LONGEST_WAIT, |at: Instant| at.saturating_duration_since(Instant::now()));
            match self.happenings.recv_timeout(wait) {
                Ok(Happening::Answered(of, answer)) if of == number => break Some(answer),
                Ok(Happening::Came(of, part)) if of == number => {
                    stalls_at = Some(Instant::now() + STALLED);
                    on_part(part)?;
                }
                Ok(other) => self.note(other),
                Err(RecvTimeoutError::Timeout) if stalls_at.is_some() => {
                    let why = format!("nothing came for {} s", STALLED.as_secs());
                    break Some(Err(Failure::Unreachable(why)));
                }
                Err(RecvTimeoutError::Timeout) => {
                    break Some(Err(Failure::Unreachable("there was no answer".to_owned())));
                }
                Err(RecvTimeoutError::Disconnected) => break None,
            }
        };
        given_up.cancel();
        Ok(answer)
    }

    /// Waits for a decision about a question: whether it is allowed, and why not. Returns `None` if nobody decides: a person interrupts,
    /// or the input ends.
    pub(super) fn decision(&mut self, question: &str) -> Option<(bool, Option<String>)> {
        while !self.is_interrupted && !self.is_over {
            match self.happenings.recv() {
                Ok(Happening::Decision { id, allow, why }) if id == question => return Some((allow, why)),
                Ok(other) => self.note(other),
                Err(_) => break,
            }
        }
        None
    }

    /// Waits. Returns whether nobody interrupted.
    pub(super) fn pause(&mut self, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        while !self.is_interrupted {
            match self.happenings.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(happening) => self.note(happening),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        false
    }

    fn wait(&mut self) {
        match self.happenings.recv() {
            Ok(happening) => self.note(happening),
            Err(_) => self.is_over = true,
        }
    }

    fn note_all(&mut self) {
        while let Ok(happening) = self.happenings.try_recv() {
            self.note(happening);
        }
    }

    fn note(&mut self, happening: Happening) {
        match happening {
            Happening::Message(words) => self.queued.push_back(words),
            Happening::Interrupt => self.is_interrupted = true,
            Happening::Ended => self.is_over = true,
            // The question or the request was given up.
            Happening::Decision { .. } | Happening::Came(..) | Happening::Answered(..) => {}
        }
    }
}

/// Reads the input to its end.
fn read(input: impl Read, sender: &Sender<Happening>) {
    let mut reader = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line) {
            // The rest of a line that is too long would be read as another one.
            Ok(length) if length > 0 && (length as u64) < MAX_LINE => {}
            _ => break,
        }
        let happening = serde_json::from_slice(&line).ok().and_then(|value| happening(&value));
        if happening.is_some_and(|happening| sender.send(happening).is_err()) {
            return;
        }
    }
    let _ = sender.send(Happening::Ended);
}

fn happening(value: &Value) -> Option<Happening> {
    match value["type"].as_str()? {
        "user" => Some(Happening::Message(words(&value["message"]["content"])?)),
        "control_request" if value["request"]["subtype"] == "interrupt" => Some(Happening::Interrupt),
        "control_response" => {
            let response = &value["response"];
            Some(Happening::Decision {
                id: response["request_id"].as_str()?.to_owned(),
                allow: response["response"]["behavior"] == "allow",
                why: response["response"]["message"].as_str().map(str::to_owned),
            })
        }
        _ => None,
    }
}

fn words(content: &Value) -> Option<String> {
    if let Some(text) = content.as_str() {
        return Some(text.to_owned());
    }
    let texts: Vec<&str> = content.as_array()?.iter().filter_map(|block| block["text"].as_str()).collect();
    Some(texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_meanwhile_is_kept() {
        let input = concat!(
            r#"{"type":"user","message":{"role":"user","content":"one"}}"#,
            "\n",
            r#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":"two"}]}}"#,
            "\n",
        );
        let mut inbox = Inbox::of(input.as_bytes()).unwrap();
        assert!(inbox.wait_for_message());
        let refused = |_: &Cancel, on_part: &dyn Fn(Part)| {
            on_part(Part::Alive);
            on_part(Part::Text(0, "I".to_owned()));
            Err(Failure::Unreachable("x".to_owned()))
        };
        let mut parts = Vec::new();
        let mut note = |part| {
            parts.push(part);
            Ok(())
        };
        let answer = inbox.answer_of(refused, &mut note).expect("noted");
        assert!(answer.is_some_and(|answer| answer.is_err()));
        assert_eq!(parts, [Part::Alive, Part::Text(0, "I".to_owned())]);
        assert_eq!(inbox.decision("q"), None, "the input ended");
        assert_eq!(
            (inbox.next_message().as_deref(), inbox.next_message().as_deref()),
            (Some("one"), Some("two"))
        );
        assert!(!inbox.wait_for_message() && inbox.pause(Duration::ZERO));
        let mut interrupted =
            Inbox::of(&br#"{"type":"control_request","request":{"subtype":"interrupt"}}"#[..]).unwrap();
        assert!(!interrupted.pause(Duration::from_secs(60)) && interrupted.is_interrupted());
        assert!(!interrupted.wait_for_message() && !interrupted.is_interrupted());
    }

    #[test]
    fn messages_decisions_and_the_end_are_read() {
        let input = concat!(
            r#"{"type":"user","message":{"role":"user","content":"hi"}}"#,
            "\nnot JSON\n{}\n",
            r#"{"type":"control_response","response":{"request_id":"a","response":{"behavior":"deny","message":"no"}}}"#,
            "\n",
            r#"{"type":"control_response","response":{"request_id":"b","response":{"behavior":"allow"}}}"#,
            "\n",
            r#"{"type":"control_request","request_id":"i","request":{"subtype":"interrupt"}}"#,
        );
        let (sender, receiver) = mpsc::channel();
        read(input.as_bytes(), &sender);
        let all: Vec<String> = receiver
            .try_iter()
            .map(|happening| match happening {
                Happening::Message(text) => text,
                Happening::Decision { id, allow, why } => format!("{id} {allow} {why:?}"),
                Happening::Interrupt => "interrupt".to_owned(),
                Happening::Ended => "end".to_owned(),
                Happening::Came(..) | Happening::Answered(..) => "answer".to_owned(),
            })
            .collect();
        assert_eq!(all, ["hi", "a false Some(\"no\")", "b true None", "interrupt", "end"]);
    }
}
