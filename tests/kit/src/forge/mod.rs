//! A forge of our own: a server on loopback that keeps pull requests, in front of a real bare repository which git clones from and pushes to
//! over HTTP. It speaks the interface of one of the forges, and can lose answers, refuse, and be slow to accept.

mod around;
mod bitbucket;
mod description;
mod feedback;
mod git_http;
mod gitea;
mod github;
mod gitlab;
mod http;
mod meeting;
mod pull_refs;
mod pulls;
mod reviews;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::Value;

pub use self::{around::ForgeIssue, feedback::GivenComment, pulls::Pull, reviews::GivenReview};
use self::{
    http::{Answer, Request},
    meeting::Meeting,
};

/// The repository that the forge has.
pub(crate) const REPOSITORY: &str = "team/app";
/// The login that every token belongs to.
pub(crate) const LOGIN: &str = "kim";

/// Which interface the forge speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ForgeFlavor {
    /// That of GitHub.
    GitHub,
    /// That of GitLab.
    GitLab,
    /// That of Gitea and Forgejo.
    Gitea,
    /// That of Bitbucket Cloud.
    Bitbucket,
}

/// What happens to the next request that changes something.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// It is carried out, and the connection ends before the answer.
    AnswerLost,
    /// The connection ends before it is carried out.
    HungUp,
    /// It is answered with this status, these headers and this body.
    Answers(u16, Vec<(String, String)>, String),
    /// Just before it is carried out, somebody pushes this commit to this branch of this bare repository.
    Moves(PathBuf, String, String),
}

/// The state of the forge.
pub(crate) struct State {
    pub(crate) flavor: ForgeFlavor,
    pub(crate) bare: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) pulls: Vec<Pull>,
    pub(crate) issues: Vec<ForgeIssue>,
    /// The scopes of the token, if the forge tells them.
    pub(crate) scopes: Option<String>,
    /// Whether the user of the token may push.
    pub(crate) may_push: bool,
    /// What was said at them.
    pub(crate) reviews: Vec<GivenReview>,
    /// The decisions apart from what was said, by number: `approve`, `changes`, or `none`.
    pub(crate) judged: Vec<(u64, String)>,
    /// The forks, by name, and the bare repository of each.
    pub(crate) forks: Vec<(String, PathBuf)>,
    /// The commits whose checks failed.
    failed_checks: Vec<String>,
    /// The checks of commits that have others than one: the commit, the name, and the state.
    pub(crate) named_checks: Vec<(String, String, String)>,
    /// The comments.
    pub(crate) comments: Vec<GivenComment>,
    /// Who may push.
    pub(crate) members: Vec<String>,
    /// How many requests were answered by saying that nothing changed.
    unchanged: usize,
    token: String,
    troubles: Vec<(String, Trouble)>,
    requests: Vec<String>,
    faults: Vec<String>,
}

