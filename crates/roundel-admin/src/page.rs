//! The status page: what runs and how it fares, for a look without tools.
//!
//! One document without scripts that the browser fetches anew every few seconds. Each fact about an
//! endpoint has a column of its own, since operators ask for each by name.

use std::fmt::{self, Display, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::response::Html;
use roundel_core::endpoint::{AdminState, Endpoint, Health};
use roundel_core::listener::Listener;
use roundel_core::pool::{Pool, Tier};

use crate::contract::Hold;
use crate::picture::Sight;
use crate::process::{Phase, ProcessStatus, Reload};
use crate::surface::Surface;

/// Often enough to watch a failover, rarely enough to read in peace.
const REFRESH_SECONDS: u32 = 3;

/// `GET /status`.
pub(crate) async fn index(State(surface): State<Arc<Surface>>) -> Html<String> {
    let sight = Sight::of(&surface);
    let process = surface.process.borrow().clone();
    let uptime = surface.registry.start_time().elapsed().unwrap_or_default();
    let head = Head { version: surface.version, workers: surface.registry.workers(), uptime };
    Html(Page { head, process: &process, sight: &sight }.to_string())
}

struct Head {
    version: &'static str,
    workers: usize,
    uptime: Duration,
}

struct Page<'a> {
    head: Head,
    process: &'a ProcessStatus,
    sight: &'a Sight<'a>,
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"refresh\" content=\"{REFRESH_SECONDS}\">\n<title>Roundel</title>\n\
             <link rel=\"icon\" href=\"/icon.svg\">\n\
             <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n"
        )?;
        self.write_header(f)?;
        f.write_str("<main>\n")?;
        if let Some(reload) = &self.process.last_reload {
            write_reload(f, reload)?;
        }
        let snapshot = self.sight.snapshot();
        write_listeners(f, &snapshot.listeners)?;
        for pool in &snapshot.pools {
            write_pool(f, pool, self.sight.hold(pool))?;
        }
        f.write_str("</main>\n</body>\n</html>\n")
    }
}

impl Page<'_> {
    fn write_header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = self.process.phase;
        let tone = if phase == Phase::Ready { "good" } else { "fair" };
        let Head { version, workers, uptime } = &self.head;
        let plural = if *workers == 1 { "" } else { "s" };
        write!(
            f,
            "<header><img src=\"/icon.svg\" alt=\"\"><h1>Roundel</h1>\
             <span class=\"{tone}\">{}</span><span class=\"quiet\">version {} · up {} · \
             {workers} worker{plural} · snapshot {}</span></header>\n\
             <nav aria-label=\"Data\"><a href=\"/stats\">Request counts</a>\
             <a href=\"/metrics\">Metrics for Prometheus</a><a href=\"/readyz\">Readiness</a>\
             <a href=\"/healthz\">Health of the process</a></nav>\n",
            phase.word(),
            Escaped(version),
            Span(*uptime),
            self.sight.snapshot().generation,
        )
    }
}

fn write_reload(f: &mut fmt::Formatter<'_>, reload: &Reload) -> fmt::Result {
    let age = SystemTime::now().duration_since(reload.at).unwrap_or_default();
    let (tone, verdict, text) = match &reload.outcome {
        Ok(text) => ("good", "taken", text),
        Err(text) => ("bad", "rejected, the configuration before it stays in force", text),
    };
    write!(
        f,
        "<h2>Last reload <small>{} ago</small></h2>\n<p class=\"{tone}\">{verdict}</p>\n\
         <pre>{}</pre>\n",
        Span(age),
        Escaped(text)
    )
}

fn write_listeners(f: &mut fmt::Formatter<'_>, listeners: &[Arc<Listener>]) -> fmt::Result {
    f.write_str(
        "<h2>Listeners</h2>\n<div class=\"table\"><table>\n<thead><tr><th scope=\"col\">Listener</th>\
         <th scope=\"col\">Address</th></tr></thead>\n<tbody>\n",
    )?;
    for listener in listeners {
        let (name, address) = (Escaped(listener.name.as_str()), listener.address);
        writeln!(f, "<tr><td>{name}</td><td>{address}</td></tr>")?;
    }
    f.write_str("</tbody></table></div>\n")
}

