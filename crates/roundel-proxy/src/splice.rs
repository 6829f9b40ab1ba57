//! Moving bulk data from socket to socket by way of a pipe, so that it is never copied (splice(2)).
//!
//! A worker has one pipe, and it is empty between two calls: what the sink does not take is read out
//! of it, so that neither pipes nor pages in pipes add up over connections that wait.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};

use crate::block::BLOCK_BYTES;
use crate::socket::{Received, Socket};

/// The pipe holds a block also when a network card delivers it in pieces of one packet each, of
/// which every one takes up a page of the pipe.
const PIPE_BYTES: usize = 4 * BLOCK_BYTES;

/// What a try to move data came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spliced {
    /// So many bytes left the source, and the first `written` of them are with the sink.
    Bytes { taken: usize, written: usize },
    /// The source has sent its last byte.
    End,
    /// The source has nothing at present.
    Nothing,
    /// This machine can't; nothing was moved.
    Unsupported,
}

/// Which side broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Source,
    Sink,
}

/// A worker's pipe.
#[derive(Debug, Default)]
pub(crate) struct Splicer(RefCell<State>);

#[derive(Debug, Default)]
enum State {
    #[default]
    Unused,
    Ready(Pipe),
    /// A sandbox forbids it, or the system knows no such call.
    Unsupported,
}

#[derive(Debug)]
struct Pipe {
    output: OwnedFd,
    input: OwnedFd,
}

impl Splicer {
    /// Moves at most a block, and at most `max` bytes, from `from` to `to`. What `to` does not take
    /// is appended to `rest`.
    pub(crate) fn splice(
        &self,
        from: &Socket,
        to: &Socket,
        max: u64,
        rest: &mut Vec<u8>,
    ) -> Result<Spliced, Broken> {
        let mut state = self.0.borrow_mut();
        // Taken out of its place, so that a pipe that is left with something in it is closed.
        let pipe = match std::mem::take(&mut *state) {
            State::Ready(pipe) => pipe,
            State::Unused => match Pipe::open() {
                Ok(pipe) => pipe,
                // No descriptors at present, perhaps: copying needs none.
                Err(_) => return Ok(Spliced::Unsupported),
            },
            State::Unsupported => {
                *state = State::Unsupported;
                return Ok(Spliced::Unsupported);
            }
        };
        let max = usize::try_from(max).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        let moved = match from.splice_into(&pipe.input, max) {
            Ok(Received::Bytes(taken)) => {
                let written = pipe.empty(to, taken, rest)?;
                Ok(Spliced::Bytes { taken, written })
            }
            Ok(Received::End) => Ok(Spliced::End),
            Ok(Received::Nothing) => Ok(Spliced::Nothing),
            Err(error) if is_unsupported(&error) => {
                *state = State::Unsupported;
                return Ok(Spliced::Unsupported);
            }
            Err(_) => Err(Broken::Source),
        };
        *state = State::Ready(pipe);
        moved
    }
}

impl Pipe {
    fn open() -> io::Result<Self> {
        let (output, input) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // A smaller one works as well, in more calls.
        let _ = fcntl_setpipe_size(&input, PIPE_BYTES);
        Ok(Self { output, input })
    }

    /// Moves the `len` bytes that it holds to `to`, and what is not taken into `rest`. Returns how
    /// many were taken.
    fn empty(&self, to: &Socket, len: usize, rest: &mut Vec<u8>) -> Result<usize, Broken> {
        let mut written = 0;
        while written < len {
            match to.splice_from(&self.output, len - written) {
                Ok(0) => break,
                Ok(n) => written += n,
                // Whoever takes bytes but not pages is written to.
                Err(error) if is_unsupported(&error) => break,
                Err(_) => return Err(Broken::Sink),
            }
        }
        let mut start = rest.len();
        rest.resize(start + len - written, 0);
        while let Some(unread) = rest.get_mut(start..).filter(|unread| !unread.is_empty()) {
            match rustix::io::read(&self.output, unread) {
                Ok(n) if n > 0 => start += n,
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => return Err(Broken::Source),
            }
        }
        Ok(written)
    }
}

