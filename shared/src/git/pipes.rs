//! Reading and writing the pipes of a child, each on its own thread, so that neither side waits for the other. An output is whole only
//! if its last piece says so: a thread that died leaves a channel that ends without it.

use std::{
    io::{self, Read, Write},
    process::Child,
    sync::mpsc::{self, Receiver},
};

use crate::parallel;

/// Maximum size of a chunk of output, in bytes.
const CHUNK: usize = 64 << 10;

/// A part of an output.
pub(super) enum Piece {
    /// The next bytes.
    Bytes(Vec<u8>),
    /// There are no more.
    End,
}

/// Writes the input on another thread, so that neither side waits for the other with a full pipe.
///
/// # Errors
/// No more threads can be made.
pub(super) fn feed(child: &mut Child, input: Vec<u8>) -> io::Result<()> {
    match child.stdin.take() {
        Some(mut stdin) => parallel::in_background(move || {
            let _ = stdin.write_all(&input);
        }),
        None => Ok(()),
    }
}

/// Reads a pipe until it is closed, and sends everything at once, or why it cannot be read.
///
/// # Errors
/// No more threads can be made.
pub(super) fn drain(pipe: Option<impl Read + Send + 'static>) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (sender, receiver) = mpsc::channel();
    parallel::in_background(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes));
        let _ = sender.send(read.map(|_| bytes));
    })?;
    Ok(receiver)
}

/// Reads a pipe and sends the output in pieces; at most a few are buffered.
///
/// # Errors
/// No more threads can be made.
pub(super) fn pieces(pipe: Option<impl Read + Send + 'static>) -> io::Result<Receiver<io::Result<Piece>>> {
    let (sender, receiver) = mpsc::sync_channel(4);
    parallel::in_background(move || {
        let mut pipe = pipe;
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = pipe.as_mut().map_or(Ok(0), |pipe| pipe.read(&mut buffer));
            let piece = match read {
                Ok(0) => Ok(Piece::End),
                Ok(count) => Ok(Piece::Bytes(buffer[..count].to_vec())),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_last = !matches!(piece, Ok(Piece::Bytes(_)));
            // The receiver may be gone.
            if sender.send(piece).is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives some bytes, and then fails or panics.
    struct Broken {
        given: bool,
        panics: bool,
    }

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if !std::mem::replace(&mut self.given, true) {
                buffer[..3].copy_from_slice(b"abc");
                return Ok(3);
            }
            assert!(!self.panics, "a fault");
            Err(io::Error::other("a fault"))
        }
    }

    #[test]
    fn an_output_that_breaks_off_is_never_taken_for_a_whole_one() {
        for panics in [false, true] {
            let broken = || Some(Broken { given: false, panics });
            let whole = drain(broken()).unwrap().recv();
            assert!(whole.is_err() == panics && !whole.is_ok_and(|read| read.is_ok()));
            let received = pieces(broken()).unwrap();
            let mut said: Vec<_> = received.iter().collect();
            assert!(matches!(said.remove(0), Ok(Piece::Bytes(bytes)) if bytes == b"abc"));
            assert!(!said.iter().any(|piece| matches!(piece, Ok(Piece::End))), "{panics}");
            assert_eq!(said.len(), usize::from(!panics));
        }
        let whole = pieces(Some(io::Cursor::new(b"abc".to_vec()))).unwrap();
        assert!(matches!(whole.iter().last(), Some(Ok(Piece::End))));
        assert!(matches!(pieces(None::<io::Empty>).unwrap().recv(), Ok(Ok(Piece::End))));
    }
}
