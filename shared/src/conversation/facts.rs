//! What is known of a session, folded from the lines of its transcript in order, each once.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The earliest year that is plausible, because no coding agent existed before.
const EARLIEST_YEAR: &str = "2020";
/// Tolerated difference between the time of a line and the modification time of its file, in nanoseconds: clocks and time zones of
/// the machines may differ.
const MAX_CLOCK_SKEW: i64 = 86_400_000_000_000;
/// Maximum length of a prompt in the facts, in characters.
pub(crate) const MAX_PROMPT: usize = 200;
/// The prefix of the keys of [`ConversationFacts::days`] whose usage a fork copied from another session.
const COPIED_PREFIX: char = '~';
/// Maximum number of keys in [`ConversationFacts::days`]; further usage is added to the last key.
const MAX_DAYS: usize = 512;
/// Number of answers whose usage may still grow: more than subagents ever write at once into one file.
const RECENT_ANSWERS: usize = 16;

/// The facts of a session. What the program did not record is `None`, never a guess.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ConversationFacts {
    /// The program's own id of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The title that a person gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The title that the program generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_title: Option<String>,
    /// The summary that the program generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The last prompt, if the program recorded it on a separate line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noted_prompt: Option<String>,
    /// The first prompt that a person typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_prompt: Option<String>,
    /// The first command that a person typed, such as `/review 14`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_command: Option<String>,
    /// The last prompt or command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_prompt: Option<String>,
    /// Its first working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_cwd: Option<String>,
    /// Its last working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The branch that was last checked out in its working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The model that answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The earliest time in its lines, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// The latest time in its lines, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
    /// The number of prompts and answers.
    #[serde(skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// The total cost as the program reports it, in millionths of a US dollar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// The total of input tokens as the program reports it, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// The total of output tokens as the program reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Whether the program's totals include the usage of subagents.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sums_include_inner: bool,
    /// The number of prompts since the last answer. They are counted with the day and model of the next answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub unanswered: u64,
    /// The usage by day and model, with keys like `2026-11-20 opus`. It is complete only if every line was read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub days: BTreeMap<String, DayUsage>,
    /// The id of the answer that was counted last, because one answer may have several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answer: Option<String>,
    /// The latest answers with the usage that was counted for each: an answer has several lines, on which its numbers grow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent_usage: Vec<(String, AnswerUsage)>,
    /// Whether a prompt was seen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prompted: bool,
    /// Whether the present lines are copies from the session of which this is a fork.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// The mark of the first prompt ([`super::SessionReader::mark`]), which a fork has in common with its session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The id of the session of which it is a fork, if its own lines name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork_of: Option<String>,
    /// The id of the session that started it, if its own lines name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The kind of subagent that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is a subagent, or not a session at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inner: bool,
}

/// The usage of one answer, as far as the program recorded it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AnswerUsage {
    /// Input tokens, cached ones included, and output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<(u64, u64)>,
    /// The cost in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

/// The usage of one day and model in a session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DayUsage {
    /// The number of prompts and answers.
    pub messages: u64,
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Whether any tokens were recorded.
    pub counted: bool,
    /// The cost in millionths of a US dollar.
    pub cost: u64,
    /// Whether any cost was recorded.
    pub priced: bool,
}

impl ConversationFacts {
    /// Adds a prompt of the user.
    pub fn prompt(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.add_typed_prompt(text);
        self.prompted = true;
        self.messages += 1;
        self.unanswered += 1;
    }

    /// Adds a command that the user typed.
    pub fn command(&mut self, text: &str) {
        let text = beginning(text);
        if text.is_empty() {
            return;
        }
        self.first_command.get_or_insert_with(|| text.to_owned());
        set(&mut self.last_prompt, text);
        self.prompted = true;
        self.messages += 1;
        self.unanswered += 1;
    }

    /// Adds what the program recorded as the last prompt. In a fork that may be a prompt from before the fork, so a prompt that was
    /// seen takes precedence.
    pub fn add_recorded_prompt(&mut self, text: &str) {
        if !beginning(text).is_empty() {
            set(&mut self.noted_prompt, beginning(text));
        }
        if !self.prompted {
            self.add_typed_prompt(text);
        }
    }

    /// Returns the first prompt, or the first command if there is no prompt.
    pub const fn first_typed(&self) -> Option<&String> {
        if self.first_prompt.is_some() { self.first_prompt.as_ref() } else { self.first_command.as_ref() }
    }

