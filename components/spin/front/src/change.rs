//! What viewers change of their households and accounts. FROM CLIENT: every parameter and body.

use crate::answer::Answer;
use crate::bindings::eyesonly::spin::admission::{self, Change, Told};
use crate::head::Head;
use crate::viewer::{check_json, check_origin, read_body};
use eyesonly_web::login::{self as logins, CHANGE_BYTES_MAX};
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::{Name, Route};
use eyesonly_web::viewer::join_page as page_to_join;
use eyesonly_web::{answer, credential};
use http::{HeaderValue, Response, StatusCode, header};
use spin_sdk::http::IncomingRequest;

/// Answers `GET /join`. The token is in the fragment of the address, which no browser sends.
pub fn join_page() -> Answer {
    let mut response = Response::new(page_to_join());
    answer::page(response.headers_mut());
    response.into()
}

/// Writes what became of something, for whoever did it.
fn told(told: Told) -> Result<Answer, Problem> {
    let mut response = Response::new(told.body.unwrap_or_default());
    *response.status_mut() = StatusCode::from_u16(told.status).map_err(|_| Problem::Failed)?;
    let has_body = !response.body().is_empty();
    answer::private(response.headers_mut());
    if has_body {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    Ok(response.into())
}

/// Answers whoever has the token of an invitation.
pub async fn invited(head: &Head, row: Name, request: IncomingRequest) -> Result<Answer, Problem> {
    check_json(head)?;
    let body = read_body(request, CHANGE_BYTES_MAX).await?;
    told(match row {
        Name::Look => admission::look(&body)?,
        _ => admission::join(&body, &head.address())?,
    })
}

/// Answers a change by a viewer who is signed in.
pub async fn change(
    head: &Head,
    route: &Route,
    request: IncomingRequest,
) -> Result<Answer, Problem> {
    let raw = credential::of_viewer(head.headers(), head.tls)?;
    let takes_body = route.name.takes_body();
    if takes_body {
        check_json(head)?;
    } else {
        check_origin(head)?;
    }
    let change = Change::begin(&head.method, head.request.uri().path(), raw)?;
    let body = if takes_body { read_body(request, CHANGE_BYTES_MAX).await? } else { Vec::new() };
    let made = change.make(&body, &head.address())?;
    if route.name == Name::Password {
        // This session has ended with all others.
        return Ok(logins::ended(head.tls).into());
    }
    told(made)
}
