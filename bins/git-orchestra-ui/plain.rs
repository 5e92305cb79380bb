//! `ui --plain`: agents as lines, for a screen reader or a Braille display. What changes is said once, and every choice has a number that
//! is never used again: what was typed before a question was said does not answer it. Pure.

use std::collections::BTreeMap;

use orchestra::model::{AgentId, Liveness, Phase, text};

use super::{
    prompt::split,
    row::{Asked, Row},
    state::{Action, Call},
    update::shown_command,
};

/// What is said of the words that can be typed.
const HELP: &[&str] = &[
    "A number does what was said with it.",
    "list: all agents. asks: what they ask for. new: an agent for a task. spec: the spec, in your editor.",
    "land: what would land. undo: what would be undone. sync: what would be exchanged. Then a number does it.",
    "Any other words are a command of git orchestra, such as: logs fix-parser.",
    "quit: leave; agents keep running.",
];

/// What a number does.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Choice {
    /// Says what can be done with an agent.
    Agent(AgentId),
    /// Answers a question, if it is still asked.
    Allow { asked: Asked, always: bool },
    /// Asks for a text first.
    Ask(Wanted),
    /// Does something.
    Act(Action),
    /// Runs a command.
    Run(Vec<String>),
}

/// What the next line is.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Wanted {
    Task,
    Say(AgentId),
    Deny(Asked),
    Changes(AgentId),
}

impl Wanted {
    fn question(&self) -> String {
        match self {
            Self::Task => "The task of the new agent. An empty line starts none:".to_owned(),
            Self::Say(id) => format!("What to say to {id}. An empty line says nothing:"),
            Self::Deny(asked) => {
                format!("Why {} must not do it. An empty line gives no reason:", asked.agent)
            }
            Self::Changes(id) => {
                format!("What should change in the work of {id}. An empty line asks for nothing:")
            }
        }
    }
}

/// What was said, and what can be chosen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plain {
    place: String,
    rows: Vec<Row>,
    is_read: bool,
    choices: BTreeMap<usize, Choice>,
    wanted: Option<Wanted>,
    /// What is said next.
    said: Vec<String>,
}

impl Plain {
    pub(crate) fn new(place: String) -> Self {
        Self { place, ..Self::default() }
    }

    /// Returns what is to be said, once.
    pub(crate) fn take_said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    fn say(&mut self, line: impl AsRef<str>) {
        self.said.push(text::safe(line.as_ref()).into_owned());
    }

    /// Says what happened, such as the end of an action.
    pub(crate) fn announce(&mut self, line: &str) {
        self.say(line);
    }

    /// Adds a choice, and returns it as it is said.
    fn offer(&mut self, choice: Choice, words: &str) -> String {
        let number = self.choices.last_key_value().map_or(1, |(last, _)| last + 1);
        self.choices.insert(number, choice);
        format!("{number}: {words}.")
    }

    /// Takes in the agents after a change, and says what changed.
    pub(crate) fn news(&mut self, rows: &[Row]) {
        let before = std::mem::replace(&mut self.rows, rows.to_vec());
        if !self.is_read {
            self.is_read = true;
            self.summary();
            self.list();
            self.asks();
            self.say("Type a number or a word, then Enter. help says the words.");
            return;
        }
        for row in rows {
            match before.iter().find(|old| old.id == row.id) {
                None => {
                    self.say(format!("New: {}, {}: {}.", row.id, row.state, row.title));
                    self.question(row);
                }
                Some(old) => self.change(old, row),
            }
        }
        for old in before.iter().filter(|old| !rows.iter().any(|row| row.id == old.id)) {
            self.say(format!("{} is no longer listed.", old.id));
        }
    }

    fn change(&mut self, old: &Row, row: &Row) {
        let was_answered = old.request.is_some() && row.request != old.request;
        if was_answered {
            self.say(format!("{} no longer asks for that.", row.id));
        }
        // What starts is said once it runs.
        if row.request.is_none()
            && row.phase != Phase::Starting
            && (row.state != old.state || row.liveness != old.liveness)
        {
            let lines = lines_of(row);
            self.say(format!("{} is {}{lines}.", row.id, row.state));
        }
        if row.unread > old.unread {
            let count = text::count(row.unread, "message");
            self.say(format!("{} has {count} that you have not read. inbox shows them.", row.id));
        }
        if row.request != old.request {
            self.question(row);
        }
    }

