//! Why a number of instances was chosen, in words and numbers that a person can check.

use std::fmt;
use std::time::Duration;

use super::Pace;

/// Why: what was measured, what that needs, and what bounded it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// What was measured.
    pub basis: Basis,
    /// Instances that would need, before any limit.
    pub needed: u32,
    /// What made it another number; `None` when nothing did.
    pub limit: Option<Limit>,
}

/// What a number of instances is concluded from.
#[derive(Debug, Clone, PartialEq)]
pub enum Basis {
    /// Mean of exchanges in flight or waiting.
    InFlight {
        /// All of them.
        demand: f64,
        /// Instances wanted so far.
        wanted: u32,
        /// Meant for one instance.
        target: f64,
    },
    /// Mean wait for a place.
    QueueTime {
        /// So long.
        waited: Duration,
        /// Longer is too long.
        target: Duration,
        /// Mean of exchanges in flight or waiting.
        demand: f64,
        /// Instances wanted so far.
        wanted: u32,
    },
    /// Mean processor use.
    Cpu {
        /// Of all instances together, in percent of one processor.
        percent: f64,
        /// Instances wanted so far.
        wanted: u32,
        /// Meant for one instance.
        target: f64,
    },
    /// No processor use could be read.
    NoCpuReading {
        /// Of so many.
        ready: u32,
    },
    /// Requests wait, and no instance is ready yet.
    NoneReady {
        /// On their way.
        starting: u32,
        /// Not on their way.
        failing: u32,
        /// Requests that wait.
        queued: u32,
    },
    /// Nothing has come for long.
    Idle {
        /// So long.
        idle_after: Duration,
    },
    /// Nothing runs and nothing comes.
    Asleep,
    /// Nothing runs and somebody waits.
    Wake {
        /// So many.
        waiting: u32,
    },
}

/// What bounds a number of instances.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// The range's end.
    Max(u32),
    /// The range's beginning.
    Min(u32),
    /// How fast the number may change.
    Pace(Pace),
    /// More were needed not long ago.
    NeededLately {
        /// So many.
        needed: u32,
        /// So long ago.
        ago: Duration,
        /// It has to be this long ago.
        window: Duration,
    },
    /// So many instances do not get ready that more of them would not help.
    Failing(u32),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.basis, self.needed)?;
        match &self.limit {
            Some(limit) => write!(f, ", {limit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::InFlight { demand, wanted, target } => {
                let each = demand / f64::from(wanted);
                write!(f, "in flight {} over ", Short(demand))?;
                write!(f, "{} is {} each, target {target}", Instances(wanted), Short(each))
            }
            Self::QueueTime { waited, target, demand, wanted } => {
                let (waited, target) = (Millis(waited), Millis(target));
                write!(f, "waited {waited} for a place, target {target}, ")?;
                write!(f, "in flight or waiting {} over {}", Short(demand), Instances(wanted))
            }
            Self::Cpu { percent, wanted, target } => {
                let each = percent / f64::from(wanted);
                write!(f, "CPU {} % over ", Short(percent))?;
                write!(f, "{} is {} % each, target {target} %", Instances(wanted), Short(each))
            }
            Self::NoCpuReading { ready } => {
                write!(f, "no CPU reading of {ready} ready instance{}", plural(ready))
            }
            Self::NoneReady { starting, failing, queued } => {
                write!(f, "none ready, {starting} starting, {failing} failing, {queued} waiting")
            }
            Self::Idle { idle_after } => write!(f, "no request for {}", Seconds(idle_after)),
            Self::Asleep => f.write_str("no request"),
            Self::Wake { waiting: 1 } => f.write_str("1 request waits and no instance runs"),
            Self::Wake { waiting } => write!(f, "{waiting} requests wait and no instance runs"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max(max) => write!(f, "at most {max}"),
            Self::Min(min) => write!(f, "at least {min}"),
            Self::Pace(Pace { instances, percent, period }) => {
                write!(f, "by {instances}")?;
                if *percent > 0 {
                    write!(f, " or {percent} %")?;
                }
                write!(f, " in {} at most", Seconds(*period))
            }
            Self::NeededLately { needed, ago, window } => {
                let (ago, window) = (Seconds(*ago), Seconds(*window));
                write!(f, "but {needed} were needed {ago} ago, which has to be {window}")
            }
            Self::Failing(1) => f.write_str("but 1 instance does not get ready"),
            Self::Failing(n) => write!(f, "but {n} instances do not get ready"),
        }
    }
}

/// "1 instance", "4 instances".
struct Instances(u32);

impl fmt::Display for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} instance{}", self.0, plural(self.0))
    }
}

fn plural(n: u32) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// With one digit after the point, unless it is whole.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round();
        if tenths % 10.0 == 0.0 {
            write!(f, "{:.0}", tenths / 10.0)
        } else {
            write!(f, "{:.1}", tenths / 10.0)
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", Short(self.0.as_secs_f64()))
    }
}

struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", Short(self.0.as_secs_f64() * 1e3))
    }
}
