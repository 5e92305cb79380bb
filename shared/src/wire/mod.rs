//! What programs exchange with `git orchestra`: the answers that `--json` prints, the requests that operations take, and the schemas
//! of both. One list each: what is not in it cannot be printed.
//!
//! An answer is one object, `{"version":1,"kind":…}` and then the fields of a report. It is only ever extended: fields keep their
//! names and meaning, and readers pass over fields that they do not know. Requests are the other way round: a field that is not known
//! is refused, because whoever wrote it relies on it.

mod answer;
mod failure;
mod kinds;
mod requests;
mod schema;
mod session;

pub use answer::Answer;
pub use failure::Failure;
pub use kinds::*;
pub use requests::{REQUESTS, rewrite_request};
pub use schema::{Described, SchemaEntry, Schemas};
