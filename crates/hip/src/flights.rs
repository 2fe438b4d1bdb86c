//! Steps under way: which have been launched and not collected, and the event behind each.
//!
//! Owns the events. A step's number modulo [`MAX_IN_FLIGHT`] chooses what it may write to on the
//! host; the step that had it before has been collected. Called by the layer operations.

use types::SampleRow;

use crate::error::HipFailure;
use crate::runtime::{Event, Gpu, Stream};

/// Steps that may be launched before the oldest is collected.
pub(crate) const MAX_IN_FLIGHT: usize = 2;

struct Flight {
    /// Recorded behind the step's last work.
    done: Event,
    /// Who has sampled.
    rows: Vec<SampleRow>,
}

/// The ring of steps.
pub(crate) struct Flights {
    ring: [Flight; MAX_IN_FLIGHT],
    num_launched: u64,
    num_collected: u64,
}

impl Flights {
    pub(crate) fn new(gpu: &Gpu, max_num_seqs: usize) -> Result<Self, HipFailure> {
        let flight = || -> Result<_, HipFailure> {
            Ok(Flight { done: gpu.event()?, rows: Vec::with_capacity(max_num_seqs) })
        };
        Ok(Self { ring: [flight()?, flight()?], num_launched: 0, num_collected: 0 })
    }

    /// Steps launched and not collected.
    pub(crate) fn num_in_flight(&self) -> usize {
        (self.num_launched - self.num_collected) as usize
    }

    /// Place in the ring of the step that is launched next.
    pub(crate) fn next_place(&self) -> usize {
        place(self.num_launched)
    }

    /// Notes that all work of a step is on the stream; `rows` sampled. There is room for it.
    pub(crate) fn launched(
        &mut self,
        stream: &Stream,
        rows: &[SampleRow],
    ) -> Result<(), HipFailure> {
        assert!(self.num_in_flight() < MAX_IN_FLIGHT, "begin_step has made sure of room");
        let flight = &mut self.ring[place(self.num_launched)];
        stream.record(&flight.done)?;
        flight.rows.clear();
        flight.rows.extend_from_slice(rows);
        self.num_launched += 1;
        Ok(())
    }

    /// Waits for the oldest step, which is there; answers who sampled in it.
    pub(crate) fn collect(&mut self) -> Result<&[SampleRow], HipFailure> {
        assert!(self.num_in_flight() > 0, "the caller has made sure of a step");
        let flight = &self.ring[place(self.num_collected)];
        flight.done.synchronize()?;
        self.num_collected += 1;
        Ok(&flight.rows)
    }
}

fn place(number: u64) -> usize {
    (number % MAX_IN_FLIGHT as u64) as usize
}
