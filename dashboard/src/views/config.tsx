// The configuration: what runs and where it came from, the operator's overlay, a check of a text,
// and the log of what was done.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { json } from "../api/client";
import type { Config, State } from "../api/types";
import { linkTo } from "../logic/route";
import { reasonOf } from "../state/actions";
import { place } from "../state/place";
import { AuditLog } from "./config/audit";
import { Check } from "./config/check";
import { Overlay } from "./config/overlay";
import { Running } from "./config/running";

const TABS = [
  ["running", "Running"],
  ["overlay", "Overlay"],
  ["check", "Check"],
  ["audit", "Audit log"],
] as const;

const config = signal<Config | null>(null);
const trouble = signal<string | null>(null);

export function Configuration({ state }: { state: State }) {
  const tab = TABS.find(([key]) => key === place.value.path[0])?.[0] ?? "running";
  const { generation, has_overlay, started_at } = state;
  const version = [generation, has_overlay, started_at].join();
  // Fetched when there is another one in force, which the state tells.
  useEffect(() => {
    if (version === "") return;
    json<Config>("/config").then(
      (next) => {
        config.value = next;
        trouble.value = null;
      },
      (error: unknown) => {
        trouble.value = reasonOf(error);
      },
    );
  }, [version]);
  return (
    <div class="list">
      <nav class="chips" aria-label="Configuration">
        {TABS.map(([key, title]) => (
          <a key={key} href={linkTo("config", [key])} aria-current={tab === key ? "true" : undefined}>
            {title}
            {key === "overlay" && has_overlay && <span class="visually-hidden"> (there are changes)</span>}
            {key === "overlay" && has_overlay && <span class="dot" aria-hidden="true" />}
          </a>
        ))}
      </nav>
      {trouble.value !== null && <p class="mistake">{trouble.value}</p>}
      {tab === "running" && <Running state={state} config={config.value} />}
      {tab === "overlay" && <Overlay state={state} config={config.value} />}
      {tab === "check" && <Check />}
      {tab === "audit" && <AuditLog />}
    </div>
  );
}
