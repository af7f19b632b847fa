//! Households, their cameras and viewers. The command line enrols them, and they speak HTTP with
//! the credentials that they got.
//!
//! They must never send what a real one would not, except by [`Client::upload`],
//! [`Client::request`] and [`Client::ask`], which leave the rest to the test.

use std::ops::Deref;

use bytes::Bytes;
use eyesonly_harness::command_line::CommandLine;
use eyesonly_harness::request::Request;
use eyesonly_harness::{paths, people};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

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
    pub(crate) fn add(
        command_line: CommandLine,
        door: Door,
        name: &str,
        quota_bytes: Option<u64>,
    ) -> Self {
        let id = command_line.add_household(name, quota_bytes).unwrap();
        Self { id, command_line, door }
    }

    /// Enrols a camera.
    pub fn camera(&self, name: &str) -> Camera {
        self.device(self.command_line.add_camera(&self.id, name, "EO-TEST").unwrap())
    }

    /// Enrols a camera that hands in footage of now and later, as the command line does by itself.
    pub fn camera_of_now(&self, name: &str) -> Camera {
        self.device(self.command_line.enrol(&self.id, name, &[]).unwrap())
    }

    /// Gives a camera connections of its own, as a device has.
    fn device(&self, who: people::Camera) -> Camera {
        Client { who, door: self.door.by(|client| client) }
    }

    /// Runs a command of the installation, and returns what it answered.
    pub fn command(&self, arguments: &[&str]) -> Value {
        self.command_line.run(arguments, "").unwrap()
    }

    /// Adds a viewer with a password of its own.
    pub fn viewer(&self, login: &str) -> Account {
        self.viewer_with_password(login, &format!("correct horse of {login}"))
    }

    /// Adds a viewer.
    pub fn viewer_with_password(&self, login: &str, password: &str) -> Account {
        Client {
            who: self.command_line.add_viewer(&self.id, login, password).unwrap(),
            door: self.door.clone(),
        }
    }

    /// Gives a viewer another password, and returns that.
    pub fn new_password(&self, account: &Account) -> String {
        let password = format!("another correct horse of {}", account.login);
        let arguments = ["viewer", "password", &account.id, "--password-stdin"];
        self.command_line.run(&arguments, &password).unwrap();
        password
    }

    /// Makes the client of an account that was added by a command, with the password that was given
    /// there: the login name's own, as in "birch's password".
    pub fn known(&self, id: &str, login: &str) -> Account {
        let password = format!("{login}'s password");
        let who = people::Account { id: id.into(), login: login.into(), password };
        Client { who, door: self.door.clone() }
    }

    /// Ends a camera's enrolment.
    pub fn remove_camera(&self, camera: &Camera) {
        self.command_line.run(&["camera", "remove", &camera.id], "").unwrap();
    }

    /// Removes a viewer.
    pub fn remove_viewer(&self, account: &Account) {
        self.command_line.run(&["viewer", "remove", &account.id], "").unwrap();
    }
}

/// A camera, account or session, and the client that it speaks by.
#[derive(Debug, Clone)]
pub struct Client<T> {
    who: T,
    door: Door,
}

/// A camera with its credential.
pub type Camera = Client<people::Camera>;
/// A viewer's account.
pub type Account = Client<people::Account>;
/// A viewer's session.
pub type Viewer = Client<people::Session>;

/// Gives access to the id, login, credential or tag.
impl<T> Deref for Client<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.who
    }
}

impl<T> Client<T> {
    /// Makes a client for somebody whom an edge knows already.
    pub fn known(who: T, door: &Door) -> Self {
        Self { who, door: door.clone() }
    }
}

impl<T: Clone> Client<T> {
    /// Returns the same by another client.
    pub fn through(&self, door: &Door) -> Self {
        Self { who: self.who.clone(), door: door.clone() }
    }
}

impl Account {
    /// Tries a login with `password`, and returns the answer.
    pub async fn try_login(&self, password: &str, bearer: bool) -> Answer {
        let mut account = self.who.clone();
        account.password = password.into();
        Answer::of(self.door.prepare(account.log_in(bearer))).await
    }

    /// Starts a session with a token.
    pub async fn login(&self) -> Viewer {
        self.session(true).await
    }

    /// Starts a session with a cookie, as a browser does.
    pub async fn login_by_cookie(&self) -> Viewer {
        self.session(false).await
    }

    async fn session(&self, bearer: bool) -> Viewer {
        let answer = self.try_login(&self.password, bearer).await.expect(201);
        let (location, cookie) = (answer.header("location"), answer.header("set-cookie"));
        let who = people::Session::of(location, cookie, &answer.body).unwrap();
        let has_token = matches!(who.credential, people::Credential::Token(_));
        assert_eq!(has_token, bearer, "another kind of session was asked for");
        Client { who, door: self.door.clone() }
    }
}

