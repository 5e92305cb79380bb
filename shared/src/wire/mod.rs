//! The JSON that programs exchange with `git orchestra`: the answers that `--json` prints, the requests that operations take, and the
//! schemas of both. There is one list of each: an answer that is not in it cannot be printed.
//!
//! An answer is one object: `{"version":1,"kind":…}`, followed by the fields of a report. It is only ever extended: fields keep their
//! names and meaning, and readers ignore fields that they do not know. In a request, an unknown field is refused, because its writer
//! relies on it.

mod answer;
mod facts;
mod failure;
mod kinds;
mod requests;
mod schema;
mod session;

pub use answer::Answer;
pub use facts::FACTS;
pub use failure::Failure;
pub use kinds::*;
pub use requests::{REQUESTS, rewrite_request};
pub use schema::{MessageType, SchemaEntry, Schemas};
