//! The one system call that has no safe wrapper.

use std::os::fd::BorrowedFd;

/// Bytes written to a TCP socket that the peer's kernel has not acknowledged; 0 when the socket
/// does not tell. After a reset that says nothing: its acknowledgement is not taken in.
#[allow(unsafe_code, reason = "SIOCOUTQ has no safe wrapper")]
pub(crate) fn unacknowledged(socket: BorrowedFd<'_>) -> u64 {
    /// `SIOCOUTQ` of linux/sockios.h, the same number as `TIOCOUTQ`.
    const SIOCOUTQ: rustix::ioctl::Opcode = 0x5411;
    // SAFETY: tcp(7): SIOCOUTQ writes one C int through the pointer, which is what `Getter` with
    // an `i32` output provides; it has no other effect.
    let queued: rustix::io::Result<i32> = unsafe {
        let getter = rustix::ioctl::Getter::<SIOCOUTQ, i32>::new();
        rustix::ioctl::ioctl(socket, getter)
    };
    queued.ok().and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}
