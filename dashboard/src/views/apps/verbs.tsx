// What can be done to an instance: what makes sense in its state.

import type { Instance } from "../../api/types";
import { instance as act, busy, instanceKey } from "../../state/actions";
import { Button, ConfirmButton } from "../../ui/button";

export function InstanceActions({ app, instance }: { app: string; instance: Instance }) {
  const { name, pid, state } = instance;
  const isBusy = busy.value.has(instanceKey(app, name));
  if (pid === null) {
    return (
      <div class="verb-row">
        <Button
          icon="play"
          label={`Start ${name}`}
          isDisabled={isBusy || state === "starting"}
          onClick={() => void act(app, name, "start")}
        >
          Start
        </Button>
      </div>
    );
  }
  return (
    <div class="verb-row">
      <Button
        icon="restart"
        label={`Restart ${name}`}
        isDisabled={isBusy}
        onClick={() => void act(app, name, "restart")}
      />
      <Button
        icon="stop"
        label={`Stop ${name}`}
        title="Stop: finishes its requests, then ends"
        isDisabled={isBusy || state === "stopping" || state === "draining"}
        onClick={() => void act(app, name, "stop")}
      >
        Stop
      </Button>
      <ConfirmButton
        tone="danger"
        icon="kill"
        label={`Kill ${name}`}
        title="Kill: ends it at once, as a crash would"
        question={`Kill ${name} at once?`}
        confirm="Kill"
        isDisabled={isBusy}
        onClick={() => void act(app, name, "kill")}
      >
        Kill
      </ConfirmButton>
    </div>
  );
}
