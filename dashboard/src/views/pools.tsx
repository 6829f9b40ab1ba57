// Pools and their endpoints: how each fares, and what an operator can do about it.

import type { Pool, State } from "../api/types";
import { explainEnd, isErrorEnd } from "../logic/codes";
import { compact, count, duration, percent, plural } from "../logic/format";
import { linkTo } from "../logic/route";
import { go, place } from "../state/place";
import { Drawer } from "../ui/drawer";
import { Empty } from "../ui/empty";
import { Mark } from "../ui/glyph";
import { ShareRing } from "../ui/share-ring";
import { AddEndpoint } from "./pools/add";
import { EndpointDetails } from "./pools/details";
import { EndpointTable } from "./pools/table";
import { standingOf } from "./pools/words";

export function Pools({ state }: { state: State }) {
  const [poolName, endpointName] = place.value.path;
  if (state.pools.length === 0) return <Empty title="No pools">Every route answers by itself.</Empty>;
  const chosen = state.pools.find((pool) => pool.name === poolName);
  const endpoint = chosen?.endpoints.find((it) => it.name === endpointName);
  const shown = chosen ? [chosen] : state.pools;
  return (
    <div class={endpoint ? "with-drawer" : ""}>
      <div class="list">
        {state.pools.length > 1 && <PoolChoice pools={state.pools} chosen={chosen?.name ?? ""} />}
        {poolName !== undefined && !chosen && <p class="mistake">There is no pool {poolName}.</p>}
        {endpointName !== undefined && chosen && !endpoint && (
          <p class="mistake">
            There is no endpoint {endpointName} in pool {chosen.name}.
          </p>
        )}
        {shown.map((pool) => (
          <PoolCard key={pool.name} pool={pool} />
        ))}
      </div>
      {chosen && endpoint && (
        <Drawer
          kind={`Endpoint of ${chosen.name}`}
          title={endpoint.name}
          onClose={() => go("pools", [chosen.name])}
        >
          <EndpointDetails pool={chosen} endpoint={endpoint} />
        </Drawer>
      )}
    </div>
  );
}

function PoolChoice({ pools, chosen }: { pools: readonly Pool[]; chosen: string }) {
  return (
    <nav class="chips" aria-label="Pools">
      <a href={linkTo("pools")} aria-current={chosen === "" ? "true" : undefined}>
        all
      </a>
      {pools.map((pool) => (
        <a
          key={pool.name}
          href={linkTo("pools", [pool.name])}
          aria-current={chosen === pool.name ? "true" : undefined}
        >
          {pool.name}
        </a>
      ))}
    </nav>
  );
}

function PoolCard({ pool }: { pool: Pool }) {
  const { traffic } = pool;
  const standing = standingOf(pool);
  return (
    <section class="card pool" aria-label={`Pool ${pool.name}`}>
      <header>
        <ShareRing pool={pool} />
        <div class="what">
          <h2>{pool.name}</h2>
          <p>
            <Mark name={standing.glyph} text={standing.text} />
          </p>
          <p class="quiet">
            {pool.balance} · {pool.health_check ?? "no health check"}
            {pool.app !== null && (
              <>
                {" "}
                · fed by app <a href={linkTo("apps", [pool.app])}>{pool.app}</a>
              </>
            )}
          </p>
        </div>
        <dl class="strip">
          <Figure
            name="Requests"
            value={`${compact(traffic.requests_per_second)}/s`}
            note={`${count(traffic.requests_total)} in all`}
          />
          <Figure
            name="Errors"
            value={percent(traffic.error_rate)}
            note={`${count(traffic.errors_total)} in all`}
            isBad={traffic.error_rate > 0}
          />
          <Figure
            name="Latency p95"
            value={traffic.latency_ms ? duration(traffic.latency_ms.p95) : "–"}
            note={traffic.latency_ms ? `median ${duration(traffic.latency_ms.p50)}` : "no traffic"}
          />
          <Figure
            name="In flight"
            value={compact(traffic.in_flight)}
            note={`${count(pool.retries_total)} retries, ${count(pool.hedges_total)} hedges`}
          />
          <Figure
            name="Queue"
            value={compact(pool.queue_length)}
            note={`of ${compact(pool.queue_limit)}`}
            isBad={pool.queue_length > 0 && pool.queue_length >= pool.queue_limit}
          />
        </dl>
      </header>
      <Ends pool={pool} />
      <EndpointTable pool={pool} />
      <footer>
        <AddEndpoint pool={pool.name} />
        <span class="quiet">{plural(pool.endpoints.length, "endpoint")}</span>
      </footer>
    </section>
  );
}

function Figure({
  name,
  value,
  note,
  isBad = false,
}: {
  name: string;
  value: string;
  note: string;
  isBad?: boolean;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b class={isBad ? "bad" : ""}>{value}</b>
        <small>{note}</small>
      </dd>
    </div>
  );
}

/** How exchanges ended other than well, by code; what counts as an error stands out. */
function Ends({ pool }: { pool: Pool }) {
  const ends = Object.entries(pool.ends).filter(([code, amount]) => amount > 0 && !GOOD_ENDS.has(code));
  if (ends.length === 0) return null;
  return (
    <ul class="codes" aria-label="How exchanges ended other than well">
      {ends
        .sort(([a, more], [b, less]) => Number(isErrorEnd(b)) - Number(isErrorEnd(a)) || less - more)
        .map(([code, amount]) => (
          <li key={code} class={isErrorEnd(code) ? "bad" : ""} title={explainEnd(code)}>
            <code>{code}</code> {count(amount)}
          </li>
        ))}
    </ul>
  );
}

const GOOD_ENDS: ReadonlySet<string> = new Set(["ok", "local", "tunnel"]);
