// The endpoints of a pool as a table: filtered, sorted, and rendered only where one looks.

import { useEffect, useState } from "preact/hooks";
import type { Pool } from "../../api/types";
import { type Selection, type SortKey, STANDINGS, type Standing, select, tally } from "../../logic/endpoints";
import { place } from "../../state/place";
import { Empty } from "../../ui/empty";
import { Icon } from "../../ui/icon";
import { useIsNarrow } from "../../ui/media";
import { VirtualRows } from "../../ui/virtual-rows";
import { EndpointRow } from "./row";
import { emptinessOf } from "./words";

const HEADS: readonly { name: string; sort: SortKey | null; class: string }[] = [
  { name: "Endpoint", sort: "name", class: "name" },
  { name: "Admin state", sort: "state", class: "admin" },
  { name: "Health", sort: null, class: "health" },
  { name: "Ejection", sort: null, class: "ejection" },
  { name: "Share", sort: "share", class: "share" },
  { name: "Requests", sort: "rate", class: "requests" },
  { name: "p50 · p95 · p99", sort: "latency", class: "latency" },
  { name: "Errors", sort: "errors", class: "errors" },
  { name: "In flight", sort: "in_flight", class: "in-flight" },
  { name: "Weight", sort: null, class: "weight" },
  { name: "Actions", sort: null, class: "actions" },
];

/** Fewer rows than this need no search. */
const FILTER_FROM = 7;

const ROW_HEIGHT = 56;
const NARROW_ROW_HEIGHT = 240;

export function EndpointTable({ pool }: { pool: Pool }) {
  const [wish, setWish] = useState<Selection>({ text: "", standing: "", sort: "order", isDescending: false });
  const isNarrow = useIsNarrow();
  const asked = place.value.query.state ?? "";
  useEffect(() => {
    const standing = STANDINGS.find((it) => it === asked) ?? "";
    setWish((current) => ({ ...current, standing }));
  }, [asked]);
  if (pool.endpoints.length === 0) {
    return <Empty title="No endpoints">{emptinessOf(pool)}</Empty>;
  }
  const shown = select(pool.endpoints, wish);
  // Bars are for comparing: the largest share is a whole one, among six endpoints or a thousand.
  const largestShare = pool.endpoints.reduce((largest, it) => Math.max(largest, it.share), 0);
  const isFiltered = wish.text !== "" || wish.standing !== "";
  return (
    <>
      {(pool.endpoints.length >= FILTER_FROM || isFiltered) && (
        <Filter pool={pool} wish={wish} shown={shown.length} onChange={setWish} />
      )}
      <div
        class="grid endpoints"
        role="table"
        aria-label={`Endpoints of ${pool.name}`}
        aria-rowcount={shown.length + 1}
      >
        <div role="rowgroup">
          <div class="row head" role="row" aria-rowindex={1}>
            {HEADS.map((head) => (
              <HeadCell key={head.name} head={head} wish={wish} onChange={setWish} />
            ))}
          </div>
        </div>
        <VirtualRows
          items={shown}
          keyOf={(endpoint) => endpoint.name}
          version={pool}
          rowHeight={isNarrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT}
        >
          {(endpoint, index) => (
            <EndpointRow pool={pool} endpoint={endpoint} index={index} largestShare={largestShare} />
          )}
        </VirtualRows>
      </div>
      {shown.length === 0 && (
        <Empty title="No endpoint matches">
          <button type="button" class="link" onClick={() => setWish({ ...wish, text: "", standing: "" })}>
            Show all {pool.endpoints.length}
          </button>
        </Empty>
      )}
    </>
  );
}

interface FilterProps {
  pool: Pool;
  wish: Selection;
  shown: number;
  onChange: (wish: Selection) => void;
}

function Filter({ pool, wish, shown, onChange }: FilterProps) {
  return (
    <search class="filter">
      <label class="search">
        <span class="visually-hidden">Find endpoints of {pool.name}</span>
        <Icon name="search" />
        <input
          type="search"
          placeholder="Name or address"
          data-key="/"
          value={wish.text}
          onInput={(event) => onChange({ ...wish, text: event.currentTarget.value })}
        />
      </label>
      <label>
        <span class="visually-hidden">State</span>
        <select
          value={wish.standing}
          onChange={(event) => onChange({ ...wish, standing: event.currentTarget.value as Standing | "" })}
        >
          <option value="">any state ({pool.endpoints.length})</option>
          {tally(pool.endpoints).map(({ standing, amount }) => (
            <option key={standing} value={standing}>
              {standing} ({amount})
            </option>
          ))}
        </select>
      </label>
      <label class="narrow-only">
        <span class="visually-hidden">Order</span>
        <select
          value={wish.sort}
          onChange={(event) => {
            const sort = event.currentTarget.value as SortKey;
            onChange({ ...wish, sort, isDescending: isLargestFirst(sort) });
          }}
        >
          <option value="order">in the pool's order</option>
          {HEADS.map(({ name, sort }) =>
            sort === null ? null : (
              <option key={sort} value={sort}>
                by {name.toLowerCase()}
              </option>
            ),
          )}
        </select>
      </label>
      <p class="quiet" role="status">
        {shown === pool.endpoints.length ? "" : `${shown} of ${pool.endpoints.length}`}
      </p>
    </search>
  );
}

interface HeadCellProps {
  head: (typeof HEADS)[number];
  wish: Selection;
  onChange: (wish: Selection) => void;
}

function HeadCell({ head, wish, onChange }: HeadCellProps) {
  const { name, sort } = head;
  const isSorted = sort !== null && wish.sort === sort;
  const order = isSorted ? (wish.isDescending ? "descending" : "ascending") : undefined;
  return (
    <div class={`cell ${head.class}`} role="columnheader" aria-sort={order}>
      {sort === null ? (
        name
      ) : (
        <button type="button" class="sort" onClick={() => onChange(nextSort(wish, sort))}>
          {name}
          {isSorted && <Icon name={wish.isDescending ? "down" : "up"} />}
        </button>
      )}
    </div>
  );
}

/** First press: the order one looks for; second: the reverse; third: the pool's own order. */
function nextSort(wish: Selection, sort: SortKey): Selection {
  const first = isLargestFirst(sort);
  if (wish.sort !== sort) return { ...wish, sort, isDescending: first };
  if (wish.isDescending === first) return { ...wish, isDescending: !first };
  return { ...wish, sort: "order", isDescending: false };
}

function isLargestFirst(sort: SortKey): boolean {
  return sort !== "name" && sort !== "order";
}
