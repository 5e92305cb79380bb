//! Which messages of an agent nobody has read, and how many it may still write.

use serde::{Deserialize, Serialize};

use crate::model::{
    Event,
    said::{MAX_BEFORE_PARENT, MAX_IN_ATTEMPT, MAX_UNREAD, Receiver, Said},
};

/// What the fold keeps of an agent's messages; their texts are in the events.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Messages {
    /// The ids of those to people that nobody has read, oldest first.
    unread: Vec<String>,
    /// The newest attempt that wrote any, and how many it wrote.
    newest: (u32, u64),
}

impl Messages {
    /// Adds a message.
    pub(super) fn add(&mut self, event: &Event, said: &Said) {
        if said.attempt > self.newest.0 {
            self.newest = (said.attempt, 0);
        }
        self.newest.1 += u64::from(said.attempt == self.newest.0);
        if said.to == Receiver::People {
            // More than that are written only by a program that ignores the limit.
            if self.unread.len() == MAX_UNREAD {
                self.unread.remove(0);
            }
            self.unread.push(event.id.short());
        }
    }

    /// Removes messages that a person read.
    pub(super) fn read(&mut self, ids: &[String]) {
        self.unread.retain(|id| !ids.contains(id));
    }

    /// Returns how many nobody has read.
    pub(super) fn unread(&self) -> u64 {
        self.unread.len() as u64
    }

    /// Returns whether nobody has read a message.
    pub fn is_unread(&self, id: &str) -> bool {
        self.unread.iter().any(|unread| unread == id)
    }

    /// Returns why an attempt must not write another message, as a sentence.
    pub fn refusal(&self, attempt: u32, to: Receiver) -> Option<String> {
        if self.newest.0 == attempt && self.newest.1 >= MAX_IN_ATTEMPT {
            return Some(format!("it wrote {MAX_IN_ATTEMPT} messages in this attempt, which is the limit"));
        }
        if to == Receiver::Parent && self.newest.0 == attempt && self.newest.1 >= MAX_BEFORE_PARENT {
            return Some(format!(
                "it wrote {MAX_BEFORE_PARENT} messages in this attempt, after which the agent that started it gets none"
            ));
        }
        (to == Receiver::People && self.unread.len() >= MAX_UNREAD)
            .then(|| format!("nobody has read {MAX_UNREAD} of its messages, which is the limit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, event::Event as AnyEvent};

    fn event(number: u64, said: &Said) -> Event {
        AnyEvent::new(&Fact::Said(said.clone()), number, "2026-11-21T01:40:00Z".parse().unwrap(), "a")
            .unwrap()
    }

    #[test]
    fn the_limits_are_those_of_an_attempt_and_of_unread_messages() {
        let mut all = Messages::default();
        let to_people = Said { attempt: 1, text: "hello".into(), ..Said::default() };
        let to_parent = Said { to: Receiver::Parent, ..to_people.clone() };
        let written: Vec<Event> = (1..=70).map(|number| event(number, &to_people)).collect();
        for (at, one) in written.iter().enumerate() {
            assert_eq!(all.refusal(1, Receiver::People).is_some(), at >= MAX_UNREAD, "{at}");
            all.add(one, &to_people);
        }
        assert_eq!(all.unread(), MAX_UNREAD as u64);
        let last = written[69].id.short();
        assert!(all.is_unread(&last) && !all.is_unread(&written[0].id.short()));
        all.read(std::slice::from_ref(&last));
        assert!(!all.is_unread(&last) && all.refusal(1, Receiver::People).is_none());
        assert!(all.refusal(1, Receiver::Parent).is_some() && all.refusal(2, Receiver::Parent).is_none());
        for number in 71..=200 {
            assert!(all.refusal(1, Receiver::People).is_none(), "{number}");
            let one = event(number, &to_people);
            all.add(&one, &to_people);
            all.read(&[one.id.short()]);
        }
        assert!(all.refusal(1, Receiver::People).is_some() && all.refusal(2, Receiver::People).is_none());
        // A parent gets the first ones of each attempt.
        let mut all = Messages::default();
        for number in 0..MAX_BEFORE_PARENT {
            assert!(all.refusal(1, Receiver::Parent).is_none(), "{number}");
            all.add(&event(number + 1, &to_parent), &to_parent);
        }
        assert!(all.refusal(1, Receiver::Parent).is_some() && all.refusal(1, Receiver::People).is_none());
    }
}