    /// Returns the time of the last message, in RFC 3339 and in nanoseconds since 1970. Returns `None` if no line has a time, or the
    /// time is later than the modification of the file.
    pub fn last_said(&self, written: i64) -> Option<(&str, i64)> {
        let last = self.last_at.as_deref()?;
        let at = i64::try_from(last.parse::<Timestamp>().ok()?.as_nanosecond()).ok()?;
        (at <= written.saturating_add(MAX_CLOCK_SKEW)).then_some((last, at))
    }

    /// Returns the time of the last message, or else the modification time of its file, in nanoseconds since 1970.
    pub fn active(&self, written: i64) -> i64 {
        self.last_said(written).map_or(written, |(_, at)| at)
    }

    /// Returns whether lists show it: it is not a subagent, and somebody typed something in it or it has a title.
    pub const fn is_shown(&self) -> bool {
        !self.inner && (self.first_typed().is_some() || self.title.is_some())
    }

    /// Returns the title for lists, with the precedence of Claude Code 2.1.329: the title that a person gave, the generated title,
    /// the recorded last prompt, the summary, the first prompt or command.
    pub fn best_title(&self) -> Option<&String> {
        let titles = [&self.title, &self.ai_title, &self.noted_prompt, &self.summary];
        titles.into_iter().find_map(Option::as_ref).or_else(|| self.first_typed())
    }

    fn add_typed_prompt(&mut self, text: &str) {
        let kept = beginning(text);
        if kept.is_empty() {
            return;
        }
        self.first_prompt.get_or_insert_with(|| kept.to_owned());
        set(&mut self.last_prompt, kept);
    }

    /// Adds a line of the answer `id`. An answer is counted once.
    pub fn answer(&mut self, id: Option<&str>) {
        if id.is_some() && self.last_answer.as_deref() == id {
            return;
        }
        self.last_answer = id.map(str::to_owned);
        self.messages += 1;
        let prompts = std::mem::take(&mut self.unanswered);
        self.today(self.model.clone()).messages += 1 + prompts;
    }

    /// Adds the usage of the answer `id`. Of several lines of one answer the highest numbers count.
    pub fn usage(&mut self, id: Option<&str>, model: Option<&str>, usage: AnswerUsage) {
        let known = self.recent_usage.iter().position(|(known, _)| Some(known.as_str()) == id);
        let before = known.map_or(AnswerUsage::default(), |at| self.recent_usage.remove(at).1);
        if let Some(id) = id {
            if self.recent_usage.len() >= RECENT_ANSWERS {
                self.recent_usage.remove(0);
            }
            self.recent_usage.push((id.to_owned(), before.highest(usage)));
        }
        let model = model.map(str::to_owned).or_else(|| self.model.clone());
        let share = self.today(model);
        if let Some((read, written)) = usage.tokens {
            let (read_before, written_before) = before.tokens.unwrap_or_default();
            share.counted = true;
            share.input = share.input.saturating_add(read.saturating_sub(read_before));
            share.output = share.output.saturating_add(written.saturating_sub(written_before));
        }
        if let Some(cost) = usage.cost {
            share.priced = true;
            share.cost = share.cost.saturating_add(cost.saturating_sub(before.cost.unwrap_or(0)));
        }
    }

    /// Adds the total of a model's input and output tokens up to here, as the program reports it. What exceeds the usage that was
    /// already counted is added to the present day.
    pub fn add_total_tokens(&mut self, model: &str, read: u64, written: u64) {
        let shares = || self.days.iter().filter(|(key, _)| model_of(key) == model).map(|(_, share)| share);
        let known = |part: fn(&DayUsage) -> u64| shares().map(part).fold(0, u64::saturating_add);
        let (more_read, more_written) = (
            read.saturating_sub(known(|share| share.input)),
            written.saturating_sub(known(|share| share.output)),
        );
        if more_read.max(more_written) > 0 {
            let share = self.today(Some(model.to_owned()));
            share.counted = true;
            share.input = share.input.saturating_add(more_read);
            share.output = share.output.saturating_add(more_written);
        }
    }

