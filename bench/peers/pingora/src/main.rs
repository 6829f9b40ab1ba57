//! `pingora-peer LISTEN WORKERS PROBE_SECONDS UPSTREAM...`: round robin over checked servers, forwarded fields added.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora::lb::LoadBalancer;
use pingora::lb::health_check::TcpHealthCheck;
use pingora::lb::selection::RoundRobin;
use pingora::prelude::*;
use pingora::server::configuration::ServerConf;

struct Relay(Arc<LoadBalancer<RoundRobin>>);

#[async_trait]
impl ProxyHttp for Relay {
    type CTX = u32;

    fn new_ctx(&self) -> u32 {
        0
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut u32) -> Result<Box<HttpPeer>> {
        let server = self.0.select(b"", 256).ok_or_else(|| Error::new(ConnectNoRoute))?;
        let mut peer = HttpPeer::new(server, false, String::new());
        peer.options.connection_timeout = Some(Duration::from_secs(2));
        Ok(Box::new(peer))
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        tries: &mut u32,
        mut error: Box<Error>,
    ) -> Box<Error> {
        *tries += 1;
        error.set_retry(*tries < 3);
        error
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        _: &mut u32,
    ) -> Result<()> {
        let client = session.client_addr().and_then(|it| it.as_inet()).map(|it| it.ip().to_string());
        request.insert_header("X-Forwarded-For", client.unwrap_or_default())?;
        request.insert_header("X-Forwarded-Proto", "http")
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, workers, probe_s, upstreams @ ..] = arguments.as_slice() else {
        eprintln!("usage: pingora-peer LISTEN WORKERS PROBE_SECONDS UPSTREAM...");
        std::process::exit(2);
    };
    let conf = ServerConf {
        threads: workers.parse().unwrap_or(1),
        upstream_keepalive_pool_size: 512,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut balancer = LoadBalancer::try_from_iter(upstreams).expect("addresses");
    balancer.set_health_check(TcpHealthCheck::new());
    balancer.health_check_frequency = Some(Duration::from_secs(probe_s.parse().unwrap_or(1)));
    let checks = background_service("checks", balancer);
    let mut proxy = http_proxy_service(&server.configuration, Relay(checks.task()));
    proxy.add_tcp(listen);
    server.add_service(checks);
    server.add_service(proxy);
    server.run_forever();
}
