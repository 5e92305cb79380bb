//! Reading and writing the pipes of a child, each on its own thread, so that neither side waits for the other.

use std::{
    io::{Read, Write},
    process::Child,
    sync::mpsc,
};

/// Maximum size of a chunk of output, in bytes.
const CHUNK: usize = 64 << 10;

/// Writes the input on another thread, so that neither side waits for the other with a full pipe.
pub(super) fn feed(child: &mut Child, input: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
    }
}

/// Reads a pipe until it is closed, and sends everything at once.
pub(super) fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// Reads a pipe and sends the output in chunks; at most a few chunks are buffered.
pub(super) fn chunks(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::sync_channel(4);
    std::thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; CHUNK];
        loop {
            let chunk = match pipe.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => Ok(buffer[..count].to_vec()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            // The receiver is gone, or the pipe failed.
            if chunk.is_err() | sender.send(chunk).is_err() {
                return;
            }
        }
    });
    receiver
}