    /// Says how many agents are in which state.
    fn summary(&mut self) {
        let count = |is_one: &dyn Fn(&Row) -> bool| self.rows.iter().filter(|row| is_one(row)).count();
        let runs = |row: &Row| row.liveness == Liveness::Live && row.phase == Phase::Running;
        let parts = [
            (count(&Row::needs_person), "need you"),
            (count(&runs), "run"),
            (count(&|row: &Row| row.phase == Phase::Queued), "queued"),
            (count(&|row: &Row| row.phase == Phase::Done), "done"),
            (count(&|row: &Row| matches!(row.phase, Phase::Failed | Phase::Timeout)), "failed"),
        ];
        let parts =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!(", {count} {word}"));
        let agents = text::count(self.rows.len() as u64, "agent");
        self.say(format!("git orchestra, {}: {agents}{}.", self.place, parts.collect::<String>()));
    }

    /// Says all agents, each with a number.
    fn list(&mut self) {
        for row in self.rows.clone() {
            let below = if row.depth > 0 { format!(", level {}", row.depth + 1) } else { String::new() };
            let words = format!("{}{below}, {}{}: {}", row.id, row.state, lines_of(&row), row.title);
            let line = self.offer(Choice::Agent(row.id.clone()), &words);
            self.say(line);
        }
    }

    /// Says everything that agents ask for.
    fn asks(&mut self) {
        for row in self.rows.clone() {
            self.question(&row);
        }
    }

    /// Says what an agent asks for, with the answers.
    fn question(&mut self, row: &Row) {
        let Some(request) = &row.request else { return };
        self.say(format!("{} asks: {}", row.id, request.text));
        if !request.is_whole {
            self.say(format!("That is not all of it. status {} shows more.", row.id));
        }
        let mut answers = Vec::new();
        if request.is_choice {
            answers.push(self.offer(Choice::Ask(Wanted::Say(row.id.clone())), "answer"));
        } else if let Some(asked) = row.asked() {
            if request.is_whole {
                answers.push(self.offer(Choice::Allow { asked: asked.clone(), always: false }, "allow"));
            }
            if let Some(pattern) = request.pattern.as_ref().filter(|_| request.is_whole) {
                let always = Choice::Allow { asked: asked.clone(), always: true };
                answers.push(self.offer(always, &format!("allow {pattern} from now on")));
            }
            answers.push(self.offer(Choice::Ask(Wanted::Deny(asked)), "deny"));
        }
        self.say(answers.join(" "));
    }

    /// Says what an agent does, and what can be done with it.
    fn menu(&mut self, id: &AgentId) {
        let Some(row) = self.rows.iter().find(|row| row.id == *id).cloned() else {
            return self.say(format!("{id} is no longer listed."));
        };
        self.say(format!("{id}, {}{}: {}", row.state, lines_of(&row), row.title));
        if !row.activity.is_empty() {
            self.say(format!("It does: {}", row.activity));
        }
        self.question(&row);
        let of = |words: &[&str]| {
            Choice::Run([words, &[id.as_str()]].concat().iter().map(|&word| word.to_owned()).collect())
        };
        let mut choices = vec![(of(&["diff"]), "diff"), (of(&["logs", "-n", "20"]), "end of the log")];
        choices.push((Choice::Ask(Wanted::Say(id.clone())), "say something"));
        if row.phase.is_terminal() {
            choices.push((of(&["review", "--approve"]), "approve"));
            choices.push((Choice::Ask(Wanted::Changes(id.clone())), "ask for changes"));
            choices.push((of(&["cleanup", "--dry-run"]), "what removing it would do"));
        } else {
            choices.push((Choice::Act(Action::Pause(id.clone())), "pause"));
            choices.push((Choice::Act(Action::Stop(id.clone())), "stop it and what it started"));
        }
        if row.phase.is_at_rest() {
            choices.push((Choice::Act(Action::Resume(id.clone())), "resume"));
        }
        let said: Vec<String> =
            choices.into_iter().map(|(choice, words)| self.offer(choice, words)).collect();
        self.say(said.join(" "));
    }

    /// Takes in a line. Returns what is asked of the world.
    pub(crate) fn line(&mut self, line: &str) -> Vec<Call> {
        let line = line.trim();
        if let Some(wanted) = self.wanted.take() {
            return self.given(wanted, line);
        }
        if let Ok(number) = line.parse::<usize>() {
            return self.choose(number);
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, rest.trim()) {
            ("", _) => Vec::new(),
            ("q" | "quit", "") => vec![Call::Quit],
            ("?" | "help", "") => {
                HELP.iter().for_each(|line| self.say(line));
                Vec::new()
            }
            ("list", "") => {
                self.summary();
                self.list();
                Vec::new()
            }
            ("asks", "") => {
                self.asks();
                if self.said.is_empty() {
                    self.say("No agent asks for anything.");
                }
                Vec::new()
            }
            ("new", "") => self.ask(Wanted::Task),
            ("new", task) => self.given(Wanted::Task, task),
            ("spec", "") => run(&["spec", "edit"]),
            ("land", "") => run(&["merge-ranked", "--dry-run"]),
            ("undo", "") => run(&["undo", "--dry-run"]),
            ("sync", "") => run(&["sync", "--dry-run"]),
            _ => match split(line) {
                Some(command) if !command.is_empty() => vec![Call::Lend { command, stays: false }],
                _ => {
                    self.say("A quote is open.");
                    Vec::new()
                }
            },
        }
    }

    fn ask(&mut self, wanted: Wanted) -> Vec<Call> {
        self.say(wanted.question());
        self.wanted = Some(wanted);
        Vec::new()
    }

    fn choose(&mut self, number: usize) -> Vec<Call> {
        let Some(choice) = self.choices.get(&number).cloned() else {
            self.say(format!("Nothing has the number {number}."));
            return Vec::new();
        };
        match choice {
            Choice::Agent(id) => {
                self.menu(&id);
                Vec::new()
            }
            Choice::Allow { ref asked, .. } | Choice::Ask(Wanted::Deny(ref asked))
                if !self.is_asked(asked) =>
            {
                self.say(format!("{} no longer asks for that. Nothing was answered.", asked.agent));
                Vec::new()
            }
            Choice::Allow { asked, always } => vec![Call::Act(Action::Allow { asked, always })],
            Choice::Ask(wanted) => self.ask(wanted),
            Choice::Act(action) => vec![Call::Act(action)],
            Choice::Run(command) => vec![Call::Lend { command, stays: false }],
        }
    }

    fn is_asked(&self, asked: &Asked) -> bool {
        self.rows.iter().any(|row| row.asked().as_ref() == Some(asked))
    }

    /// Does what a line is for.
    fn given(&mut self, wanted: Wanted, line: &str) -> Vec<Call> {
        let line = line.to_owned();
        match wanted {
            Wanted::Deny(asked) if !self.is_asked(&asked) => {
                self.say(format!("{} no longer asks for that. Nothing was answered.", asked.agent));
                Vec::new()
            }
            Wanted::Deny(asked) => {
                vec![Call::Act(Action::Deny { asked, reason: Some(line).filter(|line| !line.is_empty()) })]
            }
            _ if line.is_empty() => {
                self.say("Nothing was done.");
                Vec::new()
            }
            Wanted::Task => run(&["spawn", "--detach", "--", &line]),
            Wanted::Say(agent) => vec![Call::Act(Action::Say { agent, text: line })],
            Wanted::Changes(id) => run(&["review", &id, "--changes", "-m", &line]),
        }
    }

    /// Says how a command ended. After a plan, a number carries it out.
    pub(crate) fn ended(&mut self, command: &[String], succeeded: bool) {
        if !succeeded {
            return self.say(format!("failed: {}", shown_command(command)));
        }
        if !command.iter().any(|word| word == "--dry-run") {
            return self.say(format!("done: {}", shown_command(command)));
        }
        let command: Vec<String> = command.iter().filter(|word| *word != "--dry-run").cloned().collect();
        let words = shown_command(&command);
        let line = self.offer(Choice::Run(command), &format!("do this: {words}"));
        self.say(line);
    }
}

/// Returns how many lines an agent added and removed, in words.
fn lines_of(row: &Row) -> String {
    row.lines.map_or_else(String::new, |(more, less)| {
        format!(", {} added, {less} removed", text::count(more, "line"))
    })
}

fn run(words: &[&str]) -> Vec<Call> {
    let command = words.iter().map(|&word| word.to_owned()).collect();
    vec![Call::Lend { command, stays: false }]
}
