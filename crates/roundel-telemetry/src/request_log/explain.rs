//! Why an exchange went where it went, in words. Pure, and done only when somebody asks.

use std::sync::Arc;

use roundel_core::end::EndReason;
use roundel_core::endpoint::{AdminState, Health, Presence};
use roundel_core::name::Name;
use roundel_core::policy::{Balance, HashKey};
use roundel_core::pool::Tier;

use super::account::{Considered, Detail, KeptAttempt, Picked};
use super::trail::{Attempt, AttemptOutcome};
use super::{RequestDetail, RequestSummary};

#[cfg(test)]
mod tests;

/// One attempt, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptDetail {
    /// The endpoint chosen.
    pub endpoint: Name,
    /// Its address as configured.
    pub address: Arc<str>,
    /// From the exchange's start to the attempt's, in microseconds.
    pub started_us: u64,
    /// Connecting; `None` when an idle connection was taken or none was made.
    pub connect_us: Option<u64>,
    /// From the attempt's start to the response head; `None` when none came.
    pub first_byte_us: Option<u64>,
    /// Whether it took an idle connection.
    pub is_reused: bool,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Status of the response head; `None` when none came.
    pub status: Option<u16>,
    /// The pick.
    pub pick: PickDetail,
}

/// The endpoints of the pool when one of them was to be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickDetail {
    /// In the pool's order, at most [`super::CANDIDATES_MAX`].
    pub candidates: Vec<CandidateDetail>,
    /// Endpoints that are not listed.
    pub candidates_omitted: usize,
}

/// What became of one endpoint at a pick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateDetail {
    /// Its name.
    pub endpoint: Name,
    /// What became of it.
    pub verdict: CandidateVerdict,
    /// Attempts in flight at that moment, without the one to come; `None` when nobody looked,
    /// because the exchange was only kept when it had failed.
    pub in_flight: Option<u32>,
    /// Why, in plain words.
    pub reason: String,
}

/// What became of an endpoint at a pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateVerdict {
    /// It got the attempt.
    Chosen,
    /// It could have got it.
    NotChosen,
    /// This exchange had tried it before, and others not.
    Tried,
    /// As many attempts as it may have were in flight.
    AtLimit,
    /// Requests waited there and none was answered, and others were left.
    Silent,
    /// Its probes failed.
    Unhealthy,
    /// Outlier detection kept it out.
    Ejected,
    /// The operator drained it.
    Draining,
    /// The operator disabled it.
    Disabled,
    /// Its process was starting.
    Starting,
    /// No process ran there.
    Absent,
    /// A backup, while primary endpoints took the traffic.
    Backup,
    /// Nothing was known of it, while others were known to be healthy.
    Unprobed,
}

impl CandidateVerdict {
    /// The stable short code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::NotChosen => "not_chosen",
            Self::Tried => "tried",
            Self::AtLimit => "at_limit",
            Self::Silent => "silent",
            Self::Unhealthy => "unhealthy",
            Self::Ejected => "ejected",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
            Self::Starting => "starting",
            Self::Absent => "absent",
            Self::Backup => "backup",
            Self::Unprobed => "unprobed",
        }
    }
}

/// The explanation of an exchange.
pub(super) fn explain(summary: RequestSummary, detail: &Detail) -> RequestDetail {
    let attempts = detail.attempts.iter();
    RequestDetail {
        route_reason: route_reason(detail, summary.end),
        attempts: attempts.map(|kept| attempt_detail(kept, detail)).collect(),
        attempts_omitted: detail.attempts_omitted,
        refusal: detail.refusal.as_ref().map(|picked| pick_detail(picked, detail, None)),
        summary,
    }
}

fn route_reason(detail: &Detail, end: EndReason) -> String {
    let route = detail.route.as_ref().and_then(|(table, index)| table.routes().get(*index));
    if let Some(route) = route {
        return if route.matcher.is_catch_all() {
            format!("route \"{}\" matches every request", route.name)
        } else {
            format!("route \"{}\" is the most specific match: {}", route.name, route.matcher)
        };
    }
    match end {
        EndReason::Misdirected => "no route serves the host",
        EndReason::NoRoute => "a route serves the host, but none the path",
        EndReason::MethodNotAllowed => "routes serve the host and the path, but not the method",
        _ => "no route was looked for",
    }
    .to_owned()
}