/// Whether a call failed because such calls can't be made, and not because of a connection.
fn is_unsupported(error: &io::Error) -> bool {
    let errnos = [Errno::INVAL, Errno::NOSYS, Errno::PERM, Errno::OPNOTSUPP];
    Errno::from_io_error(error).is_some_and(|errno| errnos.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::rc::Rc;
    use std::time::Duration;

    use roundel_testkit::{deadline::PATIENCE, eventually};

    use crate::reactor::{Owner, Reactor, Ready};

    /// A socket of the worker, and its peer's end.
    fn socket(reactor: &Rc<Reactor>) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        (Socket::accepted(reactor, accepted.into(), Owner::Nobody).unwrap(), peer)
    }

    fn wait_readable(reactor: &Reactor, socket: &Socket) {
        eventually(PATIENCE, "the socket is readable", || {
            reactor.wait(Duration::from_millis(1), &mut Vec::new()).unwrap();
            socket.ready().has_any(Ready::READ)
        });
    }

    #[test]
    fn bytes_pass_up_to_the_maximum_and_the_end_is_seen() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let ((from, mut source), (to, mut sink)) = (socket(&reactor), socket(&reactor));
        let (splicer, mut rest) = (Splicer::default(), Vec::new());
        let mut splice = |max| splicer.splice(&from, &to, max, &mut rest).unwrap();
        assert_eq!(splice(9), Spliced::Nothing, "the reactor has heard nothing");
        source.write_all(b"one, two").unwrap();
        wait_readable(&reactor, &from);
        assert_eq!(splice(5), Spliced::Bytes { taken: 5, written: 5 });
        assert_eq!(splice(9), Spliced::Bytes { taken: 3, written: 3 });
        assert_eq!(splice(9), Spliced::Nothing);
        drop(source);
        wait_readable(&reactor, &from);
        assert_eq!(splice(9), Spliced::End);
        assert_eq!(rest, b"");
        let mut read = [0; 8];
        sink.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"one, two");
    }

    #[test]
    fn what_the_sink_does_not_take_is_kept_in_order_and_the_pipe_is_empty_again() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let ((from, mut source), (to, mut sink)) = (socket(&reactor), socket(&reactor));
        let sent: Vec<u8> = (0..64 * 1024 * 1024_u32).map(|n| (n / 7) as u8).collect();
        let expected = sent.clone();
        let sender = std::thread::spawn(move || {
            // Ends with an error when the test has seen enough.
            let _ = source.write_all(&sent);
        });
        let (splicer, mut rest) = (Splicer::default(), Vec::new());
        let (mut taken, mut written) = (0, 0);
        while rest.is_empty() {
            wait_readable(&reactor, &from);
            match splicer.splice(&from, &to, u64::MAX, &mut rest).unwrap() {
                Spliced::Bytes { taken: t, written: w } => {
                    (taken, written) = (taken + t, written + w);
                }
                other => assert_eq!(other, Spliced::Nothing),
            }
        }
        assert_eq!(taken, written + rest.len());
        assert_eq!(rest, expected[written..taken]);
        let mut read = vec![0; written];
        sink.read_exact(&mut read).unwrap();
        assert!(read == expected[..written], "the sink has what came first");
        // The sink has room, and gets what comes next and nothing that was left behind.
        let kept = rest.len();
        eventually(PATIENCE, "the sink takes more", || {
            reactor.wait(Duration::from_millis(1), &mut Vec::new()).unwrap();
            let start = taken + rest.len() - kept;
            match splicer.splice(&from, &to, 1000, &mut rest).unwrap() {
                Spliced::Bytes { written: 0, .. } | Spliced::Nothing => false,
                Spliced::Bytes { written, .. } => {
                    let mut read = vec![0; written];
                    sink.read_exact(&mut read).unwrap();
                    assert!(read == expected[start..start + written]);
                    true
                }
                other => panic!("{other:?}"),
            }
        });
        drop((from, to));
        sender.join().unwrap();
    }

    #[test]
    fn a_broken_sink_is_told_and_costs_the_pipe_alone() {
        let reactor = Rc::new(Reactor::new().unwrap());
        let ((from, mut source), (to, sink)) = (socket(&reactor), socket(&reactor));
        let (splicer, mut rest) = (Splicer::default(), Vec::new());
        source.write_all(b"lost").unwrap();
        wait_readable(&reactor, &from);
        to.shutdown_write();
        assert_eq!(splicer.splice(&from, &to, 9, &mut rest), Err(Broken::Sink));
        let (to, mut other_sink) = socket(&reactor);
        source.write_all(b"next").unwrap();
        wait_readable(&reactor, &from);
        let moved = splicer.splice(&from, &to, 9, &mut rest);
        assert_eq!(moved, Ok(Spliced::Bytes { taken: 4, written: 4 }));
        let mut read = [0; 4];
        other_sink.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"next");
        drop(sink);
    }
}
