// Says at once when what is shown is no longer what is.

import { useEffect, useState } from "preact/hooks";
import { moment } from "../logic/format";
import { retryNow, state, status } from "../state/live";
import { Button } from "../ui/button";
import { Glyph } from "../ui/glyph";

export function Banner() {
  const current = status.value;
  const version = state.value?.version;
  const [firstVersion, setFirstVersion] = useState<string | null>(null);
  useEffect(() => {
    if (version && firstVersion === null) setFirstVersion(version);
  }, [version, firstVersion]);
  return (
    <div role="alert">
      {current.kind === "missing" && (
        <div class="banner bad">
          <Glyph name="unhealthy" />
          <p>
            <strong>This is no Roundel with a management API,</strong> or an older one than this page.
          </p>
        </div>
      )}
      {(current.kind === "late" || current.kind === "lost") && (
        <div class="banner bad">
          <Glyph name="unhealthy" />
          <p>
            <strong>{current.kind === "late" ? "No news from Roundel." : "Roundel does not answer."}</strong>{" "}
            {state.value ? `What you see is of ${moment(state.value.now)}.` : "Nothing is known yet."}{" "}
            {current.kind === "lost" && "Trying again by itself."}
          </p>
          <Button icon="restart" onClick={retryNow}>
            Try now
          </Button>
        </div>
      )}
      {current.kind === "live" && state.value?.phase === "draining" && (
        <div class="banner fair">
          <Glyph name="draining" />
          <p>
            <strong>Roundel is stopping.</strong> It finishes the requests it has.
          </p>
        </div>
      )}
      {current.kind === "live" && firstVersion !== null && version !== firstVersion && (
        <div class="banner fair">
          <Glyph name="info" />
          <p>
            <strong>Roundel is version {version} now.</strong> This page came from version {firstVersion}.
          </p>
          <Button icon="restart" onClick={() => location.reload()}>
            Reload the page
          </Button>
        </div>
      )}
    </div>
  );
}
