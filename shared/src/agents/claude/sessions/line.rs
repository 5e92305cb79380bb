//! The known fields of one line of a transcript.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    content::{Content, LazyPart},
    typed::Typed,
};

/// One line. Every field may be missing, and unknown fields are ignored.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Line<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    pub(super) is_sidechain: bool,
    pub(super) is_meta: bool,
    pub(super) is_compact_summary: bool,
    pub(super) is_api_error_message: bool,
    #[serde(borrow)]
    pub(super) prompt_source: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) cwd: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) git_branch: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) session_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(super) attachment: LazyPart<'a>,
    pub(super) last_prompt: Option<String>,
    pub(super) custom_title: Option<String>,
    pub(super) ai_title: Option<String>,
    pub(super) summary: Option<String>,
    /// The working directory to which the session moved.
    pub(super) relocated_cwd: Option<String>,
    /// The cost of one answer in US dollars, as versions until mid 2025 recorded it.
    #[serde(rename = "costUSD")]
    pub(super) cost: Option<f64>,
    #[serde(rename = "totalCostUSD")]
    pub(super) total_cost: Option<f64>,
    pub(super) model_usage: Option<serde_json::Map<String, serde_json::Value>>,
    pub(super) has_unknown_model_cost: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) content: Content<'a>,
    pub(super) usage: Option<Usage>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) input_tokens: u64,
    pub(super) cache_creation_input_tokens: u64,
    pub(super) cache_read_input_tokens: u64,
    pub(super) output_tokens: u64,
}

/// The known fields of an attachment, which holds what was typed while the agent was working.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Attachment<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    prompt: Content<'a>,
    #[serde(borrow)]
    command_mode: Option<Cow<'a, str>>,
    is_meta: bool,
    origin: Option<Origin>,
}

/// The origin of a message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Origin {
    kind: String,
}

impl Attachment<'_> {
    /// Returns what a person typed in it.
    fn typed(&self) -> Option<Typed> {
        let is_of_a_person = !self.is_meta
            && self.command_mode.as_ref().is_none_or(|mode| mode == "prompt")
            && self.origin.as_ref().is_none_or(|origin| origin.kind == "human");
        self.prompt.typed().filter(|_| is_of_a_person)
    }
}

impl Line<'_> {
    /// Returns what a person typed; `None` for tool results, remarks of the program, and summaries. In the transcript of a subagent
    /// (`is_inner`) it is the subagent's task.
    pub(super) fn typed(&self, is_inner: bool) -> Option<Typed> {
        match self.queued(|queued| queued.typed()) {
            Some(typed) => typed,
            None => self.typed_content(is_inner)?.typed(),
        }
    }

    /// Returns what a person typed, like [`Line::typed`], or of a long text at least as much as the facts hold.
    pub(super) fn typed_beginning(&self, is_inner: bool) -> Option<Typed> {
        match self.queued(|queued| queued.typed()) {
            Some(typed) => typed,
            None => self.typed_content(is_inner)?.typed_beginning(),
        }
    }

    /// Returns the content of a message of the user that is neither from the program nor the result of a tool.
    fn typed_content(&self, is_inner: bool) -> Option<&Content<'_>> {
        let is_of_a_person = !self.is_from_program() && (is_inner || !self.is_sidechain);
        let message = self.message.as_ref().filter(|_| self.kind == "user" && is_of_a_person)?;
        Some(&message.content).filter(|content| !content.has("tool_result"))
    }

    /// Passes what a person or the program queued while the agent was working to `read`; returns `None` if nothing was queued.
    fn queued<T>(&self, read: impl FnOnce(&Attachment<'_>) -> T) -> Option<T> {
        let attachment = Some(&self.attachment).filter(|_| self.kind == "attachment")?.json();
        let attachment: Attachment<'_> = serde_json::from_str(&attachment).unwrap_or_default();
        (attachment.kind == "queued_command").then(|| read(&attachment))
    }

    /// Returns the queued text, whether a person or the program queued it.
    pub(super) fn queued_text(&self) -> Option<String> {
        self.queued(|queued| (!queued.is_meta).then(|| queued.prompt.texts())).flatten()
    }

    /// Returns whether `may_match` finds something in the JSON of one of its texts, or it has an image, whose text is not in the JSON.
    pub(super) fn has_text(&self, may_match: &dyn Fn(&[u8]) -> bool) -> bool {
        let message = self.message.as_ref();
        self.attachment.is_matched(may_match)
            || self.queued(|queued| queued.prompt.has("image")) == Some(true)
            || message.is_some_and(|message| message.content.has_text(may_match))
    }

    /// Returns whether the line is an answer with text: of the agent, or in the transcript of a subagent (`is_inner`), of that.
    pub(super) fn is_answer(&self, is_inner: bool) -> bool {
        let is_its_own = is_inner || !self.is_sidechain;
        let is_of_the_agent = self.kind == "assistant" && !self.is_api_error_message && is_its_own;
        let message = self.message.as_ref().filter(|_| is_of_the_agent);
        message.is_some_and(|message| !message.content.is_blank())
    }

    fn is_from_program(&self) -> bool {
        self.is_meta || self.is_compact_summary || self.prompt_source.as_deref() == Some("system")
    }
}
