// The roundel of a pool: a ring whose arcs are the endpoints' shares of its traffic.

import type { Pool } from "../api/types";
import { arcs } from "../logic/arcs";
import { standing } from "../logic/endpoints";
import { percent } from "../logic/format";

const RADIUS = 40;

export function ShareRing({ pool }: { pool: Pool }) {
  const shares = pool.endpoints.map((endpoint) => endpoint.share);
  const eligible = pool.endpoints.filter((endpoint) => endpoint.is_eligible).length;
  const parts = arcs(shares, RADIUS);
  return (
    <svg class="share-ring" viewBox="0 0 100 100" aria-hidden="true">
      <circle class="track" cx="50" cy="50" r={RADIUS} />
      {parts.map((part) => {
        const endpoint = part.index === null ? undefined : pool.endpoints[part.index];
        const tone = endpoint ? standing(endpoint) : "healthy";
        return (
          <path key={part.index ?? "rest"} class={`arc ${tone} ${part.isOdd ? "odd" : ""}`} d={part.path}>
            <title>{endpoint ? `${endpoint.name}: ${percent(endpoint.share)}` : "all others"}</title>
          </path>
        );
      })}
      <text class="figure" x="50" y="51" text-anchor="middle">
        {eligible}
      </text>
      <text class="of" x="50" y="66" text-anchor="middle">
        of {pool.endpoints.length}
      </text>
    </svg>
  );
}