fn attempt_detail(kept: &KeptAttempt, detail: &Detail) -> AttemptDetail {
    let KeptAttempt { attempt, endpoint, authority, picked } = kept;
    AttemptDetail {
        endpoint: endpoint.clone(),
        address: Arc::clone(authority),
        started_us: attempt.started_us,
        connect_us: attempt.connect_us,
        first_byte_us: attempt.first_byte_us,
        is_reused: attempt.is_reused,
        outcome: attempt.outcome,
        status: (attempt.status != 0).then_some(attempt.status),
        pick: pick_detail(picked, detail, Some((endpoint, attempt))),
    }
}

fn pick_detail(picked: &Picked, detail: &Detail, chosen: Option<(&Name, &Attempt)>) -> PickDetail {
    let considered = detail.considered(picked);
    let pick = Pick { picked, considered, chosen };
    let told = |candidate: &Considered| {
        let verdict = pick.verdict(candidate);
        CandidateDetail {
            endpoint: candidate.name.clone(),
            verdict,
            in_flight: candidate.in_flight,
            reason: pick.reason(candidate, verdict),
        }
    };
    PickDetail {
        candidates: considered.iter().map(told).collect(),
        candidates_omitted: picked.omitted,
    }
}

/// A pick, with what one must know to judge each endpoint.
struct Pick<'a> {
    picked: &'a Picked,
    considered: &'a [Considered],
    chosen: Option<(&'a Name, &'a Attempt)>,
}

