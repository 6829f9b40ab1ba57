// The dashboard: shows what this Roundel does, and acts on it. It talks to nobody else.

import "uplot/dist/uPlot.min.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/shell.css";
import "./style/views.css";
import { render } from "preact";
import { App } from "./app";
import { follow } from "./state/live";
import { followAddress } from "./state/place";
import { applyPreferences } from "./state/preferences";

applyPreferences();
followAddress();
follow();
const root = document.getElementById("root");
if (root) render(<App />, root);
