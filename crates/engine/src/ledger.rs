//! The ledger: one account per request, opened at submission and closed by exactly one finish.
//!
//! Owned by the engine core. Touching a closed account is a bug and panics; accounts still open
//! when the engine stops are written off by the core, so no request is ever lost silently.

use std::collections::HashMap;
use std::time::Instant;

use scheduler::SeqUpdate;
use types::{FinishReason, RequestId, Sampled};

use crate::report::{RequestStats, TokenTiming};

/// What happened to one request in one step.
#[derive(Clone, Debug)]
pub struct Event {
    /// The request.
    pub id: RequestId,
    /// A new token and how long it took.
    pub token: Option<(Sampled, TokenTiming)>,
    /// Its end; comes with the last token or alone, and never twice.
    pub finish: Option<(FinishReason, Box<RequestStats>)>,
}

struct Account {
    arrival: Instant,
    admitted: Option<Instant>,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    num_prompt_tokens: u32,
    num_cached_tokens: u32,
    num_output_tokens: u32,
    max_tokens: u32,
    num_preemptions: u32,
}

#[derive(Default)]
pub(crate) struct Ledger {
    accounts: HashMap<RequestId, Account>,
    /// Open accounts that were never admitted.
    num_unadmitted: usize,
}

impl Ledger {
    pub(crate) fn open(&mut self, id: RequestId, prompt: u32, max_tokens: u32, arrival: Instant) {
        let account = Account {
            arrival,
            admitted: None,
            first_token: None,
            last_token: None,
            num_prompt_tokens: prompt,
            num_cached_tokens: 0,
            num_output_tokens: 0,
            max_tokens,
            num_preemptions: 0,
        };
        let before = self.accounts.insert(id, account);
        assert!(before.is_none(), "request {id} opened twice");
        self.num_unadmitted += 1;
    }

    pub(crate) fn num_unadmitted(&self) -> usize {
        self.num_unadmitted
    }

    pub(crate) fn is_open(&self, id: RequestId) -> bool {
        self.accounts.contains_key(&id)
    }

    /// Notes an admission; only the first one counts.
    pub(crate) fn admit(&mut self, id: RequestId, cached: u32, now: Instant) {
        let account = self.account(id);
        if account.admitted.is_none() {
            account.admitted = Some(now);
            account.num_cached_tokens = cached;
            self.num_unadmitted -= 1;
        }
    }

    pub(crate) fn preempt(&mut self, id: RequestId) {
        self.account(id).num_preemptions += 1;
    }

    /// Books an update and completes it with timings; closes the account on a finish.
    pub(crate) fn book(&mut self, update: SeqUpdate, now: Instant) -> Event {
        let account = self.account(update.id);
        let token = update.token.map(|sampled| (sampled, account.token(now)));
        let finish = update.finish.map(|reason| {
            let closed = self.accounts.remove(&update.id).expect("the account was found above");
            self.num_unadmitted -= usize::from(closed.admitted.is_none());
            (reason, Box::new(closed.close(now)))
        });
        Event { id: update.id, token, finish }
    }

    fn account(&mut self, id: RequestId) -> &mut Account {
        self.accounts.get_mut(&id).expect("an update belongs to an open account")
    }
}

impl Account {
    fn token(&mut self, now: Instant) -> TokenTiming {
        self.num_output_tokens += 1;
        let timing = match self.last_token {
            None => {
                self.first_token = Some(now);
                TokenTiming::First {
                    ttft: now - self.arrival,
                    queue_time: self.admitted.unwrap_or(now).duration_since(self.arrival),
                    num_prompt_tokens: self.num_prompt_tokens,
                    num_cached_tokens: self.num_cached_tokens,
                }
            }
            Some(last) => TokenTiming::Next { itl: now - last },
        };
        self.last_token = Some(now);
        timing
    }

    fn close(self, now: Instant) -> RequestStats {
        let admitted = self.admitted.unwrap_or(now);
        let first = self.first_token;
        RequestStats {
            num_prompt_tokens: self.num_prompt_tokens,
            num_cached_tokens: self.num_cached_tokens,
            num_output_tokens: self.num_output_tokens,
            max_tokens: self.max_tokens,
            num_preemptions: self.num_preemptions,
            queue_time: admitted.saturating_duration_since(self.arrival),
            prefill_time: first.map_or_else(Default::default, |t| t - admitted),
            decode_time: match (first, self.last_token) {
                (Some(first), Some(last)) => last - first,
                _ => Default::default(),
            },
            e2e_time: now - self.arrival,
        }
    }
}
