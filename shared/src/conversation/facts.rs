//! What is known of a conversation: folded from its lines, in their order, each once.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// No coding agent spoke before.
const EARLIEST: &str = "2020";
/// Clocks and time zones of the machines that wrote a line and its file may differ by so many nanoseconds.
const AHEAD: i64 = 86_400_000_000_000;
/// Characters kept of a prompt.
const PROMPT: usize = 200;
/// How a key of [`ConversationFacts::days`] begins whose share is told again from another conversation.
const REPEATED: char = '~';
/// Days and models told apart in one conversation; more are added to the last.
const MOST_DAYS: usize = 512;
/// Answers whose usage may still grow: more than sub-agents ever answer at once in one file.
const RECENT: usize = 16;

/// The facts. What the program did not record is `None`, never a guess.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ConversationFacts {
    /// The program's own id of the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The title that was given to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The title that the program made of what was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ai_title: Option<String>,
    /// The summary that the program made of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The last prompt as the program noted it on a line of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noted_prompt: Option<String>,
    /// What was asked first, in a person's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_prompt: Option<String>,
    /// The first command that was typed, such as `/review 14`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_command: Option<String>,
    /// What was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_prompt: Option<String>,
    /// The folder in which it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_cwd: Option<String>,
    /// The folder in which it was last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// The branch it was last on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The model that answered last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The first time in it, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// The last time in it, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
    /// Prompts and answers.
    #[serde(skip_serializing_if = "is_zero")]
    pub messages: u64,
    /// What it cost, in millionths of a US dollar, as the program summed it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// Tokens read, caches included, as the program summed them up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written, as the program summed them up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Whether the program's sums hold what its sub-agents used as well.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sums_include_inner: bool,
    /// Prompts that belong to the day and model of the next answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub unanswered: u64,
    /// By day and model, where every line was read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub days: BTreeMap<String, Share>,
    /// The answer that was counted last: one answer has several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_answer: Option<String>,
    /// The answers of which the usage was counted last, with what was counted: an answer has several lines, and its numbers grow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent_usage: Vec<(String, Usage)>,
    /// Whether a prompt was seen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prompted: bool,
    /// Whether what is read now was said in another conversation, of which this is a fork.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// What a fork has in common with its conversation, if anything: the mark of the first prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The conversation of which it is a fork, where its own lines say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork_of: Option<String>,
    /// The conversation that started it, where its own lines say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Which kind of sub-agent it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether it is one that a conversation started, or none at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inner: bool,
}

/// What one answer used, as far as the program recorded it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Usage {
    /// Tokens read, caches included, and tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<(u64, u64)>,
    /// Millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

/// The share of one day and model in a conversation.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Share {
    /// Prompts and answers.
    pub messages: u64,
    /// Tokens read, caches included.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Whether tokens were recorded at all.
    pub counted: bool,
    /// Millionths of a US dollar.
    pub cost: u64,
    /// Whether costs were recorded at all.
    pub priced: bool,
}

impl ConversationFacts {
    /// A prompt of the user's.
    pub fn prompt(&mut self, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        self.asked(text);
        self.prompted = true;
        self.messages += 1;
        self.unanswered += 1;
    }

    /// A command that the user typed.
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

    /// What the program noted as asked last. After a fork that is what was asked before it: a prompt that was seen is believed.
    pub fn noted(&mut self, text: &str) {
        if !beginning(text).is_empty() {
            set(&mut self.noted_prompt, beginning(text));
        }
        if !self.prompted {
            self.asked(text);
        }
    }

    /// What was typed first: a prompt, or where there is none a command.
    pub const fn first_typed(&self) -> Option<&String> {
        if self.first_prompt.is_some() { self.first_prompt.as_ref() } else { self.first_command.as_ref() }
    }

    /// When something was last said in it, RFC 3339 and in nanoseconds since 1970. `None` where no line says so, or one names a time
    /// that had not come when the file was written.
    pub fn last_said(&self, written: i64) -> Option<(&str, i64)> {
        let last = self.last_at.as_deref()?;
        let at = i64::try_from(last.parse::<Timestamp>().ok()?.as_nanosecond()).ok()?;
        (at <= written.saturating_add(AHEAD)).then_some((last, at))
    }

    /// When something was last said in it, else when its file was written, in nanoseconds since 1970.
    pub fn active(&self, written: i64) -> i64 {
        self.last_said(written).map_or(written, |(_, at)| at)
    }

    /// Whether a list shows it: it is a conversation of its own in which something was typed, or which has a title.
    pub const fn is_shown(&self) -> bool {
        !self.inner && (self.first_typed().is_some() || self.title.is_some())
    }

    /// What a list calls it, in the order of Claude Code 2.1.329: the title that a person gave, the one that the program made, the
    /// last prompt as it was noted, a summary, what was typed first.
    pub fn best_title(&self) -> Option<&String> {
        let titles = [&self.title, &self.ai_title, &self.noted_prompt, &self.summary];
        titles.into_iter().find_map(Option::as_ref).or_else(|| self.first_typed())
    }

    fn asked(&mut self, text: &str) {
        let kept = beginning(text);
        if kept.is_empty() {
            return;
        }
        self.first_prompt.get_or_insert_with(|| kept.to_owned());
        set(&mut self.last_prompt, kept);
    }

    /// A line of the answer `id`, which is counted once.
    pub fn answer(&mut self, id: Option<&str>) {
        if id.is_some() && self.last_answer.as_deref() == id {
            return;
        }
        self.last_answer = id.map(str::to_owned);
        self.messages += 1;
        let prompts = std::mem::take(&mut self.unanswered);
        self.today(self.model.clone()).messages += 1 + prompts;
    }

