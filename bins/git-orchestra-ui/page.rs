//! The right side of the window: what it is about, the command that prints it, and what was printed. Pure.

use ratatui::text::Line;

use super::{diff::Diff, row::Row};

/// The most lines of a page.
pub(crate) const MAX_LINES: usize = 5000;
/// How many lines of output a log begins before its end.
const LOG_LINES: &str = "2000";

/// What a page is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Page {
    /// What the chosen agent changed.
    Diff {
        /// Only what changed since the last review.
        since_review: bool,
    },
    /// What the chosen agent says and does.
    Log,
    /// The session of the chosen agent, from its beginning.
    Conversation,
    /// What is known of the chosen agent.
    Facts,
    /// One line for each agent.
    Monitor,
    /// The gates of runs, and what waits for a person.
    Runs,
    /// What agents say and ask.
    Inbox,
    /// The sessions of this repository.
    Sessions,
    /// What a command would do, and the command that does it.
    Plan {
        /// What is to be decided, such as `land this?`
        question: String,
        dry: Vec<String>,
        command: Vec<String>,
    },
    /// What a command printed.
    Result {
        /// The words of the command.
        command: Vec<String>,
    },
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

impl Page {
    /// Whether it is about the chosen agent, and changes when another one is chosen.
    pub(crate) const fn is_of_agent(&self) -> bool {
        matches!(self, Self::Diff { .. } | Self::Log | Self::Conversation | Self::Facts)
    }

    /// Whether its end is shown first, and stays in sight.
    pub(crate) const fn follows(&self) -> bool {
        matches!(self, Self::Log)
    }

    /// Whether long lines are broken.
    pub(crate) const fn wraps(&self) -> bool {
        !matches!(self, Self::Diff { .. } | Self::Monitor)
    }

    /// Whether it is read again when the chosen agent changes.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self, Self::Diff { .. } | Self::Log | Self::Facts | Self::Monitor)
    }

    /// Returns the command that prints it; `None` if nothing has to be read, or nothing can be.
    pub(crate) fn command(&self, chosen: Option<&Row>) -> Option<Vec<String>> {
        let of = |row: &Row, before: &[&str]| [words(before), vec![row.id.to_string()]].concat();
        Some(match self {
            Self::Diff { since_review: false } => of(chosen?, &["diff"]),
            Self::Diff { since_review: true } => of(chosen?, &["diff", "--since-review"]),
            Self::Log => of(chosen?, &["logs", "-n", LOG_LINES]),
            Self::Facts => of(chosen?, &["status"]),
            Self::Conversation => {
                let session = chosen?.session.clone()?;
                [words(&["sessions", "show"]), vec![session]].concat()
            }
            Self::Runs => words(&["decide"]),
            Self::Inbox => words(&["inbox"]),
            Self::Sessions => words(&["sessions"]),
            Self::Plan { dry, .. } => dry.clone(),
            // For its warnings: the rows are known.
            Self::Monitor => words(&["status"]),
            Self::Result { .. } => return None,
        })
    }

    /// Returns its name in the row of titles.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Diff { since_review: false } => "diff",
            Self::Diff { since_review: true } => "diff since your review",
            Self::Log => "log",
            Self::Conversation => "conversation",
            Self::Facts => "facts",
            Self::Monitor => "monitor",
            Self::Runs => "runs",
            Self::Inbox => "inbox",
            Self::Sessions => "sessions",
            Self::Plan { .. } => "plan",
            Self::Result { .. } => "result",
        }
    }

    /// Says why a page has no lines, for an agent that cannot have any yet.
    pub(crate) fn empty_words(&self, chosen: Option<&Row>) -> String {
        let Some(row) = chosen.filter(|_| self.is_of_agent()) else {
            return if self.is_of_agent() { String::new() } else { "nothing".to_owned() };
        };
        if let Some(label) = &row.elsewhere {
            return format!("it runs in another clone: {label}");
        }
        if let Some(place) = row.queued {
            return format!("it waits for a slot: place {place}");
        }
        match self {
            Self::Diff { .. } => "no changes yet".to_owned(),
            Self::Conversation if row.session.is_none() => "it has no session yet".to_owned(),
            _ => "nothing yet".to_owned(),
        }
    }
}

/// A page with its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    /// The command that printed the lines.
    pub(crate) command: Option<Vec<String>>,
    pub(crate) lines: Vec<Line<'static>>,
    /// The number of the first line in sight.
    pub(crate) top: usize,
    /// How many columns are hidden at the left.
    pub(crate) left: usize,
    /// Whether the end is in sight and stays so.
    pub(crate) at_end: bool,
    /// Whether the command is under way.
    pub(crate) is_loading: bool,
    /// Whether something changed since the command under way was started.
    pub(crate) is_stale: bool,
    /// Whether there is more than the lines.
    pub(crate) is_cut: bool,
    /// What is known of the lines of a diff.
    pub(crate) diff: Diff,
    /// Whether the command succeeded.
    pub(crate) succeeded: bool,
}
