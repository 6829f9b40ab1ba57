//! Endpoints as a table: where they are and what their probes found.

use roundel_admin::contract::{Endpoint, Pool, Time};

use super::super::screen::Look;
use super::super::status::{SILENT, ejection, tone_of_health};
use super::super::table::{Cell, Table, Tone, left, right};
use super::super::{figure, word};

/// All endpoints of these pools.
pub(crate) fn render(pools: &[Pool], now: Time, look: Look) -> String {
    let mut table = Table::new(&[
        left("POOL/ENDPOINT").shrinks_to(13),
        left("ADDRESS").shrinks_to(14),
        left("ADMIN"),
        left("HEALTH"),
        left("EJECTED"),
        right("WEIGHT"),
        left("PROBED"),
    ]);
    for pool in pools {
        for endpoint in &pool.endpoints {
            table.row(row(&pool.name, endpoint, now));
            if endpoint.is_silent {
                table.note(SILENT, Tone::Warn);
            }
            if let Some(probe) = endpoint.last_probe.as_ref().filter(|probe| !probe.ok) {
                let reason = probe.reason.as_deref().unwrap_or("no reason given");
                table.note(&format!("the last probe failed: {reason}"), Tone::Bad);
            }
        }
    }
    let shown = table.render(look);
    if pools.iter().all(|pool| pool.endpoints.is_empty()) {
        return format!("{shown}no endpoints\n");
    }
    shown
}

fn row(pool: &str, endpoint: &Endpoint, now: Time) -> [Cell; 7] {
    let admin = word::of(&endpoint.admin_state);
    let admin_tone = if admin == "enabled" { Tone::Plain } else { Tone::Warn };
    [
        format!("{pool}/{}", endpoint.name).into(),
        match &endpoint.resolved {
            Some(resolved) => format!("{} ({resolved})", endpoint.address).into(),
            None => endpoint.address.as_str().into(),
        },
        Cell::new(&admin, admin_tone),
        Cell::new(&word::of(&endpoint.health), tone_of_health(endpoint.health)),
        ejection(endpoint, now),
        endpoint.weight.to_string().into(),
        match &endpoint.last_probe {
            Some(probe) => figure::ago(probe.at, now).into(),
            None => "never".into(),
        },
    ]
}
