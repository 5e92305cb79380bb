//! The loop of the window: news and keys in, frames and calls out.

use std::{path::Path, sync::mpsc::Receiver, time::Duration};

use orchestra::{
    Error, Kind, Result,
    context::Cancel,
    error::ErrorContext as _,
    git::Repo,
    model::{AgentId, text},
    ops::{review::draft, ui, unasked},
    world::Environment,
};
use orchestra_terminal::{
    Exit, Terminal, context, editor, full_screen::FullScreen, here, key::Key, style::Role,
};

use super::{
    actions,
    cli::Cli,
    command_key::{BINDINGS, Keymap, Meaning},
    drafts, draw, layout,
    loader::Loader,
    plain_view,
    prompt::Mode,
    screen::Frames,
    state::{Action, Call, Msg, State},
    update::{question, run as run_command, shown_command, spawn, update},
    watcher::{self, Post},
};

/// How often ages are drawn again while nothing changes; of a chosen agent that changed less than a minute ago, each second.
const TICK: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(1));

/// The window.
struct Window<'a> {
    terminal: &'a Terminal,
    screen: FullScreen,
    frames: Frames,
    state: State,
    loader: Loader,
    post: Post,
    cancel: Cancel,
    /// The question that the newest frame shows.
    asked: Option<String>,
    has_ended: bool,
}

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    ui::check_caller(&repo)?;
    let place = place(&repo);
    if cli.plain {
        drop(repo);
        return plain_view::run(terminal, place, cli.all);
    }
    let names: Vec<&str> = BINDINGS.iter().map(|binding| binding.name).collect();
    let (chosen, with_mouse) = (ui::chosen_keys(&repo, &names)?, ui::uses_mouse(&repo)?);
    let kept = draft::all(&repo)?;
    drop(repo);
    let needs_terminal = || {
        Error::usage("git orchestra ui needs a terminal, on which it draws").hint_command(&[
            &"git",
            &"orchestra",
            &"status",
        ])
    };
    let size = size(terminal).ok_or_else(needs_terminal)?;
    // The window shows what happens; lines of progress would be drawn over it.
    let cancel = context::interruptible(terminal)?.unobserved().cancel;
    let screen = FullScreen::open()?.ok_or_else(needs_terminal)?.with_mouse(with_mouse);
    let (post, receiver, news) = Post::open()?;
    watcher::start(&post, &cancel, cli.all);
    let environment = here::environment();
    let plain = cli.ascii || !is_unicode(environment);
    let mut state = State::new(size, environment.now().as_second(), place, plain);
    state.keymap = Keymap::new(chosen.into_iter().map(|chosen| (chosen.name, chosen.key)));
    if let Some(lost) = state.keymap.without_key().first() {
        state.say(Role::Warn, lost.clone());
    }
    kept.into_iter().for_each(|(id, draft)| drafts::take(&mut state, &id, draft));
    let mut window = Window {
        terminal,
        screen,
        frames: Frames::default(),
        state,
        loader: Loader::new(post.clone(), terminal.painter().is_on()),
        post,
        cancel,
        asked: None,
        has_ended: false,
    };
    window.draw();
    while !window.has_ended {
        window.take_news(&receiver);
        let woken = window.screen.wait(&news, &window.cancel, Some(window.tick()))?;
        if woken.cancelled || window.cancel.is_cancelled() {
            break;
        }
        if !woken.news && !woken.typed {
            window.apply(Msg::Tick(here::environment().now().as_second()));
        }
        if woken.typed {
            window.type_keys();
        }
        window.show();
    }
    window.loader.end();
    let unsent = window.state.mode.unsent();
    drop(window);
    terminal.eprintln("the window is closed, and the agents keep running");
    if let Some(typed) = unsent {
        terminal.eprintln(&format!("what you typed was not sent, {}", text::safe(&typed)));
    }
    Ok(Exit::Done)
}

