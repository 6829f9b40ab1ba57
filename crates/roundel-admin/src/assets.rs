//! The files of the status page, part of the program.

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// `GET /style.css`.
pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/style.css"))
}

/// `GET /icon.svg`.
pub(crate) async fn icon() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml")], include_str!("page/icon.svg"))
}
