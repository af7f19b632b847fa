//! Households, their cameras and viewers: enrolled by the command line, then speaking HTTP with what they were given.

use bytes::Bytes;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::command_line::{CommandLine, text};
use crate::footage::content_digest;
use crate::http::{Answer, Door};

/// A household.
#[derive(Debug, Clone)]
pub struct Household {
    /// Its id.
    pub id: String,
    command_line: CommandLine,
    door: Door,
}

impl Household {
    pub(crate) fn add(command_line: CommandLine, door: Door, arguments: &[&str]) -> Self {
        let id = text(&command_line.run(arguments, ""), "household");
        Self { id, command_line, door }
    }

    /// Enrols a camera.
    pub fn camera(&self, name: &str) -> Camera {
        let arguments = [
            "camera",
            "add",
            "--household",
            &self.id,
            "--name",
            name,
            "--serial",
            "EO-TEST",
        ];
        let added = self.command_line.run(&arguments, "");
        // A device has connections of its own.
        let door = self.door.by(|client| client);
        Camera {
            id: text(&added, "camera"),
            credential: text(&added, "credential"),
            door,
        }
    }

    /// Adds a viewer with a password of its own.
    pub fn viewer(&self, login: &str) -> Account {
        self.viewer_with_password(login, &format!("correct horse of {login}"))
    }

    /// Adds a viewer.
    pub fn viewer_with_password(&self, login: &str, password: &str) -> Account {
        let arguments = [
            "viewer",
            "add",
            "--household",
            &self.id,
            "--name",
            login,
            "--password-stdin",
        ];
        let added = self.command_line.run(&arguments, &format!("{password}\n"));
        Account {
            id: text(&added, "viewer"),
            login: login.into(),
            password: password.into(),
            door: self.door.clone(),
        }
    }

    /// Ends a camera's enrolment.
    pub fn remove_camera(&self, camera: &Camera) {
        self.command_line.run(&["camera", "remove", &camera.id], "");
    }

    /// Removes a viewer.
    pub fn remove_viewer(&self, account: &Account) {
        self.command_line.run(&["viewer", "remove", &account.id], "");
    }
}

/// A viewer's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// The login name.
    pub login: String,
    /// The password.
    pub password: String,
    door: Door,
}

impl Account {
    /// The same account by another client.
    pub fn through(&self, door: &Door) -> Self {
        Self {
            door: door.clone(),
            ..self.clone()
        }
    }

    /// The answer to a login with `password`.
    pub async fn try_login(&self, password: &str, bearer: bool) -> Answer {
        let body = json!({ "name": self.login, "password": password, "bearer": bearer });
        Answer::of(self.door.request(Method::POST, "/v1/session").json(&body)).await
    }

    /// Begins a session with a token.
    pub async fn login(&self) -> Viewer {
        let answer = self.try_login(&self.password, true).await.expect(201);
        let token = text(&answer.json(), "token");
        Viewer {
            credential: Credential::Token(token),
            tag: tag(&answer),
            door: self.door.clone(),
        }
    }

    /// Begins a session with a cookie, as a browser does.
    pub async fn login_by_cookie(&self) -> Viewer {
        let answer = self.try_login(&self.password, false).await.expect(201);
        let cookie = answer
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        Viewer {
            credential: Credential::Cookie(cookie),
            tag: tag(&answer),
            door: self.door.clone(),
        }
    }
}

#[track_caller]
fn tag(answer: &Answer) -> String {
    let location = answer.header("location");
    let tag = location.strip_prefix("/v1/").and_then(|rest| rest.strip_suffix('/'));
    tag.unwrap_or_else(|| panic!("Location {location:?} is not /v1/{{tag}}/"))
        .to_owned()
}

/// What a session is carried by.
#[derive(Debug, Clone)]
pub enum Credential {
    /// `Authorization: Bearer`
    Token(String),
    /// `Cookie`, as name=value.
    Cookie(String),
}

/// A viewer's session.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// What it is carried by.
    pub credential: Credential,
    /// The session's tag.
    pub tag: String,
    door: Door,
}

impl Viewer {
    /// The same session by another client.
    pub fn through(&self, door: &Door) -> Self {
        Self {
            door: door.clone(),
            ..self.clone()
        }
    }

    /// The token, or the cookie's value.
    pub fn secret(&self) -> &str {
        match &self.credential {
            Credential::Token(token) => token,
            Credential::Cookie(cookie) => cookie.split_once('=').map_or("", |(_, value)| value),
        }
    }