impl Window<'_> {
    /// Takes in what happened, and draws it.
    fn take_news(&mut self, receiver: &Receiver<Msg>) {
        let mut is_any = false;
        for msg in receiver.try_iter() {
            is_any = true;
            self.apply(msg);
        }
        if is_any {
            self.show();
        }
    }

    /// Draws. What was typed before a question appeared does not answer it.
    fn show(&mut self) {
        let asked = question(&self.state);
        if asked.is_some() && asked != self.asked {
            let typed = self.screen.keys().unwrap_or_default();
            self.press(typed, true);
        }
        self.draw();
    }

    fn type_keys(&mut self) {
        match self.screen.keys() {
            Some(keys) => self.press(keys, false),
            None => self.has_ended = true,
        }
    }

    /// Presses keys. Once a question is new, or another one, keys that answer it are left out: they were typed before it was shown.
    fn press(&mut self, keys: Vec<Key>, mut is_new: bool) {
        for key in keys {
            let is_typing = matches!(self.state.mode, Mode::Typing(_));
            if is_new && !is_typing && self.is_answer(key) {
                continue;
            }
            let before = question(&self.state);
            self.apply(Msg::Key(key));
            is_new |= !is_typing && question(&self.state) != before && question(&self.state).is_some();
        }
    }

    fn apply(&mut self, msg: Msg) {
        for call in update(&mut self.state, msg) {
            self.perform(call);
        }
    }

    /// Draws, if anything differs from what is shown.
    fn draw(&mut self) {
        if let Some(size) = size(self.terminal).filter(|size| *size != self.state.size) {
            self.apply(Msg::Resized(size.0, size.1));
        }
        let (cells, cursor) = draw::frame(&self.state, self.terminal.painter().is_on());
        self.frames.show(&self.screen, cells, cursor);
        self.asked = question(&self.state);
    }

    /// Returns how long ages stay as they are.
    fn tick(&self) -> Duration {
        let is_young = self.state.chosen().is_some_and(|row| row.age(self.state.now) < 60);
        if is_young { TICK.1 } else { TICK.0 }
    }

    fn perform(&mut self, call: Call) {
        match call {
            Call::Quit => self.has_ended = true,
            Call::PauseJob => self.screen.pause(),
            Call::Load { command, delayed } => {
                self.loader.load(command, delayed, layout::page_width(&self.state));
            }
            Call::Run(command) => self.loader.run(command, layout::page_width(&self.state)),
            Call::Draft(id, edit) => {
                let kept =
                    Repo::discover(here::environment()).and_then(|repo| draft::change(&repo, &id, edit));
                if let Err(error) = kept {
                    self.say_error(&error);
                }
            }
            Call::ReadDraft(id) => {
                if let Ok(repo) = Repo::discover(here::environment()) {
                    let draft = draft::read(&repo, &id);
                    drafts::take(&mut self.state, &id, draft);
                }
            }
            Call::Act(action) => actions::begin(&self.post, &self.cancel, action),
            Call::Lend { command, stays } => {
                let ended = self.screen.run(&command, stays);
                let what = shown_command(&command);
                self.returned(ended.map(|status| status.success()), &what);
                if self.state.message.is_some() && command == ["spec", "edit"] {
                    let hint = format!("{what} failed; ':spec new NAME' begins a spec where there is none");
                    self.state.say(Role::Warn, hint);
                }
            }
            Call::Shell(folder) => {
                let ended = self.screen.shell(Path::new(&folder));
                self.returned(ended.map(|_| true), "the shell");
            }
            Call::ReadProfiles => match here::repository() {
                Ok(repo) => self.state.profiles = ui::profiles(&repo),
                Err(error) => self.say_error(&error),
            },
            Call::EditTask(agent) => match self.edited("no agent was started") {
                Ok(Some(task)) => {
                    for call in run_command(&mut self.state, spawn(agent, task)) {
                        self.perform(call);
                    }
                }
                Ok(None) => self.state.say(Role::Plain, "the text is empty: no agent was started"),
                Err(error) => self.say_error(&error),
            },
            Call::EditMessage(agent) => self.edit_message(agent),
        }
    }

    fn edit_message(&mut self, agent: AgentId) {
        match self.edited("nothing was sent") {
            Ok(Some(text)) => actions::begin(&self.post, &self.cancel, Action::Say { agent, text }),
            Ok(None) => self.state.say(Role::Plain, "the text is empty: nothing was sent"),
            Err(error) => self.say_error(&error),
        }
    }

    /// Returns a text that is written in the editor; `None` if it is empty.
    fn edited(&self, consequence: &str) -> Result<Option<String>> {
        // The editor may be one that an agent configured.
        unasked::accepted(Repo::discover(here::environment())?)?;
        let cannot = || "cannot make a file for the editor".to_owned();
        let file = tempfile::Builder::new().suffix(".md").tempfile().context(Kind::External, cannot)?;
        self.screen.lend(|| editor::edit(file.path(), consequence))?;
        let text = std::fs::read_to_string(file.path()).context(Kind::External, cannot)?;
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    /// Says that another program failed, whose terminal this is again.
    fn returned(&mut self, ended: std::io::Result<bool>, what: &str) {
        match ended {
            Ok(true) => self.state.message = None,
            Ok(false) => self.state.say(Role::Warn, format!("{what} failed")),
            Err(error) => self.state.say(Role::Bad, format!("cannot run {what}: {error}")),
        }
    }

    /// Whether a key answers a question.
    fn is_answer(&self, key: Key) -> bool {
        let answers = [Meaning::Allow, Meaning::Always, Meaning::Deny, Meaning::Yes];
        self.state.keymap.meaning(key).is_some_and(|meaning| answers.contains(&meaning))
    }

    fn say_error(&mut self, error: &Error) {
        self.state.say(Role::Bad, text::safe(&error.one_line()).into_owned());
    }
}

/// Returns columns and rows of the terminal; `None` without one.
fn size(terminal: &Terminal) -> Option<(u16, u16)> {
    let (rows, columns) = terminal.stdout_size()?;
    Some((u16::try_from(columns).unwrap_or(u16::MAX), u16::try_from(rows).unwrap_or(u16::MAX)))
}

/// Returns the name of the repository's folder, and its branch.
fn place(repo: &Repo) -> String {
    let folder = repo.work_dir().or_else(|| repo.common_dir().ok()).unwrap_or_default();
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let branch = repo.head_branch().map_or_else(String::new, |branch| format!(" ({branch})"));
    text::safe(&format!("{name}{branch}")).into_owned()
}

/// Whether the locale says that the terminal shows Unicode.
fn is_unicode(environment: &Environment) -> bool {
    let set = |name| environment.text_variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
