//! The conversation with a running program: answers its questions as the options say, and sends it messages.

use super::RunningAttempt;
use crate::{
    Result,
    agents::{Answer, Question, QuestionKind},
    model::{
        Fact, OnPrompt, Phase,
        event::{Message, Pattern, PhaseChange},
        text,
    },
    supervise::{ending::AttemptEnd, life::Supervisor, notices::NoticeKind},
};

/// The maximum width of the reason of an automatic answer, in columns.
const WHY_WIDTH: usize = 200;

impl Supervisor {
    /// Handles the first open question as the options say: asks the user, denies it, or ends the attempt. Records when the agent
    /// starts and stops waiting.
    pub(super) fn wait_for_answers(&mut self, attempt: &mut RunningAttempt) -> Result<Option<AttemptEnd>> {
        let Some(question) = attempt.summary.questions.front().cloned() else {
            if attempt.waits_for.is_some() {
                self.append_facts(&[Fact::Phase(PhaseChange::new(self.record.attempt, Phase::Running))])?;
                attempt.waits_for = None;
            }
            return Ok(None);
        };
        if self.is_allowed_for_good(&question) {
            self.allow_automatically(attempt, &question)?;
            return Ok(None);
        }
        match self.spec.launch.on_prompt {
            OnPrompt::Fail => return Ok(Some(AttemptEnd::NeedsAnswer(question.request.short()))),
            OnPrompt::Deny => {
                self.answer(attempt, &question.id, &Answer { allow: false, always: false, text: None })?;
            }
            OnPrompt::Ask => {
                attempt.idle.record_activity();
                if attempt.waits_for.as_ref() != Some(&question) {
                    let step = PhaseChange {
                        question: Some(question.id.clone()),
                        choice: question.kind == QuestionKind::Choice,
                        request: Some(question.request.clone()),
                        ..PhaseChange::new(self.record.attempt, Phase::Waiting)
                            .because(question.request.short())
                    };
                    self.write_summary(attempt);
                    self.append_facts(&[Fact::Phase(step)])?;
                    self.tell(NoticeKind::Waits, Some(&question.request.short()));
                    attempt.waits_for = Some(question);
                }
            }
        }
        Ok(None)
    }

    /// Sends a message to the program: as the answer to the question that it names or to the open one, else as prose.
    pub(super) fn send_message(&mut self, attempt: &mut RunningAttempt, message: Message) -> Result<()> {
        let open = attempt.waits_for.clone();
        let meant = |question: &Question| message.question.as_ref().is_none_or(|id| *id == question.id);
        match (message.allow, open) {
            (Some(allow), Some(question)) if meant(&question) => {
                let is_choice = question.kind == QuestionKind::Choice;
                let said_with_it = message.text.clone().filter(|_| !allow || is_choice);
                let always = allow && message.always && message.question.is_some();
                if let Some(pattern) = question.request.pattern.as_ref().filter(|_| always) {
                    self.record_grant(pattern)?;
                }
                self.answer(attempt, &question.id, &Answer { allow, always, text: said_with_it })?;
                if let Some(words) = message.text.filter(|_| allow && !is_choice) {
                    self.send_prose(attempt, words);
                }
            }
            // An answer to a question that is no longer open.
            (Some(_), _) => {}
            // What another agent wrote answers only the question that it names.
            (None, Some(question))
                if question.kind == QuestionKind::Choice
                    && (message.from.is_none() || message.question.is_some()) =>
            {
                self.answer(
                    attempt,
                    &question.id,
                    &Answer { allow: true, always: false, text: message.text },
                )?;
            }
            (None, _) => {
                if let Some(words) = message.text {
                    self.send_prose(attempt, words);
                }
            }
        }
        Ok(())
    }

    /// Returns whether a person allowed exactly this request for good. The program itself applies rules.
    fn is_allowed_for_good(&self, question: &Question) -> bool {
        let Some(asked @ Pattern::Exact { .. }) = &question.request.pattern else { return false };
        self.spec.always.iter().any(|pattern| pattern.is_same(asked))
    }

    /// Allows a request that a person allowed for good. The event counts it, and says what it was.
    fn allow_automatically(&mut self, attempt: &mut RunningAttempt, question: &Question) -> Result<()> {
        let why = format!("allowed as always: {}", question.request.text);
        let step =
            PhaseChange::new(self.record.attempt, Phase::Running).because(text::keep_ends(&why, WHY_WIDTH));
        self.append_facts(&[Fact::Phase(PhaseChange { automatic: true, ..step })])?;
        attempt.waits_for = None;
        self.answer(attempt, &question.id, &Answer { allow: true, always: false, text: None })
    }

    /// Records what a person allows for good, before the program gets the answer.
    fn record_grant(&mut self, pattern: &Pattern) -> Result<()> {
        let step = PhaseChange::new(self.record.attempt, Phase::Running);
        self.append_facts(&[Fact::Phase(PhaseChange { always: Some(pattern.clone()), ..step })])?;
        if !self.spec.always.iter().any(|known| known.is_same(pattern)) {
            self.spec.always.push(pattern.clone());
        }
        Ok(())
    }

    pub(super) fn answer(&self, attempt: &mut RunningAttempt, id: &str, answer: &Answer) -> Result<()> {
        // The line is read before the question is removed: if that fails, the answer is sent again.
        let line = attempt.asked.get(id).map(|span| attempt.output.line(*span)).transpose()?;
        attempt.summary.questions.retain(|question| question.id != id);
        attempt.asked.remove(id);
        attempt.idle.record_activity();
        if let Some(line) = line
            && let Some(stdin) = &attempt.program.stdin
            && let Some(bytes) = attempt.output.exchange().answer(&line, answer)
        {
            stdin.send(bytes);
        }
        Ok(())
    }

    /// Keeps messages that came while the program ended: it did not accept them.
    pub(super) fn keep_late_messages(&mut self, attempt: &mut RunningAttempt) {
        // If the requests cannot be read now, they are read with the next launch.
        let _ = self.in_repository(Self::end_asked);
        while let Some(message) = self.next_message() {
            self.message_passed_on();
            if let Some(words) = message.text.filter(|_| message.allow.is_none()) {
                attempt.unheard.push_back(words);
                attempt.said += 1;
            }
        }
    }

    /// Sends a message to the agent. If its input is closed already, the message is left for another attempt.
    pub(super) fn send_prose(&self, attempt: &mut RunningAttempt, words: String) {
        attempt.turn_over = None;
        attempt.idle.record_activity();
        if let Some(stdin) = &attempt.program.stdin {
            stdin.send(attempt.output.exchange().message(&words));
            let launch = &self.spec.launch;
            if launch.has_sessions() && !launch.protocol.is_structured() {
                // Plain output does not say that it was read: it must not be sent again with the next launch.
                return;
            }
        }
        attempt.unheard.push_back(words);
        attempt.said += 1;
    }
}
