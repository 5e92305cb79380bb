//! The handshake, from `initialize` to a session that is ready for its first prompt. Pure: it returns what to send and what to tell.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{
    end,
    message::{self, METHOD_NOT_FOUND, RpcError, Sent},
    offer::{Capabilities, Choices, Offer, VERSION},
    update::Update,
};
use crate::{
    agents::{FailureKind, StreamEvent, TurnFailure},
    model::Permission,
};

/// What is wanted of a program.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) folder: PathBuf,
    /// The session to continue; `None` for a new one.
    pub(super) session: Option<String>,
    /// Whether a new session may replace one that the program does not know.
    pub(super) may_start_over: bool,
    pub(super) permission: Option<Permission>,
    pub(super) model: Option<String>,
    /// The MCP servers that it gets, as the protocol writes them.
    pub(super) servers: Value,
}

/// What follows from an answer.
#[derive(Debug)]
pub(super) enum Action {
    Send(Vec<u8>),
    Tell(StreamEvent),
    /// Nothing more can be done with the program.
    Fail(TurnFailure, String),
}

/// The state of the handshake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// The session was not begun yet.
    Beginning,
    /// Its model and mode are being set.
    Setting,
    Ready,
    Failed,
}

/// The handshake, and what is known about the session after it.
#[derive(Debug)]
pub(super) struct Setup {
    wanted: Option<Wanted>,
    stage: Stage,
    able: Capabilities,
    session: String,
    offer: Offer,
    /// Whether the session was loaded, which repeats its history.
    is_loaded: bool,
    /// Whether the program repeated a part of its history.
    has_history: bool,
    /// Whether the mode that is being set is the one that is wanted, and not only the present one.
    is_mode_wanted: bool,
}

