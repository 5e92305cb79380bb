//! What each key means, and where the list of keys says so. Pure.

use orchestra::ops::ui;
use orchestra_terminal::key::Key;

/// What a key means, outside of texts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meaning {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Left,
    Right,
    OtherPane,
    Open,
    Back,
    NextWaiting,
    PreviousWaiting,
    Filter,
    Command,
    Keys,
    Quit,
    Diff,
    SinceReview,
    Log,
    Conversation,
    Facts,
    Monitor,
    Runs,
    Inbox,
    Sessions,
    Spec,
    Shell,
    New,
    Remove,
    Say,
    Allow,
    Always,
    Deny,
    Pause,
    Resume,
    Stop,
    Review,
    Remark,
    Reviewed,
    Files,
    NextFile,
    PreviousFile,
    SideBySide,
    Land,
    Undo,
    Sync,
    Pager,
    Yes,
}

/// A key with its meaning.
pub(crate) struct Binding {
    /// The name by which the user's configuration gives it another key.
    pub(crate) name: &'static str,
    pub(crate) character: char,
    pub(crate) meaning: Meaning,
    /// What it does, in a few words.
    pub(crate) words: &'static str,
}

const fn key(name: &'static str, character: char, meaning: Meaning, words: &'static str) -> Binding {
    Binding { name, character, meaning, words }
}

/// The keys that are characters, in the order of the list.
pub(crate) const BINDINGS: &[Binding] = &[
    key("down", 'j', Meaning::Down, "down (or the arrow)"),
    key("up", 'k', Meaning::Up, "up (or the arrow)"),
    key("first", 'g', Meaning::First, "first line (or Home)"),
    key("last", 'G', Meaning::Last, "last line (or End)"),
    key("next", 'w', Meaning::NextWaiting, "next agent that needs you"),
    key("previous", 'W', Meaning::PreviousWaiting, "the one before"),
    key("filter", '/', Meaning::Filter, "show only agents with a text, or /waiting"),
    key("diff", 'd', Meaning::Diff, "diff: what it changed"),
    key("since-review", 'e', Meaning::SinceReview, "diff since your last review"),
    key("log", 'l', Meaning::Log, "log: what it says and does"),
    key("conversation", 'c', Meaning::Conversation, "conversation, from its beginning"),
    key("facts", 'f', Meaning::Facts, "facts about it"),
    key("monitor", 'm', Meaning::Monitor, "monitor: one line for each agent"),
    key("allow", 'a', Meaning::Allow, "allow what it asks for"),
    key("always", 'A', Meaning::Always, "allow it from now on"),
    key("deny", 'x', Meaning::Deny, "deny it, with a reason"),
    key("say", 'i', Meaning::Say, "say something to it"),
    key("new", 'N', Meaning::New, "new agent for a task"),
    key("spec", 's', Meaning::Spec, "spec, in your editor"),
    key("shell", 't', Meaning::Shell, "shell in its worktree"),
    key("pause", 'p', Meaning::Pause, "pause it"),
    key("resume", 'r', Meaning::Resume, "resume it"),
    key("stop", 'S', Meaning::Stop, "stop it"),
    key("review", 'v', Meaning::Review, "review its work"),
    key("remark", 'C', Meaning::Remark, "remark on the line of the cursor"),
    key("mark", ' ', Meaning::Reviewed, "mark the file of the cursor as read"),
    key("files", 'F', Meaning::Files, "files of the diff, with those that you read"),
    key("next-file", ']', Meaning::NextFile, "next file of the diff"),
    key("previous-file", '[', Meaning::PreviousFile, "the one before"),
    key("sides", '=', Meaning::SideBySide, "diff side by side, or not (140 columns)"),
    key("land", 'L', Meaning::Land, "landing plan"),
    key("remove", 'D', Meaning::Remove, "remove it, keeping its work for undo"),
    key("undo", 'u', Meaning::Undo, "undo the last operation"),
    key("runs", 'R', Meaning::Runs, "runs, gates and what waits for you"),
    key("inbox", 'I', Meaning::Inbox, "inbox: messages of agents"),
    key("sessions", 'H', Meaning::Sessions, "sessions of this repository"),
    key("sync", 'Y', Meaning::Sync, "sync with the remote"),
    key("pager", '|', Meaning::Pager, "all of the page, in your pager"),
    key("command", ':', Meaning::Command, "any command of git orchestra"),
    key("keys", '?', Meaning::Keys, "these keys"),
    key("quit", 'q', Meaning::Quit, "leave; agents keep running"),
];

/// The keys of the user: those of the list, apart from the ones that the user chose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keymap(Vec<(&'static str, char)>);

impl Keymap {
    /// Returns the keys with those that the user chose, by name. A key that has another meaning otherwise loses that.
    pub(crate) fn new(chosen: impl IntoIterator<Item = (String, char)>) -> Self {
        let named =
            |name: &str| BINDINGS.iter().find(|binding| binding.name == name).map(|binding| binding.name);
        Self(chosen.into_iter().filter_map(|(name, key)| Some((named(&name)?, key))).collect())
    }

    /// Returns the key of a binding; `None` if the user gave it to another one.
    pub(crate) fn key_of(&self, binding: &Binding) -> Option<char> {
        if let Some((_, own)) = self.0.iter().find(|(name, _)| *name == binding.name) {
            return Some(*own);
        }
        let is_taken = self.0.iter().any(|(_, key)| *key == binding.character);
        (!is_taken).then_some(binding.character)
    }

    /// Says of what the window does and has no key any more who has it.
    pub(crate) fn without_key(&self) -> Vec<String> {
        let lost = BINDINGS.iter().filter(|binding| self.key_of(binding).is_none());
        let taker = |binding: &Binding| self.0.iter().find(|(_, key)| *key == binding.character);
        lost.filter_map(|binding| {
            let (taker, key) = taker(binding)?;
            let name = binding.name;
            Some(format!("'{key}' is {taker}, and {name} has no key: {}", ui::key_hint(name)))
        })
        .collect()
    }

    /// Returns the key of the binding with a name.
    pub(crate) fn key_named(&self, name: &str) -> Option<char> {
        self.key_of(BINDINGS.iter().find(|binding| binding.name == name)?)
    }

    /// Returns a key, and what it does, such as `a allows it`; without a key, what it does.
    pub(crate) fn shown(&self, name: &str, words: &str) -> String {
        self.key_named(name).map_or_else(|| words.to_owned(), |key| format!("{key} {words}"))
    }

    /// Returns what a key means.
    pub(crate) fn meaning(&self, key: Key) -> Option<Meaning> {
        Some(match key {
            Key::Up => Meaning::Up,
            Key::Down => Meaning::Down,
            Key::Left => Meaning::Left,
            Key::Right => Meaning::Right,
            Key::PageUp => Meaning::PageUp,
            Key::PageDown => Meaning::PageDown,
            Key::Home => Meaning::First,
            Key::End => Meaning::Last,
            Key::Tab | Key::BackTab => Meaning::OtherPane,
            Key::Enter => Meaning::Open,
            Key::Escape => Meaning::Back,
            Key::Char(typed) => match BINDINGS.iter().find(|binding| self.key_of(binding) == Some(typed)) {
                Some(binding) => binding.meaning,
                None if typed == 'y' => Meaning::Yes,
                None => return None,
            },
            Key::Backspace
            | Key::EmptyLine
            | Key::Interrupt
            | Key::Pause
            | Key::PasteBegin
            | Key::PasteEnd
            | Key::Click(..)
            | Key::Wheel(..)
            | Key::Other => return None,
        })
    }
}
