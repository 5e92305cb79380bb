//! WebSockets with the names and the messages that the dashboards of other programs have, for scripts. The guard decides first, as about
//! any request; who is let in gets messages, and what it says is not read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Response,
    body::Bytes,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    http::request::Parts,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use orchestra::{
    Error, Result,
    git::Repo,
    ops::{
        agent_object::AgentObject,
        logs::{self, Position},
        status,
        web::{LogPage, PageStart, Refusal, make_visible},
    },
};
use serde_json::{Value, json};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    hub::{News, SentFrame},
    replies::{self, Body, Reply},
    seed_runs, seed_teams, seeds,
    server::Server,
    stream::{Listener, PATIENCE},
};

/// Where they are.
pub(crate) const PATHS: [&str; 4] = ["/ws/status", "/ws/logs", "/ws/teams", "/ws/gm"];
/// The time between two pings. Who did not answer the one before is sent away.
const PING: Duration = Duration::from_secs(30);
/// How long changes are gathered, so that many at once are one message.
const GATHER: Duration = Duration::from_millis(100);
/// The largest message of a client, in bytes.
const MAX_MESSAGE: usize = 4096;
/// How many lines of an output come first.
const LINES: u64 = 20;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Answers a request for a WebSocket.
pub(crate) fn open(server: &Arc<Server>, head: &Parts, upgrade: OnUpgrade, epoch: u64) -> Response<Body> {
    let Some(accept) = accept(&head.headers) else {
        let error = Error::usage("this is a WebSocket, of version 13")
            .hint("GET /api/v1/events has the same for others");
        return Reply::error_of(426, &error).response();
    };
    let news = server.hub.news.subscribe();
    if server.logins().epoch() != epoch {
        return Reply::refusal(Refusal::Stranger).response();
    }
    let listener = match Listener::new(server) {
        Ok(listener) => listener,
        Err(error) => return Reply::error_of(503, &error).response(),
    };
    let mut follower = Follower::new(server, head.uri.path());
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config =
            WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let mut socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        follow(&mut socket, news, &mut follower).await;
        // It may be gone already.
        let _ = tokio::time::timeout(PATIENCE, socket.close(None)).await;
        drop(listener);
    });
    let mut response = replies::with_headers(Empty::new().boxed(), 101, replies::JSON);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Returns the answer to the key of a handshake; `None` if it is none that we speak.
fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let one = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let is_ours = one(header::UPGRADE)?.eq_ignore_ascii_case(b"websocket")
        && one(header::SEC_WEBSOCKET_VERSION)? == b"13"
        && one(header::CONNECTION)?
            .split(|b| *b == b',')
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    let key = one(header::SEC_WEBSOCKET_KEY)?;
    // Sixteen bytes in base64.
    let is_key = key.len() == 24 && key.ends_with(b"==");
    (is_ours && is_key).then(|| HeaderValue::from_str(&derive_accept_key(key)).ok())?
}

/// Sends messages, until the client leaves, says something long, or is too slow.
async fn follow(socket: &mut Socket, mut news: Receiver<News>, follower: &mut Follower) {
    // Nothing heard means that everything may have changed.
    let mut heard = Vec::new();
    let (mut next_ping, mut has_answered) = (Instant::now() + PING, true);
    loop {
        let looking = follower.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let mut looking = looking;
            let messages = looking.messages(&heard).unwrap_or_default();
            (looking, messages)
        });
        let Ok((looked, messages)) = looked.await else { return };
        *follower = looked;
        for mut message in messages {
            make_visible(&mut message);
            if !send(socket, Message::text(message.to_string())).await {
                return;
            }
        }
        heard = loop {
            tokio::select! {
                heard = news.recv() => match heard {
                    Ok(News::Frame(frame)) => break gather(&mut news, frame).await,
                    Ok(News::Reset) => break Vec::new(),
                    Err(RecvError::Lagged(_)) => {
                        news = news.resubscribe();
                        break Vec::new();
                    }
                    Ok(News::End) | Err(RecvError::Closed) => return,
                },
                said = socket.next() => match said {
                    Some(Ok(Message::Pong(_))) => has_answered = true,
                    // A ping is answered by the library. Scripts say something to stay connected.
                    Some(Ok(Message::Ping(_) | Message::Text(_))) => {}
                    _ => return,
                },
                () = tokio::time::sleep_until(next_ping) => {
                    if !has_answered || !send(socket, Message::Ping(Bytes::new())).await {
                        return;
                    }
                    (next_ping, has_answered) = (Instant::now() + PING, false);
                }
            }
        };
    }
}

/// Returns a frame with those that come shortly after it; nothing if everything may have changed.
async fn gather(news: &mut Receiver<News>, first: Arc<SentFrame>) -> Vec<Arc<SentFrame>> {
    tokio::time::sleep(GATHER).await;
    let mut heard = vec![first];
    while let Ok(next) = news.try_recv() {
        match next {
            News::Frame(frame) => heard.push(frame),
            News::Reset | News::End => return Vec::new(),
        }
    }
    heard
}

async fn send(socket: &mut Socket, message: Message) -> bool {
    matches!(tokio::time::timeout(PATIENCE, socket.send(message)).await, Ok(Ok(())))
}

/// What a client wants to know.
#[derive(Clone, Copy)]
enum Topic {
    Status,
    Logs,
    Teams,
    Runs,
}

/// What a client knows.
#[derive(Clone)]
struct Follower {
    server: Arc<Server>,
    topic: Topic,
    /// The state that was sent last.
    state: Value,
    /// The agents, or the gates, that the client knows.
    known: BTreeSet<String>,
    /// The landings that the client heard of.
    landings: BTreeSet<String>,
    /// How far the output of each agent was sent.
    positions: BTreeMap<String, Position>,
}

