//! An MCP server of an agent, as the supervisor keeps it: with the names of variables, and never with their values.

use serde::{Deserialize, Serialize};

/// An MCP server.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct McpServer {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub place: Place,
}

/// How a server is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It is a program, which speaks on its standard streams.
    Program {
        /// The path of the program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// The names of the variables that it needs.
        env: Vec<String>,
    },
    /// It is at an address.
    Url {
        /// The address.
        url: String,
        /// Headers, each with the name of the variable that has its value.
        headers: Vec<(String, String)>,
    },
}
