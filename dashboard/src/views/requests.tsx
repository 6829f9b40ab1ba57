// The live request log. A press on a line explains that request.

import { useEffect, useState } from "preact/hooks";
import type { State } from "../api/types";
import { count } from "../logic/format";
import { filterFrom, mistake, NO_FILTER, type RequestFilter } from "../logic/requests";
import { closeLog, isPaused, logStatus, openLog, sampledOut, setPaused, shown, waiting } from "../state/log";
import { amend, go, place } from "../state/place";
import { Button } from "../ui/button";
import { Drawer } from "../ui/drawer";
import { Empty } from "../ui/empty";
import { Icon } from "../ui/icon";
import { Explanation } from "./requests/explanation";
import { RequestTable } from "./requests/table";

/** A filter is applied when typing pauses for so long. */
const SETTLE_MS = 350;

export function Requests({ state }: { state: State }) {
  const [id] = place.value.path;
  const filter = filterFrom(place.value.query);
  const applied = mistake(filter) === null ? JSON.stringify(filter) : null;
  useEffect(() => {
    if (applied === null) return;
    void openLog(JSON.parse(applied) as RequestFilter);
    return closeLog;
  }, [applied]);
  const query = { ...filter };
  return (
    <div class={id === undefined ? "" : "with-drawer"}>
      <div class="list">
        <section class="card pool log" aria-label="Request log">
          <Filters state={state} filter={filter} />
          <Status filter={filter} />
          {shown.value.length === 0 ? (
            <Empty title="No request matches yet">{EMPTY_WORDS[logStatus.value.kind]}</Empty>
          ) : (
            <RequestTable requests={shown.value} chosen={id ?? null} query={query} />
          )}
        </section>
      </div>
      {id !== undefined && (
        <Drawer kind="Request" title={`#${id}`} onClose={() => go("requests", [], query)}>
          <Explanation id={id} />
        </Drawer>
      )}
    </div>
  );
}

const EMPTY_WORDS = {
  connecting: "Asking for the stream.",
  live: "They appear here as they end.",
  late: "They appear here as they end.",
  lost: "The stream broke off; it is opened again by itself.",
  unauthorized: "A token is asked for.",
  missing: "This Roundel keeps no request log.",
} as const;

function Filters({ state, filter }: { state: State; filter: RequestFilter }) {
  const [draft, setDraft] = useState(filter);
  const given = JSON.stringify(filter);
  useEffect(() => setDraft(JSON.parse(given) as RequestFilter), [given]);
  const wanted = JSON.stringify(draft);
  useEffect(() => {
    if (wanted === given) return;
    const timer = setTimeout(() => amend("requests", place.value.path, JSON.parse(wanted)), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [wanted, given]);
  const set = (key: keyof RequestFilter) => (event: { currentTarget: { value: string } }) =>
    setDraft({ ...draft, [key]: event.currentTarget.value });
  const endpoints = state.pools.find((pool) => pool.name === draft.pool)?.endpoints ?? [];
  const said = mistake(draft);
  return (
    <search class="filter">
      <label class="search">
        <span class="visually-hidden">Part of the path</span>
        <Icon name="search" />
        <input type="search" placeholder="Path" data-key="/" value={draft.path} onInput={set("path")} />
      </label>
      <label>
        <span class="visually-hidden">Pool</span>
        <select
          value={draft.pool}
          onChange={(event) => setDraft({ ...draft, pool: event.currentTarget.value, endpoint: "" })}
        >
          <option value="">any pool</option>
          {state.pools.map((pool) => (
            <option key={pool.name} value={pool.name}>
              {pool.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="visually-hidden">Endpoint</span>
        <input
          type="text"
          list="log-endpoints"
          placeholder="Endpoint"
          value={draft.endpoint}
          onInput={set("endpoint")}
        />
        <datalist id="log-endpoints">
          {endpoints.slice(0, 200).map((endpoint) => (
            <option key={endpoint.name} value={endpoint.name} />
          ))}
        </datalist>
      </label>
      <label class="short">
        <span class="visually-hidden">Status, as 404 or 5xx</span>
        <input
          type="text"
          list="log-status"
          placeholder="Status"
          value={draft.status}
          aria-invalid={said?.startsWith("Status") ?? false}
          onInput={set("status")}
        />
        <datalist id="log-status">
          {["2xx", "3xx", "4xx", "5xx"].map((it) => (
            <option key={it} value={it} />
          ))}
        </datalist>
      </label>
      <label class="short">
        <span class="visually-hidden">Method</span>
        <select value={draft.method} onChange={set("method")}>
          <option value="">any method</option>
          {["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].map((it) => (
            <option key={it} value={it}>
              {it}
            </option>
          ))}
        </select>
      </label>
      <label class="short">
        <span class="visually-hidden">At least so many milliseconds</span>
        <input
          type="text"
          inputMode="decimal"
          placeholder="min ms"
          value={draft.min_ms}
          aria-invalid={said?.startsWith("Minimum") ?? false}
          onInput={set("min_ms")}
        />
      </label>
      {JSON.stringify(draft) !== JSON.stringify(NO_FILTER) && (
        <Button tone="ghost" icon="close" onClick={() => setDraft({ ...NO_FILTER })}>
          Clear
        </Button>
      )}
      {said && (
        <p class="mistake" role="status">
          {said}
        </p>
      )}
    </search>
  );
}

function Status({ filter }: { filter: RequestFilter }) {
  const isFiltered = JSON.stringify(filter) !== JSON.stringify(NO_FILTER);
  return (
    <div class="log-status">
      <span data-key="p">
        <Button
          icon={isPaused.value ? "play" : "pause"}
          isPressed={isPaused.value}
          keys="p"
          onClick={() => setPaused(!isPaused.value)}
        >
          {isPaused.value ? "Resume" : "Pause"}
        </Button>
      </span>
      <p class="quiet">
        {isPaused.value
          ? `Paused; ${count(waiting.value)} more came since.`
          : `The newest ${count(shown.value.length)}${isFiltered ? " that match" : ""}, as they end.`}
        {sampledOut.value > 0 && ` Too many to show all: ${count(sampledOut.value)} were left out.`}
      </p>
      {logStatus.value.kind === "lost" && <p class="mistake">{logStatus.value.reason}</p>}
    </div>
  );
}
