//! `roundel endpoint`: endpoints as operators list and change them.

pub(super) mod view;

use roundel_admin::contract::{Endpoint, Pool, Pools};
use roundel_admin::encoded;
use serde_json::{Value, json};

use super::api::Api;
use super::arguments::{Common, EndpointCommand, OneEndpoint};
use super::failure::Failure;
use super::name::{self, Place};
use super::screen::Screen;
use super::{figure, text, word};

/// Does what is asked.
pub(crate) fn run(command: &EndpointCommand) -> Result<(), Failure> {
    match command {
        EndpointCommand::List { pool, common } => list(pool.as_deref(), common),
        EndpointCommand::Enable(one) => set_state(one, "enabled"),
        EndpointCommand::Drain(one) => set_state(one, "draining"),
        EndpointCommand::Disable(one) => set_state(one, "disabled"),
        EndpointCommand::Weight { name, weight, common } => {
            let change = json!({ "weight": weight });
            update(name, common, &change, |place, _| format!("{place}: weight {weight}"))
        }
        EndpointCommand::Reset(one) => {
            let change = json!({ "admin_state": null, "weight": null });
            update(&one.name, &one.common, &change, |place, now| {
                let state = word::of(&now.admin_state);
                format!("{place}: as before any change, {state}, weight {}", now.weight)
            })
        }
        EndpointCommand::Add { pool, name, address, weight, backup, common } => {
            let body =
                json!({ "name": name, "address": address, "weight": weight, "backup": backup });
            add(pool, &body, common)
        }
        EndpointCommand::Remove(one) => remove(one),
    }
}

fn list(pool: Option<&str>, common: &Common) -> Result<(), Failure> {
    let api = Api::new(&common.reach)?;
    let screen = Screen::new();
    let path = match pool {
        Some(pool) => format!("/api/v1/pools/{}", encoded(pool)),
        None => "/api/v1/pools".to_owned(),
    };
    let answer = api.text(&path)?;
    if common.json {
        return screen.print(&text::json(&answer));
    }
    let pools = match pool {
        Some(_) => vec![api.parse::<Pool>(&answer)?],
        None => api.parse::<Pools>(&answer)?.pools,
    };
    screen.print(&view::render(&pools, figure::now(), screen.look()))
}

fn set_state(one: &OneEndpoint, state: &str) -> Result<(), Failure> {
    let change = json!({ "admin_state": state });
    update(&one.name, &one.common, &change, |place, now| match (state, now.in_flight) {
        ("draining", 0) => format!("{place}: draining, nothing in flight"),
        ("draining", left) => format!("{place}: draining, {left} in flight"),
        _ => format!("{place}: {state}"),
    })
}

/// Changes an endpoint and says in a line what it is now.
fn update(
    name: &str,
    common: &Common,
    change: &Value,
    say: impl Fn(&str, &Endpoint) -> String,
) -> Result<(), Failure> {
    let api = Api::new(&common.reach)?;
    let place = find(&api, name)?;
    let answer = api.call("PATCH", &path_of(&place), Some(change))?;
    let shown = format!("{}/{}", place.group, place.member);
    report(&api, common, &answer, |now| say(&shown, now))
}

fn add(pool: &str, body: &Value, common: &Common) -> Result<(), Failure> {
    let api = Api::new(&common.reach)?;
    let path = format!("/api/v1/pools/{}/endpoints", encoded(pool));
    let answer = api.call("POST", &path, Some(body))?;
    report(&api, common, &answer, |now| {
        format!("{pool}/{}: added, at {}, weight {}", now.name, now.address, now.weight)
    })
}

fn report(
    api: &Api,
    common: &Common,
    answer: &str,
    say: impl Fn(&Endpoint) -> String,
) -> Result<(), Failure> {
    let screen = Screen::new();
    if common.json {
        return screen.print(&text::json(answer));
    }
    screen.print(&text::line(&say(&api.parse(answer)?)))
}

fn remove(one: &OneEndpoint) -> Result<(), Failure> {
    let api = Api::new(&one.common.reach)?;
    let place = find(&api, &one.name)?;
    let answer = api.call("DELETE", &path_of(&place), None)?;
    let screen = Screen::new();
    if one.common.json {
        return screen.print(&text::json(&answer));
    }
    let Place { group, member } = &place;
    screen.print(&text::line(&format!("{group}/{member}: removed, after what it has in flight")))
}

/// The endpoint that a name means.
fn find(api: &Api, name: &str) -> Result<Place, Failure> {
    let Pools { pools } = api.get("/api/v1/pools")?;
    let places = pools.iter().flat_map(|pool| {
        pool.endpoints.iter().map(|endpoint| (pool.name.as_str(), endpoint.name.as_str()))
    });
    name::find(name::ENDPOINT, name, places).or_else(|unknown| {
        // Quick-form endpoints have numbers for names, but whoever gave an address knows that.
        let mut there = pools.iter().flat_map(|pool| {
            let group = pool.name.as_str();
            let is_meant = move |endpoint: &&Endpoint| is_at(endpoint, group, name);
            pool.endpoints.iter().filter(is_meant).map(move |endpoint| (group, endpoint))
        });
        match (there.next(), there.next()) {
            (Some((group, endpoint)), None) => {
                Ok(Place { group: group.to_owned(), member: endpoint.name.clone() })
            }
            _ => Err(unknown),
        }
    })
}

/// Whether `name` is the address of an endpoint, or that after its pool.
fn is_at(endpoint: &Endpoint, pool: &str, name: &str) -> bool {
    let of_pool = name.strip_prefix(pool).and_then(|rest| rest.strip_prefix('/'));
    [Some(name), of_pool].contains(&Some(endpoint.address.as_str()))
}

fn path_of(place: &Place) -> String {
    format!("/api/v1/pools/{}/endpoints/{}", encoded(&place.group), encoded(&place.member))
}
