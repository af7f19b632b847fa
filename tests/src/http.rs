//! HTTP as any client speaks it: an address, requests with keep-alive, and whole answers.
//!
//! It must never follow a redirect, use a proxy, or trust a certificate that a test did not give
//! it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use eyesonly_harness::request::Request;
use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response};
use serde_json::Value;

/// The longest time of a request, in seconds. It all happens on one machine, so a slower request
/// has failed.
const SECONDS_MAX: u64 = 300;

/// The most times that an upload without an answer is sent.
const UPLOAD_TRIES_MAX: usize = 10;

/// The most times that a look is asked for that has to wait.
const LOOK_TRIES_MAX: usize = 10;

/// Sends what a viewer looks at. A viewer who has had too much in this second waits, as the answer
/// says, and asks again.
///
/// # Panics
/// If no answer comes, or if the body is a stream, which can't be sent again.
pub async fn send_look(request: RequestBuilder) -> Response {
    let sent = async |request: RequestBuilder| {
        request.send().await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    };
    for _ in 1..LOOK_TRIES_MAX {
        let response = sent(request.try_clone().expect("a body that can be sent again")).await;
        let after = response.headers().get("retry-after");
        if response.status() != 429 || after.is_none_or(|seconds| seconds != "1") {
            return response;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    sent(request).await
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// No answer came, or not a whole one.
    pub async fn try_of(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        Self::read(request.send().await?).await
    }

    async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await? })
    }

    /// Sends a request that must be answered.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// Sends an upload until it is answered, as a camera does. An edge that refuses need not read
    /// the body to its end. A client that writes on may then see only the closed connection.
    ///
    /// # Panics
    /// If several tries get no answer, if there is no edge, or if the body is a stream, which can't
    /// be sent again.
    pub async fn of_upload(request: RequestBuilder) -> Self {
        for _ in 1..UPLOAD_TRIES_MAX {
            match Self::try_of(request.try_clone().expect("a body that can be sent again")).await {
                Ok(answer) => return answer,
                Err(error) => assert!(!error.is_connect(), "the edge is not there: {error:?}"),
            }
        }
        Self::of(request).await
    }

    /// Sends what a viewer looks at, by [`send_look`], and reads the whole answer.
    ///
    /// # Panics
    /// If no answer comes, or not a whole one.
    pub async fn of_look(request: RequestBuilder) -> Self {
        let answer = Self::read(send_look(request).await).await;
        answer.unwrap_or_else(|error| panic!("no whole answer: {error:?}"))
    }

    /// Returns a header's value, or "".
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Parses the body as JSON.
    ///
    /// # Panics
    /// If the body isn't JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.told()))
    }

    /// Returns the status and the start of the body, for a message.
    pub fn told(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("{} {text}", self.status)
    }

    /// Checks the status.
    ///
    /// # Panics
    /// If the status is another one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.told());
        self
    }

    /// Checks that the answer is a problem (RFC 9457) of this status, in form and headers.
    ///
    /// # Panics
    /// If it isn't.
    #[track_caller]
    pub fn expect_problem(self, status: u16) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.told());
        assert_eq!(answer.header("cache-control"), "private, no-store");
        let problem = answer.json();
        assert_eq!(problem["status"], status, "{problem}");
        for field in ["type", "title", "detail"] {
            assert!(
                problem[field].as_str().is_some_and(|text| !text.is_empty()),
                "no {field} in {problem}"
            );
        }
        answer
    }

    /// Returns everything that a client sees, except what the clock says. Two answers that are
    /// equal here can't be told apart.
    pub fn seen(&self) -> (u16, Vec<(String, Vec<u8>)>, Bytes) {
        let headers =
            self.headers.iter().filter(|(name, _)| *name != "date" && *name != "eyesonly-time");
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        headers.sort();
        (self.status, headers, self.body.clone())
    }
}

/// The edge's address, and a client. Copies of a door follow the edge to another port.
#[derive(Debug, Clone)]
pub struct Door {
    address: Arc<RwLock<String>>,
    certificate: Option<PathBuf>,
    client: Client,
}

impl Door {
    /// Makes a door without an address yet. It trusts only `certificate` (PEM), or the usual ones
    /// if there is none.
    pub fn new(certificate: Option<&Path>) -> Self {
        Self::with(certificate, |builder| builder)
    }

    fn with(
        certificate: Option<&Path>,
        build: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        let mut builder = Client::builder().no_proxy().timeout(Duration::from_secs(SECONDS_MAX));
        builder = builder.redirect(reqwest::redirect::Policy::none());
        if let Some(path) = certificate {
            let pem = std::fs::read(path).unwrap();
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()]);
        }
        let certificate = certificate.map(Path::to_owned);
        Self { address: Arc::default(), certificate, client: build(builder).build().unwrap() }
    }

    /// Returns the same edge by another client with connections of its own, such as one that speaks
    /// HTTP/2 from the first byte.
    pub fn by(&self, build: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        Self {
            address: Arc::clone(&self.address),
            ..Self::with(self.certificate.as_deref(), build)
        }
    }

    /// Returns the same edge by a client that does not know its certificate.
    pub fn stranger(&self) -> Self {
        Self { address: Arc::clone(&self.address), ..Self::with(None, |builder| builder) }
    }

    /// Returns the same client to another address, such as that of a proxy before the edge.
    pub fn at(&self, address: &str) -> Self {
        Self { address: Arc::new(RwLock::new(address.to_owned())), ..self.clone() }
    }

    pub(crate) fn set_address(&self, address: &str) {
        *self.address.write().unwrap() = address.to_owned();
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.read().unwrap().clone()
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn authority(&self) -> String {
        let address = self.address();
        address.split_once("://").unwrap().1.to_owned()
    }

    /// Makes a request to a path (with query) that starts with `/`.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address()))
    }

    /// Turns a request of the harness into one of this client.
    pub(crate) fn prepare(&self, request: Request) -> RequestBuilder {
        let method = Method::from_bytes(request.method.as_bytes()).unwrap();
        let mut prepared = self.request(method, &request.path);
        for (name, value) in request.headers {
            prepared = prepared.header(name, value);
        }
        match request.body {
            Some(body) => prepared.body(body),
            None => prepared,
        }
    }

    /// Returns the whole answer to a GET without a credential.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }
}
