//! What is shown, the news that change it, and what is asked for. Pure.

use std::collections::{BTreeMap, BTreeSet};

use orchestra::{
    model::AgentId,
    ops::{review::draft::Edit, ui::ProfileChoice},
};
use orchestra_terminal::{key::Key, style::Role};
use ratatui::text::Line;

use super::{
    command_key::Keymap,
    diff::Diff,
    page::{Contents, Page},
    prompt::Mode,
    row::{Asked, Row},
};

/// What a mark is about: a file of an agent's whole work, or of what changed since the last review.
type FileKey = (bool, String);

/// The files that were read, with their lines as they were then.
pub(crate) type ReadFiles = BTreeMap<FileKey, String>;

/// A side of the window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Pane {
    /// The agents.
    #[default]
    Agents,
    /// The page.
    Page,
}

/// Everything that is shown.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Columns and rows of the window.
    pub(crate) size: (u16, u16),
    /// The present time, in seconds since 1970.
    pub(crate) now: i64,
    /// The repository and its branch.
    pub(crate) place: String,
    /// Whether marks and lines are plain characters.
    pub(crate) plain: bool,
    pub(crate) rows: Vec<Row>,
    /// Whether the agents were read.
    pub(crate) is_read: bool,
    /// The number of agents that ended longer ago and are not shown.
    pub(crate) hidden: usize,
    pub(crate) chosen: Option<AgentId>,
    /// The number of the first row in sight, of those that the filter shows.
    pub(crate) top: usize,
    pub(crate) filter: String,
    pub(crate) focus: Pane,
    /// Whether the pane with the focus has the whole width.
    pub(crate) zoomed: bool,
    pub(crate) page: Page,
    pub(crate) contents: Contents,
    /// The line of a diff on which a remark is made.
    pub(crate) cursor: usize,
    pub(crate) mode: Mode,
    /// What happened last.
    pub(crate) message: Option<(Role, String)>,
    /// Whether what is typed was pasted.
    pub(crate) pasting: bool,
    /// Remarks on places in the work of agents, which go with the next verdict.
    pub(crate) remarks: BTreeMap<AgentId, Vec<(String, String)>>,
    /// The files of agents' work that were read.
    pub(crate) read_files: BTreeMap<AgentId, ReadFiles>,
    /// What is to be said of the work of agents, as far as it was typed and not said yet.
    pub(crate) texts: BTreeMap<AgentId, String>,
    /// Whether a diff is shown side by side where it fits.
    pub(crate) side_by_side: bool,
    /// The first line in sight of the list of keys.
    pub(crate) keys_top: usize,
    pub(crate) keymap: Keymap,
    /// The profiles with which an agent can be started, as they were read last.
    pub(crate) profiles: Vec<ProfileChoice>,
    /// The profile of the next agent, if it is not the default one.
    pub(crate) agent: Option<String>,
    /// When agents were last seen to do something, such as to print.
    pub(crate) signs: BTreeMap<AgentId, i64>,
}

impl State {
    /// Returns what is shown before anything was read.
    pub(crate) fn new(size: (u16, u16), now: i64, place: String, plain: bool) -> Self {
        Self {
            size,
            now,
            place,
            plain,
            rows: Vec::new(),
            is_read: false,
            hidden: 0,
            chosen: None,
            top: 0,
            filter: String::new(),
            focus: Pane::Agents,
            zoomed: false,
            page: Page::Diff { since_review: false },
            contents: Contents::default(),
            cursor: 0,
            mode: Mode::Normal,
            message: None,
            pasting: false,
            remarks: BTreeMap::new(),
            read_files: BTreeMap::new(),
            texts: BTreeMap::new(),
            side_by_side: true,
            keys_top: 0,
            keymap: Keymap::default(),
            profiles: Vec::new(),
            agent: None,
            signs: BTreeMap::new(),
        }
    }

    /// Returns the agents that the filter shows, in order.
    pub(crate) fn shown(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| self.filter.is_empty() || row.matches(&self.filter)).collect()
    }

    /// Returns the chosen agent.
    pub(crate) fn chosen(&self) -> Option<&Row> {
        let chosen = self.chosen.as_ref()?;
        self.rows.iter().find(|row| row.id == *chosen)
    }

    /// Returns an agent.
    pub(crate) fn row(&self, id: &AgentId) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == *id)
    }

    /// Says something in the last line.
    pub(crate) fn say(&mut self, role: Role, text: impl Into<String>) {
        self.message = Some((role, text.into()));
    }

    /// Returns the question of the chosen agent.
    pub(crate) fn asked(&self) -> Option<Asked> {
        self.chosen()?.asked()
    }
}

/// Which agents changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Changed {
    All,
    These(BTreeSet<AgentId>),
}

/// What changes what is shown.
#[derive(Clone, Debug)]
pub(crate) enum Msg {
    /// The agents, after a change.
    Agents { rows: Vec<Row>, hidden: usize, changed: Changed },
    /// The time is this now.
    Tick(i64),
    /// The window has this size now.
    Resized(u16, u16),
    /// A key.
    Key(Key),
    /// What the command of a page printed.
    Printed { command: Vec<String>, lines: Vec<Line<'static>>, diff: Diff, is_cut: bool, succeeded: bool },
    /// A command that changes something ended.
    Ran { command: Vec<String>, lines: Vec<Line<'static>>, succeeded: bool },
    /// An action succeeded, or failed, with what to say about it.
    Did(Result<String, String>),
    /// The repository cannot be watched any more.
    Unwatched(String),
}

/// An action through an operation of the library.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Allows what an agent asks for, perhaps for good.
    Allow { asked: Asked, always: bool },
    /// Denies it, perhaps with a reason.
    Deny { asked: Asked, reason: Option<String> },
    /// Sends a message.
    Say { agent: AgentId, text: String },
    /// Pauses an agent.
    Pause(AgentId),
    /// Resumes an agent.
    Resume(AgentId),
    /// Stops an agent, and the agents that it started.
    Stop(AgentId),
}

/// What is asked of the world.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// Ends the window.
    Quit,
    /// Pauses the job.
    PauseJob,
    /// Runs the command of a page, soon if the choice may move on.
    Load { command: Vec<String>, delayed: bool },
    /// Runs a command that changes something. It is not ended when another page is shown.
    Run(Vec<String>),
    /// Changes the draft of a review.
    Draft(AgentId, Edit),
    /// Reads the draft of a review.
    ReadDraft(AgentId),
    /// Does something.
    Act(Action),
    /// Lends the terminal to a command of ours. With `stays`, what it printed is read before the window returns.
    Lend { command: Vec<String>, stays: bool },
    /// Lends the terminal to a shell in a folder.
    Shell(String),
    /// Opens the editor for a task, and starts an agent of a profile for it.
    EditTask(Option<String>),
    /// Reads the profiles with which an agent can be started.
    ReadProfiles,
    /// Opens the editor for a message to an agent, and sends it.
    EditMessage(AgentId),
}
