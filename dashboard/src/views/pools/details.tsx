// All that is known about one endpoint.

import type { Endpoint, Pool } from "../../api/types";
import { explainFailure } from "../../logic/codes";
import { count, duration, percent } from "../../logic/format";
import { linkTo } from "../../logic/route";
import { removeEndpoint, takeOverrideBack } from "../../state/actions";
import { Ago } from "../../ui/ago";
import { Button, ConfirmButton } from "../../ui/button";
import { Fact, Facts } from "../../ui/facts";
import { Mark } from "../../ui/glyph";
import { AdminStateChoice } from "./row";
import { PRESENCES, SILENCE, SOURCES } from "./words";

export function EndpointDetails({ pool, endpoint }: { pool: Pool; endpoint: Endpoint }) {
  const { last_probe: probe, connections, latency_ms: latency } = endpoint;
  return (
    <>
      <div class="act">
        <AdminStateChoice pool={pool.name} endpoint={endpoint} />
        {endpoint.overridden.length > 0 && (
          <Button
            icon="undo"
            onClick={() => void takeOverrideBack(pool.name, endpoint.name, endpoint.overridden)}
          >
            As its source says
          </Button>
        )}
        {endpoint.source === "api" && (
          <ConfirmButton
            tone="danger"
            icon="close"
            question={`Remove ${endpoint.name} from ${pool.name}?`}
            confirm="Remove"
            onClick={() => void removeEndpoint(pool.name, endpoint.name)}
          >
            Remove
          </ConfirmButton>
        )}
      </div>
      <Facts>
        <Fact name="Takes traffic">
          {!endpoint.is_eligible ? "no" : endpoint.is_silent ? "as the last choice" : "yes"}
        </Fact>
        {endpoint.is_silent && (
          <Fact name="Answers">
            <Mark name="silent" />
            <span class="reason">{SILENCE}</span>
          </Fact>
        )}
        <Fact name="Admin state">
          <Mark name={endpoint.admin_state} />
        </Fact>
        <Fact name="Health">
          <Mark name={endpoint.health} />
        </Fact>
        <Fact name="Ejection">
          {endpoint.ejected_until === null ? (
            "no"
          ) : (
            <Mark name="ejected" text={`until ${endpoint.ejected_until}`} />
          )}
        </Fact>
        {endpoint.presence !== "present" && <Fact name="Process">{PRESENCES[endpoint.presence]}</Fact>}
        <Fact name="Last probe">
          {probe ? (
            <>
              {probe.ok ? "succeeded" : "failed"} in {duration(probe.took_ms)}, <Ago at={probe.at} />
              {probe.reason && <span class="reason">{probe.reason}</span>}
            </>
          ) : (
            "none yet"
          )}
        </Fact>
        <Fact name="Address">{endpoint.address}</Fact>
        {endpoint.resolved && endpoint.resolved !== endpoint.address && (
          <Fact name="Resolved">{endpoint.resolved}</Fact>
        )}
        <Fact name="Source">{SOURCES[endpoint.source]}</Fact>
        {endpoint.overridden.length > 0 && (
          <Fact name="Changed by an operator">{endpoint.overridden.join(", ").replace("_", " ")}</Fact>
        )}
        <Fact name="Weight">
          {endpoint.weight}
          {endpoint.effective_weight !== endpoint.weight && ` (now ${endpoint.effective_weight.toFixed(1)})`}
        </Fact>
        <Fact name="Share of traffic">{percent(endpoint.share)}</Fact>
        <Fact name="Requests">
          {count(endpoint.requests_total)}{" "}
          <a href={linkTo("requests", [], { pool: pool.name, endpoint: endpoint.name })}>show them</a>
        </Fact>
        <Fact name="Latency p50 · p95 · p99">
          {latency
            ? `${duration(latency.p50)} · ${duration(latency.p95)} · ${duration(latency.p99)}`
            : "no traffic"}
        </Fact>
        <Fact name="Connections">
          {count(connections.made)} made, reused {count(connections.reused)} times, {count(connections.idle)}{" "}
          idle
        </Fact>
      </Facts>
      <Amounts title="Responses" none="None yet." amounts={endpoint.responses} />
      <Amounts title="Failed attempts" none="None." amounts={endpoint.failures} explain={explainFailure} />
    </>
  );
}

interface AmountsProps {
  title: string;
  none: string;
  amounts: Record<string, number>;
  explain?: (code: string) => string;
}

function Amounts({ title, none, amounts, explain: explained }: AmountsProps) {
  const entries = Object.entries(amounts).filter(([, amount]) => amount > 0);
  return (
    <section>
      <h3>{title}</h3>
      {entries.length === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <table class="amounts">
          <thead class="visually-hidden">
            <tr>
              <th scope="col">Code</th>
              <th scope="col">How many</th>
              {explained && <th scope="col">Meaning</th>}
            </tr>
          </thead>
          <tbody>
            {entries.map(([code, amount]) => (
              <tr key={code}>
                <th scope="row">
                  <code>{code}</code>
                </th>
                <td class="number">{count(amount)}</td>
                {explained && <td class="quiet">{explained(code)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
