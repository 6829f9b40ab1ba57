// Asks for the token where Roundel wants one. It is kept for this tab only.

import { useState } from "preact/hooks";
import { token } from "../api/client";
import { retryNow } from "../state/live";

export function TokenPrompt() {
  const [text, setText] = useState("");
  const wasRefused = token.get() !== null;
  return (
    <form
      class="card token"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() === "") return;
        token.set(text.trim());
        retryNow();
      }}
    >
      <h2>This Roundel asks for a token</h2>
      <p>
        It is in the file that <code>token_file</code> in <code>[admin]</code> names. This tab keeps it until
        it is closed.
      </p>
      <label>
        Token
        <input
          type="password"
          autocomplete="off"
          value={text}
          aria-invalid={wasRefused}
          aria-describedby={wasRefused ? "token-refused" : undefined}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {wasRefused && (
        <p id="token-refused" class="mistake">
          The token was refused.
        </p>
      )}
      <button type="submit" class="button main">
        <span>Open</span>
      </button>
    </form>
  );
}