impl Setup {
    /// Begins a handshake. Returns its first message as well.
    pub(super) fn begin(wanted: Option<Wanted>) -> (Self, Vec<u8>) {
        let capabilities = json!({"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false});
        let client =
            json!({"name": "git-orchestra", "title": "git orchestra", "version": env!("CARGO_PKG_VERSION")});
        let params =
            json!({"protocolVersion": VERSION, "clientCapabilities": capabilities, "clientInfo": client});
        let setup = Self {
            wanted,
            stage: Stage::Beginning,
            able: Capabilities::default(),
            session: String::new(),
            offer: Offer::default(),
            is_loaded: false,
            has_history: false,
            is_mode_wanted: false,
        };
        (setup, message::request(Sent::Initialize, "initialize", &params))
    }

    pub(super) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    pub(super) fn has_failed(&self) -> bool {
        self.stage == Stage::Failed
    }

    pub(super) fn fail(&mut self) {
        self.stage = Stage::Failed;
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }

    /// Returns the event that a turn begins in the session.
    pub(super) fn started(&self) -> StreamEvent {
        let current = |choices: &Option<Choices>| choices.as_ref().map(|choices| choices.current.clone());
        let folder = self.wanted.as_ref().map(|wanted| wanted.folder.to_string_lossy().into_owned());
        StreamEvent::SessionStarted {
            session: self.session.clone(),
            model: current(&self.offer.models).unwrap_or_default(),
            mode: current(&self.offer.modes).unwrap_or_default(),
            folder: folder.unwrap_or_default(),
        }
    }

    /// Adds an update outside of a turn.
    pub(super) fn saw(&mut self, update: &Update, session: Option<&str>) {
        if self.session.is_empty() {
            self.session = session.unwrap_or_default().to_owned();
        }
        // After the answer to `load`, only a message of the user is certain to be history.
        self.has_history |= self.stage == Stage::Beginning || *update == Update::User;
    }

    /// Records the mode. Returns a remark if it is another one than before.
    pub(super) fn changed_mode(&mut self, mode: &str) -> Option<StreamEvent> {
        let modes = self.offer.modes.as_mut().filter(|modes| modes.current != mode)?;
        mode.clone_into(&mut modes.current);
        Some(StreamEvent::Remark(format!("its mode is '{mode}' now")))
    }

    /// Continues after the answer to a request of the handshake.
    pub(super) fn answered(&mut self, sent: Sent, outcome: Result<Value, RpcError>) -> Vec<Action> {
        match (sent, outcome) {
            (Sent::Initialize, Ok(answer)) => match Capabilities::of(&answer) {
                Ok(able) => {
                    self.able = able;
                    // The output of another process may follow, when only the output is read.
                    self.stage = Stage::Beginning;
                    match self.unreachable_server() {
                        Some(name) => self.failed(
                            "mcp",
                            format!("it cannot use the MCP server '{name}', which is at an address"),
                        ),
                        None => self.continue_or_begin(),
                    }
                }
                Err(why) => self.failed("version", why),
            },
            (Sent::NewSession, Ok(answer)) => match answer["sessionId"].as_str() {
                Some(session) if !session.is_empty() => {
                    session.clone_into(&mut self.session);
                    self.is_loaded = false;
                    self.began(&answer)
                }
                _ => self.failed("session", "it began a session without an id".to_owned()),
            },
            (Sent::LoadSession | Sent::ResumeSession, Ok(answer)) => {
                self.is_loaded = sent == Sent::LoadSession;
                self.began(&answer)
            }
            (Sent::LoadSession, Err(error)) if error.code == METHOD_NOT_FOUND && self.able.resumes => {
                self.send_for_session(Sent::ResumeSession, "session/resume")
            }
            (Sent::LoadSession | Sent::ResumeSession, Err(error)) if !is_login(&error) => {
                self.unknown(&error.message)
            }
            (Sent::SetModel, Ok(_)) => self.set_mode(),
            (Sent::SetMode, Err(error)) if self.is_mode_wanted => self.mode_is_refused(&error),
            (Sent::SetMode, _) => self.ready(),
            (_, Err(error)) => self.broken(&error),
            (Sent::Prompt(_), Ok(_)) => Vec::new(),
        }
    }

    /// Returns the name of a server that the program cannot use: all can use programs.
    fn unreachable_server(&self) -> Option<String> {
        let servers = self.wanted.as_ref().and_then(|wanted| wanted.servers.as_array());
        let mut at_addresses = servers.into_iter().flatten().filter(|server| server["type"] == "http");
        let first = at_addresses.next().filter(|_| !self.able.uses_addresses)?;
        first["name"].as_str().map(str::to_owned)
    }

    fn continue_or_begin(&mut self) -> Vec<Action> {
        let known = self.wanted.as_ref().and_then(|wanted| wanted.session.clone());
        let Some(known) = known else { return self.begin_session() };
        self.session = known;
        match &self.able {
            // A program repeats the history of a session that it loads, which shows that it knows it.
            able if able.loads => self.send_for_session(Sent::LoadSession, "session/load"),
            able if able.resumes => self.send_for_session(Sent::ResumeSession, "session/resume"),
            _ => self.unknown("it cannot load sessions"),
        }
    }

    fn begin_session(&mut self) -> Vec<Action> {
        let params = self.session_params();
        vec![Action::Send(message::request(Sent::NewSession, "session/new", &params))]
    }

    fn send_for_session(&self, sent: Sent, method: &str) -> Vec<Action> {
        let mut params = self.session_params();
        params["sessionId"] = self.session.as_str().into();
        vec![Action::Send(message::request(sent, method, &params))]
    }

    fn session_params(&self) -> Value {
        let folder = self.wanted.as_ref().map(|wanted| wanted.folder.to_string_lossy().into_owned());
        let servers = self.wanted.as_ref().map(|wanted| &wanted.servers).filter(|servers| servers.is_array());
        json!({"cwd": folder.unwrap_or_default(), "mcpServers": servers.unwrap_or(&json!([]))})
    }

    /// Replaces a session that the program does not know, if nothing is lost by that.
    fn unknown(&mut self, why: &str) -> Vec<Action> {
        let session = std::mem::take(&mut self.session);
        if !self.wanted.as_ref().is_some_and(|wanted| wanted.may_start_over) {
            let hint = "'git orchestra resume --fresh' begins a new one";
            return self.failed(
                "session",
                format!("it does not know the session '{session}' any more: {why}; {hint}"),
            );
        }
        self.stage = Stage::Beginning;
        let remark =
            format!("it does not know the session '{session}' any more ({why}), and begins a new one");
        let mut actions = vec![Action::Tell(StreamEvent::Remark(remark))];
        actions.extend(self.begin_session());
        actions
    }

    /// Sets the model, then the mode. A program that offers modes always gets the request for one: its answer shows that all updates
    /// about the session's history have arrived.
    fn began(&mut self, answer: &Value) -> Vec<Action> {
        self.stage = Stage::Setting;
        self.offer = Offer::of(answer);
        let mut actions = Vec::new();
        // The id of a new session is reported at once. One that was loaded may not exist.
        if !self.is_loaded {
            actions.push(Action::Tell(self.started()));
        }
        actions.extend(self.set_model());
        actions
    }

    fn set_model(&mut self) -> Vec<Action> {
        let Some(model) = self.wanted.as_ref().and_then(|wanted| wanted.model.clone()) else {
            return self.set_mode();
        };
        let Some(models) = &mut self.offer.models else {
            return self.failed("model", format!("it offers no choice of models, so not '{model}'"));
        };
        match models.model(&model).map(str::to_owned) {
            Ok(id) if id == models.current => self.set_mode(),
            Ok(id) => {
                let (method, params) = models.request(&self.session, "model", &id);
                models.current = id;
                vec![Action::Send(message::request(Sent::SetModel, &method, &params))]
            }
            Err(why) => self.failed("model", why),
        }
    }

    fn set_mode(&mut self) -> Vec<Action> {
        let permission = self.wanted.as_ref().and_then(|wanted| wanted.permission);
        let mode =
            permission.zip(self.offer.modes.as_ref()).map(|(permission, modes)| modes.mode_for(permission));
        let mode = mode.flatten().map(str::to_owned);
        if permission == Some(Permission::Plan) && mode.is_none() {
            return self.failed("mode", "it has no mode in which it only plans".to_owned());
        }
        let Some(modes) = &mut self.offer.modes else {
            let mut actions = self.said_without_mode(permission);
            actions.extend(self.ready());
            return actions;
        };
        self.is_mode_wanted = mode.is_some();
        modes.current = mode.unwrap_or_else(|| modes.current.clone());
        let (method, params) = modes.request(&self.session, "mode", &modes.current);
        let mut actions = if self.is_mode_wanted { Vec::new() } else { self.said_without_mode(permission) };
        actions.push(Action::Send(message::request(Sent::SetMode, &method, &params)));
        actions
    }

    /// Says that the program decides by its own settings what it asks for.
    fn said_without_mode(&self, permission: Option<Permission>) -> Vec<Action> {
        let Some(permission) = permission else { return Vec::new() };
        let stays = self.offer.modes.as_ref().map(|modes| format!(" and stays in '{}'", modes.current));
        let remark = format!(
            "it has no mode for the permission '{}'{}: its own settings decide what it asks for",
            permission.as_str(),
            stays.unwrap_or_default()
        );
        vec![Action::Tell(StreamEvent::Remark(remark))]
    }

    fn mode_is_refused(&mut self, error: &RpcError) -> Vec<Action> {
        let mode = self.offer.modes.as_ref().map(|modes| modes.current.clone()).unwrap_or_default();
        self.failed("mode", format!("it refused its mode '{mode}': {}", error.message))
    }

    /// Ends the handshake. A session that was loaded without any history is not known to the program, whatever it answered.
    fn ready(&mut self) -> Vec<Action> {
        if self.is_loaded && !self.has_history && self.wanted.is_some() {
            return self.unknown("it repeated nothing of it");
        }
        self.stage = Stage::Ready;
        vec![Action::Tell(self.started())]
    }

    fn broken(&mut self, error: &RpcError) -> Vec<Action> {
        self.stage = Stage::Failed;
        let failure = end::failed(error, false);
        let login = self.able.login.as_ref().filter(|_| is_login(error));
        let ways = login.map(|login| format!(": {login}")).unwrap_or_default();
        vec![Action::Fail(failure, format!("{}{ways}", error.message))]
    }

    fn failed(&mut self, word: &str, text: String) -> Vec<Action> {
        self.stage = Stage::Failed;
        vec![Action::Fail(TurnFailure { word: word.to_owned(), kind: FailureKind::Permanent }, text)]
    }
}

fn is_login(error: &RpcError) -> bool {
    matches!(end::failed(error, false).kind, FailureKind::NotLoggedIn { .. })
}
