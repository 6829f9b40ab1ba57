// What each code of an ended exchange or a failed attempt means, word for word as the reference of
// end reasons has it; a unit test holds the two together.

/** How an exchange ended. */
export const ENDS: Readonly<Record<string, string>> = {
  ok: "The response was relayed whole.",
  local: "Answered by Roundel itself as configured: a fixed response, a redirect, stats.",
  tunnel: "A tunnel (Upgrade or CONNECT) ran and ended.",
  request_line: "The request line is malformed: 400.",
  request_field: "A request field is malformed, or has a forbidden byte: 400.",
  request_framing:
    "Content-Length and Transfer-Encoding are missing, doubled, conflicting or malformed: 400.",
  request_host: "Host is missing, doubled or malformed: 400.",
  request_path: "The path has dot segments, a backslash or a NUL, which servers read differently: 400.",
  request_chunk: "A chunk of the request body is malformed: 400.",
  target_too_long: "The request target is longer than the limit: 414.",
  head_too_large: "The request head is larger than the limit, or has too many fields: 431.",
  body_too_large: "The request body is larger than the limit: 413.",
  transfer_coding: "The request asks for a transfer coding other than chunked: 501.",
  expectation: "Expect has a value other than 100-continue: 417.",
  version: "The HTTP version is not 1.0 or 1.1: 505.",
  method_not_allowed: "The method is not allowed here: 405.",
  misdirected: "No route of this listener serves the host: 421.",
  no_route: "A route serves the host but none the path: 404.",
  client_closed: "The client left before the response was complete.",
  client_head_timeout: "The client sent its request head too slowly: 408.",
  client_body_timeout: "The client sent its request body too slowly: 408.",
  client_write_timeout: "The client took the response too slowly.",
  no_endpoint: "No endpoint of the pool takes traffic: 503.",
  queue_full: "All endpoints are at their limit and the queue is full: 503.",
  queue_timeout: "All endpoints stayed at their limit for the queue timeout: 503.",
  connect_failed: "No connection could be made: 502.",
  connect_timeout: "Connecting took longer than the limit: 504.",
  endpoint_closed: "The endpoint closed or reset the connection before a response: 502.",
  response_timeout: "The endpoint sent no response head within the limit: 504.",
  response_malformed: "The endpoint's response head is malformed or too large: 502.",
  response_truncated: "The endpoint broke off in the middle of the response body.",
  response_stalled: "The endpoint stalled in the middle of the response body.",
  endpoint_write_timeout: "The endpoint stopped taking the request body: 504.",
  shutdown: "Roundel was told to stop and the exchange outlived the grace time.",
  panic: "A bug in Roundel ended the exchange; it is counted and the process goes on.",
};

/** How an attempt failed. */
export const FAILURES: Readonly<Record<string, string>> = {
  connect: "The connection was refused or the address is unreachable.",
  connect_timeout: "The connection was not made in time.",
  reused_closed: "A kept-alive connection turned out closed before a response byte came.",
  closed: "A fresh connection was closed or reset before a response byte came.",
  write_timeout: "The request could not be written in time.",
  response_timeout: "No response head came in time.",
  malformed: "The response head is malformed or too large.",
  status: "The response has a status that the pool retries.",
  truncated: "The response body broke off.",
  stalled: "The response body stalled.",
};

/** What `code` means, or the code itself when this page is older than it. */
export function explain(code: string): string {
  return FAILURES[code] ?? ENDS[code] ?? code;
}
