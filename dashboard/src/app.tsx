// The frame around every view: header, notices, and the view of the place.

import { useEffect } from "preact/hooks";
import { Banner } from "./shell/banner";
import { Header } from "./shell/header";
import { Help } from "./shell/help";
import { useShortcuts } from "./shell/shortcuts";
import { TokenPrompt } from "./shell/token";
import { isCurrent, state, status } from "./state/live";
import { place } from "./state/place";
import { Toaster } from "./ui/toaster";
import { Apps } from "./views/apps";
import { Configuration } from "./views/config";
import { Overview } from "./views/overview";
import { Pools } from "./views/pools";
import { Requests } from "./views/requests";

const TITLES = {
  overview: "Overview",
  pools: "Pools",
  apps: "Apps",
  requests: "Requests",
  config: "Configuration",
} as const;

export function App() {
  useShortcuts();
  const { view } = place.value;
  useEffect(() => {
    document.title = `${TITLES[view]} · Roundel`;
  }, [view]);
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // The fragment is the page's place, so the jump is made by hand.
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to content
      </a>
      <Header />
      <Banner />
      <main id="main" tabIndex={-1} class={isCurrent.value ? "" : "stale"} aria-label={TITLES[view]}>
        <h1 class="visually-hidden">{TITLES[view]}</h1>
        <View />
      </main>
      <Toaster />
      <Help />
    </>
  );
}

function View() {
  if (status.value.kind === "unauthorized") return <TokenPrompt />;
  const current = state.value;
  if (current === null) return <p class="loading">Asking Roundel for its state …</p>;
  switch (place.value.view) {
    case "overview":
      return <Overview state={current} />;
    case "pools":
      return <Pools state={current} />;
    case "apps":
      return <Apps state={current} />;
    case "requests":
      return <Requests state={current} />;
    case "config":
      return <Configuration state={current} />;
  }
}