/// A running forge; it ends with the value.
pub struct FakeForge {
    state: Arc<Mutex<State>>,
    meeting: Arc<Meeting>,
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl FakeForge {
    /// Starts a forge for a bare repository, in which pushes over HTTP are then allowed. Requests need the token.
    pub fn start(flavor: ForgeFlavor, bare: &Path, token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        git_http::allow_pushes(bare);
        let state = Arc::new(Mutex::new(State {
            flavor,
            bare: bare.to_owned(),
            address,
            pulls: Vec::new(),
            issues: Vec::new(),
            scopes: None,
            may_push: true,
            reviews: Vec::new(),
            judged: Vec::new(),
            forks: Vec::new(),
            failed_checks: Vec::new(),
            named_checks: Vec::new(),
            comments: Vec::new(),
            members: Vec::new(),
            unchanged: 0,
            token: token.to_owned(),
            troubles: Vec::new(),
            requests: Vec::new(),
            faults: Vec::new(),
        }));
        let (shared, ended) = (Arc::clone(&state), Arc::new(AtomicBool::new(false)));
        let over = Arc::clone(&ended);
        let meeting = Arc::new(Meeting::default());
        let place = Arc::clone(&meeting);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let (state, meeting) = (Arc::clone(&shared), Arc::clone(&place));
                std::thread::spawn(move || serve(client, &state, &meeting));
            }
        });
        Self { state, meeting, address, ended }
    }

    /// Returns the host and port, as they are in the URL of the remote.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the URL of the repository.
    pub fn url(&self) -> String {
        format!("http://{}/{REPOSITORY}.git", self.address)
    }

    /// Returns the word for `orchestra.forge.<name>.kind`.
    pub fn kind(&self) -> &'static str {
        match self.state().flavor {
            ForgeFlavor::GitHub => "github",
            ForgeFlavor::GitLab => "gitlab",
            ForgeFlavor::Gitea => "gitea",
            ForgeFlavor::Bitbucket => "bitbucket",
        }
    }

    /// Returns the pull requests.
    pub fn pulls(&self) -> Vec<Pull> {
        self.state().pulls.clone()
    }

    /// Changes the pull requests, as another client of the forge would.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Pull>)) {
        change(&mut self.state().pulls);
    }

    /// Adds an issue.
    pub fn add_issue(&self, issue: ForgeIssue) {
        self.state().issues.push(issue);
    }

    /// Sets the scopes of the token, if the forge tells them, and whether its user may push.
    pub fn set_access(&self, scopes: Option<&str>, may_push: bool) {
        let mut state = self.state();
        (state.scopes, state.may_push) = (scopes.map(str::to_owned), may_push);
    }

    /// Adds a fork of the repository, such as `somebody/app`: pull requests of it have their branches there.
    pub fn add_fork(&self, name: &str, bare: &Path) {
        git_http::allow_pushes(bare);
        self.state().forks.push((name.to_owned(), bare.to_owned()));
    }

    /// Opens a pull request of a fork, or of the repository itself, as its author does on the page of the forge. Returns its number.
    pub fn open_pull(&self, repository: &str, head: &str, title: &str, author: &str) -> u64 {
        let mut state = self.state();
        let number = state.pulls.len() as u64 + 1;
        let mut pull = Pull {
            number,
            title: title.to_owned(),
            body: "What it does.".to_owned(),
            head: head.to_owned(),
            repository: repository.to_owned(),
            base: "main".to_owned(),
            state: "open".to_owned(),
            draft: false,
            author: author.to_owned(),
            last_head: String::new(),
            allows_edits: false,
            labels: Vec::new(),
            reviewers: Vec::new(),
        };
        pull.last_head = pull.commit(&state);
        state.pulls.push(pull);
        number
    }

    /// Returns what was said at pull requests, in order.
    pub fn reviews(&self) -> Vec<GivenReview> {
        self.state().reviews.clone()
    }

    /// Replaces what was said at pull requests.
    pub fn replace_reviews(&self, reviews: Vec<GivenReview>) {
        self.state().reviews = reviews;
    }

    /// Returns what was decided apart from what was said: on GitLab and Bitbucket.
    pub fn decision(&self, number: u64) -> Option<String> {
        reviews::approved(&self.state(), number).map(str::to_owned)
    }

    /// Makes the checks of a commit fail.
    pub fn fail_checks(&self, commit: &str) {
        self.state().failed_checks.push(commit.to_owned());
    }

    /// Sets a check of a commit: `passed`, `running` or `failed`.
    pub fn set_check(&self, commit: &str, name: &str, word: &str) {
        let mut state = self.state();
        state.named_checks.retain(|(of, known, _)| (of.as_str(), known.as_str()) != (commit, name));
        state.named_checks.push((commit.to_owned(), name.to_owned(), word.to_owned()));
    }

    /// Says something at a pull request.
    pub fn comment(&self, comment: GivenComment) {
        self.state().comments.push(comment);
    }

    /// Lets somebody push, besides the user of the token.
    pub fn add_member(&self, name: &str) {
        self.state().members.push(name.to_owned());
    }

    /// Returns how many requests were answered by saying that nothing changed.
    pub fn unchanged_answers(&self) -> usize {
        self.state().unchanged
    }

    /// Sets what happens to the next request whose method and path contain a text, such as `POST /pulls`.
    pub fn next(&self, request: &str, trouble: Trouble) {
        self.state().troubles.push((request.to_owned(), trouble));
    }

    /// Lets requests whose method and path contain a text, such as `GET /check-runs`, wait until so many of them are there at once.
    pub fn gather(&self, requests: &str, wanted: usize) {
        self.meeting.arrange(requests, wanted);
    }

    /// Lets requests whose method and path contain a text wait until [`FakeForge::release`].
    pub fn hold(&self, requests: &str) {
        self.meeting.arrange(requests, usize::MAX);
    }

    /// Answers the requests that wait.
    pub fn release(&self) {
        self.meeting.release();
    }

    /// Returns how many of the requests that [`FakeForge::gather`] or [`FakeForge::hold`] names were there at once.
    pub fn gathered(&self) -> usize {
        self.meeting.most()
    }

    /// Replaces the token that is accepted.
    pub fn renew_token(&self, token: &str) {
        self.state().token = token.to_owned();
    }

    /// Returns the requests to the interface so far, as method and path.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// Returns what was wrong with requests and answers by the official description.
    pub fn faults(&self) -> Vec<String> {
        self.state().faults.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for FakeForge {
    fn drop(&mut self) {
        // Wakes the thread, which then sees that the forge has ended.
        self.ended.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    /// Returns whether the checks of a commit failed.
    pub(crate) fn has_failed(&self, commit: &str) -> bool {
        self.failed_checks.iter().any(|one| one == commit)
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let answer = self.unwrapped(request);
        if self.flavor == ForgeFlavor::Bitbucket { bitbucket::wrapped(answer) } else { answer }
    }

    fn unwrapped(&mut self, request: &Request) -> Answer {
        let is_public = self.flavor == ForgeFlavor::Gitea && request.path == "/api/v1/version";
        if !is_public && !request.has_token(&self.token) {
            return Answer::error(401, "Bad credentials");
        }
        if let Some(answer) = feedback::answer(self, request) {
            return answer;
        }
        if let Some(answer) = around::answer(self, request) {
            return answer;
        }
        if let Some(answer) = reviews::answer(self, request) {
            return answer;
        }
        match self.flavor {
            ForgeFlavor::GitHub => github::answer(self, request),
            ForgeFlavor::GitLab => gitlab::answer(self, request),
            ForgeFlavor::Gitea => gitea::answer(self, request),
            ForgeFlavor::Bitbucket => bitbucket::answer(self, request),
        }
    }

    fn trouble(&mut self, request: &Request) -> Option<Trouble> {
        let wanted = |(text, _): &(String, Trouble)| {
            let (method, path) = text.split_once(' ').unwrap_or(("", text));
            request.method == method && request.path.contains(path)
        };
        let at = self.troubles.iter().position(wanted)?;
        Some(self.troubles.remove(at).1)
    }

    fn checked_answer(&mut self, request: &Request) -> Answer {
        let answer = self.answer(request);
        self.faults.extend(description::faults(self.flavor, request, answer.status, &answer.body));
        self.unless_unchanged(request, answer)
    }

    /// Marks an answer with what names its state, and leaves it out if the client has it: on forges that do so.
    fn unless_unchanged(&mut self, request: &Request, mut answer: Answer) -> Answer {
        let has_marks = matches!(self.flavor, ForgeFlavor::GitHub | ForgeFlavor::GitLab);
        if !has_marks || request.method != "GET" || answer.status != 200 {
            return answer;
        }
        let mut hasher = DefaultHasher::new();
        answer.body.to_string().hash(&mut hasher);
        let mark = format!("W/\"{:x}\"", hasher.finish());
        if request.header("if-none-match") == Some(&mark) {
            self.unchanged += 1;
            return Answer { status: 304, headers: answer.headers, body: Value::Null };
        }
        answer.headers.push(("etag".into(), mark));
        answer
    }
}

/// Serves requests on one connection, until the client ends it.
fn serve(mut client: TcpStream, state: &Mutex<State>, meeting: &Meeting) {
    while let Some(request) = Request::read(&mut client) {
        meeting.attend(&request);
        let mut state = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bare) = state.repository_at(&request.path) {
            if bare == state.bare && request.query.contains("git-upload-pack") {
                state.write_pull_refs();
            }
            drop(state);
            git_http::answer(&bare, &request, &mut client);
            return;
        }
        state.requests.push(format!("{} {}", request.method, request.target()));
        let trouble = state.trouble(&request);
        let answer = match trouble {
            Some(Trouble::HungUp) => return,
            Some(Trouble::Answers(status, headers, body)) => {
                Answer { status, headers, body: serde_json::from_str(&body).unwrap_or(Value::String(body)) }
            }
            Some(Trouble::AnswerLost) => {
                state.answer(&request);
                return;
            }
            Some(Trouble::Moves(bare, branch, commit)) => {
                pulls::output(&bare, &["update-ref", &format!("refs/heads/{branch}"), &commit])
                    .expect("a commit of that repository");
                state.write_pull_refs();
                state.checked_answer(&request)
            }
            None => state.checked_answer(&request),
        };
        drop(state);
        if answer.write(&mut client).is_err() {
            return;
        }
    }
}
