// The programs that Roundel runs: their instances, their number, and why it changed.

import type { App, Decision, State } from "../api/types";
import { compact, plural } from "../logic/format";
import { linkTo } from "../logic/route";
import { restartApp } from "../state/actions";
import { go, place } from "../state/place";
import { Ago } from "../ui/ago";
import { ConfirmButton } from "../ui/button";
import { Drawer } from "../ui/drawer";
import { Empty } from "../ui/empty";
import { Mark } from "../ui/glyph";
import { InstanceDetails } from "./apps/details";
import { InstanceTable } from "./apps/instances";
import { RolloutProgress } from "./apps/rollout";
import { Scale } from "./apps/scale";

export function Apps({ state }: { state: State }) {
  const [appName, instanceName] = place.value.path;
  if (state.apps.length === 0) {
    return (
      <Empty title="No apps">
        Roundel can start, stop and scale programs itself: give it an <code>[app.NAME]</code> with a command.
      </Empty>
    );
  }
  const chosen = state.apps.find((app) => app.name === appName);
  const instance = chosen?.instances.find((it) => it.name === instanceName);
  return (
    <div class={instance ? "with-drawer" : ""}>
      <div class="list">
        {appName !== undefined && !chosen && <p class="mistake">There is no app {appName}.</p>}
        {instanceName !== undefined && chosen && !instance && (
          <p class="mistake">
            {instanceName} is not an instance of {chosen.name} any more.
          </p>
        )}
        {(chosen ? [chosen] : state.apps).map((app) => (
          <AppCard key={app.name} app={app} />
        ))}
        {chosen && state.apps.length > 1 && <a href={linkTo("apps")}>All apps</a>}
      </div>
      {chosen && instance && (
        <Drawer
          kind={`Instance of ${chosen.name}`}
          title={instance.name}
          onClose={() => go("apps", state.apps.length > 1 ? [chosen.name] : [])}
        >
          <InstanceDetails app={chosen.name} instance={instance} />
        </Drawer>
      )}
    </div>
  );
}

function AppCard({ app }: { app: App }) {
  const ready = app.instances.filter((it) => it.state === "ready").length;
  const failed = app.instances.filter((it) => it.state === "failed").length;
  const isAsleep = app.is_autoscaled && app.instances_wanted === 0 && app.instances.length === 0;
  const glyph = failed > 0 ? "failed" : ready === app.instances_wanted ? "ready" : "starting";
  return (
    <section class="card pool app" aria-label={`App ${app.name}`}>
      <header>
        <div class="what">
          <h2>{app.name}</h2>
          <p>
            {isAsleep ? (
              <Mark name="asleep" text="Asleep: the next request starts an instance" />
            ) : (
              <Mark name={glyph} text={`${ready} of ${plural(app.instances_wanted, "instance")} ready`} />
            )}
            {failed > 0 && <span class="bad">, {failed} failed</span>}
          </p>
          <p class="quiet">
            feeds pool <a href={linkTo("pools", [app.pool])}>{app.pool}</a> ·{" "}
            <code>{app.command.join(" ")}</code>
          </p>
        </div>
        <Scale app={app} />
        <ConfirmButton
          icon="restart"
          question={`Restart ${app.name}, one instance after the other?`}
          confirm="Restart"
          isDisabled={app.rollout?.state === "running"}
          onClick={() => void restartApp(app.name)}
        >
          Rolling restart
        </ConfirmButton>
      </header>
      {app.rollout && <RolloutProgress rollout={app.rollout} />}
      <InstanceTable app={app} />
      {(app.is_autoscaled || app.decisions.length > 0) && <Decisions app={app} />}
    </section>
  );
}

function Decisions({ app }: { app: App }) {
  return (
    <section class="decisions" aria-label={`Scaling decisions of ${app.name}`}>
      <h3>
        Scaling decisions
        {app.autoscale && (
          <small>
            {" "}
            target: {app.autoscale.metric.replace("_", " ")} {compact(app.autoscale.target)}, {app.min} to{" "}
            {app.max} instances
          </small>
        )}
      </h3>
      {app.decisions.length === 0 ? (
        <p class="quiet">None yet: the load fits the instances.</p>
      ) : (
        <ol>
          {app.decisions.map((decision) => (
            <DecisionLine key={`${decision.at}${decision.to}`} decision={decision} />
          ))}
        </ol>
      )}
    </section>
  );
}

function DecisionLine({ decision }: { decision: Decision }) {
  const { from, to, reason, inputs, at } = decision;
  return (
    <li>
      <b class="step">
        {from} <span aria-hidden="true">→</span>
        <span class="visually-hidden"> to </span> {to}
      </b>
      <p>
        {reason}
        <span class="inputs">
          {Object.entries(inputs).map(([name, value]) => (
            <span key={name}>
              {name.replaceAll("_", " ")} <b>{compact(value)}</b>
            </span>
          ))}
        </span>
      </p>
      <Ago at={at} />
    </li>
  );
}
