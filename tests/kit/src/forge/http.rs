//! Reading requests and writing answers of HTTP/1.1, as far as git and our client need it.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

/// A request with its whole body.
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path without the query, decoded except for encoded slashes.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads the next request. `None`: the client ended the connection.
    pub(crate) fn read(client: &mut TcpStream) -> Option<Self> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if client.read(&mut byte).ok()? == 0 || head.len() > 64 * 1024 {
                return None;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).ok()?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let pair = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: Vec<(String, String)> = lines.filter_map(pair).collect();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request =
            Self { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
        if request.header("expect").is_some() {
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
        }
        request.body = request.read_body(client)?;
        Some(request)
    }

    fn read_body(&self, client: &mut TcpStream) -> Option<Vec<u8>> {
        if self.header("transfer-encoding").is_some_and(|how| how.contains("chunked")) {
            return read_chunks(client);
        }
        let length: usize = self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        client.read_exact(&mut body).ok()?;
        Some(body)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns whether it has the token, in the form of any forge.
    pub(crate) fn has_token(&self, token: &str) -> bool {
        let given = self.header("authorization").unwrap_or_default();
        given.split_once(' ').is_some_and(|(_, given)| given == token)
    }

    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the decoded value of a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }

    pub(crate) fn parameters(&self, name: &str) -> Vec<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(known, _)| *known == name).map(|(_, value)| decoded(value)).collect()
    }
}

fn read_chunks(client: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut body, mut byte) = (Vec::new(), [0]);
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            client.read_exact(&mut byte).ok()?;
            line.push(byte[0]);
        }
        let length = usize::from_str_radix(String::from_utf8(line).ok()?.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        client.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

/// Decodes `%XX`.
pub(crate) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(code) => {
                bytes.push(code);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer in JSON.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) const fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::new(status, json!({"message": message}))
    }

    pub(crate) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    /// Makes a page of a list, with a link to the next one as `address` makes it from its number.
    pub(crate) fn page(
        all: Vec<Value>,
        request: &Request,
        size: usize,
        address: impl Fn(usize) -> String,
    ) -> Self {
        let number: usize = request.parameter("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let is_last = all.len() <= number * size;
        let page: Vec<Value> = all.into_iter().skip((number - 1) * size).take(size).collect();
        let mut answer = Self::new(200, Value::Array(page));
        if !is_last {
            answer.headers.push(("link".into(), format!("<{}>; rel=\"next\"", address(number + 1))));
        }
        answer
    }

    pub(crate) fn write(&self, client: &mut TcpStream) -> std::io::Result<()> {
        let body = if matches!(self.status, 204 | 304) { String::new() } else { self.body.to_string() };
        let mut head = format!("HTTP/1.1 {} .\r\ncontent-type: application/json\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !matches!(self.status, 204 | 304) {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        client.write_all(format!("{head}\r\n{body}").as_bytes())
    }
}
