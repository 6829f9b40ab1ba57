// The instances of an app as a table.

import type { App, Instance } from "../../api/types";
import { bytes, secondsBetween, span } from "../../logic/format";
import { linkTo } from "../../logic/route";
import { now } from "../../state/live";
import { place } from "../../state/place";
import { Ago } from "../../ui/ago";
import { Empty } from "../../ui/empty";
import { Mark } from "../../ui/glyph";
import { InstanceActions } from "./verbs";

export function InstanceTable({ app }: { app: App }) {
  if (app.instances.length === 0) {
    return (
      <Empty title="No instances">
        {app.is_autoscaled ? "The next request starts one, or scale the app up." : "Scale the app up."}
      </Empty>
    );
  }
  return (
    <div class="instances">
      <table>
        <thead>
          <tr>
            <th scope="col">Instance</th>
            <th scope="col">State</th>
            <th scope="col">Process</th>
            <th scope="col" class="usage">
              Uptime
            </th>
            <th scope="col" class="usage">
              CPU
            </th>
            <th scope="col" class="usage">
              Memory
            </th>
            <th scope="col">Restarts</th>
            <th scope="col">Last exit</th>
            <th scope="col" class="verbs">
              Actions
            </th>
          </tr>
        </thead>
        <tbody>
          {app.instances.map((it) => (
            <InstanceRow key={it.name} app={app.name} instance={it} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function InstanceRow({ app, instance }: { app: string; instance: Instance }) {
  const { name, state, reason, pid, address, started_at, cpu_percent, memory_bytes, restarts, last_exit } =
    instance;
  const isChosen = place.value.path[0] === app && place.value.path[1] === name;
  return (
    <tr class={isChosen ? "chosen" : ""}>
      <th scope="row">
        <a class="title" href={linkTo("apps", [app, name])}>
          {name}
        </a>
        <span class="note">{address}</span>
      </th>
      <td data-label="State">
        <Mark name={state} />
        {reason && (
          <span class="note" title={reason}>
            <span>{reason}</span>
          </span>
        )}
      </td>
      <td data-label="Process">{pid === null ? "–" : pid}</td>
      <td class="usage" data-label="Uptime">
        {started_at === null ? "–" : span(secondsBetween(started_at, now.value))}
      </td>
      <td class="usage" data-label="CPU">
        {cpu_percent === null ? "–" : `${cpu_percent.toFixed(1)}\u202f%`}
      </td>
      <td class="usage" data-label="Memory">
        {memory_bytes === null ? "–" : bytes(memory_bytes)}
      </td>
      <td data-label="Restarts">{restarts}</td>
      <td data-label="Last exit">
        {last_exit === null ? (
          "–"
        ) : (
          <>
            {last_exit.status}
            <span class="note">
              <Ago at={last_exit.at} />
            </span>
          </>
        )}
      </td>
      <td class="verbs">
        <InstanceActions app={app} instance={instance} />
      </td>
    </tr>
  );
}
