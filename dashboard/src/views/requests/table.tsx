// The lines of the request log, newest first.

import type { RequestSummary } from "../../api/types";
import { explainEnd } from "../../logic/codes";
import { clock, duration } from "../../logic/format";
import { barLength, longestOf, type RequestFilter, statusTone, timeParts } from "../../logic/requests";
import { linkTo } from "../../logic/route";
import { useIsNarrow } from "../../ui/media";
import { VirtualRows } from "../../ui/virtual-rows";

const HEADS = ["Time", "Status", "Request", "Pool and endpoint", "Attempts", "Time taken"] as const;

const ROW_HEIGHT = 38;
const NARROW_ROW_HEIGHT = 84;

interface RequestTableProps {
  requests: readonly RequestSummary[];
  chosen: string | null;
  query: RequestFilter;
}

export function RequestTable({ requests, chosen, query }: RequestTableProps) {
  const isNarrow = useIsNarrow();
  const longest = longestOf(requests);
  return (
    <div
      class="grid requests"
      role="table"
      aria-label="Requests, newest first"
      aria-rowcount={requests.length + 1}
    >
      <div role="rowgroup">
        <div class="row head" role="row" aria-rowindex={1}>
          {HEADS.map((head) => (
            <div
              key={head}
              class="cell"
              role="columnheader"
              title={
                head === "Time taken"
                  ? `Bars by a logarithmic scale, up to ${duration(longest)}; colours as in the explanation`
                  : undefined
              }
            >
              {head}
            </div>
          ))}
        </div>
      </div>
      <VirtualRows
        items={requests}
        keyOf={(request) => request.id}
        version={`${chosen} ${longest} ${JSON.stringify(query)}`}
        rowHeight={isNarrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT}
      >
        {(request, index) => (
          <RequestRow
            request={request}
            index={index}
            longest={longest}
            isChosen={String(request.id) === chosen}
            query={query}
          />
        )}
      </VirtualRows>
    </div>
  );
}

interface RequestRowProps {
  request: RequestSummary;
  index: number;
  /** What the longest bar stands for, in milliseconds. */
  longest: number;
  isChosen: boolean;
  query: RequestFilter;
}

function RequestRow({ request, index, longest, isChosen, query }: RequestRowProps) {
  const { id, at, status, end, method, host, path, pool, endpoint, attempts, total_ms } = request;
  return (
    <div class={`row${isChosen ? " chosen" : ""}`} role="row" aria-rowindex={index + 2}>
      <div class="cell at" role="cell">
        {clock(at)}
      </div>
      <div class={`cell status ${statusTone(status)}`} role="cell">
        <b>{status ?? "–"}</b>
        {end !== "ok" && end !== "local" && (
          <code title={explainEnd(end)} class="end">
            {end}
          </code>
        )}
      </div>
      <div class="cell what" role="cell">
        <a href={linkTo("requests", [String(id)], { ...query })} title={`${method} ${host ?? ""}${path}`}>
          <b>{method}</b> {path}
        </a>
      </div>
      <div class="cell whither" role="cell">
        {pool === null ? (
          <span class="quiet">Roundel itself</span>
        ) : (
          <>
            {pool} <span aria-hidden="true">›</span> {endpoint ?? "none"}
          </>
        )}
      </div>
      <div class={`cell tries${attempts > 1 ? " fair" : ""}`} role="cell">
        {attempts}
        <span class="narrow-only"> attempt{attempts === 1 ? "" : "s"}</span>
      </div>
      <div class="cell took" role="cell">
        <span class="time-bar" style={{ width: `${barLength(total_ms, longest) * 100}%` }} aria-hidden="true">
          {timeParts(request).map((part) => (
            <span
              key={part.name}
              class={part.name.replace(" ", "-")}
              style={{ width: `${part.share * 100}%` }}
            />
          ))}
        </span>
        <span class="figure">{duration(total_ms)}</span>
      </div>
    </div>
  );
}