impl Viewer {
    /// Returns the token, or the cookie's value.
    pub fn secret(&self) -> &str {
        self.credential.secret()
    }

    /// Makes a request with this session's credential to a whole path.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let (name, value) = self.credential.header();
        self.door.request(method, path).header(name, value)
    }

    /// Makes a request to a path under this session's tag, such as `cameras`.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &self.path(path))
    }

    /// Returns the whole answer to a GET under this session's tag. Who has had too many in this
    /// second waits and asks again. Who wants to see that answer sends what `ask` makes.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of_look(self.ask(Method::GET, path)).await
    }

    async fn list(&self, path: &str, field: &str) -> Vec<Value> {
        let listed = self.get(path).await.expect(200).json();
        listed[field].as_array().unwrap().clone()
    }

    /// Lists the viewer's cameras.
    pub async fn cameras(&self) -> Vec<Value> {
        self.list(paths::CAMERAS, "cameras").await
    }

    /// Gets a camera's newest still.
    pub async fn thumbnail(&self, camera: &Camera, width: u32) -> Answer {
        self.get(&paths::thumbnail(&camera.id, width)).await
    }

    /// Lists a camera's newest events, as many as fit in one page.
    pub async fn events(&self, camera: &Camera) -> Vec<Value> {
        self.list(&paths::events(&camera.id), "events").await
    }

    /// Gets one event.
    pub async fn event(&self, camera: &Camera, event: &str) -> Answer {
        self.get(&paths::event(&camera.id, event)).await
    }

    /// Gets an event's still.
    pub async fn event_thumbnail(&self, camera: &Camera, event: &str, width: u32) -> Answer {
        self.get(&paths::event_thumbnail(&camera.id, event, width)).await
    }

    /// Gets a whole clip.
    pub async fn clip(&self, camera: &Camera, event: &str) -> Answer {
        self.get(&paths::clip(&camera.id, event)).await
    }

    /// Gets a part of a clip, as `range` says.
    pub async fn clip_range(&self, camera: &Camera, event: &str, range: &str) -> Answer {
        let request = self.ask(Method::GET, &paths::clip(&camera.id, event));
        Answer::of_look(request.header("range", range)).await
    }

    /// Deletes an event.
    pub async fn delete(&self, camera: &Camera, event: &str) -> Answer {
        Answer::of(self.ask(Method::DELETE, &paths::event(&camera.id, event))).await
    }

    /// Ends the session.
    pub async fn logout(&self) -> Answer {
        Answer::of(self.request(Method::DELETE, "/v1/session")).await
    }
}

impl Camera {
    /// Returns the same camera with another credential, to see it refused.
    pub fn with_credential(&self, credential: &str) -> Self {
        let mut other = self.clone();
        other.who.credential = credential.into();
        other
    }

    /// Returns the same device under another enrolment's id.
    pub fn named(&self, id: &str) -> Self {
        let mut other = self.clone();
        other.who.id = id.into();
        other
    }

    /// Makes an upload without a body yet. `path` is below `/v1/ingest/`.
    pub fn upload(&self, path: &str, media_type: &str) -> RequestBuilder {
        self.door.prepare(self.who.upload(path, media_type))
    }

    /// Sends a request of this camera, and returns the answer.
    pub async fn put(&self, request: Request) -> Answer {
        Answer::of_upload(self.door.prepare(request)).await
    }

    /// Hands in a still (JPEG).
    pub async fn put_still(&self, id: &str, jpeg: impl Into<Bytes>) -> Answer {
        self.put(self.who.still(id, jpeg)).await
    }

    /// Hands in an event's description.
    pub async fn put_event(&self, id: &str, description: &Value) -> Answer {
        self.put(self.who.event(id, description)).await
    }

    /// Hands in an event's still (JPEG).
    pub async fn put_event_still(&self, id: &str, jpeg: impl Into<Bytes>) -> Answer {
        self.put(self.who.event_still(id, jpeg)).await
    }

    /// Hands in an event's clip (MP4).
    pub async fn put_clip(&self, id: &str, mp4: impl Into<Bytes>) -> Answer {
        self.put(self.who.clip(id, mp4)).await
    }
}

/// Takes the times of stills out of a list of cameras. Returns the rest of the list, and the times.
/// The list is answered even if such a time is not proven, and the time is null then.
pub fn without_times(list: &[u8]) -> (Value, Vec<Value>) {
    let mut list: Value = serde_json::from_slice(list).unwrap_or_default();
    let cameras = list.get_mut("cameras").and_then(Value::as_array_mut).into_iter().flatten();
    let times = cameras.map(|camera| camera["still_at_milliseconds"].take()).collect();
    (list, times)
}