    /// What the answer `id` of a model used. Of several lines of one answer the highest numbers count, once.
    pub fn usage(&mut self, id: Option<&str>, model: Option<&str>, usage: Usage) {
        let known = self.recent_usage.iter().position(|(known, _)| Some(known.as_str()) == id);
        let before = known.map_or(Usage::default(), |at| self.recent_usage.remove(at).1);
        if let Some(id) = id {
            if self.recent_usage.len() >= RECENT {
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

    /// What the program says that a model read and wrote up to here; what is more than its answers say belongs to this day.
    pub fn summed(&mut self, model: &str, read: u64, written: u64) {
        let shares = || self.days.iter().filter(|(key, _)| model_of(key) == model).map(|(_, share)| share);
        let known = |part: fn(&Share) -> u64| shares().map(part).fold(0, u64::saturating_add);
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

    /// A moment and a place that a line names.
    pub fn at(&mut self, time: Option<&str>, cwd: Option<&str>, branch: Option<&str>) {
        if let Some(time) = time.and_then(in_utc) {
            let time = time.as_ref();
            // What a fork repeats was said before it began.
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

    /// The model that answers from here on.
    pub fn by(&mut self, model: &str) {
        set(&mut self.model, model);
    }

    /// What the program says that everything cost up to here; what is new of it belongs to this day.
    pub fn costs(&mut self, model: &str, micros: u64) {
        let known = self.days.iter().filter(|(key, _)| model_of(key) == model);
        let known = known.map(|(_, share)| share.cost).fold(0, u64::saturating_add);
        let share = self.today(Some(model.to_owned()));
        share.priced = true;
        share.cost = share.cost.saturating_add(micros.saturating_sub(known));
    }

    /// What one answer cost, in US dollars, where the program says it of each.
    pub fn cost(&mut self, dollars: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
        let micros = (dollars * 1e6).round() as u64;
        let share = self.today(self.model.clone());
        share.priced = true;
        share.cost = share.cost.saturating_add(micros);
    }

    /// Its shares by day and model, without what is told again from another conversation.
    pub fn own_days(&self) -> impl Iterator<Item = (&String, &Share)> {
        self.days.iter().filter(|(key, _)| !key.starts_with(REPEATED))
    }

    /// What it cost up to here, by model.
    pub fn costs_by_model(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (key, share) in self.days.iter().filter(|(_, share)| share.priced) {
            let sum: &mut u64 = sums.entry(model_of(key).to_owned()).or_default();
            *sum = sum.saturating_add(share.cost);
        }
        sums
    }

    /// Tokens read and written: those of its answers where they were counted, else as the program summed them up.
    pub fn tokens(&self) -> (Option<u64>, Option<u64>) {
        let counted = || self.days.values().filter(|share| share.counted);
        let any = counted().next().is_some();
        let sum = |part: fn(&Share) -> u64| any.then(|| counted().map(part).fold(0, u64::saturating_add));
        (sum(|share| share.input).or(self.input_tokens), sum(|share| share.output).or(self.output_tokens))
    }

    /// What it cost, in millionths of a US dollar: as the program summed it up, else as its answers say.
    pub fn spent(&self) -> Option<u64> {
        let priced = || self.days.values().filter(|share| share.priced);
        let any = priced().next().is_some();
        self.cost_micros
            .or_else(|| any.then(|| priced().map(|share| share.cost).fold(0, u64::saturating_add)))
    }

    /// Adds what later lines say; nothing of it is counted.
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

    fn today(&mut self, model: Option<String>) -> &mut Share {
        let day = self.last_at.as_deref().and_then(|at| at.get(..10)).unwrap_or_default();
        let day = if self.repeats { Cow::Owned(format!("{REPEATED}{day}")) } else { Cow::Borrowed(day) };
        let model = model.unwrap_or_default();
        let last = self.days.last_key_value().map(|(last, _)| last);
        // Nearly always it is that of the line before.
        let key = match last.filter(|last| day_of(last) == day && model_of(last) == model) {
            Some(last) => last.clone(),
            None => format!("{day} {model}"),
        };
        let is_full = self.days.len() >= MOST_DAYS && !self.days.contains_key(&key);
        let key = last.filter(|_| is_full).cloned().unwrap_or(key);
        self.days.entry(key).or_default()
    }
}

/// A time as lines have it, in UTC, so that times can be compared as texts; `None` if it is none.
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
    // A clock that was never set says 1970.
    Some(time).filter(|time| **time >= *EARLIEST)
}

/// The day of a key of [`ConversationFacts::days`]; empty where it is not known.
pub fn day_of(key: &str) -> &str {
    key.split_once(' ').map_or("", |(day, _)| day)
}

/// The model of a key of [`ConversationFacts::days`]; empty where it is not known.
pub fn model_of(key: &str) -> &str {
    key.split_once(' ').map_or("", |(_, model)| model)
}

impl Usage {
    /// The highest numbers of two lines of one answer.
    fn highest(self, other: Self) -> Self {
        let tokens = match (self.tokens, other.tokens) {
            (Some((read, written)), Some((r, w))) => Some((read.max(r), written.max(w))),
            (one, other) => one.or(other),
        };
        Self { tokens, cost: self.cost.max(other.cost) }
    }
}

/// As much of a prompt as is kept.
fn beginning(text: &str) -> &str {
    let text = text.trim();
    text.char_indices().nth(PROMPT).map_or(text, |(end, _)| &text[..end])
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
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
    fn times_are_compared_in_utc_and_nonsense_is_none() {
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
    fn nothing_is_said_after_its_file_was_written() {
        const DAY: i64 = AHEAD;
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
