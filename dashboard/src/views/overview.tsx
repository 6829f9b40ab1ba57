// Everything at a glance: four figures over five minutes, where requests go, and what changed.

import { signal } from "@preact/signals";
import type { Pool, State } from "../api/types";
import { compact, count, duration, percent, plural } from "../logic/format";
import { linkTo } from "../logic/route";
import { column, EMPTY } from "../logic/series";
import { changes, tracks } from "../state/live";
import { Chart } from "../ui/chart";
import { Empty } from "../ui/empty";
import { Mark } from "../ui/glyph";
import { ShareRing } from "../ui/share-ring";
import { ChangeList } from "./overview/changes";
import { TopologyPicture } from "./overview/topology";
import { standingOf } from "./pools/words";

/** The pool whose figures are drawn; all of them when empty. */
const scope = signal("");

export function Overview({ state }: { state: State }) {
  return (
    <div class="overview">
      <Figures state={state} />
      <section class="card topology" aria-labelledby="topology-title">
        <h2 id="topology-title">Where requests go</h2>
        <TopologyPicture state={state} />
      </section>
      <section class="card" aria-labelledby="pools-title">
        <h2 id="pools-title">Pools</h2>
        <PoolList state={state} />
      </section>
      <section class="card" aria-labelledby="changes-title">
        <h2 id="changes-title">Recent changes</h2>
        <ChangeList changes={changes.value.slice(0, 30)} />
      </section>
    </div>
  );
}

function Figures({ state }: { state: State }) {
  const name = state.pools.some((pool) => pool.name === scope.value) ? scope.value : "";
  const track = name === "" ? tracks.value.totals : (tracks.value.pools.get(name) ?? EMPTY);
  const traffic = state.pools.find((pool) => pool.name === name)?.traffic ?? state.totals;
  return (
    <section class="figures" aria-labelledby="figures-title">
      <h2 id="figures-title" class="visually-hidden">
        Traffic
      </h2>
      <div class="scope">
        <label>
          Traffic of{" "}
          <select
            value={name}
            onChange={(event) => {
              scope.value = event.currentTarget.value;
            }}
          >
            <option value="">all pools</option>
            {state.pools.map((pool) => (
              <option key={pool.name} value={pool.name}>
                {pool.name}
              </option>
            ))}
          </select>{" "}
          over the last five minutes
        </label>
        <p>
          {count(traffic.requests_total)} requests, {count(traffic.errors_total)} errors since start
        </p>
      </div>
      <div class="charts">
        <Chart
          title="Requests"
          unit="/s"
          format={compact}
          at={track.at}
          topMin={4}
          lines={[
            {
              label: "requests/s",
              values: column(track, "requests_per_second"),
              colour: "c1",
              isFilled: true,
            },
          ]}
        />
        <Chart
          title="Errors"
          format={percent}
          at={track.at}
          topMin={0.02}
          lines={[
            { label: "of requests", values: column(track, "error_rate"), colour: "c4", isFilled: true },
          ]}
        />
        <Chart
          title="Latency"
          unit="median"
          format={duration}
          at={track.at}
          topMin={2}
          lines={[
            { label: "p50", values: column(track, "p50_ms"), colour: "c1" },
            { label: "p95", values: column(track, "p95_ms"), colour: "c2", dash: [6, 3] },
            { label: "p99", values: column(track, "p99_ms"), colour: "c3", dash: [2, 3] },
          ]}
        />
        <Chart
          title="In flight"
          format={compact}
          at={track.at}
          topMin={4}
          lines={[{ label: "requests", values: column(track, "in_flight"), colour: "c5", isFilled: true }]}
        />
      </div>
    </section>
  );
}

function PoolStanding({ pool }: { pool: Pool }) {
  const { glyph, word, text } = standingOf(pool);
  return <Mark name={glyph} text={word} title={text} />;
}

function PoolList({ state }: { state: State }) {
  if (state.pools.length === 0) return <Empty title="No pools">Every route answers by itself.</Empty>;
  return (
    <ul class="pool-list">
      {state.pools.map((pool) => (
        <li key={pool.name}>
          <a href={linkTo("pools", [pool.name])}>
            <ShareRing pool={pool} />
            <div>
              <strong>{pool.name}</strong>
              <PoolStanding pool={pool} />
              <span class="quiet">
                {pool.balance} · {plural(pool.endpoints.length, "endpoint")}
              </span>
            </div>
            <dl class="pool-figures">
              <div>
                <dt>req/s</dt>
                <dd>{compact(pool.traffic.requests_per_second)}</dd>
              </div>
              <div>
                <dt>errors</dt>
                <dd class={pool.traffic.error_rate > 0 ? "bad" : ""}>{percent(pool.traffic.error_rate)}</dd>
              </div>
              <div>
                <dt>p95</dt>
                <dd>{pool.traffic.latency_ms ? duration(pool.traffic.latency_ms.p95) : "–"}</dd>
              </div>
            </dl>
          </a>
        </li>
      ))}
    </ul>
  );
}
