//! The head of a request, in the types of the crate `http`. FROM CLIENT: all of it.

use eyesonly_web::problem::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Version};
use spin_sdk::http::{IncomingRequest, Scheme};

/// A request without its body.
pub struct Head {
    /// The method.
    pub method: String,
    /// The target and the headers.
    pub request: Request<()>,
    /// The host that the request names.
    pub authority: Option<String>,
    /// True if the request came over TLS, as far as the engine or a proxy before it says. It
    /// decides only whether cookies are `Secure`.
    pub tls: bool,
}

impl Head {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// [`Problem::BadRequest`]: the target or a header is malformed.
    pub fn read(incoming: &IncomingRequest) -> Result<Self, Problem> {
        let malformed =
            || Problem::BadRequest("The request's target or headers are malformed.".into());
        let target = incoming.path_with_query().unwrap_or_else(|| "/".to_owned());
        let mut request = Request::new(());
        *request.method_mut() = incoming.method().to_string().parse().map_err(|_| malformed())?;
        *request.uri_mut() = target.parse().map_err(|_| malformed())?;
        // The engine has checked Host and Transfer-Encoding, and passes on neither.
        *request.version_mut() = Version::HTTP_2;
        let headers = request.headers_mut();
        for (name, value) in incoming.headers().entries() {
            let name = HeaderName::try_from(name).map_err(|_| malformed())?;
            headers.append(name, HeaderValue::try_from(value).map_err(|_| malformed())?);
        }
        let forwarded = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok());
        // If several proxies have added theirs, the first is the one that the client came by.
        let forwarded = forwarded.and_then(|proto| proto.split(',').next());
        let forwarded = forwarded.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"));
        // If Spin itself ends TLS, only this header says so.
        let full = headers.get_all("spin-full-url").iter().next_back();
        let full = full.is_some_and(|url| url.as_bytes().starts_with(b"https://"));
        Ok(Self {
            method: incoming.method().to_string(),
            authority: incoming.authority(),
            tls: forwarded || full || matches!(incoming.scheme(), Some(Scheme::Https)),
            request,
        })
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// Returns the query.
    pub fn query(&self) -> Option<&str> {
        self.request.uri().query()
    }

    /// Returns the client's address as the engine states it, and an empty text if it states none.
    /// Only the last value counts, because the engine itself appended it.
    pub fn address(&self) -> String {
        let said = self.headers().get_all("spin-client-addr").iter().next_back();
        let said = said.and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Spin gives address and port.
        match said.parse::<std::net::SocketAddr>() {
            Ok(address) => address.ip().to_string(),
            Err(_) => said.to_owned(),
        }
    }
}

/// The parameters of an address.
#[derive(Default)]
pub struct Place<'a> {
    /// The session's tag.
    pub tag: &'a str,
    /// The camera.
    pub camera: &'a str,
    /// The event. On the route of a camera's own still, the still.
    pub event: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Sorts the parameters by name.
    pub fn new(parameters: &[(&'static str, &'a str)]) -> Self {
        let mut place = Self::default();
        for (name, value) in parameters {
            match *name {
                "tag" => place.tag = value,
                "camera" => place.camera = value,
                "event" | "still" => place.event = Some(value),
                _ => {}
            }
        }
        place
    }

    /// Returns the event. Every route below an event has one.
    ///
    /// # Errors
    /// [`Problem::NotFound`]: the route has no event.
    pub fn event(&self) -> Result<&'a str, Problem> {
        self.event.ok_or(Problem::NotFound)
    }
}