fn write_pool(f: &mut fmt::Formatter<'_>, pool: &Pool, hold: Option<Hold>) -> fmt::Result {
    write!(
        f,
        "<h2>Pool {} <small>{}</small></h2>\n<div class=\"table\"><table>\n<thead><tr>\
         <th scope=\"col\">Endpoint</th><th scope=\"col\">Address</th>\
         <th scope=\"col\">Admin state</th><th scope=\"col\">Health</th>\
         <th scope=\"col\">Ejected</th><th scope=\"col\" class=\"number\">Weight</th>\
         <th scope=\"col\" class=\"number\">Requests</th>\
         <th scope=\"col\" class=\"number\">In flight</th>\
         <th scope=\"col\" class=\"number\">Errors</th></tr></thead>\n<tbody>\n",
        Escaped(pool.name.as_str()),
        describe(pool.candidates.tier, hold),
    )?;
    for endpoint in &pool.endpoints {
        write_endpoint(f, endpoint)?;
    }
    f.write_str("</tbody></table></div>\n")
}

fn write_endpoint(f: &mut fmt::Formatter<'_>, endpoint: &Endpoint) -> fmt::Result {
    let (admin_tone, admin_state) = match endpoint.facts.admin_state {
        AdminState::Enabled => ("good", "enabled"),
        AdminState::Draining => ("fair", "draining"),
        AdminState::Disabled => ("fair", "disabled"),
    };
    let (health_tone, health) = match endpoint.facts.health {
        Health::Unknown => ("fair", "unknown"),
        Health::Healthy => ("good", "healthy"),
        Health::Unhealthy => ("bad", "unhealthy"),
    };
    let (ejected_tone, ejected) =
        if endpoint.facts.is_ejected { ("bad", "ejected") } else { ("quiet", "no") };
    writeln!(
        f,
        "<tr><td>{name}{backup}{silent}</td><td>{authority}</td>\
         <td class=\"{admin_tone}\">{admin_state}</td><td class=\"{health_tone}\">{health}</td>\
         <td class=\"{ejected_tone}\">{ejected}</td>\
         <td class=\"number\">{weight}</td><td class=\"number\">{requests}</td>\
         <td class=\"number\">{in_flight}</td><td class=\"number\">{errors}</td></tr>",
        name = Escaped(endpoint.name.as_str()),
        backup = if endpoint.is_backup { " <span class=\"quiet\">backup</span>" } else { "" },
        silent =
            if endpoint.shared.is_silent() { " <span class=\"fair\">silent</span>" } else { "" },
        authority = Escaped(&endpoint.authority),
        weight = endpoint.weight,
        requests = endpoint.shared.requests(),
        in_flight = endpoint.shared.in_flight(),
        errors = endpoint.shared.errors(),
    )
}

fn describe(tier: Tier, hold: Option<Hold>) -> &'static str {
    match (tier, hold) {
        (Tier::Primary, _) => "eligible endpoints take traffic",
        (Tier::Backup, _) => "no primary endpoint is eligible: backups take traffic",
        (Tier::Panic, _) => "too few endpoints are well: all take traffic (fail-open)",
        (Tier::Unprobed, _) => "no endpoint is known to be healthy yet: unprobed ones take traffic",
        (Tier::Empty, Some(Hold::Asleep)) => "asleep: the next request starts an instance",
        (Tier::Empty, Some(Hold::Expected)) => {
            "no endpoint takes traffic yet: requests wait for one that is expected"
        }
        (Tier::Empty, None) => "no endpoint takes traffic",
    }
}

/// Text that stands as itself in an element or a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A length of time in its two largest units.
struct Span(Duration);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, ..) => write!(f, "{hours} h {} min", minutes % 60),
            _ => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_in_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3_599, "59 min 59 s"),
            (3_660, "1 h 1 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(Span(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn text_from_outside_cannot_become_markup() {
        let at = SystemTime::now();
        let outcome = Err("<script>alert('1')</script> & \"".to_owned());
        let mut page = String::new();
        let reload = Reload { at, outcome };
        write!(page, "{}", fmt::from_fn(|f| write_reload(f, &reload))).unwrap();
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;"));
    }
}