    /// A request with this session's credential to a whole path.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.door.request(method, path);
        match &self.credential {
            Credential::Token(token) => request.bearer_auth(token),
            Credential::Cookie(cookie) => request.header("cookie", cookie),
        }
    }

    /// A request to a path under this session's tag, such as `cameras`.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("/v1/{}/{path}", self.tag))
    }

    /// The whole answer to a GET under this session's tag.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.ask(Method::GET, path)).await
    }

    /// The viewer's cameras.
    pub async fn cameras(&self) -> Vec<Value> {
        self.get("cameras").await.expect(200).json()["cameras"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// A camera's newest still.
    pub async fn thumbnail(&self, camera: &Camera, width: u32) -> Answer {
        self.get(&format!("cameras/{}/thumbnail?width={width}", camera.id))
            .await
    }

    /// A camera's newest events, as many as fit in one page.
    pub async fn events(&self, camera: &Camera) -> Vec<Value> {
        self.get(&format!("cameras/{}/events?limit=100", camera.id))
            .await
            .expect(200)
            .json()["events"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// One event.
    pub async fn event(&self, camera: &Camera, event: &str) -> Answer {
        self.get(&format!("cameras/{}/events/{event}", camera.id)).await
    }

    /// An event's still.
    pub async fn event_thumbnail(&self, camera: &Camera, event: &str, width: u32) -> Answer {
        self.get(&format!("cameras/{}/events/{event}/thumbnail?width={width}", camera.id))
            .await
    }

    /// A whole clip.
    pub async fn clip(&self, camera: &Camera, event: &str) -> Answer {
        self.get(&format!("cameras/{}/events/{event}/clip", camera.id)).await
    }

    /// A part of a clip, as `Range` says.
    pub async fn clip_range(&self, camera: &Camera, event: &str, range: &str) -> Answer {
        let path = format!("cameras/{}/events/{event}/clip", camera.id);
        Answer::of(self.ask(Method::GET, &path).header("range", range)).await
    }

    /// Deletes an event.
    pub async fn delete(&self, camera: &Camera, event: &str) -> Answer {
        Answer::of(self.ask(Method::DELETE, &format!("cameras/{}/events/{event}", camera.id))).await
    }

    /// Ends the session.
    pub async fn logout(&self) -> Answer {
        Answer::of(self.request(Method::DELETE, "/v1/session")).await
    }
}

/// A camera with its credential.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Its id.
    pub id: String,
    /// Its credential.
    pub credential: String,
    door: Door,
}

impl Camera {
    /// The same camera with another credential, to see it refused.
    pub fn with_credential(&self, credential: &str) -> Self {
        Self {
            credential: credential.into(),
            ..self.clone()
        }
    }

    /// The same camera by another client.
    pub fn through(&self, door: &Door) -> Self {
        Self {
            door: door.clone(),
            ..self.clone()
        }
    }

    /// An upload without a body yet. `path` is below `/v1/ingest/`.
    pub fn upload(&self, path: &str, media_type: &str) -> RequestBuilder {
        let request = self.door.request(Method::PUT, &format!("/v1/ingest/{path}"));
        request.bearer_auth(&self.credential).header("content-type", media_type)
    }

    /// An upload with its Content-Digest, as a careful camera sends it.
    async fn put(&self, path: &str, media_type: &str, body: impl Into<Bytes>) -> Answer {
        let body = body.into();
        let digest = content_digest(&body);
        let request = self.upload(path, media_type).header("content-digest", digest);
        Answer::of_upload(request.body(Body::from(body))).await
    }

    /// Hands in a still (JPEG).
    pub async fn put_still(&self, id: &str, jpeg: impl Into<Bytes>) -> Answer {
        self.put(&format!("stills/{id}"), "image/jpeg", jpeg).await
    }

    /// Hands in an event's description.
    pub async fn put_event(&self, id: &str, description: &Value) -> Answer {
        self.put(&format!("events/{id}"), "application/json", description.to_string())
            .await
    }

    /// Hands in an event's still (JPEG).
    pub async fn put_event_still(&self, id: &str, jpeg: impl Into<Bytes>) -> Answer {
        self.put(&format!("events/{id}/still"), "image/jpeg", jpeg).await
    }

    /// Hands in an event's clip (MP4).
    pub async fn put_clip(&self, id: &str, mp4: impl Into<Bytes>) -> Answer {
        self.put(&format!("events/{id}/clip"), "video/mp4", mp4).await
    }
}
