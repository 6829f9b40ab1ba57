//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them.
//!
//! Handlers describe what is theirs alone. What every operation can answer (no token, a foreign
//! origin, too many changes), and that a response never leaves out a key, is added here once.

use axum::Json;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Response, ResponseBuilder, SecurityRequirement,
};

use crate::contract::{AppAction, AuditEntry, Change, Decision, Lagged};
use crate::problem::ProblemDetails;

/// The bodies that operators send, where a key may be left out.
const SENT: [&str; 4] = ["UpdateEndpoint", "AddEndpoint", "ScaleApp", "ReplaceOverlay"];

/// What is sent on streams, which no operation names as its answer.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(AppAction, Change, AuditEntry, Decision, Lagged)))]
struct Streamed;

/// What stands above the operations.
pub(crate) fn preamble() -> OpenApi {
    let licence = LicenseBuilder::new().name("MIT OR Apache-2.0");
    let info = InfoBuilder::new()
        .title("Roundel")
        .version("v1")
        .description(Some(
            "Management of a running Roundel: what it does, and how to steer it. Errors are \
             problem details (RFC 9457). Times are RFC 3339 in UTC. What is absent is null.",
        ))
        .license(Some(licence.identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let OpenApi { components, .. } = <Streamed as utoipa::OpenApi>::openapi();
    OpenApiBuilder::new().info(info).components(components).build()
}

/// The whole document: `collected` from the handlers, and what holds for all.
pub(crate) fn complete(mut collected: OpenApi) -> OpenApi {
    let components = collected.components.get_or_insert_with(Components::new);
    components
        .add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let problem = <ProblemDetails as utoipa::PartialSchema>::schema();
    components.schemas.insert("ProblemDetails".to_owned(), problem);
    for (name, schema) in &mut components.schemas {
        if !SENT.contains(&name.as_str()) {
            require_all_keys(schema);
        }
    }
    collected.security = Some(vec![
        SecurityRequirement::default(),
        SecurityRequirement::new::<_, [&str; 0], &str>("token", []),
    ]);
    for item in collected.paths.paths.values_mut() {
        for (operation, is_mutation) in operations_of(item) {
            add_refusals(operation, is_mutation);
        }
    }
    collected
}

fn require_all_keys(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            object.required = object.properties.keys().cloned().collect();
        }
        // Of a type that has another one's keys besides its own.
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(require_all_keys),
        _ => {}
    }
}

fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let reads = [get].into_iter().flatten().map(|operation| (operation, false));
    let changes = [put, post, delete, patch].into_iter().flatten();
    reads.chain(changes.map(|operation| (operation, true)))
}

fn add_refusals(operation: &mut Operation, is_mutation: bool) {
    let has_body = operation.request_body.is_some();
    let refusals = [
        ("400", "The request cannot be read.", true),
        ("401", "The token is missing or wrong.", true),
        ("403", "A page of another site asks.", true),
        ("413", "The body is too large.", has_body),
        ("415", "The body is of another type.", has_body),
        ("421", "This host name is not served.", true),
        ("422", "The body makes no sense.", has_body),
        ("429", "Too many changes, or too many wrong tokens.", true),
        ("503", "Roundel is stopping.", is_mutation),
    ];
    for (status, description, _) in refusals.into_iter().filter(|(.., applies)| *applies) {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(refusal(description)));
    }
}

fn refusal(description: &str) -> Response {
    let problem = Ref::from_schema_name("ProblemDetails");
    let content = ContentBuilder::new().schema(Some(problem)).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}

/// `GET /openapi.json`.
pub(crate) async fn serve() -> impl IntoResponse {
    Json(document())
}

/// The document that is served.
pub fn document() -> OpenApi {
    complete(crate::api::operations().into_openapi())
}