    /// Adds the time, the working directory, and the branch of a line.
    pub fn at(&mut self, time: Option<&str>, cwd: Option<&str>, branch: Option<&str>) {
        if let Some(time) = time.and_then(in_utc) {
            let time = time.as_ref();
            // The lines that a fork copies are older than the fork.
            if self.started_at.as_deref().is_none_or(|first| time < first && !self.repeats) {
                self.started_at = Some(time.to_owned());
            }
            if self.last_at.as_deref() < Some(time) {
                self.last_at = Some(time.to_owned());
            }
        }
        if let Some(cwd) = cwd.filter(|cwd| !cwd.is_empty()) {
            self.first_cwd.get_or_insert_with(|| cwd.to_owned());
            set(&mut self.cwd, cwd);
        }
        if let Some(branch) = branch.filter(|branch| !branch.is_empty()) {
            set(&mut self.branch, branch);
        }
    }

    /// Sets the model that answers from here on.
    pub fn set_model(&mut self, model: &str) {
        set(&mut self.model, model);
    }

    /// Adds the total cost of a model up to here, as the program reports it. What exceeds the cost that was already counted is added
    /// to the present day.
    pub fn add_total_cost(&mut self, model: &str, micros: u64) {
        let known = self.days.iter().filter(|(key, _)| model_of(key) == model);
        let known = known.map(|(_, share)| share.cost).fold(0, u64::saturating_add);
        let share = self.today(Some(model.to_owned()));
        share.priced = true;
        share.cost = share.cost.saturating_add(micros.saturating_sub(known));
    }

    /// Adds the cost of one answer in US dollars, for a program that reports it for each answer.
    pub fn cost(&mut self, dollars: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let micros = (dollars * 1e6).round() as u64;
        let share = self.today(self.model.clone());
        share.priced = true;
        share.cost = share.cost.saturating_add(micros);
    }

    /// Returns the usage by day and model, without what a fork copied from another session.
    pub fn own_days(&self) -> impl Iterator<Item = (&String, &DayUsage)> {
        self.days.iter().filter(|(key, _)| !key.starts_with(COPIED_PREFIX))
    }

    /// Returns the cost up to here by model, in millionths of a US dollar.
    pub fn costs_by_model(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (key, share) in self.days.iter().filter(|(_, share)| share.priced) {
            let sum: &mut u64 = sums.entry(model_of(key).to_owned()).or_default();
            *sum = sum.saturating_add(share.cost);
        }
        sums
    }

    /// Returns input and output tokens: the sums of its answers if they were counted, else the totals that the program reports.
    pub fn tokens(&self) -> (Option<u64>, Option<u64>) {
        let counted = || self.days.values().filter(|share| share.counted);
        let any = counted().next().is_some();
        let sum = |part: fn(&DayUsage) -> u64| any.then(|| counted().map(part).fold(0, u64::saturating_add));
        (sum(|share| share.input).or(self.input_tokens), sum(|share| share.output).or(self.output_tokens))
    }

    /// Returns the cost in millionths of a US dollar: the total that the program reports, else the sum of its answers.
    pub fn spent(&self) -> Option<u64> {
        let priced = || self.days.values().filter(|share| share.priced);
        let any = priced().next().is_some();
        self.cost_micros
            .or_else(|| any.then(|| priced().map(|share| share.cost).fold(0, u64::saturating_add)))
    }

    /// Adds the facts of later lines, without their messages and usage.
    pub fn join(&mut self, later: Self) {
        fn newer<T>(field: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *field = later;
            }
        }
        newer(&mut self.title, later.title);
        newer(&mut self.ai_title, later.ai_title);
        newer(&mut self.summary, later.summary);
        newer(&mut self.noted_prompt, later.noted_prompt);
        if self.first_command.is_none() {
            self.first_command = later.first_command;
        }
        if self.root.is_none() {
            self.root = later.root;
        }
        if self.first_prompt.is_none() {
            self.first_prompt = later.first_prompt;
        }
        newer(&mut self.last_prompt, later.last_prompt);
        if self.first_cwd.is_none() {
            self.first_cwd = later.first_cwd;
        }
        newer(&mut self.cwd, later.cwd);
        newer(&mut self.branch, later.branch);
        newer(&mut self.model, later.model);
        self.started_at = [self.started_at.take(), later.started_at].into_iter().flatten().min();
        self.last_at = self.last_at.take().max(later.last_at);
        newer(&mut self.cost_micros, later.cost_micros);
        newer(&mut self.input_tokens, later.input_tokens);
        newer(&mut self.output_tokens, later.output_tokens);
        self.sums_include_inner |= later.sums_include_inner;
    }

    fn today(&mut self, model: Option<String>) -> &mut DayUsage {
        let day = self.last_at.as_deref().and_then(|at| at.get(..10)).unwrap_or_default();
        let day = if self.repeats { Cow::Owned(format!("{COPIED_PREFIX}{day}")) } else { Cow::Borrowed(day) };
        let model = model.unwrap_or_default();
        let last = self.days.last_key_value().map(|(last, _)| last);
        // Nearly always it is the key of the line before.
        let key = match last.filter(|last| day_of(last) == day && model_of(last) == model) {
            Some(last) => last.clone(),
            None => format!("{day} {model}"),
        };
        let is_full = self.days.len() >= MAX_DAYS && !self.days.contains_key(&key);
        let key = last.filter(|_| is_full).cloned().unwrap_or(key);
        self.days.entry(key).or_default()
    }
}

