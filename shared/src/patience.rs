//! How often something open to everybody may be asked: a bucket of turns that fills with time.
//!
//! Promise: knows no clock but the one that it is given, which only counts forward. Start at [`Bucket::take`].

/// Turns that are left.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// Most that it holds.
    size: u64,
    /// One turn comes back in so many milliseconds.
    every_ms: u64,
    /// When the last of the turns that were taken will be back, in milliseconds of the same count.
    full_at: u64,
}

impl Bucket {
    /// A full one.
    pub const fn new(size: u64, every_ms: u64) -> Bucket {
        Bucket { size, every_ms, full_at: 0 }
    }

    /// Takes a turn at `now`, in milliseconds since any beginning; else says after how many there is one again.
    pub fn take(&mut self, now: u64) -> Result<(), u64> {
        let back = self.full_at.max(now) + self.every_ms;
        let most = now + self.size * self.every_ms;
        if back > most {
            return Err(back - most);
        }
        self.full_at = back;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_one_after_the_other() {
        let mut bucket = Bucket::new(3, 1_000);
        assert_eq!([0, 10, 20, 30].map(|now| bucket.take(now)), [Ok(()), Ok(()), Ok(()), Err(970)]);
        assert_eq!([1_000, 1_001].map(|now| bucket.take(now)), [Ok(()), Err(999)]);
        assert_eq!([60_000, 60_000, 60_000, 60_000].map(|now| bucket.take(now).is_ok()), [true, true, true, false]);
    }
}