impl Follower {
    fn new(server: &Arc<Server>, path: &str) -> Self {
        let topic = match path {
            "/ws/logs" => Topic::Logs,
            "/ws/teams" => Topic::Teams,
            "/ws/gm" => Topic::Runs,
            _ => Topic::Status,
        };
        let server = Arc::clone(server);
        let (known, landings, positions) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        Self { server, topic, state: Value::Null, known, landings, positions }
    }

    /// Returns what to say after something was heard; after nothing, what a client needs that knows nothing.
    fn messages(&mut self, heard: &[Arc<SentFrame>]) -> Result<Vec<Value>> {
        let repo = Repo::discover(&self.server.environment)?;
        match self.topic {
            Topic::Status => self.status(&repo),
            Topic::Logs => self.logs(&repo, heard),
            Topic::Teams => self.teams(&repo),
            Topic::Runs => self.runs(&repo, heard),
        }
    }

    fn agents(&self, repo: &Repo) -> Result<Vec<AgentObject>> {
        let request = status::Request { all: true, ..status::Request::default() };
        Ok(status::run(&self.server.context(), repo, &request)?.agents)
    }

    fn status(&mut self, repo: &Repo) -> Result<Vec<Value>> {
        let state = seeds::state_of(&self.agents(repo)?);
        let is_news = self.state != state;
        self.state.clone_from(&state);
        Ok(if is_news { vec![state] } else { Vec::new() })
    }

    fn logs(&mut self, repo: &Repo, heard: &[Arc<SentFrame>]) -> Result<Vec<Value>> {
        let grew = heard.iter().filter(|frame| frame.event == "log");
        let agents: BTreeSet<String> =
            grew.filter_map(|frame| frame.data["agent"].as_str().map(str::to_owned)).collect();
        let mut messages = Vec::new();
        for agent in agents {
            let request = logs::Request { agent: agent.clone(), attempt: None };
            let report = logs::run(&self.server.context(), repo, &request)?;
            let start =
                self.positions.get(&agent).map_or(PageStart::LastLines(LINES), |at| PageStart::At(*at));
            let page = serde_json::to_value(LogPage::read(repo, &report, start)?).unwrap_or_default();
            for entry in page["entries"].as_array().into_iter().flatten() {
                let event = &entry["event"];
                let said = event["text"].as_str().map_or_else(|| event.to_string(), str::to_owned);
                let is_error = matches!(event["kind"].as_str(), Some("error" | "limit"));
                let level = if is_error { "error" } else { "info" };
                let timestamp = self.server.environment.now().to_string();
                messages
                    .push(json!({"timestamp": timestamp, "level": level, "message": said, "source": agent}));
            }
            let next = |name: &str| page["next"][name].as_u64();
            if let (Some(attempt), Some(bytes)) =
                (next("attempt").and_then(|n| u32::try_from(n).ok()), next("from"))
            {
                self.positions.insert(agent, Position { attempt, bytes });
            }
        }
        Ok(messages)
    }

    fn teams(&mut self, repo: &Repo) -> Result<Vec<Value>> {
        let is_first = self.state.is_null();
        let mut messages = Vec::new();
        let mut states = serde_json::Map::new();
        for agent in self.agents(repo)?.iter().filter(|agent| agent.team.is_some()) {
            let row = seed_teams::row(agent);
            let is_new = self.known.insert(agent.id.to_string());
            if !is_first && (is_new || self.state[agent.id.as_str()] != row) {
                let word = if is_new { "new_team_session" } else { "team_progress" };
                messages.push(json!({"type": word, "data": row}));
            }
            states.insert(agent.id.to_string(), row);
        }
        self.state = Value::Object(states);
        Ok(messages)
    }

    fn runs(&mut self, repo: &Repo, heard: &[Arc<SentFrame>]) -> Result<Vec<Value>> {
        let open = status::run(&self.server.context(), repo, &status::Request::default())?.runs;
        let mut messages = Vec::new();
        let mut say = |word: &str, data: &Value| messages.push(json!({"type": word, "data": data}));
        for frame in heard.iter().filter(|frame| frame.event == "operation") {
            for landing in frame.data["landings"].as_array().into_iter().flatten() {
                if self.landings.insert(landing["operation"].as_str().unwrap_or_default().to_owned()) {
                    say("merge_started", landing);
                }
            }
        }
        let rows: serde_json::Map<String, Value> =
            open.iter().map(|run| (run.run.clone(), seed_runs::row(run))).collect();
        for (run, row) in rows.iter().filter(|_| !self.state.is_null()) {
            if self.state[run] != *row {
                say("phase_change", row);
            }
        }
        let gates: Vec<Value> = open.iter().flat_map(seed_runs::gates).collect();
        let id = |gate: &Value| gate["id"].as_str().unwrap_or_default().to_owned();
        let now: BTreeSet<String> = gates.iter().map(id).collect();
        for gate in gates.iter().filter(|gate| !self.known.contains(&id(gate))) {
            if gate["type"] == "conflict" {
                say("merge_conflict", gate);
            }
            say("decision_required", gate);
        }
        for gone in self.known.difference(&now) {
            say("decision_resolved", &json!({"id": gone}));
        }
        for (run, row) in self.state.as_object().into_iter().flatten() {
            if !rows.contains_key(run) {
                let mut row = row.clone();
                row["phase"] = json!("completed");
                say("project_completed", &row);
            }
        }
        (self.known, self.state) = (now, Value::Object(rows));
        Ok(messages)
    }
}
