// Who this is and how it is: emblem, ways to the views, phase, version, uptime and connection.

import type { JSX } from "preact";
import { secondsBetween, span } from "../logic/format";
import { linkTo, type ViewName } from "../logic/route";
import { now, state, status } from "../state/live";
import { place } from "../state/place";
import { nextTheme, theme } from "../state/preferences";
import { Button } from "../ui/button";
import { type GlyphName, Mark } from "../ui/glyph";
import { Emblem, Icon, type IconName } from "../ui/icon";
import { isHelpOpen } from "./help";

const VIEWS: readonly [ViewName, string, IconName][] = [
  ["overview", "Overview", "overview"],
  ["pools", "Pools", "pools"],
  ["apps", "Apps", "apps"],
  ["requests", "Requests", "requests"],
  ["config", "Config", "config"],
];

export function Header() {
  return (
    <header class="top">
      <a class="brand" href={linkTo("overview")}>
        <Emblem />
        <span>Roundel</span>
      </a>
      <nav aria-label="Views">
        {VIEWS.map(([view, title, icon]) => (
          <a key={view} href={linkTo(view)} aria-current={place.value.view === view ? "page" : undefined}>
            <Icon name={icon} />
            <span>{title}</span>
          </a>
        ))}
      </nav>
      <div class="about">
        <Connection />
        <Process />
      </div>
      <div class="tools">
        <ThemeButton />
        <Button
          icon="help"
          tone="ghost"
          label="Help and shortcuts"
          keys="?"
          onClick={() => {
            isHelpOpen.value = true;
          }}
        />
      </div>
    </header>
  );
}

/** One sign for two questions: does it answer, and is it ready? */
function Connection(): JSX.Element {
  const { kind } = status.value;
  const phase = state.value?.phase;
  if (kind === "live" && phase) {
    const glyph: GlyphName = phase === "ready" ? "ready" : phase;
    return <Mark name={glyph} text={phase} title="Connected; this is Roundel's phase" />;
  }
  if (kind === "unauthorized") return <Mark name="disabled" text="locked" />;
  if (kind === "connecting" || kind === "live") return <Mark name="starting" text="connecting" />;
  return <Mark name="unhealthy" text={kind === "late" ? "no news" : "not reached"} />;
}

function Process() {
  const current = state.value;
  if (!current) return null;
  return (
    <>
      <span class="detail">v{current.version}</span>
      <span class="detail">up {span(secondsBetween(current.started_at, now.value))}</span>
    </>
  );
}

function ThemeButton() {
  const names = { system: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" } as const;
  const icons = { system: "auto", light: "sun", dark: "moon" } as const;
  return (
    <Button icon={icons[theme.value]} tone="ghost" label={names[theme.value]} keys="t" onClick={nextTheme} />
  );
}
