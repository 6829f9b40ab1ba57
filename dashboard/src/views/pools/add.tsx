// Adds an endpoint to a pool while Roundel runs.

import { useState } from "preact/hooks";
import { addEndpoint, busy, type NewEndpoint } from "../../state/actions";
import { Button } from "../../ui/button";

export function AddEndpoint({ pool }: { pool: string }) {
  const [isOpen, setOpen] = useState(false);
  const [address, setAddress] = useState("");
  const [name, setName] = useState("");
  const [weight, setWeight] = useState("1");
  const [isBackup, setBackup] = useState(false);
  if (!isOpen) {
    return (
      <Button icon="plus" onClick={() => setOpen(true)}>
        Add endpoint
      </Button>
    );
  }
  const submit = async (): Promise<void> => {
    const wanted: NewEndpoint = { address: address.trim(), weight: Number(weight), backup: isBackup };
    if (name.trim() !== "") wanted.name = name.trim();
    if (await addEndpoint(pool, wanted)) {
      setAddress("");
      setName("");
      setOpen(false);
    }
  };
  return (
    <form
      class="add"
      aria-label={`Add an endpoint to ${pool}`}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") setOpen(false);
      }}
    >
      <label>
        Address
        <input
          required
          placeholder="127.0.0.1:5007"
          value={address}
          autofocus
          onInput={(event) => setAddress(event.currentTarget.value)}
        />
      </label>
      <label>
        Name
        <input
          placeholder="as the address"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="short">
        Weight
        <input
          inputMode="numeric"
          pattern="[0-9]+"
          value={weight}
          onInput={(event) => setWeight(event.currentTarget.value)}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={isBackup}
          onChange={(event) => setBackup(event.currentTarget.checked)}
        />
        Backup
      </label>
      <button type="submit" class="button main" aria-disabled={busy.value.has(`add ${pool}`) || undefined}>
        <span>Add</span>
      </button>
      <Button tone="ghost" onClick={() => setOpen(false)}>
        Cancel
      </Button>
    </form>
  );
}
