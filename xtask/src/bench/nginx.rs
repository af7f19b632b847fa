//! The conventional server: nginx with the same bytes as plain files, behind `auth_request` where
//! the edge would ask who the viewer is.
//!
//! It is set up to be fast: no log, sendfile, a cache of open files, kept connections to the check
//! over a Unix socket. It must never be made slower than an operator would run it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eyesonly_harness::installation::TlsFiles;
use eyesonly_harness::process::Process;

use super::counters::family;
use crate::workspace::output_of;

const START_SECONDS_MAX: u64 = 10;

/// A running nginx.
pub struct Nginx {
    /// Its address, `127.0.0.1:PORT`.
    pub address: String,
    /// Its address for TLS with HTTP/2, if it has a certificate.
    pub tls_address: String,
    process: Process,
}

impl Nginx {
    /// Serves `folder/files`. For what is below `/v1/`, nginx asks the check at `folder/check.sock`
    /// first; it serves the rest at once. With a certificate it serves TLS with HTTP/2 as well.
    ///
    /// Errors: nginx is not installed or does not start.
    pub fn start(folder: &Path, tls: Option<&TlsFiles>) -> Result<Self> {
        // /usr/sbin may not be on the PATH of a user other than root.
        let binary = ["nginx", "/usr/sbin/nginx"]
            .into_iter()
            .find(|binary| output_of(binary, &["-v"]).is_some())
            .context(
                "nginx is missing: apt-get install -y nginx-light   (a running service is not \
                 needed)",
            )?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let tls_address = format!("127.0.0.1:{}", free_port()?);
        fs::create_dir_all(folder.join("temporary"))?;
        let config = folder.join("nginx.conf");
        fs::write(
            &config,
            configuration(folder, &address, tls.map(|files| (files, &*tls_address))),
        )?;
        let log = File::create(folder.join("nginx.log"))?;
        let mut command = Command::new(binary);
        command
            .arg("-c")
            .arg(&config)
            .arg("-p")
            .arg(folder)
            .arg("-e")
            .arg(folder.join("nginx.log"));
        let process = Process::start(command.stderr(log), Some(""))?;
        let nginx = Self { address, tls_address, process };
        let started = Instant::now();
        while std::net::TcpStream::connect(&nginx.address).is_err() {
            if started.elapsed() > Duration::from_secs(START_SECONDS_MAX) {
                let log = fs::read_to_string(folder.join("nginx.log")).unwrap_or_default();
                bail!("nginx does not start: {log}");
            }
            // nginx does not say when it is ready.
            thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// Lists the process ids of master and workers.
    ///
    /// Errors: /proc can't be read.
    pub fn processes(&self) -> Result<Vec<u32>> {
        family(self.process.id())
    }
}

/// Returns a port that was free a moment ago: nginx can't choose one and say which.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn configuration(folder: &Path, address: &str, tls: Option<(&TlsFiles, &str)>) -> String {
    let tls = tls.map_or_else(String::new, |(files, address)| {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        format!(
            "listen {address} ssl http2 backlog=4096; ssl_certificate \"{certificate}\"; \
             ssl_certificate_key \"{key}\";"
        )
    });
    let folder = folder.display();
    // Without this, the workers of a root master run as the user `nobody`, who can't read the
    // folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    format!(
        r#"{user}
daemon off;
worker_processes auto;
pid "{folder}/nginx.pid";
events {{ worker_connections 4096; multi_accept on; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    open_file_cache max=10000 inactive=10m;
    open_file_cache_valid 10m;
    client_body_temp_path "{folder}/temporary/body";
    proxy_temp_path "{folder}/temporary/proxy";
    fastcgi_temp_path "{folder}/temporary/fastcgi";
    uwsgi_temp_path "{folder}/temporary/uwsgi";
    scgi_temp_path "{folder}/temporary/scgi";
    upstream check {{
        server "unix:{folder}/check.sock";
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_time 1h;
    }}
    server {{
        listen {address} backlog=4096;
        {tls}
        root "{folder}/files";
        default_type image/jpeg;
        location /v1/ {{
            auth_request /check;
            add_header Cache-Control "private, no-store";
            add_header X-Content-Type-Options nosniff;
        }}
        location = /check {{
            internal;
            proxy_pass http://check;
            proxy_http_version 1.1;
            proxy_pass_request_body off;
            proxy_set_header Connection "";
            proxy_set_header Content-Length "";
            proxy_set_header X-Original-URI $request_uri;
        }}
    }}
}}
"#
    )
}