impl Pick<'_> {
    fn verdict(&self, candidate: &Considered) -> CandidateVerdict {
        if self.is_chosen(candidate) {
            CandidateVerdict::Chosen
        } else if !candidate.is_candidate {
            self.why_no_candidate(candidate)
        } else if candidate.was_tried && self.prefers_fresh() {
            CandidateVerdict::Tried
        } else if self.is_at_limit(candidate) {
            CandidateVerdict::AtLimit
        } else if self.is_avoided(candidate) {
            CandidateVerdict::Silent
        } else {
            CandidateVerdict::NotChosen
        }
    }

    /// The first that applies; the operator's will comes first, since it would hold in any case.
    fn why_no_candidate(&self, candidate: &Considered) -> CandidateVerdict {
        let facts = candidate.facts;
        let takes_backups = self.considered.iter().any(|c| c.is_candidate && c.is_backup);
        let is_spare = candidate.is_backup && !takes_backups && self.picked.candidates > 0;
        match (facts.admin_state, facts.presence, facts.health) {
            (AdminState::Disabled, ..) => CandidateVerdict::Disabled,
            (AdminState::Draining, ..) => CandidateVerdict::Draining,
            (_, Presence::Absent, _) => CandidateVerdict::Absent,
            (_, Presence::Starting, _) => CandidateVerdict::Starting,
            _ if is_spare => CandidateVerdict::Backup,
            _ if facts.is_ejected => CandidateVerdict::Ejected,
            (.., Health::Unhealthy) => CandidateVerdict::Unhealthy,
            (.., Health::Unknown) => CandidateVerdict::Unprobed,
            (.., Health::Healthy) => CandidateVerdict::NotChosen,
        }
    }

    fn reason(&self, candidate: &Considered, verdict: CandidateVerdict) -> String {
        let words = match verdict {
            CandidateVerdict::Chosen => return self.why_chosen(candidate),
            CandidateVerdict::NotChosen => return self.why_not_chosen(candidate),
            CandidateVerdict::AtLimit => {
                let limit = self.limit().unwrap_or_default();
                let in_flight = candidate.in_flight.unwrap_or_default();
                return format!("{in_flight} in flight (limit {limit})");
            }
            CandidateVerdict::Tried => "tried before in this exchange",
            CandidateVerdict::Silent => "silent: requests wait there and none is answered",
            CandidateVerdict::Unhealthy => "unhealthy: its probes failed",
            CandidateVerdict::Ejected => "ejected by outlier detection",
            CandidateVerdict::Draining => "draining: takes nothing new",
            // So is an instance that an operator stopped.
            CandidateVerdict::Disabled if candidate.facts.presence == Presence::Absent => {
                "stopped or disabled by the operator: no process runs there"
            }
            CandidateVerdict::Disabled => "disabled by the operator",
            CandidateVerdict::Starting => "its process is starting",
            CandidateVerdict::Absent => "no process runs there",
            CandidateVerdict::Backup => "backup: primary endpoints take the traffic",
            CandidateVerdict::Unprobed => "not probed yet, while others are known to be healthy",
        };
        words.to_owned()
    }

    fn why_chosen(&self, chosen: &Considered) -> String {
        let circumstance = match self.picked.tier {
            Tier::Primary | Tier::Empty => "",
            Tier::Backup => "no primary endpoint is eligible; ",
            Tier::Panic => "fail-open: too few endpoints are well, so health is ignored; ",
            Tier::Unprobed => "no endpoint is known to be healthy yet; ",
        };
        format!("{circumstance}{}", self.why_balanced(chosen))
    }

    fn why_balanced(&self, chosen: &Considered) -> String {
        if self.picked.candidates == 1 {
            return "only candidate".to_owned();
        }
        let left = self.left();
        if left == 1 {
            return "only candidate left: the others were tried before, are at their limit or silent"
                .to_owned();
        }
        let load = chosen.in_flight.map(|n| format!("{n} in flight, ")).unwrap_or_default();
        match &self.picked.policy.balance {
            Balance::RoundRobin => "round_robin: its turn".to_owned(),
            Balance::Random => "random: drawn by weight".to_owned(),
            Balance::P2c => format!("p2c: {load}the less loaded of two drawn"),
            Balance::LeastRequest if self.is_sampled() => {
                format!("least_request: {load}least loaded of a sample")
            }
            Balance::LeastRequest => format!("least_request: {load}least loaded of {left}"),
            Balance::Hash(key) => self.why_hashed(key),
        }
    }

    fn why_hashed(&self, key: &HashKey) -> String {
        let key = match key {
            HashKey::ClientAddress => "client address".to_owned(),
            HashKey::Header(name) => format!("field \"{name}\""),
            HashKey::Cookie(name) => format!("cookie \"{name}\""),
            HashKey::Uri => "path and query".to_owned(),
        };
        if !self.chosen.is_some_and(|(_, attempt)| attempt.has_key) {
            return format!("hash: the request has no {key}, so drawn by weight");
        }
        let is_whole = self.left() == self.picked.candidates;
        let among = if is_whole { "" } else { ", among the candidates left" };
        format!("hash of {key}{among}")
    }

    fn why_not_chosen(&self, candidate: &Considered) -> String {
        let load = candidate.in_flight.map(|n| format!(": {n} in flight")).unwrap_or_default();
        if self.chosen.is_none() {
            return format!("others came first{load}");
        }
        match &self.picked.policy.balance {
            Balance::RoundRobin => "another's turn".to_owned(),
            Balance::Random => "not drawn".to_owned(),
            Balance::P2c => format!("not drawn, or not the less loaded of the two{load}"),
            Balance::LeastRequest => format!("no less loaded than the one chosen{load}"),
            Balance::Hash(_) => "another's by the hash".to_owned(),
        }
    }

    fn is_chosen(&self, candidate: &Considered) -> bool {
        self.chosen.is_some_and(|(name, _)| *name == candidate.name)
    }

    fn limit(&self) -> Option<u32> {
        self.picked.policy.limits.max_in_flight.map(u32::from)
    }

    fn is_at_limit(&self, candidate: &Considered) -> bool {
        let has_reached = |limit| candidate.in_flight.is_some_and(|n| n >= limit);
        self.limit().is_some_and(has_reached)
    }

    /// Those tried before are the last choice: passed over while a candidate is left that was not.
    fn prefers_fresh(&self) -> bool {
        let is_fresh = |c: &Considered| c.is_candidate && !c.was_tried;
        self.picked.omitted > 0 || self.considered.iter().any(is_fresh)
    }

    /// Those that are silent are the last choice, but not by a hash; when one of them was chosen,
    /// all were, or it was its turn to be tried.
    fn is_avoided(&self, candidate: &Considered) -> bool {
        let is_hash = matches!(self.picked.policy.balance, Balance::Hash(_));
        let has_chosen_silent = self.considered.iter().any(|c| c.was_silent && self.is_chosen(c));
        candidate.was_silent && !is_hash && !has_chosen_silent
    }

    /// How many candidates could take the attempt, as far as is known.
    fn left(&self) -> usize {
        let prefers_fresh = self.prefers_fresh();
        let is_out = |c: &&Considered| {
            let is_passed_over =
                c.was_tried && prefers_fresh || self.is_at_limit(c) || self.is_avoided(c);
            c.is_candidate && !self.is_chosen(c) && is_passed_over
        };
        self.picked.candidates - self.considered.iter().filter(is_out).count()
    }

    /// Whether the pool is so large that `least_request` compares some of it only.
    fn is_sampled(&self) -> bool {
        self.picked.candidates > roundel_core::balance::LEAST_REQUEST_SCAN_MAX
    }
}
