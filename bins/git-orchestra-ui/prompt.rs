//! What is typed or decided in the last line. Pure.

use orchestra::model::AgentId;

use super::row::Asked;

/// The longest text that can be typed, in characters.
const MAX_TEXT: usize = 4000;

/// What a typed text is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    /// The task of a new agent of a profile, or of the default one; nothing opens the editor.
    Task(Option<String>),
    /// A message to an agent; nothing opens the editor.
    Say(AgentId),
    /// The reason for denying what an agent asks for.
    Deny(Asked),
    /// Which agents are shown.
    Filter,
    /// A command of ours.
    Command,
    /// What is to change in the work of an agent.
    Changes(AgentId),
    /// Why the work of an agent is rejected.
    Reject(AgentId),
    /// A remark on a place in the work of an agent.
    Remark(AgentId, String),
}

impl Purpose {
    /// Returns what it is.
    fn name(&self) -> String {
        match self {
            Self::Task(None) => "new task".to_owned(),
            Self::Task(Some(agent)) => format!("new task for {agent}"),
            Self::Say(id) => format!("to {id}"),
            Self::Deny(asked) => format!("deny {}, the reason", asked.agent),
            Self::Filter => "/".to_owned(),
            Self::Command => ":git orchestra".to_owned(),
            Self::Changes(id) => format!("what should change in {id}"),
            Self::Reject(id) => format!("reject {id}, the reason"),
            Self::Remark(_, place) => format!("remark on {place}"),
        }
    }

    /// Returns what stands before the text: the name, and what can be typed.
    pub(crate) fn label(&self) -> String {
        let keys = match self {
            Self::Task(_) => " (Tab: agent, Enter alone: editor): ",
            Self::Say(_) => " (Enter alone opens your editor): ",
            Self::Changes(_) => " (Enter alone: only your remarks): ",
            Self::Deny(_) | Self::Reject(_) => " (may be empty): ",
            Self::Remark(..) => ": ",
            Self::Command => " ",
            Self::Filter => "",
        };
        format!("{}{keys}", self.name())
    }
}

/// A text that is being typed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Prompt {
    pub(crate) purpose: Purpose,
    pub(crate) text: String,
}

impl Prompt {
    pub(crate) const fn new(purpose: Purpose) -> Self {
        Self { purpose, text: String::new() }
    }

    /// Appends a character.
    pub(crate) fn push(&mut self, character: char) {
        if self.text.chars().count() < MAX_TEXT {
            self.text.push(character);
        }
    }
}

/// Which profile is chosen for a task.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Picking {
    /// The task, as far as it is typed.
    pub(crate) task: String,
    /// The place in the list of profiles, once a key moved.
    pub(crate) at: Option<usize>,
}

/// What a question is about, which `y` answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Whether to stop an agent.
    Stop(AgentId),
    /// Whether to allow what an agent asks for from now on.
    Always(Asked, String),
    /// How the work of an agent is judged.
    Review(AgentId),
}

impl Decision {
    /// Returns the question.
    pub(crate) fn question(&self) -> String {
        match self {
            Self::Stop(id) => format!("stop {id} and what it started? y stops it"),
            Self::Always(asked, pattern) => {
                format!("allow {} from now on: {pattern}? y allows it", asked.agent)
            }
            Self::Review(id) => format!("review {id}: a approves, c requests changes, x rejects"),
        }
    }
}

/// What keys act on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Mode {
    /// The agents and the page.
    #[default]
    Normal,
    /// The list of keys.
    Keys,
    /// The whole of what an agent asks for, from this line on.
    Request(Asked, usize),
    /// The profiles for a task that is typed.
    Picking(Picking),
    /// The files of the diff, one of which is chosen.
    Files(usize),
    /// A text that is typed.
    Typing(Prompt),
    /// A question.
    Deciding(Decision),
}

impl Mode {
    /// Returns what is typed and was not sent, after what it is for.
    pub(crate) fn unsent(&self) -> Option<String> {
        let (purpose, text) = match self {
            Self::Typing(prompt) => (&prompt.purpose, &prompt.text),
            Self::Picking(picking) => (&Purpose::Task(None), &picking.task),
            _ => return None,
        };
        match purpose {
            _ if text.trim().is_empty() => None,
            Purpose::Filter => None,
            Purpose::Command => Some(format!("git orchestra {text}")),
            other => Some(format!("{}: {text}", other.name())),
        }
    }
}

/// Splits a command line into words, as a shell does: quotes and backslashes keep blanks. `None` if a quote is open.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().push(characters.next()?),
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return None;
    }
    words.extend(word);
    Some(words)
}
