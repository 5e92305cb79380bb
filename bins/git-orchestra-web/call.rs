//! What a call was made with, and the answers of commands.

use std::{collections::BTreeMap, sync::Arc};

use orchestra::{Error, Result, context::Context, git::Repo, wire::Answer, world::Environment};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::server::Server;

/// What a call was made with.
pub(crate) struct Call<'a> {
    pub(crate) context: Context,
    pub(crate) environment: &'a Environment,
    pub(crate) server: &'a Arc<Server>,
    /// The words of the path in the places of the row, such as the id of an agent.
    pub(crate) places: Vec<String>,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Call<'_> {
    /// Opens the repository, for this call alone.
    ///
    /// # Errors
    /// It is gone, or cannot be read.
    pub(crate) fn repo(&self) -> Result<Repo> {
        Repo::discover(self.environment)
    }

    /// Returns the first word that the path names, such as a run.
    pub(crate) fn place(&self) -> String {
        self.places.first().cloned().unwrap_or_default()
    }

    /// Returns the agent that the path names.
    pub(crate) fn agent(&self) -> String {
        self.place()
    }

    /// Returns a parameter that is a number.
    ///
    /// # Errors
    /// It is none (2).
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(given) = self.parameters.get(name) else { return Ok(None) };
        given.parse().map(Some).map_err(|_| Error::usage(format!("'{name}' must be a number from 0 on")))
    }

    /// Returns whether a parameter is set.
    ///
    /// # Errors
    /// It is neither true nor false (2).
    pub(crate) fn flag(&self, name: &str) -> Result<bool> {
        match self.parameters.get(name).map(String::as_str) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error::usage(format!("'{name}' must be true or false"))),
        }
    }

    /// Reads the body.
    ///
    /// # Errors
    /// It is no such object (2): a field is missing, unknown, or of another type.
    pub(crate) fn asked<T: DeserializeOwned>(&self) -> Result<T> {
        let body = if self.body.is_empty() { b"{}" } else { &self.body[..] };
        // A list of values in the order of the fields is not what a person wrote.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(Error::usage("the body must be an object"));
        }
        serde_json::from_slice(body)
            .map_err(|error| Error::usage("the body is not what this call takes").because(error))
    }
}

/// Returns the same answer that the command with `--json` prints.
///
/// # Errors
/// It cannot be written (70).
pub(crate) fn envelope<T: Serialize>(kind: Answer<T>, report: &T) -> Result<Value> {
    let text = kind.text(report)?;
    serde_json::from_str(&text).map_err(|error| Error::internal("cannot read JSON").because(error))
}
