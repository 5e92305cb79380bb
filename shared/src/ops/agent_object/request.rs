//! What a waiting agent asks for, as reports hold it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::request::AskedRequest;

/// What a waiting agent asks for, in `--json`.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct RequestObject {
    /// The program's own id of the question. An answer that repeats it never answers another one.
    pub id: String,
    /// The whole request, on one line; of one that is too long, the beginning and the end.
    pub text: String,
    /// The length of the whole request in bytes, if `text` is not all of it.
    pub cut_from_bytes: Option<u64>,
    /// What `send --allow --always` would allow for good; `null` if it cannot.
    pub pattern: Option<String>,
}

impl RequestObject {
    pub(super) fn of(id: String, asked: AskedRequest) -> Self {
        let AskedRequest { text, cut_from_bytes, pattern } = asked;
        let cut_from_bytes = (cut_from_bytes > 0).then_some(cut_from_bytes);
        Self { id, text, cut_from_bytes, pattern: pattern.map(|pattern| pattern.to_string()) }
    }
}
