// One endpoint in the table. The three facts (admin state, health, ejection) have a cell each.

import type { ComponentChildren } from "preact";
import type { AdminState, Endpoint, Pool } from "../../api/types";
import { compact, count, duration, durations, percent, span } from "../../logic/format";
import { RATE_POINTS } from "../../logic/rates";
import { linkTo } from "../../logic/route";
import { busy, endpointKey, setAdminState } from "../../state/actions";
import { now, rates } from "../../state/live";
import { place } from "../../state/place";
import { Ago } from "../../ui/ago";
import { Mark } from "../../ui/glyph";
import { Sparkline } from "../../ui/sparkline";
import { WeightField } from "./weight";
import { PRESENCES, SILENCE, SOURCES } from "./words";

interface EndpointRowProps {
  pool: Pool;
  endpoint: Endpoint;
  index: number;
  /** In the pool. */
  largestShare: number;
}

export function EndpointRow({ pool, endpoint, index, largestShare }: EndpointRowProps) {
  const isChosen = place.value.path[0] === pool.name && place.value.path[1] === endpoint.name;
  const latency = endpoint.latency_ms;
  return (
    <div class={`row${isChosen ? " chosen" : ""}`} role="row" aria-rowindex={index + 2}>
      <Cell name="name">
        <a class="title" href={linkTo("pools", [pool.name, endpoint.name])} title={endpoint.name}>
          {endpoint.name}
        </a>
        <span class="note">
          {endpoint.name !== endpoint.address && <span title={endpoint.address}>{endpoint.address}</span>}
          {endpoint.source !== "file" && (
            <span class="tag" title={SOURCES[endpoint.source]}>
              {endpoint.source}
            </span>
          )}
          {endpoint.is_backup && <span class="tag">backup</span>}
        </span>
      </Cell>
      <Cell name="admin">
        <Mark name={endpoint.admin_state} />
        {endpoint.overridden.includes("admin_state") && <span class="note">by an operator</span>}
      </Cell>
      <Cell name="health">
        {endpoint.presence === "absent" ? (
          <Mark name="absent" text="no process" />
        ) : (
          <Mark name={endpoint.health} />
        )}
        {endpoint.is_silent ? (
          <span class="note">
            <Mark name="silent" title={SILENCE} />
          </span>
        ) : (
          <ProbeNote endpoint={endpoint} />
        )}
      </Cell>
      <Cell name="ejection">
        <Ejection until={endpoint.ejected_until} />
      </Cell>
      <Cell name="share" label="Share">
        <span class="bar" aria-hidden="true">
          <span style={{ width: `${largestShare > 0 ? (endpoint.share / largestShare) * 100 : 0}%` }} />
        </span>
        {percent(endpoint.share)}
      </Cell>
      <Cell name="requests" label="Requests">
        <Sparkline values={rates.of(pool.name, endpoint.name)} points={RATE_POINTS} />
        <span>{compact(endpoint.requests_per_second)}/s</span>
      </Cell>
      <Cell name="latency" label="Latency">
        {latency ? (
          <span
            title={`p50 ${duration(latency.p50)}, p95 ${duration(latency.p95)}, p99 ${duration(latency.p99)}`}
          >
            {durations([latency.p50, latency.p95, latency.p99])}
          </span>
        ) : (
          "–"
        )}
      </Cell>
      <Cell name="errors" label="Errors">
        <span class={endpoint.error_rate > 0 ? "bad" : ""}>{percent(endpoint.error_rate)}</span>
        {endpoint.failures_total > 0 && <span class="note">{count(endpoint.failures_total)} failed</span>}
      </Cell>
      <Cell name="in-flight" label="In flight">
        {count(endpoint.in_flight)}
      </Cell>
      <Cell name="weight" label="Weight">
        <WeightField pool={pool.name} endpoint={endpoint} />
      </Cell>
      <Cell name="actions">
        <AdminStateChoice pool={pool.name} endpoint={endpoint} />
      </Cell>
    </div>
  );
}

function Cell({ name, label, children }: { name: string; label?: string; children: ComponentChildren }) {
  return (
    <div class={`cell ${name}`} role="cell">
      {label && (
        <span class="cell-label" aria-hidden="true">
          {label}
        </span>
      )}
      {children}
    </div>
  );
}

/** Why its health is what it is: its process, the last probe's reason, or how old it is. */
function ProbeNote({ endpoint: { presence, last_probe: probe } }: { endpoint: Endpoint }) {
  if (presence === "absent") return <span class="note">health unknown</span>;
  if (presence === "starting") return <span class="note">{PRESENCES.starting}</span>;
  if (probe === null) return null;
  if (probe.reason === null) {
    return (
      <span class="note">
        probed <Ago at={probe.at} />
      </span>
    );
  }
  return (
    <span class={`note${probe.ok ? "" : " bad"}`} title={probe.reason}>
      {probe.reason.replace(/^probe /, "")}
    </span>
  );
}

function Ejection({ until }: { until: string | null }) {
  if (until === null) {
    return (
      <span class="quiet">
        <span class="wide-only">no</span>
        <span class="narrow-only">not ejected</span>
      </span>
    );
  }
  const left = (Date.parse(until) - now.value) / 1000;
  return <Mark name="ejected" text={left > 0 ? `for ${span(left)}` : "ejected"} title={`until ${until}`} />;
}

const CHOICES: readonly [AdminState, string][] = [
  ["enabled", "Enable"],
  ["draining", "Drain"],
  ["disabled", "Disable"],
];

/** What the operator wants of the endpoint: one of three, the one in force pressed. */
export function AdminStateChoice({ pool, endpoint }: { pool: string; endpoint: Endpoint }) {
  const isBusy = busy.value.has(endpointKey(pool, endpoint.name));
  return (
    <fieldset class="choice" aria-label={`Admin state of ${endpoint.name}`} aria-busy={isBusy}>
      {CHOICES.map(([wanted, word]) => {
        const isInForce = endpoint.admin_state === wanted;
        return (
          <button
            key={wanted}
            type="button"
            aria-pressed={isInForce}
            aria-disabled={isBusy || undefined}
            aria-label={`${word} ${endpoint.name}`}
            onClick={() => {
              if (!isInForce && !isBusy) void setAdminState(pool, endpoint.name, wanted);
            }}
          >
            {word}
          </button>
        );
      })}
    </fieldset>
  );
}
