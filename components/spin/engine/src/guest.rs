//! The host's side of one instance, which ends with its request.
//!
//! It must never hold a file, a socket, an argument or a variable of this process. The component's
//! output goes to this process's stdout and stderr. Nothing comes in but the request.

use crate::services::{Services, View};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

pub(crate) struct Guest {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    asks_nobody: AsksNobody,
    services: Services,
    table: ResourceTable,
}

impl Guest {
    pub(crate) fn new(services: Services) -> Self {
        // The builder gives nothing else: no arguments, no environment, no folders, no standard
        // input.
        let wasi = WasiCtx::builder()
            .inherit_stdout()
            .inherit_stderr()
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        Self {
            wasi,
            http: WasiHttpCtx::new(),
            asks_nobody: AsksNobody,
            services,
            table: ResourceTable::new(),
        }
    }

    pub(crate) fn services(&mut self) -> View<'_> {
        View { services: &mut self.services, table: &mut self.table }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.asks_nobody,
        }
    }
}

/// Denies requests of the component's own: this edition makes none, and Spin is configured to allow
/// none either.
struct AsksNobody;

type Sent =
    Result<(hyper::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for AsksNobody {
    fn send_request(
        &mut self,
        _request: hyper::Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(async { Err(Error::HttpRequestDenied) })
    }
}
