//! Read buffers that a worker lends out.
//!
//! Bytes are read into a block, looked at, written on, and the block goes back, all without
//! waiting: one block, hot in the cache, serves every connection. Whoever has to wait copies what
//! is left into a buffer of its own first, so that ten thousand stalled connections do not hold
//! ten thousand blocks.

use std::cell::RefCell;
use std::rc::Rc;

/// Bytes in a block: enough that bulk transfers need few system calls, small enough for the
/// second-level cache.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;

/// Blocks kept when unused.
const SPARE_MAX: usize = 8;

type Spare = Rc<RefCell<Vec<Box<[u8]>>>>;

/// The blocks of a worker.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    spare: Spare,
}

impl Blocks {
    /// Lends a block; its contents are arbitrary.
    pub(crate) fn take(&self) -> Block {
        let bytes = self
            .spare
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| vec![0; BLOCK_BYTES].into_boxed_slice());
        Block { bytes, spare: self.spare.clone() }
    }
}

/// A lent block; goes back when dropped.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Box<[u8]>,
    spare: Spare,
}

impl Block {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_MAX {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}