/// Converts the time of a line to UTC, so that times can be compared as text. Returns `None` if it is not a plausible time.
fn in_utc(time: &str) -> Option<Cow<'_, str>> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let is_so =
        |(byte, shape): (u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == *shape };
    let is_written_so = (20..40).contains(&time.len()) && time.bytes().zip(SHAPE).all(is_so);
    let time = if is_written_so && time.ends_with('Z') {
        Cow::Borrowed(time)
    } else {
        let moment: Timestamp = time.parse().ok()?;
        Cow::Owned(format!("{moment:.3}"))
    };
    // A clock that was never set shows 1970.
    Some(time).filter(|time| **time >= *EARLIEST_YEAR)
}

/// Returns the day of a key of [`ConversationFacts::days`]; empty if it is unknown.
pub fn day_of(key: &str) -> &str {
    key.split_once(' ').map_or("", |(day, _)| day)
}

/// Returns the model of a key of [`ConversationFacts::days`]; empty if it is unknown.
pub fn model_of(key: &str) -> &str {
    key.split_once(' ').map_or("", |(_, model)| model)
}

impl AnswerUsage {
    /// Returns the highest numbers of two lines of one answer.
    fn highest(self, other: Self) -> Self {
        let tokens = match (self.tokens, other.tokens) {
            (Some((read, written)), Some((r, w))) => Some((read.max(r), written.max(w))),
            (one, other) => one.or(other),
        };
        Self { tokens, cost: self.cost.max(other.cost) }
    }
}

/// Returns the beginning of a prompt that the facts hold.
fn beginning(text: &str) -> &str {
    let text = text.trim();
    text.char_indices().nth(MAX_PROMPT).map_or(text, |(end, _)| &text[..end])
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn set(field: &mut Option<String>, value: &str) {
    if field.as_deref() != Some(value) {
        *field = Some(value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_compared_in_utc_and_nonsense_is_ignored() {
        for (time, found) in [
            ("2026-05-01T10:00:01.000Z", Some("2026-05-01T10:00:01.000Z")),
            ("2026-05-01T10:00:01Z", Some("2026-05-01T10:00:01Z")),
            ("2026-05-01T12:00:01+02:00", Some("2026-05-01T10:00:01.000Z")),
            ("2026-05-01 12:00:01+02:00", Some("2026-05-01T10:00:01.000Z")),
            ("yesterday, about noon", None),
            ("99999-05-01T10:00:01Z", None),
            ("1777629601000", None),
            ("1970-01-01T00:00:00.000Z", None),
            ("-000001-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(in_utc(time).as_deref(), found, "{time}");
        }
    }

    #[test]
    fn the_last_message_is_not_later_than_the_file() {
        const DAY: i64 = MAX_CLOCK_SKEW;
        let at = |last_at: &str| ConversationFacts {
            last_at: Some(last_at.to_owned()),
            ..ConversationFacts::default()
        };
        for (last, written, active) in [
            ("1970-01-03T00:00:00Z", 10 * DAY, 2 * DAY),
            ("1970-01-03T00:00:00Z", DAY + DAY / 2, 2 * DAY),
            ("9999-12-31T00:00:00Z", 10 * DAY, 10 * DAY),
            ("2200-12-31T00:00:00Z", 10 * DAY, 10 * DAY),
            ("0000-01-01T00:00:00Z", 10 * DAY, 10 * DAY),
            ("nonsense", 10 * DAY, 10 * DAY),
        ] {
            assert_eq!(at(last).active(written), active, "{last}");
        }
    }
}
