//! The front of the Spin edition: it parses a request, asks the backend and a handler, and writes
//! the answer.
//!
//! It exports WASI HTTP 0.2: engines make a fresh instance for each request, and nothing of a
//! request remains for the next. This component must not be moved to WASI HTTP 0.3: engines reuse
//! its instances by default, and let one serve many requests at once.
//!
//! It must never hold a key, pick a viewer, or see a sealed byte. Everything that it sends of a
//! household, it read back from a `departure` of the backend.
#![cfg(target_arch = "wasm32")]

mod answer;
mod bindings;
mod camera;
mod change;
mod convert;
mod head;
mod pace;
mod viewer;

use answer::Answer;
use eyesonly_web::problem::Problem;
use eyesonly_web::routes::{self, Name};
use head::Head;
use spin_sdk::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::http_component;

/// Serves one request, in an instance of its own.
#[http_component]
async fn serve(request: IncomingRequest, out: ResponseOutparam) {
    let is_head = matches!(request.method(), spin_sdk::http::Method::Head);
    let answer = match Head::read(&request) {
        Ok(head) => {
            let path = head.request.uri().path().to_owned();
            let answer = route(&head, request).await;
            let mut answer = answer.unwrap_or_else(|problem| refused(&problem, &path));
            if eyesonly_web::answer::tells_time(&path) {
                answer.tell_time();
            }
            answer
        }
        Err(problem) => refused(&problem, ""),
    };
    answer.send(out, is_head).await;
}

fn refused(problem: &Problem, path: &str) -> Answer {
    let mut response = problem.response();
    if *problem == Problem::Method {
        let allowed = eyesonly_web::answer::header_text(&routes::allowed(path));
        response.headers_mut().insert(http::header::ALLOW, allowed);
    }
    Answer::from(response)
}

async fn route(head: &Head, request: IncomingRequest) -> Result<Answer, Problem> {
    routes::check_target(&head.request)?;
    let (route, parameters) = routes::find(&head.method, head.request.uri().path())?;
    let place = head::Place::new(&parameters);
    match route.name {
        Name::Shell => Ok(viewer::shell()),
        Name::Asset => viewer::asset(head),
        Name::OpenApi => Ok(viewer::document()),
        Name::Health => viewer::health(),
        Name::Login => viewer::login(head, request).await,
        Name::Logout => viewer::logout(head),
        Name::Wall => viewer::wall(head, &place),
        Name::Cameras => viewer::cameras(head, &place),
        Name::DeleteEvent => viewer::delete_event(head, &place),
        Name::Thumbnail | Name::EventThumbnail | Name::Events | Name::Event | Name::Clip => {
            viewer::handled(head, route, &place)
        }
        Name::Join => Ok(change::join_page()),
        Name::Look | Name::NewAccount => change::invited(head, route.name, request).await,
        Name::SharingPage | Name::Sharing => viewer::sharing(head, route.name, &place),
        Name::Watching => viewer::watching(head, &place),
        Name::Ask
        | Name::Invite
        | Name::Withdraw
        | Name::Confirm
        | Name::PutShare
        | Name::DeleteShare
        | Name::PutMember
        | Name::DeleteMember
        | Name::EndSession
        | Name::Password
        | Name::Switch
        | Name::OfferCamera
        | Name::KeepCamera
        | Name::TakeCamera => change::change(head, route, request).await,
        // Only the native host has these, and `find` knows no route of them.
        Name::Live
        | Name::LiveNext
        | Name::LivePlaylist
        | Name::LiveSegment
        | Name::LiveInit
        | Name::LiveMedia
        | Name::PutLive
        | Name::PutLiveFile
        | Name::PutLiveTrack
        | Name::DeleteLiveFile
        | Name::DeleteLiveTrack
        | Name::Sessions
        | Name::Viewed => Err(Problem::NotFound),
        Name::PutStill | Name::PutEvent | Name::PutEventStill | Name::PutClip => {
            camera::put(head, route.name, &place, request).await
        }
    }
}
